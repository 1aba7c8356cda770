"""Rows that are asked for alone: their cost and billed account, the budget, restarts and revisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collecting_pbx import BEGIN, BesidePbx
from factories import ORG
from ringback.records.portsip.call_log import CallLog, read_call_log
from ringback.simulator.cloud import ManualClock
from ringback.simulator.pbx import Behaviour, Faults, Limits, Refuse, Rule, SimulatedPbx, Written, finished_call
from ringback.sources.portsip.abilities import DETAILS

HALF_AN_HOUR = timedelta(minutes=30)
BILL: dict[str, Any] = {"cost": Decimal("0.35"), "billed_account": "sales"}


def rows(number: int, *, minutes: int = 30, costs: bool = True) -> list[Written]:
    """Calls that ended some minutes before the beginning, of which every second one costs something, told a minute
    later."""
    written = []
    for each in range(number):
        row = finished_call(BEGIN - timedelta(minutes=minutes, seconds=each), each, talking=5.0)
        written.append(row)
        if costs and each % 2:
            priced = msgspec.structs.replace(row.row, **BILL)
            written.append(msgspec.structs.replace(row, at=row.at + timedelta(minutes=1), row=priced))
    return written


@contextmanager
def beside(data: Path, writes: Sequence[Written], **options: Any) -> Iterator[BesidePbx]:
    """A collector that asks for rows alone, beside a PBX."""
    clock = ManualClock(BEGIN)
    values = {"history": "2h", "poll": "5m", "audit_every": "0s", "details": True, "detail_after": "5m"}
    values |= options.pop("values", {})
    with SimulatedPbx(writes, clock=clock, **options) as pbx:
        both = BesidePbx(pbx, clock, data, **values)
        try:
            yield both
        finally:
            both.close()


def logs(both: BesidePbx) -> dict[str, CallLog]:
    """The call logs of the ledger."""
    return {name: read_call_log(record.raw) for name, record in both.records().items()}


@pytest.mark.parametrize(("blanks", "ids"), [("null", "decimal"), ("empty", "base64"), ("absent", "base64")])
def test_each_row_is_asked_for_once(tmp_path: Path, blanks: Any, ids: Any) -> None:
    """Each row is asked for alone some minutes after it came, once, whether or not it costs anything, and its cost and
    account are in the ledger, with the bytes of that answer."""
    with beside(tmp_path / "data", rows(20), behaviour=Behaviour(blanks=blanks, ids=ids)) as both:
        both.collect(BEGIN + timedelta(minutes=4))
        assert both.pbx.audit.select(endpoint="calllog") == []
        both.collect(BEGIN + timedelta(minutes=20))
        both.collect(BEGIN + timedelta(minutes=60))
        assert len(both.pbx.audit.select(endpoint="calllog")) == 20
        bills = {(log.cost, log.billed_account) for log in logs(both).values()}
        assert bills == {(None, None), (Decimal("0.35"), "sales")}
        truth = both.pbx.truth()
        costly = [name for name, log in logs(both).items() if log.cost]
        assert len(costly) == 10
        assert all(both.records()[name].raw == truth[name].detailed for name in costly)
        both.check(both.pbx.now() - HALF_AN_HOUR)


def test_the_budget_is_kept(tmp_path: Path) -> None:
    """With 20 requests a minute for single rows, 150 rows take eight minutes, and the newest rows are not kept
    waiting."""
    with beside(
        tmp_path / "data", rows(150), limits=Limits(details=20), values={"details_per_minute": 20, "poll": "1m"}
    ) as both:
        both.collect(BEGIN + timedelta(minutes=30))
        asked = both.pbx.audit.select(endpoint="calllog")
        assert len(asked) == 150
        assert timedelta(minutes=6) < asked[-1].at - asked[0].at < timedelta(minutes=12)
        assert both.pbx.audit.busiest("calllog") == 20
        lists = [window.asked_at for window in both.asked() if window.purpose == "live"]
        assert max(after - before for before, after in pairwise(lists)) <= 70_000
        both.check(both.pbx.now() - HALF_AN_HOUR)


def test_a_restart_asks_for_what_is_left(tmp_path: Path) -> None:
    """A collector that is started again asks for the rows that are left, and for none twice but some of the last
    ones."""
    with beside(tmp_path / "data", rows(150), values={"details_per_minute": 30}) as both:
        for minutes in (7, 8, 9, 11, 30):
            both.collect(BEGIN + timedelta(minutes=minutes))
        asked = [each.target for each in both.pbx.audit.select(endpoint="calllog")]
        assert len(set(asked)) == 150
        assert len(asked) <= 150 + 4 * 50
        costly = [log for log in logs(both).values() if log.cost]
        assert len(costly) == 75
        assert len([target for target in asked if asked.count(target) == 1]) >= 75


def test_a_row_that_changes_is_asked_for_again(tmp_path: Path) -> None:
    """A row whose list entry changes after it was asked for alone has its new content at once, and its cost again when
    it was asked for once more."""
    row = finished_call(BEGIN - timedelta(minutes=30), **BILL)
    changed = msgspec.structs.replace(
        row, at=BEGIN + timedelta(minutes=20), row=msgspec.structs.replace(row.row, user_data="later")
    )
    values = {"audit_every": "10m", "audit_reach": "2h"}
    with beside(tmp_path / "data", [row, changed], values=values) as both:
        both.collect(BEGIN + timedelta(minutes=15))
        (log,) = logs(both).values()
        assert (log.cost, log.user_data) == (Decimal("0.35"), None)
        both.collect(BEGIN + timedelta(minutes=60))
        (log,) = logs(both).values()
        assert (log.cost, log.user_data) == (Decimal("0.35"), "later")
        assert len(both.pbx.audit.select(endpoint="calllog")) == 2
        assert len(both.ledger.versions(ORG, log.id)) == 4


def test_rows_that_cannot_be_had_alone(tmp_path: Path) -> None:
    """A PBX that does not give single rows is asked for them after longer and longer pauses, and read otherwise as if
    nothing were; once it gives them, all come."""
    rule = Rule(fault=Refuse(status=500), endpoint="detail", until=BEGIN + timedelta(hours=1))
    with beside(tmp_path / "data", rows(5), faults=Faults(rules=(rule,)), values={"poll": "10m"}) as both:
        both.collect(BEGIN + timedelta(minutes=50))
        failed = [window for window in both.asked() if window.endpoint == DETAILS and window.ended.value == "failed"]
        assert 3 <= len(failed) <= 8
        assert both.state.problem == ""
        both.check(both.pbx.now() - HALF_AN_HOUR)
        both.collect(BEGIN + timedelta(hours=3))
        assert len([log for log in logs(both).values() if log.cost]) == 2


def test_a_row_that_is_never_given(tmp_path: Path) -> None:
    """A row that the PBX never gives alone, while it gives others, is asked for a few times and then let be."""
    later = [finished_call(BEGIN + timedelta(minutes=20 * each), each) for each in range(1, 9)]
    with beside(tmp_path / "data", [*rows(6), *later], values={"poll": "10m"}) as both:
        bad = next(iter(both.pbx.truth()))
        right = both.pbx._service._single

        def single(asked: Any, account: Any, kind: Any, text: str, **options: Any) -> Any:
            reply = right(asked, account, kind, text, **options)
            if text == bad:
                reply.body = b"[]"
            return reply

        both.pbx._service._single = single  # type: ignore[method-assign]  # a fault that the simulated PBX has not
        both.collect(BEGIN + timedelta(hours=4))
        asked = [each.target.rpartition("/")[2] for each in both.pbx.audit.select(endpoint="calllog")]
        assert 3 <= asked.count(bad) <= 16
        assert bad not in asked[-3:]
        assert len(set(asked)) == 6 + 8
        assert all(asked.count(each) == 1 for each in set(asked) - {bad})
        assert both.state.problem == ""


def test_without_being_wanted_nothing_is_asked_for_alone(tmp_path: Path) -> None:
    """Unless the settings say so, no row is asked for alone."""
    with beside(tmp_path / "data", rows(5), values={"details": False}) as both:
        both.collect(BEGIN + timedelta(hours=1))
        assert both.pbx.audit.select(endpoint="calllog") == []
