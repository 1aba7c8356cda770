"""`ringback collect` as a process, beside a simulated cloud whose clock runs fast, and what is done to it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from collecting import START, compare, secrets_of, settings_for, traffic
from processes import command, environment, ringback, serving
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.ledger.windows import Ended, WindowLedger
from ringback.records.decode import Record
from ringback.settings import WebexSourceSettings
from ringback.simulator.cloud import Faults, Hang, Rule, RunningClock, SimulatedCloud
from ringback.store import Store

SPEED = 360.0
"""A minute of the cloud is a sixth of a second."""

BEGIN = START + timedelta(days=1)
ORGS, DELIVERIES = traffic(days=4)
ORG = ORGS[0]
SETTLED = timedelta(minutes=20)


class Setup:
    """A cloud, a settings file that leads to it, and the store that it names."""

    def __init__(self, cloud: SimulatedCloud, directory: Path, **values: Any) -> None:
        self.cloud = cloud
        self.data = directory / "data"
        self.file = directory / "ringback.toml"
        self._directory = directory
        own = {"clock_speed": SPEED, "lease": "2s", "history": "6h", "busy_poll": "2m"}
        self.file.write_text(toml(self.data, settings_for(cloud, ORG, **own | values)), "utf-8")
        self.env = secrets_of(cloud, ORG)

    @contextlib.contextmanager
    def collecting(self, *arguments: str, name: str = "collect") -> Iterator[subprocess.Popen[bytes]]:
        """A collector process; killed at the end if it still runs."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                command("collect", "--config", self.file, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(**self.env),
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def log(self, name: str = "collect") -> Path:
        """Where the output of a collector goes."""
        return self._directory / f"{name}.log"

    def run(self, *arguments: str) -> str:
        """Run a command to its end, and give what it printed."""
        return ringback(*arguments, "--config", self.file, env=self.env).ok().text

    @contextlib.contextmanager
    def windows(self) -> Iterator[WindowLedger]:
        """The windows as they are."""
        store = Store.open(self.data)
        try:
            yield WindowLedger(store)
        finally:
            store.close()

    def records(self) -> dict[str, Record]:
        """The current records by id."""
        store = Store.open(self.data)
        try:
            return {found.record.record_id: found.record for found in SqlLedger(store, utc_now).after(ORG, 0, 10**7)}
        finally:
            store.close()

    def asked(self) -> int:
        """How many windows the cloud was asked for."""
        return len(self.cloud.audit.select(kind="initial"))

    def wait_for_requests(self, more: int) -> None:
        """Return when the cloud was asked for so many more windows."""
        wanted = self.asked() + more
        wait_until(lambda: self.asked() >= wanted)

    def check(self) -> None:
        """Catch up, and see that nothing is lost, doubled, stale or astray."""
        self.run("collect", "--once")
        with self.windows() as windows:
            state = windows.state(ORG, "cloud")
        assert state
        compare(self.cloud, ORG, self.records(), self.cloud.now() - SETTLED, state.begins_at)


def toml(data: Path, source: WebexSourceSettings) -> str:
    """A settings file with one source."""

    def write(value: object) -> str:
        return msgspec.json.encode(value).decode()

    lines = [f"{name} = {write(getattr(source, name))}" for name in source.__struct_fields__]
    return f"data = {write(str(data))}\n\n[[sources]]\n" + "\n".join(lines) + "\n"


@contextlib.contextmanager
def setup(directory: Path, faults: Faults | None = None, **values: Any) -> Iterator[Setup]:
    """See `Setup`."""
    clock = RunningClock(BEGIN, SPEED)
    with SimulatedCloud(traffic=DELIVERIES, orgs=ORGS, clock=clock, faults=faults) as cloud:
        yield Setup(cloud, directory, **values)


def wait_until(what: Callable[[], object], seconds: float = 30) -> None:
    """Return when something is so; fail if it takes too long."""
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.02)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """However often a collector is killed, wherever it is at that moment, nothing is lost, nothing is there twice, and
    the cloud is never asked faster than it allows."""
    random = Random(7)
    with setup(tmp_path, lease="1s") as it:
        for _ in range(5):
            with it.collecting() as process:
                it.wait_for_requests(1)
                time.sleep(random.random() * 0.6)
                process.send_signal(signal.SIGKILL)
        it.check()
        with it.windows() as windows:
            ended = {window.ended for window in windows.windows(ORG, "cloud", since=0)}
        assert ended <= {Ended.COMPLETE, Ended.INTERRUPTED}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_in_the_middle_of_a_page(tmp_path: Path, number: signal.Signals) -> None:
    """A signal ends a collector that waits for a page with exit code 0; what it was reading is noted as interrupted,
    its lease is free at once, and the next collector reads it."""
    faults = Faults(rules=(Rule(fault=Hang(seconds=0.7), nth=(3,)),))
    with setup(tmp_path, faults, lease="1h") as it:
        with it.collecting() as process:
            wait_until(lambda: it.cloud.audit.select(fault="hang"))
            process.send_signal(number)
            assert process.wait(15) == 0
        with it.windows() as windows:
            assert windows.last(ORG, "cloud", 1)[0].ended is Ended.INTERRUPTED
        it.check()


