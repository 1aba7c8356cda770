"""What to ask next. A pure function of the windows asked so far, and of what the PBX was found to heed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from ringback.ledger.windows import AUDIT, FOLDED, AskedWindow, Backfill, Ended
from ringback.sources.collecting.intervals import DAY, MINUTE, SECOND, Range, Ranges, subtract, union
from ringback.sources.collecting.plan import HINTED, Gap, History, Outlook, Task
from ringback.sources.collecting.reads import Read, needed
from ringback.sources.portsip.abilities import DETAILS, PROBE, Abilities, Axis, axis_of, endpoint, list_of
from ringback.sources.portsip.coverage import proof_of, reads_by_end, reads_by_start
from ringback.sources.portsip.rules import Rules, whole_second
from ringback.sources.portsip.troubles import Troubles

LIVE = "live"
CATCH_UP = "catch-up"
REREAD = "re-read"
BACKFILL = "backfill"
TO_PROBE = "probe"
TO_COMPLETE = "details"

_RECENT = 15 * MINUTE
"""How far back the newest rows are asked for, whatever else is missing."""

_LAGGING = 15 * MINUTE
"""A lag of the newest rows is called a gap from here on."""

_SETTLING = 2 * SECOND
"""So long after a hint its row is in the list, most likely."""

_BETWEEN_HINTS = 10 * SECOND
_BETWEEN_CLOCKS = 5 * SECOND
_BETWEEN_DETAILS = 30 * SECOND
_PROBED_AGAIN = DAY
_FEW_ROWS = 2000
"""Windows are made so short that they have about so many rows at most."""

_DENSITY_WINDOWS = 50
_KEPT_LONGER = 2 * DAY
"""Windows are not folded as soon as they could be, but so much later: people may want to look at them."""


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """What is true at a moment, besides the history.

    Attributes:
        now: by the clock of the PBX, or a little before it.
        abilities: of the list that is read; None if they are not known.
        probed_at: when they were looked for the last time; None if that was not since the process began.
        details_until: stored time up to which rows have been there for so long that they can be asked for alone.
        details_left: whether rows of before may be left to be asked for alone.
    """

    now: int
    abilities: Abilities | None
    probed_at: int | None = None
    details_until: int = 0
    details_left: bool = False


def look(rules: Rules, history: History, present: Present) -> Outlook:
    """What follows from the history at a moment."""
    return _Planner(rules, history, present).outlook()


class _Planner:
    def __init__(self, rules: Rules, history: History, present: Present) -> None:
        self._rules = rules
        self._history = history
        self._present = present
        self._now = now = present.now
        self._known = present.abilities
        self._can = present.abilities or _guess(history.windows)
        self._by_end = reads_by_end(rules, history.windows)
        self._by_start = reads_by_start(history.windows)
        self._edge = rules.edge(now)
        self._missing = self._without_proof()
        self._troubles = Troubles(history.windows, rules.overlap, now)
        old_enough = now - max(rules.audit_reach, rules.longest_call) - _KEPT_LONGER
        self._settled = min([old_enough, self._edge, *(start for start, _ in self._missing)])
        if rules.details:
            self._settled = min(self._settled, self._details_done())
        self._span = self._fitting_span()
        self._recent = max(_RECENT, 3 * self._poll())

    def outlook(self) -> Outlook:
        complete = self._missing[0][0] if self._missing else self._edge
        task = self._task()
        return Outlook(
            task=task,
            wait=0 if task else self._wait(),
            complete_up_to=max(complete, self._history.begins_at),
            gaps=self._gaps(),
            lost=[],
            done=[each for each in self._history.backfills if self._is_done(each)],
            caught_up=self._caught_up(task),
            settled=self._settled,
            # To prove a later end, readings of starts count that lie up to a longest call before it.
            spent=self._settled - self._rules.longest_call - self._rules.overlap,
        )

    def _task(self) -> Task | None:
        if self._known is None or self._is_stale():
            return self._probe()
        if self._troubles.lists_pause():
            return self._complete_rows()
        if self._history.only_backfills:
            return self._backfill()
        return (
            self._hinted()
            or self._live()
            or self._backfill()
            or self._catch_up()
            or self._audit()
            or self._complete_rows()
        )

    def _caught_up(self, task: Task | None) -> bool:
        """Whether all but the newest rows is there."""
        if self._known is None:
            return bool(self._present.probed_at) and not self._old()
        quiet = task is None or task.purpose in (LIVE, HINTED, AUDIT, TO_COMPLETE, TO_PROBE)
        return quiet and not self._old()

    # What is missing.

    def _old(self) -> Ranges:
        """What is missing besides the newest, which is always to come."""
        return [each for each in self._missing if each[1] < self._edge or self._edge - each[0] > self._near]

    @property
    def _near(self) -> int:
        grid = 0 if self._can.axis is Axis.ENDED else self._rules.reread
        return 2 * self._rules.poll + 2 * grid

    def _is_busy(self) -> bool:
        return bool(self._old() or self._wishes())

    def _poll(self) -> int:
        return self._rules.busy_poll if self._is_busy() else self._rules.poll

    # What to ask.

    def _probe(self) -> Task | None:
        if self._probe_due() > self._now:
            return None
        start = whole_second(self._history.begins_at - self._rules.longest_call) - SECOND
        return Task(endpoint=PROBE, purpose=TO_PROBE, start=start, end=whole_second(self._now) + MINUTE)

    def _is_stale(self) -> bool:
        """Whether the PBX may have learned something since it was probed."""
        probed_at = self._present.probed_at
        return probed_at is not None and self._now - probed_at >= _PROBED_AGAIN

    def _probe_due(self) -> int:
        if self._present.probed_at is None or self._is_stale():
            return self._now
        return self._present.probed_at + self._rules.poll

    def _hinted(self) -> Task | None:
        due = self._hint_due()
        if due is None or due > self._now:
            return None
        start = max(self._proved_until() - self._rules.overlap, self._now - self._recent)
        return self._window(self._can.axis, HINTED, start, self._now + MINUTE)

    def _hint_due(self) -> int | None:
        if self._history.hinted_at is None or not self._can.newest_known:
            return None
        asked = (window.asked_at for window in reversed(self._history.windows) if window.purpose in (LIVE, HINTED))
        return max(self._history.hinted_at + _SETTLING, next(asked, 0) + _BETWEEN_HINTS)

    def _live(self) -> Task | None:
        """The newest rows."""
        if not self._can.newest_known:
            return None
        poll = self._poll()
        if self._can.axis is Axis.ENDED:
            since = self._proved_until()
            if self._edge - since < poll:
                return None
            return self._read([(max(since, self._edge - self._recent), self._edge)], LIVE)
        # By the start, what was read may be more a moment later: it counts for as long as a poll lasts.
        now = whole_second(self._now)
        lately = [(start, end) for start, end, asked_at in self._by_start if asked_at > self._now - poll]
        due = [each for each in subtract([(now - self._recent, now)], lately) if each[1] - each[0] >= 2 * poll]
        return self._read(due, LIVE, limit=now)

    def _proved_until(self) -> int:
        """Since when the newest rows are missing, where they are found by their end."""
        if self._missing and self._missing[-1][1] == self._edge:
            return self._missing[-1][0]
        return self._edge

    def _catch_up(self) -> Task | None:
        if self._can.axis is Axis.ENDED:
            return self._read([each for each in self._missing if each[1] < self._edge], CATCH_UP)
        # What is left alone for now is taken for read, so that it keeps nothing else waiting.
        name = endpoint(self._can.list, self._can.axis)
        alone = [(start, end, self._now) for start, end in self._troubles.postponed(name)]
        missing = self._without_proof(alone) if alone else self._missing
        if not missing:
            return None
        # Proved step by step: a step that moved with the time would never be done. What was read for one step counts
        # for the next, so that steps cost nothing, and each window is as long as will soon be needed.
        step = self._rules.reread
        since = missing[0][0]
        first, last = since // step * step + step, self._edge // step * step
        if first > last:
            return None
        until = min(missing[0][1], first)
        begin = self._needed((since, until), alone)[0][0]
        soon = self._needed((since, max(until, last)), alone)
        due = [(begin, end) for start, end in soon if start <= begin < end]
        return self._read(due, CATCH_UP if self._old() else REREAD, limit=whole_second(self._now))

    def _needed(self, gap: Range, besides: Sequence[Read]) -> Ranges:
        return needed(gap, [*self._by_start, *besides], self._rules.longest_call, self._rules.latest_row)

    def _without_proof(self, besides: Sequence[Read] = ()) -> Ranges:
        known = proof_of(self._rules, self._history.windows, self._by_end, [*self._by_start, *besides])
        return subtract([(self._history.begins_at, self._edge)], [*known, *self._history.lost])

    def _wishes(self) -> Ranges:
        return union(part for each in self._history.backfills for part in self._wish(each))

    def _wish(self, wish: Backfill) -> Ranges:
        """What is still to be read of a range of ends that somebody wants. Not before it is past: its end would move
        on and on."""
        if wish.end > self._edge:
            return []
        later = [window for window in self._history.windows if window.number > wish.after_window]
        if self._can.axis is Axis.ENDED:
            wanted, reads = (wish.start, wish.end), reads_by_end(self._rules, later)
        else:
            wanted, reads = (wish.start - self._rules.longest_call, wish.end), reads_by_start(later)
        return subtract([wanted], [(start, end) for start, end, _ in reads])

    def _is_done(self, wish: Backfill) -> bool:
        return self._known is not None and wish.end <= self._edge and not self._wish(wish)

    def _backfill(self) -> Task | None:
        return self._read(self._wishes(), BACKFILL, limit=whole_second(self._now))

    def _audit(self) -> Task | None:
        """What was not read once more for a while, of the last days."""
        rules = self._rules
        if not rules.audit_every:
            return None
        axis = self._can.audit_axis
        reads = self._by_end if axis is Axis.ENDED else self._by_start
        lately = [(start, end) for start, end, asked_at in reads if asked_at > self._now - rules.audit_every]
        begin = max(self._now - rules.audit_reach, self._history.begins_at)
        end = self._edge // rules.audit_every * rules.audit_every
        return self._read(subtract([(begin, end)], lately), AUDIT, axis=axis)

    def _complete_rows(self) -> Task | None:
        """Ask for rows alone, if rows came that were not."""
        if not self._rules.details or self._can.list != "calllogs" or self._details_due() > self._now:
            return None
        start, end = self._details_done(), self._present.details_until
        return Task(endpoint=DETAILS, purpose=TO_COMPLETE, start=start, end=end) if start < end else None

    def _details_done(self) -> int:
        """Up to which stored time there is nothing left to ask."""
        done = [
            window.end
            for window in self._history.windows
            if (window.endpoint == DETAILS and window.ended is Ended.COMPLETE) or window.purpose == FOLDED
        ]
        return max(done, default=0)

    def _details_due(self) -> int:
        """When there is something to ask. Later than any time if nothing came that was not asked for."""
        never = self._now + DAY
        windows = self._history.windows
        last = next((each for each in reversed(windows) if each.endpoint == DETAILS and each.ended_at), None)
        if last is None:
            return self._now
        soonest = max((last.ended_at or last.asked_at) + _BETWEEN_DETAILS, self._now + self._troubles.pause(DETAILS))
        if self._present.details_left or last.ended is not Ended.COMPLETE:
            return soonest
        # A few seconds later: windows have times by the clock of the PBX, rows by that of the ledger.
        came = [
            (window.ended_at or window.asked_at) + self._rules.detail_after + _BETWEEN_CLOCKS
            for window in windows
            if window.endpoint != DETAILS and (window.counts.new or window.counts.revised)
        ]
        return max(soonest, min((at for at in came if at > last.asked_at), default=never))

    # Windows.

    def _read(
        self, needs: Sequence[Range], purpose: str, *, axis: Axis | None = None, limit: int | None = None
    ) -> Task | None:
        """A window that reads the beginning of what is needed.

        Args:
            limit: where it ends at the latest; a second after the edge if not given.
        """
        axis = axis or self._can.axis
        limit = self._edge + SECOND if limit is None else limit
        name = endpoint(self._can.list, axis)
        if axis is Axis.ALL:
            # From the newest row on: what is asked for ends now, however little of it is needed.
            if not needs or self._troubles.pause(name):
                return None
            return self._window(axis, purpose, needs[0][0] - self._rules.overlap, self._now + MINUTE)
        for start, end in subtract(needs, self._troubles.postponed(name)):
            span = min(self._span, self._troubles.span_at(name, start) or self._span)
            overlap = max(min(self._rules.overlap, span // 4), 2 * SECOND)
            begin = whole_second(start - overlap)
            return self._window(axis, purpose, begin, min(begin + span, end + overlap, limit))
        return None

    def _window(self, axis: Axis, purpose: str, start: int, end: int) -> Task:
        name = endpoint(self._can.list, axis)
        start, end = whole_second(start), whole_second(end + SECOND - 1)
        attempt = self._troubles.attempts(name, start, end) + 1
        return Task(endpoint=name, purpose=purpose, start=start, end=end, attempt=attempt)

    def _fitting_span(self) -> int:
        density = _density(self._history.windows)
        fitting = whole_second(int(_FEW_ROWS / density)) if density else self._rules.span
        return min(self._rules.span, max(fitting, 4 * self._rules.overlap))

    def _wait(self) -> int:
        """Until something is due."""
        due = [self._now + self._rules.poll, self._live_due()]
        if self._known is None or self._is_stale():
            due.append(self._probe_due())
        if (hint := self._hint_due()) is not None:
            due.append(hint)
        if self._rules.details:
            due.append(self._details_due())
        if (pause := self._troubles.next_due()) is not None:
            due.append(self._now + pause)
        return max(min(due) - self._now, SECOND)

    def _live_due(self) -> int:
        if self._can.axis is Axis.ENDED:
            return self._proved_until() + self._poll() + self._now - self._edge
        lately = [asked_at for *_, asked_at in self._by_start if asked_at > self._now - self._poll()]
        return min(lately, default=self._now) + self._poll()

    # For people.

    def _gaps(self) -> list[Gap]:
        gaps = []
        for start, end in self._missing:
            if end == self._edge and end - start <= max(_LAGGING, self._near):
                continue
            wide = self._rules.longest_call if self._can.axis is not Axis.ENDED else 0
            windows = math.ceil((end - start + wide) / max(self._span - self._rules.overlap, 1))
            rows = _density(self._history.windows) * (end - start + wide)
            requests = max(windows, math.ceil(rows / self._rules.page))
            minutes = requests / self._rules.requests
            name = endpoint(self._can.list, self._can.axis)
            gaps.append(Gap(start=start, end=end, endpoint=name, requests=requests, minutes=minutes))
        return gaps


def _guess(windows: Sequence[AskedWindow]) -> Abilities:
    """What the list could do the last time that it was read; a guess that only words depend on."""
    for window in reversed(windows):
        name, axis = list_of(window.endpoint), axis_of(window.endpoint)
        if window.ended is Ended.COMPLETE and name:
            return Abilities(list=name, skip=True, ended=axis is Axis.ENDED, started=axis is not Axis.ALL)
    return Abilities(list="calllogs", skip=True, ended=True, started=True)


def _density(windows: Sequence[AskedWindow]) -> float:
    """Rows in a millisecond, as far as is known."""
    asked = [window for window in windows[-4 * _DENSITY_WINDOWS :] if window.ended is Ended.COMPLETE]
    known = [window for window in asked if list_of(window.endpoint) and axis_of(window.endpoint) is not Axis.ALL][
        -_DENSITY_WINDOWS:
    ]
    spans = sum(window.end - window.start for window in known)
    return sum(window.counts.items for window in known) / spans if spans else 0.0
