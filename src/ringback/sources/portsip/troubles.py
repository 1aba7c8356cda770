"""Windows that failed: which are asked again in smaller pieces, and how long the others are left alone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ringback.ledger.windows import AskedWindow, Ended
from ringback.sources.collecting.intervals import HOUR, MINUTE, SECOND, Ranges, length, subtract, union
from ringback.sources.collecting.plan import HINTED
from ringback.sources.portsip.abilities import DETAILS, Axis, axis_of, list_of
from ringback.sources.portsip.rules import whole_second

SMALLEST = 10 * SECOND
"""A window is not cut into smaller pieces than this."""

_RETRY_AFTER = (0, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)
"""How long a window that cannot be cut is left alone, by the number of its failures; others are read meanwhile."""

_IN_A_ROW = 12
"""So many failures in a row may come of cutting one window. Of more, the source is left alone for a while."""

_LONGEST_PAUSE = 15 * MINUTE
_REMEMBERED = 2 * HOUR


class _Failed(msgspec.Struct):
    window: AskedWindow
    failures: int
    rest: Ranges

    def at(self) -> int:
        return self.window.ended_at or self.window.asked_at

    def due(self) -> int:
        return self.at() + _RETRY_AFTER[min(self.failures, len(_RETRY_AFTER)) - 1]

    def can_be_cut(self) -> bool:
        return self.window.end - self.window.start > SMALLEST


class Troubles:
    """What went wrong with the windows of a source and has not gone well since.

    Args:
        windows: in the order they were asked.
        overlap: of windows; what is left of a failed one within it is of no interest.
        now: by the clock of the source.
    """

    def __init__(self, windows: Sequence[AskedWindow], overlap: int, now: int) -> None:
        self._now = now
        self._failed: dict[tuple[str, int, int], _Failed] = {}
        self._in_a_row: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._lists_in_a_row = self._last_list = 0
        for window in windows:
            if window.purpose == HINTED or not (list_of(window.endpoint) or window.endpoint == DETAILS):
                continue
            if window.ended is Ended.FAILED:
                self._fail(window)
            elif window.ended is Ended.COMPLETE:
                self._succeed(window, overlap)

    def _fail(self, window: AskedWindow) -> None:
        name, at = window.endpoint, window.ended_at or window.asked_at
        self._in_a_row[name] = self._in_a_row.get(name, 0) + 1
        self._last[name] = at
        if name == DETAILS:
            return
        self._lists_in_a_row += 1
        self._last_list = at
        if axis_of(name) is not Axis.ALL and at > self._now - _REMEMBERED:
            key = (name, window.start, window.end)
            before = self._failed.pop(key, None)
            failures = 1 + (before.failures if before else 0)
            self._failed[key] = _Failed(window, failures, [(window.start, window.end)])

    def _succeed(self, window: AskedWindow, overlap: int) -> None:
        self._in_a_row[window.endpoint] = 0
        if window.endpoint == DETAILS:
            return
        self._lists_in_a_row = 0
        for key, failed in list(self._failed.items()):
            if key[0] == window.endpoint and window.start < key[2] and key[1] < window.end:
                failed.rest = subtract(failed.rest, [(window.start, window.end)])
                # Windows that follow begin and end a little later than those that failed.
                if length(failed.rest) <= min(2 * overlap, (key[2] - key[1]) // 2):
                    del self._failed[key]

    def pause(self, name: str) -> int:
        """Milliseconds for which an endpoint that is not asked by time is to be left alone."""
        number = self._in_a_row.get(name, 0)
        if not number:
            return 0
        return max(0, self._last[name] + _RETRY_AFTER[min(number, len(_RETRY_AFTER)) - 1] - self._now)

    def lists_pause(self) -> int:
        """Milliseconds for which no list is to be asked, since nothing at all goes well."""
        beyond = self._lists_in_a_row - _IN_A_ROW
        if beyond < 0:
            return 0
        return max(0, self._last_list + min(MINUTE << min(beyond, 10), _LONGEST_PAUSE) - self._now)

    def postponed(self, name: str) -> Ranges:
        """What has failed of late, cannot be cut, and is left alone for now."""
        return union((failed.window.start, failed.window.end) for failed in self._waiting() if _is_of(failed, name))

    def span_at(self, name: str, time: int) -> int | None:
        """How long a window may be that begins the reading of a time; None for any length."""
        spans = [
            max(whole_second((failed.window.end - failed.window.start) // 2), SMALLEST)
            for failed in self._failed.values()
            if _is_of(failed, name) and failed.window.start <= time < failed.window.end
        ]
        return min(spans, default=None)

    def attempts(self, name: str, start: int, end: int) -> int:
        """How often this very window has failed; one that is not asked by time, how often in a row."""
        if axis_of(name) is Axis.ALL:
            return self._in_a_row.get(name, 0)
        failed = self._failed.get((name, start, end))
        return failed.failures if failed else 0

    def next_due(self) -> int | None:
        """Milliseconds until something that is left alone is due; None if nothing is."""
        waits = [failed.due() - self._now for failed in self._waiting()]
        waits += [pause for name in self._in_a_row if (pause := self.pause(name))]
        if pause := self.lists_pause():
            waits.append(pause)
        return min(waits, default=None)

    def _waiting(self) -> list[_Failed]:
        return [failed for failed in self._failed.values() if not failed.can_be_cut() and failed.due() > self._now]


def _is_of(failed: _Failed, name: str) -> bool:
    return failed.window.endpoint == name
