"""Events as listeners get them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from factories import ORG, OTHER_ORG
from ringback.projections.outbox import Event, EventKind, envelope

BASE = "http://127.0.0.1:8080/janus/api/v1"


def told(kind: EventKind, body: object, number: int = 7, org: UUID = ORG) -> dict[str, Any]:
    """The envelope of an event."""
    event = Event(org, number, "ann", kind, 1_700_000_000_000, msgspec.json.encode(body))
    decoded: dict[str, Any] = msgspec.json.decode(envelope(event, BASE))
    return decoded


@pytest.mark.parametrize("kind", [EventKind.RECENT, EventKind.LEGACY])
def test_a_session_is_told_with_its_whole_address(kind: EventKind) -> None:
    """Only the session's own address is completed, whatever stands in other texts of it."""
    session = {"id": "s", "url": "history/userSessions/s", "other": {"name": '"url":"x'}}
    told_event = told(kind, session)
    assert told_event["data"] == {
        "eventType": kind.value,
        "userSessions": {
            "userSessions": [{**session, "url": f"{BASE}/history/userSessions/s"}],
            "statusCode": 0,
        },
    }


def test_marks_are_told_by_id() -> None:
    """Sessions that were read are named in objects, deleted ones by their ids alone, as the SDK wants it."""
    assert told(EventKind.VIEWED, ["a", "b"])["data"] == {
        "eventType": "janus.user_viewed_sessions",
        "userReadSessions": {"userReadSessions": [{"sessionId": "a"}, {"sessionId": "b"}], "statusCode": 0},
    }
    assert told(EventKind.DELETED, ["a", "b"])["data"] == {
        "eventType": "janus.user_sessions_deleted",
        "deletedSessions": ["a", "b"],
    }


def test_an_event_sent_again_is_the_same() -> None:
    """Its id is made of org and number, so that whoever gets it twice can tell; its time and number stand in it."""
    one = told(EventKind.DELETED, ["a"])
    assert told(EventKind.DELETED, ["a"]) == one
    assert (one["timestamp"], one["eventNumber"]) == (1_700_000_000_000, 7)
    others = [told(EventKind.DELETED, ["a"], 8), told(EventKind.DELETED, ["a"], org=OTHER_ORG)]
    assert len({one["id"], *(other["id"] for other in others)}) == 3
    assert one["trackingId"].startswith("RINGBACK_")
