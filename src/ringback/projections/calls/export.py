"""Whole calls written out."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import msgspec

from ringback.projections.calls.query import Calls
from ringback.projections.calls.rows import TermKind, term
from ringback.projections.calls.wire import call_body


def call_lines(
    calls: Calls, org: UUID, since: int | None = None, until: int | None = None, locations: tuple[str, ...] = ()
) -> Iterator[bytes]:
    """One line of JSON for each call, in order of their start; see `CallBody`.

    Args:
        since, until: only calls that started at `since` or later, and before `until`; milliseconds since 1970.
        locations: only calls in which one of these took part; empty for all.
    """
    wanted = {term(TermKind.LOCATION, location) for location in locations}
    for call in calls.all(org, since, until):
        if not wanted or not wanted.isdisjoint(call.terms):
            yield msgspec.json.encode(call_body(call)) + b"\n"
