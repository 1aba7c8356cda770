"""A whole list, page by page, each call log once."""

from __future__ import annotations

import logging
from collections import OrderedDict
from datetime import timedelta
from typing import TypeAlias

import httpx2
import msgspec

from ringback.clients.calllogs.addresses import CDRS, Addresses
from ringback.clients.calllogs.answers import Listed, read_list
from ringback.clients.calllogs.exchange import Exchange, logger
from ringback.clients.calllogs.options import CallLogsOptions
from ringback.clients.calllogs.selection import Wanted, ask_for, check_keywords
from ringback.clients.calllogs.steps import Request, Steps
from ringback.clients.errors import PagingError, UsageError
from ringback.records.errors import NotARecord
from ringback.records.portsip.call_log import CallLog, read_call_log

LARGEST_PAGE = 100
"""The documented largest value of `top`, which is its default as well."""

DEFAULT_ORDER = "started_at asc, id asc"
"""Total, and one in which what is new comes last."""

_LAST_BOUND = timedelta(minutes=5)
"""How long after the call a list ends that has a start and no end, so that it does end. Long enough for clocks that
differ."""

_MAX_EMPTY_PAGES = 100
"""So many pages in a row without anything new, each with a link to another, are taken for a circle."""

_MAX_UNPROVEN = 3
"""So many pages may begin elsewhere than they were asked for, before the server is taken to ignore `skip`. Once or
twice it may be that a whole page of rows came in between."""

_NO_SKIP = (
    "the server seems to ignore skip: it gives the first call logs again and again. "
    "Set dollar in the options, or ask for windows of time, each small enough for one page"
)

_Key: TypeAlias = str | bytes
"""What tells a row from others: its id; of what is no call log, its bytes."""


class Page(msgspec.Struct, frozen=True):
    """Some call logs of a list.

    Attributes:
        items: those that no earlier page had.
        count: how many call logs the whole list has, says the server; None if it does not say.
    """

    items: tuple[CallLog, ...]
    count: int | None


class Pager:
    """Reads one list.

    If the server gives a link to the next page, that is followed: with ringback's it leads on from the last call log,
    whatever comes in meanwhile. Else pages are asked for by the number of rows to skip. Each begins with the last row
    of the one before, to see that nothing was removed before it; if something was, it goes back until it finds a row
    that it knows. So no row that was there from the beginning is passed over, as long as the server keeps to one order.

    Args:
        path: of the list, such as `calllogs`.
        wanted: what is asked for, and how it is to come.

    Raises:
        UsageError: there is no such list.
        TypeError: there is no such keyword.
    """

    def __init__(
        self,
        exchange: Exchange,
        addresses: Addresses,
        path: tuple[str, ...],
        wanted: Wanted,
        options: CallLogsOptions,
    ) -> None:
        check_keywords(wanted, Wanted)
        order, page_size, limit = wanted.get("orderby"), wanted.get("page_size", LARGEST_PAGE), wanted.get("limit")
        if not 1 <= page_size <= LARGEST_PAGE:
            raise UsageError(f"page_size must be 1 to {LARGEST_PAGE}, not {page_size}")
        if limit is not None and limit < 0:
            raise UsageError(f"limit must not be negative, as {limit} is")
        self._exchange = exchange
        self._addresses = addresses
        self._path = path
        self._question = ask_for(wanted, last=options.now() + _LAST_BOUND if order is None else None)
        order = DEFAULT_ORDER if order is None else order
        self._fixed = {"orderby": order} if order else {}
        self._fixed["count"] = "true" if wanted.get("counted", True) else "false"
        self._page_size = page_size
        self._left = limit
        self._on_invalid = wanted.get("on_invalid") or _log_invalid
        self._recent = _Recent(max(options.remember, LARGEST_PAGE))  # or it would not know where it was
        self._begun = False
        self._ended = limit == 0
        self._link: httpx2.URL | None = None
        self._followed: set[str] = set()
        self._nothing_new = 0
        self._reached = 0  # rows that the pages so far have come to, counted from the beginning of the list
        self._before = _Batch({}, None)  # the last page that was asked for by skip
        self._skips = False  # whether `skip` is known to be heeded
        self._unproven = 0

    def next(self) -> Steps[Page | None]:
        """The next page, which has call logs unless it is the first; None after the last, and after an error."""
        if self._ended:
            return None
        self._ended = True  # unless all goes well
        while True:
            batch, last = yield from (self._by_skip() if self._link is None else self._by_link(self._link))
            items = self._new(batch)
            last = last or self._left == 0
            if items or last or not self._begun:
                break
        self._ended = last
        begun, self._begun = self._begun, True
        return Page(items, batch.count) if items or not begun else None

    def _by_link(self, link: httpx2.URL) -> Steps[tuple[_Batch, bool]]:
        """A page, and whether it is the last."""
        batch = yield from self._fetch(link)
        return batch, self._link is None

    def _by_skip(self) -> Steps[tuple[_Batch, bool]]:
        """A page, and whether it is the last."""
        overlap = 1 if self._reached else 0
        skip = self._reached - overlap
        top = self._top(overlap)
        while True:
            batch = yield from self._fetch(self._url(skip, top))
            if self._link is not None:
                return batch, False
            if skip == 0:
                break
            self._check_skip(batch)
            if self._joins(batch):
                break
            logger.info("rows were removed from the list meanwhile: going back to where it is known")
            skip = max(0, skip - self._page_size)
        last = _is_last(batch, skip, top, overlap)
        if last and skip and not self._skips:
            raise PagingError(_NO_SKIP)
        self._before = batch
        self._reached = skip + len(batch.rows)
        return batch, last

    def _fetch(self, url: httpx2.URL) -> Steps[_Batch]:
        # PortSIP's reference asks for CDRs by GET, its guide by POST.
        request = Request(method="GET", url=url, or_post=self._path == CDRS)
        listed = yield from self._exchange.fetch(request, read_list)
        self._link = None
        if listed.following is not None:
            self._link = self._addresses.follow(url, listed.following)
            if str(self._link) in self._followed:
                raise PagingError("the links to next pages go round in a circle: one of them came before")
            self._followed.add(str(self._link))
        return _batch(listed)

    def _url(self, skip: int, top: int) -> httpx2.URL:
        place = {"top": str(top)} | ({"skip": str(skip)} if skip else {})
        return self._addresses.of_list(self._path, self._question.parameters | self._fixed | place)

    def _top(self, overlap: int) -> int:
        wanted = self._page_size if self._left is None else min(self._page_size, self._left)
        return min(wanted + overlap, LARGEST_PAGE)

    def _joins(self, batch: _Batch) -> bool:
        """Whether a page begins where the list is known. What is no call log says so only at the place where it was."""
        first = batch.first
        return first in self._recent if isinstance(batch.rows.get(first), CallLog) else first == self._before.last

    def _check_skip(self, batch: _Batch) -> None:
        """See that a page begins with a row of the one before it, but not with its first. Once that was so, `skip` is
        known to be heeded, and a page that begins elsewhere is due to rows that came or went.

        Raises:
            PagingError: it was not so for several pages.
        """
        before = self._before
        self._skips = self._skips or (isinstance(before.rows.get(batch.first), CallLog) and batch.first != before.first)
        self._unproven += not self._skips
        if self._unproven == _MAX_UNPROVEN:
            raise PagingError(_NO_SKIP)

    def _new(self, batch: _Batch) -> tuple[CallLog, ...]:
        """The call logs of a page that did not come before, as many as are wanted."""
        items: list[CallLog] = []
        for key, row in batch.rows.items():
            if not self._recent.add(key):
                continue
            if isinstance(row, _Invalid):
                self._on_invalid(row.raw, row.error)
            else:
                self._question.check(row)
                items.append(row)
        if self._left is not None:
            del items[self._left :]
            self._left -= len(items)
        self._nothing_new = 0 if items else self._nothing_new + 1
        if self._nothing_new > _MAX_EMPTY_PAGES:
            raise PagingError(f"the server gave {self._nothing_new} pages in a row without anything new")
        return tuple(items)


