"""Call logs: how fast they are made of records, and how fast a page, a count and changes are had from a large store.

The rows of the large store are not projected one by one: they are copies of rows that were, each set of copies 30 days
after the one before, in the database.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from uuid import UUID

from sqlalchemy import Column, func, select

from benchmarks import records
from benchmarks.append import filled_store
from benchmarks.table import Table, Wrong
from ringback.ledger import SqlLedger
from ringback.projections.call_logs.expressions import AllOf, AnyOf, Compare, Order
from ringback.projections.call_logs.projection import CallLogsProjection
from ringback.projections.call_logs.query import CallLogs, Kind, Place, Wanted
from ringback.projections.runner import Projection, Runner
from ringback.projections.sessions.projection import SessionsProjection
from ringback.server.run import utc_now
from ringback.store import Store
from ringback.store.schema import call_log_users, call_logs, call_summaries, call_summary_users
from ringback.store.store import DATABASE_NAME

_PROJECTED = 100_000
_COPIED = 20_000
_TABLES = (call_logs, call_summaries, call_log_users, call_summary_users)
_TIMES = ("started_at", "rang_at", "answered_at", "ended_at")
_DAY = 24 * 60 * 60 * 1_000_000
_STEP = 30 * _DAY
_PAGE = 100
_DEPTH = 100_000
_LEAST = 400_000
_REQUESTS = 50
_SECONDS = 3.0
"""What takes longer than this has fewer requests, but three at least; the table says how many."""

_FEWEST = 3


def measure_projection(directory: Path, _: list[int]) -> Table:
    """Make call logs of records in the ledger, alone and beside the user call history."""
    table = Table(
        f"Call logs of {_PROJECTED:,} simulated records of a month, one process",
        "projections",
        "call logs",
        "summaries",
        "records/s",
        "bytes a record on disk",
    )
    made: dict[str, Callable[[Store, SqlLedger], Sequence[Projection]]] = {
        "call logs": lambda store, _: [CallLogsProjection(store)],
        "user call history": lambda store, ledger: [SessionsProjection(store, ledger, utc_now)],
        "both": lambda store, ledger: [CallLogsProjection(store), SessionsProjection(store, ledger, utc_now)],
    }
    for what, projections in made.items():
        path = directory / "projecting"
        shutil.copytree(filled_store(directory, _PROJECTED), path)
        with closing(Store.open(path)) as store:
            before = store.size
            seconds = _project(store, projections)
            with store.read() as connection:
                logs, summaries = (
                    connection.execute(select(func.count()).select_from(each)).scalar_one()
                    for each in (call_logs, call_summaries)
                )
        on_disk = (path / DATABASE_NAME).stat().st_size - before
        rate = f"{_PROJECTED / seconds:,.0f}"
        table.add(what, f"{logs:,}", f"{summaries:,}", rate, f"{on_disk / _PROJECTED:,.0f}")
        shutil.rmtree(path)
    return table


def measure(directory: Path, sizes: list[int]) -> Table:
    """Ask for call logs and summaries in a store of each size, in this process.

    Raises:
        Wrong: an answer has not what it must have, or a size is too small.
    """
    if min(sizes) < _LEAST:
        raise Wrong(f"there must be {_LEAST:,} call logs at least, for there are {_DEPTH:,} summaries behind a page")
    table = Table("Asking for call logs", "call logs", "question", "of", "times", "ms, median", "slowest")
    for size in sizes:
        path = directory / f"call-logs-{size}"
        _fill(directory, path, size // _COPIED)
        with closing(Store.open(path)) as store:
            for what, kind, ask in _questions(store):
                seconds: list[float] = []
                until = time.perf_counter() + _SECONDS
                while len(seconds) < _FEWEST or (len(seconds) < _REQUESTS and time.perf_counter() < until):
                    began = time.perf_counter()
                    ask()
                    seconds.append(time.perf_counter() - began)
                cells = (f"{median(seconds) * 1000:.1f}", f"{max(seconds) * 1000:.1f}")
                table.add(f"{size:,}", what, kind, f"{len(seconds)}", *cells)
        shutil.rmtree(path)
    return table


def _project(store: Store, projections: Callable[[Store, SqlLedger], Sequence[Projection]]) -> float:
    ledger = SqlLedger(store, utc_now)
    began = time.perf_counter()
    Runner(store, ledger, projections(store, ledger), "benchmark", utc_now).catch_up()
    return time.perf_counter() - began


def _fill(directory: Path, path: Path, copies: int) -> None:
    """Make a store with call logs of some thousand records, and so many copies of them in all."""
    shutil.copytree(filled_store(directory, _COPIED), path)
    with closing(Store.open(path)) as store:
        _project(store, lambda store, _: [CallLogsProjection(store)])
    os.environ["SQLITE_TMPDIR"] = str(path)  # indexes are sorted in files that may not fit elsewhere
    with closing(sqlite3.connect(path / DATABASE_NAME, isolation_level=None)) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-262144"):
            connection.execute(f"PRAGMA {pragma}")
        names = ",".join(f"'{table.name}'" for table in _TABLES)
        indexes = connection.execute(
            f"SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({names})"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for table in _TABLES:
            copied = ", ".join(_copied(column.name) for column in table.c)
            connection.execute(
                "WITH RECURSIVE copies (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM copies WHERE k + 1 < ?) "
                f"INSERT INTO {table.name} SELECT {copied} FROM copies CROSS JOIN {table.name}",
                [copies],
            )
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("UPDATE checkpoints SET sequence = sequence * ?", [copies])


def _copied(column: str) -> str:
    if column in ("id", "session_id"):
        return f"{column} || '-' || k"
    if column in _TIMES:
        return f"{column} + k * {_STEP}"
    return f"{column} + k * {_COPIED}" if column in ("created", "changed") else column


def _questions(store: Store) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """What is asked, of what, and what asks it once."""
    logs, org = CallLogs(store), records.org(_COPIED)
    newest = logs.page(org, Kind.LOGS, Wanted(orders=(Order("started_at", True),)), 1).logs[0].started_at
    if newest is None:
        raise Wrong("no call log has a start")
    to = int(newest.timestamp()) * 1_000_000
    month = (Compare("started_at", "ge", to - _STEP), Compare("started_at", "lt", to))
    day = (Compare("started_at", "ge", to - 3 * _DAY), Compare("started_at", "lt", to - 2 * _DAY))
    caller = _most_frequent(store, org, call_logs.c.caller)
    either = AnyOf((Compare("caller", "eq", caller), Compare("callee", "eq", caller)))
    user = _most_frequent(store, org, call_log_users.c.user_id)

    def page(
        kind: Kind, wanted: Wanted, rows: int = _PAGE, skip: int = 0, begin: Place | None = None
    ) -> Callable[[], object]:
        def ask() -> None:
            found = logs.page(org, kind, wanted, _PAGE, skip=skip, begin=begin)
            if len(found.logs) != rows:
                raise Wrong(f"{wanted} gave {len(found.logs)} rows, not {rows}")

        return ask

    for kind in Kind:
        of = kind.name.lower()
        deep = logs.page(org, kind, Wanted(), 1, skip=_DEPTH).next
        newest_first = Wanted(orders=(Order("started_at", True),))
        yield "page: the first", of, page(kind, Wanted())
        yield "page: the newest", of, page(kind, newest_first)
        yield f"page: by cursor behind {_DEPTH:,}", of, page(kind, Wanted(), begin=deep)
        yield f"page: skip {_DEPTH:,}", of, page(kind, Wanted(), skip=_DEPTH)
        yield "page: started on a day", of, page(kind, Wanted(filter=AllOf(day)))
        yield "page: a caller", of, page(kind, Wanted(filter=Compare("caller", "eq", caller)))
        yield "page: a number, calling or called", of, page(kind, Wanted(filter=either))
        yield "page: a text that is nowhere, in a month", of, page(kind, Wanted(search="@@", filter=AllOf(month)), 0)
        yield "page: a text that is nowhere", of, page(kind, Wanted(search="@@"), 0)
        yield "page: a user's", of, page(kind, Wanted(user=user))
        yield "page: a user's newest", of, page(kind, Wanted(user=user, orders=newest_first.orders))
        yield "page: of a user without any", of, page(kind, Wanted(user="nobody"), 0)
        for what, wanted in (
            ("all", Wanted()),
            ("a month", Wanted(filter=AllOf(month))),
            ("a number, calling or called", Wanted(filter=either)),
            ("a caller in a month", Wanted(filter=AllOf((Compare("caller", "eq", caller), *month)))),
            ("a user's", Wanted(user=user)),
        ):
            yield f"count: {what}", of, partial(logs.count, org, kind, wanted)
    end = logs.position(org)
    yield "changes of a user, the last 500", "summaries", lambda: logs.changes(org, user, end - _COPIED, None, 500)
    yield "changes of a user, 500 since ever", "summaries", lambda: logs.changes(org, user, 0, None, 500)
    yield "news, 200", "summaries", lambda: logs.news(org, end // 2, 200)


def _most_frequent(store: Store, org: UUID, column: Column[str]) -> str:
    counted = select(column).where(column.table.c.org == org, column.is_not(None)).group_by(column)
    with store.read() as connection:
        return str(connection.execute(counted.order_by(func.count().desc()).limit(1)).scalar_one())
