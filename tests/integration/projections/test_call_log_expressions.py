"""Filters and orders on rows: what is found is what a plain reading of the same words finds, and indexes are used."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, Table, create_engine, delete, insert, select

from factories import NOON, ORG, OTHER_ORG
from integration.ledger.statements import listening, plan
from ringback.projections.call_logs.expressions import (
    AllOf,
    AnyOf,
    Compare,
    Expression,
    Order,
    Value,
    beyond,
    condition,
    fields_of,
    ordering,
    stretches,
    total,
)
from ringback.server.portsip.odata import MAX_DEPTH, MAX_TERMS, parse_filter, parse_orderby
from ringback.store import Store
from ringback.store.schema import call_logs, call_summaries

TABLES = (call_logs, call_summaries)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = Mapping[str, Any]


def at(seconds: float) -> int:
    """So many seconds after noon, as it is kept: in microseconds since 1970."""
    return (NOON - EPOCH + timedelta(seconds=seconds)) // timedelta(microseconds=1)


class Rows:
    """Rows of an org in a real table, in memory; beside each, a row of another org with the same id."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.fields = fields_of(table)
        self._engine = create_engine("sqlite://")
        table.metadata.create_all(self._engine, [table])

    def fill(self, rows: Iterable[Row]) -> None:
        """Have these rows and no others."""
        blank = dict.fromkeys(field.name for field in self.fields)
        more = {name: 1 for name in ("changed", "created") if name in self.table.c} | {"search": ""}
        whole = [{**blank, **more, **row, "org": org} for row in rows for org in (ORG, OTHER_ORG)]
        with self._engine.begin() as connection:
            connection.execute(delete(self.table))
            if whole:
                connection.execute(insert(self.table), whole)

    def read(self, *where: Any, orders: Sequence[Order] = (), limit: int | None = None) -> list[Row]:
        """Rows that meet conditions, in an order."""
        statement = asked(self.table, *where, orders=orders).limit(limit)
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(statement)]

    def found(self, expression: Expression | str) -> list[str]:
        """The ids of the rows that meet an expression, or a filter."""
        if isinstance(expression, str):
            expression = parse_filter(expression, self.fields)
        return [row["id"] for row in self.read(condition(expression, self.table))]

    def close(self) -> None:
        """Forget them."""
        self._engine.dispose()


def asked(table: Table, *where: Any, orders: Sequence[Order] = ()) -> Select[Any]:
    """The statement that reads rows of an org, as a page is read."""
    return select(table).where(table.c.org == ORG, *where).order_by(*ordering(total(orders), table))


@pytest.fixture(scope="module", params=TABLES, ids=lambda table: table.name)
def rows(request: pytest.FixtureRequest) -> Iterator[Rows]:
    """A table to be filled: that of call logs, and that of summaries."""
    rows = Rows(request.param)
    yield rows
    rows.close()


A_DAY = (
    # Ann calls Bob, who answers.
    {
        "id": "a",
        "caller": "101",
        "caller_display_name": "Ann",
        "callee": "102",
        "direction": "EXTENSION_CALL",
        "started_at": at(0),
        "answered_at": at(5),
        "ended_at": at(65),
        "end_reason": "CALLER_DISCONNECTED",
        "status_code": 0,
        "duration": 60,
    },
    # Somebody from outside calls Ann, in vain.
    {
        "id": "b",
        "caller": "+12025550101",
        "caller_display_name": "O'Brien, 100% _",
        "callee": "101",
        "direction": "INBOUND_CALL",
        "started_at": at(10.5),
        "ended_at": at(30),
        "end_reason": "CANCELLED",
        "status_code": 487,
        "duration": 0,
        "trunk": "East",
    },
    # One that does not say by which trunk it came, of a caller with no more than a name.
    {
        "id": "c",
        "caller_display_name": "ann",
        "callee": "8000",
        "direction": "INBOUND_CALL",
        "started_at": at(20),
        "ended_at": at(20),
        "status_code": 486,
        "duration": 0,
    },
    # The PBX has told no more of it yet.
    {"id": "d", "caller": "1010", "caller_display_name": "Änn 😀", "trunk": "east"},
)


