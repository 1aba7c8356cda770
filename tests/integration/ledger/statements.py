"""What a ledger really says to the database."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import event

from ringback.store import Store
from ringback.store.store import DATABASE_NAME


class Statement(msgspec.Struct, frozen=True):
    """A statement as it was executed; more than one row of parameters if it was executed for many."""

    sql: str
    rows: list[tuple[Any, ...]]


@contextlib.contextmanager
def listening(store: Store) -> Iterator[list[Statement]]:
    """Every statement that the store executes inside the block, in order."""
    heard: list[Statement] = []

    def hear(_c: object, _u: object, statement: str, parameters: Any, _x: object, many: bool) -> None:
        heard.append(Statement(statement, list(parameters) if many else [parameters]))

    event.listen(store._engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(store._engine, "before_cursor_execute", hear)


def plan(store: Store, statement: Statement) -> list[str]:
    """How SQLite executes a statement: the lines of its query plan."""
    with contextlib.closing(sqlite3.connect(store.directory / DATABASE_NAME)) as connection:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.rows[0])]
