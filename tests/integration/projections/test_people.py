"""People that administrators give, in sessions that are there and in those to come."""

from __future__ import annotations

from typing import Any

from factories import ORG, OTHER_ORG, make_record
from integration.projections.office import Office
from ringback.projections.sessions.giving import give
from ringback.projections.sessions.people import Line
from ringback.projections.sessions.people_file import Given
from ringback.projections.sessions.query import Filter


def call(record_id: str, **values: Any) -> Any:
    """A record of a call from 102 that Ann, at 101, answered."""
    of_call = {"User UUID": "ann", "User": "Ann", "User number": "101", "Calling number": "102", "Called number": "101"}
    return make_record(record_id, **{**of_call, "Correlation ID": record_id, **values})


def names(office: Office) -> set[tuple[str, str, str]]:
    """Name, id and e-mail address of the other party in all sessions of Ann."""
    others = [entry.details.other for entry in office.entries("ann")]
    return {(other.name, other.id, other.email) for other in others}


def test_given_people_stand_in_sessions_old_and_new(office: Office) -> None:
    """Giving people changes the sessions that are there, in silence, and those to come; a search finds the name."""
    office.add(call("r1"))
    told = len(office.events())
    give(office.store, ORG, [Given("bob", "Bob Reed", "bob@example.com", ["102"])])
    office.catch_up()
    assert len(office.events()) == told == 1
    office.add(call("r2", **{"Calling line ID": "ROBERT R"}))
    assert names(office) == {("Bob Reed", "bob", "bob@example.com")}
    assert len(office.entries("ann", Filter(text="reed"))) == 2
    office.add(call("r3", org=OTHER_ORG))
    assert office.entries("ann", org=OTHER_ORG)[0].details.other.name == ""


def test_giving_again_replaces_numbers_and_lines(office: Office) -> None:
    """Who is given again has just the numbers and lines of the new list; others stay as they are."""
    office.add(call("r1"))
    one, two = Line("phone", 1, "101"), Line("phone", 2, "8101", "Desk", 503)
    give(office.store, ORG, [Given("bob", "Bob", "", ["102", "202"]), Given("ann", "Ann", "", ["101"], [one, two])])
    give(office.store, ORG, [Given("bob", "Bob", "", ["202"])])
    office.catch_up()
    assert names(office) == {("", "", "")}
    assert office.history.lines(ORG, "ann") == [one, two]
    assert office.entries("ann")[0].details.ucm_line == "101"
    give(office.store, ORG, [Given("ann", "Ann", "", ["101"], [two])])
    office.catch_up()
    assert office.history.lines(ORG, "ann") == [two]
    assert office.entries("ann")[0].details.ucm_line == ""


def test_records_do_not_change_what_is_given(office: Office) -> None:
    """However often records say otherwise, given names and numbers stay; somebody without a given name keeps theirs."""
    give(office.store, ORG, [Given("bob", "Bob Reed", "", ["102"]), Given("ann")])
    bob = {"User UUID": "bob", "User": "Robert", "User number": "102", "Direction": "ORIGINATING"}
    cem = {"User UUID": "cem", "User": "Cem", "User number": "102", "Direction": "ORIGINATING"}
    office.add(call("r1"), call("r2", **bob), call("r3", **cem), call("r1b", **bob, **{"Correlation ID": "r1"}))
    assert names(office) == {("Bob Reed", "bob", "")}
    assert {entry.details.me.name for entry in office.entries("ann")} == {"Ann"}
    assert {entry.details.me.name for entry in office.entries("bob")} == {"Bob Reed"}
    office.read_again()
    office.catch_up()
    assert names(office) == {("Bob Reed", "bob", "")}
