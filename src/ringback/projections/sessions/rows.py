"""Sessions as rows of their table."""

from __future__ import annotations

from typing import Any

import msgspec

from ringback.projections.sessions.people import digits
from ringback.projections.sessions.rules import Details, Session
from ringback.projections.sessions.wire import Entry
from ringback.store.schema import sessions

_decode = msgspec.msgpack.Decoder(Details).decode

ENTRY = (
    *(sessions.c.id, sessions.c.user_id, sessions.c.type, sessions.c.direction, sessions.c.disposition),
    *(sessions.c.start_at, sessions.c.end_at, sessions.c.body, sessions.c.read_at, sessions.c.deleted_at),
)
"""The columns that `entry_of` reads."""

MADE = ("user_id", "call", "type", "direction", "disposition", "start_at", "end_at", "number", "search", "body")
"""The columns that `made_of` writes: all that follow from records."""


def entry_of(row: Any) -> Entry:
    """The session of a row with the columns `ENTRY`."""
    return Entry(
        row.id,
        row.user_id,
        row.type,
        row.direction,
        row.disposition,
        row.start_at,
        row.end_at,
        _decode(row.body),
        row.read_at,
        row.deleted_at,
    )


def made_of(session: Session) -> dict[str, Any]:
    """What a row has of a session: the columns `MADE`."""
    details = session.details
    other = details.other
    by = details.redirection.by if details.redirection else None
    texts = (other.name, other.number, other.email, by.name if by else "", by.number if by else "")
    return {
        "user_id": session.user,
        "call": session.call,
        "type": session.type,
        "direction": session.direction,
        "disposition": session.disposition,
        "start_at": session.start_at,
        "end_at": session.end_at,
        "number": digits(other.number),
        "search": "\n".join(filter(None, texts)).casefold(),
        "body": msgspec.msgpack.encode(details),
    }
