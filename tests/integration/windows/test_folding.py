"""Old windows are folded into one: the table stays small, and what follows from it stays the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from collecting import START, Beside
from factories import ORG
from ringback.ledger.leases import Lease, Leases
from ringback.ledger.windows import FOLDED, AskedWindow, Counts, Ended
from ringback.records.values import to_milliseconds
from ringback.simulator.cloud import ManualClock, SimulatedCloud
from ringback.sources.collecting.plan import History, Outlook
from ringback.sources.collecting.worker import job
from ringback.sources.webex.planner import look
from ringback.sources.webex.rules import DAY, HOUR, MINUTE, STREAM
from ringback.sources.webex.source import rules_of

SHORT = {"feed_oldest": "2d", "longest_call": "1h", "latest_record": "1h", "audit_reach": "1d", "poll": "1h"}
"""Settings of a source that is read as if its cloud kept 2 days."""

NOW = to_milliseconds(START)
LOST = NOW - 10 * DAY, NOW - 10 * DAY + 6 * HOUR


def test_what_was_read_long_ago_stays_complete(tmp_path: Path) -> None:
    """A source that has been collected without a gap for longer than its cloud keeps records has lost nothing."""
    clock = ManualClock(START)
    with SimulatedCloud(orgs=[ORG], clock=clock) as cloud:
        both = Beside(cloud, clock, tmp_path / "data", ORG, history="0s", **SHORT)
        for _ in range(12):
            both.collect()
            clock.advance(timedelta(hours=10))
        both.collect()
        assert both.windows.lost(ORG, "cloud") == []
        assert both.state.complete_up_to
        assert both.state.complete_up_to > to_milliseconds(clock.now()) - 2 * HOUR
        both.close()


def test_old_windows_are_folded_and_nothing_else_changes(tmp_path: Path) -> None:
    """A collector folds the windows that are older than the cloud keeps, however they ended, a hundred at a time, and
    leaves the newest hundred of these. What is complete, what is missing, what is lost, and all totals are as they
    would be without that."""
    clock = ManualClock(START)
    with SimulatedCloud(orgs=[ORG], clock=clock) as cloud:
        both = Beside(cloud, clock, tmp_path / "data", ORG, **SHORT)
        _collected(both, NOW - 11 * DAY)
        asked, state = both.asked(), both.state
        lost = both.windows.lost(ORG, "cloud")
        both.collect(START + timedelta(minutes=40))
        now = to_milliseconds(clock.now())
        windows = both.asked()
        new = [window for window in windows if window.number > len(asked)]
        without, with_it = _look(both, [*asked, *new], now), _look(both, windows, now)

        assert [window.number for window in windows if window.purpose == FOLDED] == [0]
        assert {Ended.FAILED, Ended.INTERRUPTED} <= {window.ended for window in asked[:100]}
        left = [window for window in windows if window.end <= with_it.spent and window.number]
        assert 100 <= len(left) < 200 < len([window for window in asked if window.end <= with_it.spent])
        assert with_it == without
        assert with_it.gaps
        assert both.windows.lost(ORG, "cloud") == lost
        assert _totals(windows) == _totals([*asked, *new])
        names = ("new", "requests", "waits", "waited", "duplicate")
        more = state.counts + _totals(new)
        assert [getattr(both.state.counts, name) for name in names] == [getattr(more, name) for name in names]
        assert both.windows.last(ORG, "cloud", 10**6)[-1].number > 0
        both.close()


def _collected(both: Beside, begins_at: int) -> None:
    """Write down windows of 40 minutes, as if the source had been collected until 3 hours ago, now and then with
    trouble, and not at all for 6 hours."""
    leases = Leases(both.store, both.clock.now)
    lease = leases.take(ORG, job("cloud"), "somebody", timedelta(days=1))
    assert isinstance(lease, Lease)
    ledger = both.windows
    ledger.enrol(lease, "cloud", "webex")
    ledger.set_begin(lease, "cloud", begins_at)
    ledger.lose(lease, "cloud", *LOST, NOW - 7 * DAY)
    for number, end in enumerate(range(begins_at + 40 * MINUTE, NOW - 3 * HOUR, 40 * MINUTE)):
        if LOST[0] < end < LOST[1] + 40 * MINUTE:
            continue
        for ended in {7: [Ended.FAILED, Ended.COMPLETE], 9: [Ended.INTERRUPTED, Ended.COMPLETE]}.get(
            number % 20, [Ended.COMPLETE]
        ):
            asked_at = end + 5 * MINUTE
            this = ledger.begin(lease, "cloud", STREAM, "live", end - 41 * MINUTE, end, asked_at)
            ledger.add(lease, "cloud", this, Counts(pages=1, items=number, new=number, requests=2, waits=1, waited=5))
            ledger.end(lease, "cloud", this, ended, asked_at + 1, reason="trouble" * (ended is not Ended.COMPLETE))
    leases.release(lease)


def _look(both: Beside, windows: Sequence[AskedWindow], now: int) -> Outlook:
    lost = [(lost.start, lost.end) for lost in both.windows.lost(ORG, "cloud")]
    begins_at = both.state.begins_at
    assert begins_at is not None
    outlook = look(rules_of(both.settings), History(begins_at=begins_at, windows=windows, lost=lost), now)
    return msgspec.structs.replace(outlook, lost=list(outlook.lost))


def _totals(windows: Sequence[AskedWindow]) -> Counts:
    return sum((window.counts for window in windows), Counts())
