"""The WebSocket: one connection after the other, as long as coming back makes sense.

The protocol is what the published client does: it shows its token in a first message and not in a header, acknowledges
every message that has an id, and sends pings of its own.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any, Protocol

import httpx2
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

import ringback
from ringback.clients.callhistory.access import Access
from ringback.clients.callhistory.errors import ConnectionEnded, NoToken
from ringback.clients.callhistory.options import HistoryOptions
from ringback.clients.callhistory.requests import decode
from ringback.records.values import to_milliseconds

logger = logging.getLogger("ringback.history")

# The library's own log has whole messages, and with them the token.
_silent = logging.Logger("ringback.history.frames")
_silent.disabled = True

_READY = frozenset({"mercury.buffer_state", "mercury.registration_status"})
_BAD_REQUEST, _NOT_AUTHORIZED, _FORBIDDEN = 4400, 4401, 4403
_FINAL = {
    1003: "the server does not want this connection",
    4000: "another connection took the place of this one",
    _BAD_REQUEST: "the server does not understand this client",
    _NOT_AUTHORIZED: "the access token is not accepted, and there is no other",
    _FORBIDDEN: "the server does not allow this connection",
}
_OF_STATUS = {400: _BAD_REQUEST, 401: _NOT_AUTHORIZED, 403: _FORBIDDEN}
_LOST = 1006  # what a WebSocket that ended without a word has as its code
_LARGEST_MESSAGE = 16 * 2**20


class _Connect(connect):
    """Follows no redirect: the token would be shown to wherever it leads."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Give the error back, which is then raised."""
        return exc


class Receiver(Protocol):
    """Gets what comes over the connections."""

    @property
    def resume_after(self) -> int | None:
        """The number of the newest event that came; None if events have no numbers."""

    def opened(self, message: dict[str, Any]) -> None:
        """The connection is ready; this is what the server said first."""

    def received(self, message: dict[str, Any]) -> None:
        """A message came."""

    def heard(self) -> None:
        """The server is there, and had nothing to say."""


class _End(msgspec.Struct, frozen=True):
    """How a connection ended.

    Attributes:
        code, reason: of the WebSocket.
        lasted: seconds that it was ready for.
    """

    code: int
    reason: str
    lasted: float = 0.0


class Mercury:
    """Keeps a connection to the server.

    Args:
        address: of the WebSocket.
        receiver: gets the messages.
    """

    def __init__(self, address: httpx2.URL, access: Access, options: HistoryOptions, receiver: Receiver) -> None:
        self._address = address
        self._access = access
        self._options = options
        self._receiver = receiver
        self.opened = asyncio.Event()
        """Set while there is a connection that events come over."""

    @property
    def ready(self) -> bool:
        """Whether there is a connection that events come over."""
        return self.opened.is_set()

    async def keep(self) -> None:
        """Connect, and connect again whenever the connection is lost, until cancelled.

        Raises:
            ConnectionEnded: the server does not want it, or it was tried as often as the options allow.
        """
        tries = 0
        refused: str | None = None
        end = _End(_LOST, "")
        while True:
            try:
                token = await self._access.token(refused)
            except NoToken as error:
                logger.warning("%s", error)
                end = _End(_LOST, "")
            else:
                if token == refused:
                    raise ConnectionEnded(_NOT_AUTHORIZED, end.reason, _FINAL[_NOT_AUTHORIZED])
                end = await self._connect_once(token)
                if end.lasted >= self._options.ping_interval:
                    tries, refused = 0, None
                if end.code == _NOT_AUTHORIZED and refused is None:
                    logger.info("the access token is not accepted; trying another one")
                    refused = token
                    continue
            if end.code in _FINAL:
                raise ConnectionEnded(end.code, end.reason, _FINAL[end.code])
            tries += 1
            wait = self._options.reconnect.wait(tries=tries, waited=0.0, told=None, random=self._options.random)
            if wait is None:
                raise ConnectionEnded(end.code, end.reason, f"no lasting connection in {tries} tries")
            logger.warning("no connection (code %d: %s); connecting again in %.1f s", end.code, end.reason, wait)
            await self._options.sleep(wait)

    async def _connect_once(self, token: str) -> _End:
        try:
            async with _Connect(
                str(self._url()),
                open_timeout=self._options.connect_timeout,
                close_timeout=self._options.close_timeout,
                ping_interval=None,  # the protocol has pings of its own
                max_size=_LARGEST_MESSAGE,
                user_agent_header=f"ringback/{ringback.__version__}",
                logger=_silent,
            ) as socket:
                return await _Connection(socket, self._options, self._receiver, self).run(token)
        except InvalidStatus as error:
            status = error.response.status_code
            return _End(_OF_STATUS.get(status, _LOST), f"HTTP {status}")
        except (OSError, TimeoutError, WebSocketException) as error:
            return _End(_LOST, type(error).__name__)

    def _url(self) -> httpx2.URL:
        parameters = {
            "outboundWireFormat": "text",
            "bufferStates": "true",
            "aliasHttpStatus": "true",
            "clientTimestamp": str(to_milliseconds(self._options.now())),
        }
        if (number := self._receiver.resume_after) is not None:
            parameters["lastEventId"] = str(number)
        return self._address.copy_merge_params(parameters)


