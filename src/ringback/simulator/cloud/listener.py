"""An address on the loopback interface that can go away and come back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ringback.simulator.cloud.http import MAX_HEAD, NotHttp, Reply, Request, read_request, reset, send

Answer = Callable[[Request], Reply]
Upgrade = Callable[[Request, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_BACKLOG = 256


class Listener:
    """Takes connections at one port, and answers their requests one after the other.

    The port stays ours while nobody listens at it, so that an outage refuses connections and its end finds the same
    address again.

    Args:
        answer: gives the answer to a request; called in the loop.
        host: an address of this machine.
        port: 0 for a free one.
        upgrade: takes over the connection of a request that is to become a WebSocket; without it, that is a request
            like any other.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, answer: Answer, host: str = "127.0.0.1", port: int = 0, upgrade: Upgrade | None = None) -> None:
        self._answer = answer
        self._upgrade = upgrade
        self._host = host
        if port:
            # Shared with ourselves only: another cloud that holds the port would share it without a word.
            self._bind(port, shared=False).close()
        self._holder = self._bind(port)
        self.port: int = self._holder.getsockname()[1]
        """The port, also while nobody listens."""
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self._host}:{self.port}"

    @property
    def listening(self) -> bool:
        """Whether connections are taken."""
        return self._server is not None

    def _bind(self, port: int, *, shared: bool = True) -> socket.socket:
        # With the protocol named, or asyncio leaves Nagle's algorithm on, and each page waits 40 ms.
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        try:
            bound.bind((self._host, port))
        except OSError:
            bound.close()
            raise
        return bound

    async def listen(self) -> None:
        """Take connections."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, sock=self._bind(self.port), backlog=_BACKLOG, limit=MAX_HEAD
            )

    def go_away(self) -> None:
        """Take no more connections, and reset those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop_connections()

    def drop_connections(self) -> None:
        """Reset all connections, in the middle of whatever they do."""
        for writer, task in self._open.items():
            reset(writer)
            task.cancel()

    async def close(self) -> None:
        """End for good."""
        self.go_away()
        await asyncio.gather(*self._open.values(), return_exceptions=True)
        self._holder.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in a task
        self._open[writer] = task
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            del self._open[writer]
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await read_request(reader)
            except NotHttp as error:
                await send(writer, Reply(status=400, headers={"connection": "close"}, body=f"{error}\n".encode()))
                return
            if request is None:
                return
            if self._upgrade is not None and request.headers.get("upgrade", "").lower() == "websocket":
                await self._upgrade(request, reader, writer)
                return
            if not await send(writer, self._answer(request)):
                return
            if request.headers.get("connection", "").lower() == "close":
                return
