"""Windows of any length, cut into slices that a cloud allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from factories import NOON
from ringback.cdr import UsageError
from unit.clients.cloud import HOUR, Cloud, Way, World, ids, no_pace, page, wire

EDGES = [NOON - 48 * HOUR + n * HOUR for n in range(1, 48)]
"""Records on every edge that a slice may have, and between."""


@pytest.mark.parametrize("inclusive_end", [True, False], ids=["to inclusive", "to exclusive"])
@pytest.mark.parametrize("inclusive_start", [True, False], ids=["from inclusive", "from exclusive"])
@pytest.mark.parametrize("stream", [False, True], ids=["feed", "stream"])
def test_slices_neither_repeat_nor_drop(
    way: Way, world: World, stream: bool, inclusive_start: bool, inclusive_end: bool
) -> None:
    """Two days are read in slices, each record once, whether or not the server's bounds belong to a window."""
    cloud = Cloud(world, EDGES, inclusive_start=inclusive_start, inclusive_end=inclusive_end)
    records = way.read(cloud, NOON - 48 * HOUR, NOON, stream=stream)
    assert ids(records) == cloud.all_ids
    assert cloud.refused == []
    assert len(cloud.windows) == (25 if stream else 5)
    assert cloud.windows[0][0] == NOON - 48 * HOUR
    assert cloud.windows[-1][1] == NOON


def test_a_window_that_is_allowed_is_one_request(way: Way, world: World) -> None:
    """Twelve hours of the feed are asked for as they are."""
    cloud = Cloud(world, EDGES)
    assert len(way.read(cloud, NOON - 12 * HOUR, NOON)) == 12
    assert cloud.windows == [(NOON - 12 * HOUR, NOON)]


def test_spans_can_be_set(way: Way, world: World) -> None:
    """A server of your own may allow longer windows, or only shorter ones."""
    cloud = Cloud(world, EDGES)
    way.read(cloud, NOON - 3 * HOUR, NOON, options={"feed_span": HOUR, "overlap": timedelta(minutes=1)})
    assert cloud.windows == [
        (NOON - 3 * HOUR, NOON - 2 * HOUR),
        (NOON - 2 * HOUR - timedelta(minutes=1), NOON - HOUR - timedelta(minutes=1)),
        (NOON - HOUR - timedelta(minutes=2), NOON - timedelta(minutes=2)),
        (NOON - timedelta(minutes=3), NOON),
    ]
    way.read(lambda _: page(), NOON - 900 * HOUR, NOON, options={"feed_span": None}, session=no_pace())
    assert len(world.requests) == 5


@pytest.mark.parametrize(
    "options", [{"feed_span": timedelta(milliseconds=2)}, {"overlap": timedelta()}], ids=["span", "overlap"]
)
def test_slices_that_get_nowhere_are_refused(way: Way, options: dict[str, Any]) -> None:
    """Slices shorter than their overlap, or without any, are refused before anything is sent."""
    with pytest.raises(UsageError, match="overlap"):
        way.read(lambda _: page(), options=options)


def test_times_are_rounded_outwards(way: Way, world: World) -> None:
    """Digits smaller than a millisecond never make a window shorter."""
    begin = datetime(2026, 3, 2, 10, 0, 0, 1999, tzinfo=UTC)
    way.read(lambda _: page(), begin, begin + timedelta(seconds=1, microseconds=2))
    query = world.requests[0].url.params
    assert (query["startTime"], query["endTime"]) == ("2026-03-02T10:00:00.001Z", "2026-03-02T10:00:01.003Z")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-02T10:00:00Z", "2026-03-02T12:00:00.000Z"),
        ("2026-03-02T11:00:00+01:00", "2026-03-02 07:00:00-05:00"),
        ("20260302T100000Z", datetime(2026, 3, 2, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
    ],
)
def test_forms_of_times(way: Way, world: World, start: Any, end: Any) -> None:
    """Times may be given in any zone, as datetimes or as ISO 8601 texts, and are sent in UTC."""
    way.read(lambda _: page(), start, end)
    query = world.requests[0].url.params
    assert (query["startTime"], query["endTime"]) == ("2026-03-02T10:00:00.000Z", "2026-03-02T12:00:00.000Z")


@pytest.mark.parametrize("naive", [datetime(2026, 3, 2, 10), "2026-03-02T10:00:00", "2026-03-02"], ids=str)  # noqa: DTZ001  that is what is tested
def test_times_without_a_zone_are_refused(way: Way, world: World, naive: Any) -> None:
    """A time without a zone is refused with advice before anything is sent, and not taken as local time."""
    with pytest.raises(UsageError, match=r"start_time is .* without a time zone.*tzinfo=UTC"):
        way.read(lambda _: page(), naive, NOON)
    with pytest.raises(ValueError, match="end_time"):
        way.read(lambda _: page(), NOON - HOUR, naive)
    assert world.requests == []


@pytest.mark.parametrize(("start", "end"), [(NOON, NOON), (NOON, NOON - HOUR), ("yesterday", NOON)])
def test_windows_that_are_none_are_refused(way: Way, world: World, start: Any, end: Any) -> None:
    """An end that is not after the start, and a text that is no time, are refused before anything is sent."""
    with pytest.raises(UsageError, match=r"later than|no ISO 8601 time"):
        way.read(lambda _: page(), start, end)
    assert world.requests == []


@pytest.mark.parametrize(
    ("stream", "age"), [(False, timedelta(hours=47, minutes=58)), (True, timedelta(hours=11, minutes=58))]
)
def test_default_window(way: Way, world: World, stream: bool, age: timedelta) -> None:
    """Without times, the window is one that the endpoint keeps, up to five and a half minutes ago."""
    began = world.now()
    way.read(lambda _: page(), None, None, stream=stream)
    assert world.requests[0].url.path == ("/v1/cdr_stream" if stream else "/v1/cdr_feed")
    assert world.requests[0].url.params["startTime"] == wire(began - age)
    assert world.requests[-1].url.params["endTime"] == wire(began - timedelta(minutes=5, seconds=30))


def test_parameters(way: Way, world: World) -> None:
    """Locations stand with commas between them, further parameters go along, and those that are None do not."""
    way.read(lambda _: page(), locations=["Zürich HB", "A & B, North"], max=700, orgId=None)
    query = world.requests[0].url.params
    assert query["locations"] == "Zürich HB,A & B%2C North"
    assert query["max"] == "700"
    assert "orgId" not in query
    way.read(lambda _: page(), locations="Berlin")
    assert world.requests[1].url.params["locations"] == "Berlin"
    with pytest.raises(UsageError, match="at most 10 locations"):
        way.read(lambda _: page(), locations=["x"] * 11)
