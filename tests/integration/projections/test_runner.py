"""One runner at a time works on an org; another takes over when it is gone; nothing is done twice, nothing left out."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, event

from factories import NOON, ORG, OTHER_ORG, Clock, make_record
from integration.projections.office import Office, kinds
from ringback.ledger import StoredRecord
from ringback.projections import runner as runner_module
from ringback.projections.checkpoints import Checkpoint, Checkpoints
from ringback.projections.outbox import EventKind, NewEvent, write
from ringback.projections.runner import EVENTS_KEPT
from ringback.projections.sessions.projection import Change, SessionsProjection

LEASE = runner_module._LEASE // timedelta(milliseconds=1)


def calls(begin: int, end: int) -> list[Any]:
    """Records of calls that somebody missed, one each."""
    return [
        make_record(f"r{number}", **{"User UUID": f"user {number % 5}", "Correlation ID": f"c{number}"})
        for number in range(begin, end)
    ]


class Counting:
    """A projection that keeps nothing but which records it was given, and which of that was committed."""

    name = "counting"

    def __init__(self) -> None:
        self.written: list[tuple[UUID, int]] = []

    def read(self, org: UUID, stored: Sequence[StoredRecord], told: int) -> list[tuple[UUID, int]]:
        assert all(each.sequence > told for each in stored)
        return [(org, each.sequence) for each in stored]

    def write(self, connection: Connection, org: UUID, change: Any) -> None:
        event.listen(connection, "commit", lambda _: self.written.extend(change), once=True)


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so."""
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_two_runners_do_each_record_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runners at work at the same time, while records come in: each record is done by one of them, once."""
    monkeypatch.setattr(runner_module, "_BATCH", 7)
    monkeypatch.setattr(runner_module, "_POLL_SECONDS", 0.001)
    done = Counting()
    runners = [office.runner(holder, done, office.projection()) for holder in ("one", "two")]
    for runner in runners:
        runner.start()
    for begin in range(0, 100, 10):
        office.ledger.append(calls(begin, begin + 10))
    office.ledger.append([make_record("other", org=OTHER_ORG)])
    until(lambda: len(done.written) >= 101 and office.checkpoint().sequence == 100)
    for runner in runners:
        runner.stop()
    assert sorted(done.written) == sorted([*((ORG, number) for number in range(1, 101)), (OTHER_ORG, 1)])
    assert len(office.rows()) == len(office.events()) == 100


def test_the_second_takes_over_when_the_first_is_gone(office: Office, clock: Clock) -> None:
    """While the first has the lease, the second looks on; once it has run out, the second goes on where it was."""
    one, two = office.runner("one"), office.runner("two")
    office.ledger.append(calls(0, 5))
    assert (two.step(), one.step()) == (5, 0)
    office.ledger.append(calls(5, 8))
    clock.now += LEASE - 1
    assert one.step() == 0
    clock.now += 1
    assert one.step() == 3
    office.ledger.append(calls(8, 9))
    assert (two.step(), one.step()) == (0, 1)
    assert len(office.rows()) == len(office.events()) == 9


def test_who_takes_over_begins_where_the_other_stopped(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that looked before the other one was done, and gets the lease after, does nothing a second time."""
    done = Counting()
    one, two = (office.runner(holder, done) for holder in ("one", "two"))
    office.ledger.append(calls(0, 5))
    take = two._lease

    def late(org: UUID, job: str) -> Any:
        assert one.step() == 5
        one.stop()
        return take(org, job)

    monkeypatch.setattr(two, "_lease", late)
    assert two.step() == 0
    assert len(done.written) == 5
    monkeypatch.undo()
    assert two.step() == 0


def test_a_runner_at_work_keeps_its_lease(office: Office, clock: Clock) -> None:
    """Who goes on working renews the lease in time."""
    one, two = office.runner("one"), office.runner("two")
    for begin in range(10):
        office.ledger.append(calls(begin, begin + 1))
        assert (one.step(), two.step()) == (1, 0)
        clock.now += LEASE - 1


def test_a_runner_that_stops_lets_others_go_on_at_once(office: Office) -> None:
    """A restart does not wait for the lease to run out."""
    office.ledger.append(calls(0, 1))
    one = office.runner("one")
    one.start()
    until(lambda: office.checkpoint().sequence == 1)
    one.stop()
    office.ledger.append(calls(1, 2))
    assert office.runner("two").step() == 1


