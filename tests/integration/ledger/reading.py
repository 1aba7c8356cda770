"""How tests of the ledger read a window: page by page, as a client would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from factories import NOON, ORG
from ringback.ledger import Ledger, Position, TimeAxis, Window
from ringback.records.values import to_milliseconds

ALL_TIME = (0, 2**53)
NOON_MS = to_milliseconds(NOON)


def after_noon(milliseconds: int) -> datetime:
    """The moment that many milliseconds after noon."""
    return NOON + timedelta(milliseconds=milliseconds)


def window(
    start: int = ALL_TIME[0],
    end: int = ALL_TIME[1],
    *,
    axis: TimeAxis = TimeAxis.REPORT,
    locations: tuple[str, ...] = (),
    org: UUID = ORG,
) -> Window:
    """A window of all times by Report time, unless told otherwise."""
    return Window(org, axis, start, end, locations)


def page_through(
    ledger: Ledger,
    of: Window,
    *,
    snapshot: int | None = None,
    limit: int = 1000,
    between: Callable[[], object] = lambda: None,
    as_came: bool = True,
) -> list[list[bytes]]:
    """All pages of a window at a snapshot (the newest if None); `between` is called after each page."""
    at = ledger.newest(of.org) if snapshot is None else snapshot
    pages: list[list[bytes]] = []
    begin: Position | None = None
    while True:
        page = ledger.page(of, snapshot=at, limit=limit, begin=begin, as_came=as_came)
        pages.append(list(page.records))
        if page.next is None:
            return pages
        assert page.records, "an empty page with a next one would send a client round in circles"
        assert begin is None or page.next > begin
        begin = page.next
        between()


def read_all(
    ledger: Ledger, of: Window | None = None, *, snapshot: int | None = None, limit: int = 1000
) -> list[bytes]:
    """The records of a window, in its order, as they came."""
    pages = page_through(ledger, of or window(), snapshot=snapshot, limit=limit)
    return [raw for page in pages for raw in page]


def ids(records: Sequence[bytes]) -> list[str]:
    """The Report IDs of records."""
    return [str(msgspec.json.decode(raw)["Report ID"]) for raw in records]
