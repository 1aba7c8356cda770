"""Our own paths to whole calls, to what has changed among them, and to the records they are made of."""

from __future__ import annotations

import base64
import csv
import io
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, get_args
from urllib.parse import quote, urlencode
from uuid import UUID

import msgspec

from ringback.ledger.contract import Ledger
from ringback.projections.calls.feed import CallChange, ChangeFeed, Mark, StartAgain
from ringback.projections.calls.query import Calls, Filter, Page, Place, WholeCall
from ringback.projections.calls.rows import TermKind, term
from ringback.projections.calls.story.model import Direction, Outcome
from ringback.projections.calls.wire import CallBody, call_body, time_text
from ringback.projections.numbers import Numbers
from ringback.projections.sessions.projection import timed_legs
from ringback.records.leg import Leg
from ringback.records.values import to_wire_time, user_key
from ringback.server.errors import ApiError
from ringback.server.exchange import (
    Answer,
    Call,
    answer,
    parse_query,
    read_flag,
    read_ids,
    read_limit,
    read_moment,
)
from ringback.server.places import place_text, read_place
from ringback.server.sheets import cell
from ringback.server.tokens import Tokens
from ringback.server.viewers import Viewer, viewer_of
from ringback.store import TookTooLong

CALLS = "/v1/calls"
DIRECTIONS: tuple[str, ...] = get_args(Direction)
OUTCOMES: tuple[str, ...] = get_args(Outcome)
MAX_TEXT = 100
"""Characters of a text to look for."""

_TOKEN = struct.Struct(">16sQQ")
_UNSET = Leg(org="", record_id="", side=None)
_MAX_VALUE = 256
_MAX_DIGITS = 9
_TERMS = {
    "user": TermKind.USER,
    "location": TermKind.LOCATION,
    "department": TermKind.DEPARTMENT,
    "queue": TermKind.QUEUE,
    "trunk": TermKind.TRUNK,
    "country": TermKind.COUNTRY,
}
_COLUMNS = (
    *("id", "start", "end", "direction", "outcome", "caller", "caller_number", "dialed"),
    *("final_party", "final_party_number", "answered_by_person"),
    *("talk_seconds", "ring_seconds", "hold_seconds", "queue_seconds", "sentence"),
)


class CallsPage(msgspec.Struct, kw_only=True):
    """Some calls, the newest first. `next` is the cursor of the next page, to which the header Link leads as well."""

    items: list[CallBody]
    has_more: bool
    next: str | None
    count: int | msgspec.UnsetType = msgspec.UNSET


class CallWithLegs(CallBody, frozen=True, kw_only=True):
    """A call with the legs that its records tell of: of each the values that are set."""

    legs: list[dict[str, str | int | bool]]


class RevisionBody(msgspec.Struct, kw_only=True):
    """A version of a record: its bytes as they came, and what replaced it."""

    sequence: int
    stored: str
    superseded_by: int | None
    raw: Any


class RecordBody(msgspec.Struct, kw_only=True):
    """A record, the id of the call that it is in, and all its versions, the current one first."""

    id: str
    call: str | None
    revisions: list[RevisionBody]


class ChangeBody(msgspec.Struct, kw_only=True):
    """A call that has changed."""

    change: str
    id: str
    into: str | msgspec.UnsetType = msgspec.UNSET
    call: CallBody | msgspec.UnsetType = msgspec.UNSET


class ChangesPage(msgspec.Struct, kw_only=True):
    """Some changes in their order, and the token to go on with."""

    items: list[ChangeBody]
    token: str
    has_more: bool


class Moved(msgspec.Struct, frozen=True):
    """A call is part of another one now: the address of that."""

    location: str


