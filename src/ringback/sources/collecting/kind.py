"""What a kind of source has to be able to do, and what the loop offers to it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from ringback.ledger.windows import Counts
from ringback.sources.collecting.plan import History, Outlook, Task


class SourceAway(Exception):
    """Nothing can be read from the source now, whatever window: it is down, or refuses us. It is tried again later."""


class WindowFailed(Exception):
    """This window could not be read whole. Others are read, and this one is asked again later."""


class PageItems(msgspec.Struct, frozen=True):
    """What a source gave, to be stored before more is asked for.

    Attributes:
        raws: JSON objects.
        broken: what is none, with the reason.
        took: pages, items and repeats since the last time; requests, waits and what the ledger counts are added.
    """

    raws: Sequence[bytes]
    broken: Sequence[tuple[bytes, str]]
    took: Counts


class Whole(msgspec.Struct, frozen=True):
    """A window was read to its end.

    Attributes:
        total_count: how many records the source said it has, if it said so.
        remark: what somebody should know about it.
        end: up to where it was read, if that is less than was asked for.
    """

    total_count: int | None = None
    remark: str = ""
    end: int | None = None


class Sink(Protocol):
    """Where a source puts what it reads. All of it may raise what ends the reading; let it pass."""

    def asking(self) -> None:
        """A request is about to be made."""

    def store(self, items: PageItems) -> Sequence[str]:
        """Store these. When this returns, they are durable.

        Returns:
            what tells them apart: the record id of each, or a digest of what is no record.
        """

    def wait(self, seconds: float) -> None:
        """Wait, by the clock of the source.

        Raises:
            Stopped: the collector was told to stop.
        """


class SourceKind(Protocol):
    """One source of some kind. Used by one thread.

    Attributes:
        news: set by anybody, at any time, when there may be something new; who waits for the next poll waits no longer.
    """

    name: str
    org: UUID
    kind: str
    news: threading.Event

    def now(self) -> int:
        """Milliseconds since 1970 by the clock of the source; may ask it."""

    def asked_before(self, milliseconds: int) -> None:
        """The last request was made so long ago, perhaps by a process that died. Keep to the rate."""

    def pause(self) -> float:
        """Seconds until a request can be made. What to ask is better decided after them than before."""

    def first_begin(self, now: int) -> int:
        """From when on to collect a source that was never collected."""

    def look(self, history: History, now: int) -> Outlook:
        """What to do next. Asks nobody."""

    def read(self, task: Task, sink: Sink) -> Whole:
        """Read a window.

        Raises:
            WindowFailed: it could not be read whole.
            SourceAway: nothing can be read now.
        """

    def close(self) -> None:
        """Give back connections."""
