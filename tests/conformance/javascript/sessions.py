"""Sessions as the SDK hands them over, and what an app does with them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from conformance.javascript.client import CallingSdk
from conformance.python_client import PythonClient
from ringback.records.values import read_time

DAYS, MANY = 3, 1000
"""How much of a history is read: all that the tests report, which they do as if it had happened yesterday."""

READ = {"readStatusMessage": "Missed calls are read by the user."}
DELETED = {"deleteStatusMessage": "Call history records are deleted by the user."}

Session = dict[str, Any]


def history(client: CallingSdk | PythonClient, *arguments: object) -> list[Session]:
    """The sessions that the SDK gets."""
    answer = client.call("getCallHistoryData", *(arguments or (DAYS, MANY)))
    assert (answer["statusCode"], answer["message"]) == (200, "SUCCESS"), answer
    assert list(answer["data"]) == ["userSessions"]
    sessions: list[Session] = answer["data"]["userSessions"]
    return sessions


def wait_for(client: CallingSdk | PythonClient, count: int) -> list[Session]:
    """The sessions of a user, once there are so many."""
    give_up = time.monotonic() + 30
    while len(sessions := history(client)) < count:
        assert time.monotonic() < give_up, f"{len(sessions)} sessions of {count}"
        time.sleep(0.1)
    assert len(sessions) == count
    return sessions


def mark_of(session: Session) -> dict[str, str]:
    """What an app passes on to mark a session."""
    return {"endTime": session["endTime"], "sessionId": session["sessionId"]}


def ids(sessions: Sequence[Session]) -> list[str]:
    """The ids of sessions."""
    return [session["sessionId"] for session in sessions]


def moment(session: Session, which: str) -> datetime:
    """Start or end of a session."""
    return read_time(session[which])


def update(client: CallingSdk | PythonClient, *sessions: Session) -> None:
    """Mark sessions as read."""
    answer = client.call("updateMissedCalls", [mark_of(session) for session in sessions])
    assert answer == {"statusCode": 200, "data": READ, "message": "SUCCESS"}


def delete(client: CallingSdk | PythonClient, *sessions: Session) -> None:
    """Delete sessions."""
    answer = client.call("deleteCallHistoryRecords", [mark_of(session) for session in sessions])
    assert answer == {"statusCode": 200, "data": DELETED, "message": "SUCCESS"}


def viewed(envelope: Any) -> list[str]:
    """Whose read state an event tells of."""
    assert envelope["data"]["eventType"] == "janus.user_viewed_sessions"
    return ids(envelope["data"]["userReadSessions"]["userReadSessions"])


def recent(envelope: Any, name: str = "janus.user_recent_sessions") -> Session:
    """The one session that an event tells of."""
    assert envelope["data"]["eventType"] == name
    (session,) = envelope["data"]["userSessions"]["userSessions"]
    return dict(session)


def is_found(session: Session, number: str) -> bool:
    """Whether the counterpart with this number is found in a session: by its last four digits, in any of six places."""
    names = ("phoneNumber", "callbackAddress", "primaryDisplayString", "secondaryDisplayString", "name")
    places = [session["other"].get(name) for name in names] + [session["links"]["callbackAddress"]]
    texts = ("".join(filter(str.isdigit, place or "")) for place in places)
    return any(text.endswith(number[-4:]) for text in texts)
