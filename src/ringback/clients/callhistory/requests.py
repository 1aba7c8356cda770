"""The requests of the client. What fails is a reply without a status, not an exception."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

import httpx2
import msgspec

import ringback
from ringback.clients.callhistory.access import Access
from ringback.clients.callhistory.errors import NoToken
from ringback.clients.callhistory.options import HistoryOptions
from ringback.clients.errors import UsageError

logger = logging.getLogger("ringback.history")


class Reply(msgspec.Struct, frozen=True):
    """What came of a request.

    Attributes:
        status: the HTTP status; None if no whole answer came.
        body: of the answer.
    """

    status: int | None = None
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return self.status is not None and 200 <= self.status < 300


class Requests:
    """Makes requests with the token of the user.

    Args:
        client: to use instead of one of its own; it is not closed with this object.

    Raises (every request):
        UsageError: this object is closed, or that client is.
    """

    def __init__(self, access: Access, options: HistoryOptions, client: httpx2.AsyncClient | None) -> None:
        self._access = access
        self._options = options
        self._owned = client is None
        self._closed = False
        self._client = client or httpx2.AsyncClient(
            headers={"user-agent": f"ringback/{ringback.__version__}"},
            timeout=httpx2.Timeout(options.answer_timeout, connect=options.connect_timeout),
        )

    async def get(self, url: httpx2.URL) -> Reply:
        """A GET request, made again once if the token was refused and there is another."""
        token = await self._token()
        reply = await self._send("GET", url, token)
        if reply.status == 401 and (another := await self._token(refused=token)) not in (None, token):
            return await self._send("GET", url, another)
        return reply

    async def post(self, url: httpx2.URL, body: bytes) -> Reply:
        """A POST request of JSON. It is made once, as in the SDK: a second one is for the program to decide."""
        return await self._send("POST", url, await self._token(), body)

    async def close(self) -> None:
        """Give back the connections."""
        self._closed = True
        if self._owned:
            await self._client.aclose()

    async def _token(self, refused: str | None = None) -> str | None:
        try:
            return await self._access.token(refused)
        except NoToken as error:
            logger.warning("%s", error)
            return None

    async def _send(self, method: str, url: httpx2.URL, token: str | None, body: bytes | None = None) -> Reply:
        if self._closed or self._client.is_closed:
            raise UsageError("the client is closed")
        if token is None:
            return Reply()
        headers = {"authorization": f"Bearer {token}", "trackingid": f"RINGBACK_{uuid.uuid4()}"}
        if body is not None:
            headers["content-type"] = "application/json"
        try:
            async with asyncio.timeout(self._options.answer_timeout):
                # Not to where a redirect leads: the token would go along.
                answer = await self._client.request(method, url, content=body, headers=headers, follow_redirects=False)
        except (httpx2.RequestError, TimeoutError) as error:
            logger.warning("no answer to %s %s: %s", method, url.path, _name(error))
            return Reply()
        return Reply(answer.status_code, answer.content)


def decode(text: bytes | str) -> Any:
    """What a JSON text says; None if it says null, or is no JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
