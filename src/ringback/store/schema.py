"""The tables. Change one together with a migration in `migrations/versions`; a test compares the two.

Times are milliseconds since 1970 in UTC, the resolution of the wire.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    and_,
    literal_column,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

VERSION = "0003"
"""The newest migration: what `alembic_version` holds in an up-to-date store."""

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_name)s_unique",
    }
)

CURRENT = 2**63 - 1
"""`records.superseded_by` of a record's current version: no sequence number ever reaches it."""


class OrgId(TypeDecorator[UUID]):
    """An organization: `uuid` where the database has it, 16 bytes in SQLite."""

    impl = LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(LargeBinary(16) if dialect.name == "sqlite" else Uuid())

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        return value.bytes if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        return UUID(bytes=value) if value is not None and dialect.name == "sqlite" else value


class Key(OrgId):
    """A UUID that we made, as the id of a session."""

    cache_ok = True


dictionaries = Table(
    "dictionaries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
    comment="zstd dictionaries; each compressed text names the one it needs",
)

org_counters = Table(
    "org_counters",
    metadata,
    Column("org", OrgId, primary_key=True),
    Column("last_sequence", BigInteger, nullable=False),
    Column("last_stored_at", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("revisions", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    comment="one row per org, locked by every append: this makes commit order sequence order",
)

records = Table(
    "records",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    Column("report_at", BigInteger, nullable=False),
    Column("start_at", BigInteger, nullable=False),
    Column("superseded_by", BigInteger, nullable=False),
    Column("location", Text, nullable=False),
    Column("wire_keys", Integer, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    PrimaryKeyConstraint("org", "sequence"),
    comment="every version of every record; a version is visible at a snapshot S if sequence <= S < superseded_by",
)

_is_current = records.c.superseded_by == literal_column(str(CURRENT))

Index(
    "records_current",
    records.c.org,
    records.c.record_id,
    unique=True,
    sqlite_where=_is_current,
    postgresql_where=_is_current,
)
Index(
    "records_superseded",
    records.c.org,
    records.c.record_id,
    sqlite_where=~_is_current,
    postgresql_where=~_is_current,
)

# Each holds all that selecting, ordering and counting a window needs; only the page itself touches the table.
for _axis in ("report_at", "start_at", "stored_at"):
    Index(
        f"records_by_{_axis}",
        records.c.org,
        records.c[_axis],
        records.c.sequence,
        records.c.superseded_by,
        records.c.location,
    )

quarantine = Table(
    "quarantine",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("id", Text, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    PrimaryKeyConstraint("org", "id"),
    Index("quarantine_by_stored_at", "org", "stored_at"),
    comment="what could not be kept as a record; the id is a digest of its bytes",
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("org", OrgId, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("user_id", Text),
    comment="bearer tokens; the secret itself is kept nowhere",
)

token_requests = Table(
    "token_requests",
    metadata,
    Column("token", Text, ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
    Column("bucket", Text, nullable=False),
    Column("times", Text, nullable=False),
    PrimaryKeyConstraint("token", "bucket"),
    comment="when a limited token made its last requests: a JSON list of times, oldest first",
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    comment="random keys of this store, such as the one that signs page cursors",
)

leases = Table(
    "leases",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("job", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("org", "job"),
    comment="who works on what of an org; every write that a job guards checks its epoch in the same transaction",
)

sources = Table(
    "sources",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("last_window", BigInteger, nullable=False),
    Column("begins_at", BigInteger),
    Column("complete_up_to", BigInteger),
    Column("gaps", BigInteger, nullable=False),
    Column("asked_at", BigInteger),
    Column("problem", Text, nullable=False),
    Column("problem_at", BigInteger),
    Column("requests", BigInteger, nullable=False),
    Column("waits", BigInteger, nullable=False),
    Column("waited", BigInteger, nullable=False),
    Column("new", BigInteger, nullable=False),
    Column("revised", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("odd", BigInteger, nullable=False),
    Column("audited", BigInteger, nullable=False),
    PrimaryKeyConstraint("org", "source"),
    comment="one row per source: how far it is, and totals since it was first collected",
)

windows = Table(
    "windows",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("source", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("start_at", BigInteger, nullable=False),
    Column("end_at", BigInteger, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("pages", BigInteger, nullable=False),
    Column("total_count", BigInteger),
    Column("items", BigInteger, nullable=False),
    Column("new", BigInteger, nullable=False),
    Column("revised", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("odd", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("waits", BigInteger, nullable=False),
    Column("waited", BigInteger, nullable=False),
    PrimaryKeyConstraint("org", "source", "number"),
    Index("windows_by_end", "org", "source", "end_at"),
    comment="every window asked of a source, and how it ended; what is complete, and what is missing, follows from it",
)

lost_ranges = Table(
    "lost_ranges",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("source", Text, nullable=False),
    Column("start_at", BigInteger, nullable=False),
    Column("end_at", BigInteger, nullable=False),
    Column("noticed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("org", "source", "start_at"),
    comment="gaps that grew older than what the source keeps",
)

backfills = Table(
    "backfills",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("source", Text, nullable=False),
    Column("start_at", BigInteger, nullable=False),
    Column("end_at", BigInteger, nullable=False),
    Column("wanted_at", BigInteger, nullable=False),
    Column("after_window", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    PrimaryKeyConstraint("org", "source", "start_at", "end_at"),
    comment="ranges that somebody wants read again, whoever holds the lease",
)

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
