"""The collector in the whole: 30 days of history, a shared token, a cloud that announces more than it gives."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from collecting import START, Beside, secrets_of, settings_for
from factories import ORG, wire_record
from ringback.ledger.windows import Ended, WindowLedger
from ringback.simulator.cloud import Limits, ManualClock, RunningClock, SimulatedCloud
from ringback.simulator.cloud.filler import filler
from ringback.sources.collecting.collector import tools_for
from ringback.sources.webex.rules import FEED, STREAM
from ringback.sources.webex.source import rules_of, webex_workers
from ringback.store import Store

RECORDS = 20_000
SPEED = 360.0
"""Of the clock, where it runs."""


def test_thirty_days_cost_their_arithmetic(tmp_path: Path) -> None:
    """The first 30 days are read with one first page for each 12 hours of the feed and 2 hours of the stream, less the
    overlap, one for each 5 minutes that this takes, and the next pages that the records need; each record comes once
    but for the overlaps."""
    clock = ManualClock(START)
    with SimulatedCloud(orgs=[ORG], clock=clock) as cloud:
        cloud.add_rows(ORG, filler(ORG, start=START - timedelta(days=31), end=START, records=RECORDS))
        both = Beside(cloud, clock, tmp_path / "data", ORG, audit_every="0s", max_page=500)
        both.collect()
        both.check(cloud.now() - timedelta(minutes=10))
        rules = rules_of(both.settings)
        stream = -(-(rules.stream_oldest - rules.slack) // (rules.stream_span - rules.overlap))
        feed = -(-(rules.feed_oldest - rules.stream_oldest) // (rules.feed_span - rules.overlap))
        live = (stream + feed) // 4 + 1
        first = cloud.audit.select(kind="initial")
        assert feed - 1 <= len([asked for asked in first if asked.endpoint == FEED]) <= feed
        assert stream <= len([asked for asked in first if asked.endpoint == STREAM]) <= stream + live
        assert {window.ended for window in both.asked()} == {Ended.COMPLETE}
        pages = sum(-(-window.counts.items // 500) or 1 for window in both.asked())
        assert pages <= both.state.counts.requests <= pages + len(first)
        items = sum(window.counts.items for window in both.asked())
        overlaps = len(first) * RECORDS * rules.overlap // (31 * 24 * 3600 * 1000)
        assert items <= RECORDS + overlaps + len(cloud.audit.select(kind="page")) + RECORDS * live // (31 * 24)
        both.close()


def test_sources_with_one_token_share_its_rate(tmp_path: Path) -> None:
    """Two sources with the same credentials, collected at the same time, are both read to their end, and together keep
    to the rate of one, for first pages and for next ones, and make use of it."""
    clock = RunningClock(START, SPEED)
    limits = Limits(following=4)  # so few, since reading ten pages takes more than a minute of such a fast clock
    records = RECORDS // 2
    store = Store.open(tmp_path / "data")
    with SimulatedCloud(orgs=[ORG], clock=clock, limits=limits) as cloud:
        cloud.add_rows(ORG, filler(ORG, start=START - timedelta(hours=6), end=START, records=records))
        one = settings_for(
            cloud, ORG, name="one", clock_speed=SPEED, history="7h", audit_every="0s", max_page=500, next_requests=4
        )
        sources = [one, msgspec.structs.replace(one, name="two")]
        tools = tools_for(store, clock.now, once=True)
        workers = webex_workers(sources, tools, environment=secrets_of(cloud, ORG))
        threads = [threading.Thread(target=worker.run, daemon=True) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
        assert cloud.audit.problems() == []
        account = cloud.account(ORG).name
        assert cloud.audit.busiest(account, "initial") == 1
        assert 1 < cloud.audit.busiest(account, "page") <= 4  # a busy machine does not get to all of them in a minute
        first, second = WindowLedger(store).states()
        assert first.counts.new + second.counts.new == records
        assert min(state.counts.new + state.counts.duplicate for state in (first, second)) >= records
        assert first.complete_up_to
        assert second.complete_up_to
    store.close()


@contextmanager
def boastful(announced: int) -> Iterator[str]:
    """A cloud that has three records, and says that it has more."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            first = "startTimeForNextFetch" not in self.path
            items = [wire_record("a", org=ORG), wire_record("b", org=ORG)] if first else [wire_record("c", org=ORG)]
            body = b'{"items":[' + b",".join(items) + b"]}"
            self.send_response_only(200)  # without a Date, which would be of today
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            if first:
                target = f"{self.path}&startTimeForNextFetch=1&totalCount={announced}"
                self.send_header("link", f'<{target}>;rel="next"')
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps({"access_token": "x"}).encode()
            self.send_response_only(200)  # without a Date, which would be of today
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("announced", "readings"), [(3, 1), (4, 3)])
def test_a_window_with_less_than_announced(tmp_path: Path, announced: int, readings: int) -> None:
    """A window of which less came than was announced is not complete and is asked again; after three readings that say
    the same it is taken as complete, with a remark."""
    clock = ManualClock(START)
    with SimulatedCloud(orgs=[ORG], clock=clock) as cloud, boastful(announced) as address:
        both = Beside(
            cloud, clock, tmp_path / "data", ORG, history="0s", base_url=address, token_url=f"{address}/token"
        )
        both.collect(START + timedelta(minutes=20))
        start = both.asked()[0].start, both.asked()[0].end
        first = [window for window in both.asked() if (window.start, window.end) == start]
        assert [window.ended for window in first] == [Ended.FAILED] * (readings - 1) + [Ended.COMPLETE]
        assert {window.total_count for window in first if window.ended is Ended.COMPLETE} == {announced}
        assert ("taken as complete" in first[-1].reason) == (readings > 1)
        assert sorted(both.records()) == ["a", "b", "c"]
        both.close()
