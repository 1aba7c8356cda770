"""A whole window: slices, pages, and the records of each."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import msgspec

from ringback.clients.errors import PagingError
from ringback.clients.fetch import Fetcher, logger
from ringback.clients.hosts import Hosts
from ringback.clients.links import next_target, total_count
from ringback.clients.pace import Pace, RequestKind
from ringback.clients.pages import OnInvalid, Recent
from ringback.clients.steps import OnProgress, Options, Records, Steps, Totals
from ringback.clients.times import check_slicing, cut
from ringback.records.values import to_wire_time

_MAX_EMPTY_PAGES = 100
"""So many empty pages in a row, each with a link to another, are taken for a circle."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        base: scheme, host, and what stands before the path of the API.
        stream: whether the stream is asked, not the feed.
        start, end: aware times.
        parameters: further ones of the query, such as `max`.
    """

    base: httpx2.URL
    stream: bool
    start: datetime
    end: datetime
    parameters: dict[str, Any]


class Reader:
    """Reads one window.

    Args:
        pace, hosts: of the session.
        on_invalid: gets what is no record; if it is None, that is logged.
        on_progress: gets the totals.

    Raises:
        UsageError: the slices of the options are no slices.
    """

    def __init__(
        self,
        window: Window,
        options: Options,
        pace: Pace,
        hosts: Hosts,
        *,
        on_invalid: OnInvalid | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        span = options.stream_span if window.stream else options.feed_span
        check_slicing(span, options.overlap)
        self._window = window
        self._hosts = hosts
        self._on_invalid = on_invalid or _log_invalid
        self._on_progress = on_progress
        self._slices = list(cut(window.start, window.end, span, options.overlap))
        self._totals = Totals(slices=len(self._slices))
        self._fetcher = Fetcher(options, pace, hosts, self._totals)
        self._recent = Recent(options.remember)

    def steps(self) -> Steps:
        """The steps that read the window, oldest slice first."""
        for start, end in self._slices:
            yield from self._read_slice(start, end)
            self._totals.slices_done += 1
        self._totals.complete = True
        self._report()

    def _read_slice(self, start: datetime, end: datetime) -> Steps:
        url = self._first_url(start, end)
        kind = RequestKind.INITIAL
        seen = set()
        empty = came = 0
        announced: int | None = None
        while True:
            seen.add(str(url))
            fetched = yield from self._fetcher.fetch(url, kind)
            for records in self._recent.records(fetched.items, self._invalid):
                self._totals.records += len(records)
                yield Records(records)
            came += len(fetched.items.parts)
            self._count_page()
            target = next_target(fetched.answer.headers.get("link", ""))
            if target is None:
                break
            url = self._hosts.follow(fetched.url, target)
            announced = announced if (total := total_count(url)) is None else total
            empty = 0 if fetched.items.parts else empty + 1
            if str(url) in seen or empty > _MAX_EMPTY_PAGES:
                raise PagingError(
                    f"the pages of {start.isoformat()} to {end.isoformat()} go round in a circle: after "
                    f"{len(seen)} pages the server gave "
                    + (
                        f"{empty} empty ones in a row"
                        if empty > _MAX_EMPTY_PAGES
                        else "a link that was followed before"
                    )
                )
            kind = RequestKind.NEXT
        self._check_total(start, end, announced, came)

    def _first_url(self, start: datetime, end: datetime) -> httpx2.URL:
        base = self._hosts.current(self._window.base)
        path = f"{base.path.rstrip('/')}/v1/{'cdr_stream' if self._window.stream else 'cdr_feed'}"
        query = self._window.parameters | {"startTime": to_wire_time(start), "endTime": to_wire_time(end)}
        return base.copy_with(path=path, query=urlencode(query, doseq=True, safe=":,", quote_via=quote).encode("ascii"))

    def _count_page(self) -> None:
        self._totals.pages += 1
        self._totals.repeated = self._recent.repeated
        self._totals.revised = self._recent.revised
        self._report()

    def _report(self) -> None:
        if self._on_progress:
            self._on_progress(msgspec.structs.replace(self._totals))

    def _invalid(self, raw: bytes, error: Exception) -> None:
        self._totals.invalid += 1
        self._on_invalid(raw, error)

    def _check_total(self, start: datetime, end: datetime, announced: int | None, came: int) -> None:
        if announced is None:
            return
        self._totals.total_count = (self._totals.total_count or 0) + announced
        if came < announced:
            self._totals.missing += announced - came
            logger.warning("the server announced %d records from %s to %s, but %d came", announced, start, end, came)


def _log_invalid(raw: bytes, error: Exception) -> None:
    # Not the bytes: they may be personal data.
    logger.log(logging.WARNING, "an item of %d bytes in a page is no record: %s", len(raw), error)
