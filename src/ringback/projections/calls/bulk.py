"""Statements for many rows or keys at once.

SQLAlchemy looks at each value of each row that it hands over, which takes longer than SQLite needs to write it. Here it
only writes the statements; values go to the database as they are, so an id must be its bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Delete, Insert, Select, bindparam, delete
from sqlalchemy.dialects import sqlite

_MAX_KEYS = 2000
_DIALECT = sqlite.dialect()


class Inserting:
    """Inserts rows, each with values for all columns of the table, in their order."""

    def __init__(self, statement: Insert) -> None:
        self._sql = _sql(statement)

    def __call__(self, connection: Connection, rows: Collection[tuple[Any, ...]]) -> None:
        if rows:
            connection.exec_driver_sql(self._sql, list(rows))


class Deleting:
    """Deletes rows, each given by its values in some columns of the table."""

    def __init__(self, *columns: Column[Any]) -> None:
        self._sql = _sql(delete(columns[0].table).where(*map(_given, columns)))

    def __call__(self, connection: Connection, rows: Collection[tuple[Any, ...]]) -> None:
        if rows:
            connection.exec_driver_sql(self._sql, list(rows))


class Finding:
    """Finds the rows of an org that have one of some keys in a column."""

    def __init__(self, statement: Select[Any], column: Column[Any], *also: Column[Any]) -> None:
        """
        Args:
            statement: what of them is wanted.
            column: in which the keys are.
            also: further columns that must have a value.
        """
        fixed = map(_given, (column.table.c.org, *also))
        self._sql = f"{_sql(statement.where(*fixed))} AND {column} IN "

    def __call__(self, connection: Connection, keys: Iterable[Any], *fixed: Any) -> Iterator[Any]:
        """
        Args:
            fixed: the org, and a value for each further column.
        """
        left = iter(keys)
        while some := tuple(islice(left, _MAX_KEYS)):
            marks = ", ".join("?" * len(some))
            yield from connection.exec_driver_sql(f"{self._sql}({marks})", (*fixed, *some))


def _given(column: Column[Any]) -> ColumnElement[bool]:
    return column == bindparam(f"the_{column.name}")


def _sql(statement: Insert | Delete | Select[Any]) -> str:
    return str(statement.compile(dialect=_DIALECT))
