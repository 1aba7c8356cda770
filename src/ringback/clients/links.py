"""The header Link, by which pages lead to the next one (RFC 8288), and what may be read from such a link."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import httpx2

from ringback.clients.errors import PagingError

# The documentation prints the brackets doubled; a URL may have commas, but no brackets.
_LINK = re.compile(r'<+\s*([^<>]*?)\s*>+((?:\s*;\s*[\w*-]+(?:\s*=\s*(?:"[^"]*"|[^\s",;<]*))?)*)')
_RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]*))', re.IGNORECASE)
_SAYS_NEXT = re.compile(r'\brel\s*=\s*"?[^";,]*\bnext\b', re.IGNORECASE)
_PAGE_SIZE = re.compile(r"([?&]max=)(\d+)")


def next_target(header: str) -> str | None:
    """The target of the link with the relation `next`, as it stands there; None if there is none.

    Raises:
        PagingError: there is one, but without a target. To take that as the end would lose records.
    """
    for target, parameters in _LINK.findall(header):
        relation = _RELATION.search(parameters)
        if relation and "next" in (relation[1] or relation[2] or "").lower().split() and target:
            return str(target)
    if _SAYS_NEXT.search(header):
        raise PagingError(f"the link to the next page cannot be read: {header[:300]!r}")
    return None


def total_count(url: httpx2.URL) -> int | None:
    """The `totalCount` of a next link: how many records the whole window has."""
    values = parse_qs(url.query.decode("ascii", "replace")).get("totalCount", [])
    return int(values[0]) if values and re.fullmatch(r"\d{1,15}", values[0], re.ASCII) else None


def page_size(url: httpx2.URL) -> int | None:
    """The `max` of a URL."""
    found = _PAGE_SIZE.search(str(url))
    return int(found[2][:9]) if found else None


def with_page_size(url: httpx2.URL, size: int) -> httpx2.URL:
    """The URL with another `max`; every other byte of it stays, since servers may sign their links."""
    text, replaced = _PAGE_SIZE.subn(rf"\g<1>{size}", str(url), count=1)
    return httpx2.URL(text if replaced else f"{text}{'&' if url.query else '?'}max={size}")
