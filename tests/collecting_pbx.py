"""A collector beside a simulated PBX, on one clock that waits for nobody: who sleeps by it moves it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from collecting import START, ClockTime, empty_store
from factories import ORG
from ringback.ledger import SqlLedger
from ringback.ledger.windows import AskedWindow, SourceState, WindowLedger
from ringback.records.decode import Record
from ringback.records.values import to_milliseconds
from ringback.settings import PortsipSourceSettings
from ringback.simulator.cloud import ManualClock
from ringback.simulator.pbx import SimulatedPbx, Traffic, TrafficRates, TrueCallLog, Written
from ringback.sources.collecting.collector import tools_for
from ringback.sources.collecting.worker import Worker
from ringback.sources.portsip.source import portsip_workers
from ringback.store import Store
from ringback.store.store import DATABASE_NAME

BEGIN = START + timedelta(hours=36)
"""When collectors begin: on a Tuesday at noon."""

NAME = "pbx"
RATES = TrafficRates(late=0.02, late_by=timedelta(minutes=10), updated=0.05, long=0.02, longest=timedelta(hours=3))


def calls(
    seed: int = 1,
    *,
    calls_per_day: int = 100,
    rates: TrafficRates = RATES,
    before: timedelta = timedelta(hours=12),
    after: timedelta = timedelta(hours=5),
) -> list[Written]:
    """Calls around the time when collectors begin."""
    traffic = Traffic(seed, BEGIN - before, BEGIN + after, calls_per_day=calls_per_day, rates=rates)
    return list(traffic.writes())


class BesidePbx:
    """A collector of one tenant beside a PBX, with a store of its own.

    Args:
        values: settings of the source, besides those that lead it to the PBX.
    """

    def __init__(self, pbx: SimulatedPbx, clock: ManualClock, data: Path, **values: Any) -> None:
        self.pbx = pbx
        self.clock = clock
        data.mkdir(exist_ok=True)
        if not (data / DATABASE_NAME).exists():
            (data / DATABASE_NAME).write_bytes(empty_store())
        self.store = Store.open(data)
        self.ledger = SqlLedger(self.store, clock.now)
        self.windows = WindowLedger(self.store)
        self.settings = settings_for(pbx, **values)
        self.environment = secrets_of(pbx)

    def worker(self, *, once: bool = False, only_backfills: bool = False) -> Worker:
        """A collector that does not run yet."""
        tools = tools_for(self.store, self.clock.now, once=once, only_backfills=only_backfills)
        time = ClockTime(self.clock)
        (worker,) = portsip_workers([self.settings], tools, environment=self.environment, time=time)
        return worker

    def collect(self, until: datetime | None = None, **options: bool) -> None:
        """Collect until the clock shows a time; or once, until caught up."""
        worker = self.worker(**({"once": until is None} | options))

        def watch() -> None:
            if until is not None and self.clock.now() >= until:
                worker.stop.set()

        self.clock.watch(watch)
        worker.run()

    @property
    def state(self) -> SourceState:
        """How far the source is."""
        state = self.windows.state(ORG, NAME)
        assert state
        return state

    def asked(self) -> list[AskedWindow]:
        """All windows, in the order they were asked."""
        return list(self.windows.windows(ORG, NAME, since=0))

    def records(self) -> dict[str, Record]:
        """The current records by id."""
        return {found.record.record_id: found.record for found in self.ledger.after(ORG, 0, 10**7)}

    def check(self, until: datetime, settled: datetime | None = None) -> None:
        """See that the ledger has what the PBX had at a time, and nothing else.

        Args:
            settled: what came or changed later may be there or not; the same time if not given.
        """
        compare(self.pbx, self.records(), until, self.state.begins_at, settled)

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def settings_for(pbx: SimulatedPbx, **values: Any) -> PortsipSourceSettings:
    """The settings of a source that leads to a PBX."""
    account = pbx.account()
    own: dict[str, Any] = {
        "name": NAME,
        "org": ORG,
        "base_url": pbx.base_url,
        "username": account.username,
        "password_env": "PASSWORD",
        "domain": account.tenant,
        "client_id": "a-client",
        "lease": "365d",  # nobody renews it
    }
    if values.get("token_env") or values.get("token_file"):
        own |= {"username": "", "password_env": "", "domain": ""}
    return PortsipSourceSettings(**own | values)


def secrets_of(pbx: SimulatedPbx) -> dict[str, str]:
    """The environment that those settings name."""
    return {"PASSWORD": pbx.account().password}


def compare(
    pbx: SimulatedPbx,
    ours: Mapping[str, Record],
    until: datetime,
    since: int | None = None,
    settled: datetime | None = None,
) -> None:
    """See that records are the rows of the PBX: none lost, none made up, each in its newest content.

    Args:
        until: calls that had ended by then.
        since: and from then on, in milliseconds since 1970.
        settled: contents written by then.
    """
    of = pbx.behaviour.readable
    later = pbx.truth(of=of)
    truth = {name: row for name, row in pbx.truth(until, of=of).items() if _ended(row, since or 0)}
    assert truth
    lost = sorted(set(truth) - set(ours))
    assert lost == [], f"{len(lost)} of {len(truth)} rows are lost"
    assert set(ours) <= set(later)
    settled_truth = pbx.truth(settled, of=of) if settled else truth
    stale = []
    for name in truth:
        good = {digest for row in (settled_truth[name], later[name]) for digest in _digests(row)}
        if sha256(ours[name].raw).hexdigest() not in good:
            stale.append(name)
    assert stale == [], f"{len(stale)} of {len(truth)} rows are not in their newest content"
    problems = pbx.audit.problems()
    assert problems == [], problems[:5]


def _ended(row: TrueCallLog, since: int) -> bool:
    return row.row.ended_at is not None and to_milliseconds(row.row.ended_at) >= since


def _digests(row: TrueCallLog) -> tuple[str, str]:
    return sha256(row.listed).hexdigest(), sha256(row.detailed).hexdigest()