def test_a_late_commit_is_refused(office: Office, clock: Clock) -> None:
    """Somebody took over while a runner was reading: what it read is not written, and nothing is there twice."""
    two = office.runner("two")

    class Slow(SessionsProjection):
        def read(self, org: UUID, stored: Sequence[StoredRecord], told: int) -> Change:
            change = super().read(org, stored, told)
            clock.now += LEASE
            assert two.step() == 3
            return change

    office.ledger.append(calls(0, 3))
    slow = office.runner("slow", Slow(office.store, office.ledger, office.clock))
    assert slow.step() == 0
    assert len(office.rows()) == len(office.events()) == 3
    office.ledger.append(calls(3, 4))
    assert slow.step() == 0
    assert two.step() == 1


class Interrupted(SessionsProjection):
    """Told to begin again, so many times, while it reads what it had read before."""

    times = 1

    def read(self, org: UUID, stored: Sequence[StoredRecord], told: int) -> Change:
        if stored[0].sequence <= told and self.times:
            self.times -= 1
            with self._store.write() as connection:
                Checkpoints(self._store, self.name).begin_again(connection, org)
        return super().read(org, stored, told)


def test_beginning_again_while_reading(office: Office) -> None:
    """Told to begin again while it does, a projection does not note what it read as done, and tells nothing."""
    runner = office.runner("test", Interrupted(office.store, office.ledger, office.clock))
    office.ledger.append(calls(0, 3))
    assert runner.step() == 3
    office.read_again()
    assert runner.step() == 3
    assert (office.checkpoint().sequence, office.checkpoint().left_again) == (3, 3)
    assert runner.step() == 3
    assert office.checkpoint() == Checkpoint(3)
    assert (runner.step(), len(office.events())) == (0, 3)


def test_new_calls_do_not_wait_for_what_is_read_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a long history is read again, a call that has just ended is done at the next step."""
    monkeypatch.setattr(runner_module, "_BATCH", 10)
    office.add(*calls(0, 100))
    office.read_again()
    assert office.step() == 10
    office.ledger.append(calls(100, 101))
    assert office.step() == 1
    assert (len(office.rows()), len(office.events())) == (101, 101)
    assert office.checkpoint() == Checkpoint(101, 10)
    assert office.checkpoints.behind(office.ledger.newest_of_all()) == 91
    assert (office.catch_up(), office.checkpoint()) == (91, Checkpoint(101))


def test_superseded_records_at_the_end_are_passed(office: Office) -> None:
    """Old versions that come late are never read; a runner passes them once, and then rests."""
    office.ledger.append([make_record("r", report_time=NOON)])
    assert office.step() == 1
    office.ledger.append([make_record("r", report_time=NOON - timedelta(minutes=1))])
    assert office.ledger.newest(ORG) == 2
    assert office.step() == 0
    assert office.checkpoint().sequence == 2
    reads: list[int] = []

    class Watched(SessionsProjection):
        def read(self, org: UUID, stored: Sequence[StoredRecord], told: int) -> Change:
            reads.append(told)
            return super().read(org, stored, told)

    runner = office.runner("test", Watched(office.store, office.ledger, office.clock))
    assert (runner.step(), reads) == (0, [])
    office.ledger.append([make_record("r", report_time=NOON + timedelta(minutes=1))])
    assert (office.step(), office.checkpoint().sequence) == (1, 3)


def test_a_batch_of_superseded_records_hides_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many old versions lie between two records, both are read."""
    monkeypatch.setattr(runner_module, "_BATCH", 2)
    for minutes in range(10):
        office.ledger.append([make_record("r", report_time=NOON + timedelta(minutes=minutes))])
        office.ledger.append([make_record("r", report_time=NOON - timedelta(minutes=minutes + 1))])
    office.ledger.append(calls(0, 3))
    done = Counting()
    assert office.runner("test", done).catch_up() == 4
    assert [sequence for _, sequence in done.written] == [19, 21, 22, 23]


class Faulty(SessionsProjection):
    """Cannot read some records for some time: record id and how often."""

    def __init__(self, office: Office, faults: dict[str, int]) -> None:
        super().__init__(office.store, office.ledger, office.clock)
        self._faults = faults

    def read(self, org: UUID, stored: Sequence[StoredRecord], told: int) -> Change:
        for each in stored:
            if self._faults.get(each.record.record_id, 0):
                self._faults[each.record.record_id] -= len(stored) == 1
                raise RuntimeError("cannot be read")
        return super().read(org, stored, told)


