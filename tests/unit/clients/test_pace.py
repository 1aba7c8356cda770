"""The documented rate: one initial request and ten next pages a minute."""

from __future__ import annotations

from datetime import timedelta

import httpx2

from factories import NOON
from ringback.cdr import Pace
from ringback.clients.pace import RequestKind
from unit.clients.cloud import HOUR, Cloud, Way, World, ids, page


def test_pages_keep_to_the_rate(way: Way, world: World) -> None:
    """A window of many pages is read without a single 429, and no slower than the rate allows."""
    cloud = Cloud(world, [NOON - timedelta(seconds=n) for n in range(1, 351)], page_size=10)
    assert ids(way.read(cloud)) == cloud.all_ids
    assert cloud.refused == []
    assert len(world.requests) == 35
    assert world.waits == [60.0, 60.0, 60.0]


def test_slices_keep_to_the_rate(way: Way, world: World) -> None:
    """Each slice begins with an initial request, of which there is one a minute."""
    cloud = Cloud(world, [NOON - n * HOUR for n in range(40)])
    way.read(cloud, NOON - 30 * HOUR, NOON)
    assert (cloud.refused, world.waits) == ([], [60.0, 60.0])
    assert (world.totals[-1].waits, world.totals[-1].waited) == (2, 120.0)


def test_feed_and_stream_share_the_rate(way: Way, world: World) -> None:
    """Reading the feed and then the stream in one session takes two minutes' worth of initial requests."""
    cloud = Cloud(world, [NOON - timedelta(minutes=1)])
    window = (NOON - HOUR, NOON)
    way.read_each(cloud, [(window, {"stream": False}), (window, {"stream": True})])
    assert (cloud.refused, world.waits) == ([], [60.0])


def test_sessions_can_share_a_pace(way: Way, world: World) -> None:
    """Two sessions with the same token keep to one rate if they are given one pace."""
    cloud = Cloud(world, [NOON - timedelta(minutes=1)])
    pace = Pace()
    way.read(cloud, session={"pace": pace})
    way.read(cloud, session={"pace": pace})
    assert (cloud.refused, world.waits) == ([], [60.0])


def test_a_slow_answer_does_not_bring_requests_together(way: Way, world: World) -> None:
    """A minute is counted from the answer, for the server may have counted the request as late as that."""

    def slow(_: httpx2.Request) -> httpx2.Response:
        world.seconds += 20
        return page()

    way.read(slow, NOON - 13 * HOUR, NOON)
    assert world.waits == [60.0]


def test_rates_can_be_set() -> None:
    """Another server may have another rate, or none."""
    pace = Pace(initial=2, following=None, period=10)
    assert [pace.book(RequestKind.INITIAL, 5).at for _ in range(5)] == [5, 5, 15, 15, 25]
    assert [pace.book(RequestKind.NEXT, 5).at for _ in range(50)] == [5] * 50
    assert [Pace.unlimited().book(RequestKind.INITIAL, 5).at for _ in range(50)] == [5] * 50
