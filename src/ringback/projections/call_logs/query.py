"""Reading call logs and their summaries: pages by key, so that the last costs the same as the first, and changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, true, union

from ringback.projections.call_logs.expressions import (
    AllOf,
    AnyOf,
    Compare,
    Expression,
    Order,
    Value,
    condition,
    fields_of,
    ordering,
    stretches,
    total,
)
from ringback.projections.call_logs.projection import CallLogsProjection
from ringback.projections.call_logs.rows import MOST_OF_SESSION, chunks, kept_in, read_row, session_of, users_of
from ringback.projections.costs.rows import load
from ringback.records.portsip.call_log import CallLog
from ringback.store import Store
from ringback.store.schema import (
    call_log_users,
    call_logs,
    call_summaries,
    call_summary_users,
    checkpoints,
)

TIME_LIMIT = 10.0
"""Seconds after which a question is given up: filters can be such that no index helps."""

ChangeType: TypeAlias = Literal["CREATED", "UPDATED", "DELETED"]


class Kind(Enum):
    """What a list is of."""

    LOGS = "call logs"
    SUMMARIES = "summaries: one row for each session"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows, in which order.

    Attributes:
        filter: what they meet; None for all.
        search: words between blanks, each of which is somewhere in their numbers, names, domains or ids, in any case.
        orders: by default, and among equals, by start and then by id.
        user: only those of this user; None for all.
    """

    filter: Expression | None = None
    search: str = ""
    orders: tuple[Order, ...] = ()
    user: str | None = None


class Place(msgspec.Struct, frozen=True):
    """A place in a list: the values of the row before it, for each of `total(orders)`; times in microseconds."""

    values: tuple[Value, ...]


class Page(msgspec.Struct, frozen=True):
    """Some rows, and where the next page begins; None if there is none.

    Call logs have no cost here, as in PortSIP's lists. A summary is a call log whose id is that of the session.
    """

    logs: Sequence[CallLog]
    next: Place | None


class Changed(msgspec.Struct, frozen=True):
    """A summary that has changed for a user.

    Attributes:
        id: of the session.
        change_type: CREATED if it is new to who asks, UPDATED if it may be, DELETED if it is no longer the user's.
        logs: the call logs of the session that are the user's, by start; none if it is DELETED.
    """

    id: str
    change_type: ChangeType
    logs: Sequence[CallLog]


class Changes(msgspec.Struct, frozen=True):
    """What has changed, up to and with `position`, a ledger sequence; `more` if there is more already."""

    items: Sequence[Changed]
    position: int
    more: bool


class News(NamedTuple):
    """A summary that is new or has changed, the ledger sequence it did so with, and the call logs of its session."""

    changed: int
    summary: CallLog
    logs: Sequence[CallLog]