@pytest.mark.parametrize(
    ("filter_text", "expected"),
    [
        # equal or not: a blank is different from every value
        ("caller eq '101'", "a"),
        ("caller ne '101'", "b c d"),
        ("trunk eq 'East'", "b"),
        ("trunk ne 'East'", "a c d"),
        ("direction eq 'INBOUND_CALL'", "b c"),
        ("direction ne 'INBOUND_CALL'", "a d"),
        ("status_code eq '0'", "a"),
        ("status_code eq 486", "c"),
        ("caller_display_name eq 'O''Brien, 100% _'", "b"),
        ("caller_display_name eq 'Ann'", "a"),
        # blank
        ("answered_at eq null", "b c d"),
        ("answered_at ne null", "a"),
        ("caller eq ''", "c"),
        ("caller ne ''", "a b d"),
        ("status_code eq ''", "d"),
        # before and after: a blank is neither
        ("started_at gt '2026-03-02T12:00:10Z'", "b c"),
        ("started_at ge '2026-03-02T13:00:10.5+01:00'", "b c"),
        ("started_at gt '2026-03-02T12:00:10.500Z'", "c"),
        ("started_at lt '2026-03-02T12:00:10.500001Z'", "a b"),
        ("started_at le '2026-03-02T12:00:00Z'", "a"),
        ("duration le '0'", "b c"),
        ("duration gt -1", "a b c"),
        ("status_code lt 9223372036854775807", "a b c"),
        # texts, by code point
        ("caller gt '101'", "d"),
        ("caller ge '101'", "a d"),
        ("caller lt '101'", "b"),
        ("caller gt ''", "a b d"),
        ("caller_display_name gt 'Z'", "c d"),
        ("caller_display_name gt 'a'", "c d"),
        ("caller_display_name gt 'b'", "d"),
        # parts of texts, as they are written
        ("startswith(caller,'101')", "a d"),
        ("startswith(caller,'+1202')", "b"),
        ("startswith(caller,'100')", ""),
        ("startswith(caller_display_name,'A')", "a"),
        ("startswith(caller_display_name,'Ä')", "d"),
        ("endswith(caller,'01')", "a b"),
        ("endswith(caller,'0101')", "b"),
        ("endswith(caller_display_name,'😀')", "d"),
        ("endswith(caller_display_name,'_')", "b"),
        ("contains(caller_display_name,'nn')", "a c d"),
        ("contains(caller_display_name,'%')", "b"),
        ("contains(caller_display_name,'_')", "b"),
        ("contains(caller_display_name,'''')", "b"),
        ("contains(caller_display_name,'AN')", ""),
        ("contains(trunk,'')", "b d"),
        ("startswith(trunk,'')", "b d"),
        ("endswith(direction,'_CALL')", "a b c"),
        # together
        ("caller eq '101' and started_at gt '2022-01-01T00:00:00Z'", "a"),
        ("caller eq '101' or callee eq '101'", "a b"),
        ("status_code eq 486 or status_code eq 0 and duration gt 100", "c"),
        ("(status_code eq 486 or status_code eq 0) and duration gt 10", "a"),
        ("trunk ne 'East' and (answered_at eq null or contains(caller,'9'))", "c d"),
        ("id ge 'b' and id lt 'd'", "b c"),
    ],
)
def test_what_filters_find(rows: Rows, filter_text: str, expected: str) -> None:
    """Each filter finds just these of four call logs."""
    rows.fill(A_DAY)
    assert sorted(rows.found(filter_text)) == expected.split()


@pytest.mark.parametrize("field", [field.name for field in fields_of(call_logs)])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_field_of_a_list(table: Table, field: str) -> None:
    """Every field that lists have can be asked for and ordered by, but summaries have no session_id of their own."""
    if table is call_summaries and field == "session_id":
        with pytest.raises(KeyError):
            condition(Compare(field, "eq", "1"), table)
        return
    rows = Rows(table)
    value = 7 if table.c[field].type.python_type is int else "7"
    rows.fill([{"id": "1"}, {"id": "2", field: value}])
    wanted = Compare(field, "eq", value)
    order = Order(field, descending=True)
    assert len(rows.found(wanted)) == 1
    assert rows.found(wanted) == [rows.read(orders=[order])[0]["id"]]
    rows.close()


