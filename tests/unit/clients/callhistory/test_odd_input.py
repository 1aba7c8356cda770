"""Whatever a server sends, something can be made of it or nothing, but it breaks nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON
from ringback.clients.callhistory.entries import wire_entries
from ringback.clients.callhistory.events import Malformed, derived_recent, read_event
from ringback.clients.callhistory.known import Known
from ringback.clients.callhistory.requests import Reply
from ringback.clients.callhistory.results import sessions_result
from ringback.clients.callhistory.sessions import UserSession, read_session
from ringback.clients.errors import UsageError
from unit.clients.callhistory.service import deleted, recent, session, viewed

KEYS = [field.encode_name for field in msgspec.structs.fields(UserSession)]
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)
PARTS = ["data", "id", "timestamp", "userSessions", "userReadSessions", "deletedSessions", "statusCode", "eventType"]
MESSAGES = [recent(session()), viewed("s1"), deleted("s1")]
SESSIONS = st.dictionaries(st.sampled_from(KEYS), ANY).map(lambda odd: session() | odd) | st.dictionaries(
    st.sampled_from(KEYS), ANY
)


@pytest.mark.parametrize("odd", [None, "an id", 7])
def test_what_names_no_session(odd: Any) -> None:
    """What is to be marked must name sessions; what does not is refused with words that say what to give."""
    with pytest.raises(UsageError, match="give its endTime and its sessionId"):
        wire_entries([odd])


@given(SESSIONS)
def test_every_object_is_a_session(item: dict[str, Any]) -> None:
    """Every JSON object can be read as a session, keeps what came, and can be told as an event."""
    one = read_session(item)
    assert one.raw == item
    for text in (
        one.id,
        one.sessionId,
        one.endTime,
        one.disposition,
        one.self.id,
        one.other.id,
        one.links.callbackAddress,
    ):
        assert isinstance(text, str)
    assert isinstance(derived_recent(one, NOON).raw, dict)


@given(st.lists(SESSIONS, max_size=4), st.lists(SESSIONS, max_size=4))
def test_histories_can_be_compared(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    """Any two histories can be compared; the same one twice has nothing to tell."""
    known = Known(shared=True)
    known.begin([read_session(item) for item in before], NOON)
    known.catch_up([read_session(item) for item in after], NOON, NOON, NOON)
    assert known.catch_up([read_session(item) for item in after], NOON, NOON, NOON) == []


@given(ANY)
def test_every_body_has_a_result(body: Any) -> None:
    """Every JSON body is a result with a message."""
    assert sessions_result(Reply(200, msgspec.json.encode(body))).message in ("SUCCESS", "FAILURE")


@given(st.sampled_from(MESSAGES), st.lists(st.sampled_from(PARTS), min_size=1, max_size=4), ANY)
def test_every_message_is_an_event_or_none(message: dict[str, Any], path: list[str], odd: Any) -> None:
    """A message with anything anywhere is an event, or none, or malformed."""
    try:
        event = read_event(replaced(message, path, odd))
    except Malformed:
        return
    if event is not None:
        Known(shared=False).note(event)


def replaced(message: Any, path: list[str], value: Any) -> Any:
    """A message with a value put in at a path, as far as that leads."""
    if not path:
        return value
    if not isinstance(message, dict):
        return message
    return message | {path[0]: replaced(message.get(path[0]), path[1:], value)}