class CallLogs:
    """Reads call logs. Every method gives up after a time limit: then it raises `TookTooLong`."""

    def __init__(self, store: Store, time_limit: float = TIME_LIMIT) -> None:
        """
        Args:
            time_limit: seconds for one call of a method.
        """
        self._store = store
        self._time_limit = time_limit

    def page(
        self, org: UUID, kind: Kind, wanted: Wanted, top: int, *, skip: int = 0, begin: Place | None = None
    ) -> Page:
        """Up to `top` rows, which is 1 or more.

        Args:
            skip: rows to pass over. Each is read, so the time grows with them.
            begin: `Page.next` of the page before, asked for with the same `wanted`; None for the first. With it,
                nothing may be skipped.

        Raises:
            TookTooLong: narrow it.
        """
        if begin is not None and skip:
            raise ValueError("a page that begins at a place skips nothing")
        table = _TABLES[kind]
        orders = total(wanted.orders)
        fields = fields_of(table)
        # A user's own are in order in the table that says whose they are, as long as that has all that they go by.
        users = None if wanted.user is None else _USERS[kind]
        by = table if users is None or any(order.field not in users.c for order in orders) else users
        in_order = ordering(orders, by, by_sorting=_names_sessions(wanted.filter))
        columns = select(*(table.c[field.name] for field in fields))
        parts: tuple[ColumnElement[bool], ...] = (true(),)
        if begin is not None:
            parts = stretches(orders, begin.values, by)
            narrowed = _without_bound(wanted.filter, orders[0], begin.values[0])
            if narrowed != wanted.filter:
                wanted, parts = msgspec.structs.replace(wanted, filter=narrowed), parts[:1]
        ways = [list(_conditions(org, kind, each)) for each in _alternatives(wanted)]
        rows: list[Any] = []
        with self._store.read(time_limit=self._time_limit) as connection:
            for part in parts:
                limit = top + 1 - len(rows)
                # The place first: of two bounds on a column, SQLite seeks to the one it meets first.
                found = [columns.where(part, *where).order_by(*in_order) for where in ways]
                statement = found[0] if len(found) == 1 else _first_of(found, limit + skip, orders)
                rows += connection.execute(statement.limit(limit).offset(skip))
                if len(rows) > top:
                    break
        following = None
        if len(rows) > top:
            following = Place(tuple(getattr(rows[top - 1], order.field) for order in orders))
        return Page([read_row(row, fields) for row in rows[:top]], following)

    def count(self, org: UUID, kind: Kind, wanted: Wanted) -> int:
        """How many rows there are in all.

        Raises:
            TookTooLong: narrow it.
        """
        ids = _TABLES[kind].c.id
        ways = [list(_conditions(org, kind, each)) for each in _alternatives(wanted)]
        statement = select(func.count(ids)).where(*ways[0])
        if len(ways) > 1:
            statement = select(func.count()).select_from(
                union(*(select(ids).where(*where) for where in ways)).subquery()
            )
        with self._store.read(time_limit=self._time_limit) as connection:
            count: int = connection.execute(statement).scalar_one()
            return count

    def one(self, org: UUID, id: str, user: str | None = None) -> CallLog | None:
        """A call log with what it cost; None if there is none with this id, or if it is not this user's."""
        statement = select(*call_logs.c).where(call_logs.c.org == org, call_logs.c.id == id)
        with self._store.read(time_limit=self._time_limit) as connection:
            row = connection.execute(statement).one_or_none()
            if row is None or (user is not None and user not in users_of(connection, org, [id]).get(id, ())):
                return None
            return _with_costs(connection, org, [read_row(row)])[0]

    def of_session(self, org: UUID, session: str, user: str | None = None) -> Sequence[CallLog]:
        """The call logs of a session with what they cost, by start: all, or those of one user.

        Of a session with more than 1000, those with the smallest ids are looked at.

        Args:
            session: its id, or the id of a call log that has no session.
        """
        with self._store.read(time_limit=self._time_limit) as connection:
            return _logs_of(connection, org, [session], user).get(session, ())

    def position(self, org: UUID) -> int:
        """The ledger sequence up to which call logs are there."""
        with self._store.read(time_limit=self._time_limit) as connection:
            return _position(connection, org)

    def changes(self, org: UUID, user: str, since: int, date_from: int | None, limit: int) -> Changes:
        """What has changed among a user's summaries.

        Who puts what is CREATED or UPDATED in place of what there was under that id, and takes away what is DELETED if
        it is there, has what a list would give.

        Args:
            since: `Changes.position` of the time before, or a `position`; 0 for everything.
            date_from: only sessions that started then or later; microseconds since 1970, None for all. What no longer
                does is DELETED.
            limit: how many at most, 1 or more; and a few more if one record has changed them together.
        """
        users, summaries = call_summary_users.c, call_summaries.c
        there = users.removed == 0
        if date_from is not None:
            there = and_(there, summaries.started_at >= date_from)
        # What was made since, and is not to be seen any more, nobody knows of.
        columns = (
            select(users.id, users.created, users.changed, there.label("there"))
            .outerjoin_from(
                call_summary_users,
                call_summaries,
                and_(summaries.org == users.org, summaries.id == users.id),
            )
            .where(users.org == org, users.user_id == user, or_(users.created <= since, there))
        )
        with self._store.read(time_limit=self._time_limit) as connection:
            position = _position(connection, org)
            rows, reached = _some(connection, columns, users.changed, since, position, limit)
            logs = _logs_of(connection, org, [row.id for row in rows if row.there], user)
        items = [
            Changed(row.id, "CREATED" if row.created > since else "UPDATED", logs.get(row.id, ()))
            if row.there
            else Changed(row.id, "DELETED", ())
            for row in rows
        ]
        return Changes(items, reached, reached < position)

    def news(self, org: UUID, since: int, limit: int) -> Sequence[News]:
        """Summaries that are new or have changed after a ledger sequence, in the order of their `changed`.

        Args:
            limit: how many at most, 1 or more; and a few more if one record has changed them together.
        """
        summaries, fields = call_summaries.c, fields_of(call_summaries)
        with self._store.read(time_limit=self._time_limit) as connection:
            columns = select(*summaries).where(summaries.org == org)
            rows, _ = _some(connection, columns, summaries.changed, since, _position(connection, org), limit)
            logs = _logs_of(connection, org, [row.id for row in rows], None)
        return [News(row.changed, read_row(row, fields), logs.get(row.id, ())) for row in rows]


_TABLES = {Kind.LOGS: call_logs, Kind.SUMMARIES: call_summaries}
_NUMBERS = ("caller", "callee")
_USERS = {Kind.LOGS: call_log_users, Kind.SUMMARIES: call_summary_users}


