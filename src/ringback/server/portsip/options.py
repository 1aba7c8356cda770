"""The query options of lists: `filter`, `orderby`, `top`, `skip`, `search` and `count`, bare or with `$`.

Source: the page "Query Options Overview" of PortSIP's REST documentation, which writes them both ways. The option
`cursor` is our own; it stands in the links that lead to next pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from ringback.projections.call_logs.expressions import Expression, Order
from ringback.records.portsip.fields import CallLogField
from ringback.server.exchange import parse_query
from ringback.server.portsip.errors import PortsipError
from ringback.server.portsip.odata import ODataError, parse_filter, parse_orderby

MAX_TOP = 100
"""Rows in one answer, and how many there are if nobody says: what PortSIP documents."""

MAX_SKIP = 100_000
"""Rows that `skip` may pass over. The database reads them all; a cursor finds its place at once."""

MAX_SEARCH = 100
"""Characters of `search`."""

MAX_BYTES = 8 * 1024
"""Bytes of all options together, percent-encoded. It leaves room for the cursor in a link to the next page."""

_SHARED = ("filter", "orderby", "top", "search", "count")
_OPTIONS = (*_SHARED, "skip", "cursor")
T = TypeVar("T")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a list.

    Attributes:
        filter, orders, search: which rows in which order.
        top: rows at most.
        skip: rows to pass over.
        count: whether to tell how many rows there are in all; None if nothing was said, which is yes, if it can be told
            in time.
        cursor: where the page begins, as a link has it; "" for the first.
        chosen: `filter`, `orderby` and `search` as they came: pages belong together if these are the same.
        link: all options that the link to the next page repeats, percent-encoded.
    """

    filter: Expression | None
    orders: tuple[Order, ...]
    search: str
    top: int
    skip: int
    count: bool | None
    cursor: str
    chosen: tuple[str, str, str]
    link: str


def read_options(raw: bytes, fields: Sequence[CallLogField]) -> Options:
    """The options of a query. An empty one counts as absent; parameters that are no options are left alone.

    Args:
        raw: the query string.
        fields: those that may be filtered and ordered by.

    Raises:
        ApiError: 400, an option is wrong. The detail has its name and, where a text was parsed, the position in it.
    """
    given = _given(parse_query(raw))
    option = {name.removeprefix("$"): value for name, value in given.items()}
    if len(option) < len(given):
        twice = next(name for name in option if name in given and f"${name}" in given)
        raise wrong(twice, f"{twice} and ${twice} are the same option; give one of them.")
    link = urlencode(
        {name: value for name, value in given.items() if name.removeprefix("$") in _SHARED},
        safe="$'(),:",
        quote_via=quote,
    )
    if len(link) > MAX_BYTES:
        raise PortsipError(400, f"The options have more than {MAX_BYTES} bytes, percent-encoded.")
    if "cursor" in option and "skip" in option:
        raise wrong("skip", "A link to a next page has no skip: its cursor says where the page begins.")
    filter_text, orderby_text, search = (option.get(name, "") for name in ("filter", "orderby", "search"))
    return Options(
        filter=_parsed("filter", filter_text, lambda text: parse_filter(text, fields)) if filter_text else None,
        orders=_parsed("orderby", orderby_text, lambda text: parse_orderby(text, fields)) if orderby_text else (),
        search=_search(search),
        top=_whole(option, "top", 1, MAX_TOP, MAX_TOP, "Page with the Link header, or with skip."),
        skip=_whole(option, "skip", 0, MAX_SKIP, 0, "To read on, follow the Link header of each page: at any depth."),
        count=_count(option.get("count", "")),
        cursor=option.get("cursor", ""),
        chosen=(filter_text, orderby_text, search),
        link=link,
    )


def wrong(option: str, message: str, position: int | None = None) -> PortsipError:
    """The error for an option that is wrong.

    Args:
        position: of the character in the option's value where it goes wrong, from 0; None if there is no one place.
    """
    at = {} if position is None else {"position": position}
    return PortsipError(400, message, detail={"option": option, **at})


def _given(query: Mapping[str, str]) -> dict[str, str]:
    """The options that have a value, under the names that they came with."""
    given = {}
    for name, value in query.items():
        known = name.removeprefix("$") in _OPTIONS and name != "$cursor"
        if name.startswith("$") and not known:
            names = ", ".join(f"${each}" for each in (*_SHARED, "skip"))
            raise wrong(name[:40], f"There is no option {name:.40}. Options: {names}.")
        if known and value.strip():
            given[name] = value
    return given


def _parsed(option: str, text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except ODataError as error:
        raise wrong(option, f"{option}: {error}", error.position) from error


def _whole(option: Mapping[str, str], name: str, least: int, most: int, default: int, way: str) -> int:
    text = option.get(name, str(default)).strip()
    if text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most:
        return int(text)
    raise wrong(name, f"{name} is {text[:40]!r}, but must be a whole number from {least} to {most}. {way}")


def _search(text: str) -> str:
    if len(text) > MAX_SEARCH or "\0" in text:
        raise wrong("search", f"search has {MAX_SEARCH} characters at most, and none of them is NUL.")
    return text


def _count(text: str) -> bool | None:
    said = text.strip().lower()
    if said not in ("", "true", "false"):
        raise wrong("count", f"count is {text[:40]!r}, but must be true or false.")
    return said == "true" if said else None