@pytest.mark.parametrize("column", ["org", "search", "changed", "cost", "billed_account"])
def test_what_is_no_field_of_a_list(column: str) -> None:
    """The other columns of the tables are nobody's business."""
    with pytest.raises(KeyError):
        condition(Compare(column, "eq", None), call_logs)
    with pytest.raises(KeyError):
        ordering([Order(column)], call_logs)


def test_edges_of_expressions(rows: Rows) -> None:
    """An empty text is a blank, nothing comes before or after a blank, and having no parts is what it is in logic."""
    rows.fill(A_DAY)
    assert rows.found(Compare("caller", "eq", "")) == ["c"]
    assert sorted(rows.found(Compare("caller", "ne", ""))) == ["a", "b", "d"]
    for comparison in ("gt", "ge", "lt", "le"):
        assert rows.found(Compare("trunk", comparison, None)) == []
    assert len(rows.found(AllOf(()))) == 4
    assert rows.found(AnyOf(())) == []


def test_the_largest_filter_is_answered(rows: Rows) -> None:
    """A filter of as many terms and parentheses as are read is not too much for the database."""
    rows.fill(A_DAY)
    long = "id eq 'a' or " * (MAX_TERMS - 1) + "id eq 'b'"
    assert sorted(rows.found(long)) == ["a", "b"]
    deep = "id eq 'a'"
    for _ in range(MAX_DEPTH):
        deep = f"(id eq 'b' or {deep} and id ne 'c')"
    assert sorted(rows.found(deep)) == ["a", "b"]


CHARACTERS = "aABé%_' \\0+\x7f\ud7ff\ue000\uffff\U0001f600\U0010ffff"
"""Letters in two cases, what is special to LIKE or to a filter, and those on both sides of a gap in the code points."""

TEXTS = st.text(st.sampled_from(CHARACTERS), max_size=3)
WORDS = st.sampled_from(["INBOUND_CALL", "OUTBOUND_CALL", "SIDEWAYS_CALL"])
NUMBERS = st.sampled_from([-(2**63), -1, 0, 1, 486, 2**31, 2**63 - 1])
TIMES = st.sampled_from([at(-1e9), at(0), at(1e-6), at(1), at(1.5)])
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "caller": TEXTS,
    "callee": TEXTS,
    "direction": WORDS,
    "started_at": TIMES,
    "ended_at": TIMES,
    "duration": NUMBERS,
}
TEXTUAL = ("caller", "callee", "direction")
FUNCTIONS: Mapping[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": operator.contains,
}

LOGS = st.fixed_dictionaries(
    {name: st.none() | values.map(lambda value: None if value == "" else value) for name, values in VALUES.items()}
)
CALLS = st.lists(LOGS, max_size=12).map(lambda logs: [{"id": f"{n:02}", **log} for n, log in enumerate(logs)])
"""Rows with any values, and with blanks; ids from 00 on."""


class Written(msgspec.Struct):
    """A filter in the words of its users, and which rows it is meant for."""

    text: str
    means: Callable[[Row], bool]
    is_or: bool = False


def literal(field: str, value: Any, quoted: bool) -> str:
    """A value as users write it."""
    if field in ("started_at", "ended_at"):
        value = (EPOCH + timedelta(microseconds=value)).isoformat()
    if isinstance(value, int) and not quoted:
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


@st.composite
def comparisons(draw: st.DrawFn) -> Written:
    """A field compared with a value."""
    field = draw(st.sampled_from(list(VALUES)))
    name = draw(st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]))
    value = draw(VALUES[field])
    compare = getattr(operator, name)
    if name in ("eq", "ne"):
        value = value if draw(st.booleans()) else ""
        text = literal(field, value, draw(st.booleans())) if value != "" else draw(st.sampled_from(["''", "null"]))
        return Written(f"{field} {name} {text}", lambda row: compare(row[field], None if value == "" else value))
    text = literal(field, value, draw(st.booleans()))
    return Written(f"{field} {name} {text}", lambda row: row[field] is not None and compare(row[field], value))


