"""`ringback collect` as a process beside a simulated PBX whose clock runs fast, and what is done to it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from collecting_pbx import BEGIN, NAME, calls, compare, secrets_of, settings_for
from factories import ORG
from processes import command, environment, ringback
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.ledger.windows import Ended, WindowLedger
from ringback.records.values import from_milliseconds
from ringback.settings import PortsipSourceSettings
from ringback.simulator.cloud import RunningClock
from ringback.simulator.pbx import Behaviour, SimulatedPbx, TrafficRates
from ringback.store import Store

SPEED = 120.0
"""A minute of the PBX is half a second."""

WRITES = calls(
    2,
    calls_per_day=200,
    after=timedelta(days=1),
    rates=TrafficRates(late=0.0, updated=0.0, long=0.02, longest=timedelta(hours=2)),
)


class Setup:
    """A PBX, a settings file that leads to it, and the store that it names."""

    def __init__(self, pbx: SimulatedPbx, directory: Path, **values: Any) -> None:
        self.pbx = pbx
        self.data = directory / "data"
        self.file = directory / "ringback.toml"
        self._log = directory / "collect.log"
        own = {"clock_speed": SPEED, "lease": "1s", "history": "4h", "audit_every": "0s", "longest_call": "3h"}
        self.file.write_text(toml(self.data, settings_for(pbx, **own | values)), "utf-8")
        self.env = secrets_of(pbx)

    @contextlib.contextmanager
    def collecting(self) -> Iterator[subprocess.Popen[bytes]]:
        """A collector process; killed at the end if it still runs."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command("collect", "--config", self.file),
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

    def run(self, *arguments: str) -> str:
        """Run a command to its end, and give what it printed."""
        return ringback(*arguments, "--config", self.file, env=self.env).ok().text

    def asked(self) -> int:
        """How many requests the PBX has got."""
        return len(self.pbx.audit)

    def check(self) -> set[Ended]:
        """See that nothing is lost, doubled, stale or made up; how the windows ended."""
        store = Store.open(self.data)
        try:
            windows = WindowLedger(store)
            state = windows.state(ORG, NAME)
            assert state
            assert state.complete_up_to
            ours = {found.record.record_id: found.record for found in SqlLedger(store, utc_now).after(ORG, 0, 10**7)}
            compare(self.pbx, ours, from_milliseconds(state.complete_up_to), state.begins_at)
            return {window.ended for window in windows.windows(ORG, NAME, since=0)}
        finally:
            store.close()


def toml(data: Path, source: PortsipSourceSettings) -> str:
    """A settings file with one source."""

    def write(value: object) -> str:
        return msgspec.json.encode(value).decode()

    lines = [f"{name} = {write(getattr(source, name))}" for name in source.__struct_fields__]
    return f'data = {write(str(data))}\n\n[[sources]]\nkind = "portsip"\n' + "\n".join(lines) + "\n"


@contextlib.contextmanager
def setup(directory: Path, behaviour: Behaviour | None = None, **values: Any) -> Iterator[Setup]:
    """See `Setup`."""
    with SimulatedPbx(WRITES, clock=RunningClock(BEGIN, SPEED), behaviour=behaviour) as pbx:
        yield Setup(pbx, directory, **values)


def wait_until(what: Callable[[], object], seconds: float = 40) -> None:
    """Return when something is so; fail if it takes too long."""
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.02)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """However often a collector of a PBX is killed, wherever it is at that moment, nothing is lost and nothing is there
    twice, and the rate is kept."""
    random = Random(3)
    behaviour = Behaviour(filterable="no_end", unfilterable="ignored", token_lifetime=timedelta(minutes=30))
    with setup(tmp_path, behaviour, top=20, details=True, detail_after="1m") as it:
        for _ in range(3):
            before = it.asked()
            with it.collecting() as process:
                wait_until(lambda before=before: it.asked() > before + 12)  # type: ignore[misc]
                time.sleep(random.random())
                process.send_signal(signal.SIGKILL)
        it.run("collect", "--once")
        assert it.check() <= {Ended.COMPLETE, Ended.INTERRUPTED}


def test_what_people_see(tmp_path: Path) -> None:
    """`ringback sources` shows a PBX as it shows an org, a backfill of it is done, and a collector ends at once when it
    is told to."""
    with setup(tmp_path) as it:
        it.data.mkdir()
        Store.open(it.data).close()
        assert "pbx (portsip): not collected yet" in it.run("sources")
        with it.collecting() as process:
            wait_until(lambda: it.asked() > 15)
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
        it.run("collect", "--once")
        shown = it.run("sources", "--windows", "4")
        assert "pbx (portsip)" in shown
        assert "complete       from 2026-03-03 0" in shown
        assert "calllogs by end" in shown
        begin, end = (f"{BEGIN - timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (10, 8))
        assert "pbx: done;" in it.run("backfill", "--from", begin, "--to", end)
        it.check()


def test_a_password_that_is_not_there(tmp_path: Path) -> None:
    """Without its password no collector starts, and the message says where it was looked for."""
    with setup(tmp_path) as it:
        message = ringback("collect", "--config", it.file).failed()
    assert "The password is not in the environment variable PASSWORD" in message