class _Invalid(msgspec.Struct, frozen=True):
    """A row that is no call log. Like the others it is told once, and known again by its bytes."""

    raw: bytes
    error: Exception


class _Recent:
    """The rows that came last.

    Args:
        capacity: how many are remembered.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._keys: OrderedDict[_Key, None] = OrderedDict()

    def __contains__(self, key: _Key) -> bool:
        return key in self._keys

    def add(self, key: _Key) -> bool:
        """Whether it is new, as far as one remembers."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._capacity:
            self._keys.popitem(last=False)
        return True


class _Batch(msgspec.Struct, frozen=True):
    """A page as it was read. A row that is there twice is there once.

    Attributes:
        rows: in the order of the page.
        count: how many rows the whole list has, if the server says it.
    """

    rows: dict[_Key, CallLog | _Invalid]
    count: int | None

    @property
    def first(self) -> _Key:
        """The first row; blank if there is none."""
        return next(iter(self.rows), "")

    @property
    def last(self) -> _Key:
        """The last row; blank if there is none."""
        return next(reversed(self.rows), "")


def _batch(listed: Listed) -> _Batch:
    rows: dict[_Key, CallLog | _Invalid] = {}
    for part in listed.parts:
        try:
            log = read_call_log(part)
            rows[log.id] = log
        except NotARecord as error:
            rows[part] = _Invalid(part, error)
    return _Batch(rows, listed.count)


def _is_last(batch: _Batch, skip: int, top: int, overlap: int) -> bool:
    """Whether nothing comes after a page.

    That a page is not full does not say so by itself, since the server may not give as many rows at once as it was
    asked for; nor does the count, since it may be that of the page, or `skip` may be ignored. Together they do.
    """
    if len(batch.rows) <= overlap:
        return True
    logs = sum(isinstance(row, CallLog) for row in batch.rows.values())
    return len(batch.rows) < top and batch.count is not None and skip + logs >= batch.count


def _log_invalid(raw: bytes, error: Exception) -> None:
    # Not the bytes: they may be personal data.
    logger.log(logging.WARNING, "an item of %d bytes in a list is no call log: %s", len(raw), error)
