"""User call history: sessions, marks, events, people, and tokens of users.

Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

from ringback.store.schema import Key, OrgId

revision = "0003"
down_revision = "0002"

UNREAD = sa.text("deleted_at IS NULL AND read_at IS NULL AND disposition = 'MISSED'")


def upgrade() -> None:
    op.add_column("tokens", sa.Column("user_id", sa.Text))
    op.create_table(
        "checkpoints",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("projection", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("again", sa.BigInteger),
        sa.PrimaryKeyConstraint("org", "projection", name="checkpoints_pk"),
    )
    op.create_table(
        "session_legs",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("call", Key, nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("org", "record_id", name="session_legs_pk"),
    )
    op.create_index("session_legs_by_call", "session_legs", ["org", "call"])
    op.create_table(
        "sessions",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("id", Key, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("call", Key, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("disposition", sa.Text, nullable=False),
        sa.Column("start_at", sa.BigInteger, nullable=False),
        sa.Column("end_at", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("read_at", sa.BigInteger),
        sa.Column("deleted_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("org", "id", name="sessions_pk"),
    )
    op.create_index("sessions_by_call", "sessions", ["org", "call"])
    found_by = ["org", "user_id", "end_at", "id"]
    filtered_by = ["deleted_at", "type", "disposition", "direction", "number", "search"]
    op.create_index("sessions_by_end", "sessions", [*found_by, *filtered_by])
    unread = ["org", "user_id", "type", "deleted_at", "read_at", "disposition"]
    op.create_index("sessions_unread", "sessions", unread, sqlite_where=UNREAD, postgresql_where=UNREAD)
    op.create_table(
        "session_marks",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("session", Key, nullable=False),
        sa.Column("read_at", sa.BigInteger),
        sa.Column("deleted_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("org", "session", name="session_marks_pk"),
    )
    op.create_table(
        "event_counters",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("newest", sa.BigInteger, nullable=False),
        sa.Column("forgotten", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", name="event_counters_pk"),
    )
    op.create_table(
        "events",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("org", "number", name="events_pk"),
    )
    op.create_index("events_by_user", "events", ["org", "user_id", "number"])
    op.create_table(
        "people",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("given", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("org", "user_id", name="people_pk"),
    )
    op.create_table(
        "directory",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("given", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("org", "number", name="directory_pk"),
    )
    op.create_table(
        "lines",
        sa.Column("org", OrgId, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("model", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("org", "user_id", "device", "position", name="lines_pk"),
    )


def downgrade() -> None:
    for table in (
        "lines",
        "directory",
        "people",
        "events",
        "event_counters",
        "session_marks",
        "sessions",
        "session_legs",
        "checkpoints",
    ):
        op.drop_table(table)
    op.drop_column("tokens", "user_id")
