"""What listeners know of a history, and what they must be told after nobody told them for a while."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from ringback.clients.callhistory.entries import read_moment
from ringback.clients.callhistory.events import (
    CallHistoryEvent,
    CallSessionEvent,
    CallSessionViewedEvent,
    EventName,
    derived_deleted,
    derived_recent,
    derived_viewed,
    name_of,
)
from ringback.clients.callhistory.sessions import UserSession

_SHARED = "WEBEXCALLING_SHARED"
_REMEMBERED = 5000
_LATE = timedelta(hours=1)
"""How long after its end a session may appear, where it is not known what was there before."""


class Known:
    """The sessions that listeners were told of, or that were there when they began to listen.

    Args:
        shared: whether the history has the sessions of shared lines. If not, they are told of but never read, and that
            they are not in the history says nothing.
    """

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._sessions: dict[str, UserSession] = {}
        self._whole_since: datetime | None = None
        self._caught_up: dict[tuple[EventName, str], UserSession | None] = {}

    def begin(self, listed: Sequence[UserSession], since: datetime) -> None:
        """Take a history for what is known: all sessions since a time, oldest first."""
        self._sessions = {one.sessionId: _essence(one) for one in listed if not one.isDeleted}
        self._whole_since = since
        self._forget()

    def note(self, event: CallHistoryEvent) -> bool:
        """Learn from an event; false if it only tells what `catch_up` found already, and is not worth telling."""
        facts = dict(_facts(event))
        if facts and all(key in self._caught_up and self._caught_up[key] == facts[key] for key in facts):
            return False
        for (_, session_id), session in facts.items():
            self._caught_up = {key: one for key, one in self._caught_up.items() if key[1] != session_id}
            before = self._sessions.pop(session_id, None)
            if session is not None:
                self._sessions[session_id] = session
            elif before is not None and isinstance(event, CallSessionViewedEvent):
                self._sessions[session_id] = replace(before, isRead=True)
        self._forget()
        return True

    def catch_up(
        self, listed: Sequence[UserSession], since: datetime, lost: datetime | None, now: datetime
    ) -> list[CallHistoryEvent]:
        """Events of what has changed, oldest first.

        Args:
            listed: the history as it is now, oldest first.
            since: it has all sessions that began and ended after this.
            lost: when the server was last heard.
        """
        there = {one.sessionId: one for one in listed if one.sessionId and not one.isDeleted}
        new_since = self._whole_since or (since if lost is None else lost - _LATE)
        changed, viewed = [], []
        for session in sorted(there.values(), key=lambda one: read_moment(one.endTime) or now):
            before = self._sessions.get(session.sessionId)
            if before is None:
                if _is_after(session, new_since):
                    changed.append(session)
            elif _essence(session) != replace(before, isRead=session.isRead):
                changed.append(session)
            if before is not None and session.isRead and not before.isRead:
                viewed.append(session.sessionId)
        gone = [key for key, one in self._sessions.items() if key not in there and self._was_listed(one, since)]
        events = [derived_recent(session, now) for session in changed]
        events += [derived_viewed(viewed, now)] if viewed else []
        events += [derived_deleted(gone, now)] if gone else []
        self.begin(listed, since)
        self._caught_up = {key: one for event in events for key, one in _facts(event)}
        return events

    def _forget(self) -> None:
        while len(self._sessions) > _REMEMBERED:
            forgotten = self._sessions.pop(next(iter(self._sessions)))
            ended = read_moment(forgotten.endTime)
            if self._whole_since is not None and ended is not None:
                self._whole_since = max(self._whole_since, ended)

    def _was_listed(self, session: UserSession, since: datetime) -> bool:
        # Servers do not say whether they select by the start or by the end of a session.
        ended = read_moment(session.endTime)
        began = read_moment(session.startTime)
        in_list = self._shared or session.sessionType != _SHARED
        return in_list and ended is not None and began is not None and min(began, ended) > since


def _facts(event: CallHistoryEvent) -> Iterable[tuple[tuple[EventName, str], UserSession | None]]:
    """The sessions of an event, each with what the event says of it."""
    name = name_of(event)
    if isinstance(event, CallSessionEvent):
        return [((name, one.sessionId), _essence(one)) for one in event.data.userSessions.userSessions]
    if isinstance(event, CallSessionViewedEvent):
        return [((name, one.sessionId), None) for one in event.data.userReadSessions.userReadSessions]
    return [((name, one), None) for one in event.data.deletedSessions]


def _is_after(session: UserSession, moment: datetime) -> bool:
    ended = read_moment(session.endTime)
    return ended is None or ended > moment


def _essence(session: UserSession) -> UserSession:
    """A session without what may differ between an event and the history though nothing has changed."""
    return replace(session, url="", raw={})