class _Connection:
    """One connection from its first message to its last."""

    def __init__(self, socket: ClientConnection, options: HistoryOptions, receiver: Receiver, owner: Mercury) -> None:
        self._socket = socket
        self._options = options
        self._receiver = receiver
        self._owner = owner
        self._ping_id = ""
        self._pong = asyncio.Event()

    async def run(self, token: str) -> _End:
        """Until the connection has ended."""
        ready_at: float | None = None
        pings: asyncio.Task[None] | None = None
        try:
            async with aclosing(self._messages()) as messages:
                async with asyncio.timeout(self._options.ready_timeout):
                    await self._authorize(token)
                    pings = asyncio.create_task(self._ping())
                    first = await self._first(messages)
                if first is not None:
                    ready_at = self._options.timer()
                    self._owner.opened.set()
                    self._receiver.opened(first)
                    async for message in messages:
                        self._receiver.received(message)
        except ConnectionClosed:
            pass  # how is what the socket says below
        except asyncio.CancelledError:
            await self._socket.close()  # as wanted; else the server would be told of an error
            raise
        except TimeoutError:
            logger.warning("the server did not say within %g s that events come", self._options.ready_timeout)
        finally:
            self._owner.opened.clear()
            if pings is not None:
                pings.cancel()
        lasted = 0.0 if ready_at is None else self._options.timer() - ready_at
        return _End(self._socket.close_code or _LOST, self._socket.close_reason or "", lasted)

    async def _authorize(self, token: str) -> None:
        message = {
            "id": str(uuid.uuid4()),
            "type": "authorization",
            "data": {"token": f"Bearer {token}"},
            "trackingId": f"RINGBACK_{uuid.uuid4()}",
        }
        await self._socket.send(_encode(message))

    async def _first(self, messages: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any] | None:
        """The message that says that events come; None if the connection ended before."""
        async for message in messages:
            data = message.get("data")
            if "type" not in message and isinstance(data, dict) and data.get("eventType") in _READY:
                return message
            self._receiver.received(message)
        return None

    async def _messages(self) -> AsyncGenerator[dict[str, Any], None]:
        """All messages but the answers to pings; every one that has an id is acknowledged."""
        async for text in self._socket:
            message = decode(text)
            if not isinstance(message, dict):
                logger.warning("a message of %d bytes is no JSON object", len(text))
                continue
            if isinstance(message.get("id"), str):
                with suppress(ConnectionClosed):  # there may be more to read of what came before the end
                    await self._socket.send(_encode({"messageId": message["id"], "type": "ack"}))
            if message.get("type") == "pong":
                self._receiver.heard()
                if message.get("id") == self._ping_id:
                    self._pong.set()
            else:
                yield message

    async def _ping(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                self._pong.clear()
                self._ping_id = str(uuid.uuid4())
                await self._socket.send(_encode({"id": self._ping_id, "type": "ping"}))
                try:
                    async with asyncio.timeout(self._options.pong_timeout):
                        await self._pong.wait()
                except TimeoutError:
                    logger.warning("the server did not answer a ping within %g s", self._options.pong_timeout)
                    await self._socket.close(1000, "Pong not received")
                    return
                await asyncio.sleep(self._options.ping_interval)


def _encode(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
