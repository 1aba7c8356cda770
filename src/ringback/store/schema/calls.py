"""Whole calls: which records belong together, what is told of them, and what has changed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from ringback.store.schema.common import Key, OrgId, metadata

call_legs = Table(
    "call_legs",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("id", Key, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("call", Key, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("links", LargeBinary, nullable=False),
    PrimaryKeyConstraint("org", "id"),
    Index("call_legs_by_call", "org", "call"),
    comment="every record, the call it is in, and what joins it to others; its id is that of the call it would begin",
)

call_groups = Table(
    "call_groups",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("key", Key, nullable=False),
    Column("leg", Key, nullable=False),
    PrimaryKeyConstraint("org", "key"),
    comment="of each id that records share, a digest, and one of the records that have it",
    sqlite_with_rowid=False,
)

call_names = Table(
    "call_names",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("stretch", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("leg", Key, nullable=False),
    PrimaryKeyConstraint("org", "stretch", "name", "leg"),
    comment="Local call IDs that records have (l), and those of others that they name (w), by 48 hours of their start",
    sqlite_with_rowid=False,
)

calls = Table(
    "calls",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("id", Key, nullable=False),
    Column("start_at", BigInteger, nullable=False),
    Column("end_at", BigInteger, nullable=False),
    Column("direction", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("talk_seconds", BigInteger, nullable=False),
    Column("search", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    PrimaryKeyConstraint("org", "id"),
    # The last three so that a filter need not look at the calls it leaves out.
    Index("calls_by_start", "org", "start_at", "id", "direction", "outcome", "talk_seconds"),
    Index("calls_by_changed", "org", "changed"),
    comment="what is told of each call; created and changed are the numbers of its first change (0 if that is unknown) "
    "and its last",
)

call_terms = Table(
    "call_terms",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("term", Text, nullable=False),
    Column("start_at", BigInteger, nullable=False),
    Column("call", Key, nullable=False),
    PrimaryKeyConstraint("org", "term", "start_at", "call"),
    comment="what calls are found by: numbers, users, locations and so on, each with a letter for what it is",
    sqlite_with_rowid=False,
)

merged_calls = Table(
    "merged_calls",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("id", Key, nullable=False),
    Column("into", Key, nullable=False),
    Column("changed", BigInteger, nullable=False),
    PrimaryKeyConstraint("org", "id"),
    Index("merged_calls_by_changed", "org", "changed"),
    comment="calls that a late record joined to an older one; changed is the number of that change",
)

call_counters = Table(
    "call_counters",
    metadata,
    Column("org", OrgId, primary_key=True),
    Column("changed", BigInteger, nullable=False),
    Column("made", Key, nullable=False),
    comment="the newest number of a change, and a mark of the tables, which is another one if they are made anew",
)
