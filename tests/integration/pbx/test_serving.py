"""The simulated PBX as a process, and with many rows."""

from __future__ import annotations

import re
import shlex
import subprocess
import threading
import time
import tomllib
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from integration.cloud.asking import Answer, send
from integration.pbx.asking import NOW, START, Client
from processes import command
from ringback.settings.portsip_source import PortsipSourceSettings
from ringback.simulator.cloud import ScenarioError
from ringback.simulator.pbx import (
    Behaviour,
    Limits,
    ManualClock,
    PbxScenario,
    Refuse,
    SimulatedPbx,
    Traffic,
    read_pbx_scenario,
    serve_pbx,
)


def test_it_serves_a_busy_month() -> None:
    """A page out of 15,000 rows or more is answered in less than half a second."""
    traffic = Traffic(1, START, START + timedelta(days=20), calls_per_day=900)
    with SimulatedPbx(traffic.writes(), clock=ManualClock(START + timedelta(days=21))) as pbx:
        client = Client(pbx)
        assert client.get("/calllogs").status == 200
        began = time.monotonic()
        window = "started_at ge '2025-07-28T00:00:00Z' and started_at lt '2025-07-29T00:00:00Z'"
        assert len(client.ids(filter=window, orderby="started_at,id")) == 100
        assert time.monotonic() - began < 0.5
        assert len(pbx.truth()) > 15_000


def curl(line: str) -> Answer:
    """The answer to what a printed line for curl asks."""
    program, *words = shlex.split(line)
    assert program == "curl"
    headers = {name.lower(): value for name, value in re.findall(r"-H ([^:]+): (.+?)(?= -d | http|$)", " ".join(words))}
    data = words[words.index("-d") + 1] if "-d" in words else ""
    return send(words[-1], method="POST" if data else "GET", body=data, **headers)


def test_it_can_be_played_from_a_program() -> None:
    """`serve_pbx` prints lines for curl that work, goes on with its traffic, and tells what clients did wrong."""
    shown: list[str] = []
    stop = threading.Event()
    problems: list[int] = []
    scenario = PbxScenario(limits=Limits(requests=2))

    def serve() -> None:
        problems.append(
            serve_pbx(
                seed=5,
                tenants=2,
                history=timedelta(hours=12),
                start=NOW - timedelta(hours=4),
                speed=60,
                scenario=scenario,
                show=shown.append,
                stop=stop,
            )
        )

    thread = threading.Thread(target=serve)
    thread.start()
    give_up = time.monotonic() + 30
    while not shown and time.monotonic() < give_up:
        time.sleep(0.02)
    try:
        (text,) = shown
        assert text.count("password ") == 2
        log_in, newest = re.findall(r"^ +(curl .+)$", text, re.MULTILINE)
        assert b"access_token" in curl(log_in).body
        assert len(curl(newest).items) == 5
        assert curl(newest).status == 429
        lines = re.findall(r"^  (\[\[sources\]\]|\w+ = .*)$", text, re.MULTILINE)
        sources = msgspec.convert(tomllib.loads("\n".join(lines)), dict[str, list[PortsipSourceSettings]])["sources"]
        assert [source.name for source in sources] == ["pbx-1", "pbx-2"]
        assert (sources[1].domain, sources[1].clock_speed) == ("tenant2.example", 60)
        assert f"export {sources[1].password_env}=" in text
    finally:
        stop.set()
        thread.join()
    assert problems == [2]
    assert shown[-1] == "2 problems"


def test_it_can_be_played_from_the_command_line(tmp_path: Path) -> None:
    """`ringback simulate --serve-pbx` answers, heeds a scenario, and ends well on a signal."""
    scenario = tmp_path / "pbx.toml"
    scenario.write_text("[behaviour]\ncalllogs = false\n")
    output = tmp_path / "pbx.out"
    words = ["simulate", "--serve-pbx", "--days", "0.1", "--users", "10", "--scenario", str(scenario)]
    with output.open("wb") as file:
        process = subprocess.Popen(command(*words), stdout=file)
    try:
        while "Stop with" not in output.read_text():
            assert process.poll() is None
            time.sleep(0.05)
        log_in, newest = re.findall(r"^ +(curl .+)$", output.read_text(), re.MULTILINE)
        assert curl(newest).status == 404
        assert curl(log_in).status == 200
        process.terminate()
        assert process.wait(30) == 0
        assert "2 requests" in output.read_text()
    finally:
        process.kill()
        process.wait()


def test_a_scenario_is_read_from_a_file(tmp_path: Path) -> None:
    """Limits, choices, faults and rates can be written as TOML."""
    file = tmp_path / "pbx.toml"
    file.write_text(
        """
        skew = "PT90S"
        [limits]
        requests = 60
        [behaviour]
        skip_from = 1
        logins = ["oauth"]
        token_lifetime = "PT1M"
        [rates]
        late = 0.5
        late_by = "PT1H"
        [[faults.rules]]
        fault = {fault = "refuse", status = 503}
        endpoint = "detail"
        share = 0.2
        """
    )
    scenario = read_pbx_scenario(file)
    assert scenario.skew == timedelta(seconds=90)
    assert scenario.limits.requests == 60
    assert scenario.behaviour == Behaviour(skip_from=1, logins=("oauth",), token_lifetime=timedelta(minutes=1))
    assert (scenario.rates.late, scenario.rates.late_by) == (0.5, timedelta(hours=1))
    (rule,) = scenario.faults.rules
    assert (rule.fault, rule.endpoint, rule.share) == (Refuse(status=503), "detail", 0.2)


@pytest.mark.parametrize("text", ["skew = 5 5", "[behaviour]\ncolour = 'red'", "[behaviour]\nskip_from = 2"])
def test_a_scenario_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    """A scenario with a mistake is refused, with the name of the file."""
    file = tmp_path / "pbx.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=r"pbx\.toml"):
        read_pbx_scenario(file)
