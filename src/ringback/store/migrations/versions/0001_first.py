"""The first schema.

Follows: nothing
"""

import sqlalchemy as sa
from alembic import op

from ringback.store.schema import OrgId

revision = "0001"
down_revision = None

CURRENT = sa.text("superseded_by = 9223372036854775807")
SUPERSEDED = sa.text("superseded_by != 9223372036854775807")


def upgrade() -> None:
    op.create_table(
        "dictionaries",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="dictionaries_pk"),
    )
    op.create_table(
        "org_counters",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.Column("last_stored_at", sa.BigInteger, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("revisions", sa.BigInteger, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", name="org_counters_pk"),
    )
    op.create_table(
        "records",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("stored_at", sa.BigInteger, nullable=False),
        sa.Column("report_at", sa.BigInteger, nullable=False),
        sa.Column("start_at", sa.BigInteger, nullable=False),
        sa.Column("superseded_by", sa.BigInteger, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("wire_keys", sa.Integer, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("org", "sequence", name="records_pk"),
    )
    id_columns = ["org", "record_id"]
    op.create_index(
        "records_current", "records", id_columns, unique=True, sqlite_where=CURRENT, postgresql_where=CURRENT
    )
    op.create_index("records_superseded", "records", id_columns, sqlite_where=SUPERSEDED, postgresql_where=SUPERSEDED)
    for axis in ("report_at", "start_at", "stored_at"):
        op.create_index(f"records_by_{axis}", "records", ["org", axis, "sequence", "superseded_by", "location"])
    op.create_table(
        "quarantine",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("stored_at", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("org", "id", name="quarantine_pk"),
    )
    op.create_index("quarantine_by_stored_at", "quarantine", ["org", "stored_at"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("org", OrgId, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="tokens_pk"),
    )
    op.create_table(
        "token_requests",
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("bucket", sa.Text, nullable=False),
        sa.Column("times", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("token", "bucket", name="token_requests_pk"),
        sa.ForeignKeyConstraint(["token"], ["tokens.id"], name="token_requests_token_fk", ondelete="CASCADE"),
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name="secrets_pk"),
    )


def downgrade() -> None:
    for table in ("secrets", "token_requests", "tokens", "quarantine", "records", "org_counters", "dictionaries"):
        op.drop_table(table)