@st.composite
def functions(draw: st.DrawFn) -> Written:
    """A text looked for in a field."""
    field = draw(st.sampled_from(TEXTUAL))
    name = draw(st.sampled_from(list(FUNCTIONS)))
    part = draw(TEXTS | st.sampled_from(["IN", "BOUND", "CALL"]))
    text = f"{name}({field},{literal(field, part, True)})"
    return Written(text, lambda row: row[field] is not None and FUNCTIONS[name](row[field], part))


@st.composite
def joined(draw: st.DrawFn, inner: st.SearchStrategy[Written]) -> Written:
    """Several, joined with one word; in parentheses only where these change the meaning, or by chance."""
    parts = draw(st.lists(inner, min_size=2, max_size=3))
    is_or = draw(st.booleans())
    texts = [f"({part.text})" if (part.is_or and not is_or) or draw(st.booleans()) else part.text for part in parts]
    holds = any if is_or else all
    return Written((" or " if is_or else " and ").join(texts), lambda row: holds(p.means(row) for p in parts), is_or)


FILTERS = st.recursive(comparisons() | functions(), joined, max_leaves=8)


@settings(max_examples=300)
@given(calls=CALLS, wanted=FILTERS)
def test_any_filter_finds_what_it_says(rows: Rows, calls: list[Row], wanted: Written) -> None:
    """Any filter, on any rows, finds those for which the words hold one by one, and no others."""
    rows.fill(calls)
    assert sorted(rows.found(wanted.text)) == [row["id"] for row in calls if wanted.means(row)]


DIRECTED = st.tuples(st.sampled_from([*VALUES, "id"]), st.booleans())
ORDERS = st.lists(DIRECTED, max_size=4, unique_by=lambda each: each[0])
DESCENDING = st.lists(st.sampled_from(list(VALUES)), max_size=2).map(
    lambda names: [(name, True) for name in dict.fromkeys([*names, "started_at", "id"])]
)
"""Fields, and whether descending."""


def in_order(calls: Iterable[Row], orders: Iterable[tuple[str, bool]]) -> list[Row]:
    """The rows sorted by these, then by start, then by id; blanks are lowest."""

    def key(field: str) -> Callable[[Row], Any]:
        return lambda row: (row[field] is not None, row[field])

    result = sorted(sorted(calls, key=key("id")), key=key("started_at"))
    for field, descending in reversed(list(orders)):
        # As reverse keeps the order of equal ones, this is sorting by several fields.
        result.sort(key=key(field), reverse=descending)
    return result


def orders_of(orders: Sequence[tuple[str, bool]], rows: Rows) -> tuple[Order, ...]:
    """The same orders, as they are read from what users write."""
    text = ", ".join(f"{field} desc" if descending else field for field, descending in orders)
    return total(parse_orderby(text, rows.fields) if text else ())


@settings(max_examples=300)
@given(calls=CALLS, orders=ORDERS | DESCENDING, size=st.integers(1, 5))
def test_pages_in_any_order(rows: Rows, calls: list[Row], orders: list[tuple[str, bool]], size: int) -> None:
    """In any order, page by page, each row comes once and in its place, whether read in stretches or at once."""
    rows.fill(calls)
    by = orders_of(orders, rows)
    expected = [row["id"] for row in in_order(calls, orders)]
    assert [row["id"] for row in rows.read(orders=by)] == expected

    def paged(conditions: Callable[[list[Value]], Iterable[Any]]) -> list[str]:
        page = rows.read(orders=by, limit=size)
        ids = [row["id"] for row in page]
        while page:
            place = [page[-1][order.field] for order in by]
            page = []
            for where in conditions(place):
                page += rows.read(where, orders=by, limit=size - len(page)) if len(page) < size else []
            ids += [row["id"] for row in page]
        return ids

    assert paged(lambda place: stretches(by, place, rows.table)) == expected
    assert paged(lambda place: [beyond(by, place, rows.table)]) == expected


def test_total_orders() -> None:
    """Every order goes on with the start and the id, as far as it has not named them."""
    started, by_id = Order("started_at"), Order("id")
    assert total([]) == (started, by_id)
    assert total([Order("caller", descending=True)]) == (Order("caller", descending=True), started, by_id)
    assert total([Order("started_at", descending=True)]) == (Order("started_at", descending=True), by_id)
    assert total([by_id, started]) == (by_id, started)


