"""From messages to callbacks: each event once and in order, also what happened while there was no connection."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ringback.clients.callhistory.entries import read_moment
from ringback.clients.callhistory.events import CallHistoryEvent, Malformed, read_event
from ringback.clients.callhistory.known import Known
from ringback.clients.callhistory.listeners import Callback, Listeners
from ringback.clients.callhistory.options import HistoryOptions
from ringback.clients.callhistory.results import SUCCESS, JanusResponseEvent
from ringback.clients.callhistory.sessions import UserSession

logger = logging.getLogger("ringback.history")

ReadHistory = Callable[[datetime, int, str], Awaitable[JanusResponseEvent]]
"""Reads the history from a time on, up to a number of sessions: the newest (`DESC`), or the oldest (`ASC`)."""

_PAGE = 250
_MAX_PAGES = 400
_LONGEST_CALL = timedelta(days=1)
_HOPELESS = frozenset({400, 401, 403, 404, 501})
_REMEMBERED_IDS = 1000


class _CatchUp(msgspec.Struct, frozen=True):
    """Read the history, since nobody can tell what has happened.

    Attributes:
        begin: whether it is only to know what is there.
        lost: when the server was last heard; None if it never was. Now, for one that begins.
        number: of the event that the history includes.
    """

    begin: bool
    lost: datetime | None
    number: int | None


class _Told(msgspec.Struct, frozen=True):
    """An event to tell, and its number; either may be missing."""

    event: CallHistoryEvent | None
    number: int | None


class _Call(msgspec.Struct, frozen=True):
    """A callback to call for an event; the last one has the event's number."""

    callback: Callback
    event: CallHistoryEvent
    number: int | None


