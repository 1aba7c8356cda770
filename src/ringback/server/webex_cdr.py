"""The dialect of `GET /v1/cdr_feed` and `GET /v1/cdr_stream`.

Sources: the developer pages "Reports: Detailed Call History" and "Reports: Live Stream Detailed Call History", and the
older "Get Detailed Call History". Where they disagree or are silent, `docs/cdr-api.md` says what is done and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import quote, urlencode

import msgspec

from ringback.ledger import Ledger, TimeAxis, Window
from ringback.records.values import OddValue, from_milliseconds, read_time, to_milliseconds, to_wire_time
from ringback.server.compress import compressed
from ringback.server.cursor import Cursor, CursorSigner
from ringback.server.errors import ApiError
from ringback.server.exchange import Answer, Call, parse_query, token_of
from ringback.server.limits import RateLimiter, WindowLimits
from ringback.server.tokens import CDR_SCOPE, Token, Tokens
from ringback.settings import Region, Settings

HOSTS: dict[Region, str] = {
    "us": "analytics-calling.webexapis.com",
    "eu": "analytics-calling-eu.webexapis.com",
    "in": "analytics-calling-in.webexapis.com",
    "au": "analytics-calling-au.webexapis.com",
    "gov": "analytics-calling-gov.webexapis.com",
}
"""Where the cloud answers for each region."""

MAX_LOCATIONS = 10
_TIME_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


class Counted(msgspec.Struct, frozen=True):
    """A request of a token with limits. Counting it writes to the store, for which it may have to wait.

    Attributes:
        count: to be called first, where nobody else waits; raises `ApiError` 429 if there were too many.
        answer: then gives the answer.
    """

    count: Callable[[], None]
    answer: Callable[[], Answer]


class CdrDialect:
    """Answers the two endpoints from a ledger. Blocking; to be called in a worker thread."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        tokens: Tokens,
        limiter: RateLimiter,
        signer: CursorSigner,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._tokens = tokens
        self._limiter = limiter
        self._signer = signer
        self._settings = settings
        self._clock = clock

    def feed(self, call: Call) -> Answer | Counted:
        """Answer `GET /v1/cdr_feed`.

        Raises:
            ApiError: with the documented status.
        """
        axis = TimeAxis.START if self._settings.server.feed_time == "start" else TimeAxis.REPORT
        return self._answer(call, "feed", axis)

    def stream(self, call: Call) -> Answer | Counted:
        """Answer `GET /v1/cdr_stream`.

        Raises:
            ApiError: with the documented status.
        """
        return self._answer(call, "stream", TimeAxis.STORED)

    def _answer(self, call: Call, endpoint: str, axis: TimeAxis) -> Answer | Counted:
        token = self._authorize(call.authorization)
        limits = token.limits.feed if endpoint == "feed" else token.limits.stream
        query = parse_query(call.query)
        start, end = _read_wire_time(query, "startTime"), _read_wire_time(query, "endTime")
        window = Window(token.org, axis, to_milliseconds(start), to_milliseconds(end), _read_locations(query))
        page_size = _read_max(query, limits)
        cursor = self._read_cursor(query, call.path, window, page_size)
        now = self._clock()
        if cursor is None:
            _check_window(start, end, limits, now)
        page = partial(self._page, call, window, page_size, cursor)
        kind, allowed = ("page", token.limits.page_requests) if cursor else ("initial", token.limits.initial_requests)
        if allowed is None:
            return page()
        return Counted(partial(self._count_request, token, endpoint, kind, allowed, now), page)

    def _authorize(self, authorization: str) -> Token:
        token = token_of(self._tokens, authorization)
        if CDR_SCOPE not in token.scopes:
            raise ApiError(403, f"The access token lacks the scope {CDR_SCOPE}.")
        org = self._settings.orgs.get(token.org)
        if org is not None and org.region not in (None, self._settings.server.region):
            host = HOSTS[org.region]
            # The cloud has two wordings, and clients look for one of them. Some take the rest of the line as the
            # host, so each wording has a line of its own, and nothing after the host.
            raise ApiError(
                451,
                "The data of this organization is kept in another region, "
                f'so this request should go to URL: "https://{host}"\nPlease use {host}',
            )
        return token

    def _read_cursor(self, query: Mapping[str, str], path: str, window: Window, page_size: int) -> Cursor | None:
        if "cursor" not in query and "startTimeForNextFetch" not in query:
            return None
        org = query.get("orgId", "")
        cursor = self._signer.check(
            query.get("cursor", ""),
            at=_read_count(query, "startTimeForNextFetch"),
            total=_read_count(query, "totalCount"),
            path=path,
            window=window,
            page_size=page_size,
        )
        if cursor is None or org != str(window.org):
            raise ApiError(400, "This is no link to a next page of ours. Follow the Link header just as it was given.")
        return cursor

    def _count_request(self, token: Token, endpoint: str, kind: str, allowed: int, now: datetime) -> None:
        owner = "cdr" if self._settings.server.shared_rate else endpoint
        if wait := self._limiter.take(token.id, f"{owner}:{kind}", allowed, to_milliseconds(now)):
            raise ApiError(
                429,
                f"The request rate exceeds the limit of {allowed} {kind} requests a minute for this token. "
                f"Retry after {wait} seconds.",
                Retry_After=str(wait),
            )

    def _page(self, call: Call, window: Window, page_size: int, cursor: Cursor | None) -> Answer:
        snapshot = self._ledger.newest(window.org) if cursor is None else cursor.snapshot
        begin = None if cursor is None else cursor.position
        page = self._ledger.page(window, snapshot=snapshot, limit=page_size, begin=begin)
        headers = {}
        if page.next is not None:
            total = self._ledger.count(window, snapshot=snapshot) if cursor is None else cursor.total
            following = Cursor(page.next, snapshot, total)
            headers["link"] = f'<{self._next_url(call, window, page_size, following)}>;rel="next"'
        body, encoding = compressed(_body(page.records), call.accept_encoding)
        headers["vary"] = "accept-encoding"
        if encoding:
            headers["content-encoding"] = encoding
        return Answer(body, headers)

    def _next_url(self, call: Call, window: Window, page_size: int, cursor: Cursor) -> str:
        # The documented names in the documented order, times not percent-encoded; then what is ours.
        query = {
            "endTime": to_wire_time(from_milliseconds(window.end)),
            "startTime": to_wire_time(from_milliseconds(window.start)),
            "startTimeForNextFetch": cursor.position.at,
            "totalCount": cursor.total,
            "max": page_size,
            "orgId": window.org,
        }
        if window.locations:
            query["locations"] = ",".join(name.replace(",", "%2C") for name in window.locations)
        query["cursor"] = self._signer.sign(cursor, call.path, window, page_size)
        return f"{call.base_url}{call.path}?{urlencode(query, safe=':', quote_via=quote)}"


