"""Which call logs are wanted and in which order, as small trees, and the SQL that they become.

Text compares by code point and case-sensitively, as OData has it. SQLite does so by itself; in PostgreSQL it takes text
columns with the collation "C". What users write becomes bound parameters only, never a part of a statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import Column, ColumnElement, Subquery, Table, and_, false, func, null, or_, true, tuple_

from ringback.records.portsip.fields import CALL_LOG_FIELDS, CallLogField

Value: TypeAlias = str | int | None
"""The value of a field: times in microseconds since 1970, None for blank."""

Comparison: TypeAlias = Literal["eq", "ne", "gt", "ge", "lt", "le"]
Function: TypeAlias = Literal["startswith", "endswith", "contains"]

_LAST_CHARACTER = "\U0010ffff"


class Compare(msgspec.Struct, frozen=True):
    """A field compared with a value.

    A blank equals only a blank, so `ne` and any value holds for it; in the order of values it has no place, so the
    other four never do. For `eq` and `ne` an empty text is a blank, too.
    """

    field: str
    operator: Comparison
    value: Value


class Match(msgspec.Struct, frozen=True):
    """A text in a field of text: at its beginning, at its end, or anywhere. It never holds for a blank."""

    function: Function
    field: str
    text: str


class AllOf(msgspec.Struct, frozen=True):
    """All parts hold."""

    parts: tuple[Expression, ...]


class AnyOf(msgspec.Struct, frozen=True):
    """One part holds, or more."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = Compare | Match | AllOf | AnyOf
"""Which rows are wanted."""


class Order(msgspec.Struct, frozen=True):
    """A field to order by. Blanks come before everything else, or behind it if descending."""

    field: str
    descending: bool = False


@cache
def fields_of(table: Table) -> tuple[CallLogField, ...]:
    """The fields that rows of a table can be filtered and ordered by: those of a list that the table has."""
    return tuple(field for field in CALL_LOG_FIELDS if field.in_list and field.name in table.c)


def condition(expression: Expression, table: Table) -> ColumnElement[bool]:
    """What the rows of `call_logs` or `call_summaries` have to meet, for a WHERE.

    Raises:
        KeyError: the table has no such field.
    """
    match expression:
        case Compare(name, operator, value):
            return _compared(_columns(table)[name], operator, value)
        case Match(function, name, text):
            return _matched(_columns(table)[name], function, text)
        case AllOf(parts):
            return and_(true(), *(condition(part, table) for part in parts))
        case AnyOf(parts):
            return or_(false(), *(condition(part, table) for part in parts))


def total(orders: Sequence[Order]) -> tuple[Order, ...]:
    """The orders, with as many more as it takes to leave no two rows equal: by start, then by id."""
    there = {order.field for order in orders}
    return (*orders, *(Order(name) for name in ("started_at", "id") if name not in there))


def ordering(orders: Sequence[Order], table: Table | Subquery, *, by_sorting: bool = False) -> list[ColumnElement[Any]]:
    """The orders for an ORDER BY.

    Args:
        by_sorting: the rows are few and are to be sorted. Else SQLite would rather read all rows there are in the order
            of an index than find those few by another.

    Raises:
        KeyError: the table has no such field.
    """
    columns: Any = table.c if isinstance(table, Subquery) else _columns(table)
    return [_ordered(columns[order.field], order.descending, by_sorting) for order in orders]


def beyond(orders: Sequence[Order], values: Sequence[Value], table: Table) -> ColumnElement[bool]:
    """The rows strictly after a place, for a WHERE.

    Let it be the first of all conditions: of several bounds on a column, SQLite seeks to the one it meets first. If the
    first order is descending, or its value is blank, one statement cannot seek to the place; take `stretches` then.

    Args:
        orders: of the rows; `total`, if the place is to be that of one row alone.
        values: of the row at that place, one for each order.

    Raises:
        KeyError: the table has no such field.
    """
    return or_(false(), *stretches(orders, values, table))


def stretches(orders: Sequence[Order], values: Sequence[Value], table: Table) -> tuple[ColumnElement[bool], ...]:
    """What `beyond` is, as stretches that do not overlap: all rows of one come before all rows of the next.

    Where values end and blanks begin, or the other way round, a new stretch begins. So each is a range that an index
    can seek to, and a page is read from one after the other until it is full.
    """
    if not orders:
        return ()
    columns = [_columns(table)[order.field] for order in orders]
    column, value, descending = columns[0], values[0], orders[0].descending
    among_equals = stretches(orders[1:], values[1:], table)
    if value is None:
        blank = tuple(and_(column.is_(None), stretch) for stretch in among_equals)
        return blank if descending else (*blank, column.is_not(None))
    if _one_range(orders, values, columns):
        here = tuple_(*columns)
        filled = here < tuple(values) if descending else here > tuple(values)
    else:
        bound, further = (column <= value, column < value) if descending else (column >= value, column > value)
        filled = and_(bound, or_(further, *among_equals))
    return (filled, column.is_(None)) if descending and column.nullable else (filled,)


def _one_range(orders: Sequence[Order], values: Sequence[Value], columns: Sequence[Column[Any]]) -> bool:
    """Whether comparing row values is the same as the order of the rows.

    To SQL a comparison with a blank is never true. That is right as long as blanks come before the place anyway.
    """
    if any(value is None for value in values) or len({order.descending for order in orders}) > 1:
        return False
    return not orders[0].descending or not any(column.nullable for column in columns[1:])


@cache
def _columns(table: Table) -> Mapping[str, Column[Any]]:
    return {field.name: table.c[field.name] for field in fields_of(table)}


def _compared(column: Column[Any], operator: Comparison, value: Value) -> ColumnElement[bool]:
    if operator in ("eq", "ne") and value == "":
        value = None
    if value is None and operator not in ("eq", "ne"):
        return false()
    match operator:
        case "eq":
            return column == value
        case "ne":
            return column.is_distinct_from(value)
        case "gt":
            return column > value
        case "ge":
            return column >= value
        case "lt":
            return column < value
        case "le":
            return column <= value


def _matched(column: Column[Any], function: Function, text: str) -> ColumnElement[bool]:
    # Never LIKE: to it % and _ are more than themselves, and in SQLite a and A are the same.
    if not text:
        return column.is_not(None)
    match function:
        case "startswith":
            # A range, so that an index can be sought in.
            end = _after_all_with(text)
            return column >= text if end is None else and_(column >= text, column < end)
        case "endswith":
            return func.substr(column, func.length(column) - len(text) + 1) == text
        case "contains":
            return func.replace(column, text, "") != column


def _after_all_with(prefix: str) -> str | None:
    """The first text, by code point, that comes after all texts with this prefix; None if nothing does."""
    prefix = prefix.rstrip(_LAST_CHARACTER)
    if not prefix:
        return None
    following = ord(prefix[-1]) + 1
    # Between these two are the halves of pairs in UTF-16, which are no characters.
    return prefix[:-1] + chr(0xE000 if following == 0xD800 else following)


def _ordered(column: Column[Any], descending: bool, by_sorting: bool) -> ColumnElement[Any]:
    value = func.coalesce(column, null()) if by_sorting else column  # the same, but in the order of no index
    by = value.desc() if descending else value.asc()
    if not column.nullable:
        return by
    return by.nulls_last() if descending else by.nulls_first()
