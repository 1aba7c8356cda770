"""What a request for records asks for, and whether the documented limits allow it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

import msgspec

from ringback.records.values import OddValue, read_time
from ringback.simulator.clock import iso, to_ms
from ringback.simulator.cloud.audit import Violation
from ringback.simulator.cloud.options import EndpointLimits, Limits

RecordsEndpoint = Literal["feed", "stream"]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


class NotAllowed(Exception):
    """A query that is answered with 400; the message is for its author."""

    def __init__(self, violation: Violation, message: str) -> None:
        super().__init__(message)
        self.violation = violation


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A query that was understood. Times are milliseconds since 1970.

    Attributes:
        endpoint: which one was asked.
        start, end: the window.
        size: of the page, after `max` was moved into its range.
        locations: names; none for all.
        begin: time of the first record of a next page; None for a first page.
        skip: records of that time that were sent before.
        known: the moment at which the window is read; None for now.
        total: the count of the window that the link carries; None if it carries none.
    """

    endpoint: RecordsEndpoint
    start: int
    end: int
    size: int
    locations: tuple[str, ...] = ()
    begin: int | None = None
    skip: int = 0
    known: int | None = None
    total: int | None = None


def read_query(endpoint: RecordsEndpoint, pairs: list[tuple[str, str]], limits: Limits) -> Query:
    """The query of a request.

    Raises:
        NotAllowed: it cannot be understood.
    """
    given = dict(pairs)
    if len(given) < len(pairs):
        raise NotAllowed("query", "a parameter is given more than once")
    locations = tuple(given["locations"].split(",")) if "locations" in given else ()
    if len(locations) > limits.most_locations or not all(locations):
        raise NotAllowed("query", f"locations are 1 to {limits.most_locations} names")
    size = _number(given, "max")
    size = limits.largest_page if size is None else min(max(size, limits.smallest_page), limits.largest_page)
    skip, _, known = given.get("position", "0-").partition("-")
    return Query(
        endpoint=endpoint,
        start=_time(given, "startTime"),
        end=_time(given, "endTime"),
        size=size,
        locations=locations,
        begin=_number(given, "startTimeForNextFetch"),
        skip=int(skip),
        known=int(known) if known else None,
        total=_number(given, "totalCount"),
    )


def check_window(query: Query, limits: EndpointLimits, now: int) -> None:
    """Refuse a first page whose window is not within the limits.

    Raises:
        NotAllowed: it is not; the message says by how much.
    """
    if query.end <= query.start:
        raise NotAllowed("window", "endTime must be later than startTime")
    if query.end - query.start > _ms(limits.longest):
        raise NotAllowed("window", f"endTime is more than {limits.longest} after startTime")
    newest, oldest = now - _ms(limits.newest), now - _ms(limits.oldest)
    for name, moment in (("startTime", query.start), ("endTime", query.end)):
        if not oldest <= moment <= newest:
            raise NotAllowed("window", f"{name} is {iso(moment)}, not between {iso(oldest)} and {iso(newest)}")


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _time(given: Mapping[str, str], name: str) -> int:
    text = given.get(name, "")
    try:
        if _TIME.fullmatch(text):
            return to_ms(read_time(text))
    except OddValue:
        pass
    raise NotAllowed("query", f"{name} is required, as YYYY-MM-DDTHH:MM:SS.mmmZ")


def _number(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise NotAllowed("query", f"{name} is no whole number")
    return int(text)
