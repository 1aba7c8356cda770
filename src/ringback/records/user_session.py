"""The entry of a user call history as it is on the wire: the `userSession` of the Webex calling SDK.

Names are those of the SDK's page "Call History", in the spelling of the wire, so that what is written about the one
holds for the other. Values that the page lists are open: a session may have others.
"""

from __future__ import annotations

import msgspec


class SelfParty(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """The user whose entry it is.

    Attributes:
        id: UUID of the user.
        cucmDN: the line that the call used, for users of a UCM.
        ucmLineNumber: place of that line on the phone. No server sends it: clients add it from the lines of the user.
    """

    id: str
    name: str | None = None
    phoneNumber: str | None = None
    cucmDN: str | None = None
    ucmLineNumber: int | None = None


class OtherParty(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """The other party of the call.

    Attributes:
        id: UUID of a user of the same organization; else the number; empty if the caller withheld it.
        isPrivate: whether the caller withheld who it is.
        callbackAddress: what to call to reach the party again; empty if that is not known.
        primaryDisplayString, secondaryDisplayString: what to show in the first and second place.
    """

    id: str
    isPrivate: bool
    callbackAddress: str
    ownerId: str | None = None
    name: str | None = None
    sipUrl: str | None = None
    primaryDisplayString: str | None = None
    secondaryDisplayString: str | None = None
    phoneNumber: str | None = None
    contact: str | None = None
    email: str | None = None


class SessionLinks(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """Where the session leads to; `callbackAddress` is that of the other party."""

    callbackAddress: str
    locusUrl: str | None = None
    conversationUrl: str | None = None


class RedirectionDetails(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """Who passed the call on to the user, and why, such as `CALLQUEUE`."""

    reason: str
    isPrivate: bool
    phoneNumber: str | None = None
    sipUrl: str | None = None
    name: str | None = None
    userId: str | None = None


class CallingSpecifics(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """What only calls of Webex Calling have."""

    redirectionDetails: RedirectionDetails


class UserSession(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """One user's part in one call.

    Attributes:
        id, sessionId: the same text; it never changes.
        url: address of the session at the server.
        sessionType: `WEBEXCALLING`, `WEBEXCALLING_SHARED` (a line that is not the user's own) or `SPARK`.
        startTime, endTime: UTC with milliseconds, as in `2026-01-01T10:45:21.565Z`.
        direction: `INCOMING` or `OUTGOING`.
        disposition: `ANSWERED`, `CANCELED`, `INITIATED`, `MISSED` or `REJECTED`.
        durationSeconds, durationSecs: the same number: seconds from the answer to the end, whoever answered.
        joinedDurationSeconds: how much of it the user was there.
        participantCount: persons who spoke to each other, at least 2.
        correlationIds: ids that records of the call share.
        isRead: true once the user has seen it; missing before.
        answeredElsewhere: true if somebody else answered for the user; ringback's own, missing otherwise.
    """

    id: str
    sessionId: str
    url: str
    sessionType: str
    startTime: str
    endTime: str
    direction: str
    disposition: str
    durationSecs: int
    durationSeconds: int
    joinedDurationSeconds: int
    participantCount: int
    isDeleted: bool
    isPMR: bool
    correlationIds: tuple[str, ...]
    self: SelfParty
    other: OtherParty
    links: SessionLinks
    callingSpecifics: CallingSpecifics | None = None
    isRead: bool = False
    answeredElsewhere: bool = False
