"""Whatever the records, the page size and the arrivals between pages: each record of the window comes exactly once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from factories import NOON, Clock, wire_record
from ringback.settings import ServerSettings
from ringback.store import Store
from serving import FEED, STREAM, Query, Site, wire

TIMES = st.integers(0, 3)
LOCATIONS = st.sampled_from(["Köln", "a,b", ""])
RECORDS = st.lists(st.tuples(TIMES, TIMES, LOCATIONS), max_size=12)
"""Report time and Start time in milliseconds after noon, and the location."""

ARRIVALS = st.lists(st.tuples(st.integers(0, 14), TIMES, TIMES, LOCATIONS, st.integers(0, 2)), max_size=4)
"""The number of the record (of one we have, or a new one), its times and location, and a tick of the clock before."""


@contextmanager
def new_site(empty_store: Path, server: ServerSettings) -> Iterator[Site]:
    """A site on a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(shutil.copytree(empty_store, Path(folder, "store"))))
        site = Site(store, Clock(), server)
        try:
            yield site
        finally:
            site.close()
            store.close()


def raw(number: int, report: int, start: int, location: str, text: str = "") -> bytes:
    """A record by its number."""
    return wire_record(
        f"r{number}",
        report_time=NOON + timedelta(milliseconds=report),
        start_time=NOON + timedelta(milliseconds=start),
        location=location,
        User=text,
    )


@settings(max_examples=60)
@given(
    axis=st.sampled_from(["report", "start", "stored"]),
    records=RECORDS,
    size=st.integers(1, 5),
    bounds=st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(lambda pair: pair[0] != pair[1]).map(sorted),
    wanted=st.sampled_from([(), ("Köln",), ("a,b", "Köln")]),
    between=st.lists(ARRIVALS, max_size=6),
)
def test_each_record_comes_exactly_once(
    empty_store: Path,
    axis: str,
    records: list[tuple[int, int, str]],
    size: int,
    bounds: list[int],
    wanted: tuple[str, ...],
    between: list[list[tuple[int, int, int, str, int]]],
) -> None:
    """A client that pages gets each record that the window had at its first request once, as it was then."""
    with new_site(empty_store, ServerSettings(feed_time="start" if axis == "start" else "report")) as site:
        noon = site.clock.now if axis == "stored" else int(NOON.timestamp() * 1000)
        expected = []
        for number, (report, start, location) in enumerate(records):
            site.clock.now += number % 2  # two by two at equal stored times
            body = raw(number, report, start, location)
            site.append(body)
            at = {"report": report, "start": start, "stored": site.clock.now - noon}[axis]
            if bounds[0] <= at < bounds[1] and (location in wanted or not wanted):
                expected.append((at, number, body))
        query: Query = {"startTime": wire(noon + bounds[0]), "endTime": wire(noon + bounds[1]), "max": size}
        if wanted:
            query = {**query, "locations": ",".join(name.replace(",", "%2C") for name in wanted)}
        token = site.token()
        reply = site.ask(STREAM if axis == "stored" else FEED, token, query)
        bodies = [reply.body]
        arrivals = iter(between)
        while (following := reply.next) is not None:
            assert f"&totalCount={len(expected)}&" in following
            for number, report, start, location, tick in next(arrivals, []):
                site.clock.now += tick
                site.append(raw(number, report, start, location, f"came after page {len(bodies)}"))
            reply = site.ask(following, token)
            bodies.append(reply.body)
        came = b",".join(body.removeprefix(b'{"items":[').removesuffix(b"]}") for body in bodies)
        assert came == b",".join(body for _, _, body in sorted(expected, key=lambda entry: entry[:2]))
        assert len(bodies) == max(1, -(-len(expected) // size))
