"""The two sessions: they carry out steps, one blocking, one awaiting, and decide nothing."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any, Self

import httpx2
from msgspec.structs import replace

from ringback.clients.connections import Verify, client_settings, headers_of
from ringback.clients.errors import Answer, UsageError
from ringback.clients.hosts import Hosts
from ringback.clients.model import CDR
from ringback.clients.pace import Pace
from ringback.clients.steps import Ask, Broken, GetToken, Options, Outcome, Records, Steps, Wait
from ringback.clients.tokens import GivenTokens, Refresh, TokenSource

_LARGEST_BUFFER = 64 * 1024 * 1024
"""Made at once at most, whatever an answer says of its length; it grows if the body is really longer."""


class Session:
    """What both sessions have: the token, the pace, the hosts, the options.

    Attributes:
        options: how windows are read.
        pace: the rate that all reading of this session keeps to.
        hosts: where the token may be sent, and what was learned from 451.
    """

    def __init__(
        self,
        *,
        tokens: GivenTokens,
        refresh: Refresh | None,
        retry_429: bool,
        pace: Pace | None,
        options: Options | None,
    ) -> None:
        options = options or Options()
        self.options = options if retry_429 else replace(options, retries=replace(options.retries, too_many=False))
        self.pace = pace or Pace()
        self.hosts = Hosts(self.options.known_hosts, allow_http=self.options.allow_http)
        self._source = TokenSource(tokens, refresh)
        if (given := self._source.in_hand()) is not None:
            self._source.keep(given)  # to be told of a wrong one now

    @property
    def access_token(self) -> str | None:
        """The token that the next request gets; None if a function has yet to give it."""
        return self._source.in_hand()


class RestSession(Session):
    """Reads one page after the other, blocking. Safe to use from several threads, which then share its pace.

    Args:
        tokens: a token; or an object with the attribute `access_token`, or a function that gives one, called again when
            it is refused; or None to take it from the environment variable WEBEX_ACCESS_TOKEN.
        concurrent_requests: connections at most.
        retry_429: whether to wait and try again after 429.
        proxy_url: of an HTTP proxy.
        verify: as in `wxc_sdk`: False, a file or directory of certificates, or an SSL context.
        refresh: gets a token that was refused and gives a new one.
        pace: the rate to keep to; None for the documented one. See `Pace`.
        options: how windows are read.
        client: an `httpx2.Client` to use instead of one of its own; it is not closed with the session.
        sleep: waits for some seconds.

    Raises:
        UsageError: there is no token.
    """

    def __init__(
        self,
        *,
        tokens: GivenTokens = None,
        concurrent_requests: int = 10,
        retry_429: bool = True,
        proxy_url: str | None = None,
        verify: Verify | None = None,
        refresh: Refresh | None = None,
        pace: Pace | None = None,
        options: Options | None = None,
        client: httpx2.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(tokens=tokens, refresh=refresh, retry_429=retry_429, pace=pace, options=options)
        self._owned = client is None
        self._client = client or httpx2.Client(**_client_settings(self.options, concurrent_requests, proxy_url, verify))
        self._sleep = sleep
        self._renewing = threading.Lock()

    def run(self, steps: Steps) -> Generator[list[CDR], None, None]:
        """Carry out the steps; gives the records among them, some at a time."""
        result: Outcome | str | None = None
        try:
            while True:
                try:
                    step = steps.send(result)
                except StopIteration:
                    return
                result = None
                if isinstance(step, Records):
                    yield step.records
                elif isinstance(step, Ask):
                    result = self._ask(step)
                elif isinstance(step, Wait):
                    self._sleep(step.seconds)
                else:
                    result = self._token(step)
        finally:
            steps.close()

    def _ask(self, ask: Ask) -> Outcome:
        until = self.options.timer() + self.options.answer_timeout
        try:
            with self._client.stream("GET", ask.url, headers=ask.headers, follow_redirects=False) as response:
                body = _Body(response)
                for chunk in response.iter_bytes():
                    body.add(_in_time(chunk, self.options, until))
                return _answer(response, body.whole())
        except httpx2.RequestError as error:
            return Broken(error)

    def _token(self, step: GetToken) -> str:
        with self._renewing:  # one thread renews, the others get what it got
            if (token := self._source.in_hand(step.refused)) is not None:
                return token
            another = self._source.another(step.refused)
            if inspect.isawaitable(another):
                if inspect.iscoroutine(another):
                    another.close()
                raise UsageError("a function that must be awaited gives the token; use the asynchronous API with it")
            return self._source.keep(another)

    def close(self) -> None:
        """Give back the connections."""
        if self._owned:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsRestSession(Session):
    """The same for asyncio. Functions for the token may be coroutine functions.

    Args:
        ssl: as in `wxc_sdk`: False, or an SSL context; the others are those of `RestSession`.
        client: an `httpx2.AsyncClient`.
        sleep: waits for some seconds when awaited.

    Raises:
        UsageError: there is no token.
    """

    def __init__(
        self,
        *,
        tokens: GivenTokens = None,
        concurrent_requests: int = 10,
        retry_429: bool = True,
        proxy_url: str | None = None,
        ssl: Verify | None = None,
        refresh: Refresh | None = None,
        pace: Pace | None = None,
        options: Options | None = None,
        client: httpx2.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(tokens=tokens, refresh=refresh, retry_429=retry_429, pace=pace, options=options)
        self._owned = client is None
        self._client = client or httpx2.AsyncClient(
            **_client_settings(self.options, concurrent_requests, proxy_url, ssl)
        )
        self._sleep = sleep
        self._renewing = asyncio.Lock()

    async def run(self, steps: Steps) -> AsyncGenerator[list[CDR], None]:
        """Carry out the steps; gives the records among them, some at a time."""
        result: Outcome | str | None = None
        try:
            while True:
                try:
                    step = steps.send(result)
                except StopIteration:
                    return
                result = None
                if isinstance(step, Records):
                    yield step.records
                elif isinstance(step, Ask):
                    result = await self._ask(step)
                elif isinstance(step, Wait):
                    await self._sleep(step.seconds)
                else:
                    result = await self._token(step)
        finally:
            steps.close()

    async def _ask(self, ask: Ask) -> Outcome:
        until = self.options.timer() + self.options.answer_timeout
        try:
            async with self._client.stream("GET", ask.url, headers=ask.headers, follow_redirects=False) as response:
                body = _Body(response)
                async for chunk in response.aiter_bytes():
                    body.add(_in_time(chunk, self.options, until))
                return _answer(response, body.whole())
        except httpx2.RequestError as error:
            return Broken(error)

    async def _token(self, step: GetToken) -> str:
        async with self._renewing:
            if (token := self._source.in_hand(step.refused)) is not None:
                return token
            another = self._source.another(step.refused)
            return self._source.keep(await another if inspect.isawaitable(another) else another)

    async def close(self) -> None:
        """Give back the connections."""
        if self._owned:
            await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _client_settings(
    options: Options, connections: int, proxy_url: str | None, verify: Verify | None
) -> dict[str, Any]:
    limits = httpx2.Limits(max_connections=connections)
    return {**client_settings(options, verify), "limits": limits, "proxy": proxy_url}


class _Body:
    """Gathers a body in a buffer that is as long as the answer says from the start.

    Letting a buffer grow, while the pages before it are still in memory, takes as long as taking the page apart.
    """

    def __init__(self, response: httpx2.Response) -> None:
        told = response.headers.get("content-length", "")
        known = told.isdecimal() and "content-encoding" not in response.headers
        self._buffer = bytearray(min(int(told), _LARGEST_BUFFER) if known else 0)
        self._end = 0

    def add(self, chunk: bytes) -> None:
        end = self._end + len(chunk)
        self._buffer[self._end : end] = chunk
        self._end = end

    def whole(self) -> bytearray:
        del self._buffer[self._end :]
        return self._buffer


def _in_time(chunk: bytes, options: Options, until: float) -> bytes:
    # The timeouts of the HTTP library are for each read; an answer that trickles would never end.
    if options.timer() > until:
        raise httpx2.ReadTimeout(f"the answer was not whole after {options.answer_timeout:g} seconds")
    return chunk


def _answer(response: httpx2.Response, body: bytearray) -> Answer:
    # A page stays in the buffer it was gathered in: copying it takes longer than taking it apart does.
    return Answer(response.status_code, headers_of(response), body if response.status_code == 200 else bytes(body))
