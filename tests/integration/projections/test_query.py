"""Reading the call history: pages, filters, counts; each seeks an index, however long the history is."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from factories import NOON, ORG, OTHER_ORG, make_record
from integration.ledger.statements import Statement, listening, plan
from integration.projections.office import EVERYTHING, Office
from ringback.projections.sessions import query
from ringback.projections.sessions.query import Filter, History, Place

DESC, ASC = False, True


def call(number: int, user: str = "ann", **values: Any) -> Any:
    """A record of a call that rang in vain, some minutes after noon; every third ends together with the next."""
    ended = NOON + timedelta(minutes=number - (number % 3 == 0))
    of_call = {
        "User UUID": user,
        "Correlation ID": f"{user} {number}",
        "Answered": "false",
        "Answer indicator": "No",
        "Calling number": f"+1202555{number:04}",
    }
    return make_record(f"{user} {number}", report_time=ended, **{**of_call, **values})


def at(minutes: int) -> int:
    """A time in milliseconds, some minutes after noon."""
    return int((NOON + timedelta(minutes=minutes)).timestamp() * 1000)


def all_pages(office: Office, limit: int, oldest_first: bool, wanted: Filter = EVERYTHING) -> list[UUID]:
    """The ids of all sessions of Ann, page by page."""
    found: list[UUID] = []
    begin: Place | None = None
    while True:
        page = office.history.page(ORG, "ann", wanted, limit, oldest_first=oldest_first, begin=begin)
        assert len(page.entries) == limit or page.next is None
        found += [entry.id for entry in page.entries]
        if (begin := page.next) is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 7, 30, 100])
def test_pages_meet_every_session_once_in_order(office: Office, limit: int) -> None:
    """Forwards and backwards, by the time of the end, also where several ended at the same time."""
    office.add(*(call(number) for number in range(30)), call(1, "bob"), call(2, org=OTHER_ORG))
    expected = sorted(office.entries("ann"), key=lambda entry: (entry.end_at, entry.id.bytes))
    assert len({entry.end_at for entry in expected}) < len(expected) == 30
    ids = [entry.id for entry in expected]
    assert all_pages(office, limit, ASC) == ids
    assert all_pages(office, limit, DESC) == ids[::-1]


@pytest.mark.parametrize("oldest_first", [DESC, ASC])
@pytest.mark.parametrize("most", [1, 2, 5, 29, 30, 31])
def test_a_search_goes_on_from_page_to_page(
    office: Office, monkeypatch: pytest.MonkeyPatch, most: int, oldest_first: bool
) -> None:
    """However few sessions a page looks at, the links lead to each one that is looked for, once and in order."""
    office.add(*(call(number) for number in range(30)))
    wanted = Filter(text="+120255500", number="7")
    everything = list(office.history.all(ORG, "ann", wanted))
    assert [int(entry.details.other.number[-2:]) for entry in everything] == [27, 17, 7]
    monkeypatch.setattr(query, "MOST_SEARCHED", most)
    found: list[UUID] = []
    begin: Place | None = None
    requests = 0
    while requests == 0 or begin is not None:
        page = office.history.page(ORG, "ann", wanted, 2, oldest_first=oldest_first, begin=begin)
        found += [entry.id for entry in page.entries]
        begin, requests = page.next, requests + 1
    ids = [entry.id for entry in everything]
    assert found == (ids[::-1] if oldest_first else ids)
    assert requests >= 30 // most


@pytest.mark.parametrize("oldest_first", [ASC, DESC])
@pytest.mark.parametrize("seed", range(3))
def test_pages_hold_while_calls_come_in(office: Office, oldest_first: bool, seed: int) -> None:
    """Who pages while sessions are added anywhere meets every session that was there, once, and none twice."""
    rng = random.Random(seed)
    numbers = list(range(60))
    rng.shuffle(numbers)
    office.add(*(call(number) for number in numbers[:30]))
    there = {entry.id for entry in office.entries("ann")}
    found: list[UUID] = []
    begin: Place | None = None
    for number in numbers[30:]:
        page = office.history.page(ORG, "ann", EVERYTHING, 2, oldest_first=oldest_first, begin=begin)
        found += [entry.id for entry in page.entries]
        if (begin := page.next) is None:
            break
        office.add(call(number))
    else:
        pytest.fail("it never ended")
    assert len(found) == len(set(found))
    assert set(found) >= there


@pytest.mark.parametrize("oldest_first", [ASC, DESC])
@pytest.mark.parametrize("place", [at(-100), at(1), at(4), at(5), at(6), at(100)])
def test_a_place_outside_of_the_filter_shows_no_more(office: Office, place: int, oldest_first: bool) -> None:
    """Where a page begins bounds it together with the filter, also if somebody made the place up."""
    office.add(*(call(number) for number in range(10)))
    wanted = Filter(since=at(4), until=at(6))
    page = office.history.page(ORG, "ann", wanted, 10, oldest_first=oldest_first, begin=Place(place, UUID(int=0)))
    expected = [
        entry.id
        for entry in office.entries("ann", wanted)[:: -1 if oldest_first else 1]
        if (entry.end_at >= place if oldest_first else entry.end_at < place)
    ]
    assert [entry.id for entry in page.entries] == expected


def test_a_page_of_nothing(office: Office) -> None:
    """A user without calls has a history without entries; a limit of 0 gives none, and says where to begin."""
    assert office.history.page(ORG, "ann", EVERYTHING, 10) == History([], None)
    office.add(call(1))
    (entry,) = office.entries("ann")
    assert office.history.page(ORG, "ann", EVERYTHING, 0) == History([], Place(entry.end_at, entry.id))
    assert office.history.one(ORG, entry.id) == entry
    assert office.history.one(OTHER_ORG, entry.id) is None


FILTERED = [
    call(1, **{"Calling line ID": "Mara Lind", "Calling number": "+12025550143"}),
    call(2, **{"Calling line ID": "100% Fruit_Juice", "Answered": "true", "Answer indicator": "Yes"}),
    call(4, **{"Calling line ID": "100 Fruits", "Call outcome": "Refusal", "Call outcome reason": "CallRejected"}),
    call(5, **{"Direction": "ORIGINATING", "Called line ID": "ÇELİK Straße"}),
    call(7, **{"Direction": "ORIGINATING", "Called number": "2001@meet.example.com", "Call type": "SIP_MEETING"}),
    call(8, "line", **{"Device owner UUID": "ann", "Calling number": ""}),
    call(10, **{"Redirecting party UUID": "q", "Redirect reason": "CallQueue", "Redirecting number": "800"}),
]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Filter(), {1, 2, 4, 5, 7, 8, 10}),
        (Filter(direction="OUTGOING"), {5, 7}),
        (Filter(direction="INCOMING"), {1, 2, 4, 8, 10}),
        (Filter(disposition="MISSED"), {1, 8, 10}),
        (Filter(disposition="REJECTED"), {4}),
        (Filter(disposition="ANSWERED", direction="OUTGOING"), set()),
        (Filter(number="+12025550143"), {1}),
        (Filter(number="(202) 555-0143"), {1}),
        (Filter(number="0143"), {1}),
        (Filter(number="202.555"), {1, 2, 4, 5, 10}),
        (Filter(number="٣"), set()),
        (Filter(text="mara"), {1}),
        (Filter(text="MARA LIND"), {1}),
        (Filter(text="çeli̇k STRASSE"), {5}),
        (Filter(text="100%"), {2}),
        (Filter(text="t_j"), {2}),
        (Filter(text="100"), {2, 4}),
        (Filter(text="\\"), set()),
        (Filter(text="' OR 1=1 --"), set()),
        (Filter(text="EXAMPLE.com"), {7}),
        (Filter(text="800"), {10}),
        (Filter(types=("SPARK",)), {7}),
        (Filter(types=("SPARK", "WEBEXCALLING_SHARED")), {7, 8}),
        (Filter(since=at(4)), {4, 5, 7, 8, 10}),
        (Filter(until=at(4)), {1, 2}),
        (Filter(since=at(4), until=at(5)), {4}),
        (Filter(since=at(5), until=at(5)), set()),
        (Filter(unread=True), {1, 8, 10}),
        (Filter(unread=True, types=("WEBEXCALLING_SHARED",)), {8}),
    ],
    ids=str,
)
def test_filters(office: Office, wanted: Filter, numbers: set[int]) -> None:
    """Each filter gives the sessions that it describes, in pages of any size and in both orders."""
    office.add(*FILTERED)
    starts = {entry.id: entry.end_at for entry in office.entries("ann")}
    for oldest_first in (ASC, DESC):
        found = [starts[session] for session in all_pages(office, 2, oldest_first, wanted)]
        assert found == sorted(map(at, numbers), reverse=not oldest_first)


def test_deleted_and_unread(office: Office) -> None:
    """Deleted sessions are given only if asked for, and are not unread; read ones are not either."""
    office.add(*FILTERED)
    first, second, *_ = office.entries("ann", Filter(disposition="MISSED"))
    assert office.history.unread(ORG, "ann") == 3
    assert office.history.unread(ORG, "ann", ("WEBEXCALLING",)) == 2
    office.marks.delete(ORG, "ann", [first.id])
    office.marks.read(ORG, "ann", [second.id])
    everything = office.entries("ann")
    assert {entry.id for entry in everything} - {entry.id for entry in office.entries("ann", Filter())} == {first.id}
    assert [entry.id for entry in office.entries("ann", Filter(deleted=True))] == [first.id]
    assert len(everything) == len(FILTERED)
    assert office.history.unread(ORG, "ann") == len(office.entries("ann", Filter(unread=True))) == 1
    assert office.history.unread(ORG, "bob") == 0


# Plans


def plans(office: Office, ask: Callable[[], object]) -> list[str]:
    """The plans of the statements that a question leads to; none reads through sessions, or sorts."""
    with listening(office.store) as heard:
        ask()
    statements = [statement for statement in heard if not statement.sql.startswith("BEGIN")]
    lines = [line for statement in statements for line in plan(office.store, statement)]
    assert lines
    assert not [line for line in lines if line.startswith("SCAN") or "TEMP B-TREE" in line]
    return lines


@pytest.mark.parametrize("oldest_first", [ASC, DESC])
@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(since=at(0), types=("SPARK", "WEBEXCALLING")),
        Filter(disposition="MISSED", direction="INCOMING", until=at(9)),
        Filter(since=at(1), until=at(9), deleted=True),
        Filter(text="mara", number="0143", deleted=None),
    ],
    ids=str,
)
def test_a_page_seeks_to_where_it_begins(office: Office, wanted: Filter, oldest_first: bool) -> None:
    """The first page and any later one seek their first session in the index by user and end, and sort nothing."""
    office.add(*FILTERED)

    def ask(begin: Place | None) -> object:
        return office.history.page(ORG, "ann", wanted, 2, oldest_first=oldest_first, begin=begin)

    for first in plans(office, lambda: ask(None)):
        assert re.match(r"SEARCH sessions USING (COVERING )?INDEX sessions_by_end \(org=\? AND user_id=\?", first)
    for later in plans(office, lambda: ask(Place(at(5), UUID(int=1)))):
        assert re.match(r"SEARCH sessions USING (COVERING )?INDEX sessions_by_end \(org=\? AND user_id=\? AND ", later)
        assert f"(end_at,id){'>' if oldest_first else '<'}(?,?)" in later


def test_the_unread_count_reads_only_what_is_unread(office: Office) -> None:
    """Counting unread calls costs what is unread, not what the user has ever had; reading all finds them likewise."""
    office.add(*FILTERED)
    for types in ((), ("WEBEXCALLING", "SPARK")):
        (line,) = plans(office, lambda types=types: office.history.unread(ORG, "ann", types))  # type: ignore[misc]
        assert "INDEX sessions_unread (org=? AND user_id=?" in line


def test_marks_seek(office: Office) -> None:
    """Reading, deleting and restoring some sessions look at these only."""
    office.add(*FILTERED)
    ids = [entry.id for entry in office.entries("ann")]
    for change in (office.marks.read, office.marks.delete, office.marks.restore):
        lines = plans(office, lambda change=change: change(ORG, "ann", ids[:2]))  # type: ignore[misc]
        assert any("(org=? AND id=?)" in line for line in lines)
    lines = plans(office, lambda: office.marks.read_some(ORG, "ann"))
    assert any("INDEX sessions_unread (org=? AND user_id=?" in line for line in lines)
    assert not any("sqlite_autoindex_sessions" in line and line.endswith("(org=?)") for line in lines)


def test_the_projection_seeks(office: Office) -> None:
    """What a batch costs does not grow with the history: everything is looked up by key."""
    office.add(*FILTERED)
    office.ledger.append([call(20), call(1, **{"Answered elsewhere": "Yes"})])
    stored, told = office.ledger.after(ORG, len(FILTERED), 10), office.checkpoint().sequence
    lines = plans(office, lambda: office.projection().read(ORG, stored, told))
    assert any("session_legs" in line for line in lines)


def test_what_the_plans_are_checked_with_sees_a_scan(office: Office) -> None:
    """A statement that reads through all sessions is recognised as one."""
    statement = Statement("SELECT * FROM sessions WHERE search = ?", [("",)])
    assert "SCAN sessions" in " ".join(plan(office.store, statement))
