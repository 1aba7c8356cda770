"""The ledger: records, what could not be kept as one, and what compresses both."""

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
    literal_column,
)

from ringback.store.schema.common import OrgId, metadata

CURRENT = 2**63 - 1
"""`records.superseded_by` of a record's current version: no sequence number ever reaches it."""


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