@pytest.fixture
def store(directory: Path) -> Iterator[Store]:
    """An empty store on disk, with all its indexes."""
    store = Store.open(directory)
    yield store
    store.close()


def plan_of(store: Store, statement: Select[Any]) -> list[str]:
    """How SQLite reads a page of a statement: the lines of its query plan."""
    with listening(store) as heard, store.read() as connection:
        connection.execute(statement.limit(100))
    (said,) = [each for each in heard if each.sql.startswith("SELECT")]
    return plan(store, said)


PARTLY_SORTED = "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"
"""Only rows that are equal by the first order are sorted, and of those no more than the page takes."""

A_MONTH = "started_at ge '2026-03-01T00:00:00Z' and started_at lt '2026-04-01T00:00:00Z'"


@pytest.mark.parametrize(
    ("orderby", "place", "filter_text", "expected"),
    [
        # first pages
        ("", None, "", [["started (org=?)"]]),
        ("", None, A_MONTH, [["started (org=? AND started_at>? AND started_at<?)"]]),
        ("", None, "caller eq '101'", [["caller (org=? AND caller=?)"]]),
        ("callee", None, "startswith(callee,'+49')", [["callee (org=? AND callee>? AND callee<?)"]]),
        ("started_at desc", None, "", [["started (org=?)", PARTLY_SORTED]]),
        ("ended_at", None, "", [["ended (org=?)", PARTLY_SORTED]]),
        # next pages, in the order that is used most: to the very row
        ("", (at(5), "a"), "", [["started (org=? AND (started_at,id)>(?,?))"]]),
        ("", (at(5), "a"), A_MONTH, [["started (org=? AND (started_at,id)>(?,?) AND started_at<?)"]]),
        ("", (at(5), "a"), "caller eq '101'", [["caller (org=? AND caller=? AND (started_at,id)>(?,?))"]]),
        ("caller", ("101", at(5), "a"), "", [["caller (org=? AND (caller,started_at,id)>(?,?,?))"]]),
        # otherwise to the first row that is equal by the first order
        ("ended_at", (at(9), at(5), "a"), "", [["ended (org=? AND ended_at>?)", PARTLY_SORTED]]),
        ("ended_at", (at(9), None, "a"), "", [["ended (org=? AND ended_at>?)", PARTLY_SORTED]]),
        # from blanks to values, and from values to blanks
        (
            "",
            (None, "a"),
            "",
            [["started (org=? AND started_at=? AND id>?)"], ["started (org=? AND started_at>?)"]],
        ),
        (
            "started_at desc",
            (at(5), "a"),
            "",
            [["started (org=? AND started_at<?)", PARTLY_SORTED], ["started (org=? AND started_at=?)"]],
        ),
        (
            "started_at desc, id desc",
            (at(5), "a"),
            "",
            [["started (org=? AND (started_at,id)<(?,?))"], ["started (org=? AND started_at=?)"]],
        ),
        ("started_at desc", (None, "a"), "", [["started (org=? AND started_at=? AND id>?)"]]),
    ],
)
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_pages_seek(
    store: Store,
    table: Table,
    orderby: str,
    place: Sequence[Value] | None,
    filter_text: str,
    expected: list[list[str]],
) -> None:
    """A page begins where its place is in an index, however deep, and sorts no more than what is equal to it."""
    fields = fields_of(table)
    orders = total(parse_orderby(orderby, fields) if orderby else ())
    wanted = [condition(parse_filter(filter_text, fields), table)] if filter_text else []
    begins = [[]] if place is None else [[stretch] for stretch in stretches(orders, place, table)]
    plans = [plan_of(store, asked(table, *begin, *wanted, orders=orders)) for begin in begins]
    prefix = f"SEARCH {table.name} USING INDEX {table.name}_by_"
    assert [[line.removeprefix(prefix) for line in lines] for lines in plans] == expected


def test_one_stretch_is_all_that_comes_after(store: Store) -> None:
    """In ascending order what comes after a place is one stretch, so one statement seeks to it, too."""
    orders = total(())
    (line,) = plan_of(store, asked(call_logs, beyond(orders, (at(5), "a"), call_logs), orders=orders))
    assert line.endswith("(org=? AND (started_at,id)>(?,?))")
