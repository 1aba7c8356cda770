"""A session as its user's programs get it."""

from __future__ import annotations

from uuid import UUID

import msgspec

from ringback.projections.outbox import EventKind, NewEvent
from ringback.projections.sessions.rules import SPARK, Details, Party
from ringback.records.user_session import (
    CallingSpecifics,
    OtherParty,
    RedirectionDetails,
    SelfParty,
    SessionLinks,
    UserSession,
)
from ringback.records.values import from_milliseconds, to_wire_time

PATH = "history/userSessions"
"""Where sessions are, below the base address of the API."""


class Entry(msgspec.Struct, frozen=True):
    """A session as it is kept. Times are milliseconds since 1970; None for never."""

    id: UUID
    user: str
    type: str
    direction: str
    disposition: str
    start_at: int
    end_at: int
    details: Details
    read_at: int | None
    deleted_at: int | None


def user_session(entry: Entry, base: str = "") -> UserSession:
    """The session on the wire.

    Args:
        base: address that the `url` of the session begins with; without it, the address is relative.
    """
    details = entry.details
    session_id = str(entry.id)
    other = details.other
    private = entry.direction == "INCOMING" and not other.number
    return UserSession(
        id=session_id,
        sessionId=session_id,
        url=f"{base}/{PATH}/{session_id}" if base else f"{PATH}/{session_id}",
        sessionType=entry.type,
        startTime=_time(entry.start_at),
        endTime=_time(entry.end_at),
        direction=entry.direction,
        disposition=entry.disposition,
        durationSecs=details.duration,
        durationSeconds=details.duration,
        joinedDurationSeconds=details.joined,
        participantCount=details.participants,
        isDeleted=entry.deleted_at is not None,
        isPMR=False,
        correlationIds=(details.correlation_id,) if details.correlation_id else (),
        self=SelfParty(
            id=entry.user,
            name=details.me.name or None,
            phoneNumber=details.me.number or None,
            cucmDN=details.ucm_line or None,
        ),
        other=_other(other, private),
        links=SessionLinks(callbackAddress=other.number),
        callingSpecifics=_specifics(details),
        isRead=entry.read_at is not None,
        answeredElsewhere=details.answered_elsewhere,
    )


def news(entry: Entry) -> NewEvent:
    """The event that tells of a session that is new, or has changed."""
    kind = EventKind.LEGACY if entry.type == SPARK else EventKind.RECENT
    return NewEvent(entry.user, kind, msgspec.json.encode(user_session(entry)))


def _other(party: Party, private: bool) -> OtherParty:
    if private:
        return OtherParty(id="", isPrivate=True, callbackAddress="")
    shown = [text for text in (party.name, party.number) if text]
    return OtherParty(
        id=party.id or party.number,
        isPrivate=False,
        callbackAddress=party.number,
        name=party.name or None,
        sipUrl=party.number if "@" in party.number else None,
        primaryDisplayString=shown[0] if shown else None,
        secondaryDisplayString=shown[1] if len(shown) > 1 else None,
        phoneNumber=party.number if party.number and "@" not in party.number else None,
        email=party.email or None,
    )


def _specifics(details: Details) -> CallingSpecifics | None:
    if details.redirection is None:
        return None
    by = details.redirection.by
    return CallingSpecifics(
        redirectionDetails=RedirectionDetails(
            reason=details.redirection.reason,
            isPrivate=False,
            phoneNumber=by.number or None,
            name=by.name or None,
            userId=by.id or None,
        )
    )


def _time(milliseconds: int) -> str:
    return to_wire_time(from_milliseconds(milliseconds))
