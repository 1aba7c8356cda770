"""Reading call logs: pages, filters, free text, counts, costs; each seeks an index, however much there is."""

from __future__ import annotations

import operator
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from factories import ORG, OTHER_ORG, Clock
from integration.projections.pbx import EVERYTHING, Pbx, call_log, ids, microseconds, moment, some_calls
from ringback.projections.call_logs.expressions import AllOf, AnyOf, Compare, Order, total
from ringback.projections.call_logs.query import CallLogs, Kind, Place, Wanted
from ringback.records.portsip.call_log import CallLog
from ringback.records.values import to_microseconds
from ringback.store import TookTooLong
from ringback.store import store as store_module
from ringback.store.schema import call_costs

LOGS, SUMMARIES = Kind.LOGS, Kind.SUMMARIES
ORDERS: list[tuple[Order, ...]] = [
    (),
    (Order("started_at", True),),
    (Order("caller"), Order("started_at", True)),
    (Order("trunk", True),),
    (Order("ended_at"), Order("id", True)),
    (Order("status_code", True), Order("trunk"), Order("answered_at", True)),
]


@pytest.fixture
def pbx(directory: Path, clock: Clock) -> Iterator[Pbx]:
    """An empty store."""
    with Pbx(directory, clock) as pbx:
        yield pbx