class CallsDialect:
    """Answers requests for calls. Blocking; to be called in a worker thread."""

    def __init__(self, tokens: Tokens, calls: Calls, feed: ChangeFeed, ledger: Ledger, numbers: Numbers) -> None:
        """
        Args:
            numbers: how numbers are read; as for the projection that made the calls.
        """
        self._tokens = tokens
        self._calls = calls
        self._feed = feed
        self._ledger = ledger
        self._numbers = numbers

    def calls(self, call: Call) -> Answer:
        """Answer `GET /v1/calls`: all calls of the org, or for a user those in which that user took part.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer = viewer_of(self._tokens, call.authorization)
        return self._list(call, viewer, viewer.user)

    def calls_of(self, call: Call, user: str) -> Answer:
        """Answer `GET /v1/users/{id}/calls`.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer = viewer_of(self._tokens, call.authorization)
        return self._list(call, viewer, viewer.of(user))

    def call(self, call: Call, id: str) -> Answer | Moved:
        """Answer `GET /v1/calls/{id}`.

        Raises:
            ApiError: 400, 401, 403, 404.
        """
        viewer, _ = self._asked(call)
        ids = read_ids([id])
        found = self._calls.one(viewer.org, ids[0]) if ids else None
        if found is None or (viewer.user is not None and term(TermKind.USER, viewer.user) not in found.terms):
            raise ApiError(404, "There is no such call among those that this token may see.")
        if found.id != ids[0]:
            return Moved(f"{call.base_url}{CALLS}/{found.id}")
        legs = [_leg(leg) for leg in self._legs(viewer, found)]
        return answer(msgspec.json.encode(CallWithLegs(**msgspec.structs.asdict(call_body(found)), legs=legs)), call)

    def record(self, call: Call, id: str) -> Answer:
        """Answer `GET /v1/records/{id}`.

        Raises:
            ApiError: 400, 401, 403, 404.
        """
        viewer, _ = self._asked(call)
        _must_see_all(viewer)
        versions = self._ledger.versions(viewer.org, id)
        if not versions:
            raise ApiError(404, "There is no record with this id.")
        first = min(versions, key=lambda each: each.sequence)
        its_call = self._calls.of_record(viewer.org, id, first.record.start_at or 0)
        revisions = [
            RevisionBody(
                sequence=each.sequence,
                stored=time_text(each.stored_at),
                superseded_by=each.superseded_by,
                raw=msgspec.Raw(each.record.raw),
            )
            for each in versions
        ]
        body = RecordBody(id=id, call=None if its_call is None else str(its_call), revisions=revisions)
        return answer(msgspec.json.encode(body), call)

    def changes(self, call: Call) -> Answer:
        """Answer `GET /v1/changes`.

        Raises:
            ApiError: 400, 401, 403, 410.
        """
        viewer, query = self._asked(call)
        _must_see_all(viewer)
        limit = _limit(query)
        try:
            since = _mark(query["since"]) if "since" in query else None
            found = self._feed.read(viewer.org, since, limit)
        except StartAgain as error:
            raise ApiError(
                410,
                "What has changed since this token cannot be told. Start again: forget all calls you have, "
                "and ask without a token.",
            ) from error
        items = [_change(each) for each in found.items]
        body = ChangesPage(items=items, token=_token(found.mark), has_more=found.more)
        return answer(msgspec.json.encode(body), call)

    def _asked(self, call: Call) -> tuple[Viewer, dict[str, str]]:
        return viewer_of(self._tokens, call.authorization), parse_query(call.query)

    def _list(self, call: Call, viewer: Viewer, user: str | None) -> Answer:
        query = parse_query(call.query)
        wanted = self._filter(query, user)
        begin = Place(*read_place(query["cursor"])) if "cursor" in query else None
        found = self._calls.page(viewer.org, wanted, _limit(query), begin)
        following = None if found.next is None else place_text(found.next.start_at, found.next.id)
        headers = {"vary": "accept, accept-encoding"}
        if following is not None:
            link = urlencode({**query, "cursor": following})
            headers["link"] = f'<{call.base_url}{quote(call.path)}?{link}>;rel="next"'
        if "text/csv" in call.accept:
            return answer(_csv(found), call, {**headers, "content-type": "text/csv; charset=utf-8"})
        page = CallsPage(
            items=[call_body(each) for each in found.calls], has_more=following is not None, next=following
        )
        if read_flag(query, "count"):
            page.count = self._count(viewer.org, wanted)
        return answer(msgspec.json.encode(page), call, headers)

    def _count(self, org: UUID, wanted: Filter) -> int:
        try:
            return self._calls.count(org, wanted)
        except TookTooLong as error:
            raise ApiError(
                400, "It takes too long to count these calls. Narrow them with from and to, or leave count out."
            ) from error

    def _filter(self, query: Mapping[str, str], user: str | None) -> Filter:
        terms = [] if user is None else [term(TermKind.USER, user)]
        for name, kind in _TERMS.items():
            if value := _value(query, name, _MAX_VALUE):
                is_user = kind is TermKind.USER or (kind is TermKind.QUEUE and read_ids([value]))
                terms.append(term(kind, user_key(value) if is_user else value))
        if number := _value(query, "number", MAX_TEXT):
            # A plus that was not encoded comes as a blank.
            key = self._numbers.key(f"+{number[1:]}" if number.startswith(" ") else number)
            if not key:
                raise ApiError(400, f"number is {number[:40]!r}, but must be a telephone number. For a name, use text.")
            terms.append(term(TermKind.NUMBER, key))
        return Filter(
            since=read_moment(query, "from"),
            until=read_moment(query, "to"),
            terms=tuple(terms),
            direction=_word(query, "direction", DIRECTIONS),
            outcome=_word(query, "outcome", OUTCOMES),
            shortest=_seconds(query, "min_duration"),
            longest=_seconds(query, "max_duration"),
            text=_value(query, "text", MAX_TEXT),
        )

    def _legs(self, viewer: Viewer, call: WholeCall) -> Iterator[Leg]:
        """The legs of a call in the order of its records; for a user only that user's own."""
        ids = call.story.report_ids
        stored = {each.record.record_id: each for each in self._ledger.current(viewer.org, ids)}
        for record_id in ids:
            if record_id in stored:
                yield from (leg for leg in timed_legs(stored[record_id]) if viewer.user in (None, leg.user_id))


