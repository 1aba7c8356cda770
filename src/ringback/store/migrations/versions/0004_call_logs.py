"""PortSIP call logs as tables, what calls cost, and accounts that can log in.

Follows: 0003
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from ringback.store.schema import OrgId

revision = "0004"
down_revision = "0003"


def _fields() -> list[sa.Column[Any]]:
    return [
        *(sa.Column(name, sa.Text) for name in ("caller", "caller_domain", "caller_display_name")),
        *(sa.Column(name, sa.Text) for name in ("callee", "callee_domain", "callee_display_name")),
        *(sa.Column(name, sa.BigInteger) for name in ("started_at", "rang_at", "answered_at", "ended_at")),
        *(sa.Column(name, sa.Text) for name in ("call_id", "direction", "end_reason", "reroute_reason")),
        sa.Column("status_code", sa.Integer),
        *(sa.Column(name, sa.Text) for name in ("destination", "outbound_caller_id", "did_cid", "trunk")),
        sa.Column("duration", sa.BigInteger),
        *(sa.Column(name, sa.Text) for name in ("service_number", "user_data")),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    ]


def _index_fields(table: str) -> None:
    op.create_index(f"{table}_by_started", table, ["org", "started_at", "id"])
    op.create_index(f"{table}_by_ended", table, ["org", "ended_at", "id"])
    op.create_index(f"{table}_by_caller", table, ["org", "caller", "started_at", "id"])
    op.create_index(f"{table}_by_callee", table, ["org", "callee", "started_at", "id"])


def upgrade() -> None:
    op.add_column("tokens", sa.Column("account", sa.Text))
    op.create_index("tokens_by_account", "tokens", ["account", "created_at"])
    op.create_index("tokens_by_expiry", "tokens", ["expires_at"])
    op.create_table(
        "accounts",
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("org", OrgId, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("domain", "username", name="accounts_pk"),
    )
    op.create_table(
        "call_logs",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text),
        *_fields(),
        sa.Column("cost", sa.Text),
        sa.Column("billed_account", sa.Text),
        sa.PrimaryKeyConstraint("org", "id", name="call_logs_pk"),
    )
    op.create_index("call_logs_by_session", "call_logs", ["org", "session_id", "id"])
    _index_fields("call_logs")
    op.create_table(
        "call_summaries",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        *_fields(),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", "id", name="call_summaries_pk"),
    )
    op.create_index("call_summaries_by_changed", "call_summaries", ["org", "changed"])
    _index_fields("call_summaries")
    op.create_table(
        "call_log_users",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("org", "user_id", "id", name="call_log_users_pk"),
        sqlite_with_rowid=False,
    )
    op.create_index("call_log_users_by_id", "call_log_users", ["org", "id", "user_id"])
    op.create_index("call_log_users_by_started", "call_log_users", ["org", "user_id", "started_at", "id"])
    op.create_table(
        "call_summary_users",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("removed", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("org", "user_id", "id", name="call_summary_users_pk"),
    )
    op.create_index("call_summary_users_by_id", "call_summary_users", ["org", "id"])
    op.create_index(
        "call_summary_users_by_started", "call_summary_users", ["org", "user_id", "removed", "started_at", "id"]
    )
    op.create_index("call_summary_users_by_changed", "call_summary_users", ["org", "user_id", "changed"])
    op.create_table(
        "call_costs",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("amount", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("tariff", sa.Text, nullable=False),
        sa.Column("rated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", "id", name="call_costs_pk"),
    )


def downgrade() -> None:
    for table in (
        "call_costs",
        "call_summary_users",
        "call_log_users",
        "call_summaries",
        "call_logs",
        "accounts",
    ):
        op.drop_table(table)
    op.drop_index("tokens_by_expiry", "tokens")
    op.drop_index("tokens_by_account", "tokens")
    op.drop_column("tokens", "account")
