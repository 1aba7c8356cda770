"""What to ask next. A pure function of the windows asked so far, so that a restart needs no memory but these."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from ringback.ledger.windows import AUDIT, FOLDED, AskedWindow, Backfill, Ended
from ringback.sources.collecting.intervals import Range, Ranges, clip, length, subtract, union
from ringback.sources.collecting.plan import Gap, History, Outlook, Task
from ringback.sources.webex.coverage import beyond_proof, feed_need, feed_reads, proof
from ringback.sources.webex.rules import DAY, FEED, HOUR, MINUTE, STREAM, Rules

LIVE = "live"
CATCH_UP = "catch-up"
BACKFILL = "backfill"

_RETRY_AFTER = (0, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)
"""How long a window that failed is left alone, by the number of its failures; others are read meanwhile."""

_LAGGING = 15 * MINUTE
"""A lag of the newest records is called a gap from here on."""

_DENSITY_WINDOWS = 50
_KEPT_LONGER = 2 * DAY
"""Windows are not folded as soon as they could be, but so much later: people may want to look at them."""


class _Failed(msgspec.Struct, frozen=True):
    window: AskedWindow
    failures: int

    def due(self) -> int:
        return (self.window.ended_at or self.window.asked_at) + _RETRY_AFTER[min(self.failures, len(_RETRY_AFTER)) - 1]


def look(rules: Rules, history: History, now: int) -> Outlook:
    """What follows from the history at a time.

    Args:
        now: by the clock of the cloud, or a little before it.
    """
    return _Planner(rules, history, now).outlook()


class _Planner:
    def __init__(self, rules: Rules, history: History, now: int) -> None:
        self._rules = rules
        self._history = history
        self._now = now
        self._reads = feed_reads(history.windows)
        self._proof = proof(rules, history.windows)
        self._edge = rules.stream_edge(now)
        missing = subtract([(history.begins_at, self._edge)], [*self._proof, *history.lost])
        self._settled = min([now - rules.feed_oldest - _KEPT_LONGER, self._edge, *(start for start, _ in missing)])
        # What the stream no longer has, the feed may have.
        self._border = min(self._edge, rules.stream_reach(now))
        old = clip(missing, history.begins_at, self._border)
        self._lost = beyond_proof(rules, old, self._reads, now)
        self._old = subtract(old, self._lost)
        self._recent = clip(missing, self._border, self._edge)
        self._failed = _failures(history.windows)
        self._poll = rules.poll

    def outlook(self) -> Outlook:
        missing = union([*self._old, *self._recent])
        complete = missing[0][0] if missing else self._edge
        done = [each for each in self._history.backfills if not self._wish(each)]
        task = self._task()
        return Outlook(
            task=task,
            wait=0 if task else self._wait(),
            complete_up_to=max(complete, self._history.begins_at),
            gaps=self._gaps(),
            lost=self._lost,
            done=done,
            caught_up=self._caught_up(task),
            settled=self._settled,
            # To prove a later time with the feed, windows count that end up to `widening` before it.
            spent=self._settled - self._rules.widening,
        )

    def _task(self) -> Task | None:
        wishes = union(part for each in self._history.backfills for part in self._wish(each))
        if self._history.only_backfills:
            return self._feed(wishes, BACKFILL)
        needs = self._needs()
        audit = self._audit()
        urgent = [need for need in needs if need[0] < self._rules.feed_reach(self._now) + HOUR]
        if needs or wishes or audit or len(self._recent) > 1:
            self._poll = self._rules.busy_poll
        return (
            self._again()
            or self._feed(urgent, CATCH_UP)
            or self._stream()
            or self._feed(wishes, BACKFILL)
            or self._feed(needs, CATCH_UP)
            or audit
        )

    def _caught_up(self, task: Task | None) -> bool:
        """Whether all but the newest records is there. A token of few requests never gets nearer than a few of them."""
        near = 2 * (self._rules.poll + self._rules.period)
        no_gap = task is None or (task.purpose in (LIVE, AUDIT) and length(self._recent) <= near)
        no_gap = no_gap and all(end == self._edge for _, end in self._recent)
        return no_gap and not (self._needs() or self._postponed(STREAM) or self._postponed(FEED))

    def _again(self) -> Task | None:
        for failed in self._failed:
            window = failed.window
            if failed.due() <= self._now and window.start >= self._reach(window.endpoint):
                return Task(
                    endpoint=window.endpoint,
                    purpose=window.purpose,
                    start=window.start,
                    end=window.end,
                    attempt=failed.failures + 1,
                )
        return None

    def _stream(self) -> Task | None:
        rules = self._rules
        for start, end in subtract(self._recent, self._postponed(STREAM)):
            if end == self._edge and end - start < self._poll:
                continue
            begin = max(start - rules.overlap, self._border)
            until = min(begin + rules.stream_span, end + rules.overlap, self._edge)
            purpose = LIVE if end == self._edge and end - start < rules.stream_span else CATCH_UP
            return Task(endpoint=STREAM, purpose=purpose, start=begin, end=until)
        return None

    def _needs(self) -> Ranges:
        """What to read from the feed, so that old gaps are proved, and lost ones are read as far as they can be."""
        gaps = [*self._old, *self._lost, *self._history.lost]
        return union(part for gap in gaps for part in feed_need(self._rules, gap, self._reads, self._now))

    def _wish(self, backfill: Backfill) -> Ranges:
        rules = self._rules
        wanted = [(backfill.start - rules.longest_call, backfill.end)]
        later = [window for window in self._history.windows if window.number > backfill.after_window]
        since = [(start, end) for start, end, _ in feed_reads(later)]
        return subtract(clip(wanted, rules.feed_reach(self._now), rules.feed_edge(self._now)), since)

    def _feed(self, needs: Ranges, purpose: str) -> Task | None:
        rules = self._rules
        for start, end in subtract(needs, self._postponed(FEED)):
            begin = max(start - rules.overlap, rules.feed_reach(self._now))
            until = min(begin + rules.feed_span, end + rules.overlap, rules.feed_edge(self._now))
            return Task(endpoint=FEED, purpose=purpose, start=begin, end=until)
        return None

    def _audit(self) -> Task | None:
        rules = self._rules
        if not rules.audit_every:
            return None
        postponed = self._postponed(FEED)
        for start, end in self._audited():
            since = max(end + rules.feed_newest, self._now - rules.audit_every)
            read = [(first, last) for first, last, asked_at in self._reads if asked_at >= since]
            if subtract([(start, end)], [*read, *postponed]):
                begin = max(start - rules.overlap, rules.feed_reach(self._now))
                return Task(endpoint=FEED, purpose=AUDIT, start=begin, end=begin + rules.feed_span)
        return None

    def _audited(self) -> Iterator[Range]:
        """Ranges of the feed that an audit looks at. They lie on a grid, so that each is read a few times only."""
        rules = self._rules
        step = rules.feed_span - rules.overlap - 1  # a window proves a millisecond less than it is long
        last = (self._now - rules.feed_newest - rules.margin) // step * step
        first = max(self._now - rules.audit_reach, self._history.begins_at)
        for end in range(last, first, -step):
            yield end - step, end

    def _postponed(self, endpoint: str) -> Ranges:
        """What has failed of late and is left alone for now."""
        return union(
            (failed.window.start, failed.window.end)
            for failed in self._failed
            if failed.window.endpoint == endpoint and failed.due() > self._now
        )

    def _reach(self, endpoint: str) -> int:
        return self._border if endpoint == STREAM else self._rules.feed_reach(self._now)

    def _wait(self) -> int:
        waits = [failed.due() - self._now for failed in self._failed if failed.due() > self._now]
        tail = self._recent[-1] if self._recent and self._recent[-1][1] == self._edge else (self._edge, self._edge)
        waits.append(self._poll - (tail[1] - tail[0]))
        return max(min(waits), self._rules.poll // 60)

    def _gaps(self) -> list[Gap]:
        gaps = []
        for start, end in self._old:
            needed = feed_need(self._rules, (start, end), self._reads, self._now)
            gaps.append(self._gap(start, end, FEED, needed, self._rules.feed_span))
        for start, end in self._recent:
            if end < self._edge or end - start > _LAGGING:
                gaps.append(self._gap(start, end, STREAM, [(start, end)], self._rules.stream_span))
        return gaps

    def _gap(self, start: int, end: int, endpoint: str, needed: Ranges, span: int) -> Gap:
        rules = self._rules
        slices = sum(math.ceil((last - first) / (span - rules.overlap)) for first, last in needed)
        records = _density(self._history.windows) * length(needed)
        more = max(0, math.ceil(records / rules.max_page) - slices)
        periods = max(slices / rules.initial, more / rules.following)
        return Gap(
            start=start, end=end, endpoint=endpoint, requests=slices + more, minutes=periods * rules.period / MINUTE
        )


def _failures(windows: Sequence[AskedWindow]) -> list[_Failed]:
    """Windows that failed and have not been read whole since, oldest first."""
    failed: dict[tuple[str, int, int], _Failed] = {}
    for window in windows:
        key = (window.endpoint, window.start, window.end)
        if window.ended is Ended.FAILED:
            before = failed.pop(key, None)
            failed[key] = _Failed(window, 1 + (before.failures if before else 0))
        elif window.ended is Ended.COMPLETE and failed:
            inside = [each for each in failed if each[0] == key[0] and key[1] <= each[1] and each[2] <= key[2]]
            for each in inside:
                del failed[each]
    return sorted(failed.values(), key=lambda each: each.window.start)


def _density(windows: Sequence[AskedWindow]) -> float:
    """Records in a millisecond, as far as is known."""
    asked = [window for window in windows if window.ended is Ended.COMPLETE and window.purpose != FOLDED]
    known = asked[-_DENSITY_WINDOWS:]
    spans = sum(window.end - window.start for window in known)
    return sum(window.counts.items for window in known) / spans if spans else 0.0
