"""Reading whole calls: pages, filters, counts; each seeks an index, however much there is."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_ids import call_uuid
from factories import ORG, OTHER_ORG
from integration.ledger.statements import listening, plan
from integration.projections.kept_calls import BEGIN, call_row, put
from ringback.projections.calls import query as query_module
from ringback.projections.calls.query import Calls, Filter, Place, WholeCall
from ringback.projections.calls.rows import CallRow, TermKind, term
from ringback.projections.calls.story.model import Participant
from ringback.store import Store, TookTooLong
from ringback.store import store as store_module

ANN, BEN = "ann", "ben"
BERLIN, ROME = term(TermKind.LOCATION, "Berlin"), term(TermKind.LOCATION, "Rome")
OF_ANN, OF_BEN = term(TermKind.USER, ANN), term(TermKind.USER, BEN)
NUMBER = term(TermKind.NUMBER, "12025550143")


def some_rows(count: int = 90, seed: int = 1) -> list[CallRow]:
    """Calls with few different values, several of which start at the same time."""
    rng = random.Random(seed)
    return [
        call_row(
            f"r{number}",
            rng.randrange(count // 3),
            [
                {"user_id": rng.choice([ANN, BEN, None]), "location": rng.choice(["Berlin", "Berlin", "Rome"])},
                {"user_id": rng.choice([ANN, None, None]), "calling_number": rng.choice(["+12025550143", "101"])},
            ],
            direction=rng.choice(["inbound", "outbound", "internal"]),
            outcome=rng.choice(["answered", "answered", "missed"]),
            talk_seconds=rng.choice([0, 10, 60]),
            participants=(Participant(name=rng.choice(["Maren Stillwater", "Örjan 50%"]), result="talked"),),
        )
        for number in range(count)
    ]


class Office:
    """A store with calls, and what reads them."""

    def __init__(self, directory: Path) -> None:
        self.store = Store.open(directory)
        self.calls = Calls(self.store)
        self.all: list[WholeCall] = []

    def put(self, *rows: CallRow) -> None:
        """Keep calls, once."""
        self.all = put(self.store, rows)

    def ids(self, wanted: Filter, limit: int = 7) -> list[UUID]:
        """The ids of all calls, page by page."""
        found: list[UUID] = []
        begin: Place | None = None
        while True:
            page = self.calls.page(ORG, wanted, limit, begin)
            assert len(page.calls) <= limit
            found += [call.id for call in page.calls]
            assert page.next is None or begin is None or page.next < begin, "a page must get on"
            if (begin := page.next) is None:
                return found


@pytest.fixture(scope="module")
def crowded(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A store with some calls, for tests that only read."""
    office = Office(Path(shutil.copytree(empty_store, tmp_path_factory.mktemp("calls") / "store")))
    office.put(*some_rows())
    yield office
    office.store.close()


@pytest.fixture
def office(directory: Path) -> Iterator[Office]:
    """An empty store."""
    office = Office(directory)
    yield office
    office.store.close()


def meets(wanted: Filter) -> Callable[[WholeCall], bool]:
    """A plain reading of a filter."""

    def look(call: WholeCall) -> bool:
        story = call.story
        return (
            (wanted.since is None or story.start >= wanted.since)
            and (wanted.until is None or story.start < wanted.until)
            and set(wanted.terms) <= set(call.terms)
            and wanted.direction in ("", story.direction)
            and wanted.outcome in ("", story.outcome)
            and (wanted.shortest is None or story.talk_seconds >= wanted.shortest)
            and (wanted.longest is None or story.talk_seconds <= wanted.longest)
            and (not wanted.text or any(wanted.text.casefold() in each.name.casefold() for each in story.participants))
        )

    return look


BOUNDS = st.none() | st.integers(BEGIN - 1, BEGIN + 31)
SECONDS = st.none() | st.sampled_from([0, 1, 10, 59, 60, 61])
FILTERS = st.builds(
    Filter,
    since=BOUNDS,
    until=BOUNDS,
    terms=st.lists(st.sampled_from([BERLIN, ROME, OF_ANN, OF_BEN, NUMBER, "lNowhere"]), max_size=3).map(tuple),
    direction=st.sampled_from(["", "", "inbound", "internal"]),
    outcome=st.sampled_from(["", "", "missed"]),
    shortest=SECONDS,
    longest=SECONDS,
    text=st.sampled_from(["", "", "still", "ÖRJAN", "%", "_", "nobody"]),
)


# Pages


@settings(max_examples=150)
@given(wanted=FILTERS, limit=st.sampled_from([2, 7, 1000]), most=st.sampled_from([3, 20, 5000]))
def test_pages_meet_every_call_once(crowded: Office, wanted: Filter, limit: int, most: int) -> None:
    """Whatever is wanted, and however little a page may look into: all such calls, each once, the newest first."""
    expected = [call.id for call in crowded.all if meets(wanted)(call)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query_module, "MOST_SEARCHED", most)
        assert crowded.ids(wanted, limit) == expected
        assert crowded.calls.count(ORG, wanted) == len(expected)


