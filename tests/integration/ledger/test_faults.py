"""What is left of a batch when appending it fails: nothing, and a message that helps."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from factories import ORG, OTHER_ORG, Clock, make_record
from integration.ledger.reading import ids, read_all
from integration.ledger.statements import listening
from ringback.ledger import Appended, Quarantined, SqlLedger
from ringback.store import Store, StoreError
from ringback.store import store as store_module
from ringback.store.store import DATABASE_NAME

MANY = [
    make_record(f"r{number}", org=org, Noise=str(number) * 500) for number in range(300) for org in (ORG, OTHER_ORG)
]


@contextlib.contextmanager
def disk_full(store: Store) -> Iterator[None]:
    """Inside the block the database of the store can hardly grow, as on a disk with a few kilobytes left."""

    def limit(connection: sqlite3.Connection, _: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 10}")

    store.close()  # the limit is one of a connection, so new ones are needed
    event.listen(store._engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(store._engine, "connect", limit)
        store.close()


def test_a_full_disk_loses_nothing(store: Store, sql_ledger: SqlLedger) -> None:
    """When the disk is full the batch is refused as a whole, with the place to make room in, and works later."""
    sql_ledger.append([make_record("before")])
    with disk_full(store):
        with pytest.raises(StoreError, match=r"no space left for the store in .*store\. Free some"):
            sql_ledger.append(MANY, [Quarantined(b"", "empty", "f", ORG)])
        assert ids(read_all(sql_ledger)) == ["before"]
        assert sql_ledger.newest(OTHER_ORG) == 0
        assert sql_ledger.quarantine() == []
        assert sql_ledger.append([make_record("before")]) == Appended(duplicate=1)
    assert sql_ledger.append(MANY) == Appended(new=len(MANY))
    assert [summary.records for summary in sql_ledger.summaries()] == [301, 300]


@contextlib.contextmanager
def another_writer(directory: Path) -> Iterator[None]:
    """Inside the block somebody else holds the write lock of the store."""
    with contextlib.closing(sqlite3.connect(directory / DATABASE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_writer_that_waits_too_long_is_told_so(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a writer that does not finish, an append fails with what to do; readers go on, and it works later."""
    monkeypatch.setattr(store_module, "_BUSY_SECONDS", 0.1)
    store = Store.open(directory)
    ledger = SqlLedger(store, Clock())
    ledger.append([make_record("before")])
    with another_writer(directory):
        with pytest.raises(StoreError, match=r"locked by another writer.*try again"):
            ledger.append([make_record("after")])
        assert ids(read_all(ledger)) == ["before"]
    assert ledger.append([make_record("after")]) == Appended(new=1)
    store.close()


def test_a_writer_waits_for_another(directory: Path, sql_ledger: SqlLedger) -> None:
    """An append behind another writer waits for it, and then succeeds."""
    done: list[Appended] = []
    waiting = threading.Thread(target=lambda: done.append(sql_ledger.append([make_record("r")])))
    with another_writer(directory):
        waiting.start()
        waiting.join(0.2)
        assert done == []
    waiting.join(30)
    assert done == [Appended(new=1)]


class FailingClock(Clock):
    """Fails from the second time it is asked: in the store, after the first org of a batch has been written."""

    asked = 0

    def __call__(self) -> datetime:
        self.asked += 1
        if self.asked > 1:
            raise RuntimeError("the clock stopped")
        return super().__call__()


def test_a_crash_in_the_middle_leaves_nothing(store: Store) -> None:
    """When an append fails between two orgs of its batch, nothing of either is there, and the next append works."""
    batch = [make_record("r", org=org) for org in (ORG, OTHER_ORG)]
    with listening(store) as heard, pytest.raises(RuntimeError, match="the clock stopped"):
        SqlLedger(store, FailingClock()).append(batch, [Quarantined(b"", "empty", "f", ORG)])
    assert [statement for statement in heard if statement.sql.startswith("INSERT INTO records")]
    ledger = SqlLedger(store, Clock())
    assert ledger.summaries() == []
    assert ledger.append(batch) == Appended(new=2)
    assert [stored.sequence for stored in ledger.after(ORG, 0, 10)] == [1]
