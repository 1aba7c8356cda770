"""Keeps the sessions of an org up to date with its ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from ringback.ledger.contract import Ledger, StoredRecord
from ringback.projections import outbox
from ringback.projections.outbox import EventKind, NewEvent
from ringback.projections.sessions import people
from ringback.projections.sessions.people import Holder, Person
from ringback.projections.sessions.rows import MADE, made_of
from ringback.projections.sessions.rules import Session, call_of, sessions_of
from ringback.projections.sessions.wire import Entry, news
from ringback.records.kinds import legs_of
from ringback.records.leg import Leg
from ringback.records.values import from_milliseconds, to_milliseconds
from ringback.store import Store
from ringback.store.schema import session_legs, session_marks, sessions

OLD_NEWS = timedelta(days=7)
"""A session that ended longer ago is no news: storing a month of history must not ring every phone for a month."""

_MAX_KEYS = 5000


class Change(msgspec.Struct, frozen=True):
    """What follows from some records.

    Attributes:
        calls: the calls they belong to.
        told: those of which nothing is told, because all their records were told of before.
        legs: the call of each record that was not seen before.
        sessions: all sessions of the calls, as they are now.
        people, holders: what the records tell of the directory.
    """

    calls: Sequence[UUID]
    told: frozenset[UUID]
    legs: dict[str, UUID]
    sessions: Sequence[Session]
    people: dict[str, Person]
    holders: dict[str, Holder]


class SessionsProjection:
    """The user call history as a projection; see `ringback.projections.runner.Projection`."""

    name = "sessions"

    def __init__(self, store: Store, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        """
        Args:
            clock: gives the current time, aware.
        """
        self._store = store
        self._ledger = ledger
        self._clock = clock

    def read(self, org: UUID, stored: Sequence[StoredRecord], told: int) -> Change:
        """What follows from these records; see `Projection.read`."""
        with self._store.read() as connection:
            seen = _calls_of(connection, org, [each.record.record_id for each in stored])
            legs = {each.record.record_id: timed_legs(each) for each in stored}
            new = {record_id: call_of(its[0]) for record_id, its in legs.items() if record_id not in seen}
            calls: dict[UUID, list[Leg]] = {}
            for record_id, its in legs.items():
                calls.setdefault(seen.get(record_id) or new[record_id], []).extend(its)
            others = _others(connection, org, calls, legs)
            beside = self._ledger.current(org, list(others))
            for each in beside:
                calls[others[each.record.record_id]].extend(timed_legs(each))
            known = people.load(connection, org, (leg for its in calls.values() for leg in its))
        of = {**others, **new, **seen}
        # Also those beside: a revision that came while all is read again changes its call now, and not once more later.
        news = {of[each.record.record_id] for each in (*stored, *beside) if each.sequence > told}
        new_people, new_holders = people.learn(known, (leg for its in legs.values() for leg in its))
        found = [session for call, its in calls.items() for session in sessions_of(call, its, known)]
        return Change(list(calls), frozenset(calls.keys() - news), new, found, new_people, new_holders)

    def write(self, connection: Connection, org: UUID, change: Change) -> None:
        """Write it, and the events that tell of it; see `Projection.write`."""
        legs = [{"org": org, "record_id": record_id, "call": call} for record_id, call in change.legs.items()]
        if legs:
            connection.execute(insert(session_legs).on_conflict_do_nothing(), legs)
        people.keep(connection, org, change.people, change.holders)
        now = to_milliseconds(self._clock())
        events = [
            news(entry)
            for call, entry in _put(connection, org, change)
            if call not in change.told and entry.end_at >= now - OLD_NEWS // timedelta(milliseconds=1)
        ]
        events += [
            NewEvent(user, EventKind.DELETED, msgspec.json.encode([str(session)]))
            for call, user, session in _remove_others(connection, org, change)
            if call not in change.told
        ]
        if events:
            outbox.write(connection, org, now, events)


def timed_legs(stored: StoredRecord) -> list[Leg]:
    """The legs of a record in the ledger. They always have a start time: if none of their own, that of the record."""
    legs = legs_of(stored.record)
    start_at = stored.record.start_at
    if start_at is None or all(leg.start_time for leg in legs):
        return legs
    start = from_milliseconds(start_at)
    return [leg if leg.start_time else msgspec.structs.replace(leg, start_time=start) for leg in legs]


def _chunks(keys: Iterable[Any]) -> Iterable[list[Any]]:
    """Few enough at a time for one statement."""
    wanted = list(keys)
    for begin in range(0, len(wanted), _MAX_KEYS):
        yield wanted[begin : begin + _MAX_KEYS]


def _calls_of(connection: Connection, org: UUID, ids: Sequence[str]) -> dict[str, UUID]:
    """The call that each record was first seen in, for those that were."""
    columns = select(session_legs.c.record_id, session_legs.c.call).where(session_legs.c.org == org)
    return {
        row.record_id: row.call
        for some in _chunks(ids)
        for row in connection.execute(columns.where(session_legs.c.record_id.in_(some)))
    }


def _others(connection: Connection, org: UUID, calls: Iterable[UUID], here: Iterable[str]) -> dict[str, UUID]:
    """The other records of some calls, each with its call."""
    columns = select(session_legs.c.record_id, session_legs.c.call).where(session_legs.c.org == org)
    found = {
        row.record_id: row.call
        for some in _chunks(calls)
        for row in connection.execute(columns.where(session_legs.c.call.in_(some)))
    }
    for record_id in here:
        found.pop(record_id, None)
    return found


def _put(connection: Connection, org: UUID, change: Change) -> list[tuple[UUID, Entry]]:
    """Insert and update sessions.

    Returns:
        those that changed and that their users have not deleted, with their calls.
    """
    before = _rows(connection, org, change.calls)
    marks = _marks(connection, org, [session.id for session in change.sessions if session.id not in before])
    rows = []
    changed = []
    for session in change.sessions:
        made = made_of(session)
        old = before.get(session.id)
        if old is not None and all(getattr(old, name) == value for name, value in made.items()):
            continue
        mark = old or marks.get(session.id)
        read_at, deleted_at = (mark.read_at, mark.deleted_at) if mark else (None, None)
        rows.append({"org": org, "id": session.id, "read_at": read_at, "deleted_at": deleted_at, **made})
        if deleted_at is None:
            changed.append((session.call, _entry(session, read_at)))
    if rows:
        statement = insert(sessions)
        updated = {name: statement.excluded[name] for name in MADE}
        connection.execute(
            statement.on_conflict_do_update(index_elements=[sessions.c.org, sessions.c.id], set_=updated), rows
        )
    return changed


def _entry(session: Session, read_at: int | None) -> Entry:
    return Entry(
        session.id,
        session.user,
        session.type,
        session.direction,
        session.disposition,
        session.start_at,
        session.end_at,
        session.details,
        read_at,
        None,
    )


def _remove_others(connection: Connection, org: UUID, change: Change) -> list[tuple[UUID, str, UUID]]:
    """Delete the sessions of these calls that are none any more, as when a revision names another user.

    Returns:
        their calls, users and ids, of those that their users had not deleted.
    """
    kept = {session.id for session in change.sessions}
    gone = [row for row in _rows(connection, org, change.calls).values() if row.id not in kept]
    for some in _chunks(row.id for row in gone):
        connection.execute(delete(sessions).where(sessions.c.org == org, sessions.c.id.in_(some)))
    return [(row.call, row.user_id, row.id) for row in gone if row.deleted_at is None]


def _rows(connection: Connection, org: UUID, calls: Sequence[UUID]) -> dict[UUID, Any]:
    columns = select(sessions).where(sessions.c.org == org)
    return {
        row.id: row for some in _chunks(calls) for row in connection.execute(columns.where(sessions.c.call.in_(some)))
    }


def _marks(connection: Connection, org: UUID, ids: Sequence[UUID]) -> dict[UUID, Any]:
    columns = select(session_marks).where(session_marks.c.org == org)
    return {
        row.session: row
        for some in _chunks(ids)
        for row in connection.execute(columns.where(session_marks.c.session.in_(some)))
    }
