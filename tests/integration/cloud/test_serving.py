"""The simulated cloud read by a published client, in bulk, and as a process that people start."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from conformance.sdk import read_async, read_sync
from integration.cloud.asking import NOW, ORG, START, Client, Start, send
from ringback.simulator import Delivery
from ringback.simulator.cloud import (
    Behaviour,
    Faults,
    Limits,
    ManualClock,
    Outage,
    Refuse,
    Rule,
    Scenario,
    ScenarioError,
    SimulatedCloud,
    filler,
    read_scenario,
    serve_cloud,
)

HOUR = timedelta(hours=1)
BUSY = (START + 11 * HOUR, START + 23 * HOUR)


@pytest.mark.parametrize("read", [read_sync, read_async])
@pytest.mark.parametrize("endpoint", ["feed", "stream"])
def test_the_published_client_reads_it(start: Start, read: type, endpoint: str) -> None:
    """`wxc_sdk` reads a window of several pages, and gets every record of it."""
    client = start(limits=Limits(smallest_page=50, period=timedelta(milliseconds=1), following=100))
    begin, end = BUSY if endpoint == "feed" else (START + 14 * HOUR, START + 16 * HOUR)
    records = read(client.cloud.base_url, client.token, begin, end, stream=endpoint == "stream", max=50)
    pages = client.cloud.audit.select(endpoint="feed" if endpoint == "feed" else "stream", status=200)
    assert len(pages) > 3
    assert len(records) == sum(asked.records for asked in pages)
    client.tick()
    assert {record.report_id for record in records} == {
        name for page in client.pages(endpoint, begin, end) for name in page.ids
    }


def test_it_serves_in_bulk(start: Start) -> None:
    """A month of an org with many records is answered at 20,000 records a second or more."""
    client = start(deliveries=[], clock=ManualClock(START + timedelta(days=30)))
    client.cloud.add_rows(ORG, filler(ORG, start=START, end=START + timedelta(days=30), records=200_000))
    client.ask("feed", START + HOUR, START + 2 * HOUR)  # sorts them in
    client.tick()
    began = time.monotonic()
    count = 0
    for half_day in range(6):
        begin = START + HOUR + half_day * 12 * HOUR
        for page in client.pages("feed", begin, begin + 12 * HOUR):
            count += page.body.count(b'"Report ID"')
    assert count == 20_000
    assert count / (time.monotonic() - began) > 20_000


def test_many_connections_at_once(start: Start) -> None:
    """Clients in several threads each get their own answers."""
    client = start(limits=Limits(initial=1000))
    expected = client.ask("feed", *BUSY).body
    got: list[bytes] = []

    def read() -> None:
        got.extend(client.ask("feed", *BUSY).body for _ in range(3))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [expected] * 24


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /v1/cdr_feed HTTP/1.0\r\n\r\n",
        b"GET /v1/cdr_feed HTTP/1.1\r\n\r\n",
        b"GET /v1/cdr_feed HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /v1/cdr_feed HTTP/1.1\r\nHost a\r\n\r\n",
        b"POST /v1/access_token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/access_token HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(start: Start, sent: bytes) -> None:
    """What is not a request of HTTP/1.1 within bounds gets 400, and the connection ends."""
    host, _, port = start().cloud.base_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(sent)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_one_connection_serves_many_requests(start: Start) -> None:
    """A connection stays open for the next request until its client wants it closed."""
    client = start(limits=Limits(initial=1000))
    expected = client.ask("feed", *BUSY).body
    path = client.url("feed", *BUSY).removeprefix(client.cloud.base_url)
    connection = http.client.HTTPConnection(client.cloud.base_url.removeprefix("http://"), timeout=5)
    connection.connect()
    one = connection.sock
    for closing in ("keep-alive", "keep-alive", "close"):
        headers = {"authorization": f"Bearer {client.token}", "connection": closing}
        connection.request("GET", path, headers=headers)
        assert connection.sock is one
        with connection.getresponse() as response:
            assert response.read() == expected
    assert one.recv(1) == b""
    connection.close()


def test_a_port_can_be_chosen() -> None:
    """The first region listens at the port that was asked for; after the end nobody does, and the audit can be read."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with SimulatedCloud(orgs=[ORG], port=port, clock=ManualClock(NOW)) as cloud:
        assert cloud.base_url == f"http://127.0.0.1:{port}"
        send(cloud.base_url)
        with pytest.raises(OSError, match="in use"):
            SimulatedCloud(port=port).open()
    with pytest.raises(ConnectionRefusedError):
        send(cloud.base_url)
    assert len(cloud.audit) == 1
    cloud.close()


