"""Sessions follow the ledger, however the records come, and each change is told once."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from factories import NOON, ORG, OTHER_ORG, Clock, make_record
from integration.projections.office import Office, facts, kinds, set_clock, told_session, wire
from ringback.projections import runner as runner_module
from ringback.projections.outbox import EventKind
from ringback.projections.sessions.projection import SessionsProjection
from ringback.projections.sessions.query import Filter
from ringback.simulator import Delivery, Rates, Simulation, in_arrival_order

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
RESTLESS = Rates(late=0.2, redelivered=0.2, revised=0.2)
RECENT, DELETED = EventKind.RECENT, EventKind.DELETED


def restless_day(seed: int) -> tuple[Simulation, list[Delivery]]:
    """A day of traffic with many late, repeated and revised records, in order of arrival."""
    simulation = Simulation(
        seed=seed, start=START, end=START + timedelta(hours=8), calls_per_day=1000, users=20, rates=RESTLESS
    )
    return simulation, list(in_arrival_order(simulation.calls()))


def ring(record_id: str = "r1", user: str = "ann", **values: Any) -> Any:
    """A record of a call that rang at a user's phone in vain."""
    of_call = {"Correlation ID": f"call of {record_id}", "User UUID": user, "User": user.title(), "Ring duration": "9"}
    return make_record(record_id, **{**of_call, "Answered": "false", "Answer indicator": "No", **values})


