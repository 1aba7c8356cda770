"""Whole calls: whether they are those that really happened, and how fast they are made of records."""

from __future__ import annotations

import multiprocessing
import resource
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import comb
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select

from benchmarks.append import filled_store
from benchmarks.call_truth import differences
from benchmarks.table import Table, Wrong
from ringback.ledger import SqlLedger
from ringback.ledger.contract import StoredRecord
from ringback.projections.calls.correlator import correlate, keep
from ringback.projections.calls.projection import CallsProjection, new_record
from ringback.projections.calls.rows import decode_kept
from ringback.projections.calls.story.model import Story
from ringback.projections.numbers import Numbers
from ringback.projections.runner import Runner
from ringback.projections.sessions.projection import timed_legs
from ringback.records.decode import decode
from ringback.server.run import utc_now
from ringback.simulator import KINDS, Delivery, Rates, Simulation, TrueCall, in_arrival_order
from ringback.store import Store
from ringback.store.schema import calls

_START = datetime(2026, 10, 1, tzinfo=UTC)
_DAYS = 16
"""Local call IDs begin again after 7 days, so that each is used up to three times."""

_CALLS_A_DAY = 600
_ORGS = 3
_RATES = Rates(late=0.1, redelivered=0.05, revised=0.05)
_MISSING = 0.02
"""Of the records, those that never come."""

_SHUFFLED = 300
"""So many deliveries that follow one another come in any order, and are stored at once."""

_PARTS = 5
_MEBIBYTE = 1024 * 1024


def measure_truth(directory: Path, _: list[int]) -> Table:
    """Compare calls that are made of records, with all that befalls records on their way, with the true ones.

    Raises:
        Wrong: a call whose records all came is not exactly that call, or is told wrongly.
    """
    simulation = Simulation(
        seed=6,
        start=_START,
        end=_START + timedelta(days=_DAYS),
        calls_per_day=_CALLS_A_DAY,
        orgs=_ORGS,
        rates=_RATES,
        mix=dict.fromkeys(KINDS, 1.0),
    )
    simulated = list(simulation.calls())
    luck = Random(6)
    lost = {record.report_id for call in simulated for record in call.truth.records if luck.random() < _MISSING}
    with closing(Store.open(directory / "calls-truth")) as store:
        _project(store, (each for each in in_arrival_order(simulated) if each.report_id not in lost), luck)
        stories = [story for org in simulation.orgs for story in _stories(store, org.uuid)]
    title = f"Whole calls against {len(simulated):,} simulated ones, of {_ORGS} organizations in {_DAYS} days"
    return _compared(title, [call.truth for call in simulated], lost, stories)


def measure(directory: Path, sizes: list[int]) -> Table:
    """Make whole calls of the records of a ledger, for each size in a process of its own."""
    table = Table(
        "Whole calls of simulated records of a month, one process",
        "what is made",
        "records",
        "legs so far",
        "legs/s of processor time",
        "legs/s by the clock",
        "MiB resident at most",
        "bytes a leg on disk",
    )
    for size in sizes:
        for what, made in _MADE.items():
            path = directory / "calls-projecting"
            shutil.copytree(filled_store(directory, size), path)
            # Of this process, which simulated the records, nothing would tell what the projection needs.
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
                parts = process.submit(_timed, path, size, made).result()
            for part in parts:
                table.add(
                    what,
                    f"{size:,}",
                    f"{part.legs:,}",
                    f"{part.rate:,.0f}",
                    f"{part.clock_rate:,.0f}",
                    f"{part.resident / _MEBIBYTE:,.0f}",
                    f"{part.disk / part.legs:,.0f}",
                )
            shutil.rmtree(path)
    return table


class _Part(msgspec.Struct, frozen=True):
    """A part of a run: legs so far, legs/s in it, and bytes so far."""

    legs: int
    rate: float
    clock_rate: float
    resident: int
    disk: int


class _Joining(CallsProjection):
    """Finds out which records belong together, and tells nothing of their calls."""

    def read(self, org: UUID, stored: Sequence[StoredRecord], _: int) -> Any:
        legs = {each.record.record_id: timed_legs(each) for each in stored}
        first = self._ledger.first_versions(org, list(legs))
        came = [new_record(org, each, legs[each.record.record_id], first) for each in stored]
        with self._store.read() as connection:
            return correlate(connection, org, came)

    def write(self, connection: Connection, org: UUID, change: Any) -> None:
        keep(connection, org, change)


_MADE: Mapping[str, type[CallsProjection]] = {"joined only": _Joining, "whole calls": CallsProjection}


