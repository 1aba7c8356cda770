"""Collecting: leases, sources, and the windows asked of them.

Follows: 0001
"""

import sqlalchemy as sa
from alembic import op

from ringback.store.schema import OrgId

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", "job", name="leases_pk"),
    )
    op.create_table(
        "sources",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("last_window", sa.BigInteger, nullable=False),
        sa.Column("begins_at", sa.BigInteger),
        sa.Column("complete_up_to", sa.BigInteger),
        sa.Column("gaps", sa.BigInteger, nullable=False),
        sa.Column("asked_at", sa.BigInteger),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("problem_at", sa.BigInteger),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("waits", sa.BigInteger, nullable=False),
        sa.Column("waited", sa.BigInteger, nullable=False),
        sa.Column("new", sa.BigInteger, nullable=False),
        sa.Column("revised", sa.BigInteger, nullable=False),
        sa.Column("duplicate", sa.BigInteger, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.Column("odd", sa.BigInteger, nullable=False),
        sa.Column("audited", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", "source", name="sources_pk"),
    )
    op.create_table(
        "windows",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("start_at", sa.BigInteger, nullable=False),
        sa.Column("end_at", sa.BigInteger, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("pages", sa.BigInteger, nullable=False),
        sa.Column("total_count", sa.BigInteger),
        sa.Column("items", sa.BigInteger, nullable=False),
        sa.Column("new", sa.BigInteger, nullable=False),
        sa.Column("revised", sa.BigInteger, nullable=False),
        sa.Column("duplicate", sa.BigInteger, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.Column("odd", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("waits", sa.BigInteger, nullable=False),
        sa.Column("waited", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", "source", "number", name="windows_pk"),
    )
    op.create_table(
        "lost_ranges",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("start_at", sa.BigInteger, nullable=False),
        sa.Column("end_at", sa.BigInteger, nullable=False),
        sa.Column("noticed_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", "source", "start_at", name="lost_ranges_pk"),
    )
    op.create_table(
        "backfills",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("start_at", sa.BigInteger, nullable=False),
        sa.Column("end_at", sa.BigInteger, nullable=False),
        sa.Column("wanted_at", sa.BigInteger, nullable=False),
        sa.Column("after_window", sa.BigInteger, nullable=False),
        sa.Column("done_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("org", "source", "start_at", "end_at", name="backfills_pk"),
    )
    op.create_index("windows_by_end", "windows", ["org", "source", "end_at"])


def downgrade() -> None:
    for table in ("backfills", "lost_ranges", "windows", "sources", "leases"):
        op.drop_table(table)
