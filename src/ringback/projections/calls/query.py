"""Reading whole calls: pages by key, so that the last costs the same as the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, literal, select, tuple_
from sqlalchemy.sql.selectable import FromClause

from ringback.projections.calls.correlator import call_id
from ringback.projections.calls.rows import decode_kept
from ringback.projections.calls.story.model import Story
from ringback.store import Store
from ringback.store.schema import Key, call_legs, call_terms, calls

COUNT_SECONDS = 5.0
"""After which a count is given up: it has to go through all that it counts."""

MOST_SEARCHED = 5000
"""Calls that one page looks into, if they must be looked into one by one."""

_AT_ONCE = 1000


class Place(msgspec.Struct, frozen=True, order=True):
    """A place in the list of calls: a start in milliseconds since 1970, and the id of a call among equal times."""

    start_at: int
    id: UUID


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls of an org; None and empty for all.

    Attributes:
        since, until: they started at `since` or later, and before `until`; milliseconds since 1970.
        terms: they have all of these, see `ringback.projections.calls.rows.term`.
        direction, outcome: as in their story.
        shortest, longest: seconds that persons talked, both inclusive.
        text: any part of the names and numbers of their participants, of what was dialed, or of the sentence that
            tells the call; in any case.
    """

    since: int | None = None
    until: int | None = None
    terms: tuple[str, ...] = ()
    direction: str = ""
    outcome: str = ""
    shortest: int | None = None
    longest: int | None = None
    text: str = ""


class WholeCall(msgspec.Struct, frozen=True):
    """A call: what is told of it, and the terms it is found by."""

    id: UUID
    story: Story
    terms: tuple[str, ...]


class Page(msgspec.Struct, frozen=True):
    """Some calls, the newest first, and where the next page begins; None if there is none."""

    calls: Sequence[WholeCall]
    next: Place | None


class _Index(msgspec.Struct, frozen=True):
    """What has calls in the order of their start: all of an org, or those with a term.

    Attributes:
        start, id: its columns.
        where: which part of it.
        source: what to select from, to have the calls as well.
    """

    start: ColumnElement[int]
    id: ColumnElement[UUID]
    where: Sequence[ColumnElement[bool]]
    source: FromClause

    def between(self, top: Place | int | None, bottom: Place | int | None) -> _Index:
        """A part of it: from one place on, or before a time, back to a time, or to before another place."""
        where = list(self.where)
        if isinstance(top, Place):
            where.append(tuple_(self.start, self.id) <= _literal(top))
        elif top is not None:
            where.append(self.start < top)
        if isinstance(bottom, Place):
            where.append(tuple_(self.start, self.id) > _literal(bottom))
        elif bottom is not None:
            where.append(self.start >= bottom)
        return msgspec.structs.replace(self, where=where)

    def select(self, *columns: Any) -> Select[Any]:
        """Columns of it, the newest first."""
        return select(*columns).where(*self.where).order_by(self.start.desc(), self.id.desc())