def test_an_error_of_the_cloud_itself_is_not_taken_for_a_fault() -> None:
    """If the cloud itself breaks over a request, its end raises the error, so that a test does not pass by it."""

    def traffic() -> Iterator[Delivery]:
        yield Delivery(at=NOW, org=ORG, report_id="x", report_time=NOW, record=b"{}")
        raise LookupError("no more traffic")

    cloud = SimulatedCloud(traffic=traffic(), orgs=[ORG], clock=ManualClock(START))
    cloud.open()
    cloud.clock.sleep(2 * 24 * 3600)
    with pytest.raises(http.client.RemoteDisconnected):
        Client(cloud).ask("feed", *BUSY)
    with pytest.raises(LookupError, match="no more traffic"):
        cloud.close()


# As a process


def test_serving_tells_how_to_use_it() -> None:
    """The first lines have all that a client needs, and settings that can be pasted; the last ones tell the audit."""
    shown: list[str] = []
    stop = threading.Event()
    problems: list[int] = []

    def serve() -> None:
        scenario = Scenario(limits=Limits(), faults=Faults(rules=(Rule(fault=Refuse(status=503), nth=(2,)),)))
        problems.append(
            serve_cloud(
                seed=5,
                orgs=2,
                users=20,
                history=2 * HOUR,
                start=START + 18 * HOUR,
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
        told = dict(re.findall(r"^ +([a-z]+(?: [a-zA-Z]+)?)  +(\S+)", text, re.MULTILINE))
        base = told["base URL"]
        window = "startTime=2026-03-02T16:30:00.000Z&endTime=2026-03-02T17:30:00.000Z"
        answers = [send(f"{base}/v1/cdr_stream?{window}", token=told["access token"]) for _ in range(2)]
        assert answers[0].items
        assert answers[1].status == 429
        lines = re.findall(r"^  (\[\[sources\]\]|\w+ = .*)$", text, re.MULTILINE)
        settings = tomllib.loads("\n".join(lines))
        assert [source["name"] for source in settings["sources"]] == ["app-1", "app-2"]
        assert settings["sources"][0]["base_url"] == base
        assert settings["sources"][0]["clock_speed"] == 60
        assert f"export {settings['sources'][1]['client_secret_env']}={told['client secret']}" in text
    finally:
        stop.set()
        thread.join()
    assert problems == [2]
    assert shown[-1] == "2 problems"


def test_a_scenario_is_read_from_a_file(tmp_path: Path) -> None:
    """Limits, choices and faults can be written as TOML."""
    file = tmp_path / "scenario.toml"
    file.write_text(
        """
        skew = "PT90S"
        shrink = 60
        [limits]
        shared = false
        [behaviour]
        bounds = "(]"
        token_lifetime = "PT1H"
        [faults]
        seed = 3
        [[faults.rules]]
        fault = {fault = "refuse", status = 503, retry_after = 5}
        kind = "page"
        share = 0.2
        [[faults.outages]]
        since = 2026-03-02T10:00:00Z
        until = 2026-03-02T10:05:00Z
        """
    )
    assert read_scenario(file) == Scenario(
        skew=timedelta(seconds=90),
        shrink=60,
        limits=Limits(shared=False),
        behaviour=Behaviour(bounds="(]", token_lifetime=HOUR),
        faults=Faults(
            seed=3,
            rules=(Rule(fault=Refuse(status=503, retry_after=5), kind="page", share=0.2),),
            outages=(Outage(since=START + 10 * HOUR, until=START + 10 * HOUR + timedelta(minutes=5)),),
        ),
    )


@pytest.mark.parametrize("text", ["skew = ", "speed = 3", "[[faults.rules]]\nfault = {fault = 'fire'}", None])
def test_a_scenario_that_cannot_be_read_says_why(tmp_path: Path, text: str | None) -> None:
    """A file that is missing, no TOML, or has unknown names is refused with its path and the reason."""
    file = tmp_path / "scenario.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ScenarioError, match=re.escape(str(file))):
        read_scenario(file)
