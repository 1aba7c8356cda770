"""One listener, and the channel of its org. Everything here runs in one event loop, so nothing needs a lock.

The channel puts what is new into the queue of each listener; what is older, a listener reads from the outbox. When it
begins to, it notes the number up to which it has to read (`_until`). From then on whatever has a higher number comes by
the queue, so there is neither a gap between the two nor an event in both. A new listener, one that resumes, and one
whose queue ran over because it is slow are all the same case: they are behind.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from ringback.projections.outbox import Bounds, Event

_QUEUE = 100
"""Events that may wait for a listener; a second of a busy org. Who falls further behind reads from the outbox."""

ReadOn = Callable[[UUID, int, str | None], Awaitable[tuple[Sequence[Event], Bounds, bool]]]
"""Reads a page of an org's events after a number, for a user or for all. Gives the page, the bounds as they were after
it was read, and whether there may be more."""


class StartAgain(Exception):
    """Events were forgotten that this listener has not been told. It goes on with what is new.

    Attributes:
        newest: the number after which it goes on.
    """

    def __init__(self, newest: int) -> None:
        super().__init__(newest)
        self.newest = newest


class Ending(Exception):
    """The server stops; the listener should come again."""


class Channel:
    """What is new in one org.

    Attributes:
        at: number up to which the listeners have been told.
    """

    def __init__(self, org: UUID, at: int) -> None:
        self.org = org
        self.at = at
        self._listeners: dict[str | None, set[Listener]] = {}

    @property
    def silent(self) -> bool:
        """Whether nobody listens."""
        return not self._listeners

    def add(self, listener: Listener) -> None:
        """Tell this one too, from now on."""
        self._listeners.setdefault(listener.user, set()).add(listener)

    def remove(self, listener: Listener) -> None:
        """Tell this one no more."""
        together = self._listeners[listener.user]
        together.remove(listener)
        if not together:
            del self._listeners[listener.user]

    def tell(self, newest: int, events: Sequence[Event]) -> bool:
        """Tell everybody.

        Args:
            newest: number of the org.
            events: the next of the org after `at`, in order, of all users.

        Returns:
            whether there are more to tell.
        """
        if not events or events[0].number != self.at + 1:
            # The next ones are forgotten, or the store was replaced by an older copy of it. Where that leaves each
            # listener, it finds out by itself.
            for listener in self.everybody():
                listener.fall_behind()
            self.at = newest
            return False
        for event in events:
            for user in (event.user, None):
                for listener in self._listeners.get(user, ()):
                    listener.offer(event)
        self.at = events[-1].number
        return self.at < newest

    def everybody(self) -> Sequence[Listener]:
        """All listeners."""
        return [listener for together in self._listeners.values() for listener in together]


class Listener:
    """Somebody who is told of the events of one user, or of all users of an org: each once, in order.

    Args:
        user: None for all users of the org.
        position: the first event is the one after this number.
        read_on: how to read from the outbox.
        close: called once, when nobody listens here any more.

    Attributes:
        start_again: the number that the listener wanted to go on after is forgotten, or was never told.
    """

    def __init__(
        self,
        channel: Channel,
        user: str | None,
        position: int,
        read_on: ReadOn,
        close: Callable[[Listener], None],
        *,
        start_again: bool,
    ) -> None:
        self.channel = channel
        self.user = user
        self.start_again = start_again
        self._read_on = read_on
        self._close: Callable[[Listener], None] | None = close
        self._position = position
        self._queue: deque[Event] = deque()
        self._behind = True
        self._until: int | None = None
        self._ending = False
        self._wake = asyncio.Event()

    @property
    def position(self) -> int:
        """The number up to which everything has been told here."""
        if self._queue or self._behind or self._until is not None:
            return self._position
        return max(self._position, self.channel.at)

    async def read(self, seconds: float) -> Sequence[Event]:
        """The next events; none if there are none within this time.

        Raises:
            StartAgain: some are forgotten. The next call goes on with what is new.
            Ending: the server stops.
            StoreError: the outbox cannot be read.
        """
        while True:
            if self._until is not None:
                events = await self._read_store(self._until)
            elif self._queue:
                events = self._read_queue()
            elif self._ending:
                raise Ending
            elif self._behind:
                self._behind, self._until = False, self.channel.at
                continue
            else:
                self._wake.clear()
                try:
                    async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation before Python 3.12
                        await self._wake.wait()
                except TimeoutError:
                    return []
                continue
            if events:
                return events

    def offer(self, event: Event) -> None:
        """Put a new event into the queue."""
        if self._behind:
            return
        if len(self._queue) < _QUEUE:
            self._queue.append(event)
            self._wake.set()
        else:
            self._behind = True

    def fall_behind(self) -> None:
        """Let it read on from the outbox, which knows what is forgotten."""
        self._position = self.position
        self._queue.clear()
        self._behind, self._until = True, None
        self._wake.set()

    def end(self) -> None:
        """Let it come to its end: `read` raises `Ending` as soon as the queue is empty."""
        self._ending = True
        self._wake.set()

    def close(self) -> None:
        """Listen no more."""
        if self._close is not None:
            self._close(self)
            self._close = None

    def _read_queue(self) -> Sequence[Event]:
        events = [event for event in self._queue if event.number > self._position]
        self._position = max(self._position, self._queue[-1].number)
        self._queue.clear()
        return events

    async def _read_store(self, until: int) -> Sequence[Event]:
        if self._position == until:
            self._until = None
            return []
        if self._ending:
            raise Ending
        page, bounds, more = await self._read_on(self.channel.org, self._position, self.user)
        if not bounds.can_resume(self._position):
            self._position, self._until = bounds.newest, None
            raise StartAgain(bounds.newest)
        events = [event for event in page if event.number <= until]
        if more and len(events) == len(page):
            self._position = events[-1].number
        else:
            self._position, self._until = max(self._position, until), None
        return events
