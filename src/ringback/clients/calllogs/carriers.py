"""The two carriers: they carry steps out, one blocking, one awaiting, and decide nothing."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from ringback.clients.calllogs.access import Access
from ringback.clients.calllogs.options import CallLogsOptions
from ringback.clients.calllogs.steps import GetToken, Resolve, Send, Steps, T, TooLarge
from ringback.clients.connections import Verify, client_settings, headers_of
from ringback.clients.errors import Answer, UsageError
from ringback.clients.steps import Broken, Outcome, Wait


class Carrier:
    """Carries steps out, blocking. Safe to use from several threads.

    Args:
        verify: see `CallLogsClient`, as for `client` and `sleep`.
    """

    def __init__(
        self,
        access: Access,
        options: CallLogsOptions,
        verify: Verify,
        client: httpx2.Client | None,
        sleep: Callable[[float], None],
    ) -> None:
        self._access = access
        self._options = options
        self._owned = client is None
        self._client = client or httpx2.Client(**client_settings(options, verify))
        self._sleep = sleep
        self._renewing = threading.Lock()

    def run(self, steps: Steps[T]) -> T:
        """The result of these steps."""
        result: Outcome | str | None = None
        try:
            while True:
                try:
                    step = steps.send(result)
                except StopIteration as end:
                    value: T = end.value
                    return value
                result = None
                if isinstance(step, Send):
                    result = self._send(step)
                elif isinstance(step, Wait):
                    self._sleep(step.seconds)
                elif isinstance(step, GetToken):
                    with self._renewing:  # one thread renews, the others get what it got
                        result = self.run(self._access.token(step))
                else:
                    result = self._resolve(step)
        finally:
            steps.close()

    def _send(self, step: Send) -> Outcome:
        if self._client.is_closed:
            raise UsageError("the client is closed")
        try:
            with self._client.stream(**_arguments(step)) as response:
                body = _Body(response, self._options)
                for chunk in response.iter_bytes():
                    body.add(chunk)
                return body.answer()
        except (httpx2.RequestError, TooLarge) as error:
            return Broken(error)

    def _resolve(self, step: Resolve) -> str:
        if inspect.isawaitable(step.token):
            if inspect.iscoroutine(step.token):
                step.token.close()
            raise UsageError("a function that must be awaited gives the token; use AsyncCallLogsClient with it")
        return step.token

    def close(self) -> None:
        """Give back the connections."""
        if self._owned:
            self._client.close()


class AsyncCarrier:
    """The same for asyncio. Functions for the token may be coroutine functions."""

    def __init__(
        self,
        access: Access,
        options: CallLogsOptions,
        verify: Verify,
        client: httpx2.AsyncClient | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._access = access
        self._options = options
        self._owned = client is None
        self._client = client or httpx2.AsyncClient(**client_settings(options, verify))
        self._sleep = sleep
        self._renewing = asyncio.Lock()

    async def run(self, steps: Steps[T]) -> T:
        """The result of these steps."""
        result: Outcome | str | None = None
        try:
            while True:
                try:
                    step = steps.send(result)
                except StopIteration as end:
                    value: T = end.value
                    return value
                result = None
                if isinstance(step, Send):
                    result = await self._send(step)
                elif isinstance(step, Wait):
                    await self._sleep(step.seconds)
                elif isinstance(step, GetToken):
                    async with self._renewing:
                        result = await self.run(self._access.token(step))
                else:
                    result = await step.token if inspect.isawaitable(step.token) else step.token
        finally:
            steps.close()

    async def _send(self, step: Send) -> Outcome:
        if self._client.is_closed:
            raise UsageError("the client is closed")
        try:
            async with self._client.stream(**_arguments(step)) as response:
                body = _Body(response, self._options)
                async for chunk in response.aiter_bytes():
                    body.add(chunk)
                return body.answer()
        except (httpx2.RequestError, TooLarge) as error:
            return Broken(error)

    async def close(self) -> None:
        """Give back the connections."""
        if self._owned:
            await self._client.aclose()


class _Body:
    """Gathers a body, in time and up to the largest size that is allowed."""

    def __init__(self, response: httpx2.Response, options: CallLogsOptions) -> None:
        self._response = response
        self._options = options
        self._until = options.timer() + options.answer_timeout
        self._bytes = bytearray()

    def add(self, chunk: bytes) -> None:
        # The timeouts of the HTTP library are for each read; an answer that trickles would never end.
        if self._options.timer() > self._until:
            raise httpx2.ReadTimeout(f"the answer was not whole after {self._options.answer_timeout:g} seconds")
        self._bytes += chunk
        if len(self._bytes) > self._options.largest_answer:
            raise TooLarge(f"larger than {self._options.largest_answer} bytes")

    def answer(self) -> Answer:
        return Answer(self._response.status_code, headers_of(self._response), bytes(self._bytes))


def _arguments(step: Send) -> dict[str, Any]:
    request = step.request
    headers = {"accept": "application/json"} | dict(request.headers)
    if step.token is not None:
        headers["authorization"] = f"Bearer {step.token}"
    return {
        "method": request.method,
        "url": request.url,
        "headers": headers,
        "content": request.body,
        "follow_redirects": False,  # the token would go along
    }
