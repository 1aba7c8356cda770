"""The events that a client tells, under the names of the SDK."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from ringback.clients.callhistory.sessions import UserSession, read_sessions
from ringback.records.values import to_milliseconds

EventName: TypeAlias = Literal[
    "callHistory:user_recent_sessions", "callHistory:user_viewed_sessions", "callHistory:user_sessions_deleted"
]
RECENT: EventName = "callHistory:user_recent_sessions"
VIEWED: EventName = "callHistory:user_viewed_sessions"
DELETED: EventName = "callHistory:user_sessions_deleted"
EVENT_NAMES: tuple[EventName, ...] = (RECENT, VIEWED, DELETED)

_RECENT_TYPE = "janus.user_recent_sessions"
_VIEWED_TYPE = "janus.user_viewed_sessions"
_DELETED_TYPE = "janus.user_sessions_deleted"
NAME_OF_TYPE: dict[str, EventName] = {
    _RECENT_TYPE: RECENT,
    "janus.user_sessions": RECENT,  # of calls in Webex itself, older than the others
    _VIEWED_TYPE: VIEWED,
    _DELETED_TYPE: DELETED,
}
"""Which event a message of the server becomes."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What all events have.

    Attributes:
        id: of the event; "" if the server gave none.
        timestamp: milliseconds since 1970; 0 if the server gave none.
        trackingId: to be given to the support of the server.
        derived: whether no server sent it: it was found by reading the history after the connection had been lost.
        raw: the whole message as it came, with `eventNumber` if the server numbers its events.
    """

    id: str = ""
    timestamp: int = 0
    trackingId: str = ""
    derived: bool = False
    raw: dict[str, Any] = msgspec.field(default_factory=dict)


class RecentSessions(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions that were added or have changed."""

    userSessions: list[UserSession]
    statusCode: int | None = None


class CallSessionEventData(msgspec.Struct, frozen=True, kw_only=True):
    """See `CallSessionEvent`."""

    userSessions: RecentSessions
    eventType: str


class CallSessionEvent(Envelope, frozen=True, kw_only=True):
    """`callHistory:user_recent_sessions`: sessions were added, or have changed."""

    data: CallSessionEventData


class UserReadSessions(msgspec.Struct, frozen=True, kw_only=True):
    """Names a session that was read."""

    sessionId: str


class ViewedSessions(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions that were read."""

    userReadSessions: list[UserReadSessions]
    statusCode: int | None = None


class CallSessionViewedEventData(msgspec.Struct, frozen=True, kw_only=True):
    """See `CallSessionViewedEvent`."""

    userReadSessions: ViewedSessions
    eventType: str


class CallSessionViewedEvent(Envelope, frozen=True, kw_only=True):
    """`callHistory:user_viewed_sessions`: sessions were marked as read, here or on another device."""

    data: CallSessionViewedEventData


class CallSessionDeletedEventData(msgspec.Struct, frozen=True, kw_only=True):
    """See `CallSessionDeletedEvent`.

    Attributes:
        deletedSessions: their session ids.
    """

    deletedSessions: list[str]
    eventType: str


class CallSessionDeletedEvent(Envelope, frozen=True, kw_only=True):
    """`callHistory:user_sessions_deleted`: sessions were deleted, here or on another device."""

    data: CallSessionDeletedEventData


CallHistoryEvent: TypeAlias = CallSessionEvent | CallSessionViewedEvent | CallSessionDeletedEvent


class Malformed(ValueError):
    """A message that should be an event and is none."""


def name_of(event: CallHistoryEvent) -> EventName:
    """The name under which it is listened to."""
    if isinstance(event, CallSessionEvent):
        return RECENT
    return VIEWED if isinstance(event, CallSessionViewedEvent) else DELETED


def read_event(message: dict[str, Any], *, derived: bool = False) -> CallHistoryEvent | None:
    """The event that a message is; None if it is about something else.

    Raises:
        Malformed: what the event is about is not where it should be.
    """
    data = message.get("data")
    if not isinstance(data, dict):
        return None
    kind = data.get("eventType")
    if not isinstance(kind, str) or kind not in NAME_OF_TYPE:
        return None
    envelope: dict[str, Any] = {
        "id": _typed(message.get("id"), str, ""),
        "timestamp": _typed(message.get("timestamp"), int, 0),
        "trackingId": _typed(message.get("trackingId"), str, ""),
        "derived": derived,
        "raw": message,
    }
    name = NAME_OF_TYPE[kind]
    if name == RECENT:
        items, status = _nested(data, "userSessions")
        recent = RecentSessions(userSessions=read_sessions(items), statusCode=status)
        return CallSessionEvent(data=CallSessionEventData(userSessions=recent, eventType=kind), **envelope)
    if name == VIEWED:
        items, status = _nested(data, "userReadSessions")
        ids = [item.get("sessionId") for item in items if isinstance(item, dict)]
        read = [UserReadSessions(sessionId=one) for one in ids if isinstance(one, str)]
        viewed = ViewedSessions(userReadSessions=read, statusCode=status)
        return CallSessionViewedEvent(
            data=CallSessionViewedEventData(userReadSessions=viewed, eventType=kind), **envelope
        )
    deleted = [one for one in _listed(data, "deletedSessions") if isinstance(one, str)]
    return CallSessionDeletedEvent(
        data=CallSessionDeletedEventData(deletedSessions=deleted, eventType=kind), **envelope
    )


def derived_recent(session: UserSession, now: datetime) -> CallHistoryEvent:
    """The event that a server would have sent of a session."""
    return _derived(_RECENT_TYPE, {"userSessions": {"userSessions": [session.raw], "statusCode": 0}}, now)


def derived_viewed(ids: list[str], now: datetime) -> CallHistoryEvent:
    """The event that a server would have sent of sessions that were read."""
    read = [{"sessionId": one} for one in ids]
    return _derived(_VIEWED_TYPE, {"userReadSessions": {"userReadSessions": read, "statusCode": 0}}, now)


def derived_deleted(ids: list[str], now: datetime) -> CallHistoryEvent:
    """The event that a server would have sent of sessions that were deleted."""
    return _derived(_DELETED_TYPE, {"deletedSessions": ids}, now)


def _derived(kind: str, data: dict[str, Any], now: datetime) -> CallHistoryEvent:
    message = {
        "id": str(uuid.uuid4()),
        "timestamp": to_milliseconds(now),
        "trackingId": f"RINGBACK_{uuid.uuid4()}",
        "data": {"eventType": kind} | data,
    }
    event = read_event(message, derived=True)
    if event is None:
        raise AssertionError(f"{kind} is an event")
    return event


def _nested(data: dict[str, Any], key: str) -> tuple[list[Any], int | None]:
    # The list is in an object of the same name; the published client needs both.
    inner = data.get(key)
    if not isinstance(inner, dict):
        raise Malformed(f"data.{key} is no object")
    return _listed(inner, key), _typed(inner.get("statusCode"), int, None)


def _listed(data: dict[str, Any], key: str) -> list[Any]:
    items = data.get(key)
    if not isinstance(items, list):
        raise Malformed(f"{key} is no list")
    return items


def _typed(value: Any, kind: type, default: Any) -> Any:
    return value if isinstance(value, kind) else default