def test_a_fault_is_tried_again(office: Office, clock: Clock) -> None:
    """What cannot be read is tried again after some seconds, by the same thread; what comes before it is done."""
    runner = office.runner("test", Faulty(office, {"r5": 2}))
    office.ledger.append(calls(0, 8))
    runner.start()
    until(lambda: office.checkpoint().sequence == 5)
    time.sleep(0.3)
    assert office.checkpoint().sequence == 5

    def some_seconds_later() -> bool:
        clock.now += 6000
        return office.checkpoint().sequence == 8

    until(some_seconds_later)
    runner.stop()
    assert len(office.rows()) == 8


def test_a_clock_that_is_set_back_stops_nothing(office: Office, clock: Clock) -> None:
    """After a failure, too, a runner goes on when the clock of the machine is set back by an hour."""
    runner = office.runner("test", Faulty(office, {"r0": 1}))
    office.ledger.append(calls(0, 2))
    assert runner.catch_up() == 0
    clock.now -= 3_600_000
    assert runner.catch_up() == 2


def test_a_hopeless_record_is_left_out(office: Office, clock: Clock) -> None:
    """A record that cannot be read again and again is left out; those before and behind it become sessions."""
    runner = office.runner("test", Faulty(office, {"r5": 1000}))
    office.ledger.append(calls(0, 8))
    for _ in range(4):
        runner.catch_up()
        clock.now += 6000
    assert office.checkpoint() == Checkpoint(8)
    assert len(office.rows()) == 7
    assert {row["user_id"] for row in office.rows().values()} == {f"user {number}" for number in range(5)}


def test_a_fault_in_one_org_does_not_hold_up_the_others(office: Office) -> None:
    """An org whose records cannot be read waits; all others go on."""
    office.ledger.append([*calls(0, 2), make_record("fine", org=OTHER_ORG, **{"User UUID": "zoe"})])
    office.runner("test", Faulty(office, {"r0": 1000})).catch_up()
    assert (office.checkpoint().sequence, office.checkpoint(OTHER_ORG).sequence) == (0, 1)
    assert len(office.entries("zoe", org=OTHER_ORG)) == 1


def test_a_runner_that_was_never_started_can_be_stopped(office: Office) -> None:
    """A program that only catches up gives back its leases, so that the next one need not wait."""
    office.ledger.append(calls(0, 1))
    one = office.runner("one")
    assert one.catch_up() == 1
    one.stop()
    office.ledger.append(calls(1, 2))
    assert office.runner("two").step() == 1


def test_old_events_are_forgotten(office: Office, clock: Clock) -> None:
    """Events are kept for 7 days; then they are gone, and the bounds tell who was away for longer."""
    for number in range(3):
        office.add(*calls(number, number + 1))
        clock.now += 1000
    assert office.outbox.bounds(ORG).can_resume(0)
    clock.now += EVENTS_KEPT // timedelta(milliseconds=1) - 2000
    runner = office.runner("test")
    runner.start()
    until(lambda: office.outbox.bounds(ORG).forgotten > 0)
    runner.stop()
    bounds = office.outbox.bounds(ORG)
    assert (bounds.forgotten, bounds.newest) == (1, 3)
    assert [bounds.can_resume(number) for number in (-1, 0, 1, 2, 3, 4)] == [False, False, True, True, True, False]
    assert [event.number for event in office.events()] == [2, 3]
    assert office.outbox.forget_all(office.clock()) == 2
    assert office.outbox.newest() == {ORG: 3}


def test_numbers_go_on_after_all_is_forgotten(office: Office) -> None:
    """A number is never given twice."""
    office.add(*calls(0, 2))
    assert office.outbox.forget_all(office.clock() + timedelta(seconds=1)) == 2
    office.add(*calls(2, 3))
    assert [event.number for event in office.events(after=2)] == [3]


def test_events_of_many_writers_have_no_gaps(office: Office) -> None:
    """However many threads write, numbers are given in the order of the commits, and what is rolled back uses none."""

    def tell(user: str) -> None:
        for turn in range(20):
            with contextlib.suppress(ZeroDivisionError), office.store.write() as connection:
                write(connection, ORG, turn, [NewEvent(user, EventKind.VIEWED, b"[]")] * (turn % 3))
                1 // (turn % 4)  # every fourth is rolled back

    threads = [threading.Thread(target=tell, args=(f"user {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = office.events()
    assert len(events) == 4 * sum(turn % 3 for turn in range(20) if turn % 4)
    assert set(kinds(events)) == {EventKind.VIEWED}
