"""Our own paths to the user call history, for what the Webex service has no words for: pages, filters, export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import msgspec

from ringback.projections.sessions.query import Filter, Place
from ringback.projections.sessions.rules import OWN, SPARK
from ringback.projections.sessions.wire import Entry, user_session
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
from ringback.server.janus import BASE, SessionsDialect
from ringback.server.places import place_text, read_place
from ringback.server.sheets import cell
from ringback.server.viewers import Viewer, viewer_of

DISPOSITIONS = ("ANSWERED", "CANCELED", "INITIATED", "MISSED", "REJECTED")
DIRECTIONS = ("INCOMING", "OUTGOING")
_MAX_TEXT = 100
_EXPORT_LINES = 500
_COLUMNS = (
    *("sessionId", "startTime", "endTime", "direction", "disposition", "sessionType", "durationSeconds"),
    *("name", "number", "redirectedBy", "isRead", "isDeleted"),
)


class HistoryPage(msgspec.Struct):
    """Some sessions in the order that was asked for. If there are more, the header Link leads to them."""

    items: list[UserSession]
    hasMore: bool


class UnreadBody(msgspec.Struct):
    """How many missed calls are unread."""

    unread: int


class ChangedBody(msgspec.Struct):
    """How many sessions a request has changed."""

    changed: int


class SessionIds(msgspec.Struct):
    """Names sessions."""

    sessionIds: list[str]


class HistoryDialect(SessionsDialect):
    """Our own paths."""

    def sessions(self, call: Call) -> Answer:
        """Answer `GET /v1/history/sessions`.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer, query = self._asked(call)
        oldest_first = read_choice(query, "sort", "DESC", ("ASC", "DESC")) == "ASC"
        limit = read_limit(query)
        if not limit:
            raise ApiError(400, "limit is 0, but a page has 1 session at least.")
        found = self._history.page(
            viewer.org,
            viewer.of(query.get("user")),
            _filter(query),
            limit,
            oldest_first=oldest_first,
            begin=_place(query),
        )
        base = call.base_url + BASE
        body = HistoryPage([user_session(entry, base) for entry in found.entries], found.next is not None)
        headers = {}
        if found.next is not None:
            following = urlencode({**query, "cursor": place_text(found.next.end_at, found.next.id)})
            headers["link"] = f'<{call.base_url}{call.path}?{following}>;rel="next"'
        return answer(msgspec.json.encode(body), call, headers)

    def session(self, call: Call, session: str) -> Answer:
        """Answer `GET /v1/history/sessions/{id}`.

        Raises:
            ApiError: 400, 401, 403, 404.
        """
        viewer, _ = self._asked(call)
        ids = read_ids([session])
        entry = self._history.one(viewer.org, ids[0]) if ids else None
        if entry is None or viewer.user not in (None, entry.user) or (viewer.user and entry.deleted_at is not None):
            raise ApiError(404, "There is no such session in the history that this token may see.")
        return answer(msgspec.json.encode(user_session(entry, call.base_url + BASE)), call)

    def unread(self, call: Call) -> Answer:
        """Answer `GET /v1/history/unread`.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer, query = self._asked(call)
        types = (SPARK, OWN) if read_flag(query, "includeShared") is False else ()
        count = self._history.unread(viewer.org, viewer.of(query.get("user")), types)
        return answer(msgspec.json.encode(UnreadBody(count)), call)

    def read_all(self, call: Call) -> Iterator[int]:
        """Do `POST /v1/history/readAll` in steps, one commit each; gives how many sessions each has changed.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer, query = self._asked(call)
        user = viewer.must_write()
        until = read_moment(query, "until")
        while changed := self._marks.read_some(viewer.org, user, until):
            yield changed

    def changed(self, call: Call, sessions: int) -> Answer:
        """What is answered when so many sessions were changed."""
        return answer(msgspec.json.encode(ChangedBody(sessions)), call)

    def restore(self, call: Call) -> Answer:
        """Answer `POST /v1/history/restore`.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer, _ = self._asked(call)
        user = viewer.must_write()
        changed = self._marks.restore(viewer.org, user, read_ids(decode_body(call.body, SessionIds).sessionIds))
        return self.changed(call, changed)

    def export(self, call: Call) -> tuple[str, Iterator[bytes]]:
        """Answer `GET /v1/history/export`: the media type, and the body piece by piece.

        Raises:
            ApiError: 400, 401, 403. None after the first piece.
        """
        viewer, query = self._asked(call)
        entries = self._history.all(viewer.org, viewer.of(query.get("user")), _filter(query))
        if "text/csv" in call.accept:
            return "text/csv", _csv(entries)
        return "application/x-ndjson", _ndjson(entries, call.base_url + BASE)

    def _asked(self, call: Call) -> tuple[Viewer, dict[str, str]]:
        return viewer_of(self._tokens, call.authorization), parse_query(call.query)


def _filter(query: Mapping[str, str]) -> Filter:
    direction = read_choice(query, "direction", "", ("", *DIRECTIONS))
    disposition = read_choice(query, "disposition", "", ("", *DISPOSITIONS))
    number, text = query.get("number", ""), query.get("text", "")
    if len(number) > _MAX_TEXT or len(text) > _MAX_TEXT or "\0" in text:
        raise ApiError(400, f"number and text have {_MAX_TEXT} characters at most, and none of them is NUL.")
    if number and not any(character.isdigit() for character in number):
        raise ApiError(400, "number has no digit in it. To look for a name, use text.")
    deleted = read_choice(query, "deleted", "FALSE", ("FALSE", "TRUE", "ANY"))
    return Filter(
        since=read_moment(query, "from"),
        until=read_moment(query, "to"),
        types=() if read_flag(query, "includeShared") is not False else (SPARK, OWN),
        direction=direction,
        disposition=disposition,
        number=number,
        text=text,
        deleted={"FALSE": False, "TRUE": True, "ANY": None}[deleted],
        unread=bool(read_flag(query, "unread")),
    )


def _place(query: Mapping[str, str]) -> Place | None:
    """Where a page begins."""
    return Place(*read_place(query["cursor"])) if "cursor" in query else None


def _ndjson(entries: Iterator[Entry], base: str) -> Iterator[bytes]:
    lines: list[bytes] = []
    for entry in entries:
        lines.append(msgspec.json.encode(user_session(entry, base)) + b"\n")
        if len(lines) == _EXPORT_LINES:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)


def _csv(entries: Iterator[Entry]) -> Iterator[bytes]:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    for number, entry in enumerate(entries, 1):
        rows.writerow(_row(entry))
        if number % _EXPORT_LINES == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _row(entry: Entry) -> tuple[str, ...]:
    session = user_session(entry)
    redirection = entry.details.redirection
    return (
        session.sessionId,
        session.startTime,
        session.endTime,
        session.direction,
        session.disposition,
        session.sessionType,
        str(session.durationSeconds),
        cell(session.other.name or ""),
        cell(session.other.phoneNumber or session.other.callbackAddress),
        cell(redirection.by.name if redirection else ""),
        str(session.isRead).lower(),
        str(session.isDeleted).lower(),
    )
