"""Collecting: leases, sources, and the windows that were read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text

from ringback.store.schema.common import OrgId, metadata

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