def _body(records: Sequence[bytes]) -> bytes:
    """The JSON of a page, put together in one go: each further copy of a megabyte costs half a millisecond."""
    parts = list(records) or [b""]
    parts[0] = b'{"items":[' + parts[0]
    parts[-1] += b"]}"
    return b",".join(parts)


def _read_wire_time(query: Mapping[str, str], name: str) -> datetime:
    text = query.get(name)
    if text is None:
        raise ApiError(400, f"The parameter {name} is required, as YYYY-MM-DDTHH:MM:SS.mmmZ in UTC.")
    try:
        if _TIME_FORM.fullmatch(text):
            return read_time(text)
    except OddValue:
        pass
    raise ApiError(400, f"{name} is {text[:40]!r}, but must be a time in UTC as YYYY-MM-DDTHH:MM:SS.mmmZ.")


def _read_locations(query: Mapping[str, str]) -> tuple[str, ...]:
    text = query.get("locations")
    if text is None:
        return ()
    # A comma within a name arrives as %2C here if the client encoded it twice; a client has no other way to say it.
    names = tuple(name.strip().replace("%2C", ",").replace("%2c", ",") for name in text.split(","))
    if len(names) > MAX_LOCATIONS or "" in names:
        raise ApiError(
            400, f"locations must be 1 to {MAX_LOCATIONS} names as in Control Hub, with commas between them."
        )
    return names


def _read_max(query: Mapping[str, str], limits: WindowLimits) -> int:
    text = query.get("max")
    if text is None:
        return limits.largest_page
    if not re.fullmatch(r"[+-]?\d{1,1000}", text, re.ASCII):
        raise ApiError(400, f"max is {text[:40]!r}, but must be a whole number from 1 to {limits.largest_page}.")
    return min(max(1, int(text)), limits.largest_page)


def _read_count(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else -1


def _check_window(start: datetime, end: datetime, limits: WindowLimits, now: datetime) -> None:
    if end <= start:
        raise ApiError(400, "endTime must be later than startTime.")
    if limits.span is not None and end - start > limits.span:
        raise ApiError(
            400, f"endTime must be no later than {_in_words(limits.span)} after startTime; ask for shorter windows."
        )
    for name, moment in (("startTime", start), ("endTime", end)):
        newest = None if limits.newest is None else now - limits.newest
        oldest = None if limits.oldest is None else now - limits.oldest
        if (newest is not None and moment > newest) or (oldest is not None and moment < oldest):
            raise ApiError(
                400,
                f"{name} must be between {_in_words(limits.newest)} ago and {_in_words(limits.oldest)} ago: "
                f"now from {oldest and to_wire_time(oldest)} to {newest and to_wire_time(newest)}.",
            )


def _in_words(span: timedelta | None) -> str:
    if span is None:
        return "any time"
    minutes = int(span.total_seconds()) // 60
    for unit, size in (("days", 24 * 60), ("hours", 60)):
        if minutes % size == 0 and minutes > size:
            return f"{minutes // size} {unit}"
    return f"{minutes} minutes" if minutes != 1 else "1 minute"
