"""PortSIP call logs as tables. Their times are in microseconds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from ringback.store.schema.common import OrgId, metadata


def _fields() -> list[Column[Any]]:
    """A column for each field that call logs and summaries have in common, but for the id. What is blank is NULL."""
    texts = ("caller", "caller_domain", "caller_display_name", "callee", "callee_domain", "callee_display_name")
    times = ("started_at", "rang_at", "answered_at", "ended_at")
    words = ("call_id", "direction", "end_reason", "reroute_reason")
    more = ("destination", "outbound_caller_id", "did_cid", "trunk")
    return [
        *(Column(name, Text) for name in texts),
        *(Column(name, BigInteger) for name in times),
        *(Column(name, Text) for name in words),
        Column("status_code", Integer),
        *(Column(name, Text) for name in more),
        Column("duration", BigInteger),
        *(Column(name, Text) for name in ("service_number", "user_data")),
        Column("search", Text, nullable=False),
        Column("changed", BigInteger, nullable=False),
    ]


call_logs = Table(
    "call_logs",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("id", Text, nullable=False),
    Column("session_id", Text),
    *_fields(),
    Column("cost", Text),
    Column("billed_account", Text),
    PrimaryKeyConstraint("org", "id"),
    Index("call_logs_by_session", "org", "session_id", "id"),
    comment="every record as a PortSIP call log; cost and billed_account are those that a PBX gave",
)

call_summaries = Table(
    "call_summaries",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("id", Text, nullable=False),
    *_fields(),
    Column("created", BigInteger, nullable=False),
    PrimaryKeyConstraint("org", "id"),
    Index("call_summaries_by_changed", "org", "changed"),
    comment="all call logs of one session_id, which is the id here, as one row",
)

# An order ends with these two, so that it is total. Numbers are what people filter by most, besides times.
for _table in (call_logs, call_summaries):
    for _columns in (("started_at",), ("ended_at",), ("caller", "started_at"), ("callee", "started_at")):
        _indexed = (_table.c[_column] for _column in ("org", *_columns, "id"))
        Index(f"{_table.name}_by_{_columns[0].removesuffix('_at')}", *_indexed)

call_log_users = Table(
    "call_log_users",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("started_at", BigInteger),
    PrimaryKeyConstraint("org", "user_id", "id"),
    # With the user: else SQLite prefers the key, which has all that is asked for, and reads through the org in it.
    Index("call_log_users_by_id", "org", "id", "user_id"),
    Index("call_log_users_by_started", "org", "user_id", "started_at", "id"),
    comment="whose a call log is: the users of its legs; its start is here to put a user's own in order",
    sqlite_with_rowid=False,
)

call_summary_users = Table(
    "call_summary_users",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("started_at", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("removed", Integer, nullable=False),
    PrimaryKeyConstraint("org", "user_id", "id"),
    Index("call_summary_users_by_id", "org", "id"),
    Index("call_summary_users_by_started", "org", "user_id", "removed", "started_at", "id"),
    Index("call_summary_users_by_changed", "org", "user_id", "changed"),
    comment="whose a summary is, since when, and when that changed; a removed one is kept, so that users can be told",
)

call_costs = Table(
    "call_costs",
    metadata,
    Column("org", OrgId, nullable=False),
    Column("id", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("tariff", Text, nullable=False),
    Column("rated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("org", "id"),
    comment="what a call cost by our own tariff: a decimal text, as it was rated",
)
