"""Keeping within the rate that the cloud allows a token, instead of running into 429."""

from __future__ import annotations

import heapq
import threading
from enum import Enum


class RequestKind(Enum):
    """What the cloud counts apart."""

    INITIAL = "initial"
    NEXT = "next"


class Slot:
    """A place in the queue for one request. Whoever has one settles it, whatever becomes of the request."""

    __slots__ = ("_queue", "counted", "sent")

    def __init__(self, queue: _Queue | None) -> None:
        self._queue = queue
        self.sent = False
        self.counted: float | None = None

    def wait(self, now: float) -> float:
        """How long to wait, in seconds. After so long ask again; at 0 the request is taken to be under way.

        Args:
            now: seconds on a clock that is never set back, the same one for all that share a pace.
        """
        return self._queue.wait(self, now) if self._queue else 0.0

    def settle(self, now: float) -> None:
        """Note that the request was answered or failed: the server counted it by now, if ever. One that was not under
        way yet is given up, and those behind it move up."""
        if self._queue:
            self._queue.settle(self, now)


class Pace:
    """The rate of one token: requests in any period, by kind. Feed and stream share it.

    The documentation of the feed and that of the stream allow 1 initial request and 10 requests for next pages a
    minute and user token; whether both share one allowance is not said, so here they do. Every request counts, also one
    that failed: nothing says that the cloud does not count it.

    The server counts a request at some moment between its sending and its answer, and only the two are known here. So
    a request is sent when fewer than the allowed number of those before it in the queue are waiting, under way, or
    answered less than a period ago. Of any larger number, the last in the queue is then sent a period or more after one
    of the others was counted: no period has more than are allowed, whoever is late or slow.

    Give the same object to all sessions that use tokens of the same user. It is safe to use from several threads and
    event loops.
    """

    def __init__(self, initial: int | None = 1, following: int | None = 10, period: float = 60.0) -> None:
        """Set the rate.

        Args:
            initial: first pages in any period; None for any number.
            following: next pages in any period; None for any number.
            period: in seconds.
        """
        allowed = {RequestKind.INITIAL: initial, RequestKind.NEXT: following}
        self._queues = {kind: None if number is None else _Queue(number, period) for kind, number in allowed.items()}

    @classmethod
    def unlimited(cls) -> Pace:
        """No pace at all, for a server of your own."""
        return cls(None, None)

    def book(self, kind: RequestKind) -> Slot:
        """Take the last place in the queue."""
        queue = self._queues[kind]
        return queue.book() if queue else Slot(None)

    def delay(self, kind: RequestKind, now: float) -> float:
        """How long a request that is booked now would have to wait at least, in seconds."""
        queue = self._queues[kind]
        return queue.delay(now) if queue else 0.0

    def use_up(self, at: float) -> None:
        """Take the whole rate as used at a time: what was asked until then by others is not known."""
        for queue in self._queues.values():
            if queue:
                queue.use_up(at)


class _Queue:
    """The requests of one kind, in the order in which they are sent: those that wait, those under way, and those that
    were answered less than a period ago."""

    def __init__(self, allowed: int, period: float) -> None:
        self._allowed = allowed
        self._period = period
        self._lock = threading.Lock()
        self._slots: list[Slot] = []

    def book(self) -> Slot:
        slot = Slot(self)
        with self._lock:
            self._slots.append(slot)
        return slot

    def wait(self, slot: Slot, now: float) -> float:
        with self._lock:
            seconds = self._due(slot, now) - now
            slot.sent = seconds <= 0
            return seconds

    def delay(self, now: float) -> float:
        with self._lock:
            return self._due(None, now) - now

    def settle(self, slot: Slot, now: float) -> None:
        with self._lock:
            if slot.sent:
                slot.counted = now
            else:
                self._slots.remove(slot)

    def use_up(self, at: float) -> None:
        used = [Slot(self) for _ in range(self._allowed)]
        for slot in used:
            slot.sent, slot.counted = True, at
        with self._lock:
            self._slots[:0] = used  # before all that wait, so that these keep to it

    def _due(self, slot: Slot | None, now: float) -> float:
        """When a slot, or one more at the end, can be sent at the earliest; not before now."""
        period = self._period
        self._slots = [each for each in self._slots if each.counted is None or each.counted + period > now]
        last: list[float] = []  # when the slots before are free again: the latest ones, as many as are allowed
        for each in self._slots:
            due = last[0] if len(last) == self._allowed else now
            if each is slot:
                return due
            # One under way is answered now at the earliest; one that waits, when it can be sent.
            free = period + (each.counted if each.counted is not None else now if each.sent else due)
            if len(last) < self._allowed:
                heapq.heappush(last, free)
            else:
                heapq.heappushpop(last, free)
        return last[0] if len(last) == self._allowed else now
