"""Whole calls, and what projections are made with.

Follows: 0004
"""

import sqlalchemy as sa
from alembic import op

from ringback.store.schema import Key, OrgId

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "projections",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("made_with", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="projections_pk"),
    )
    op.create_table(
        "call_legs",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("id", Key, nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("call", Key, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("links", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("org", "id", name="call_legs_pk"),
    )
    op.create_index("call_legs_by_call", "call_legs", ["org", "call"])
    op.create_table(
        "call_groups",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("key", Key, nullable=False),
        sa.Column("leg", Key, nullable=False),
        sa.PrimaryKeyConstraint("org", "key", name="call_groups_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "call_names",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("stretch", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("leg", Key, nullable=False),
        sa.PrimaryKeyConstraint("org", "stretch", "name", "leg", name="call_names_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "calls",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("id", Key, nullable=False),
        sa.Column("start_at", sa.BigInteger, nullable=False),
        sa.Column("end_at", sa.BigInteger, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("talk_seconds", sa.BigInteger, nullable=False),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", "id", name="calls_pk"),
    )
    found_by = ["org", "start_at", "id"]
    op.create_index("calls_by_start", "calls", [*found_by, "direction", "outcome", "talk_seconds"])
    op.create_index("calls_by_changed", "calls", ["org", "changed"])
    op.create_table(
        "call_terms",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("term", sa.Text, nullable=False),
        sa.Column("start_at", sa.BigInteger, nullable=False),
        sa.Column("call", Key, nullable=False),
        sa.PrimaryKeyConstraint("org", "term", "start_at", "call", name="call_terms_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "merged_calls",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("id", Key, nullable=False),
        sa.Column("into", Key, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", "id", name="merged_calls_pk"),
    )
    op.create_index("merged_calls_by_changed", "merged_calls", ["org", "changed"])
    op.create_table(
        "call_counters",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("made", Key, nullable=False),
        sa.PrimaryKeyConstraint("org", name="call_counters_pk"),
    )


def downgrade() -> None:
    for table in (
        "call_counters",
        "merged_calls",
        "call_terms",
        "calls",
        "call_names",
        "call_groups",
        "call_legs",
        "projections",
    ):
        op.drop_table(table)