def _must_see_all(viewer: Viewer) -> None:
    if viewer.user is not None:
        raise ApiError(403, "This needs a token of an administrator: a user sees calls only.")


def _limit(query: Mapping[str, str]) -> int:
    limit = read_limit(query)
    if not limit:
        raise ApiError(400, "limit is 0, but a page has 1 item at least.")
    return limit


def _value(query: Mapping[str, str], name: str, longest: int) -> str:
    text = query.get(name, "")
    if len(text) > longest or "\0" in text:
        raise ApiError(400, f"{name} has {longest} characters at most, and none of them is NUL.")
    return text


def _word(query: Mapping[str, str], name: str, words: Sequence[str]) -> str:
    text = query.get(name, "")
    if text and text not in words:
        raise ApiError(400, f"{name} is {text[:40]!r}, but must be one of {', '.join(words)}.")
    return text


def _seconds(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise ApiError(400, f"{name} is {text[:40]!r}, but must be a whole number of seconds, 0 or more.")
    return int(text)


def _leg(leg: Leg) -> dict[str, str | int | bool]:
    """What is set of a leg. The org is that of the call."""
    return {
        name: to_wire_time(value) if isinstance(value, datetime) else value
        for name, value in msgspec.structs.asdict(leg).items()
        if name != "org" and value is not getattr(_UNSET, name)
    }


def _change(change: CallChange) -> ChangeBody:
    return ChangeBody(
        change=change.kind,
        id=str(change.id),
        into=msgspec.UNSET if change.into is None else str(change.into),
        call=msgspec.UNSET if change.call is None else call_body(change.call),
    )


def _token(mark: Mark) -> str:
    raw = _TOKEN.pack(mark.made.bytes, mark.position, mark.begun)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _mark(token: str) -> Mark:
    """What a token says. Of a made-up one nothing is told, as of one of another org: the mark is none of its tables."""
    try:
        made, position, begun = _TOKEN.unpack(base64.b64decode(f"{token}=", altchars=b"-_", validate=True))
    except (ValueError, struct.error) as error:
        raise StartAgain from error
    return Mark(UUID(bytes=made), position, begun)


def _csv(page: Page) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    rows.writerows(_row(call) for call in page.calls)
    return text.getvalue().encode()


def _row(call: WholeCall) -> Sequence[str | int]:
    story = call.story
    final = story.final_party
    return (
        str(call.id),
        time_text(story.start),
        time_text(story.end),
        story.direction,
        story.outcome,
        cell(story.first_caller.name),
        cell(story.first_caller.number),
        cell(story.dialed),
        cell(final.name if final else ""),
        cell(final.number if final else ""),
        str(story.answered_by_person).lower(),
        story.talk_seconds,
        story.ring_seconds,
        story.hold_seconds,
        story.queue_seconds,
        cell(story.sentence),
    )
