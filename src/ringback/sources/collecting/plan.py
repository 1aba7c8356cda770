"""What the loop and a kind of source say to each other: the windows so far, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ringback.ledger.windows import AskedWindow, Backfill
from ringback.sources.collecting.intervals import Range

HINTED = "hinted"
"""The purpose of a window that is asked because the source let know that it has something new."""


class History(msgspec.Struct, kw_only=True):
    """What is known of a source. Times are milliseconds since 1970 by its clock.

    Attributes:
        begins_at: from when on its records are collected.
        windows: asked so far, the oldest of them folded into one.
        lost: ranges that can no longer be completed.
        backfills: ranges that somebody wants read and that are not done.
        only_backfills: leave everything else to others.
        hinted_at: since when there may be something new; None if nobody said so since the last window with the purpose
            `HINTED`.
    """

    begins_at: int
    windows: Sequence[AskedWindow] = ()
    lost: Sequence[Range] = ()
    backfills: Sequence[Backfill] = ()
    only_backfills: bool = False
    hinted_at: int | None = None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A window to be asked next.

    Attributes:
        endpoint, purpose: see `AskedWindow`.
        start, end: the window; end exclusive.
        attempt: 1, or more if this very window has failed before.
    """

    endpoint: str
    purpose: str
    start: int
    end: int
    attempt: int = 1


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A range that is missing and can still be read.

    Attributes:
        endpoint: by which.
        requests: that it will take, about.
        minutes: that these will take at the rate of the source, about.
    """

    start: int
    end: int
    endpoint: str
    requests: int
    minutes: float


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from the history of a source.

    Attributes:
        task: what to ask now; None if there is nothing to ask yet.
        wait: milliseconds until there may be, without a task.
        complete_up_to: every record that the source had by then is in the ledger, but for lost ranges.
        gaps: what is missing before the newest, oldest first.
        lost: what can no longer be completed, and is not in the history as lost.
        done: backfills of the history that are done.
        caught_up: nothing is left to be read but what is coming.
        settled: before this time nothing is missing but lost ranges, and nothing more can be read.
        spent: windows that end by this time are needed only to know what is settled. They can be folded.
    """

    task: Task | None
    wait: int
    complete_up_to: int
    gaps: Sequence[Gap]
    lost: Sequence[Range]
    done: Sequence[Backfill]
    caught_up: bool
    settled: int
    spent: int
