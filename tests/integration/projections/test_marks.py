"""What users do with their sessions, and what is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from factories import NOON, ORG, OTHER_ORG, Clock, make_record
from integration.projections.office import Office, kinds, read_all, told_session, wire
from ringback.projections.outbox import Event, EventKind
from ringback.projections.sessions import marks as marks_module
from ringback.projections.sessions.query import Filter

RECENT, LEGACY, VIEWED, DELETED = EventKind.RECENT, EventKind.LEGACY, EventKind.VIEWED, EventKind.DELETED
DAY = 24 * 3_600_000


@pytest.fixture
def ids(office: Office) -> list[UUID]:
    """The sessions of three calls that Ann missed, the newest first. Bob missed one, and so did an Ann elsewhere."""
    for number in range(3):
        office.add(missed(f"r{number}", "ann", report_time=NOON + timedelta(minutes=number)))
    office.add(missed("b", "bob"), missed("r0", "ann", org=OTHER_ORG))
    return [entry.id for entry in office.entries("ann")]


def missed(record_id: str, user: str, **values: Any) -> Any:
    """A record of a call that a user missed."""
    of_call = {"User UUID": user, "Correlation ID": f"c-{record_id}", "Answered": "false", "Answer indicator": "No"}
    return make_record(record_id, **{**of_call, **values})


def news(office: Office, after: int = 4) -> list[Event]:
    """What was told after the sessions were made."""
    return office.events(after=after)


def named(event: Event) -> list[str]:
    """The ids in an event."""
    found: list[str] = msgspec.json.decode(event.body)
    return found


def test_reading(office: Office, ids: list[UUID]) -> None:
    """Sessions are read once; all devices are told which; the number of unread calls goes down."""
    assert office.history.unread(ORG, "ann") == 3
    assert office.marks.read(ORG, "ann", ids[:2]) == 2
    assert office.marks.read(ORG, "ann", ids[:2]) == 0
    assert office.history.unread(ORG, "ann") == 1
    assert [entry.read_at is not None for entry in office.entries("ann")] == [True, True, False]
    (event,) = news(office)
    assert (event.user, event.kind, sorted(named(event))) == ("ann", VIEWED, sorted(map(str, ids[:2])))


def test_reading_all(office: Office, ids: list[UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    """All unread missed calls are read, however many, or those that ended before a time; others stay unread."""
    monkeypatch.setattr(marks_module, "MAX_AT_ONCE", 1)
    answered = missed("r9", "ann", **{"Answered": "true", "Answer indicator": "Yes"})
    office.add(answered)
    newest = office.entries("ann")[0]
    assert read_all(office.marks, ORG, "ann", newest.end_at) == 2
    assert office.history.unread(ORG, "ann") == 1
    assert read_all(office.marks, ORG, "ann") == 1
    assert read_all(office.marks, ORG, "ann") == 0
    told = news(office, after=5)
    assert kinds(told) == [VIEWED] * 3
    assert sorted(each for event in told for each in named(event)) == sorted(map(str, ids))
    assert [entry.disposition for entry in office.entries("ann", Filter()) if not entry.read_at] == ["ANSWERED"]


def test_deleting(office: Office, ids: list[UUID]) -> None:
    """A deleted session is gone for the user and no longer unread; it is told once, and kept."""
    assert office.marks.delete(ORG, "ann", ids[:2]) == 2
    assert office.marks.delete(ORG, "ann", ids[:2]) == 0
    assert [entry.id for entry in office.entries("ann", Filter())] == ids[2:]
    assert [entry.id for entry in office.entries("ann", Filter(deleted=True))] == ids[:2]
    assert office.history.unread(ORG, "ann") == 1
    assert office.marks.read(ORG, "ann", ids) == 1
    one, two = news(office)
    assert (one.kind, sorted(named(one))) == (DELETED, sorted(map(str, ids[:2])))
    assert (two.kind, named(two)) == (VIEWED, [str(ids[2])])


def test_restoring(office: Office, ids: list[UUID], clock: Clock) -> None:
    """Within 30 days a deleted session can be had back, as read as it was, and devices are told the session."""
    office.marks.read(ORG, "ann", ids[:1])
    office.marks.delete(ORG, "ann", ids[:2])
    clock.now += 30 * DAY
    assert office.marks.restore(ORG, "ann", [*ids, uuid4()]) == 2
    assert office.marks.restore(ORG, "ann", ids) == 0
    assert [entry.id for entry in office.entries("ann", Filter())] == ids
    told = news(office, after=6)
    assert kinds(told) == [RECENT, RECENT]
    assert {told_session(event)["id"]: told_session(event) for event in told} == {
        str(entry.id): wire(entry) for entry in office.entries("ann")[:2]
    }
    assert office.marks.delete(ORG, "ann", ids[:1]) == 1


def test_what_was_deleted_long_ago_stays_so(office: Office, ids: list[UUID], clock: Clock) -> None:
    """After 30 days nothing is given back, and nothing told."""
    office.marks.delete(ORG, "ann", ids)
    clock.now += 30 * DAY + 1
    assert office.marks.restore(ORG, "ann", ids) == 0
    assert office.entries("ann", Filter()) == []
    assert kinds(news(office)) == [DELETED]


def test_meetings_come_back_under_their_own_name(office: Office) -> None:
    """A SPARK session is told, and told again when it is restored, under the name that old programs know."""
    office.add(missed("m", "ann", **{"Call type": "SIP_MEETING", "Direction": "ORIGINATING"}))
    (entry,) = office.entries("ann")
    office.marks.delete(ORG, "ann", [entry.id])
    office.marks.restore(ORG, "ann", [entry.id])
    assert kinds(office.events()) == [LEGACY, DELETED, LEGACY]


def test_ids_of_others_change_nothing(office: Office, ids: list[UUID]) -> None:
    """Ids of another user, of another org, or of nobody are no error, change nothing, and are told to nobody."""
    office.marks.delete(ORG, "bob", [office.entries("bob")[0].id])
    before = office.rows()
    others = [office.entries("bob")[0].id, office.entries("ann", org=OTHER_ORG)[0].id, uuid4()]
    for org, user, named_ids in ((ORG, "ann", others), (ORG, "bob", ids), (OTHER_ORG, "ann", ids), (ORG, "", ids)):
        assert office.marks.read(org, user, named_ids) == 0
        assert office.marks.delete(org, user, named_ids) == 0
        assert office.marks.restore(org, user, named_ids) == 0
        assert read_all(office.marks, org, "nobody") == 0
    assert office.rows() == before
    assert kinds(news(office)) == [DELETED]
    assert len(office.events(OTHER_ORG)) == 1


def test_no_ids_are_no_event(office: Office, ids: list[UUID]) -> None:
    """An empty list is fine, and nothing is told of it."""
    for change in (office.marks.read, office.marks.delete, office.marks.restore):
        assert change(ORG, "ann", []) == 0
    assert news(office) == []


def test_a_deleted_session_changes_in_silence(office: Office, ids: list[UUID]) -> None:
    """Late records change a deleted session, but devices, which do not have it, are not told; restored, it is new."""
    office.marks.delete(ORG, "ann", ids[:1])
    later = NOON + timedelta(minutes=30)
    office.add(missed("r2", "ann", report_time=later, **{"Answered elsewhere": "Yes"}))
    assert kinds(news(office)) == [DELETED]
    office.marks.restore(ORG, "ann", ids[:1])
    assert told_session(news(office)[-1])["disposition"] == "ANSWERED"
