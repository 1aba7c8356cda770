"""Sets of time as sorted lists of ranges that do not touch: start inclusive, end exclusive, whole milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Range: TypeAlias = tuple[int, int]
Ranges: TypeAlias = list[Range]


def union(ranges: Iterable[Range]) -> Ranges:
    """All that is in any of them; empty and reversed ones are nothing."""
    joined: Ranges = []
    for start, end in sorted(ranges):
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def subtract(ranges: Iterable[Range], taken: Iterable[Range]) -> Ranges:
    """What is in `ranges` and not in `taken`."""
    left: Ranges = []
    away = union(taken)
    for start, end in union(ranges):
        for gone_start, gone_end in away:
            if gone_end <= start:
                continue
            if gone_start >= end:
                break
            if start < gone_start:
                left.append((start, gone_start))
            start = gone_end
        if start < end:
            left.append((start, end))
    return left


def clip(ranges: Iterable[Range], start: int, end: int) -> Ranges:
    """What of them lies between two times."""
    return union((max(start, first), min(end, last)) for first, last in ranges)


def length(ranges: Iterable[Range]) -> int:
    """How long they are together."""
    return sum(end - start for start, end in union(ranges))
