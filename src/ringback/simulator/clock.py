"""Time inside the simulator: whole milliseconds since 1970 in UTC, their wire text, and a few time zones.

The zones are rules written here and not the system's tz database: that database is missing on some machines, and its
version differs between the others, while the same seed must give the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a time zone is ambiguous: {moment.isoformat()}; add one, such as UTC")
    return (moment - _EPOCH) // _MILLISECOND


def to_datetime(ms: int) -> datetime:
    """The aware UTC datetime of a number of milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=ms)


@lru_cache(maxsize=64)
def _date_text(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def iso(ms: int) -> str:
    """The wire text of a time, such as ``2026-03-02T09:15:00.042Z``."""
    day, rest = divmod(ms, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds, rest = divmod(rest, SECOND)
    return f"{_date_text(day)}T{hours:02}:{minutes:02}:{seconds:02}.{rest:03}Z"


def weekday(ms: int) -> int:
    """Day of the week of a time, Monday being 0 (1970-01-01 was a Thursday)."""
    return (ms // DAY + 3) % 7


def _sunday(year: int, month: int, nth: int) -> int:
    """Midnight UTC of the nth Sunday of a month; nth -1 is the last one."""
    if nth < 0:
        first_of_next = date(year + month // 12, month % 12 + 1, 1)
        day = first_of_next - timedelta(days=first_of_next.isoweekday() or 7)
    else:
        first = date(year, month, 1)
        day = first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))


# A rule gives the start and the end of summer time in a year, in UTC, for a standard offset in minutes.
Rule = Callable[[int, int], tuple[int, int]]


def summer_us(year: int, standard: int) -> tuple[int, int]:
    """United States and Canada: second Sunday of March to first Sunday of November, at 02:00 local time."""
    zone = standard * MINUTE
    return _sunday(year, 3, 2) + 2 * HOUR - zone, _sunday(year, 11, 1) + 1 * HOUR - zone


def summer_eu(year: int, standard: int) -> tuple[int, int]:
    """European Union and United Kingdom: last Sunday of March to last Sunday of October, at 01:00 UTC everywhere."""
    return _sunday(year, 3, -1) + HOUR, _sunday(year, 10, -1) + HOUR


def summer_au(year: int, standard: int) -> tuple[int, int]:
    """South-eastern Australia: first Sunday of October to first Sunday of April, at 02:00 standard time."""
    zone = standard * MINUTE
    return _sunday(year, 10, 1) + 2 * HOUR - zone, _sunday(year, 4, 1) + 2 * HOUR - zone


class Zone:
    """A time zone: its name in the tz database, its standard offset in minutes, and its rule for summer time."""

    def __init__(self, name: str, standard: int, rule: Rule | None = None) -> None:
        self.name = name
        self._standard = standard
        self._rule = rule
        # The span of time for which the last answer holds: calls come in order, so that it nearly always does.
        self._since = self._until = 0
        self._offset = standard
        self._text = str(standard)

    def __repr__(self) -> str:
        return f"Zone({self.name!r})"

    def offset(self, ms: int) -> int:
        """Minutes to add to UTC at a time."""
        if not self._since <= ms < self._until:
            self._look_up(ms)
        return self._offset

    def text(self, ms: int) -> str:
        """The offset as records carry it in ``Site timezone``: signed minutes, such as ``-300``."""
        self.offset(ms)
        return self._text

    def _look_up(self, ms: int) -> None:
        changes = [(ms - DAY, self._standard), (ms + DAY, self._standard)]
        if self._rule is not None:
            this_year = to_datetime(ms).year
            changes = []
            for year in (this_year - 1, this_year, this_year + 1):
                begin, end = self._rule(year, self._standard)
                changes += [(begin, self._standard + 60), (end, self._standard)]
            changes.sort()
        index = max(i for i, (moment, _) in enumerate(changes) if moment <= ms)
        self._since, self._offset = changes[index]
        self._until = changes[index + 1][0]
        self._text = str(self._offset)
