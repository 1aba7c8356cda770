"""Reads the options of a list, and finds the rows they ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

import msgspec

from ringback.simulator.pbx.filters import LISTED, TIMES, BadQuery, Filter, read_filter
from ringback.simulator.pbx.options import Behaviour
from ringback.simulator.pbx.rows import Row
from ringback.simulator.pbx.table import Entry, Kind
from ringback.simulator.pbx.wire import Wire

_NAMES = ("filter", "orderby", "top", "skip", "search", "count")
_ORDER = re.compile(r"\s*([a-z_]+)(?:\s+(asc|desc))?\s*", re.ASCII)


class NotFilterable(ValueError):
    """A filter that is as documented, but names a field that this PBX does not filter by."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a list.

    Attributes:
        filter: None for all rows.
        orders: fields, and whether descending.
        top, skip: rows of a page, and rows before it; None if not given.
        search: free text; "" for none.
        count: whether the number of all rows was asked for by name.
        given: whether any option was given that this PBX knows.
    """

    filter: Filter | None = None
    orders: tuple[tuple[str, bool], ...] = ()
    top: int | None = None
    skip: int | None = None
    search: str = ""
    count: bool = False
    given: bool = False


def read_query(pairs: Sequence[tuple[str, str]], kind: Kind, behaviour: Behaviour, wire: Wire) -> Query:
    """Read the options of a list.

    Raises:
        BadQuery: the documentation does not allow them.
    """
    given: dict[str, str] = {}
    for name, text in pairs:
        bare = name.removeprefix("$")
        if bare not in _NAMES:
            raise BadQuery(f"no option {name!r}")
        if behaviour.dollar == "both" or (behaviour.dollar == "dollar") == name.startswith("$"):
            if given.get(bare, text) != text:
                raise BadQuery(f"the option {bare!r} is there twice")
            given[bare] = text
    fields = LISTED if kind == "calllogs" else LISTED - {"session_id"}
    return Query(
        filter=read_filter(given["filter"], wire, fields, behaviour.id_order) if "filter" in given else None,
        orders=_orders(given["orderby"], fields) if "orderby" in given else (),
        top=_number("top", given),
        skip=_number("skip", given),
        search=given.get("search", ""),
        count=_truth(given.get("count", "false")),
        given=bool(given),
    )


def _number(name: str, given: dict[str, str]) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise BadQuery(f"{name} is {text!r}, which is no number")
    return int(text)


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise BadQuery(f"count is {text!r}, and not true or false")
    return text == "true"


def _orders(text: str, fields: frozenset[str]) -> tuple[tuple[str, bool], ...]:
    orders = []
    for part in text.split(","):
        match = _ORDER.fullmatch(part)
        if match is None or match[1] not in fields:
            raise BadQuery(f"no order {part.strip()!r}")
        orders.append((match[1], match[2] == "desc"))
    return tuple(orders)


def find(entries: list[Entry], query: Query, behaviour: Behaviour, rng: Random) -> list[Entry]:
    """All rows that a query asks for, in its order.

    Args:
        entries: in order of arrival.
        query: its `top` and `skip` are left to the caller.
        behaviour: see there.
        rng: draws the order of rows that are equal, where the PBX behaves so.

    Raises:
        NotFilterable: the filter names a field that this PBX refuses.
    """
    if query.filter is not None and _filters_by(query.filter, behaviour):
        holds = query.filter.holds
        entries = [entry for entry in entries if holds(entry.row)]
    if query.search:
        text = query.search.casefold()
        entries = [entry for entry in entries if _has(entry.row, text)]
    if behaviour.ties == "changing":
        rng.shuffle(entries := list(entries))
    orders: tuple[tuple[str, bool], ...] = query.orders if behaviour.sortable else ()
    if not orders and behaviour.default_order == "arrival":
        return sorted(entries, key=lambda entry: entry.first_at)
    for field, descending in reversed(orders or (_DEFAULTS[behaviour.default_order],)):
        # Sorting keeps the order of what is equal, so that the first field is sorted by last.
        entries = sorted(entries, key=lambda entry: _key(entry.row, field, behaviour), reverse=descending)
    return entries


_DEFAULTS = {"newest": ("started_at", True), "oldest": ("started_at", False), "id": ("id", False)}


def _filters_by(wanted: Filter, behaviour: Behaviour) -> bool:
    """Whether a filter is heeded. Raises NotFilterable if it is refused."""
    unknown = {
        "all": frozenset[str](),
        "no_end": frozenset(("ended_at",)),
        "no_times": TIMES,
        "nothing": LISTED,
    }[behaviour.filterable]
    refused = sorted(wanted.fields & unknown)
    if refused and behaviour.unfilterable == "rejected":
        raise NotFilterable(f"filtering by {refused[0]} is not supported")
    return not refused


def _has(row: Row, text: str) -> bool:
    searched = (row.caller, row.callee, row.caller_display_name, row.callee_display_name, row.did_cid)
    return any(text in value.casefold() for value in searched)


def _key(row: Row, field: str, behaviour: Behaviour) -> tuple[bool, object]:
    value = getattr(row, field)
    if field in ("id", "session_id") and behaviour.id_order == "text":
        value = str(value)
    return value is not None, value if value is not None else 0
