"""The sessions that a request is about, as the wire wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

from ringback.clients.callhistory.sessions import UserSession
from ringback.clients.errors import UsageError
from ringback.records.values import to_milliseconds


class EndTimeSessionId(msgspec.Struct, frozen=True, kw_only=True):
    """Names a session.

    Attributes:
        endTime: of the session: ISO 8601 text as it came, an aware datetime, or milliseconds since 1970. A text without
            a zone is UTC.
        sessionId: of the session.
    """

    endTime: str | datetime | int
    sessionId: str


Entry: TypeAlias = EndTimeSessionId | UserSession | Mapping[str, Any]
"""A mapping has the keys `endTime` and `sessionId`; others are sent along, as the SDK does."""


def wire_entries(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The entries with their times in milliseconds, None where the time is none.

    Raises:
        UsageError: one of them is no entry.
    """
    return [_wire_entry(entry) for entry in entries]


def read_moment(given: Any) -> datetime | None:
    """An aware time from what the wire or a program gives; None if it is none."""
    try:
        if isinstance(given, int) and not isinstance(given, bool):
            return datetime.fromtimestamp(given / 1000, UTC)
        moment = datetime.fromisoformat(given) if isinstance(given, str) else given
        if not isinstance(moment, datetime):
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _wire_entry(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, (EndTimeSessionId, UserSession)):
        entry = {"endTime": entry.endTime, "sessionId": entry.sessionId}
    if not isinstance(entry, Mapping):
        raise UsageError(f"{entry!r:.60} is no session: give its endTime and its sessionId")
    given = entry.get("endTime")
    # A number goes out as it came: reading it as a time could only change its last digits.
    if isinstance(given, int) and not isinstance(given, bool):
        return dict(entry)
    moment = read_moment(given)
    return dict(entry) | {"endTime": None if moment is None else to_milliseconds(moment)}
