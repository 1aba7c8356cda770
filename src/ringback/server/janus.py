"""The dialect of the Webex user call history, as the calling SDK for JavaScript speaks it.

Sources: the page "Call History" of the Webex calling SDK, and what the published client sends and reads; the service
itself has no public documentation. `docs/history-api.md` says what is done where these are silent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from ringback.projections.sessions.marks import Marks
from ringback.projections.sessions.query import CallHistory, Filter
from ringback.projections.sessions.rules import OWN, SHARED, SPARK
from ringback.projections.sessions.wire import PATH, user_session
from ringback.records.user_session import UserSession
from ringback.server.errors import ApiError
from ringback.server.exchange import (
    Answer,
    Call,
    answer,
    decode_body,
    parse_query,
    read_choice,
    read_flag,
    read_ids,
    read_limit,
    read_moment,
)
from ringback.server.tokens import Tokens
from ringback.server.viewers import viewer_of

BASE = "/janus/api/v1"
SESSIONS = f"{BASE}/{PATH}"


class SessionsBody(msgspec.Struct):
    """The answer to a request for sessions."""

    statusCode: int
    userSessions: list[UserSession]


class DoneBody(msgspec.Struct):
    """The answer to a change. Sessions that are unknown, or of others, were left alone, and are no error."""

    statusCode: int


class EndTimeSessionId(msgspec.Struct):
    """Names a session. Its `endTime`, in milliseconds since 1970, is not needed to find it."""

    sessionId: str
    endTime: int | float | None = None


class ReadBody(msgspec.Struct):
    """What `setReadState` is told."""

    endTimeSessionIds: list[EndTimeSessionId]


class DeleteBody(msgspec.Struct):
    """What `markAsDeleted` is told."""

    deleteSessionIds: list[EndTimeSessionId]


class LineBody(msgspec.Struct):
    """A line of a phone at a UCM."""

    dnorpattern: str
    index: int
    label: str


class DeviceBody(msgspec.Struct):
    """A phone at a UCM."""

    name: str
    model: int
    lines: list[LineBody]


class LinesBody(msgspec.Struct):
    """The phones of a user at a UCM."""

    devices: list[DeviceBody]


class SessionsDialect:
    """What answers from the sessions. Blocking; to be called in a worker thread."""

    def __init__(self, tokens: Tokens, history: CallHistory, marks: Marks) -> None:
        self._tokens = tokens
        self._history = history
        self._marks = marks


class JanusDialect(SessionsDialect):
    """The paths of the Webex service."""

    def sessions(self, call: Call) -> Answer:
        """Answer `GET …/userSessions`.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer = viewer_of(self._tokens, call.authorization)
        query = parse_query(call.query)
        wanted = Filter(since=read_moment(query, "from", required=True), types=_types(query))
        oldest_first = read_choice(query, "sort", "DESC", ("ASC", "DESC")) == "ASC"
        found = self._history.page(
            viewer.org, viewer.of(query.get("user")), wanted, read_limit(query), oldest_first=oldest_first
        )
        base = call.base_url + BASE
        body = SessionsBody(200, [user_session(entry, base) for entry in found.entries])
        return answer(msgspec.json.encode(body), call)

    def set_read_state(self, call: Call) -> Answer:
        """Answer `POST …/userSessions/setReadState`.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer = viewer_of(self._tokens, call.authorization)
        user = viewer.must_write()
        self._marks.read(viewer.org, user, _ids(decode_body(call.body, ReadBody).endTimeSessionIds))
        return Answer(msgspec.json.encode(DoneBody(200)))

    def mark_as_deleted(self, call: Call) -> Answer:
        """Answer `POST …/userSessions/markAsDeleted`.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer = viewer_of(self._tokens, call.authorization)
        user = viewer.must_write()
        self._marks.delete(viewer.org, user, _ids(decode_body(call.body, DeleteBody).deleteSessionIds))
        return Answer(msgspec.json.encode(DoneBody(200)))

    def lines(self, call: Call, user: str) -> Answer:
        """Answer `GET /v1/uc/config/people/{user}/lines`.

        Raises:
            ApiError: 401, 403.
        """
        viewer = viewer_of(self._tokens, call.authorization)
        org = parse_query(call.query).get("orgId")
        if org not in (None, "", str(viewer.org)):
            raise ApiError(403, "This token is of another organization.")
        devices: dict[str, DeviceBody] = {}
        for line in self._history.lines(viewer.org, viewer.of(user)):
            device = devices.setdefault(line.device, DeviceBody(line.device, line.model, []))
            device.lines.append(LineBody(line.number, line.position, line.label))
        return Answer(msgspec.json.encode(LinesBody(list(devices.values()))))


def _types(query: Mapping[str, str]) -> tuple[str, ...]:
    # Old clients do not send the first; they get all that the user did on lines of their own.
    types = (SPARK,) if read_flag(query, "includeNewSessionTypes") is False else (SPARK, OWN)
    return (*types, SHARED) if read_flag(query, "includeSharedSessions") else types


def _ids(named: Sequence[EndTimeSessionId]) -> list[UUID]:
    return read_ids([each.sessionId for each in named])
