"""Being told of calls by the WebSocket of a PBX, and what happens when it is not there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collecting_pbx import NAME, secrets_of, settings_for
from factories import ORG
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.ledger.windows import WindowLedger
from ringback.simulator.cloud import RunningClock
from ringback.simulator.pbx import Behaviour, SimulatedPbx, Written, finished_call
from ringback.sources.collecting.collector import Collector, tools_for
from ringback.sources.collecting.plan import HINTED
from ringback.sources.portsip.events import Events
from ringback.sources.portsip.source import portsip_workers
from ringback.store import Store


def just_now(pbx: SimulatedPbx, sequence: int = 0) -> Written:
    """A call that ends now."""
    return finished_call(pbx.now() - timedelta(seconds=6), sequence, talking=1.0, written_after=0.0)


def wait_until(what: Callable[[], object], seconds: float = 20) -> None:
    """Return when something is so; fail if it takes too long."""
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.02)


@contextmanager
def listening(pbx: SimulatedPbx, password: str = "", **values: Any) -> Iterator[threading.Event]:
    """Somebody who listens to a PBX."""
    news = threading.Event()
    secrets = secrets_of(pbx) | ({"PASSWORD": password} if password else {})
    events = Events(settings_for(pbx, wsi=True, **values), secrets, news)
    events.start()
    try:
        yield news
    finally:
        events.close()


def subscribed(pbx: SimulatedPbx) -> bool:
    """Whether somebody gets events."""
    return any(connection.subscribed for connection in pbx._wsi._open)


@pytest.mark.parametrize(
    "behaviour", [Behaviour(), Behaviour(wsi_broken=1.0, wsi_words="old")], ids=["sound", "broken"]
)
def test_the_end_of_a_call_is_news(behaviour: Behaviour) -> None:
    """There is news when listening begins, and at the end of each call, also if the message is no proper JSON."""
    with SimulatedPbx(clock=RunningClock(), behaviour=behaviour) as pbx, listening(pbx) as news:
        assert news.wait(10)
        wait_until(lambda: subscribed(pbx))
        for number in range(3):
            news.clear()
            pbx.add([just_now(pbx, number)])
            assert news.wait(10)
        assert pbx.audit.problems() == []


def test_a_connection_that_is_lost_is_made_again() -> None:
    """After a restart of the PBX the connection comes back by itself, with news, since calls may have gone unheard."""
    with SimulatedPbx(clock=RunningClock()) as pbx, listening(pbx) as news:
        wait_until(lambda: subscribed(pbx))
        news.clear()
        pbx.restart()
        assert news.wait(10)
        assert len(pbx.audit.select(endpoint="wsi")) == 2


@pytest.mark.parametrize(("behaviour", "password"), [(Behaviour(), "wrong"), (Behaviour(wsi=False), "")])
def test_a_pbx_that_gives_no_events(behaviour: Behaviour, password: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A PBX without a WebSocket, or one that refuses the login, is told of in the log; a login is not tried again soon,
    and closing waits for nothing."""
    with SimulatedPbx(clock=RunningClock(), behaviour=behaviour) as pbx:
        with listening(pbx, password) as news:
            wait_until(lambda: pbx.audit.select(endpoint="wsi"))
            time.sleep(1.5)
            assert not news.is_set()
            assert len(pbx.audit.select(endpoint="wsi")) <= (1 if password else 3)
            began = time.monotonic()
        assert time.monotonic() - began < 2
        logged = capfd.readouterr().out
        assert "the PBX gives no events" in logged or "not listening to events" in logged
        assert "wrong" not in logged


def test_a_call_is_collected_seconds_after_its_end(tmp_path: Path) -> None:
    """A collector that is told of calls has their rows within seconds, whatever the poll; its other windows stay as
    they are."""
    store = Store.open(tmp_path / "data")
    with SimulatedPbx(clock=RunningClock()) as pbx:
        pbx.add([finished_call(pbx.now() - timedelta(minutes=30))])
        settings = settings_for(pbx, wsi=True, history="1h", poll="10m", audit_every="0s", lease="30s")
        tools = tools_for(store, utc_now)
        collector = Collector(portsip_workers([settings], tools, environment=secrets_of(pbx)), 30)
        collector.start()
        ledger = SqlLedger(store, utc_now)
        try:
            wait_until(lambda: ledger.newest(ORG) == 1 and subscribed(pbx), 30)
            pbx.add([just_now(pbx, 1)])
            wait_until(lambda: ledger.newest(ORG) == 2, 30)
            assert pbx.audit.problems() == []
        finally:
            collector.stop()
        windows = WindowLedger(store).windows(ORG, NAME, since=0)
        assert 1 <= len([window for window in windows if window.purpose == HINTED]) <= 3
    store.close()
