"""Pages of a window: which records, and where the next page begins."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from random import Random
from urllib.parse import quote, urlencode
from uuid import UUID

import msgspec

from ringback.simulator.clock import iso
from ringback.simulator.cloud.archive import Archive, Window
from ringback.simulator.cloud.options import Behaviour
from ringback.simulator.cloud.query import Query


class Place(msgspec.Struct, frozen=True):
    """Where a page begins: a time in milliseconds, and how many records of that time were sent before."""

    begin: int
    skip: int = 0


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page.

    Attributes:
        records: their bytes.
        here: where it begins.
        next: where the next one begins; None if it is the last.
        total: records in the whole window, as counted at its first page.
        known: the moment at which the window is read.
    """

    records: list[bytes]
    here: Place
    next: Place | None
    total: int
    known: int


def make_page(archive: Archive, query: Query, behaviour: Behaviour, known: int) -> Page:
    """The page that a query asks for.

    Args:
        known: what was inserted until then can be given out, in milliseconds.
    """
    if query.known is not None:
        known = query.known
    axis = "inserted" if query.endpoint == "stream" else behaviour.feed_time
    window = Window(axis=axis, start=query.start, end=query.end, bounds=behaviour.bounds, locations=query.locations)
    entries = archive.select(window, known)
    times = archive.times(axis)
    first = 0
    if query.begin is not None:
        first = bisect_left(entries, query.begin, key=times.__getitem__) + query.skip
    here = Place(query.start if query.begin is None else query.begin, query.skip)
    last, following = _cut(entries, times, first, query.size, exact=behaviour.paging == "exact")
    chosen = entries[first:last]
    if behaviour.order == "descending":
        chosen = chosen[::-1]
    elif behaviour.order == "shuffled":
        chosen = Random(first).sample(chosen, len(chosen))  # noqa: S311 - reproducible order, not secrets
    return Page(
        records=archive.records(chosen),
        here=here,
        next=following,
        total=len(entries) if query.total is None else query.total,
        known=known,
    )


def _cut(
    entries: Sequence[int], times: Sequence[int], first: int, size: int, *, exact: bool
) -> tuple[int, Place | None]:
    """Where the page ends, and the place of the next one."""
    last = first + size
    if last >= len(entries):
        return len(entries), None
    begin = times[entries[last]]
    of_that_time = bisect_left(entries, begin, key=times.__getitem__)
    if exact:
        return last, Place(begin, last - of_that_time)
    if of_that_time <= first:
        # All of the page is of one millisecond. The next page cannot begin within it, so this one takes it whole.
        last = bisect_right(entries, begin, key=times.__getitem__)
        if last >= len(entries):
            return len(entries), None
        begin = times[entries[last]]
    return last, Place(begin)


def link_target(
    path: str, query: Query, page: Page, place: Place, org: UUID, behaviour: Behaviour, *, mark: int | None = None
) -> str:
    """Path and query of a link: the documented names in the documented order, times not percent-encoded.

    Args:
        place: where the page that it leads to begins.
        mark: a number that makes the link differ from others to the same page.
    """
    given: dict[str, object] = {
        "endTime": iso(query.end),
        "startTime": iso(query.start),
        "startTimeForNextFetch": place.begin,
    }
    if behaviour.total_count:
        given["totalCount"] = page.total
    given |= {"max": query.size, "orgId": org}
    if query.locations:
        given["locations"] = ",".join(query.locations)
    if behaviour.paging == "exact":
        given["position"] = f"{place.skip}-{page.known}"
    if mark is not None:
        given["mark"] = mark
    return f"{path}?{urlencode(given, safe=':,', quote_via=quote)}"