def _conditions(org: UUID, kind: Kind, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    table, users = _TABLES[kind], _USERS[kind]
    yield table.c.org == org
    if wanted.user is not None:
        yield and_(users.c.org == org, users.c.user_id == wanted.user, users.c.id == table.c.id)
        if kind is Kind.SUMMARIES:
            yield users.c.removed == 0
    for part in _parts(wanted.filter):
        try:  # where the user's own are in order, if that says as much
            yield condition(part, table if wanted.user is None else users)
        except KeyError:
            yield condition(part, table)
    for word in dict.fromkeys(wanted.search.casefold().split()):
        yield table.c.search.contains(word, autoescape=True)


def _parts(wanted: Expression | None) -> Iterator[Expression]:
    """What must hold, part by part."""
    if isinstance(wanted, AllOf):
        for part in wanted.parts:
            yield from _parts(part)
    elif wanted is not None:
        yield wanted


def _alternatives(wanted: Wanted) -> list[Wanted]:
    """What is wanted as several filters, if one of its parts is this number or that one, of the caller or the callee.

    For each of them an index has the rows in their order; for all at once SQLite would read through the whole org.
    """
    parts = list(_parts(wanted.filter))
    for place, part in enumerate(parts):
        if wanted.user is None and isinstance(part, AnyOf) and all(map(_is_number, part.parts)):
            filters = (AllOf((*parts[:place], each, *parts[place + 1 :])) for each in part.parts)
            return [msgspec.structs.replace(wanted, filter=each) for each in filters]
    return [wanted]


def _is_number(part: Expression) -> bool:
    return isinstance(part, Compare) and part.field in _NUMBERS and part.operator == "eq" and bool(part.value)


def _first_of(found: Sequence[Select[Any]], number: int, orders: Sequence[Order]) -> Select[Any]:
    """The first rows of several selections in the same order, each once."""
    either = union(*(select(each.limit(number).subquery()) for each in found)).subquery()
    return select(either).order_by(*ordering(orders, either))


def _names_sessions(wanted: Expression | None) -> bool:
    """Whether only call logs of some sessions are wanted, each of which is named."""
    match wanted:
        case Compare("session_id", "eq", value):
            return bool(value)
        case AllOf(parts):
            return any(map(_names_sessions, parts))
        case AnyOf(parts):
            return all(map(_names_sessions, parts))
    return False


def _without_bound(wanted: Expression | None, first: Order, value: Value) -> Expression | None:
    """A filter without bounds that hold for everything beyond a place, but for blanks, which no bound lets in.

    With such a bound beside the place SQLite may seek to the bound, in another index too, and read up to the place.

    Args:
        first: the first of the orders.
        value: of the row at the place, for that order.
    """
    match wanted:
        case AllOf(parts):
            left = (_without_bound(part, first, value) for part in parts)
            return AllOf(tuple(part for part in left if part is not None))
        case Compare(first.field, operator, bound) if value is not None and bound is not None:
            here: Any = value
            within = ("le", "lt") if first.descending else ("ge", "gt")
            if here == bound:
                return None if operator == within[0] else wanted
            if operator in within and (here < bound) is first.descending:
                return None
    return wanted


def _position(connection: Connection, org: UUID) -> int:
    here = (checkpoints.c.org == org, checkpoints.c.projection == CallLogsProjection.name)
    return connection.execute(select(checkpoints.c.sequence).where(*here)).scalar() or 0


def _some(
    connection: Connection, columns: Select[Any], changed: ColumnElement[int], since: int, position: int, limit: int
) -> tuple[list[Any], int]:
    """Rows that changed after `since`, in that order: as many as the limit, and those that changed with the last.

    Never what changed after the position: records may be read ahead when all is read again, and what they change comes
    before changes that have smaller numbers.

    Returns:
        the rows, and the sequence that they reach: all that changed up to it are among them.
    """
    statement = columns.where(changed > since, changed <= position).order_by(changed)
    rows = list(connection.execute(statement.limit(limit + 1)))
    if len(rows) <= limit:
        return rows, position
    reached = rows[limit - 1].changed  # one record can change more than one row, and all of them are told together
    rows = [row for row in rows if row.changed < reached]
    rows += connection.execute(columns.where(changed == reached))
    return rows, reached


def _logs_of(
    connection: Connection, org: UUID, sessions: Sequence[str], user: str | None
) -> Mapping[str, Sequence[CallLog]]:
    """The call logs of some sessions, each with what it cost, by start; all, or those of one user."""
    found = kept_in(connection, org, sessions, MOST_OF_SESSION)
    logs = [kept.log for of_one in found.values() for kept in of_one]
    if user is not None:
        users = users_of(connection, org, [log.id for log in logs])
        logs = [log for log in logs if user in users.get(log.id, ())]
    by_session: dict[str, list[CallLog]] = {}
    # As the list of call logs has them: one without a start comes first.
    logs.sort(key=lambda log: (log.started_at is not None, log.started_at, log.id))
    for log in _with_costs(connection, org, logs):
        by_session.setdefault(session_of(log), []).append(log)
    return by_session


def _with_costs(connection: Connection, org: UUID, logs: Sequence[CallLog]) -> Sequence[CallLog]:
    """The same call logs with what they cost by our own tariff, where the PBX gave no cost."""
    charges = {
        id: charge
        for some in chunks(log.id for log in logs if log.cost is None)
        for id, charge in load(connection, org, some).items()
    }
    return [
        msgspec.structs.replace(log, cost=charge.amount, billed_account=log.billed_account or charge.account or None)
        if (charge := charges.get(log.id))
        else log
        for log in logs
    ]