def _timed(path: Path, size: int, made: type[CallsProjection]) -> list[_Part]:
    with closing(Store.open(path)) as store:
        runner, before = runner_of(store, made), _size(store)
        parts: list[_Part] = []
        done = last = 0
        busy, clock = time.process_time(), time.perf_counter()
        while step := runner.step():
            done += step
            if done * _PARTS >= size * (len(parts) + 1):
                now_busy, now_clock = time.process_time(), time.perf_counter()
                resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
                rates = ((done - last) / (now_busy - busy), (done - last) / (now_clock - clock))
                parts.append(_Part(done, *rates, resident, _size(store) - before))
                last, busy, clock = done, now_busy, now_clock
        runner.stop()
    return parts


def _size(store: Store) -> int:
    """Bytes of the database, whether they are still in the write-ahead log or not."""
    with store.read() as connection:
        pages, size = (connection.exec_driver_sql(f"PRAGMA {of}").scalar_one() for of in ("page_count", "page_size"))
    return int(pages * size)


def runner_of(store: Store, made: type[CallsProjection] = CallsProjection) -> Runner:
    """What makes the calls of a store, and nothing else."""
    ledger = SqlLedger(store, utc_now)
    return Runner(store, ledger, [made(store, ledger, Numbers(""), utc_now)], "benchmark", utc_now)


def _project(store: Store, deliveries: Iterator[Delivery], luck: Random) -> None:
    ledger, runner = SqlLedger(store, utc_now), runner_of(store)
    while some := list(islice(deliveries, _SHUFFLED)):
        luck.shuffle(some)
        ledger.append([decode(each.record).record for each in some])
        runner.catch_up()
    runner.stop()


def _stories(store: Store, org: UUID) -> Iterator[Story]:
    with store.read() as connection:
        for body in connection.execute(select(calls.c.body).where(calls.c.org == org)).scalars():
            yield decode_kept(body).story


class _Kind:
    """What was found of some calls.

    Attributes:
        complete: how many there are whose records all came. The next three are of those.
        exact: calls that are made of all their records, and of no other.
        told: calls of which all facts are told as they were.
        right, participants: participants whose result is told as it was, and all.
        pairs: pairs of records that came and belong together.
        joined: those of them that were put together.
        wrongly: pairs that were put together and do not belong together; counted for each of the two calls.
    """

    def __init__(self) -> None:
        self.calls = self.complete = self.exact = self.told = 0
        self.participants = self.right = 0
        self.pairs = self.joined = self.wrongly = 0

    def add(self, truth: TrueCall, lost: set[str], found: Mapping[str, Story]) -> None:
        """Count a call, given the story that each record is in."""
        came = [record.report_id for record in truth.records if record.report_id not in lost]
        self.calls += 1
        self.pairs += comb(len(came), 2)
        if len(came) < len(truth.records):
            return
        story = found[came[0]]
        self.complete += 1
        self.exact += set(story.report_ids) == set(came)
        self.told += not differences(truth, story)
        results = {each.user_id or each.number: each.result for each in story.participants}
        self.participants += len(truth.participants)
        self.right += sum(results.get(each.user_uuid or each.number) == each.result for each in truth.participants)

    def add_all(self, other: _Kind) -> None:
        """Count all that another one has counted."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def cells(self) -> Sequence[str]:
        """The row of a table."""
        counts = (self.calls, self.complete, self.exact, self.told)
        return (
            *(f"{count:,}" for count in counts),
            f"{self.right:,} of {self.participants:,}",
            _share(self.joined, self.joined + self.wrongly),
            _share(self.joined, self.pairs),
        )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else "none"


def _compared(title: str, truths: Sequence[TrueCall], lost: set[str], stories: Iterable[Story]) -> Table:
    table = Table(
        title,
        *("kind", "calls", "all records came", "exact", "told as it was", "participants with the right result"),
        *("precision of pairs", "recall of pairs"),
    )
    kinds = {name: _Kind() for name in sorted(KINDS)}
    call_of = {record.report_id: truth for truth in truths for record in truth.records}
    found: dict[str, Story] = {}
    for story in stories:
        found |= dict.fromkeys(story.report_ids, story)
        together = Counter(call_of[record].id for record in story.report_ids)
        for truth in {call_of[record].id: call_of[record] for record in story.report_ids}.values():
            its = together[truth.id]
            kinds[truth.kind].joined += comb(its, 2)
            kinds[truth.kind].wrongly += its * (len(story.report_ids) - its)
    total = _Kind()
    for truth in truths:
        kinds[truth.kind].add(truth, lost, found)
    for name, kind in kinds.items():
        table.add(name, *kind.cells)
        total.add_all(kind)
    table.add("all", *total.cells)
    if not total.complete == total.exact == total.told:
        print(table.markdown(), flush=True)
        raise Wrong(f"of {total.complete:,} calls {total.exact:,} are exact, and {total.told:,} told as they were")
    return table