def test_one_collects_and_the_other_waits(tmp_path: Path) -> None:
    """Of two collectors of one source, one waits; when the first is killed, its lease ends, and the second goes on."""
    with setup(tmp_path) as it, it.collecting(name="first") as first:
        wait_until(it.asked)
        with it.collecting(name="second"):
            wait_until(lambda: "waiting for the lease" in it.log("second").read_text())
            first.kill()
            it.wait_for_requests(2)
        it.check()


def test_who_was_away_too_long_is_refused(tmp_path: Path) -> None:
    """A collector that was frozen until another one took over notices that when it wakes, writes nothing, and waits."""
    # Frozen while it waits for an answer: frozen in a write it would keep the database, and everybody, from going on.
    faults = Faults(rules=(Rule(fault=Hang(seconds=1), nth=(3,)),))
    with setup(tmp_path, faults, lease="1s") as it, it.collecting(name="first") as first:
        wait_until(lambda: it.cloud.audit.select(fault="hang"))
        first.send_signal(signal.SIGSTOP)
        with it.collecting(name="second"):
            it.wait_for_requests(2)
            first.send_signal(signal.SIGCONT)
            wait_until(lambda: "lease lost" in it.log("first").read_text())
            first.kill()
        it.check()


def test_a_backfill_beside_a_collector(tmp_path: Path) -> None:
    """A backfill is done by the process that collects; the command waits for it. Without one it does it by itself."""
    begin, end = (
        f"{BEGIN - timedelta(hours=20):%Y-%m-%dT%H:%M:%SZ}",
        f"{BEGIN - timedelta(hours=16):%Y-%m-%dT%H:%M:%SZ}",
    )
    with setup(tmp_path) as it:
        with it.collecting():
            wait_until(it.asked)
            assert "cloud: done" in it.run("backfill", "--from", begin, "--to", end)
        time.sleep(2.1)
        assert "cloud: done; 0 new" in it.run("backfill", "--from", begin, "--to", end)
        truth = it.cloud.truth()[ORG]
        old = {
            record_id
            for record_id, newest in truth.items()
            if BEGIN - timedelta(hours=20)
            <= datetime.fromtimestamp(newest.report_ms / 1000, UTC)
            < BEGIN - timedelta(hours=17)
            and datetime.fromtimestamp(newest.newest_ms / 1000, UTC) < BEGIN
        }
        assert old
        assert old <= set(it.records())


def test_sources_tells_how_far_they_are(tmp_path: Path) -> None:
    """`ringback sources` shows each source: since and up to when it is complete, its counts and its last windows."""
    with setup(tmp_path) as it:
        it.data.mkdir()
        Store.open(it.data).close()
        assert "cloud (webex): not collected yet" in it.run("sources")
        it.run("collect", "--once")
        shown = it.run("sources", "--windows", "3")
    assert "complete       from 2026-03-02 18:" in shown
    assert "collected by   nobody now" in shown
    assert len([line for line in shown.splitlines() if line.endswith("complete")]) == 3


def test_the_server_collects_beside_serving(tmp_path: Path) -> None:
    """`ringback serve` collects from the sources of its settings, tells how far they are in its metrics, and stops."""
    with setup(tmp_path) as it:
        with serving(it.data, "--config", it.file, env=it.env) as server:
            wait_until(lambda: it.asked() > 3)
            text = server.ask("/metrics").body.decode()
            assert server.stop() == 0
        assert f'ringback_source_requests_total{{org="{ORG}",source="cloud"}}' in text
        assert 'outcome="new"' in text
        it.check()


def test_a_secret_that_is_not_there(tmp_path: Path) -> None:
    """Without its secret no collector starts, and the message says where the secret was looked for."""
    with setup(tmp_path) as it:
        message = ringback("collect", "--config", it.file, env={"CLIENT_SECRET": "x"}).failed()
    assert "The refresh token is not in the environment variable REFRESH_TOKEN" in message


def test_no_sources(tmp_path: Path) -> None:
    """Without sources in the settings, the command says where to read how to set one up."""
    assert "docs/collecting.md" in ringback("collect", "--data", tmp_path / "data").failed()
