"""What readings of a source prove that selects records by a time which lies before the one that counts.

The time that counts is that at which a record came into being: when the cloud got it, or when the call ended. It is not
what windows can be asked by. But it lies after the time that they are asked by, by no more than a known length, the
*widening*. So a time i is proved if all of [i - widening, i] was read after i.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ringback.sources.collecting.intervals import Range, Ranges, subtract, union

Read: TypeAlias = tuple[int, int, int]
"""A range of the time that windows are asked by, and when it was asked for."""


def proved(reads: Sequence[Read], widening: int, delay: int) -> Ranges:
    """The times of which every record is there.

    Args:
        delay: a record can be read so long after it came into being.
    """
    found: Ranges = []
    read: Ranges = []
    for start, end, asked_at in sorted(reads, key=lambda each: each[2], reverse=True):
        read = union([*read, (start, end)])  # all that was asked for at this time or later
        ready = asked_at - delay
        found += [(first + widening, min(last, ready)) for first, last in read]
    return union(found)


def needed(gap: Range, reads: Sequence[Read], widening: int, delay: int) -> Ranges:
    """What is still to be read to prove a gap.

    Args:
        gap: of the time that counts.
        widening, delay: see `proved`.
    """
    start, end = gap
    enough = []
    for first, last, asked_at in reads:
        ready = asked_at - delay
        # Read before the end of the gap, it is good only for times from which no record came into being later.
        enough.append((first, last if ready >= end else min(last, ready - widening)))
    return subtract([(start - widening, end)], enough)
