"""Call detail records for Python programs: the names of `wxc_sdk.cdr`, and what such programs need besides.

    from ringback.cdr import WebexSimpleApi

    with WebexSimpleApi() as api:  # the token is in WEBEX_ACCESS_TOKEN
        for cdr in api.cdr.get_cdr_history("2026-03-02T00:00:00Z", "2026-03-04T00:00:00Z"):
            print(cdr.start_time, cdr.user, cdr.duration)

See `docs/sdk.md`.
"""

from __future__ import annotations

from ringback.clients.api import AsDetailedCDRApi, AsWebexSimpleApi, DetailedCDRApi, WebexSimpleApi
from ringback.clients.errors import (
    BadAnswer,
    CdrError,
    ErrorDetail,
    NoAnswer,
    NotAllowed,
    PagingError,
    RestError,
    TooManyRequests,
    Unavailable,
    UntrustedAddress,
    UsageError,
    WrongRegion,
)
from ringback.clients.hosts import KNOWN_HOSTS
from ringback.clients.model import CDR
from ringback.clients.pace import Pace
from ringback.clients.retry import Retries
from ringback.clients.session import AsRestSession, RestSession
from ringback.clients.steps import Options, Totals
from ringback.clients.tokens import Tokens
from ringback.records.enums import (
    CDRCallType,
    CDRClientType,
    CDRDirection,
    CDROriginalReason,
    CDRRedirectReason,
    CDRRelatedReason,
    CDRUserType,
)
from ringback.records.errors import NotARecord

AsRestError = RestError
"""The name of the asynchronous twin in `wxc_sdk`; here both raise the same class."""

__all__ = [
    "CDR",
    "KNOWN_HOSTS",
    "AsDetailedCDRApi",
    "AsRestError",
    "AsRestSession",
    "AsWebexSimpleApi",
    "BadAnswer",
    "CDRCallType",
    "CDRClientType",
    "CDRDirection",
    "CDROriginalReason",
    "CDRRedirectReason",
    "CDRRelatedReason",
    "CDRUserType",
    "CdrError",
    "DetailedCDRApi",
    "ErrorDetail",
    "NoAnswer",
    "NotARecord",
    "NotAllowed",
    "Options",
    "Pace",
    "PagingError",
    "RestError",
    "RestSession",
    "Retries",
    "Tokens",
    "TooManyRequests",
    "Totals",
    "Unavailable",
    "UntrustedAddress",
    "UsageError",
    "WebexSimpleApi",
    "WrongRegion",
]
