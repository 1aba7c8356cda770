"""What the database itself refuses, and that every statement keeps to one org."""

from __future__ import annotations

import contextlib
import re
import sqlite3

import pytest

from factories import ORG, OTHER_ORG, make_record
from integration.ledger.reading import after_noon, window
from integration.ledger.statements import Statement, listening
from ringback.ledger import Quarantined, SqlLedger, TimeAxis
from ringback.store import Store
from ringback.store.schema import CURRENT
from ringback.store.store import DATABASE_NAME

COLUMNS = "org, sequence, record_id, stored_at, report_at, start_at, superseded_by, location, wire_keys, raw"


def insert(store: Store, *, sequence: int, record_id: str, superseded_by: int) -> None:
    """Insert a row past the ledger, as a faulty program would."""
    with contextlib.closing(sqlite3.connect(store.directory / DATABASE_NAME)) as connection, connection:
        connection.execute(
            f"INSERT INTO records ({COLUMNS}) VALUES (?, ?, ?, 0, 0, 0, ?, '', 0, x'')",
            (ORG.bytes, sequence, record_id, superseded_by),
        )


def test_the_database_refuses_a_second_current_version(store: Store, sql_ledger: SqlLedger) -> None:
    """A second current version of a record cannot be stored, whatever a program does."""
    sql_ledger.append([make_record("r")])
    with pytest.raises(sqlite3.IntegrityError, match=r"records\.org, records\.record_id"):
        insert(store, sequence=2, record_id="r", superseded_by=CURRENT)
    insert(store, sequence=2, record_id="r", superseded_by=2)  # an old version is another matter


def test_the_database_refuses_a_sequence_number_twice(store: Store, sql_ledger: SqlLedger) -> None:
    """A sequence number cannot be used twice in an org."""
    sql_ledger.append([make_record("r")])
    with pytest.raises(sqlite3.IntegrityError, match=r"records\.org, records\.sequence"):
        insert(store, sequence=1, record_id="other", superseded_by=CURRENT)


def all_statements(store: Store, ledger: SqlLedger) -> list[Statement]:
    """What the ledger says when everything is asked of it, with two orgs in it."""
    odd = [Quarantined(b"", "empty", "f", ORG), Quarantined(b"", "empty", "f")]
    with listening(store) as heard:
        for step in (0, 1, 1, -1):
            batch = [
                make_record(name, org=org, report_time=after_noon(step)) for org in (OTHER_ORG, ORG) for name in "ab"
            ]
            ledger.append([*batch, make_record(f"new{step}")], odd)
        for axis in TimeAxis:
            for locations in ((), ("Berlin",)):
                of = window(axis=axis, locations=locations)
                ledger.page(of, snapshot=3, limit=2, begin=ledger.page(of, snapshot=3, limit=1).next)
                ledger.count(of, snapshot=3)
        ledger.after(ORG, 0, 10)
        ledger.versions(ORG, "a")
        ledger.newest(ORG)
        ledger.summaries()
        ledger.quarantine()
    return [statement for statement in heard if not statement.sql.startswith("BEGIN")]


def names_one_org(statement: Statement, table: str) -> bool:
    """Whether a statement about a table reads or writes the rows of one org only."""
    if statement.sql.startswith("INSERT"):
        listed = re.search(r"\(([^)]*)\) VALUES", statement.sql)
        assert listed
        place = listed[1].split(", ").index("org")
        return len({row[place] for row in statement.rows}) == 1
    return f"{table}.org = ?" in statement.sql


def test_every_statement_about_records_is_of_one_org(store: Store, sql_ledger: SqlLedger) -> None:
    """Each statement names one org, so that a database distributed by org sends it to one place."""
    about = [heard for heard in all_statements(store, sql_ledger) if re.search(r"\brecords\b(?! =)", heard.sql)]
    about = [heard for heard in about if " org_counters" not in heard.sql]
    assert {heard.sql.split()[0] for heard in about} == {"SELECT", "INSERT", "UPDATE"}
    assert [heard.sql for heard in about if not names_one_org(heard, "records")] == []


def test_only_lists_for_operators_read_more_than_one_org(store: Store, sql_ledger: SqlLedger) -> None:
    """Of the other tables, only the list of all orgs and the list of the quarantine are read across orgs.

    Both are for people to look at and claim no consistency between orgs, which a distributed database would not give.
    """
    statements = all_statements(store, sql_ledger)
    across = [
        (heard.sql.split()[0], table)
        for heard in statements
        for table in ("org_counters", "quarantine")
        if re.search(rf"(FROM|INTO|UPDATE) {table}\b", heard.sql) and not names_one_org(heard, table)
    ]
    assert across == [("SELECT", "org_counters"), ("SELECT", "quarantine")]
