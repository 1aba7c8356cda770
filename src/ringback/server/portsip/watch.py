"""Telling of calls that have just come to their end, for those who listen at `/wsi`.

The interface has no numbers to resume by and no acknowledgements: what a listener misses it reads from the list of
calls. So nothing is kept here for anybody. Polling is the truth, as everywhere: another process may project.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from ringback.projections.call_logs.query import CallLogs
from ringback.records.portsip.event import call_cdr
from ringback.server.events.listener import Ending
from ringback.server.events.signals import first_at_signals
from ringback.server.exchange import InThread
from ringback.store import StoreError

POLL_SECONDS = 0.2
"""Between two looks for calls that have ended."""

MOST = 1000
"""Listeners of one process."""

MOST_PER_ACCOUNT = 20
"""Listeners of one account in one process."""

OLD_NEWS = timedelta(days=1)
"""A call that ended longer ago is no news: filling a store with years of calls must not tell of each of them."""

_PAGE = 200
_QUEUE = 1000
_PAUSE_SECONDS = 1.0
_END_SECONDS = 2.0
_log = structlog.get_logger("ringback.wsi")


class TooSlow(Exception):
    """The listener did not take what it was sent, and more than some hundred calls have ended meanwhile."""


class TooMany(Exception):
    """There is no room for another listener; the message says why."""


class Subscriber:
    """Somebody who listens. Lives in one event loop.

    Args:
        account: tells whose connection it is.
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUE)
        self._too_slow = False
        self._ending = False

    def offer(self, message: bytes) -> None:
        """Tell this, when there is time."""
        if self._queue.full():
            self._too_slow = True
        else:
            self._queue.put_nowait(message)

    def end(self) -> None:
        """Let `next` raise `Ending`."""
        self._ending = True
        if not self._queue.full():
            self._queue.put_nowait(None)

    async def next(self, seconds: float) -> bytes | None:
        """The next message; None if there is none within this time.

        Raises:
            TooSlow: messages were dropped.
            Ending: the server stops.
        """
        if self._ending:
            raise Ending
        if self._too_slow:
            raise TooSlow
        try:
            async with asyncio.timeout(seconds):
                message = await self._queue.get()
        except TimeoutError:
            return None
        if message is None:
            raise Ending
        return message


class _Org:
    def __init__(self, position: int) -> None:
        self.position = position
        self.subscribers: set[Subscriber] = set()


class CdrWatch:
    """The listeners of one process, and what they are told.

    Args:
        in_thread: where the call logs are read.
        clock: gives the current time, aware.
    """

    def __init__(
        self,
        call_logs: CallLogs,
        in_thread: InThread,
        clock: Callable[[], datetime],
        *,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._call_logs = call_logs
        self._in_thread = in_thread
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._orgs: dict[UUID, _Org] = {}
        self._here: Counter[str] = Counter()
        self._somebody = asyncio.Event()
        self._nobody = asyncio.Event()
        self._nobody.set()
        self._everybody: set[Subscriber] = set()
        self._ending = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell of calls while this is entered; at its end, and at SIGINT and SIGTERM, all listeners are sent away."""
        polling = asyncio.create_task(self._poll())
        try:
            with first_at_signals(self.end):
                yield
        finally:
            await self.end()
            polling.cancel()
            await asyncio.wait([polling])

    async def end(self) -> None:
        """Send all listeners away; returns when they have left, or after two seconds."""
        self._ending = True
        for subscriber in self._everybody:
            subscriber.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self._nobody.wait()

    def enter(self, account: str) -> Subscriber:
        """Make room for a connection. It has to `leave`.

        Raises:
            Ending: the server stops.
            TooMany: there are too many.
        """
        if self._ending:
            raise Ending
        if len(self._everybody) >= MOST:
            raise TooMany("Too many clients listen to this server. Try again later.")
        if self._here[account] >= MOST_PER_ACCOUNT:
            raise TooMany(f"This account has {MOST_PER_ACCOUNT} connections that listen. Close one, then try again.")
        self._here[account] += 1
        subscriber = Subscriber(account)
        self._everybody.add(subscriber)
        self._nobody.clear()
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a connection."""
        self.unsubscribe(subscriber)
        self._everybody.discard(subscriber)
        self._here[subscriber.account] -= 1
        if not self._here[subscriber.account]:
            del self._here[subscriber.account]
        if not self._everybody:
            self._nobody.set()

    async def subscribe(self, subscriber: Subscriber, org: UUID) -> None:
        """Tell it of the calls of an org that end from now on.

        Raises:
            StoreError: the store cannot be read.
        """
        if org not in self._orgs:
            position = await self._in_thread(partial(self._call_logs.position, org))
            self._orgs.setdefault(org, _Org(position))
        self._orgs[org].subscribers.add(subscriber)
        self._somebody.set()

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Tell it of no more calls."""
        for org in list(self._orgs):
            here = self._orgs[org].subscribers
            here.discard(subscriber)
            if not here:
                del self._orgs[org]
        if not self._orgs:
            self._somebody.clear()

    async def _poll(self) -> None:
        while True:
            await self._somebody.wait()
            pause = self._poll_seconds
            try:
                for org, watched in list(self._orgs.items()):
                    if await self._look(org, watched):
                        pause = 0
            except Exception as error:  # whatever it is, the next look may succeed
                _log.error("calls cannot be read", error=str(error), exc_info=not isinstance(error, StoreError))
                pause = _PAUSE_SECONDS
            await asyncio.sleep(pause)

    async def _look(self, org: UUID, watched: _Org) -> bool:
        """Tell of some calls of an org. Returns whether there may be more."""
        found = await self._in_thread(partial(self._call_logs.news, org, watched.position, _PAGE))
        since = self._clock() - OLD_NEWS
        for changed, summary, targets in found:
            watched.position = changed
            if summary.ended_at is not None and summary.ended_at >= since:
                message = call_cdr(summary, targets, str(org))
                for subscriber in watched.subscribers:
                    subscriber.offer(message)
        return len(found) >= _PAGE
