"""The hub of one web process: it looks for new events in the outbox, and brings them to those who listen here.

Polling is the truth: there may be several web processes, and the one that projects is none of them. A look is one small
query, whatever the number of listeners; orgs without listeners are not read, and nothing is while nobody listens.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog

from ringback.projections.outbox import Bounds, Event, Outbox
from ringback.server.errors import ApiError
from ringback.server.events.listener import Channel, Ending, Listener
from ringback.server.events.signals import first_at_signals
from ringback.store import StoreError

POLL_SECONDS = 0.1
"""Between two looks into the outbox: a tenth of the second that an event may take."""

MOST = 5000
"""Listeners of one process. Each takes some 40 kB and a file descriptor; for more, add processes."""

MOST_PER_USER = 20
"""Listeners of one user in one process, and of administrators who listen for a whole org. A person has a few devices
and some browser tabs; a client that opens connections and never closes them must not take the place of others."""

_PAGE = 500
"""New events of an org read at once: a few milliseconds of the one thread that reads for all."""

_LISTENERS_PAGE = 100
"""Older events read at once for one listener, who may take its time to send them, as may a thousand others."""

_PAUSE_SECONDS = 1.0
"""Between two looks while the store cannot be read."""

_END_SECONDS = 2.0
"""How long listeners have to leave when the server stops. One that does not take what it is sent is left behind."""

T = TypeVar("T")
_log = structlog.get_logger("ringback.events")


class EventHub:
    """Those who listen in this process.

    Args:
        poll_seconds: between two looks into the outbox.
        most: listeners at once.
        most_per_user: listeners of one user at once.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        poll_seconds: float = POLL_SECONDS,
        most: int = MOST,
        most_per_user: int = MOST_PER_USER,
    ) -> None:
        self._outbox = outbox
        self._poll_seconds = poll_seconds
        self._most = most
        self._most_per_user = most_per_user
        self._channels: dict[UUID, Channel] = {}
        self._listening: Counter[tuple[UUID, str | None]] = Counter()
        self._somebody = asyncio.Event()
        self._nobody = asyncio.Event()
        self._nobody.set()
        self._ending = False
        # New events have a thread of their own: they do not wait for a thousand clients that come back all at once.
        self._poller = ThreadPoolExecutor(1, thread_name_prefix="events")
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="listeners")

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return self._listening.total()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Bring events while this is entered; at its end, all listeners are sent away.

        They are also at SIGINT and SIGTERM, before the server begins to stop. It waits for open connections before it
        tells the application that it stops, and would wait for listeners in vain; and it closes WebSockets with 1012,
        after which clients of Mercury do not come again.
        """
        polling = asyncio.create_task(self._poll())
        try:
            with first_at_signals(self.end):
                yield
        finally:
            await self.end()
            polling.cancel()
            await asyncio.wait([polling])
            self._poller.shutdown()
            self._readers.shutdown(cancel_futures=True)

    async def end(self) -> None:
        """Send all listeners away, and let nobody in any more; returns when they have left, or after two seconds."""
        self._ending = True
        for channel in self._channels.values():
            for listener in channel.everybody():
                listener.end()
        if self.listeners:
            self._nobody.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    await self._nobody.wait()

    async def listen(self, org: UUID, user: str | None, after: str | None = None) -> Listener:
        """Listen, until the listener is closed.

        Args:
            user: None for all users of the org.
            after: number of the last event that is known, as the client has sent it; nothing for only what is new.

        Raises:
            Ending: the server stops.
            ApiError: 429 or 503, there are too many listeners.
            StoreError: the outbox cannot be read.
        """
        if self._ending:
            raise Ending
        who = (org, user)
        if self.listeners >= self._most:
            raise ApiError(503, "Too many clients listen to this server. Try again later.", Retry_After="5")
        if self._listening[who] >= self._most_per_user:
            raise ApiError(
                429,
                f"This user has {self._most_per_user} connections that listen. Close one, then try again.",
                Retry_After="60",
            )
        self._listening[who] += 1
        try:
            bounds = await self.in_thread(partial(self._outbox.bounds, org))
            if self._ending:
                raise Ending
        except BaseException:
            self._leave(who)
            raise
        known = _number(after) if after else bounds.newest
        start_again = known is None or not bounds.can_resume(known)
        position = bounds.newest if known is None or start_again else known
        channel = self._channels.setdefault(org, Channel(org, bounds.newest))
        listener = Listener(channel, user, position, self._read_on, self._close, start_again=start_again)
        channel.add(listener)
        self._somebody.set()
        return listener

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do something that reads the store, for one listener."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def _read_on(self, org: UUID, after: int, user: str | None) -> tuple[Sequence[Event], Bounds, bool]:
        def work() -> tuple[Sequence[Event], Bounds, bool]:
            page = self._outbox.after(org, after, _LISTENERS_PAGE, user)
            # In this order: what is kept now was kept when the page was read.
            return page, self._outbox.bounds(org), len(page) == _LISTENERS_PAGE

        return await self.in_thread(work)

    def _close(self, listener: Listener) -> None:
        channel = listener.channel
        channel.remove(listener)
        if channel.silent:
            del self._channels[channel.org]
            if not self._channels:
                self._somebody.clear()
        self._leave((channel.org, listener.user))

    def _leave(self, who: tuple[UUID, str | None]) -> None:
        self._listening[who] -= 1
        if not self._listening[who]:
            del self._listening[who]
        if not self._listening:
            self._nobody.set()

    async def _poll(self) -> None:
        failing = False
        while True:
            await self._somebody.wait()
            pause = self._poll_seconds
            try:
                if await self._look():
                    pause = 0
                if failing:
                    _log.info("events are read again")
                failing = False
            except Exception as error:  # whatever it is, the next look may succeed
                if not failing:
                    _log.error("events cannot be read", error=str(error), exc_info=not isinstance(error, StoreError))
                failing, pause = True, _PAUSE_SECONDS
            await asyncio.sleep(pause)

    async def _look(self) -> bool:
        """Tell what is new, at most a page for each org, so that a busy one does not hold up the others.

        Returns:
            whether there is more.
        """
        loop = asyncio.get_running_loop()
        channels = list(self._channels.values())  # those that come meanwhile may be ahead of what is read here
        newest = await loop.run_in_executor(self._poller, self._outbox.newest)
        more = False
        for channel in channels:
            told = newest.get(channel.org, 0)
            if told != channel.at:
                page = partial(self._outbox.after, channel.org, channel.at, _PAGE)
                more |= channel.tell(told, await loop.run_in_executor(self._poller, page))
        return more


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