def test_pages_hold_while_calls_come(office: Office) -> None:
    """Who pages while calls come anywhere meets every call that was there, once, and none twice."""
    rows = some_rows()
    random.Random(2).shuffle(rows)
    put(office.store, rows[:30])
    found: list[UUID] = []
    begin: Place | None = None
    for number in range(30, 90, 5):
        page = office.calls.page(ORG, Filter(), 9, begin)
        found += [call.id for call in page.calls]
        if (begin := page.next) is None:
            break
        put(office.store, rows[number : number + 5])
    assert begin is None
    assert len(found) == len(set(found))
    assert {UUID(bytes=row.id) for row in rows[:30]} <= set(found)


def test_a_page_has_the_whole_story(office: Office) -> None:
    """A call is read as it was kept, with the terms it is found by."""
    office.put(call_row("a", legs=[{"user_id": ANN, "location": "Rome"}], sentence="Ann called."))
    (call,) = office.calls.page(ORG, Filter(), 10).calls
    assert [call] == office.all
    assert (call.story.sentence, call.terms) == ("Ann called.", (ROME, OF_ANN))


def test_a_search_gives_short_pages(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no index helps with looks into so many calls for a page, and goes on behind them on the next."""
    monkeypatch.setattr(query_module, "MOST_SEARCHED", 10)
    office.put(
        *(call_row(f"r{number}", number, outcome="missed" if number == 5 else "answered") for number in range(25))
    )
    first = office.calls.page(ORG, Filter(outcome="missed"), 5)
    assert (first.calls, first.next) == ([], Place(BEGIN + 14, call_uuid("r14", start_at=BEGIN + 14)))
    second = office.calls.page(ORG, Filter(outcome="missed"), 5, first.next)
    assert ([call.id for call in second.calls], second.next) == (
        [call_uuid("r5", start_at=BEGIN + 5)],
        Place(BEGIN + 4, call_uuid("r4", start_at=BEGIN + 4)),
    )
    assert office.calls.page(ORG, Filter(outcome="missed"), 5, second.next).next is None


def test_a_place_that_is_gone_is_a_place_still(crowded: Office) -> None:
    """A page begins at a place in the order, also if there is no call any more."""
    place = Place(BEGIN + 20, UUID(int=0))
    later = [call.id for call in crowded.all if call.story.start < place.start_at]
    assert [call.id for call in crowded.calls.page(ORG, Filter(), 1000, place).calls] == later


def test_orgs_are_apart(office: Office) -> None:
    """Nobody finds calls of another org: not in pages, not by a term, not by id or record."""
    put(office.store, [call_row("a", legs=[{"user_id": ANN}], org=OTHER_ORG)], OTHER_ORG)
    for wanted in (Filter(), Filter(terms=(OF_ANN,))):
        assert office.calls.page(ORG, wanted, 10).calls == []
        assert office.calls.count(ORG, wanted) == 0
        assert len(office.calls.page(OTHER_ORG, wanted, 10).calls) == 1
    assert office.calls.one(ORG, call_uuid("a", OTHER_ORG)) is None
    assert office.calls.of_record(ORG, "a", BEGIN) is None
    assert office.calls.of_record(OTHER_ORG, "a", BEGIN) == call_uuid("a", OTHER_ORG)


def test_all_calls_the_oldest_first(crowded: Office) -> None:
    """For exports, all calls of a range of time come in the order of their start."""
    oldest_first = crowded.all[::-1]
    assert list(crowded.calls.all(ORG)) == oldest_first
    since, until = BEGIN + 10, BEGIN + 20
    assert list(crowded.calls.all(ORG, since, until)) == [
        call for call in oldest_first if since <= call.story.start < until
    ]


# Speed

KEY = "org=? AND term=?"
CALLS_BY_START = "calls_by_start (org=?"
BY_ID = "SEARCH calls USING INDEX sqlite_autoindex_calls_1 (org=? AND id=?)"
PLANS: list[tuple[Filter, str]] = [
    (Filter(), "SEARCH calls USING INDEX calls_by_start (org=?"),
    (Filter(outcome="missed"), "SEARCH calls USING INDEX calls_by_start (org=?"),
    (Filter(terms=(OF_ANN,)), f"SEARCH call_terms USING PRIMARY KEY ({KEY}"),
    (Filter(terms=(OF_ANN,), text="x"), f"SEARCH call_terms USING PRIMARY KEY ({KEY}"),
    (Filter(terms=(OF_ANN, BERLIN)), f"SEARCH call_terms USING PRIMARY KEY ({KEY}"),
]


def plans(store: Store, ask: Callable[[], object]) -> list[list[str]]:
    """The plans of all statements that a question leads to; none reads through a table, or sorts."""
    with listening(store) as heard:
        ask()
    found = [plan(store, statement) for statement in heard if not statement.sql.startswith("BEGIN")]
    lines = [line for each in found for line in each]
    assert not [line for line in lines if "TEMP B-TREE" in line or ("SCAN" in line and "SCAN anon" not in line)], lines
    return found


@pytest.mark.parametrize("begin", [None, Place(BEGIN + 20, UUID(int=7))], ids=["first", "next"])
@pytest.mark.parametrize("times", [{}, {"since": BEGIN + 1, "until": BEGIN + 25}], ids=["ever", "bounded"])
@pytest.mark.parametrize(("wanted", "expected"), PLANS, ids=["all", "searched", "term", "term-searched", "terms"])
def test_a_page_seeks_to_where_it_begins(
    crowded: Office, wanted: Filter, expected: str, times: dict[str, int], begin: Place | None
) -> None:
    """A page seeks its first call in an index by time and id, and reads on from there: the last costs as the first."""
    wanted = msgspec.structs.replace(wanted, **times)
    *_, last = plans(crowded.store, lambda: crowded.calls.page(ORG, wanted, 5, begin))
    assert last[0].startswith(expected)
    columns = "start_at,call" if wanted.terms else "start_at,id"
    if begin is not None:
        assert f"({columns})<(?,?)" in last[0]
    elif times:
        assert "start_at<?" in last[0]
    assert not times or "start_at>?" in last[0]
    assert not wanted.terms or BY_ID in last
    others = [line for line in last if "(org=? AND term=? AND start_at=? AND call=?)" in line]
    assert len(others) == max(0, len(wanted.terms) - 1)


def test_a_search_stops_where_it_must(crowded: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a search has to stop is found in the index alone, and bounds it there."""
    monkeypatch.setattr(query_module, "MOST_SEARCHED", 10)
    for wanted, index in ((Filter(text="x"), "calls_by_start (org=? AND"), (Filter(text="x", terms=(BERLIN,)), KEY)):
        stop, search = plans(crowded.store, partial(crowded.calls.page, ORG, wanted, 5))
        assert re.search("USING (COVERING INDEX|PRIMARY KEY)", stop[0])
        assert index in search[0]
        assert ")>(?,?)" in search[0]


def test_the_rarest_term_is_sought(office: Office) -> None:
    """Of several terms the one with the fewest calls is gone through, and the others are looked up in each of them."""
    rows = [
        call_row(f"r{each}", each, [{"location": "Berlin", "user_id": ANN if each == 3 else BEN}]) for each in range(9)
    ]
    office.put(*rows)
    for terms in ((BERLIN, OF_ANN), (OF_ANN, BERLIN)):
        with listening(office.store) as heard:
            page = office.calls.page(ORG, Filter(terms=terms), 5)
        assert [call.id for call in page.calls] == [UUID(bytes=rows[3].id)]
        assert heard[-1].rows[0][1] == OF_ANN


def test_a_count_reads_an_index_only(crowded: Office) -> None:
    """A count of all calls, or of those with a term, goes through a part of one index and reads no call."""
    for wanted in (Filter(since=BEGIN, until=BEGIN + 9), Filter(terms=(OF_ANN,), since=BEGIN)):
        ((line,),) = plans(crowded.store, partial(crowded.calls.count, ORG, wanted))
        assert re.search("USING (COVERING INDEX|PRIMARY KEY)", line)
        assert "start_at>?" in line


def test_one_call_is_found_by_its_key(crowded: Office) -> None:
    """A call is found by its id, and by a record in it, with look-ups in keys."""
    (lines,) = plans(crowded.store, lambda: crowded.calls.one(ORG, call_uuid("r5")))
    assert [line.split("(")[1] for line in lines] == ["org=? AND id=?)", "org=? AND id=?)"]
    ((line,),) = plans(crowded.store, lambda: crowded.calls.of_record(ORG, "r5", BEGIN))
    assert line.endswith("(org=? AND id=?)")


def test_an_export_sorts_nothing(crowded: Office) -> None:
    """All calls come out of the index in their order."""
    ((line,),) = plans(crowded.store, lambda: list(crowded.calls.all(ORG, BEGIN, BEGIN + 9)))
    assert line == "SEARCH calls USING INDEX calls_by_start (org=? AND start_at>? AND start_at<?)"


def test_a_count_that_takes_too_long(crowded: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count is given up after its time, and the store can be read as before."""
    monkeypatch.setattr(store_module, "_STEPS_BETWEEN_LOOKS", 10)
    hasty = Calls(crowded.store, count_seconds=0.0)
    with pytest.raises(TookTooLong):
        hasty.count(ORG, Filter(text="still"))
    assert crowded.calls.count(ORG, Filter()) == 90
