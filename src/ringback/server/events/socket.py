"""Messages over a WebSocket, for whatever is spoken over it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from ringback.server.events.visit import Gone

MAX_MESSAGE = 16 * 1024
"""Bytes of a message from a client; the largest, an authorization, has less than one kilobyte."""

COME_AGAIN = 1001
"""The server goes away (RFC 6455, section 7.4.1)."""

FAILED = 1011
TRY_LATER = 1013
BAD_MESSAGE = 4400
NOT_AUTHORIZED = 4401

_LONGEST_REASON = 123
ClientSocket = WebSocket[Any, Any, Any]


class Close(Exception):
    """The connection is to be closed, with a code and a reason for the person who reads it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """A WebSocket connection.

    Args:
        patience: seconds until a client takes what it is sent; then it is let go.

    All methods raise `Gone` if nobody is there any more.
    """

    def __init__(self, socket: ClientSocket, patience: float) -> None:
        self.socket = socket
        self._patience = patience

    async def accept(self) -> None:
        """Let the client in."""
        with _gone_if_it_fails():
            await self.socket.accept()

    async def hear(self) -> str | bytes:
        """The next message.

        Raises:
            Close: it is too long.
        """
        message = await self.socket.receive()
        if message["type"] != "websocket.receive":
            raise Gone
        text = message.get("text")
        content = message.get("bytes") or b"" if text is None else text
        # Characters are at most as many as bytes: what is too long is not encoded only to be measured.
        if len(content) > MAX_MESSAGE or (isinstance(content, str) and len(_encoded(content)) > MAX_MESSAGE):
            raise Close(BAD_MESSAGE, f"A message may have {MAX_MESSAGE} bytes.")
        return content

    async def say(self, message: bytes) -> None:
        """Send a text."""
        await self._send({"type": "websocket.send", "text": message.decode(), "bytes": None})

    async def close(self, code: int, reason: str) -> None:
        """Send the client away; a long reason is cut."""
        short = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        await self._send({"type": "websocket.close", "code": code, "reason": short})

    async def _send(self, message: Any) -> None:
        with _gone_if_it_fails():
            async with asyncio.timeout(self._patience):
                await self.socket.send(message)


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


@contextmanager
def _gone_if_it_fails() -> Iterator[None]:
    try:
        yield
    # A RuntimeError is what the server raises when it has found by its pings that nobody is there.
    except (OSError, RuntimeError, WebSocketDisconnect) as error:
        raise Gone from error
