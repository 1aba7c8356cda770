"""Leases and the window ledger: who may write, what is refused, and what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from factories import ORG, OTHER_ORG, Clock
from ringback.ledger.leases import Lease, LeaseLost, Leases, Taken
from ringback.ledger.windows import AUDIT, FOLDED, Counts, Ended, LostRange, WindowLedger
from ringback.store import Store

LIFETIME = timedelta(seconds=30)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    store = Store.open(tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def leases(store: Store, clock: Clock) -> Leases:
    """The leases of the store."""
    return Leases(store, clock)


def take(leases: Leases, holder: str = "one") -> Lease:
    """The lease of a source, which is free."""
    lease = leases.take(ORG, "source s", holder, LIFETIME)
    assert isinstance(lease, Lease)
    return lease


def test_one_holder_at_a_time(leases: Leases, clock: Clock) -> None:
    """While a lease lasts nobody else gets it, and whoever asks is told who has it and until when."""
    take(leases)
    assert leases.take(ORG, "source s", "two", LIFETIME) == Taken("one", clock.now + 30_000)
    assert isinstance(leases.take(ORG, "source t", "two", LIFETIME), Lease)
    assert isinstance(leases.take(OTHER_ORG, "source s", "two", LIFETIME), Lease)


def test_a_dead_holder_loses_the_lease(leases: Leases, clock: Clock) -> None:
    """A lease that was not renewed is taken by the next one who asks, in a new epoch; the old holder is refused."""
    first = take(leases)
    clock.now += 30_000
    second = take(leases, "two")
    assert second.epoch == first.epoch + 1
    with pytest.raises(LeaseLost):
        leases.renew(first, LIFETIME)
    leases.release(first)
    assert leases.holder(ORG, "source s") == Taken("two", clock.now + 30_000)


def test_a_renewed_lease_stays(leases: Leases, clock: Clock) -> None:
    """A lease that is renewed is kept, also when that was late and nobody had taken it; a released one is free."""
    lease = take(leases)
    clock.now += 45_000
    leases.renew(lease, LIFETIME)
    assert isinstance(leases.take(ORG, "source s", "two", LIFETIME), Taken)
    leases.release(lease)
    assert leases.holder(ORG, "source s") is None
    assert take(leases, "two").epoch == lease.epoch + 1


def test_a_window_is_written_down(store: Store, leases: Leases) -> None:
    """A window keeps its range, when it was asked, all its counts, how it ended and why; the source has the sums."""
    lease, ledger = take(leases), WindowLedger(store)
    ledger.enrol(lease, "s", "webex")
    for purpose in ("live", AUDIT):
        number = ledger.begin(lease, "s", "stream", purpose, 1000, 2000, 3000)
        ledger.add(
            lease, "s", number, Counts(pages=1, items=5, new=2, revised=1, duplicate=1, quarantined=1, requests=2)
        )
        ledger.add(lease, "s", number, Counts(pages=1, items=1, new=1, waits=1, waited=500, odd=1))
        ledger.end(lease, "s", number, Ended.COMPLETE, 4000, reason="a remark", total_count=6)
    first, second = ledger.windows(ORG, "s", since=1999)
    assert (first.number, first.purpose, second.number, second.purpose) == (1, "live", 2, AUDIT)
    assert (first.start, first.end, first.asked_at, first.ended_at) == (1000, 2000, 3000, 4000)
    assert (first.ended, first.reason, first.total_count) == (Ended.COMPLETE, "a remark", 6)
    assert first.counts == Counts(2, 6, 3, 1, 1, 1, 1, 2, 1, 500)
    assert ledger.windows(ORG, "s", since=2000) == []
    assert [window.number for window in ledger.last(ORG, "s", 1)] == [2]
    state = ledger.state(ORG, "s")
    assert state
    assert (state.counts.new, state.counts.requests, state.audited) == (6, 4, 3)


def test_a_window_that_was_read_in_part_is_written_down_so(store: Store, leases: Leases) -> None:
    """A window that was read up to an earlier time than was asked for ends there, and nothing beyond counts as read."""
    lease, ledger = take(leases), WindowLedger(store)
    ledger.enrol(lease, "s", "portsip")
    number = ledger.begin(lease, "s", "details", "details", 1000, 2000, 3000)
    assert ledger.end(lease, "s", number, Ended.COMPLETE, 4000, end=1500).end == 1500
    assert [(window.start, window.end) for window in ledger.windows(ORG, "s", since=0)] == [(1000, 1500)]


def test_windows_are_folded(store: Store, leases: Leases) -> None:
    """Windows that are folded are gone; one stands for them that has their counts, and that grows with the next ones.
    It is not among the last that were asked, and the totals of the source stay as they are."""
    lease, ledger = take(leases), WindowLedger(store)
    for source in ("s", "t"):
        ledger.enrol(lease, source, "webex")
        for asked_at in range(5):
            number = ledger.begin(lease, source, "stream", "live", 1000 * asked_at, 1000 * asked_at + 1500, asked_at)
            ledger.add(lease, source, number, Counts(pages=1, items=2, new=1, duplicate=1))
            ledger.end(lease, source, number, Ended.FAILED if number == 2 else Ended.COMPLETE, asked_at + 10)
    state = ledger.state(ORG, "s")
    ledger.fold(lease, "s", [1, 2], 500, 2000)
    folded = ledger.fold(lease, "s", [3], 700, 1900)
    assert ledger.windows(ORG, "s", since=0)[0] == folded
    assert (folded.number, folded.purpose, folded.ended) == (0, FOLDED, Ended.COMPLETE)
    assert (folded.start, folded.end, folded.asked_at, folded.ended_at) == (500, 2000, 2, 12)
    assert folded.counts == Counts(pages=3, items=6, new=3, duplicate=3)
    assert [window.number for window in ledger.windows(ORG, "s", since=0)] == [0, 4, 5]
    assert [window.number for window in ledger.last(ORG, "s", 9)] == [5, 4]
    assert len(ledger.windows(ORG, "t", since=0)) == 5
    assert ledger.state(ORG, "s") == state
    assert ledger.begin(lease, "s", "stream", "live", 1, 2, 3) == 6


def test_what_a_dead_collector_left_open_was_interrupted(store: Store, leases: Leases) -> None:
    """A window that was open when its collector died never counts as complete."""
    lease, ledger = take(leases), WindowLedger(store)
    ledger.enrol(lease, "s", "webex")
    ledger.begin(lease, "s", "stream", "live", 1000, 2000, 3000)
    ledger.enrol(lease, "s", "webex")
    (window,) = ledger.windows(ORG, "s", since=0)
    assert window.ended is Ended.INTERRUPTED
    assert window.reason


def test_who_lost_the_lease_writes_nothing(store: Store, leases: Leases, clock: Clock) -> None:
    """Every write of a holder whose lease was taken over is refused, and leaves nothing."""
    old, ledger = take(leases), WindowLedger(store)
    ledger.enrol(old, "s", "webex")
    number = ledger.begin(old, "s", "stream", "live", 1000, 2000, 3000)
    clock.now += 30_000
    new = take(leases, "two")
    ledger.want(ORG, "s", 1, 2, 3)
    (wish,) = ledger.backfills(ORG, "s")
    before = ledger.state(ORG, "s"), ledger.last(ORG, "s", 9)
    for write in (
        lambda: ledger.enrol(old, "s", "webex"),
        lambda: ledger.begin(old, "s", "stream", "live", 1, 2, 3),
        lambda: ledger.add(old, "s", number, Counts(new=1)),
        lambda: ledger.end(old, "s", number, Ended.COMPLETE, 1),
        lambda: ledger.fold(old, "s", [number], 1, 2),
        lambda: ledger.lose(old, "s", 1, 2, 3),
        lambda: ledger.fulfil(old, "s", wish, 3),
        lambda: ledger.set_begin(old, "s", 1),
        lambda: ledger.set_asked(old, "s", 1),
        lambda: ledger.set_problem(old, "s", "x", 1),
        lambda: ledger.set_progress(old, "s", 1, 1),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert (ledger.state(ORG, "s"), ledger.last(ORG, "s", 9)) == before
    assert ledger.lost(ORG, "s") == []
    assert ledger.backfills(ORG, "s") == [wish]
    assert ledger.enrol(new, "s", "webex").source == "s"


def test_a_loss_is_noted_once(store: Store, leases: Leases) -> None:
    """A lost range is remembered from when it was noticed first."""
    lease, ledger = take(leases), WindowLedger(store)
    assert ledger.lose(lease, "s", 1, 2, 3)
    assert not ledger.lose(lease, "s", 1, 2, 9)
    assert ledger.lost(ORG, "s") == [LostRange(1, 2, 3)]


def test_a_wish_can_be_made_again(store: Store, leases: Leases) -> None:
    """A backfill that is done and wished again is to be done again, by windows asked after the new wish."""
    lease, ledger = take(leases), WindowLedger(store)
    ledger.enrol(lease, "s", "webex")
    ledger.want(ORG, "s", 1, 2, 3)
    (wish,) = ledger.backfills(ORG, "s")
    ledger.begin(lease, "s", "feed", "backfill", 1, 2, 3)
    ledger.fulfil(lease, "s", wish, 4)
    assert ledger.backfills(ORG, "s")[0].done_at == 4
    ledger.want(ORG, "s", 1, 2, 5)
    (again,) = ledger.backfills(ORG, "s")
    assert (again.wanted_at, again.after_window, again.done_at) == (5, 1, None)
    ledger.fulfil(lease, "s", wish, 6)
    assert ledger.backfills(ORG, "s")[0].done_at is None