@pytest.fixture(scope="module")
def crowded(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    """A store with some calls, for tests that only read."""
    with Pbx(Path(shutil.copytree(empty_store, tmp_path_factory.mktemp("crowded") / "store")), Clock()) as pbx:
        pbx.add(*some_calls())
        yield pbx


def in_order(logs: Sequence[CallLog], orders: Sequence[Order]) -> list[str]:
    """The ids as a plain reading of the orders has them: blanks before everything, if not descending."""

    def key(value: Any) -> tuple[bool, Any]:
        return value is not None, value or 0 if not isinstance(value, (str, datetime)) else value

    found = list(logs)
    for order in reversed(total(orders)):
        found.sort(key=lambda log: key(getattr(log, order.field)), reverse=order.descending)
    return list(ids(found))


def all_ids(pbx: Pbx, kind: Kind, wanted: Wanted, top: int) -> Sequence[str]:
    """The ids of all rows, page by page."""
    return ids(pbx.all_pages(kind, wanted, top))


# Pages


@pytest.mark.parametrize("top", [1, 3, 7, 100])
@pytest.mark.parametrize("orders", ORDERS, ids=str)
@pytest.mark.parametrize("kind", Kind)
def test_pages_meet_every_row_once_in_order(pbx: Pbx, kind: Kind, orders: tuple[Order, ...], top: int) -> None:
    """In any order, with blanks and many equal values, by place and by skipping: all rows, each once."""
    pbx.add(*some_calls(), call_log("r000", org=OTHER_ORG))
    rows = pbx.all_pages(kind)
    expected = in_order(rows, orders)
    wanted = Wanted(orders=orders)
    assert all_ids(pbx, kind, wanted, top) == expected
    skipping = [
        id
        for skip in range(0, len(rows) + top, top)
        for id in ids(pbx.call_logs.page(ORG, kind, wanted, top, skip=skip).logs)
    ]
    assert skipping == expected


@pytest.mark.parametrize("top", [1, 7, 100])
@pytest.mark.parametrize("orders", ORDERS, ids=str)
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("also", [(), (Compare("trunk", "ne", "East"),)], ids=["only", "also"])
def test_all_calls_of_a_number(
    crowded: Pbx, kind: Kind, orders: tuple[Order, ...], top: int, also: tuple[Compare, ...]
) -> None:
    """Rows in which a number called or was called come once each, also if it called itself, in order, page by page."""
    numbers = tuple(Compare(field, "eq", number) for field in ("caller", "callee") for number in ("101", "102"))
    wanted = Wanted(filter=AllOf((AnyOf(numbers), *also)), orders=orders)
    expected = [
        log
        for log in crowded.all_pages(kind, Wanted(), 100)
        if {log.caller, log.callee} & {"101", "102"} and (not also or log.trunk != "East")
    ]
    assert list(all_ids(crowded, kind, wanted, top)) == in_order(expected, orders)
    page = crowded.call_logs.page(ORG, kind, wanted, 3, skip=5)
    assert list(ids(page.logs)) == in_order(expected, orders)[5:8]
    assert crowded.call_logs.count(ORG, kind, wanted) == len(expected)


@pytest.mark.parametrize("orders", ORDERS, ids=str)
@pytest.mark.parametrize("seed", range(2))
def test_pages_hold_while_rows_arrive(pbx: Pbx, orders: tuple[Order, ...], seed: int) -> None:
    """Who pages while rows are added anywhere meets every row that was there, once, and none twice."""
    calls = some_calls(90, seed)
    random.Random(seed).shuffle(calls)
    pbx.add(*calls[:30])
    there = set(ids(pbx.logs()))
    found: list[str] = []
    begin: Place | None = None
    for number in range(30, 90, 2):
        page = pbx.call_logs.page(ORG, LOGS, Wanted(orders=orders), 3, begin=begin)
        found += ids(page.logs)
        if (begin := page.next) is None:
            break
        pbx.add(*calls[number : number + 2])
    assert len(found) == len(set(found))
    assert begin is not None or set(found) >= there


def test_a_place_that_is_gone_is_a_place_still(pbx: Pbx) -> None:
    """A page begins where the one before ended, also if the row there has moved since."""
    calls = [call_log(str(number), started_at=number) for number in range(4)]
    pbx.add(*calls)
    page = pbx.call_logs.page(ORG, LOGS, EVERYTHING, 2)
    pbx.add(call_log("1", started_at=9, ended_at=67))
    rest = pbx.call_logs.page(ORG, LOGS, EVERYTHING, 9, begin=page.next)
    assert (ids(page.logs), ids(rest.logs)) == (["0", "1"], ["2", "3", "1"])


def test_nothing_is_skipped_behind_a_place(pbx: Pbx) -> None:
    """To begin at a place and to skip rows as well is refused."""
    with pytest.raises(ValueError, match="skips nothing"):
        pbx.call_logs.page(ORG, LOGS, EVERYTHING, 1, skip=1, begin=Place((0, "x")))


def test_a_page_of_nothing(pbx: Pbx) -> None:
    """Without call logs, and for a user without any, there is one empty page and the count is 0."""
    for wanted in (EVERYTHING, Wanted(user="101"), Wanted(search="x")):
        for kind in Kind:
            page = pbx.call_logs.page(ORG, kind, wanted, 10)
            assert (list(page.logs), page.next, pbx.call_logs.count(ORG, kind, wanted)) == ([], None, 0)
    assert pbx.call_logs.one(ORG, "1") is None
    assert list(pbx.call_logs.of_session(ORG, "1")) == []
    assert pbx.call_logs.position(ORG) == 0


# Which rows

WANTED: list[tuple[Wanted, Callable[[CallLog], bool]]] = [
    (Wanted(filter=Compare("caller", "eq", "101")), lambda log: log.caller == "101"),
    (
        Wanted(filter=AllOf((Compare("caller", "eq", "101"), Compare("started_at", "ge", microseconds(2))))),
        lambda log: log.caller == "101" and log.started_at is not None and log.started_at >= moment(2),
    ),
    (
        Wanted(filter=Compare("started_at", "lt", microseconds(3.000002)), search="EAST"),
        lambda log: log.started_at is not None and log.started_at < moment(3.000002) and log.trunk == "East",
    ),
    (Wanted(search="west 102"), lambda log: log.trunk == "west" and "102" in (log.caller, log.callee)),
]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("number", range(len(WANTED)))
def test_filter_and_free_text(pbx: Pbx, kind: Kind, number: int) -> None:
    """Those rows are given and counted that meet the filter and have all words, page by page."""
    pbx.add(*(call for call in some_calls() if kind is LOGS or b'"session_id":null' in call.raw))
    wanted, plainly = WANTED[number]
    expected = ids(list(filter(plainly, pbx.all_pages(kind))))
    assert 0 < len(expected) < 60
    assert all_ids(pbx, kind, wanted, 4) == expected
    assert pbx.call_logs.count(ORG, kind, wanted) == len(expected)


BOUNDED: dict[str, Sequence[str | int]] = {
    "started_at": [microseconds(each) for each in (-1, 0, 1, 2, 3.000001, 9)],
    "caller": ["", "101", "102", "2"],
}


@settings(max_examples=150)
@given(data=st.data(), field=st.sampled_from(sorted(BOUNDED)), descending=st.booleans(), top=st.integers(1, 4))
def test_pages_of_a_range(crowded: Pbx, data: st.DataObject, field: str, descending: bool, top: int) -> None:
    """Pages ordered by what is bounded, up or down, meet every row within the bounds once, and no other."""
    bound = st.builds(
        Compare, st.just(field), st.sampled_from(["gt", "ge", "lt", "le", "eq", "ne"]), st.sampled_from(BOUNDED[field])
    )
    parts = data.draw(st.lists(bound, min_size=1, max_size=3))
    wanted = Wanted(filter=AllOf((AllOf(tuple(parts[1:])), parts[0])), orders=(Order(field, descending),))
    expected = ids(crowded.call_logs.page(ORG, LOGS, wanted, 1000).logs)
    assert all_ids(crowded, LOGS, wanted, top) == expected
    plainly = [log for log in crowded.logs() if all(holds(part, log) for part in parts)]
    assert expected == in_order(plainly, wanted.orders)


@pytest.mark.parametrize("place", [-1, 0, 1, 2, 3, 9])
@pytest.mark.parametrize("descending", [False, True])
def test_a_place_outside_of_the_filter_shows_no_more(crowded: Pbx, descending: bool, place: float) -> None:
    """Where a page begins bounds it together with the filter, also if somebody made the place up."""
    parts = (Compare("started_at", "ge", microseconds(1)), Compare("started_at", "le", microseconds(2)))
    wanted = Wanted(filter=AllOf(parts), orders=(Order("started_at", descending),))
    everything = crowded.call_logs.page(ORG, LOGS, wanted, 1000).logs
    found = crowded.call_logs.page(ORG, LOGS, wanted, 1000, begin=Place((microseconds(place), ""))).logs
    here = moment(place)  # of those that start just there, all are behind the empty id
    assert found == [
        log
        for log in everything
        if log.started_at and ((log.started_at <= here) if descending else (log.started_at >= here))
    ]


def holds(part: Compare, log: CallLog) -> bool:
    """Whether a call log meets a comparison."""
    value: Any = getattr(log, part.field)
    if isinstance(value, datetime):
        value = to_microseconds(value)
    bound = part.value or None if part.operator in ("eq", "ne") else part.value
    if part.operator in ("eq", "ne"):
        return (value == bound) is (part.operator == "eq")
    return value is not None and bool(getattr(operator, part.operator)(value, bound))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", "abc"),
        ("  ", "abc"),
        ("ann", "a"),
        ("ANN straße", "a"),
        ("strasse ann", "a"),
        ("100%", "b"),
        ("0%0", ""),
        ("x_y", "b"),
        ("x y", "b"),
        ("_", "b"),
        ("+1555", "c"),
        ("pbx.example", "ac"),
        ("/", "c"),
        ("ann 100%", ""),
        ("'", ""),
    ],
)
def test_words_are_looked_for_as_they_are(pbx: Pbx, search: str, found: str) -> None:
    """Each word is part of some text of the row, in any case; signs are signs, and no patterns."""
    pbx.add(
        call_log("a", caller_display_name="Ann Straße", caller_domain="PBX.example.com"),
        call_log("b", caller_display_name="100% juice", user_data="x_y"),
        call_log("c", did_cid="+1555", callee_domain="pbx.example.com", destination="sip:/x"),
    )
    for kind in Kind:
        assert ids(pbx.all_pages(kind, Wanted(search=search))) == list(found)