class Following:
    """What came over the connections, and what of it has been told.

    The queue has no bound: a slow callback must not keep the connection from being read, and what a user does in a day
    fits into memory many times.

    Args:
        read: reads the history.
        shared: whether that has the sessions of shared lines.
    """

    def __init__(self, listeners: Listeners, read: ReadHistory, options: HistoryOptions, *, shared: bool) -> None:
        self._listeners = listeners
        self._read = read
        self._options = options
        self._known = Known(shared=shared)
        self._queue: deque[_CatchUp | _Told | _Call] = deque()
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._calling = False
        self._stopping = False
        self._heard: datetime | None = None
        self._begun = False
        self._failed: _CatchUp | None = None  # until one made after the next connection has succeeded
        self._ids: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None
        self.resume_after: int | None = None
        """The number of the newest event that came."""
        self.last_event_id: int | None = None
        """The number of the newest event that all callbacks have returned from. Stays while a catch-up has failed."""

    def start(self, last_event_id: int | None) -> None:
        """Tell what comes from now on, after what is still to be told.

        Args:
            last_event_id: where to go on; None for where it stopped.
        """
        if last_event_id is not None:
            self.stop()
            self._queue.clear()
            self._failed = None
            self.resume_after = self.last_event_id = last_event_id
        self._stopping = False
        if self._queue:
            self._idle.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Call nobody any more. A callback that is running may end; those after it are called after the next start."""
        self._stopping = True
        self._idle.set()
        if self._task is not None and not self._calling:
            self._task.cancel()
            self._task = None

    async def told(self) -> None:
        """Wait until all that came is told, or nothing is told any more."""
        await self._idle.wait()

    async def ended(self) -> None:
        """Wait for a callback that is running, unless it is the one that waits."""
        if self._task is not None and self._task is not asyncio.current_task():
            await asyncio.wait((self._task,))

    def opened(self, message: dict[str, Any]) -> None:
        """There is a connection."""
        number = _number(message)
        again = message["data"].get("startAgain") is True
        if again:
            logger.warning("the server does not know any more what has happened since; reading the history")
        if number is not None and (again or self.resume_after is None):
            self.resume_after = number
        if failed := self._failed:
            self._put(_CatchUp(begin=False, lost=failed.lost, number=number))
        elif again or number is None:
            begin = number is None and not self._begun
            self._put(_CatchUp(begin=begin, lost=self._options.now() if begin else self._heard, number=number))
        else:
            self._put(_Told(None, self.resume_after))
        self._begun = True
        self.heard()

    def received(self, message: dict[str, Any]) -> None:
        """A message came. One that came before is left out, one that is not what it should be is dropped."""
        self.heard()
        if self._came_before(message):
            return
        try:
            event = read_event(message)
        except Malformed as error:
            logger.warning("an event was dropped: %s", error)
            event = None
        number = _number(message)
        if event is not None or number is not None:
            self._put(_Told(event, number))

    def heard(self) -> None:
        """The server is there."""
        self._heard = self._options.now()

    def _came_before(self, message: dict[str, Any]) -> bool:
        if (number := _number(message)) is not None:
            if self.resume_after is not None and number <= self.resume_after:
                return True
            self.resume_after = number
            return False
        message_id = message.get("id")
        if not isinstance(message_id, str):
            return False
        if message_id in self._ids:
            return True
        self._ids[message_id] = None
        if len(self._ids) > _REMEMBERED_IDS:
            del self._ids[next(iter(self._ids))]
        return False

    def _put(self, item: _CatchUp | _Told) -> None:
        self._queue.append(item)
        self._idle.clear()
        self._more.set()

    async def _run(self) -> None:
        while not self._stopping:
            if not self._queue:
                self._idle.set()
                self._more.clear()
                await self._more.wait()
                continue
            item = self._queue[0]
            try:
                if isinstance(item, _CatchUp):
                    found = await self._catch_up(item)  # what stops this in the middle leaves the item where it is
                    self._queue.popleft()
                    self._queue.extendleft(reversed(found))
                elif isinstance(item, _Told):
                    self._queue.popleft()
                    self._queue.extendleft(reversed(self._calls(item)))
                else:
                    self._queue.popleft()
                    await self._call(item)
            except Exception:  # what nobody thought of must not keep the rest from being told
                logger.exception("an event was dropped")
                if self._queue and self._queue[0] is item:
                    self._queue.popleft()
                if isinstance(item, _CatchUp):
                    self._failed = item

    def _calls(self, item: _Told) -> list[_Call]:
        """An event as a call for each that listens, so that what is stopped between two can go on there."""
        event = item.event
        is_news = event is not None and (event.derived or self._known.note(event))
        if event is None or not is_news or not (callbacks := self._listeners.of(event)):
            self._done(item.number)
            return []
        *others, last = callbacks
        return [*(_Call(one, event, None) for one in others), _Call(last, event, item.number)]

    async def _call(self, item: _Call) -> None:
        self._calling = True
        try:
            await self._listeners.call(item.callback, item.event)
        finally:
            self._calling = False
        self._done(item.number)

    def _done(self, number: int | None) -> None:
        # A program that went on after this number would never be told what a failed catch-up should have found.
        if number is not None and self._failed is None:
            self.last_event_id = number

    async def _catch_up(self, item: _CatchUp) -> list[_Told]:
        now = self._options.now()
        since = (item.lost or now) - self._options.look_back
        sessions = await self._history(since)
        if sessions is None:
            self._failed = item
            return []
        if item.begin:
            self._known.begin(sessions, since)
            return []
        events = self._known.catch_up(sessions, since, item.lost, now)
        self._failed = None
        if events:
            logger.info("%d events are told that the history shows", len(events))
        return [*(_Told(event, None) for event in events), _Told(None, item.number)]

    async def _history(self, since: datetime) -> list[UserSession] | None:
        """All sessions from a time on, oldest first; None if they cannot be had.

        There are no pages, but a history can be read on from where it was cut off. A server may give fewer sessions
        than asked for and not say so: all have come when nothing new does.
        """
        found: dict[str, UserSession] = {}
        last, exact = since, True
        for _ in range(_MAX_PAGES):
            answer = await self._answer(since)
            if answer is None:
                return None
            listed = answer.data.userSessions
            if any(one.sessionId not in found for one in listed):
                found.update((one.sessionId, one) for one in listed)
                last = max((end for one in listed if (end := read_moment(one.endTime))), default=since)
                # The order is by end. A server that selects by start does not have those from `last` on that began
                # before it, so it is asked for them first.
                exact = last - _LONGEST_CALL <= since
                since = last if exact else last - _LONGEST_CALL
            elif exact:
                return list(found.values())
            else:
                since, exact = last, True
        logger.error("the history could not be read: it does not end")
        return None

    async def _answer(self, since: datetime) -> JanusResponseEvent | None:
        """Some sessions, oldest first, tried again as often as the options allow; None if they cannot be had."""
        tries, waited = 0, 0.0
        while True:
            answer = await self._read(since, _PAGE, "ASC")
            if answer.message == SUCCESS:
                return answer
            tries += 1
            retries = self._options.catch_up
            wait = retries.wait(tries=tries, waited=waited, told=None, random=self._options.random)
            if answer.statusCode in _HOPELESS or wait is None:
                logger.error("what happened meanwhile cannot be told before there is another connection")
                return None
            waited += wait
            await self._options.sleep(wait)


def _number(message: dict[str, Any]) -> int | None:
    number = message.get("eventNumber")
    return number if isinstance(number, int) and not isinstance(number, bool) else None