class Calls:
    """Reads the whole calls of a store."""

    def __init__(self, store: Store, count_seconds: float | None = COUNT_SECONDS) -> None:
        """
        Args:
            count_seconds: after which a count is given up; None for never.
        """
        self._store = store
        self._count_seconds = count_seconds

    def page(self, org: UUID, wanted: Filter, limit: int, begin: Place | None = None) -> Page:
        """Up to `limit` calls, ordered by their start, the newest first.

        A time and one term are found by an index. Whatever else is wanted, calls are looked into one by one: no more
        than some thousand. Then the page may have fewer, or none, and still there is a next one.

        Args:
            begin: `Page.next` of the page before, asked for with the same filter; None for the first.
        """
        # Of two bounds on one side only the one that matters: SQLite may seek to the weaker one.
        top = begin if begin is not None and (wanted.until is None or begin.start_at < wanted.until) else wanted.until
        stop: Place | None = None
        with self._store.read() as connection:
            index, looked_into = _chosen(connection, org, wanted, top)
            part = index.between(top, wanted.since)
            if looked_into:
                last = part.select(index.start, index.id).limit(1).offset(MOST_SEARCHED)
                if row := connection.execute(last).one_or_none():
                    stop = Place(*row)
                    part = index.between(top, stop)
            statement = part.select(*CALL).select_from(index.source).where(*looked_into).limit(limit + 1)
            rows = connection.execute(statement).all()
        following = Place(rows[limit].start_at, rows[limit].id) if len(rows) > limit else stop
        return Page([call_of(row) for row in rows[:limit]], following)

    def count(self, org: UUID, wanted: Filter) -> int:
        """How many calls there are in all.

        Raises:
            TookTooLong: narrow it.
        """
        with self._store.read(time_limit=self._count_seconds) as connection:
            index, looked_into = _chosen(connection, org, wanted, wanted.until)
            part = index.between(wanted.until, wanted.since)
            counted = select(func.count(index.start)).where(*part.where)
            if looked_into:
                counted = counted.select_from(index.source).where(*looked_into)
            count: int = connection.execute(counted).scalar_one()
            return count

    def one(self, org: UUID, id: UUID) -> WholeCall | None:
        """The call that an id leads to: the one with this id, or the one that it is part of now; None if to none."""
        its_call = and_(calls.c.org == call_legs.c.org, calls.c.id == call_legs.c.call)
        statement = select(*CALL).join_from(call_legs, calls, its_call)
        with self._store.read() as connection:
            row = connection.execute(statement.where(call_legs.c.org == org, call_legs.c.id == id)).one_or_none()
        return None if row is None else call_of(row)

    def of_record(self, org: UUID, record_id: str, start_at: int) -> UUID | None:
        """The id of the call that a record is in; None if it is in none yet.

        Args:
            start_at: start of the first version of the record, milliseconds since 1970.
        """
        leg = UUID(bytes=call_id(org, record_id, start_at))
        statement = select(call_legs.c.call).where(call_legs.c.org == org, call_legs.c.id == leg)
        with self._store.read() as connection:
            found: UUID | None = connection.execute(statement).scalar()
            return found

    def all(self, org: UUID, since: int | None = None, until: int | None = None) -> Iterator[WholeCall]:
        """All calls as they are at this moment, the oldest first: each record is in one of them, and only once.

        Args:
            since, until: see `Filter`.
        """
        statement = select(*CALL).where(calls.c.org == org).order_by(calls.c.start_at, calls.c.id)
        if since is not None:
            statement = statement.where(calls.c.start_at >= since)
        if until is not None:
            statement = statement.where(calls.c.start_at < until)
        with self._store.read() as connection:
            for row in connection.execute(statement.execution_options(yield_per=_AT_ONCE)):
                yield call_of(row)


CALL = (calls.c.id, calls.c.start_at, calls.c.body)
"""The columns that a call is read from."""


def call_of(row: Any) -> WholeCall:
    """The call of a row with `CALL`."""
    kept = decode_kept(row.body)
    return WholeCall(row.id, kept.story, kept.terms)


def _literal(place: Place) -> ColumnElement[Any]:
    return tuple_(place.start_at, literal(place.id, Key()))


def _chosen(
    connection: Connection, org: UUID, wanted: Filter, top: Place | int | None
) -> tuple[_Index, Sequence[ColumnElement[bool]]]:
    """The index with the fewest calls to look into, as far as a page may look, and what to look at in each call."""
    looked_at = list(_columns(wanted))
    terms = list(dict.fromkeys(wanted.terms))
    if not terms:
        return _of_all(org), looked_at
    rarest = terms[0]
    if len(terms) > 1:
        rarest = min(terms, key=lambda each: _calls_in(connection, _of_term(org, each).between(top, wanted.since)))
    index = _of_term(org, rarest)
    return index, [*(_has(index, org, each) for each in terms if each != rarest), *looked_at]


def _of_all(org: UUID) -> _Index:
    return _Index(calls.c.start_at, calls.c.id, [calls.c.org == org], calls)


def _of_term(org: UUID, term: str) -> _Index:
    this = call_terms.c
    source = call_terms.join(calls, and_(calls.c.org == this.org, calls.c.id == this.call))
    return _Index(this.start_at, this.call, [this.org == org, this.term == term], source)


def _calls_in(connection: Connection, part: _Index) -> tuple[int, int]:
    """How many calls there are, as far as a page may look, and how far back those go: what is less, is better."""
    looked_at = part.select(part.start.label("start_at")).limit(MOST_SEARCHED + 1).subquery()
    statement = select(func.count(), func.coalesce(func.min(looked_at.c.start_at), 0)).select_from(looked_at)
    count, oldest = connection.execute(statement).one()
    return count, oldest


def _has(index: _Index, org: UUID, term: str) -> ColumnElement[bool]:
    """Whether a call has one more term."""
    other = call_terms.alias()
    where = (other.c.org == org, other.c.term == term, other.c.start_at == index.start, other.c.call == index.id)
    return exists().where(*where)


def _columns(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """What no index helps with."""
    if wanted.direction:
        yield calls.c.direction == wanted.direction
    if wanted.outcome:
        yield calls.c.outcome == wanted.outcome
    if wanted.shortest is not None:
        yield calls.c.talk_seconds >= wanted.shortest
    if wanted.longest is not None:
        yield calls.c.talk_seconds <= wanted.longest
    if wanted.text:
        yield calls.c.search.contains(wanted.text.casefold(), autoescape=True)