@pytest.mark.parametrize("kind", Kind)
def test_a_user_sees_their_own_only(pbx: Pbx, kind: Kind) -> None:
    """With a user, lists and counts have the rows in which the user has a leg, and no others."""
    pbx.add(*some_calls())
    everything = pbx.all_pages(kind)
    own = all_ids(pbx, kind, Wanted(user="103"), 4)
    assert 0 < len(own) < len(everything)
    assert list(own) == [log.id for log in everything if log.id in set(own)]
    assert pbx.call_logs.count(ORG, kind, Wanted(user="103")) == len(own)
    if kind is LOGS:
        theirs = {log.id for log in everything if log.callee == "103"}  # nobody else calls or is called as 103
        assert set(own) == theirs


@pytest.mark.parametrize("within", [None, AllOf((Compare("started_at", "ge", 1), Compare("trunk", "ne", "x")))])
@pytest.mark.parametrize("orders", ORDERS, ids=str)
@pytest.mark.parametrize("kind", Kind)
def test_a_users_pages_in_any_order(crowded: Pbx, kind: Kind, orders: tuple[Order, ...], within: AllOf | None) -> None:
    """In any order, with a filter or without: all rows of the user, each once."""
    everything = crowded.call_logs.page(ORG, kind, Wanted(user="103", filter=within), 1000).logs
    wanted = Wanted(user="103", filter=within, orders=orders)
    assert 0 < len(everything) < 60
    assert all_ids(crowded, kind, wanted, 4) == in_order(everything, orders)
    assert crowded.call_logs.count(ORG, kind, wanted) == len(everything)


