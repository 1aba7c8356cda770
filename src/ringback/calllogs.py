"""Call logs of a PortSIP PBX, or of ringback's server, for Python programs.

    from ringback.calllogs import CallLogsClient

    with CallLogsClient("https://pbx.example:8887/api", token) as pbx:
        for log in pbx.list(start="2026-03-02T00:00:00Z", end="2026-03-03T00:00:00Z", caller="101"):
            print(log.caller, log.callee, log.started_at, log.duration)

See `docs/call-logs-client.md`.
"""

from __future__ import annotations

from ringback.clients.calllogs.answers import Change, Changes, ChangeType
from ringback.clients.calllogs.asynchronous import AsyncCallLogsClient
from ringback.clients.calllogs.client import CallLogsClient
from ringback.clients.calllogs.errors import (
    ApiError,
    BadRequest,
    ErrorEntry,
    FilterIgnored,
    LoginRefused,
    NotAllowed,
    NotFound,
    SyncTokenUnknown,
    TooManyRequests,
    Unavailable,
)
from ringback.clients.calllogs.listings import AsyncCallLogIterator, CallLogIterator
from ringback.clients.calllogs.options import CallLogsOptions, LoginForm
from ringback.clients.calllogs.pages import Page
from ringback.clients.calllogs.selection import Selection, Wanted, quoted
from ringback.clients.errors import BadAnswer, CdrError, NoAnswer, PagingError, UntrustedAddress, UsageError
from ringback.clients.retry import Retries
from ringback.clients.tokens import Tokens
from ringback.records.errors import NotARecord
from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.fields import CallLogDirection, EndReason, RerouteReason

__all__ = [
    "ApiError",
    "AsyncCallLogIterator",
    "AsyncCallLogsClient",
    "BadAnswer",
    "BadRequest",
    "CallLog",
    "CallLogDirection",
    "CallLogIterator",
    "CallLogsClient",
    "CallLogsOptions",
    "CdrError",
    "Change",
    "ChangeType",
    "Changes",
    "EndReason",
    "ErrorEntry",
    "FilterIgnored",
    "LoginForm",
    "LoginRefused",
    "NoAnswer",
    "NotARecord",
    "NotAllowed",
    "NotFound",
    "Page",
    "PagingError",
    "RerouteReason",
    "Retries",
    "Selection",
    "SyncTokenUnknown",
    "Tokens",
    "TooManyRequests",
    "Unavailable",
    "UntrustedAddress",
    "UsageError",
    "Wanted",
    "quoted",
]
