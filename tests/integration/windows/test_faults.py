"""The collector against the simulated cloud over HTTP, while everything goes wrong that is known to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collecting import START, Beside, secrets_in, traffic
from factories import OTHER_ORG
from ringback.ledger.windows import Ended
from ringback.simulator.cloud import (
    BadItem,
    Behaviour,
    Cut,
    Duplicates,
    EmptyPage,
    Faults,
    Garbage,
    Hang,
    ManualClock,
    Outage,
    Redirect,
    Refuse,
    RepeatedLink,
    Reset,
    Rule,
    SimulatedCloud,
    Slow,
    StrangeLink,
    WrongRegion,
)
from ringback.simulator.cloud.faults import Fault

ORGS, DELIVERIES = traffic(days=3, calls_per_day=250)
ORG = ORGS[0]
BEGIN = START + timedelta(days=1)
SETTLED = timedelta(minutes=25)


@contextmanager
def beside(data: Path, *, skew: timedelta = timedelta(0), **options: Any) -> Iterator[Beside]:
    """A collector beside a cloud with a day of history and two days to come."""
    clock = ManualClock(BEGIN)
    values = {"history": "12h", "poll": "10m", "busy_poll": "10m"} | options.pop("values", {})
    with SimulatedCloud(traffic=DELIVERIES, orgs=ORGS, clock=clock, skew=skew, **options) as cloud:
        both = Beside(cloud, clock, data, ORG, **values)
        try:
            yield both
        finally:
            both.close()


def goes_well(both: Beside, hours: float = 0.9) -> None:
    """Collect, with a restart and an outage of hours, and see that nothing is lost, doubled, stale or astray."""
    both.collect(BEGIN + timedelta(hours=hours / 3))
    both.clock.advance(timedelta(hours=hours / 3))
    both.collect(BEGIN + timedelta(hours=hours))
    both.collect(both.clock.now() + timedelta(minutes=30))
    both.check(both.cloud.now() - SETTLED)
    assert both.state.gaps == 0
    assert both.windows.lost(ORG, "cloud") == []


ONE_BY_ONE: list[Fault] = [
    *(Refuse(status=status) for status in (400, 401, 403, 404, 423, 429, 500, 502, 503, 504)),
    Refuse(status=429, retry_after=7),
    Refuse(status=429, retry_after=7.5, form="decimal"),
    Refuse(status=503, retry_after=30, form="date"),
    Refuse(status=502, html=True),
    *(WrongRegion(what=what) for what in ("home", "strange", "nobody")),
    Redirect(),
    *(Reset(when=when) for when in ("before", "after_head", "in_body")),
    Cut(),
    *(Garbage(what=what) for what in ("not_json", "cut_json", "not_a_page", "empty", "wrong_type")),
    EmptyPage(),
    RepeatedLink(),
    StrangeLink(),
    *(BadItem(what=what) for what in ("no_id", "number", "text", "null", "list")),
    Duplicates(share=0.5),
    Hang(seconds=0.02),
    Slow(seconds=0.05),
]


@pytest.mark.parametrize("fault", ONE_BY_ONE, ids=lambda fault: fault.name)
def test_each_fault(tmp_path: Path, fault: Fault) -> None:
    """Each fault, striking every fifth request, costs no record, leads no token astray and breaks no limit."""
    faults = Faults(rules=(Rule(fault=fault, nth=tuple(range(1, 2000, 4))),))
    with beside(tmp_path / "data", faults=faults, values={"max_page": 500}) as both:
        goes_well(both)
        assert both.cloud.audit.select(fault=fault.name)


def test_an_answer_that_trickles_is_given_up(tmp_path: Path) -> None:
    """An answer that is not whole after five minutes is given up, however steadily it comes, and the page is asked for
    again, at the rate."""
    faults = Faults(rules=(Rule(fault=Slow(seconds=1), nth=(2,)),))
    with beside(tmp_path / "data", faults=faults) as both:

        def pass_time() -> None:
            while not both.cloud.audit.select(fault="slow"):
                time.sleep(0.01)
            both.clock.advance(timedelta(minutes=5, seconds=1))

        elsewhere = threading.Thread(target=pass_time, daemon=True)
        elsewhere.start()
        both.collect()
        elsewhere.join(10)
        both.check(both.cloud.now() - SETTLED)
        (slow,) = both.cloud.audit.select(fault="slow")
        assert len([asked for asked in both.cloud.audit if asked.target == slow.target]) == 2
        assert both.state.counts.requests == len([asked for asked in both.cloud.audit if asked.kind])


def test_a_refresh_token_that_is_replaced_is_found(tmp_path: Path) -> None:
    """A collector whose refresh token is refused says so, and goes on without a restart once another one is in its
    file."""
    file = tmp_path / "refresh-token"
    file.write_text("one that was revoked\n")
    values = {"history": "2h", "refresh_token_env": "", "refresh_token_file": str(file)}
    with beside(tmp_path / "data", values=values) as both:
        problems: list[str] = []

        def replace() -> None:
            if both.clock.now() >= BEGIN + timedelta(hours=1) and not problems:
                problems.append(both.state.problem)
                file.write_text(both.cloud.account(ORG).refresh_token + "\n")

        both.clock.watch(replace)
        both.collect(BEGIN + timedelta(hours=2))
        assert "gave no access token" in problems[0]
        assert both.state.problem == ""
        assert {asked.violation for asked in both.cloud.audit.violations} == {"token"}
        here = set(both.records())
        since, until = BEGIN - timedelta(hours=2), both.cloud.now() - SETTLED
        assert set(both.cloud.truth(until)[ORG]) - set(both.cloud.truth(since)[ORG]) <= here


@pytest.mark.parametrize("seed", range(6))
def test_random_mixes(tmp_path: Path, seed: int) -> None:
    """Seeded mixes of all faults, outages and restarts of the cloud among them, cost no record."""
    end = BEGIN + timedelta(hours=9)
    faults = Faults.random(seed, since=BEGIN, until=end, hang=0.02)
    behaviour = Behaviour(
        feed_time=("report", "start")[seed % 2],
        bounds=("[)", "[]", "(]", "()")[seed % 4],
        order=("ascending", "descending", "shuffled")[seed % 3],
        paging=("by_time", "exact")[seed % 2],
        links=("absolute", "relative", "doubled")[seed % 3],
        empty_window=("page", "404")[seed // 2 % 2],
        retry_after=("seconds", "decimal", "date", "absent")[seed % 4],
        links_survive=bool(seed % 2),
        token_lifetime=timedelta(hours=1),
    )
    with beside(tmp_path / "data", faults=faults, behaviour=behaviour) as both:
        goes_well(both, hours=9)


@pytest.mark.parametrize("seconds", [-90, 90])
@pytest.mark.parametrize("date", [True, False])
def test_a_clock_that_is_wrong(tmp_path: Path, seconds: int, date: bool) -> None:
    """A clock 90 seconds off, either way, costs no record and no refused window, also if the cloud tells no time."""
    with beside(tmp_path / "data", skew=timedelta(seconds=seconds), behaviour=Behaviour(date=date)) as both:
        goes_well(both)
        assert {asked.status for asked in both.cloud.audit.select(kind="initial")} == {200}


@pytest.mark.parametrize(("feed_time", "bounds"), [("report", "()"), ("start", "[)")])
@pytest.mark.parametrize("hours", [5, 20, 40])
def test_outages_of_the_collector(tmp_path: Path, feed_time: Any, bounds: Any, hours: int) -> None:
    """After hours or days without a collector nothing is missing, whatever the feed selects by."""
    with beside(tmp_path / "data", behaviour=Behaviour(feed_time=feed_time, bounds=bounds)) as both:
        both.collect()
        both.clock.advance(timedelta(hours=hours))
        both.collect()
        both.collect(both.clock.now() + timedelta(minutes=10))
        both.check(both.cloud.now() - SETTLED)
        assert {window.ended for window in both.asked()} == {Ended.COMPLETE}
        assert both.windows.lost(ORG, "cloud") == []


def test_an_outage_of_the_cloud(tmp_path: Path) -> None:
    """While the cloud is away, the problem is told, and the rate is kept; afterwards nothing is missing."""
    outage = Outage(since=BEGIN + timedelta(hours=1), until=BEGIN + timedelta(hours=4))
    with beside(tmp_path / "data", faults=Faults(outages=(outage,))) as both:
        both.collect(BEGIN + timedelta(hours=2))
        assert "no whole answer" in both.state.problem
        both.collect(BEGIN + timedelta(hours=5))
        assert both.state.problem == ""
        both.check(both.cloud.now() - SETTLED)
        assert len([window for window in both.asked() if window.ended is Ended.INTERRUPTED]) < 60


def test_what_the_stream_misses_is_found_by_the_audit(tmp_path: Path) -> None:
    """Records that the stream never gives come by the audit of the feed, and are counted."""
    with beside(tmp_path / "data", behaviour=Behaviour(stream_misses=0.05), values={"history": "0s"}) as both:
        both.collect(BEGIN + timedelta(hours=30))
        missed = [
            record_id
            for record_id, newest in both.cloud.truth(BEGIN + timedelta(hours=10))[ORG].items()
            if both.cloud.missed_by_stream(ORG, record_id)
            and newest.report_ms > (BEGIN + timedelta(hours=1)).timestamp() * 1000
        ]
        assert missed
        assert set(missed) <= set(both.records())
        assert both.state.audited >= len(missed)


def test_bad_items_are_quarantined_with_their_bytes(tmp_path: Path) -> None:
    """What is no record in a page is kept in quarantine and counted; the records beside it are stored."""
    faults = Faults(rules=(Rule(fault=BadItem(what="no_id"), nth=(1,)),))
    with beside(tmp_path / "data", faults=faults) as both:
        both.collect()
        both.check(both.cloud.now() - SETTLED)
        (entry,) = both.ledger.quarantine()
        assert entry.item.source == "source cloud"
        assert entry.item.org == ORG
        assert both.state.counts.quarantined == 1


def test_records_of_another_org_are_quarantined(tmp_path: Path) -> None:
    """A source never stores records of another org than its own: they are quarantined."""
    with beside(tmp_path / "data") as both:
        both.settings = msgspec.structs.replace(both.settings, org=OTHER_ORG)
        both.collect(BEGIN + timedelta(minutes=3))
        assert both.ledger.after(ORG, 0, 10) == []
        assert "this source is for" in both.ledger.quarantine(limit=1)[0].item.reason


def test_no_secret_is_ever_stored_or_logged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither the store nor the log nor what settings show of themselves has a token or a client secret."""
    with beside(tmp_path / "data", faults=Faults.random(3, hang=0.01)) as both:
        both.collect(BEGIN + timedelta(hours=1))
        both.store.close()
        output = "".join(capfd.readouterr()) + repr(both.settings)
        stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
        assert "window" in output
        assert secrets_in(both.cloud, stored + output.encode()) == []
