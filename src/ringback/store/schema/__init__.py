"""The tables. Change one together with a migration in `migrations/versions`; a test compares the two.

Times are milliseconds since 1970 in UTC, the resolution of the wire; in the tables of call logs microseconds, because a
PortSIP PBX sends those.
"""

from __future__ import annotations

from ringback.store.schema.access import (
    accounts,
    secrets,
    token_requests,
    tokens,
)
from ringback.store.schema.call_logs import (
    call_costs,
    call_log_users,
    call_logs,
    call_summaries,
    call_summary_users,
)
from ringback.store.schema.calls import (
    call_counters,
    call_groups,
    call_legs,
    call_names,
    call_terms,
    calls,
    merged_calls,
)
from ringback.store.schema.collecting import (
    backfills,
    leases,
    lost_ranges,
    sources,
    windows,
)
from ringback.store.schema.common import (
    Key,
    OrgId,
    metadata,
)
from ringback.store.schema.history import (
    checkpoints,
    directory,
    event_counters,
    events,
    lines,
    people,
    projections,
    session_legs,
    session_marks,
    sessions,
)
from ringback.store.schema.ledger import (
    CURRENT,
    dictionaries,
    org_counters,
    quarantine,
    records,
)

__all__ = [
    "CURRENT",
    "VERSION",
    "Key",
    "OrgId",
    "accounts",
    "backfills",
    "call_costs",
    "call_counters",
    "call_groups",
    "call_legs",
    "call_log_users",
    "call_logs",
    "call_names",
    "call_summaries",
    "call_summary_users",
    "call_terms",
    "calls",
    "checkpoints",
    "dictionaries",
    "directory",
    "event_counters",
    "events",
    "leases",
    "lines",
    "lost_ranges",
    "merged_calls",
    "metadata",
    "org_counters",
    "people",
    "projections",
    "quarantine",
    "records",
    "secrets",
    "session_legs",
    "session_marks",
    "sessions",
    "sources",
    "token_requests",
    "tokens",
    "windows",
]

VERSION = "0005"
"""The newest migration: what `alembic_version` holds in an up-to-date store."""
