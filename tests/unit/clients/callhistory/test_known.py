"""What two readings of a history tell of what happened between them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from factories import NOON
from ringback.clients.callhistory import known
from ringback.clients.callhistory.events import read_event
from ringback.clients.callhistory.known import Known
from ringback.clients.callhistory.sessions import read_sessions
from unit.clients.callhistory.service import recent, session

WEEK = timedelta(days=7)


def told(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is told after a history was the one, and then the other."""
    listeners = Known(shared=True)
    listeners.begin(read_sessions(before), NOON - WEEK)
    events = listeners.catch_up(read_sessions(after), NOON - WEEK, NOON, NOON)
    return [event.raw["data"] for event in events]


def test_another_address_is_no_change() -> None:
    """A session that only has another address, as behind another host, has not changed."""
    assert told([session("a")], [session("a", url="https://elsewhere.example/a")]) == []


def test_sessions_that_are_marked_as_deleted() -> None:
    """A session that is listed as deleted is told as deleted, once, and not as new."""
    gone = session("a", isDeleted=True)
    assert [data["eventType"] for data in told([session("a")], [gone])] == ["janus.user_sessions_deleted"]
    assert told([gone], [gone]) == []


def test_a_session_that_began_before_what_was_read() -> None:
    """A session that lies across the edge of what was read is not taken for deleted by not being there."""
    assert told([session("a", minutes=-7 * 1440 + 0.5)], []) == []


def test_what_is_remembered_has_a_bound(monkeypatch: Any) -> None:
    """Of many sessions the oldest are forgotten, and not taken for new or deleted afterwards."""
    monkeypatch.setattr(known, "_REMEMBERED", 3)
    sessions = [session(f"s{number}", minutes=-10 + number) for number in range(6)]
    assert told(sessions, sessions) == []
    for after, gone in ([], [["s3", "s4", "s5"]]), (sessions, []):
        listeners = Known(shared=True)
        listeners.begin([], NOON - WEEK)
        for one in sessions:
            event = read_event(recent(one))
            assert event is not None
            assert listeners.note(event)
        events = listeners.catch_up(read_sessions(after), NOON - WEEK, NOON, NOON)
        assert [event.raw["data"]["deletedSessions"] for event in events] == gone
