"""What a WebSocket and a stream of server-sent events have in common."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import structlog
from litestar.connection import ASGIConnection

from ringback.records.values import to_milliseconds
from ringback.server.events.hub import EventHub
from ringback.server.hosts import base_url
from ringback.server.janus import BASE
from ringback.server.tokens import Tokens
from ringback.server.viewers import Viewer, viewer_of
from ringback.settings import Settings
from ringback.store import StoreError

BEGINNING = "mercury.buffer_state"
"""Type of the first message; a client of Mercury waits for it before it says that it is connected."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long things may take, in seconds.

    Attributes:
        authorization: until the first message of a WebSocket client.
        recheck: between two looks whether a token is still valid: who was shut out hears no more than this.
        keep_alive: between two signs of life in a stream of server-sent events; proxies close connections on which
            nothing moves, many of them after 30 or 60 seconds.
        send: until a client takes what it is sent. Its events wait in the outbox meanwhile; then it is let go.
    """

    authorization: float = 10.0
    recheck: float = 60.0
    keep_alive: float = 15.0
    send: float = 75.0


_log = structlog.get_logger("ringback.events")


class Gone(Exception):
    """The client is not there any more, or does not read."""


class Visit:
    """Somebody who was let in, and whose token is looked at again now and then.

    Attributes:
        viewer: who it is.
    """

    def __init__(self, hub: EventHub, look: Callable[[], Viewer], viewer: Viewer, recheck: float) -> None:
        self._hub = hub
        self._look = look
        self._recheck = recheck
        self._next_look = time.monotonic() + recheck
        self.viewer = viewer

    @property
    def seconds_left(self) -> float:
        """Until `check` looks at the token."""
        return max(0.0, self._next_look - time.monotonic())

    async def check(self) -> None:
        """Look at the token again, if it is time to.

        Raises:
            ApiError: 401 or 403, the token has expired or was revoked.
        """
        if self.seconds_left:
            return
        try:
            await self._hub.in_thread(self._look)
        except StoreError as error:
            _log.error("a token cannot be looked at again", error=str(error))
        self._next_look = time.monotonic() + self._recheck


class Door:
    """Where listeners come in, by whichever transport.

    Args:
        clock: gives the current time, aware.
    """

    def __init__(
        self, hub: EventHub, tokens: Tokens, settings: Settings, clock: Callable[[], datetime], patience: Patience
    ) -> None:
        self.hub = hub
        self.patience = patience
        self._tokens = tokens
        self._settings = settings
        self._clock = clock

    def base(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """The address that the url of a session begins with.

        Raises:
            ApiError: 400, the header Host is no host.
        """
        return base_url(connection, self._settings) + BASE

    async def admit(self, authorization: str) -> Visit:
        """Let somebody in.

        Args:
            authorization: `Bearer` and the token.

        Raises:
            ApiError: 401 or 403, nobody is let in with this token.
            StoreError: the tokens cannot be read.
        """
        look = partial(viewer_of, self._tokens, authorization)
        return Visit(self.hub, look, await self.hub.in_thread(look), self.patience.recheck)

    def beginning(self, position: int, *, start_again: bool) -> bytes:
        """What a listener is told first, in the form of an event.

        Args:
            position: number of the event that the next one comes after.
            start_again: whether the client must read its history anew: what lies before is not told.
        """
        text = str(uuid.uuid4())
        data: dict[str, object] = {"eventType": BEGINNING, "bufferState": {}}
        if start_again:
            data["startAgain"] = True
        message = {
            "id": text,
            "timestamp": to_milliseconds(self._clock()),
            "trackingId": f"RINGBACK_{text}",
            "eventNumber": position,
            "data": data,
        }
        return msgspec.json.encode(message)


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Do all this side by side until one of it ends, and raise its error if it has one; the others are given up."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
