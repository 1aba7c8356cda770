"""Durable append: from the bytes of a record to the commit, in batches of 500; and a bare insert of the same rows."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from benchmarks.records import raw_records
from benchmarks.table import Table, percentiles
from ringback.ledger import SqlLedger
from ringback.records.decode import Record, decode
from ringback.server.run import utc_now
from ringback.store import Store

_BATCH = 500
_COMPARED = 100_000
"""So many records are also inserted into a bare table, batch by batch in turn."""

_LAST = 50_000


def measure(directory: Path, sizes: list[int]) -> Table:
    """Fill a store for each size; the stores stay in the directory, for the measurements that read."""
    table = Table(
        "Durable append, batches of 500, one process",
        "records in the end",
        "records/s, all",
        f"records/s, last {_LAST:,}",
        "batch ms, p50 / p95 / p99",
        "bytes a record on disk",
        "bare sqlite3, records/s",
        "of bare",
    )
    for size in sizes:
        _measure_one(directory, size, table)
    return table


def filled_store(directory: Path, size: int) -> Path:
    """The directory of a store with so many records, made if it is not there."""
    path = directory / f"store-{size}"
    if not path.exists():
        store = Store.open(path)
        ledger = SqlLedger(store, utc_now)
        for batch in _batches(raw_records(size)):
            ledger.append([decode(raw).record for raw in batch])
        store.close()
    return path


def _measure_one(directory: Path, size: int, table: Table) -> None:
    store = Store.open(directory / f"store-{size}")
    ledger = SqlLedger(store, utc_now)
    bare = _bare_table(directory / f"bare-{size}.db")
    seconds: list[float] = []
    bare_seconds: list[float] = []
    compared_seconds = 0.0
    for batch in _batches(raw_records(size)):
        began = time.perf_counter()
        records = [decode(raw).record for raw in batch]
        ledger.append(records)
        seconds.append(time.perf_counter() - began)
        if len(bare_seconds) * _BATCH < _COMPARED:
            bare_seconds.append(_insert_bare(bare, records))
            compared_seconds += seconds[-1]
    bare.close()
    last = seconds[-_LAST // _BATCH :]
    table.add(
        f"{size:,}",
        f"{len(seconds) * _BATCH / sum(seconds):,.0f}",
        f"{len(last) * _BATCH / sum(last):,.0f}",
        percentiles(seconds),
        f"{store.size / size:,.0f}",
        f"{len(bare_seconds) * _BATCH / sum(bare_seconds):,.0f}",
        f"{sum(bare_seconds) / compared_seconds:.2f}",
    )
    store.close()


def _bare_table(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE records (org BLOB, record_id TEXT, report_at INTEGER, start_at INTEGER, location TEXT, raw TEXT, "
        "PRIMARY KEY (org, record_id))"
    )
    return connection


def _insert_bare(connection: sqlite3.Connection, records: list[Record]) -> float:
    rows = [
        (record.org.bytes, record.record_id, record.report_at, record.start_at, record.location, record.raw.decode())
        for record in records
    ]
    began = time.perf_counter()
    with connection:
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", rows)
    return time.perf_counter() - began


def _batches(raws: Iterable[bytes]) -> Iterator[list[bytes]]:
    iterator = iter(raws)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
