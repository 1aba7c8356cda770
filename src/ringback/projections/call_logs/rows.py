"""Call logs as rows of their tables, and finding the rows that belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Select, Table, select

from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.fields import CALL_LOG_FIELDS, CallLogField, CallLogKind
from ringback.records.values import from_microseconds, to_microseconds
from ringback.store.schema import call_log_users, call_logs

MOST_OF_SESSION = 1000
"""Call logs of one session that are looked at. No call has as many; but a PBX may give one id to all its calls."""

MOST_SEARCHED = 8000
"""Characters that free text is looked for in, of each row; what more there is in a summary is not found."""

_MAX_KEYS = 500
_MAX_ROWS = 5000
_SEARCHED = (
    *("caller", "caller_display_name", "callee", "callee_display_name", "destination", "outbound_caller_id"),
    *("did_cid", "service_number", "trunk", "user_data", "caller_domain", "callee_domain"),
    *("id", "session_id", "call_id"),
)
T = TypeVar("T")


class Kept(msgspec.Struct, frozen=True):
    """A call log as it is kept, and the ledger sequence of the version it is of."""

    log: CallLog
    changed: int


def session_of(log: CallLog) -> str:
    """The id of the session of a call log. One that names no session is a session of its own, under its own id.

    If the session id of others is just that id, all of them are one session: then the PBX has called it by its first
    row. Ids of PortSIP never meet by chance.
    """
    return log.session_id or log.id


def read_row(row: Any, fields: Iterable[CallLogField] = CALL_LOG_FIELDS) -> CallLog:
    """The call log of a row of `call_logs` or `call_summaries`, which has a column for each of the fields."""
    read: dict[str, Any] = {}
    for field in fields:
        value = getattr(row, field.name)
        if value is not None:
            reader = _READERS.get(field.name)
            read[field.name] = value if reader is None else reader(value)
    return CallLog(**read)


def made_of(log: CallLog, table: Table) -> dict[str, Any]:
    """What a row of the table has of a call log: a value for each field that the table has. Blank is None."""
    made: dict[str, Any] = {}
    for name, writer in _writers(table):
        value = getattr(log, name)
        made[name] = value if value is None or writer is None else writer(value)
    return made


def search_of(logs: Sequence[CallLog]) -> str:
    """What free text is looked for in: the numbers, names, domains and ids of some call logs, in one case."""
    texts = dict.fromkeys(getattr(log, name) for log in logs for name in _SEARCHED)
    return "\n".join(filter(None, texts)).casefold()[:MOST_SEARCHED]


def chunks(keys: Iterable[T]) -> Iterator[list[T]]:
    """Few enough at a time for one statement."""
    wanted = list(keys)
    for begin in range(0, len(wanted), _MAX_KEYS):
        yield wanted[begin : begin + _MAX_KEYS]


def kept_in(connection: Connection, org: UUID, sessions: Iterable[str], most: int) -> dict[str, list[Kept]]:
    """The call logs of some sessions by the id of the session, and by their own.

    Args:
        most: call logs of one session; of one that has more, those with the smallest ids.
    """
    found: dict[str, list[Kept]] = defaultdict(list)
    rows = select(*call_logs.c).where(call_logs.c.org == org)
    for some in chunks(sessions):
        named = rows.where(call_logs.c.session_id.in_(some))
        together = _kept(connection, named.limit(_MAX_ROWS + 1))
        if len(together) > _MAX_ROWS:  # there is a very large one among them, so each has a limit of its own
            by_id = rows.order_by(call_logs.c.id).limit(most)
            together = [each for key in some for each in _kept(connection, by_id.where(call_logs.c.session_id == key))]
        # Asked for those without a session, SQLite would read through all that have none.
        called_so = _kept(connection, rows.where(call_logs.c.id.in_(some)))
        for each in (*together, *(each for each in called_so if each.log.session_id is None)):
            found[session_of(each.log)].append(each)
    return {session: first_of(kept, most) for session, kept in found.items()}


def first_of(kept: Iterable[Kept], most: int) -> list[Kept]:
    """The rows by id, as far as so many."""
    return sorted(kept, key=lambda each: each.log.id)[:most]


def users_of(connection: Connection, org: UUID, ids: Iterable[str]) -> Mapping[str, set[str]]:
    """Whose some call logs are; nothing of those that are nobody's."""
    found: dict[str, set[str]] = {}
    columns = select(call_log_users.c.id, call_log_users.c.user_id).where(call_log_users.c.org == org)
    for some in chunks(ids):
        for row in connection.execute(columns.where(call_log_users.c.id.in_(some))):
            found.setdefault(row.id, set()).add(row.user_id)
    return found


def _kept(connection: Connection, statement: Select[Any]) -> list[Kept]:
    return [Kept(read_row(row), row.changed) for row in connection.execute(statement)]


def _reader(field: CallLogField) -> Callable[[Any], Any] | None:
    if field.kind is CallLogKind.TIME:
        return from_microseconds
    return Decimal if field.kind is CallLogKind.MONEY else field.enum


@cache
def _writers(table: Table) -> Sequence[tuple[str, Callable[[Any], Any] | None]]:
    return [(field.name, _WRITERS.get(field.kind)) for field in CALL_LOG_FIELDS if field.name in table.c]


_READERS = {field.name: reader for field in CALL_LOG_FIELDS if (reader := _reader(field))}
_WRITERS: Mapping[CallLogKind, Callable[[Any], Any]] = {
    CallLogKind.TIME: to_microseconds,
    CallLogKind.MONEY: str,
    CallLogKind.ENUM: str,
}
