"""Times are written as on the wire, and the zones' rules are those of the tz database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from ringback.simulator.clock import Zone, iso, to_datetime, to_ms, weekday
from ringback.simulator.places import ZONES


def test_times_are_written_in_milliseconds_and_utc() -> None:
    """A time keeps its milliseconds, and there and back is the same."""
    moment = datetime(2026, 2, 28, 23, 59, 59, 42_000, tzinfo=UTC)
    assert iso(to_ms(moment)) == "2026-02-28T23:59:59.042Z"
    assert to_datetime(to_ms(moment)) == moment
    assert weekday(to_ms(moment)) == moment.weekday()


def test_naive_times_are_refused() -> None:
    """A time without a zone is an error, not a guess."""
    with pytest.raises(ValueError, match="without a time zone"):
        to_ms(datetime(2026, 1, 1))  # noqa: DTZ001 - naive on purpose


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone.name)
def test_zones_agree_with_the_tz_database(zone: Zone) -> None:
    """Every zone has the offset of the tz database at every hour of five years, changes of the clock included."""
    try:
        tz = ZoneInfo(zone.name)
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no tz database")
    moment = datetime(2024, 1, 1, 1, tzinfo=UTC)
    while moment.year < 2029:
        offset = moment.astimezone(tz).utcoffset()
        assert offset is not None
        assert zone.offset(to_ms(moment)) == offset // timedelta(minutes=1)
        assert zone.text(to_ms(moment)) == str(offset // timedelta(minutes=1))
        moment += timedelta(hours=1)
