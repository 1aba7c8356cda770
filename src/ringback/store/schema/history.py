"""How far projections are, the user call history, and what listeners are told."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    and_,
    literal_column,
)

from ringback.store.schema.common import Key, OrgId, metadata

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("projection", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("again", BigInteger),
    PrimaryKeyConstraint("org", "projection"),
    comment="how far each projection has read the ledger, and how far it has read it again if it was told to",
)

projections = Table(
    "projections",
    metadata,
    Column("name", Text, primary_key=True),
    Column("made_with", Text, nullable=False),
    comment="what else than records a projection is made with; all is read again when that changes",
)

session_legs = Table(
    "session_legs",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("call", Key, nullable=False),
    Column("record_id", Text, nullable=False),
    PrimaryKeyConstraint("org", "record_id"),
    Index("session_legs_by_call", "org", "call"),
    comment="the call that each record was first seen in, so that the sessions made of it never change their ids",
)

sessions = Table(
    "sessions",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("id", Key, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("call", Key, nullable=False),
    Column("type", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("disposition", Text, nullable=False),
    Column("start_at", BigInteger, nullable=False),
    Column("end_at", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("search", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("read_at", BigInteger),
    Column("deleted_at", BigInteger),
    PrimaryKeyConstraint("org", "id"),
    comment="the user call history: one row per user and call; read_at and deleted_at repeat session_marks",
)

_is_unread = and_(
    sessions.c.deleted_at.is_(None),
    sessions.c.read_at.is_(None),
    sessions.c.disposition == literal_column("'MISSED'"),
)

Index("sessions_by_call", sessions.c.org, sessions.c.call)
# The first four find and order a page. The others are here so that a filter need not look at the rows it leaves out.
Index(
    "sessions_by_end",
    sessions.c.org,
    sessions.c.user_id,
    sessions.c.end_at,
    sessions.c.id,
    sessions.c.deleted_at,
    sessions.c.type,
    sessions.c.disposition,
    sessions.c.direction,
    sessions.c.number,
    sessions.c.search,
)
# SQLite looks at the conditions of a partial index once more in each row, so their columns are in it too.
Index(
    "sessions_unread",
    sessions.c.org,
    sessions.c.user_id,
    sessions.c.type,
    sessions.c.deleted_at,
    sessions.c.read_at,
    sessions.c.disposition,
    sqlite_where=_is_unread,
    postgresql_where=_is_unread,
)

session_marks = Table(
    "session_marks",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("session", Key, nullable=False),
    Column("read_at", BigInteger),
    Column("deleted_at", BigInteger),
    PrimaryKeyConstraint("org", "session"),
    comment="what users did with their sessions; not derived from records, so it outlives every rebuild",
)

event_counters = Table(
    "event_counters",
    metadata,
    Column("org", OrgId, primary_key=True),
    Column("newest", BigInteger, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
    comment="one row per org, locked by every commit that tells something: this makes commit order event order",
)

events = Table(
    "events",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("org", "number"),
    Index("events_by_user", "org", "user_id", "number"),
    comment="the outbox: what listeners are told, written in the commit that made it true, kept for some days",
)

people = Table(
    "people",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("given", Integer, nullable=False),
    PrimaryKeyConstraint("org", "user_id"),
    comment="the people of an org: as an administrator gave them (given = 1), or as records name them",
)

directory = Table(
    "directory",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("number", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("given", Integer, nullable=False),
    PrimaryKeyConstraint("org", "number"),
    comment="whose a number is, digits only: a person's of the org, or of somebody outside, whose user_id is empty",
)

lines = Table(
    "lines",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("number", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("model", Integer, nullable=False),
    PrimaryKeyConstraint("org", "user_id", "device", "position"),
    comment="lines of phones at a UCM, as an administrator gave them",
)
