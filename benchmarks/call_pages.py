"""Whole calls: how fast a page of a large list is had, at any depth, with any filter that an index helps with."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from benchmarks.append import filled_store
from benchmarks.calls import runner_of
from benchmarks.records import org
from benchmarks.table import Table, Wrong, percentiles
from ringback.projections.calls.query import Calls, Filter
from ringback.projections.calls.rows import TermKind
from ringback.projections.calls.wire import call_body
from ringback.store import Store
from ringback.store.schema import calls

_PAGE = 50
_REQUESTS = 400
_FEWEST = 20
_SECONDS = 20.0
"""What takes longer than this has fewer requests; the table says how many."""

_SAMPLE = 20_000
"""Calls in the middle of the list, out of whose terms those are chosen that are asked for."""

_NAMES = {
    TermKind.NUMBER: "number",
    TermKind.USER: "user",
    TermKind.LOCATION: "location",
    TermKind.QUEUE: "queue",
    TermKind.TRUNK: "trunk",
    TermKind.COUNTRY: "country",
}


def measure(directory: Path, sizes: list[int]) -> Table:
    """Ask for pages of the calls of a store of each size, in this process."""
    table = table_of_pages()
    for size in sizes:
        with closing(Store.open(filled_store(directory, size))) as store:
            runner_of(store).catch_up()
            ask_for_pages(store, org(size), size, table)
    return table


def table_of_pages() -> Table:
    """An empty table for `ask_for_pages`."""
    return Table(
        f"Pages of {_PAGE} whole calls before any moment, as JSON, without HTTP",
        *("records", "calls", "filter", "pages", "calls in a page", "ms, p50 / p95 / p99"),
    )


def ask_for_pages(store: Store, its_org: UUID, size: int, table: Table) -> None:
    """Ask for pages of the calls of an org, each before a moment that chance takes out of the whole time.

    Args:
        size: records in the store.
    """
    luck = Random(size)
    with store.read() as connection:
        here = calls.c.org == its_org
        first, last = connection.execute(
            select(func.min(calls.c.start_at), func.max(calls.c.start_at)).where(here)
        ).one()
        number = connection.execute(select(func.count()).where(here)).scalar_one()
    if first is None:
        raise Wrong("there are no calls")
    reader = Calls(store)
    for what, wanted in _filters(store, its_org, (first + last) // 2):
        seconds: list[float] = []
        given = 0
        until = time.perf_counter() + _SECONDS
        while len(seconds) < _FEWEST or (len(seconds) < _REQUESTS and time.perf_counter() < until):
            moment = luck.randrange(first, last + 1)
            began = time.perf_counter()
            page = reader.page(its_org, msgspec.structs.replace(wanted, until=moment), _PAGE)
            msgspec.json.encode([call_body(call) for call in page.calls])
            seconds.append(time.perf_counter() - began)
            given += len(page.calls)
        asked = len(seconds)
        table.add(f"{size:,}", f"{number:,}", what, f"{asked}", f"{given / asked:.0f}", percentiles(seconds))


def _filters(store: Store, its_org: UUID, middle: int) -> Iterator[tuple[str, Filter]]:
    """What is asked for: of each kind the term that most calls have, and one that few have."""
    yield "none", Filter()
    yield "outcome, of many", Filter(outcome="answered")
    yield "outcome, of few", Filter(outcome="rejected")
    yield "shortest duration", Filter(shortest=600)
    sample = Calls(store).page(its_org, Filter(until=middle), _SAMPLE).calls
    terms = [term for term, _ in Counter(term for call in sample for term in call.terms).most_common()]
    often: dict[str, str] = {}
    for kind, name in _NAMES.items():
        having = [term for term in terms if term.startswith(kind.value)]
        if having:
            often[name] = having[0]
            yield f"{name}, of many", Filter(terms=(having[0],))
            yield f"{name}, of few", Filter(terms=(having[-1],))
    yield "user and outcome", Filter(terms=(often["user"],), outcome="missed")
    yield "user and location", Filter(terms=(often["user"], often["location"]))
    yield "a text that is nowhere", Filter(text="nobody is called this")
