"""Reading the user call history: pages by key, so that the last costs the same as the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, func, literal, literal_column, select, tuple_

from ringback.projections.sessions.people import Line, digits, lines_of
from ringback.projections.sessions.rows import ENTRY, entry_of
from ringback.projections.sessions.wire import Entry
from ringback.store import Store
from ringback.store.schema import Key, sessions

_EXPORT_PAGE = 1000

MOST_SEARCHED = 20_000
"""Sessions of which one page looks at number and text: a search through all of a long history takes seconds."""


class Place(msgspec.Struct, frozen=True, order=True):
    """A place in a user's history: the end of a session in milliseconds since 1970, and its id among equal times."""

    end_at: int
    id: UUID


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which sessions of a user; None and empty for all.

    Attributes:
        since, until: they ended at `since` or later, and before `until`; milliseconds since 1970.
        types: their types.
        direction, disposition: as on the wire.
        number: of the other party; any part of its digits, in any spelling.
        text: any part of the other party's name, number or address, or of who passed the call on; in any case.
        deleted: True for those that the user has deleted, False for the others, None for both.
        unread: only missed calls that the user has not seen.
    """

    since: int | None = None
    until: int | None = None
    types: tuple[str, ...] = ()
    direction: str = ""
    disposition: str = ""
    number: str = ""
    text: str = ""
    deleted: bool | None = False
    unread: bool = False


class History(msgspec.Struct, frozen=True):
    """Some sessions, and where the next page begins; None if there is none."""

    entries: Sequence[Entry]
    next: Place | None


IS_UNREAD = and_(
    sessions.c.deleted_at.is_(None),
    sessions.c.read_at.is_(None),
    # Written out, not bound: SQLite uses a partial index only if it sees the index's own condition in the statement.
    sessions.c.disposition == literal_column("'MISSED'"),
)


class CallHistory:
    """Reads the sessions of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(
        self,
        org: UUID,
        user: str,
        wanted: Filter,
        limit: int,
        *,
        oldest_first: bool = False,
        begin: Place | None = None,
    ) -> History:
        """Up to `limit` sessions of a user, ordered by the time they ended.

        With a number or a text to look for, no more than some thousand sessions are looked at. Then the page may have
        fewer, or none, and still there is a next one.

        Args:
            begin: `History.next` of the page before; None for the first.
        """
        wanted, begin = _one_bound(wanted, begin, oldest_first)
        order = (sessions.c.end_at, sessions.c.id)
        where = [sessions.c.org == org, sessions.c.user_id == user, *_conditions(wanted)]
        if begin is not None:
            here = tuple_(begin.end_at, literal(begin.id, Key()))
            where.append(tuple_(*order) >= here if oldest_first else tuple_(*order) <= here)
        columns = order if oldest_first else tuple(column.desc() for column in order)
        searched = list(_searched(wanted))
        stop: Place | None = None
        with self._store.read() as connection:
            if searched:
                last = select(*order).where(*where).order_by(*columns).limit(1).offset(MOST_SEARCHED)
                if row := connection.execute(last).one_or_none():
                    stop = Place(row.end_at, row.id)
                    # The time alone, which bounds the search in the index; what has the same time is sorted out below.
                    edge = sessions.c.end_at <= stop.end_at if oldest_first else sessions.c.end_at >= stop.end_at
                    where.append(edge)
            statement = select(*ENTRY).where(*where, *searched).order_by(*columns).limit(limit + 1)
            entries = [entry_of(row) for row in connection.execute(statement)]
        if stop is not None:
            entries = [entry for entry in entries if _before(Place(entry.end_at, entry.id), stop, oldest_first)]
        if len(entries) > limit:
            stop = Place(entries[limit].end_at, entries[limit].id)
        return History(entries[:limit], stop)

    def all(self, org: UUID, user: str, wanted: Filter) -> Iterator[Entry]:
        """All sessions of a user, the newest first, page by page."""
        begin: Place | None = None
        while True:
            found = self.page(org, user, wanted, _EXPORT_PAGE, begin=begin)
            yield from found.entries
            if (begin := found.next) is None:
                return

    def one(self, org: UUID, session: UUID) -> Entry | None:
        """A session, whosever it is; None if there is none with this id."""
        statement = select(*ENTRY).where(sessions.c.org == org, sessions.c.id == session)
        with self._store.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else entry_of(row)

    def unread(self, org: UUID, user: str, types: Sequence[str] = ()) -> int:
        """How many missed calls of a user are unread."""
        statement = select(func.count()).where(sessions.c.org == org, sessions.c.user_id == user, IS_UNREAD)
        if types:
            statement = statement.where(sessions.c.type.in_(types))
        with self._store.read() as connection:
            count: int = connection.execute(statement).scalar_one()
            return count

    def lines(self, org: UUID, user: str) -> Sequence[Line]:
        """The UCM lines of a user, by device and place on it."""
        with self._store.read() as connection:
            return lines_of(connection, org, user)


def _one_bound(wanted: Filter, begin: Place | None, oldest_first: bool) -> tuple[Filter, Place | None]:
    """Of two bounds on the side where a page begins, only the one that matters: SQLite may seek to the weaker one."""
    if begin is None:
        return wanted, None
    if oldest_first:
        if wanted.since is not None and begin.end_at < wanted.since:
            return wanted, None
        return msgspec.structs.replace(wanted, since=None), begin
    if wanted.until is not None and begin.end_at >= wanted.until:
        return wanted, None
    return msgspec.structs.replace(wanted, until=None), begin


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield sessions.c.end_at >= wanted.since
    if wanted.until is not None:
        yield sessions.c.end_at < wanted.until
    if wanted.types:
        yield sessions.c.type.in_(wanted.types)
    if wanted.direction:
        yield sessions.c.direction == wanted.direction
    if wanted.disposition:
        yield sessions.c.disposition == wanted.disposition
    if wanted.deleted is not None:
        yield sessions.c.deleted_at.is_not(None) if wanted.deleted else sessions.c.deleted_at.is_(None)
    if wanted.unread:
        yield IS_UNREAD


def _searched(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """The conditions that no index helps with."""
    if wanted.number:
        # A text without a digit of ours, such as one in another script, is in no number, rather than in all.
        yield sessions.c.number.contains(digits(wanted.number) or wanted.number, autoescape=True)
    if wanted.text:
        yield sessions.c.search.contains(wanted.text.casefold(), autoescape=True)


def _before(place: Place, stop: Place, oldest_first: bool) -> bool:
    return place < stop if oldest_first else place > stop
