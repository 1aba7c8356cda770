"""No record takes longer to put into its call because there are more of them: each statement seeks what it needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from factories import NOON, Clock, make_record
from integration.ledger.statements import Statement, listening, plan
from ringback.ledger import SqlLedger
from ringback.projections.calls.projection import CallsProjection
from ringback.projections.numbers import Numbers
from ringback.projections.runner import Runner
from ringback.store import Store
from ringback.store.schema import call_groups, call_legs, call_names, call_terms, calls, merged_calls

TABLES = [table.name for table in (call_groups, call_legs, call_names, call_terms, calls, merged_calls)]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The statements that were executed for some records, each with its plan: new, late, revised, and joining calls."""
    clock = Clock(int(NOON.timestamp()) * 1000)
    store = Store.open(tmp_path_factory.mktemp("plans"))
    ledger = SqlLedger(store, clock)
    runner = Runner(store, ledger, [CallsProjection(store, ledger, Numbers(""), clock)], "test", clock)
    common = {"Interaction ID": "I", "Calling number": "+14155550100"}
    with listening(store) as statements:
        for records in (
            [make_record("a", **{"Correlation ID": "A", "Local call ID": "1:0", "User number": "+14155550101"})],
            [make_record("b", **{"Correlation ID": "B", "Local call ID": "2:0", **common})],
            [make_record("c", **{"Related call ID": "1:0", "Remote call ID": "2:0", **common})],
            [make_record("c", report_time=NOON.replace(hour=13), **{"Related call ID": "3:0"})],
            [make_record("b", report_time=NOON.replace(hour=13), **{"Correlation ID": "D"})],
        ):
            ledger.append(records)
            runner.catch_up()
    said = {
        statement.sql: statement for statement in statements if statement.sql.startswith(("SEL", "INS", "UPD", "DEL"))
    }
    plans = {sql: plan(store, statement) for sql, statement in said.items()}
    runner.stop()
    store.close()
    return {sql: lines for sql, lines in plans.items() if any(name in sql for name in TABLES)}


def of(heard: dict[str, list[str]], begin: str, table: str) -> list[str]:
    """The lines of the plans of the statements that begin so, and are about a table."""
    return sorted({line for sql, lines in heard.items() if sql.startswith(begin) and table in sql for line in lines})


def test_nothing_is_read_through_or_sorted(heard: dict[str, list[str]]) -> None:
    """Of no table of the calls all rows are read, whatever comes, and nothing is sorted."""
    lines = [line for its in heard.values() for line in its]
    assert lines
    assert not [line for line in lines if "SCAN" in line or "TEMP B-TREE" in line]


def test_all_that_can_happen_did(heard: dict[str, list[str]]) -> None:
    """What the plans are told of includes that rows of each table are written, and of most also deleted."""
    written = {name for name in TABLES for sql in heard if sql.startswith(f"INSERT INTO {name} ")}
    deleted = {name for name in TABLES for sql in heard if sql.startswith(f"DELETE FROM {name} ")}
    assert written == set(TABLES)
    assert deleted == set(TABLES) - {"call_legs"}


@pytest.mark.parametrize(
    ("begin", "table", "lines"),
    [
        pytest.param(
            "SELECT call_legs.id",
            "call_legs",
            [
                "SEARCH call_legs USING INDEX call_legs_by_call (org=? AND call=?)",
                "SEARCH call_legs USING INDEX sqlite_autoindex_call_legs_1 (org=? AND id=?)",
            ],
            id="records by id, and those of calls",
        ),
        pytest.param(
            "SELECT call_legs.call",
            "call_legs",
            ["SEARCH call_legs USING INDEX sqlite_autoindex_call_legs_1 (org=? AND id=?)"],
            id="the calls of records",
        ),
        pytest.param(
            "SELECT",
            "call_groups",
            ["SEARCH call_groups USING PRIMARY KEY (org=? AND key=?)"],
            id="who shares an id",
        ),
        pytest.param(
            "SELECT",
            "call_names",
            ["SEARCH call_names USING PRIMARY KEY (org=? AND stretch=? AND name=?)"],
            id="whose Local call ID it is",
        ),
        pytest.param(
            "DELETE",
            "call_names",
            ["SEARCH call_names USING PRIMARY KEY (org=? AND stretch=? AND name=? AND leg=?)"],
            id="a link that is none any more",
        ),
        pytest.param(
            "SELECT",
            "calls.start_at",
            ["SEARCH calls USING INDEX sqlite_autoindex_calls_1 (org=? AND id=?)"],
            id="calls as they were",
        ),
        pytest.param(
            "DELETE",
            "call_terms",
            ["SEARCH call_terms USING PRIMARY KEY (org=? AND term=? AND start_at=? AND call=?)"],
            id="what a call is no longer found by",
        ),
    ],
)
def test_rows_are_found_by_key(heard: dict[str, list[str]], begin: str, table: str, lines: Sequence[str]) -> None:
    """Rows are sought in an index, by all that is known of them."""
    assert of(heard, begin, table) == lines


def test_what_the_plans_are_checked_with_sees_a_scan(directory: Path) -> None:
    """A statement that reads through all records of calls is recognised as one."""
    store = Store.open(directory)
    store.close()
    assert "SCAN call_legs" in " ".join(plan(store, Statement("SELECT id FROM call_legs WHERE first = ?", [(1,)])))
