"""`ringback serve` as a person meets it: what it prints, how it answers, how it ends, what it says if it cannot."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factories import ORG, Clock, wire_record
from processes import ALL_TIME, Server, ask, current_records, environment, make_token, ringback, serving
from ringback.ledger import SqlLedger
from ringback.records.decode import decode
from ringback.records.values import to_milliseconds, to_wire_time
from ringback.server.demo import Demo
from ringback.server.tokens import HISTORY_ADMIN_SCOPE
from ringback.store import Store

RECORDS = 2500


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a store with some records of `ORG`, to be copied."""
    data = tmp_path_factory.mktemp("filled") / "data"
    store = Store.open(data)
    SqlLedger(store, Clock()).append([decode(wire_record(f"r{number}")).record for number in range(RECORDS)])
    store.close()
    return data


@pytest.fixture
def data(filled: Path, tmp_path: Path) -> Path:
    """The directory of a store with `RECORDS` records that no other test uses."""
    return Path(shutil.copytree(filled, tmp_path / "data"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server that logs all it can."""
    with serving(tmp_path_factory.mktemp("demo") / "data", "--demo", "--log-level", "debug") as server:
        yield server


def tokens_of(server: Server) -> tuple[str, str, str]:
    """The tokens that a demo prints: one without limits, one with the documented ones, one of a user."""
    free, strict, own = re.findall(r"token +(rb_\S+)", server.output)
    return free, strict, own


def org_of(server: Server) -> str:
    """The organization that a demo prints."""
    return str(re.findall(r"org +(\S+)", server.output)[0])


def metric(server: Server, name: str, **labels: str) -> float:
    """The value of a metric."""
    inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
    line = f"{name}{{{inside}}} " if inside else f"{name} "
    text = server.ask("/metrics").body.decode()
    return sum(float(found.removeprefix(line)) for found in text.splitlines() if found.startswith(line))


# The demo


def test_demo_prints_commands_that_work(demo: Server) -> None:
    """The demo prints three tokens, and curl lines that give records, calls, call logs and sessions in a shell."""
    printed = demo.output[demo.output.index("curl ") : demo.output.index("Stop with")]
    commands = [f"curl {command.partition(chr(10) * 2)[0].strip()}" for command in printed.split("curl ")[1:]]
    free, _, own = tokens_of(demo)
    for command, token, count in zip(commands, (free, free, free, own), (10, 3, 3, 3), strict=True):
        url, shown = re.findall(r"http://[^']+", command)[0], re.findall(r"Bearer ([^']+)'", command)[0]
        assert url.startswith(demo.address)
        assert shown == token
        if shutil.which("curl"):
            body = subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout
        else:
            assert shlex.split(command)[0] == "curl"
            body = ask(url, token).body
        assert len(json.loads(body)["items"]) == count


def test_demo_has_days_of_records(demo: Server) -> None:
    """The feed has thousands of records of the demo's organization, in several pages, and the metrics say how many."""
    page = demo.ask("/v1/cdr_feed", tokens_of(demo)[0], **ALL_TIME, max=1000)
    assert len(page.ids) == 1000
    assert {item["Org UUID"] for item in page.json["items"]} == {org_of(demo)}
    assert page.next
    assert metric(demo, "ringback_ledger_records") >= 5000


def test_documented_token_has_the_documented_limits(demo: Server) -> None:
    """A second first page within a minute is a 429 that says how long to wait; the token without limits has none."""
    free, strict, _ = tokens_of(demo)
    end = datetime.now(UTC) - timedelta(minutes=10)
    window = {"startTime": to_wire_time(end - timedelta(hours=1)), "endTime": to_wire_time(end)}
    assert demo.ask("/v1/cdr_feed", strict, **window).status == 200
    refused = demo.ask("/v1/cdr_feed", strict, **window)
    assert refused.status == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert [demo.ask("/v1/cdr_feed", free, **window).status for _ in range(5)] == [200] * 5


def test_only_this_machine_can_reach_it(demo: Server) -> None:
    """Unless told otherwise, the server listens on 127.0.0.1 and on no other address of this machine."""
    assert demo.address.startswith("http://127.0.0.1:")
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        socket.create_connection(("127.0.0.2", demo.port), timeout=5)


def test_secrets_are_not_logged(demo: Server) -> None:
    """Whatever is asked, right or wrong, no token is in the log, which has a line for each request."""
    free = tokens_of(demo)[0]
    invented = "rb_0123456789ab_" + "s3cret" * 8
    before = demo.errors.count('"event": "request"')
    demo.ask("/v1/cdr_feed", free, **ALL_TIME, max=1)
    demo.ask("/v1/cdr_feed", invented, **ALL_TIME)
    demo.ask("/v1/cdr_feed", free, **ALL_TIME, access_token=invented)
    demo.ask("/nowhere", free, access_token=invented)
    give_up = time.monotonic() + 10
    while (log := demo.errors).count('"event": "request"') < before + 4:  # the line comes after the answer
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert [token for token in (*tokens_of(demo), invented) if token.split("_", 2)[2] in log] == []


def test_demo_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Started again, the demo has the same organization, all records it had, none twice, and only few new ones."""
    data = tmp_path / "data"
    with serving(data, "--demo") as server:
        org = org_of(server)
        assert server.stop() == 0
    before = current_records(data)
    with serving(data, "--demo") as server:
        assert org_of(server) == org
        added = int(str(re.findall(r"simulated ([\d,]+) records", server.errors)[0]).replace(",", ""))
        assert server.stop() == 0
    after = current_records(data)
    assert before.keys() <= after.keys()
    assert added < 200


def test_traffic_keeps_coming(tmp_path: Path) -> None:
    """While the demo runs, what is simulated for the present is stored; after a stop it catches up, with no record
    twice."""
    clock = Clock(to_milliseconds(datetime(2026, 3, 2, 15, tzinfo=UTC)))  # a Monday afternoon
    store = Store.open(tmp_path / "data")
    ledger = SqlLedger(store, clock)
    demo = Demo(store, clock)
    demo.fill(lambda _: None)
    filled = ledger.newest(demo.org)
    demo.start()
    clock.now += 600_000
    give_up = time.monotonic() + 30
    while ledger.newest(demo.org) == filled and time.monotonic() < give_up:
        time.sleep(0.05)
    demo.stop()
    live = ledger.newest(demo.org)
    assert live > filled
    clock.now += 3_600_000
    assert Demo(store, clock).fill(lambda _: None) > 50
    store.close()
    assert len(current_records(tmp_path / "data")) > live


# Stopping


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_stops_in_the_middle_of_requests(data: Path, workers: str, stop: signal.Signals) -> None:
    """Told to stop while clients read, the server finishes every answer it has begun, and ends with exit code 0."""
    token = make_token(data, ORG)
    cut: list[Exception] = []
    answered: list[int] = []
    with serving(data, "--workers", workers) as server:
        address = server.address
        stopped = threading.Event()

        def read() -> None:
            while not stopped.is_set():
                try:
                    answered.append(len(ask(f"{address}/v1/cdr_feed", token, **ALL_TIME).ids))
                except http.client.IncompleteRead as error:
                    cut.append(error)
                except OSError:
                    return  # it takes no more requests

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        while len(answered) < 4:
            time.sleep(0.01)
        assert server.stop(stop) == 0, server.errors
        stopped.set()
        for reader in readers:
            reader.join()
        assert "Traceback" not in server.errors
    assert cut == []
    assert set(answered) == {RECORDS}


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_stops_while_it_starts(data: Path, stop: signal.Signals) -> None:
    """Told to stop as soon as it says how, before it answers its first request, the server ends with exit code 0."""
    server = Server(data)
    try:
        while "Stop with" not in server.output:
            assert server.process.poll() is None
            time.sleep(0.001)
        assert server.stop(stop) == 0
        assert "Traceback" not in server.errors
    finally:
        server.kill()


# Several web processes


def web_processes(server: Server) -> set[int]:
    """The ids of the web processes of a server."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            if parent == server.process.pid and b"spawn_main" in path.with_name("cmdline").read_bytes():
                found.add(int(path.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to find the web processes")
def test_several_web_processes(data: Path) -> None:
    """With two web processes, metrics count the requests of both; one that is killed is replaced, its counts stay."""
    token = make_token(data, ORG)
    with serving(data, "--workers", "2") as server:

        def read(times: int) -> None:
            for _ in range(times):
                with contextlib.suppress(ConnectionError, http.client.HTTPException):  # of the one that is killed
                    assert len(server.ask("/v1/cdr_feed", token, **ALL_TIME, max=10).ids) == 10

        def counted() -> float:
            labels = {"method": "GET", "path": "/v1/cdr_feed", "status": "200"}
            return metric(server, "ringback_http_requests_total", **labels)

        read(40)
        assert counted() == 40
        first = web_processes(server)
        assert len(first) == 2
        victim = min(first)
        subprocess.run(["kill", "-9", str(victim)], check=True)
        give_up = time.monotonic() + 30
        while len(web_processes(server) - {victim}) < 2 and time.monotonic() < give_up:
            read(1)
            time.sleep(0.05)
        assert len(web_processes(server) - {victim}) == 2
        assert counted() >= 40
        before = counted()
        read(20)
        assert counted() == before + 20
        assert server.stop() == 0
    assert "Traceback" not in server.errors


# What keeps it from starting


def refused(*arguments: str | Path, cwd: Path, **variables: str) -> str:
    """The message of a server that cannot start."""
    return ringback("serve", *arguments, cwd=cwd, env=variables).failed()


def test_port_in_use(tmp_path: Path) -> None:
    """When another program has the port, the message names it and how to take another one, before any work is done."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        message = refused("--port", port, "--demo", "--data", tmp_path / "data", cwd=tmp_path)
    assert f"port {port}" in message
    assert "--port" in message
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "203.0.113.7", "--port", "0"], ["203.0.113.7"]),
        (["--port", "70000"], ["a port is between 0 and 65535"]),
        (["--workers", "0"], ["1 to 64 workers"]),
        (["--data", "a file", "--port", "0"], ["a file is not a directory", "--data"]),
        (["--config", "missing.toml"], ["missing.toml", "cannot be read"]),
        (["--config", "a file"], ["a file", "is not valid TOML"]),
        (["--config", "wrong.toml"], ["server.port", "ringback serve --help"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_wrong_settings(options: list[str], words: list[str], tmp_path: Path) -> None:
    """A wrong address, number, directory or settings file is refused with a message that names it."""
    (tmp_path / "a file").write_text("not TOML")
    (tmp_path / "wrong.toml").write_text('[server]\nport = "the usual"\n')
    message = refused(*options, cwd=tmp_path)
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("RINGBACK_SERVER_PROT", "80", ["RINGBACK_SERVER_PROT", "RINGBACK_SERVER_PORT"]),
        ("RINGBACK_SERVER_PORT", "many", ["server.port"]),
        ("RINGBACK_SERVER_REGION", "mars", ["server.region", "mars"]),
    ],
)
def test_wrong_variables(variable: str, value: str, words: list[str], tmp_path: Path) -> None:
    """A RINGBACK variable that names no setting, or has a wrong value, is refused with a message that says so."""
    message = refused(cwd=tmp_path, **{variable: value})
    assert [word for word in words if word not in message] == []


def test_settings_come_from_file_variables_and_options(data: Path, tmp_path: Path) -> None:
    """Variables win over the settings file, and options over both."""
    (tmp_path / "ringback.toml").write_text(f'data = "{data}"\n[server]\nport = 1\npublic_url = "https://a.example"\n')
    variables = {"RINGBACK_SERVER_PORT": "2", "RINGBACK_SERVER_PUBLIC_URL": "https://cdr.example"}
    token = make_token(data, ORG)
    with serving(data, cwd=tmp_path, env=variables) as server:
        page = server.ask("/v1/cdr_feed", token, **ALL_TIME, max=1)
        assert str(page.next).startswith("https://cdr.example/v1/cdr_feed?")
    assert environment().keys().isdisjoint(variables), "the tests' own environment has none of them"


def test_a_country_that_is_set_later(tmp_path: Path) -> None:
    """Calls of before the setting `home_country` are found by their numbers as that country dials them."""
    record, data = tmp_path / "record.json", tmp_path / "data"
    record.write_bytes(wire_record(**{"Calling number": "(202) 555-0143"}))
    ringback("import", record, "--data", data).ok()
    token = ringback("token", "create", "--data", data, "--scope", HISTORY_ADMIN_SCOPE).ok().text.split()[-1]
    for country, count in (("", 0), ("US", 1)):
        with serving(data, env={"RINGBACK_SERVER_HOME_COUNTRY": country}) as server:
            wait_until_calls_are_made(server)
            assert len(server.ask("/v1/calls", token, number="2025550143").json["items"]) == 1
            assert len(server.ask("/v1/calls", token, number="+1 202 555 0143").json["items"]) == count


def wait_until_calls_are_made(server: Server) -> None:
    """Wait until nothing is left to be read, once or again."""
    give_up = time.monotonic() + 60
    while metric(server, "ringback_projection_behind_records", projection="calls"):
        assert time.monotonic() < give_up
        time.sleep(0.05)
