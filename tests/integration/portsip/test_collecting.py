"""The collector beside a simulated PBX: what is found when, what is asked how often, and what is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collecting_pbx import BEGIN, BesidePbx, calls
from factories import ORG
from ringback.ledger.windows import Ended
from ringback.records.portsip.call_log import read_call_log
from ringback.records.values import from_milliseconds, to_milliseconds
from ringback.simulator.cloud import ManualClock
from ringback.simulator.pbx import (
    BadItem,
    Behaviour,
    Faults,
    Limits,
    Outage,
    Refuse,
    Rule,
    SimulatedPbx,
    TrafficRates,
    Written,
    finished_call,
)
from ringback.sources.portsip.abilities import PROBE

PROMPT = TrafficRates(late=0.0, updated=0.0, long=0.05, longest=timedelta(hours=3))
WRITES = calls(1, rates=PROMPT, before=timedelta(hours=24), after=timedelta(hours=23))
BY_START = Behaviour(filterable="no_end", unfilterable="ignored")
NEWEST_FIRST = Behaviour(filterable="nothing", unfilterable="rejected")
IN_NO_ORDER = Behaviour(filterable="no_end", sortable=False, ties="changing", count="absent", in_progress=True)
NEWEST_FIRST_SILENTLY = Behaviour(filterable="nothing", unfilterable="ignored")
WAYS = {"by end": Behaviour(), "by start": BY_START, "newest first": NEWEST_FIRST, "in no order": IN_NO_ORDER}


@contextmanager
def beside(
    data: Path, writes: Sequence[Written] = (), *, skew: timedelta = timedelta(0), **options: Any
) -> Iterator[BesidePbx]:
    """A collector beside a PBX."""
    clock = ManualClock(BEGIN)
    values = {"history": "3h", "longest_call": "4h", "poll": "10m", "busy_poll": "10m", "audit_every": "0s"}
    values |= options.pop("values", {})
    with SimulatedPbx(writes, clock=clock, skew=skew, **options) as pbx:
        both = BesidePbx(pbx, clock, data, **values)
        try:
            yield both
        finally:
            both.close()


def at(moment: datetime, **row: Any) -> Written:
    """A call of a minute that ended at a time."""
    return finished_call(moment - timedelta(seconds=65), int(moment.timestamp()) % 4000, **row)


def complete(both: BesidePbx) -> datetime:
    """Up to when everything is said to be there."""
    assert both.state.complete_up_to
    return from_milliseconds(both.state.complete_up_to)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_called_complete_is_there(tmp_path: Path, way: str) -> None:
    """Whatever a list can be asked by, all calls that ended by the time up to which it is said to be complete are
    there, calls of hours among them, at each moment and not only in the end."""
    with beside(tmp_path / "data", WRITES, behaviour=WAYS[way], values={"requests_per_minute": 40}) as both:
        for minutes in (7, 20, 65, 130):
            both.collect(BEGIN + timedelta(minutes=minutes))
            both.check(complete(both))
        assert complete(both) >= both.clock.now() - timedelta(minutes=13 if way == "by end" else 35)
        logs = [read_call_log(record.raw) for record in both.records().values()]
        lengths = [log.ended_at - log.started_at for log in logs if log.ended_at and log.started_at]
        assert max(lengths) > timedelta(hours=1)


@pytest.mark.parametrize("way", WAYS)
def test_an_outage_of_the_collector(tmp_path: Path, way: str) -> None:
    """After most of a day without a collector nothing is missing."""
    with beside(tmp_path / "data", WRITES, behaviour=WAYS[way]) as both:
        both.collect()
        both.clock.advance(timedelta(hours=20))
        both.collect()
        both.check(complete(both))
        assert complete(both) >= both.clock.now() - timedelta(minutes=45)
        assert {window.ended for window in both.asked()} == {Ended.COMPLETE}


def test_an_outage_of_the_pbx(tmp_path: Path) -> None:
    """While the PBX is away the problem is told; afterwards nothing is missing."""
    outage = Outage(since=BEGIN + timedelta(minutes=30), until=BEGIN + timedelta(hours=2))
    with beside(tmp_path / "data", WRITES, faults=Faults(outages=(outage,))) as both:
        both.collect(BEGIN + timedelta(hours=1))
        assert "no whole answer" in both.state.problem
        both.collect(BEGIN + timedelta(hours=3))
        assert both.state.problem == ""
        both.check(complete(both))


def test_calls_that_are_not_over(tmp_path: Path) -> None:
    """A row of a call that is not over is stored where the list shows it, and completed when the call has ended."""
    begun = BEGIN + timedelta(minutes=2)
    done = finished_call(begun, talking=3600.0)
    running = msgspec.structs.replace(
        done,
        at=begun + timedelta(seconds=1),
        row=msgspec.structs.replace(done.row, answered_at=None, ended_at=None, end_reason="", duration=0),
        last=False,
    )
    writes = [at(BEGIN - timedelta(hours=1)), running, done]
    behaviour = msgspec.structs.replace(BY_START, in_progress=True)
    with beside(tmp_path / "data", writes, behaviour=behaviour) as both:
        both.collect(BEGIN + timedelta(minutes=40))
        assert read_call_log(both.records()[str(done.row.id)].raw).ended_at is None
        both.collect(BEGIN + timedelta(minutes=90))
        assert read_call_log(both.records()[str(done.row.id)].raw).ended_at == done.row.ended_at
        assert len(both.ledger.versions(ORG, str(done.row.id))) == 2


def test_rows_that_come_late_or_change(tmp_path: Path) -> None:
    """A row that comes long after its call, and one that changes, are found by the audit; the newest content is kept,
    also when saved pages with the old one are read again."""
    late = at(BEGIN + timedelta(minutes=10), written_after=1800.0)
    first = at(BEGIN + timedelta(minutes=5))
    changed = msgspec.structs.replace(
        first, at=first.at + timedelta(minutes=30), row=msgspec.structs.replace(first.row, user_data="paid")
    )
    values = {"audit_every": "1h", "audit_reach": "5h"}
    with beside(tmp_path / "data", [at(BEGIN - timedelta(hours=1)), first, changed, late], values=values) as both:
        both.collect(BEGIN + timedelta(minutes=20))
        old = both.records()[str(first.row.id)]
        assert str(late.row.id) not in both.records()
        both.collect(BEGIN + timedelta(hours=2))
        assert str(late.row.id) in both.records()
        assert both.state.audited == 1
        assert read_call_log(both.records()[str(first.row.id)].raw).user_data == "paid"
        both.ledger.append([old])
        assert read_call_log(both.records()[str(first.row.id)].raw).user_data == "paid"
        both.check(both.pbx.now() - timedelta(hours=1))


def test_a_window_with_thousands_of_rows_is_halved(tmp_path: Path) -> None:
    """A time with thousands of rows is read in smaller windows, and costs little more than its pages."""
    begin = BEGIN - timedelta(hours=2)
    rows = [finished_call(begin + timedelta(seconds=each), each, talking=None) for each in range(3500)]
    values = {"history": "3h", "requests_per_minute": 10_000}
    with beside(tmp_path / "data", rows, values=values) as both:
        both.collect()
        both.check(complete(both))
        failed = [window.reason for window in both.asked() if window.ended is Ended.FAILED]
        assert failed
        assert all("it is asked for again in halves" in reason for reason in failed)
        assert len(both.pbx.audit) < 35 + 25


def test_the_rate_is_kept_across_restarts(tmp_path: Path) -> None:
    """A collector with the whole rate of the gateway keeps to it, also if it is started again and again."""
    with beside(
        tmp_path / "data", WRITES, limits=Limits(requests=12), values={"requests_per_minute": 12, "top": 10}
    ) as both:
        for minutes in (1, 2, 4, 30):
            both.collect(BEGIN + timedelta(minutes=minutes))
        both.check(complete(both))
        assert both.pbx.audit.busiest() == 12


@pytest.mark.parametrize(("status", "retry_after"), [(429, None), (503, None), (429, 20)])
def test_too_many_requests(tmp_path: Path, status: int, retry_after: float | None) -> None:
    """A PBX that wants fewer requests is left alone: as long as it says, else a minute, or longer and longer."""
    rule = Rule(fault=Refuse(status=status, retry_after=retry_after), endpoint="list", nth=tuple(range(20, 29)))
    with beside(tmp_path / "data", WRITES, faults=Faults(rules=(rule,))) as both:
        both.collect(BEGIN + timedelta(minutes=90))
        both.check(complete(both))
        struck = [asked.at for asked in both.pbx.audit if asked.fault]
        assert len(struck) == 9
        # Waits of 1, 2, 4 and 8 s, up to half of each left to chance; 429 without a word is a minute each time.
        assert struck[-1] - struck[0] > timedelta(seconds=100 if status == 429 or retry_after else 2 * 7.5)
        if status == 503:
            assert struck[4] - struck[3] > struck[1] - struck[0]


def test_a_pbx_that_wants_to_be_left_alone_for_long(tmp_path: Path) -> None:
    """A Retry-After is kept to, however long it is."""
    rule = Rule(fault=Refuse(status=503, retry_after=3000), endpoint="list", nth=(20,))
    with beside(tmp_path / "data", WRITES, faults=Faults(rules=(rule,))) as both:
        both.collect(BEGIN + timedelta(hours=3))
        both.check(complete(both))
        times = [asked.at for asked in both.pbx.audit]
        (struck,) = [asked.at for asked in both.pbx.audit if asked.fault]
        assert min(at for at in times if at > struck) >= struck + timedelta(seconds=3000)


def test_a_pbx_that_is_still_empty(tmp_path: Path) -> None:
    """An empty PBX is complete; its first calls are found at the next poll, and what its list heeds with them."""
    first = at(BEGIN + timedelta(minutes=22))
    with beside(tmp_path / "data", [first]) as both:
        both.collect(BEGIN + timedelta(minutes=20))
        assert complete(both) > BEGIN
        assert {window.endpoint for window in both.asked()} == {PROBE}
        both.collect(BEGIN + timedelta(minutes=50))
        assert list(both.records()) == [str(first.row.id)]
        both.check(complete(both))


def test_a_list_is_kept_to(tmp_path: Path) -> None:
    """A PBX that had no call logs when its collection began is read from `/cdrs` for ever, also when it has them after
    an update: the other ids would make each call two."""
    data = tmp_path / "data"
    with beside(data, WRITES, behaviour=Behaviour(calllogs=False)) as both:
        both.collect()
        known = set(both.records())
    with beside(data, WRITES) as both:
        both.collect()
        assert {asked.endpoint for asked in both.pbx.audit.select(status=200)} <= {"login", "cdrs"}
        assert set(both.records()) == known


def test_a_list_that_is_gone(tmp_path: Path) -> None:
    """If the list that was read is gone, the other one is not read in its place; that is told."""
    data = tmp_path / "data"
    with beside(data, WRITES) as both:
        both.collect()
    with beside(data, WRITES, behaviour=Behaviour(calllogs=False)) as both:
        both.collect(BEGIN + timedelta(hours=1))
        assert "it has no /calllogs. Its list /calllogs was read until now" in both.state.problem
        assert both.pbx.audit.select(endpoint="cdrs") == []


@pytest.mark.parametrize(
    "updates",
    [(Behaviour(), NEWEST_FIRST), (NEWEST_FIRST, Behaviour()), (BY_START, Behaviour(dollar="dollar", skip_from=1))],
    ids=["worse", "better", "other"],
)
def test_an_update_of_the_pbx(tmp_path: Path, updates: tuple[Behaviour, Behaviour]) -> None:
    """When a PBX begins or ceases to heed an option, all that follows is read accordingly, and nothing is lost."""
    data = tmp_path / "data"
    clock = ManualClock(BEGIN)
    for number, behaviour in enumerate(updates):
        with SimulatedPbx(WRITES, clock=clock, behaviour=behaviour) as pbx:
            both = BesidePbx(pbx, clock, data, history="3h", longest_call="4h", poll="10m", audit_every="0s")
            both.collect(BEGIN + timedelta(hours=1 + number))
            both.check(complete(both))
            assert complete(both) > clock.now() - timedelta(minutes=45)
            both.close()


def test_an_update_while_it_is_read(tmp_path: Path) -> None:
    """A PBX that silently ceases to heed the filter while a collector runs is noticed, and probed again."""
    with beside(tmp_path / "data", WRITES) as both:

        def update() -> None:
            if both.clock.now() >= BEGIN + timedelta(minutes=30):
                both.pbx._service.behaviour = NEWEST_FIRST_SILENTLY

        both.clock.watch(update)
        both.collect(BEGIN + timedelta(hours=2))
        both.check(complete(both))
        assert complete(both) > both.clock.now() - timedelta(minutes=45)
        assert "rows that the filter leaves out" in next(window.reason for window in both.asked() if window.reason)


@pytest.mark.parametrize("seconds", [-90, 90])
@pytest.mark.parametrize("date", [True, False])
def test_a_clock_that_is_wrong(tmp_path: Path, seconds: int, date: bool) -> None:
    """A clock 90 seconds off, either way, costs no row, also if the PBX tells no time."""
    with beside(tmp_path / "data", WRITES, skew=timedelta(seconds=seconds), behaviour=Behaviour(date=date)) as both:
        both.collect(BEGIN + timedelta(hours=1))
        both.check(complete(both))


def test_a_backfill(tmp_path: Path) -> None:
    """A backfill reads the calls that ended in a range again, whatever was read before, and nothing else."""
    with beside(tmp_path / "data", WRITES) as both:
        both.collect()
        begin, end = BEGIN - timedelta(hours=20), BEGIN - timedelta(hours=16)
        both.windows.want(ORG, "pbx", to_milliseconds(begin), to_milliseconds(end), to_milliseconds(BEGIN))
        both.collect(only_backfills=True)
        assert both.windows.backfills(ORG, "pbx")[0].done_at
        wanted = {
            name for name, row in both.pbx.truth().items() if row.row.ended_at and begin <= row.row.ended_at < end
        }
        assert wanted
        assert wanted <= set(both.records())
        assert {window.purpose for window in both.asked()[-2:]} == {"probe", "backfill"}


def test_bad_items_are_quarantined(tmp_path: Path) -> None:
    """What is no row in a list is kept in quarantine with its bytes and counted; the rows beside it are stored."""
    rule = Rule(fault=BadItem(what="no_id"), endpoint="list", nth=(11,))
    with beside(tmp_path / "data", WRITES, faults=Faults(rules=(rule,))) as both:
        both.collect()
        both.check(complete(both))
        (entry,) = both.ledger.quarantine()
        assert (entry.item.source, entry.item.org) == ("source pbx", ORG)
        assert entry.item.reason == "no id, so it cannot be told from other call logs"
        assert both.state.counts.quarantined == 1


def test_no_secret_is_ever_stored_or_logged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither the store nor the log nor what settings show of themselves has a password or a token."""
    faults = Faults.random(3, hang=0.01)
    with beside(
        tmp_path / "data", WRITES, behaviour=Behaviour(token_lifetime=timedelta(minutes=10)), faults=faults
    ) as both:
        both.collect(BEGIN + timedelta(hours=1))
        both.store.close()
        output = "".join(capfd.readouterr()) + repr(both.settings)
        stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
        assert "window" in output
        secrets = [text.encode() for text in both.pbx._service.accounts.secrets()]
        assert len(secrets) > 3
        assert [secret for secret in secrets if secret in stored + output.encode()] == []
