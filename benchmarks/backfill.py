"""A month read back with `ringback backfill` from the simulated cloud, and whether it took the requests it should."""

from __future__ import annotations

import os
import subprocess
import time
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import ceil
from pathlib import Path
from uuid import UUID

import msgspec

from benchmarks.pages import RINGBACK
from benchmarks.table import Table, Wrong
from ringback.ledger import SqlLedger
from ringback.records.values import from_milliseconds, to_milliseconds, to_wire_time
from ringback.server.run import utc_now
from ringback.simulator.cloud import RunningClock, SimulatedCloud, TrueNewest, filler
from ringback.sources.webex.rules import MINUTE, Rules
from ringback.store import Store

_ORG = UUID("11111111-1111-4111-8111-111111111111")
_END = datetime(2026, 3, 31, tzinfo=UTC)
"""The cloud's time when the backfill begins."""

_SPEED = 120.0
"""A minute of the cloud is half a second."""

_LEEWAY = 30 * MINUTE
"""What the feed keeps for less than this has gone before a collector that has just started can have read it."""

_STEP = 10_000
_TOKEN = "BENCHMARK_TOKEN"  # noqa: S105  # the name of a variable
_RULES = Rules()


class _Cost(msgspec.Struct, frozen=True):
    """What it takes to read a range: slices, requests, and the records that they bring."""

    slices: int
    requests: int
    records: int

    @property
    def told(self) -> str:
        """In words."""
        return f"{self.slices} slices, {self.requests} requests and {self.records:,} records sent"


def measure(directory: Path, sizes: list[int]) -> Table:
    """Read all that the feed keeps of an org into an empty store, and compare the requests with the arithmetic.

    The range is cut into slices of 12 hours. A slice of n records takes an initial request and one for each further
    page, max(1, ceil(n / 5000)) in all; the sum over the slices is the minimum for a range. The collector reads more
    than is asked for: it begins earlier by the longest call, and its slices overlap by a minute, as do the ends of the
    range. What either adds follows from the same formula. What the cloud was asked must be just the sum.

    Raises:
        Wrong: it is not; the cloud found a limit exceeded; or the store does not have just what the cloud has.
    """
    table = Table(
        f"Backfill of 30 days, the cloud's clock {_SPEED:g} times as fast",
        "records",
        "slices",
        "requests: minimum",
        "for the longest call",
        "for the overlap",
        "made",
        "records sent twice",
        "stored",
        "seconds",
        "records/s",
    )
    for size in sizes:
        _measure_one(directory / f"backfill-{size}", size, table)
    return table


def _measure_one(directory: Path, size: int, table: Table) -> None:
    end = to_milliseconds(_END)
    begin = end - _RULES.feed_oldest + _LEEWAY  # of all records
    wanted = begin + _RULES.longest_call
    preparing = timedelta(minutes=10 + size // 20_000)
    clock = RunningClock(_END - preparing, _SPEED)
    with SimulatedCloud(orgs=[_ORG], clock=clock) as cloud:
        cloud.add_rows(_ORG, filler(_ORG, start=from_milliseconds(begin), end=_END, records=size))
        cloud.truth(from_milliseconds(begin))  # sorts them, before the time counts
        clock.sleep((_END - clock.now()).total_seconds())
        seconds = _backfill(cloud, directory, wanted)
        truth = cloud.truth()[_ORG]
    times = sorted(newest.report_ms for newest in truth.values())
    minimum = _cost(times, wanted, end, overlap=0)
    widened = _cost(times, wanted - _RULES.longest_call, end, overlap=0)
    whole = _cost(times, wanted - _RULES.longest_call, end, overlap=_RULES.overlap)
    asked = cloud.audit.select(endpoint="feed")
    firsts = cloud.audit.select(endpoint="feed", kind="initial")
    made = _Cost(len(firsts), len(asked), sum(each.records for each in asked))
    stored, problems = _compare(directory, truth)
    table.add(
        f"{size:,}",
        str(made.slices),
        str(minimum.requests),
        f"+ {widened.requests - minimum.requests}",
        f"+ {whole.requests - widened.requests}",
        str(made.requests),
        f"{made.records - size:,}",
        f"{stored:,}",
        f"{seconds:,.0f}",
        f"{size / seconds:,.0f}",
    )
    if made != whole:
        problems.append(f"the arithmetic gives {whole.told}; there were {made.told}")
    problems += cloud.audit.problems()
    if problems:
        raise Wrong("\n".join(problems))


def _cost(times: Sequence[int], start: int, end: int, *, overlap: int) -> _Cost:
    """What it takes to read a range in slices that overlap, and overlap what is before and after it.

    Args:
        times: of all records, sorted.
    """
    start, end = start - overlap, end + overlap
    step = _RULES.feed_span - overlap
    slices = ceil((end - start - overlap) / step)
    found = []
    for begin in range(start, start + slices * step, step):
        until = min(begin + _RULES.feed_span, end)
        found.append(bisect_left(times, until) - bisect_left(times, begin))
    return _Cost(slices, sum(max(1, ceil(number / _RULES.max_page)) for number in found), sum(found))


def _backfill(cloud: SimulatedCloud, directory: Path, begin: int) -> float:
    """The seconds that `ringback backfill` takes, from its start to its end."""
    directory.mkdir()
    settings = directory / "ringback.toml"
    source = {
        "name": "cloud",
        "org": str(_ORG),
        "base_url": cloud.base_url,
        "known_hosts": [cloud.base_url],
        "token_url": cloud.token_url,
        "token_env": _TOKEN,
        "clock_speed": _SPEED,
    }
    lines = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in source.items()]
    settings.write_text("\n".join(["[[sources]]", *lines, ""]), "utf-8")
    places = ["--config", str(settings), "--data", str(directory / "data")]
    times = ["--from", to_wire_time(from_milliseconds(begin)), "--to", to_wire_time(_END)]
    began = time.perf_counter()
    subprocess.run([RINGBACK, "backfill", *places, *times], check=True, env=os.environ | {_TOKEN: cloud.issue_token()})
    return time.perf_counter() - began


def _compare(directory: Path, truth: dict[str, TrueNewest]) -> tuple[int, list[str]]:
    """How many records the store has, and how they differ from those of the cloud."""
    store = Store.open(directory / "data")
    ledger = SqlLedger(store, utc_now)
    stored = wrong = last = 0
    while found := ledger.after(_ORG, last, _STEP):
        last = found[-1].sequence
        stored += len(found)
        for each in found:
            known = truth.get(each.record.record_id)
            wrong += known is None or known.digest != sha256(each.record.raw).hexdigest()
    store.close()
    problems = []
    if stored != len(truth):
        problems.append(f"the cloud has {len(truth):,} records, the store {stored:,}")
    if wrong:
        problems.append(f"{wrong:,} of the records in the store are not as the cloud has them")
    return stored, problems
