"""No question to the ledger gets slower with what it does not ask for: each seeks its index, and sorts nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from factories import ORG, make_record
from integration.ledger.reading import after_noon, window
from integration.ledger.statements import Statement, listening, plan
from ringback.ledger import Position, Quarantined, SqlLedger, TimeAxis, Window
from ringback.store import Store

INDEX = {
    TimeAxis.REPORT: "records_by_report_at",
    TimeAxis.START: "records_by_start_at",
    TimeAxis.STORED: "records_by_stored_at",
}
SOME = window(100, 200)


@pytest.fixture
def filled(sql_ledger: SqlLedger) -> SqlLedger:
    """A ledger with a few records and a revision."""
    sql_ledger.append([make_record(f"r{number}") for number in range(5)])
    sql_ledger.append([make_record("r1", report_time=after_noon(1))], [Quarantined(b"", "empty", "f", ORG)])
    return sql_ledger


def plans(store: Store, ask: Callable[[], object]) -> list[str]:
    """The lines of the plans of all statements that a question leads to; none reads through all records, or sorts."""
    with listening(store) as heard:
        ask()
    lines = [line for statement in heard if not statement.sql.startswith("BEGIN") for line in plan(store, statement)]
    assert lines
    assert not [line for line in lines if "SCAN records" in line or "TEMP B-TREE" in line]
    return lines


@pytest.mark.parametrize("locations", [(), ("Berlin",), ("Berlin", "Rome")], ids=["all", "one", "two"])
@pytest.mark.parametrize("axis", TimeAxis)
@pytest.mark.parametrize("begin", [None, Position(150, 7)], ids=["first", "next"])
def test_a_page_seeks_to_where_it_begins(
    store: Store, filled: SqlLedger, axis: TimeAxis, locations: tuple[str, ...], begin: Position | None
) -> None:
    """A page seeks its first record in the index of its axis by time and sequence, however far on that is."""
    of = Window(ORG, axis, 100, 200, locations)
    (line,) = plans(store, lambda: filled.page(of, snapshot=6, limit=10, begin=begin))
    assert line.startswith(f"SEARCH records USING INDEX {INDEX[axis]} (org=? AND ({axis.value}_at,sequence)>(?,?)")
    assert f"{axis.value}_at<?" in line


@pytest.mark.parametrize("locations", [(), ("Berlin",), ("Berlin", "Rome")], ids=["all", "one", "two"])
@pytest.mark.parametrize("axis", TimeAxis)
def test_a_count_reads_only_its_index(
    store: Store, filled: SqlLedger, axis: TimeAxis, locations: tuple[str, ...]
) -> None:
    """A count reads the part of the index that belongs to its window, and no record."""
    of = Window(ORG, axis, 100, 200, locations)
    assert plans(store, lambda: filled.count(of, snapshot=6)) == [
        f"SEARCH records USING COVERING INDEX {INDEX[axis]} (org=? AND {axis.value}_at>? AND {axis.value}_at<?)"
    ]


def test_reading_on_seeks_the_sequence(store: Store, filled: SqlLedger) -> None:
    """Reading on seeks the sequence number, and needs no sorting."""
    (line,) = plans(store, lambda: filled.after(ORG, 3, 10))
    assert line == "SEARCH records USING INDEX sqlite_autoindex_records_1 (org=? AND sequence>?)"


def test_versions_are_found_by_id(store: Store, filled: SqlLedger) -> None:
    """The versions of a record are found by its id."""
    assert plans(store, lambda: filled.versions(ORG, "r1")) == [
        "SEARCH records USING INDEX records_current (org=? AND record_id=?)",
        "SEARCH records USING INDEX records_superseded (org=? AND record_id=?)",
    ]


def test_first_versions_are_found_by_id(store: Store, filled: SqlLedger) -> None:
    """Each first version that is asked for is sought by the id of its record."""
    (line,) = plans(store, lambda: filled.first_versions(ORG, ["r1", "r2"]))
    assert line == "SEARCH records USING INDEX records_superseded (org=? AND record_id=?)"


def test_summaries_read_no_records_through(store: Store, filled: SqlLedger) -> None:
    """A summary comes from counters and from the ends of indexes, not from counting."""
    lines = plans(store, filled.summaries)
    assert len([line for line in lines if "COVERING INDEX records_by_report_at (org=?" in line]) == 2


def test_newest_is_one_look_up(store: Store, filled: SqlLedger) -> None:
    """The newest sequence number is one look-up by org."""
    (line,) = plans(store, lambda: filled.newest(ORG))
    assert line.endswith("(org=?)")


def test_newest_of_all_reads_counters_only(store: Store, filled: SqlLedger) -> None:
    """What those ask who look again and again whether there is more reads a row for each org, and no record."""
    assert plans(store, filled.newest_of_all) == ["SCAN org_counters"]


def test_current_versions_are_found_by_id(store: Store, filled: SqlLedger) -> None:
    """Each current version that is asked for is sought by its id."""
    (line,) = plans(store, lambda: filled.current(ORG, ["r1", "r2"]))
    assert line == "SEARCH records USING INDEX records_current (org=? AND record_id=?)"


def test_append_seeks_what_it_has(store: Store, filled: SqlLedger) -> None:
    """An append of records that are known seeks each by its id, and changes rows by their key."""
    lines = plans(store, lambda: filled.append([make_record("r0", report_time=after_noon(9)), make_record("r1")]))
    searches = {line for line in lines if "records" in line}
    assert searches == {
        "SEARCH records USING INDEX records_current (org=? AND record_id=?)",
        "SEARCH records USING INDEX records_superseded (org=? AND record_id=?)",
        "SEARCH records USING INDEX sqlite_autoindex_records_1 (org=? AND sequence=?)",
    }


def test_what_the_plans_are_checked_with_sees_a_scan(store: Store) -> None:
    """A statement that reads through all records is recognised as one."""
    assert "SCAN records" in " ".join(plan(store, Statement("SELECT raw FROM records WHERE location = ?", [("",)])))
