"""A collector beside a simulated cloud, on one clock that waits for nobody: who sleeps by it moves it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from ringback.ledger import SqlLedger
from ringback.ledger.windows import AskedWindow, SourceState, WindowLedger
from ringback.records.decode import Record
from ringback.settings import WebexSourceSettings
from ringback.simulator import Rates, Simulation, in_arrival_order
from ringback.simulator.cloud import ManualClock, SimulatedCloud
from ringback.simulator.deliveries import Delivery
from ringback.sources.collecting.collector import tools_for
from ringback.sources.collecting.worker import Worker
from ringback.sources.webex.source import webex_workers
from ringback.store import Store
from ringback.store.store import DATABASE_NAME

START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""

LATE = Rates(late=0.05, redelivered=0.03, revised=0.02)


class ClockTime:
    """The time of the machine a collector runs on: the clock that a test holds."""

    speed = 1.0

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        """The time of day."""
        return self._clock.now()

    def timer(self) -> float:
        """Seconds."""
        return self._clock.timer()

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Moves the clock on."""
        if not stop.is_set():
            self._clock.sleep(seconds)


def traffic(
    start: datetime = START,
    days: float = 1.0,
    *,
    seed: int = 1,
    calls_per_day: int = 400,
    rates: Rates = LATE,
    orgs: int = 1,
) -> tuple[list[UUID], list[Delivery]]:
    """Orgs, and deliveries of their records in order of arrival."""
    simulation = Simulation(
        seed=seed, start=start, end=start + timedelta(days=days), calls_per_day=calls_per_day, rates=rates, orgs=orgs
    )
    return [org.uuid for org in simulation.orgs], list(in_arrival_order(simulation.calls()))


class Beside:
    """A collector of one org beside a cloud, with a store of its own.

    Args:
        values: settings of the source, besides those that lead it to the cloud.
    """

    def __init__(self, cloud: SimulatedCloud, clock: ManualClock, data: Path, org: UUID, **values: Any) -> None:
        self.cloud = cloud
        self.clock = clock
        self.org = org
        data.mkdir(exist_ok=True)
        if not (data / DATABASE_NAME).exists():
            (data / DATABASE_NAME).write_bytes(empty_store())
        self.store = Store.open(data)
        self.ledger = SqlLedger(self.store, clock.now)
        self.windows = WindowLedger(self.store)
        self.settings = settings_for(cloud, org, **values)
        self.environment = secrets_of(cloud, org)
        self.worker: Worker | None = None

    def collect(self, until: datetime | None = None, **options: bool) -> None:
        """Collect until the clock shows a time; or once, until caught up."""
        time = ClockTime(self.clock)
        tools = tools_for(self.store, self.clock.now, **({"once": until is None} | options))
        (worker,) = webex_workers([self.settings], tools, environment=self.environment, time=time)
        self.worker = worker

        def watch() -> None:
            if until is not None and self.clock.now() >= until:
                worker.stop.set()

        self.clock.watch(watch)
        worker.run()

    @property
    def state(self) -> SourceState:
        """How far the source is."""
        state = self.windows.state(self.org, self.settings.name)
        assert state
        return state

    def asked(self) -> list[AskedWindow]:
        """All windows, in the order they were asked."""
        return list(self.windows.windows(self.org, self.settings.name, since=0))

    def records(self) -> dict[str, Record]:
        """The current records by id."""
        return {found.record.record_id: found.record for found in self.ledger.after(self.org, 0, 10**7)}

    def check(self, until: datetime) -> None:
        """See that the ledger has what is true of the records that the cloud got until a time, and nothing else."""
        compare(self.cloud, self.org, self.records(), until, self.state.begins_at)

    def close(self) -> None:
        """Close the store."""
        self.store.close()


@cache
def empty_store() -> bytes:
    """A store without records, made once: making one takes longer than most tests."""
    with TemporaryDirectory() as directory:
        Store.open(Path(directory)).close()
        return (Path(directory) / DATABASE_NAME).read_bytes()


def settings_for(cloud: SimulatedCloud, org: UUID, **values: Any) -> WebexSourceSettings:
    """The settings of a source that leads to a cloud."""
    account = cloud.account(org)
    own: dict[str, Any] = {
        "name": "cloud",
        "org": org,
        "base_url": cloud.base_url,
        "known_hosts": tuple(cloud.url_of(region) for region in ("us", "eu", "in", "au", "gov")),
        "token_url": cloud.token_url,
        "client_id": account.client_id,
        "client_secret_env": "CLIENT_SECRET",
        "refresh_token_env": "REFRESH_TOKEN",
        "lease": "365d",  # nobody renews it
    }
    return WebexSourceSettings(**own | values)


def secrets_of(cloud: SimulatedCloud, org: UUID) -> dict[str, str]:
    """The environment that those settings name."""
    account = cloud.account(org)
    return {"CLIENT_SECRET": account.client_secret, "REFRESH_TOKEN": account.refresh_token}


def compare(
    cloud: SimulatedCloud, org: UUID, ours: Mapping[str, Record], until: datetime, since: int | None = None
) -> None:
    """See that records are those of the cloud: none lost, none made up, each in its newest revision.

    Args:
        until: records and revisions that came into the cloud by then.
        since: and from then on, in milliseconds.
    """
    truth = {name: newest for name, newest in cloud.truth(until)[org].items() if newest.newest_ms >= (since or 0)}
    assert truth
    later = cloud.truth()[org]
    lost = sorted(set(truth) - set(ours))
    assert lost == [], f"{len(lost)} of {len(truth)} records are lost"
    assert set(ours) <= set(later)
    newest = {record_id: {truth[record_id].digest, later[record_id].digest} for record_id in truth}
    stale = [name for name, digests in newest.items() if sha256(ours[name].raw).hexdigest() not in digests]
    assert stale == [], f"{len(stale)} of {len(truth)} records are not the newest revision"
    assert cloud.audit.problems() == []


def secrets_in(cloud: SimulatedCloud, data: bytes) -> list[str]:
    """Names of the secrets of a cloud that stand in some bytes."""
    return cloud._service.accounts.secrets_in(data)