@pytest.mark.parametrize("seed", range(4))
def test_the_way_records_come_does_not_matter(
    tmp_path: Path, empty_store: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Batch by batch, late, twice and revised: in the end the sessions are those made of all records at once.

    And they stay the same, ids included, when all is read again, or made anew from nothing.
    """
    monkeypatch.setattr(runner_module, "_BATCH", 23)
    rng = random.Random(seed)
    simulation, deliveries = restless_day(seed)
    org = simulation.orgs[0].uuid
    set_clock(clock, START + timedelta(days=1))
    with Office(shutil.copytree(empty_store, tmp_path / "bit by bit"), clock) as bit_by_bit:
        waiting = list(deliveries)
        while waiting:
            size = rng.choice((1, 3, 40, 100))
            bit_by_bit.append(rng.sample(waiting[:size], min(size, len(waiting))))
            del waiting[:size]
            for _ in range(rng.randint(0, 3)):
                bit_by_bit.step()
        bit_by_bit.catch_up()
        rows = bit_by_bit.rows()
        told = bit_by_bit.events(org)
        assert len(rows) > 300
        latest = {told_session(event)["id"]: told_session(event) for event in told}
        users = {row["user_id"] for row in rows.values()}
        assert latest == {str(entry.id): wire(entry) for user in users for entry in bit_by_bit.entries(user, org=org)}

        bit_by_bit.read_again(org)
        assert bit_by_bit.catch_up() > len(rows) / 2
        assert facts(bit_by_bit.rows()) == facts(rows)
        bit_by_bit.run("DELETE FROM sessions")
        bit_by_bit.read_again(org)
        bit_by_bit.catch_up()
        assert facts(bit_by_bit.rows()) == facts(rows)
        assert bit_by_bit.events(org) == told

    monkeypatch.setattr(runner_module, "_BATCH", 1_000_000)
    with Office(shutil.copytree(empty_store, tmp_path / "at once"), clock) as at_once:
        at_once.append(deliveries)
        at_once.step()
        assert facts(at_once.rows()) == facts(rows)


def test_names_that_are_learned_later(office: Office) -> None:
    """A name that another record tells later is filled in when all is made anew, and nothing is told of it."""
    outside = {"Calling number": "+12025550143", "Call type": "SIP_INBOUND"}
    office.add(ring("r1", **outside))
    office.add(ring("r2", "bob", **outside, **{"Calling line ID": "Mara Lind"}))
    assert office.entries("ann")[0].details.other.name == ""
    office.read_again()
    office.catch_up()
    (entry,) = office.entries("ann")
    assert entry.details.other.name == "Mara Lind"
    assert office.entries("ann", Filter(text="mara")) == [entry]
    assert len(office.events()) == 2


def test_every_change_is_told_once(office: Office) -> None:
    """A new session and each change of it is one event; records that change nothing in it are none."""
    ended: dict[str, Any] = {"start_time": NOON, "Release time": "2026-03-02T12:00:09.000Z"}
    office.add(ring(**ended))
    office.add(ring(**ended), ring(report_time=NOON + timedelta(minutes=1), **ended, **{"Releasing party": "Local"}))
    assert kinds(office.events()) == [RECENT]
    office.add(ring(report_time=NOON + timedelta(minutes=2), **ended, **{"Answered elsewhere": "Yes"}))
    one, two = map(told_session, office.events())
    assert (one["disposition"], two["disposition"]) == ("MISSED", "ANSWERED")
    assert one["id"] == two["id"]
    assert [two] == [wire(entry) for entry in office.entries("ann")]


def test_old_sessions_are_no_news(office: Office) -> None:
    """Storing a month of history tells of the last 7 days only; all of it is there."""
    for days in (0, 6, 8, 30):
        office.add(ring(f"r{days}", report_time=NOON - timedelta(days=days)))
    assert len(office.entries("ann")) == 4
    assert [told_session(event)["endTime"][:10] for event in office.events()] == ["2026-03-02", "2026-02-24"]


def test_a_revision_that_names_another_user(office: Office) -> None:
    """The session of who it was not is gone, and told as deleted; the other one gets a session."""
    office.add(ring())
    (first,) = office.entries("ann")
    office.add(ring("r1", "bob", report_time=NOON + timedelta(minutes=1)))
    assert office.entries("ann") == []
    (second,) = office.entries("bob")
    events = office.events()
    assert sorted((event.user, event.kind.value) for event in events[1:]) == [
        ("ann", DELETED.value),
        ("bob", RECENT.value),
    ]
    assert first.id != second.id


def test_a_session_that_comes_back_is_as_it_was(office: Office) -> None:
    """A revision takes a session away and another one brings it back: it has its id, and is read as before."""
    office.add(ring())
    (first,) = office.entries("ann")
    assert office.marks.read(ORG, "ann", [first.id]) == 1
    (first,) = office.entries("ann")
    office.add(ring("r1", "bob", report_time=NOON + timedelta(minutes=1)))
    office.add(ring("r1", "ann", report_time=NOON + timedelta(minutes=2)))
    (again,) = office.entries("ann")
    assert (again.id, again.read_at) == (first.id, first.read_at)
    (told,) = [event for event in office.events()[-2:] if event.kind is RECENT]
    assert (told_session(told)["id"], told_session(told)["isRead"]) == (str(first.id), True)


def test_a_revision_with_another_correlation_id_keeps_the_session(office: Office) -> None:
    """Which call a record belongs to is decided once, so the id stays."""
    office.add(ring())
    (first,) = office.entries("ann")
    office.add(ring("r1", report_time=NOON + timedelta(minutes=1), **{"Correlation ID": "another"}))
    (second,) = office.entries("ann")
    assert second.id == first.id
    assert second.details.correlation_id == "another"


def test_marks_survive(office: Office) -> None:
    """What was read and deleted is so after a rebuild, after all sessions were dropped, and after a revision."""
    office.add(*(ring(f"r{number}") for number in range(3)))
    plain, read, deleted = (entry.id for entry in office.entries("ann"))
    office.marks.read(ORG, "ann", [read])
    office.marks.delete(ORG, "ann", [deleted])
    rows, events = office.rows(), office.events()
    for drop in (False, True):
        if drop:
            office.run("DELETE FROM sessions")
        office.read_again()
        assert office.catch_up() == 3
        assert office.rows() == rows
        assert office.events() == events
    later = NOON + timedelta(minutes=5)
    office.add(*(ring(f"r{number}", report_time=later, **{"Answered elsewhere": "Yes"}) for number in range(3)))
    marks = {row["id"]: (row["read_at"] is not None, row["deleted_at"] is not None) for row in office.rows().values()}
    assert marks == {plain: (False, False), read: (True, False), deleted: (False, True)}
    new = office.events()[len(events) :]
    assert {told_session(event)["id"]: told_session(event).get("isRead", False) for event in new} == {
        str(plain): False,
        str(read): True,
    }


def test_news_that_come_while_all_is_read_again_are_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A revision that is stored during a rebuild changes its session early in it, and is told all the same, once."""
    monkeypatch.setattr(runner_module, "_BATCH", 1)
    call = {"Correlation ID": "one call"}
    office.add(ring("r1", **call), ring("r2", "bob", **call))
    told = len(office.events())
    office.read_again()
    office.add(ring("r2", "bob", report_time=NOON + timedelta(minutes=1), **{**call, "Answered elsewhere": "Yes"}))
    new = [told_session(event) for event in office.events()[told:]]
    assert [(session["self"]["id"], session["disposition"]) for session in new] == [("bob", "ANSWERED")]


def test_an_event_and_its_session_are_one_commit(office: Office, clock: Clock) -> None:
    """When the commit fails, neither is there; when it is done again, both are, once."""

    class Failing(SessionsProjection):
        def write(self, connection: Connection, org: Any, change: Any) -> None:
            super().write(connection, org, change)
            raise RuntimeError("the machine is on fire")

    office.ledger.append([ring(), ring("r2", "bob")])
    assert office.runner("failing", Failing(office.store, office.ledger, office.clock)).step() == 0
    assert office.rows() == {}
    assert office.events() == []
    assert office.checkpoint().sequence == 0
    clock.now += 60_000  # the lease of the first has run out
    assert office.catch_up() == 2
    assert {told_session(event)["id"] for event in office.events()} == {str(session) for session in office.rows()}
    assert len(office.events()) == 2


def test_organizations_know_nothing_of_each_other(office: Office) -> None:
    """The same user id, call and record id in another org is another session, with numbers of its own events."""
    office.add(ring(), ring("r1", org=OTHER_ORG, **{"Calling line ID": "Zoe"}))
    (here,), (there,) = office.entries("ann"), office.entries("ann", org=OTHER_ORG)
    assert here.id != there.id
    assert (here.details.other.name, there.details.other.name) == ("", "Zoe")
    assert [event.number for event in office.events(OTHER_ORG)] == [1]


ODD: dict[str, list[object]] = {
    "User UUID": ["", "\0", "x" * 5000, "🙂", "' OR 1=1 --"],
    "User": ["\0Ann\n", "🙂" * 2000, "%", ["a"], {"a": 1}],
    "Correlation ID": ["", "\0", 17, "x" * 50_000],
    "Calling number": ["+", "\0", "tel:+1", "a@b@c", "٣٤٥", "9" * 1000],
    "Duration": ["999999999999999999", "-999999999999999999", "soon", 1.5],
    "Start time": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "", "soon"],
    "Report time": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", ""],
    "Release time": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"],
    "Answer time": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"],
    "Direction": ["", "SIDEWAYS", 1],
    "Site timezone": ["9" * 4000],
    "Ring duration": ["-5", "x", None],
    "Redirect reason": ["ß", "\0"],
}


def test_odd_records_stop_nothing(office: Office) -> None:
    """Whatever a record says, those after it become sessions."""
    odd = []
    for key, values in ODD.items():
        for number, value in enumerate(values):
            for answered in ("true", "false"):
                wire_values = {"User UUID": "ann", "Correlation ID": "c", "Answered": answered, key: value}
                record = make_record(f"{key} {number} {answered}", **wire_values)  # type: ignore[arg-type]
                odd.append(record)
                odd.append(make_record(f"{key} {number} {answered} alone", **(wire_values | {"Report time": ""})))  # type: ignore[arg-type]
    office.add(*odd)
    office.add(ring("last", "zoe"))
    assert office.checkpoint().sequence == office.ledger.newest(ORG) == len(odd) + 1
    assert len(office.entries("zoe")) == 1
    users = {row["user_id"] for row in office.rows().values()}
    assert all(wire(entry) for user in users for entry in office.entries(user))
