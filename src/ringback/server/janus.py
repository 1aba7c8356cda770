"""The dialect of the Webex user call history, as the calling SDK for JavaScript speaks it.

Sources: the page "Call History" of the Webex calling SDK, and what the published client sends and reads; the service
itself has no public documentation. `docs/history-api.md` says what is done where these are silent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar
from uuid import UUID

import msgspec

from ringback.projections.sessions.marks import MAX_AT_ONCE, Marks
from ringback.projections.sessions.query import CallHistory, Filter
from ringback.projections.sessions.rules import OWN, SHARED, SPARK
from ringback.projections.sessions.wire import PATH, user_session
from ringback.records.user_session import UserSession
from ringback.records.values import OddValue, read_time, to_milliseconds
from ringback.server.compress import compressed
from ringback.server.errors import ApiError
from ringback.server.exchange import Answer, Call, parse_query
from ringback.server.tokens import Tokens
from ringback.server.viewers import viewer_of

BASE = "/janus/api/v1"
SESSIONS = f"{BASE}/{PATH}"
MAX_LIMIT = 1000
DEFAULT_LIMIT = 50

T = TypeVar("T")


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


class JanusDialect:
    """Answers from the sessions. Blocking; to be called in a worker thread."""

    def __init__(self, tokens: Tokens, history: CallHistory, marks: Marks) -> None:
        self._tokens = tokens
        self._history = history
        self._marks = marks

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


def answer(body: bytes, call: Call, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a JSON body, compressed if the client takes that. It is the user's own: nobody may cache it."""
    body, encoding = compressed(body, call.accept_encoding)
    given = {"vary": "accept-encoding", "cache-control": "no-store", **(headers or {})}
    if encoding:
        given["content-encoding"] = encoding
    return Answer(body, given)


def decode_body(body: bytes, into: type[T]) -> T:
    """What was sent, as JSON.

    Raises:
        ApiError: 400, it is not what is expected; the message says where.
    """
    try:
        return msgspec.json.decode(body, type=into)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, f"The body of the request is not what it must be: {error}.") from error


def read_moment(query: Mapping[str, str], name: str, *, required: bool = False) -> int | None:
    """A time of a query, in milliseconds since 1970; None if it is not given.

    Raises:
        ApiError: 400, it is no time, or it is required.
    """
    text = query.get(name)
    if text is None:
        if required:
            raise ApiError(400, f"The parameter {name} is required: a time such as 2026-01-01T10:45:21.565Z.")
        return None
    try:
        return to_milliseconds(read_time(text))
    except OddValue as error:
        raise ApiError(400, f"{name} is {text[:40]!r}, but must be a time such as 2026-01-01T10:45:21.565Z.") from error


def read_limit(query: Mapping[str, str]) -> int:
    """How many sessions are wanted at most.

    Raises:
        ApiError: 400, it is none, or too many.
    """
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= MAX_LIMIT):
        raise ApiError(400, f"limit is {text[:40]!r}, but must be a whole number from 0 to {MAX_LIMIT}.")
    return int(text)


def read_choice(query: Mapping[str, str], name: str, default: str, choices: Sequence[str]) -> str:
    """One of some words, in any case.

    Raises:
        ApiError: 400, it is none of them.
    """
    text = query.get(name, default).upper()
    if text not in choices:
        raise ApiError(400, f"{name} is {text[:40]!r}, but must be one of {', '.join(choices)}.")
    return text


def read_flag(query: Mapping[str, str], name: str) -> bool | None:
    """true or false; None if it is not given.

    Raises:
        ApiError: 400, it is something else.
    """
    if name not in query:
        return None
    return read_choice(query, name, "", ("TRUE", "FALSE")) == "TRUE"


def _types(query: Mapping[str, str]) -> tuple[str, ...]:
    # Old clients do not send the first; they get all that the user did on lines of their own.
    types = (SPARK,) if read_flag(query, "includeNewSessionTypes") is False else (SPARK, OWN)
    return (*types, SHARED) if read_flag(query, "includeSharedSessions") else types


def read_ids(texts: Sequence[str]) -> list[UUID]:
    """Ids of sessions. What is no id of ours names no session.

    Raises:
        ApiError: 400, too many.
    """
    if len(texts) > MAX_AT_ONCE:
        raise ApiError(400, f"There are {len(texts)} sessions in the list; one request may name {MAX_AT_ONCE}.")
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _ids(named: Sequence[EndTimeSessionId]) -> list[UUID]:
    return read_ids([each.sessionId for each in named])
