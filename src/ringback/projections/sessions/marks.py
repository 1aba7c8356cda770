"""What users do with their sessions: read, delete, restore. Each is one commit, together with its events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from ringback.projections import outbox
from ringback.projections.outbox import EventKind, NewEvent
from ringback.projections.sessions.query import IS_UNREAD
from ringback.projections.sessions.rows import ENTRY, entry_of
from ringback.projections.sessions.wire import news
from ringback.records.values import to_milliseconds
from ringback.store import Store
from ringback.store.schema import session_marks, sessions

UNDELETE = timedelta(days=30)
"""How long after deleting it a session can be had back."""

MAX_AT_ONCE = 1000
"""Sessions that one commit changes at most."""


class Marks:
    """Writes what users do. Ids of sessions that are not the user's, or that do not exist, change nothing.

    A call takes `MAX_AT_ONCE` ids at most.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        """
        Args:
            clock: gives the current time, aware.
        """
        self._store = store
        self._clock = clock

    def read(self, org: UUID, user: str, ids: Sequence[UUID]) -> int:
        """Mark sessions as read. Returns how many were not."""
        unread = (sessions.c.read_at.is_(None), sessions.c.deleted_at.is_(None), sessions.c.id.in_(ids))
        return self._mark(org, user, EventKind.VIEWED, "read_at", *unread)

    def read_some(self, org: UUID, user: str, until: int | None = None) -> int:
        """Mark some of the unread missed calls as read. Returns how many: 0 when none is left.

        Args:
            until: only those that ended before this time, in milliseconds since 1970.
        """
        wanted: list[ColumnElement[bool]] = [IS_UNREAD]
        if until is not None:
            wanted.append(sessions.c.end_at < until)
        return self._mark(org, user, EventKind.VIEWED, "read_at", *wanted)

    def delete(self, org: UUID, user: str, ids: Sequence[UUID]) -> int:
        """Hide sessions from the user. Returns how many were not hidden. Administrators still see them."""
        kept = (sessions.c.deleted_at.is_(None), sessions.c.id.in_(ids))
        return self._mark(org, user, EventKind.DELETED, "deleted_at", *kept)

    def restore(self, org: UUID, user: str, ids: Sequence[UUID]) -> int:
        """Give back sessions that the user deleted in the last 30 days. Returns how many were given back."""
        now = self._clock()
        since = to_milliseconds(now - UNDELETE)
        this = (sessions.c.org == org, sessions.c.user_id == user)
        with self._store.write() as connection:
            back = select(*ENTRY).where(*this, sessions.c.id.in_(ids), sessions.c.deleted_at >= since)
            entries = [
                msgspec.structs.replace(entry_of(row), deleted_at=None) for row in connection.execute(back).all()
            ]
            if not entries:
                return 0
            _set(connection, org, [entry.id for entry in entries], {"deleted_at": None})
            events = [news(entry) for entry in entries]
            outbox.write(connection, org, to_milliseconds(now), events)
        return len(entries)

    def _mark(self, org: UUID, user: str, kind: EventKind, column: str, *wanted: ColumnElement[bool]) -> int:
        now = to_milliseconds(self._clock())
        statement = select(sessions.c.id).where(sessions.c.org == org, sessions.c.user_id == user, *wanted)
        with self._store.write() as connection:
            # Not in an order of the database's: it would read the whole org by id to give the first few.
            ids = sorted(row.id for row in connection.execute(statement.limit(MAX_AT_ONCE)))
            if not ids:
                return 0
            _set(connection, org, ids, {column: now})
            body = msgspec.json.encode([str(session) for session in ids])
            outbox.write(connection, org, now, [NewEvent(user, kind, body)])
        return len(ids)


def _set(connection: Connection, org: UUID, ids: Sequence[UUID], values: dict[str, Any]) -> None:
    """Note it in the marks, which stay, and in the sessions, which repeat them."""
    statement = insert(session_marks)
    connection.execute(
        statement.on_conflict_do_update(index_elements=[session_marks.c.org, session_marks.c.session], set_=values),
        [{"org": org, "session": session, "read_at": None, "deleted_at": None, **values} for session in ids],
    )
    connection.execute(update(sessions).where(sessions.c.org == org, sessions.c.id.in_(ids)).values(values))
