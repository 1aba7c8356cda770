"""A store with records, and what projections make of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select, text

from factories import ORG, Clock
from ringback.ledger import SqlLedger
from ringback.projections.checkpoints import Checkpoint, Checkpoints
from ringback.projections.outbox import Event, EventKind, Outbox
from ringback.projections.runner import Projection, Runner
from ringback.projections.sessions.marks import Marks
from ringback.projections.sessions.projection import SessionsProjection
from ringback.projections.sessions.query import CallHistory, Filter
from ringback.projections.sessions.rules import Details, Party, Redirection
from ringback.projections.sessions.wire import Entry, user_session
from ringback.records.decode import Record, decode
from ringback.simulator import Delivery
from ringback.store import Store
from ringback.store.schema import sessions

EVERYTHING = Filter(deleted=None)


class Office:
    """A store with all that works on it, on a clock that a test sets. Use it as a context, so that it is closed."""

    def __init__(self, directory: Path, clock: Callable[[], datetime]) -> None:
        self.store = Store.open(directory)
        self.clock = clock
        self.ledger = SqlLedger(self.store, clock)
        self.outbox = Outbox(self.store)
        self.marks = Marks(self.store, clock)
        self.history = CallHistory(self.store)
        self.checkpoints = Checkpoints(self.store, SessionsProjection.name)
        self._runner = self.runner()

    def __enter__(self) -> Office:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def append(self, deliveries: Iterable[Delivery]) -> None:
        """Store records of the simulator, in one batch."""
        self.ledger.append([record_of(delivery) for delivery in deliveries])

    def add(self, *records: Record) -> None:
        """Store records, and make the sessions of them."""
        self.ledger.append(records)
        self.catch_up()

    def catch_up(self) -> int:
        """Make the sessions of all records; gives how many records were read. Always with the same runner."""
        return self._runner.catch_up()

    def step(self) -> int:
        """Let that runner take one step; gives how many records were read."""
        return self._runner.step()

    def projection(self) -> SessionsProjection:
        """The projection that makes sessions."""
        return SessionsProjection(self.store, self.ledger, self.clock)

    def runner(self, holder: str = "test", *projections: Projection) -> Runner:
        """A runner of these projections, of that of the sessions if none is named."""
        return Runner(self.store, self.ledger, projections or (self.projection(),), holder, self.clock)

    def checkpoint(self, org: UUID = ORG) -> Checkpoint:
        """How far the sessions are."""
        return self.checkpoints.all().get(org, Checkpoint())

    def read_again(self, org: UUID = ORG) -> None:
        """Have all sessions made anew, at the next step of a runner."""
        with self.store.write() as connection:
            self.checkpoints.begin_again(connection, org)

    def rows(self) -> dict[UUID, dict[str, Any]]:
        """All rows of the table of sessions, whole, by id."""
        with self.store.read() as connection:
            return {row.id: dict(row._mapping) for row in connection.execute(select(sessions))}

    def events(self, org: UUID = ORG, after: int = 0) -> list[Event]:
        """All events of an org since one, in order; their numbers have no gaps."""
        found = list(self.outbox.after(org, after, 1_000_000))
        first = max(after, self.outbox.bounds(org).forgotten) + 1
        assert [event.number for event in found] == list(range(first, first + len(found)))
        return found

    def entries(self, user: str, wanted: Filter = EVERYTHING, org: UUID = ORG) -> list[Entry]:
        """A user's sessions, the newest first."""
        return list(self.history.all(org, user, wanted))

    def run(self, statement: str) -> None:
        """Execute a statement in a transaction of its own."""
        with self.store.write() as connection:
            connection.execute(text(statement))


def facts(rows: Mapping[UUID, Mapping[str, Any]]) -> dict[UUID, dict[str, Any]]:
    """Rows of sessions without what the directory adds: names, and whose a number is.

    These depend on what was known when the session was made; everything else follows from its records alone.
    """
    return {session: {**row, "search": "", "body": _facts_of(row["body"])} for session, row in rows.items()}


def _facts_of(body: bytes) -> Details:
    details = msgspec.msgpack.decode(body, type=Details)
    redirection = details.redirection
    if redirection is not None:
        redirection = Redirection(redirection.reason, Party(redirection.by.id, number=redirection.by.number))
    return msgspec.structs.replace(
        details,
        me=Party(details.me.id, number=details.me.number),
        other=Party(number=details.other.number),
        redirection=redirection,
    )


def record_of(delivery: Delivery) -> Record:
    """The record of a delivery."""
    return decode(delivery.record).record


def read_all(marks: Marks, org: UUID, user: str, until: int | None = None) -> int:
    """Mark all unread missed calls as read; gives how many there were."""
    return sum(iter(lambda: marks.read_some(org, user, until), 0))


def told_session(event: Event) -> dict[str, Any]:
    """The session that an event tells of."""
    assert event.kind in (EventKind.RECENT, EventKind.LEGACY)
    session: dict[str, Any] = msgspec.json.decode(event.body)
    return session


def wire(entry: Entry) -> dict[str, Any]:
    """A session as events tell it."""
    session: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(user_session(entry)))
    return session


def kinds(events: Sequence[Event]) -> list[EventKind]:
    """What some events tell, in order."""
    return [event.kind for event in events]


def set_clock(clock: Clock, moment: datetime) -> None:
    """Have the clock stand at a time."""
    clock.now = int(moment.timestamp() * 1000)
