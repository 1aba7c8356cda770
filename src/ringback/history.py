"""A user's call history for Python programs, under the names of the Webex calling SDK.

    from ringback.history import CallHistoryClient

    async with CallHistoryClient("http://127.0.0.1:8080/janus/api/v1", token) as history:
        answer = await history.get_call_history_data(days=7)
        for session in answer.data.userSessions:
            print(session.endTime, session.direction, session.disposition, session.other.name)

See `docs/history-client.md`.
"""

from __future__ import annotations

from ringback.clients.callhistory.blocking import SyncCallHistoryClient
from ringback.clients.callhistory.client import CallHistoryClient
from ringback.clients.callhistory.entries import EndTimeSessionId
from ringback.clients.callhistory.errors import ConnectionEnded, HistoryError
from ringback.clients.callhistory.events import (
    CallHistoryEvent,
    CallSessionDeletedEvent,
    CallSessionDeletedEventData,
    CallSessionEvent,
    CallSessionEventData,
    CallSessionViewedEvent,
    CallSessionViewedEventData,
    RecentSessions,
    UserReadSessions,
    ViewedSessions,
)
from ringback.clients.callhistory.options import CallingBackend, HistoryOptions
from ringback.clients.callhistory.results import (
    DeleteCallHistoryRecordsResponse,
    DeleteStatusData,
    JanusResponseData,
    JanusResponseEvent,
    ReadStatusData,
    UpdateMissedCallsResponse,
)
from ringback.clients.callhistory.sessions import UserSession
from ringback.clients.errors import UsageError
from ringback.clients.retry import Retries
from ringback.clients.tokens import Tokens
from ringback.records.user_session import CallingSpecifics, OtherParty, RedirectionDetails, SelfParty, SessionLinks

__all__ = [
    "CallHistoryClient",
    "CallHistoryEvent",
    "CallSessionDeletedEvent",
    "CallSessionDeletedEventData",
    "CallSessionEvent",
    "CallSessionEventData",
    "CallSessionViewedEvent",
    "CallSessionViewedEventData",
    "CallingBackend",
    "CallingSpecifics",
    "ConnectionEnded",
    "DeleteCallHistoryRecordsResponse",
    "DeleteStatusData",
    "EndTimeSessionId",
    "HistoryError",
    "HistoryOptions",
    "JanusResponseData",
    "JanusResponseEvent",
    "OtherParty",
    "ReadStatusData",
    "RecentSessions",
    "RedirectionDetails",
    "Retries",
    "SelfParty",
    "SessionLinks",
    "SyncCallHistoryClient",
    "Tokens",
    "UpdateMissedCallsResponse",
    "UsageError",
    "UserReadSessions",
    "UserSession",
    "ViewedSessions",
]
