"""The outbox: what listeners are told, written in the commit that made it true.

Events are numbered for each org, 1, 2, 3 and so on without gaps, and commits happen in the order of the numbers: the
row of the counter is locked until the commit. So who has seen number N will never see a new one at or below N, and can
go on from there at any time while events are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from ringback.records.values import to_milliseconds
from ringback.store import Store
from ringback.store.schema import event_counters, events

_ENVELOPES = UUID("0c2f5fa6-5d2c-4d3b-9a38-0f6f1f2b7a11")
_FORGET_BATCH = 5000


class EventKind(Enum):
    """What an event tells; the value is its name on the wire."""

    RECENT = "janus.user_recent_sessions"
    """A session was added, or changed."""
    LEGACY = "janus.user_sessions"
    """The same, of a session of type `SPARK`."""
    VIEWED = "janus.user_viewed_sessions"
    DELETED = "janus.user_sessions_deleted"
    CALL_CREATED = "call.created"
    CALL_UPDATED = "call.updated"
    CALL_MERGED = "call.merged"
    """A late record has joined a call to an older one."""


NOBODY = ""
"""The user of an event that is about a whole call. Only those hear it who listen for all users of an org."""

_CALLS = (EventKind.CALL_CREATED, EventKind.CALL_UPDATED, EventKind.CALL_MERGED)


class NewEvent(msgspec.Struct, frozen=True):
    """Something to tell those who listen for a user.

    Attributes:
        body: for `RECENT` and `LEGACY` the JSON of one session, its `url` relative to the base address of the API; for
            those of calls a JSON object with the id; for the others a JSON list of session ids.
    """

    user: str
    kind: EventKind
    body: bytes


class Event(msgspec.Struct, frozen=True):
    """A `NewEvent` as it is kept: under a number of its org, told at `at` (milliseconds since 1970)."""

    org: UUID
    number: int
    user: str
    kind: EventKind
    at: int
    body: bytes

    @property
    def id(self) -> str:
        """A UUID that is the same whenever the event is sent."""
        return str(uuid5(_ENVELOPES, f"{self.org}/{self.number}"))


class Bounds(msgspec.Struct, frozen=True):
    """What is kept of the events of an org: all numbers above `forgotten`, up to and with `newest`."""

    forgotten: int
    newest: int

    def can_resume(self, number: int) -> bool:
        """Whether somebody who has seen everything up to this number can be told everything since."""
        return self.forgotten <= number <= self.newest


def write(connection: Connection, org: UUID, at: int, new: Sequence[NewEvent]) -> int:
    """Add events, in the caller's transaction.

    Args:
        at: milliseconds since 1970.

    Returns:
        the newest number of the org.
    """
    first = {"org": org, "newest": 0, "forgotten": 0}
    connection.execute(insert(event_counters).values(first).on_conflict_do_nothing())
    newest: int = connection.execute(
        update(event_counters)
        .where(event_counters.c.org == org)
        .values(newest=event_counters.c.newest + len(new))
        .returning(event_counters.c.newest)
    ).scalar_one()
    rows = [
        {"org": org, "number": number, "user_id": event.user, "kind": event.kind.value, "at": at, "body": event.body}
        for number, event in enumerate(new, newest - len(new) + 1)
    ]
    if rows:
        connection.execute(insert(events), rows)
    return newest


class Outbox:
    """The events of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def newest(self) -> dict[UUID, int]:
        """The newest number of every org that has told something."""
        statement = select(event_counters.c.org, event_counters.c.newest)
        with self._store.read() as connection:
            return {row.org: row.newest for row in connection.execute(statement)}

    def bounds(self, org: UUID) -> Bounds:
        """What is kept of an org's events."""
        counter = event_counters.c
        statement = select(counter.forgotten, counter.newest).where(counter.org == org)
        with self._store.read() as connection:
            row = connection.execute(statement).one_or_none()
        return Bounds(0, 0) if row is None else Bounds(row.forgotten, row.newest)

    def after(self, org: UUID, number: int, limit: int, user: str | None = None) -> Sequence[Event]:
        """Up to `limit` events with a number above `number`, in order; of one user, or of all."""
        statement = select(events).where(events.c.org == org, events.c.number > number)
        if user is not None:
            statement = statement.where(events.c.user_id == user)
        with self._store.read() as connection:
            return [_event(row) for row in connection.execute(statement.order_by(events.c.number).limit(limit))]

    def forget_all(self, before: datetime) -> int:
        """Delete all events that were told before a time (aware). Returns how many were deleted."""
        moment = to_milliseconds(before)
        total = 0
        for org in self.newest():
            while count := self.forget(org, moment):
                total += count
        return total

    def forget(self, org: UUID, before: int) -> int:
        """Delete some of the events that were told before a time (milliseconds since 1970), the oldest first.

        Returns:
            how many were deleted: less than some thousand, so that others can write in between; 0 if none is left.
        """
        here = events.c.org == org
        with self._store.write() as connection:
            oldest = (
                select(events.c.number, events.c.at)
                .where(here)
                .order_by(events.c.number)
                .limit(_FORGET_BATCH)
                .subquery()
            )
            up_to = connection.execute(select(func.max(oldest.c.number)).where(oldest.c.at < before)).scalar()
            if up_to is None:
                return 0
            deleted = delete(events).where(here, events.c.number <= up_to).returning(events.c.number)
            count = len(connection.execute(deleted).all())
            forgotten = update(event_counters).where(event_counters.c.org == org).values(forgotten=up_to)
            connection.execute(forgotten)
            return count


def envelope(event: Event, base: str) -> bytes:
    """An event as listeners get it: what the Webex calling SDK names `CallSessionEvent` and so on, in JSON.

    Args:
        base: address that the `url` of a session begins with.
    """
    name = event.kind.value.encode()
    if event.kind in (EventKind.RECENT, EventKind.LEGACY):
        session = event.body.replace(b'"url":"', b'"url":"' + base.encode() + b"/", 1)
        data = b'"userSessions":{"userSessions":[%b],"statusCode":0}' % session
    elif event.kind is EventKind.VIEWED:
        seen = [{"sessionId": session} for session in msgspec.json.decode(event.body, type=list[str])]
        data = b'"userReadSessions":{"userReadSessions":%b,"statusCode":0}' % msgspec.json.encode(seen)
    elif event.kind in _CALLS:
        data = b'"call":%b' % event.body
    else:
        data = b'"deletedSessions":%b' % event.body
    return b'{"id":"%b","timestamp":%d,"trackingId":"RINGBACK_%b","eventNumber":%d,"data":{"eventType":"%b",%b}}' % (
        event.id.encode(),
        event.at,
        event.id.encode(),
        event.number,
        name,
        data,
    )


def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(row.org, row.number, row.user_id, EventKind(row.kind), row.at, row.body)