def test_one_call_log(pbx: Pbx) -> None:
    """A call log is found by its id, in its org, and for those only whose it is."""
    pbx.add(call_log("1", callee="101"))
    (log,) = pbx.logs()
    assert pbx.call_logs.one(ORG, "1") == pbx.call_logs.one(ORG, "1", "101") == log
    assert pbx.call_logs.one(ORG, "1", "102") is None
    assert pbx.call_logs.one(OTHER_ORG, "1") is None


def test_the_call_logs_of_a_session(pbx: Pbx) -> None:
    """All rows of a session come by start, then by id; for a user, the user's own; under any id that it goes by."""
    pbx.add(
        call_log("3", session_id="s", started_at=9, callee="101"),
        call_log("2", session_id="s", started_at=9, callee="102"),
        call_log("1", session_id="s", started_at=10, callee="101"),
        call_log("4", session_id="s", started_at=None, callee="101"),
        call_log("5", callee="101"),
    )
    assert ids(pbx.call_logs.of_session(ORG, "s")) == ["4", "2", "3", "1"]
    assert ids(pbx.call_logs.of_session(ORG, "s", "101")) == ["4", "3", "1"]
    assert ids(pbx.call_logs.of_session(ORG, "5")) == ["5"]
    assert list(pbx.call_logs.of_session(ORG, "5", "102")) == list(pbx.call_logs.of_session(ORG, "1")) == []


def test_costs(pbx: Pbx) -> None:
    """A call log costs what the PBX says; if it says nothing, what our own tariff says, and nothing without one."""
    pbx.add(
        call_log("own", session_id="s", cost=0.35, billed_account="PBX"),
        call_log("rated", session_id="s", started_at=1),
        call_log("named", session_id="s", started_at=2, billed_account="PBX"),
        call_log("free", session_id="s", started_at=3, cost=0),
        call_log("none", session_id="s", started_at=4),
    )
    with pbx.store.write() as connection:
        for id in ("own", "rated", "named", "free"):
            row = {"org": ORG, "id": id, "amount": "0.05", "account": "Ours", "currency": "EUR", "tariff": "t"}
            connection.execute(insert(call_costs).values(**row, rated_at=1))
    expected = {
        "own": (Decimal("0.35"), "PBX"),
        "rated": (Decimal("0.05"), "Ours"),
        "named": (Decimal("0.05"), "PBX"),
        "free": (Decimal(0), None),
        "none": (None, None),
    }
    logs = pbx.call_logs.of_session(ORG, "s")
    assert {log.id: (log.cost, log.billed_account) for log in logs} == expected
    assert [pbx.call_logs.one(ORG, log.id) for log in logs] == logs
    assert {log.cost for log in (*pbx.logs(), *pbx.summaries())} == {None}


# Time

ASKED: dict[str, Callable[[CallLogs], object]] = {
    "page": lambda logs: logs.page(ORG, LOGS, EVERYTHING, 10),
    "count": lambda logs: logs.count(ORG, SUMMARIES, EVERYTHING),
    "one": lambda logs: logs.one(ORG, "r001"),
    "of_session": lambda logs: logs.of_session(ORG, "r001"),
    "position": lambda logs: logs.position(ORG),
    "changes": lambda logs: logs.changes(ORG, "101", 0, None, 10),
    "news": lambda logs: logs.news(ORG, 0, 10),
}


@pytest.mark.parametrize("what", ASKED)
def test_nothing_takes_for_ever(pbx: Pbx, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Every question is given up when its time is over, and can be asked again."""
    pbx.add(*some_calls())
    monkeypatch.setattr(store_module, "_STEPS_BETWEEN_LOOKS", 1)
    with pytest.raises(TookTooLong):
        ASKED[what](CallLogs(pbx.store, time_limit=0))
    assert ASKED[what](pbx.call_logs) == ASKED[what](CallLogs(pbx.store))


def test_a_summary_is_no_call_log(pbx: Pbx) -> None:
    """A summary has the id of its session, and no session id."""
    pbx.add(call_log("1", session_id="s"))
    (log,), (summary,) = pbx.logs(), pbx.summaries()
    assert summary == msgspec.structs.replace(log, id="s", session_id=None)
