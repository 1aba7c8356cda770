"""Sets of time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ringback.sources.collecting.intervals import clip, length, subtract, union

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def points(ranges: list[tuple[int, int]]) -> set[int]:
    """Every millisecond of some ranges."""
    return {point for start, end in ranges for point in range(start, end)}


@given(RANGES)
def test_union_has_every_point_once(ranges: list[tuple[int, int]]) -> None:
    """A union has all points of its ranges, in ranges that neither touch nor are empty."""
    joined = union(ranges)
    assert points(joined) == points(ranges)
    assert all(start < end for start, end in joined)
    assert all(before[1] < after[0] for before, after in pairwise(joined))
    assert length(ranges) == len(points(ranges))


@given(RANGES, RANGES)
def test_subtract_takes_away_what_is_taken(ranges: list[tuple[int, int]], taken: list[tuple[int, int]]) -> None:
    """What is left are the points that were not taken."""
    left = subtract(ranges, taken)
    assert points(left) == points(ranges) - points(taken)
    assert left == union(left)


@given(RANGES, st.integers(0, 60), st.integers(0, 60))
def test_clip_keeps_what_lies_between(ranges: list[tuple[int, int]], start: int, end: int) -> None:
    """Clipped ranges have the points between two times."""
    assert points(clip(ranges, start, end)) == points(ranges) & set(range(start, end))
