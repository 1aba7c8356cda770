"""Answers when something is wrong: their form, their tracking id, and what the log says of them."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from factories import ORG, Clock, wire_record
from ringback.settings import OrgSettings
from ringback.store import Store, store
from serving import ALL_TIME, FEED, STREAM, Reply, Site, SiteMaker, window

OURS = re.compile(r"RINGBACK_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FailingClock(Clock):
    """A clock that breaks when a test says so."""

    broken = False

    def __call__(self) -> datetime:
        if self.broken:
            raise RuntimeError("the clock has stopped")
        return super().__call__()


@pytest.fixture
def clock() -> FailingClock:
    """The clock of all sites here."""
    return FailingClock()


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    """What is logged during the test."""
    with capture_logs() as captured:
        yield captured


def every_kind(make_site: SiteMaker, clock: FailingClock) -> Iterator[tuple[int, Reply]]:
    """An answer of each kind, with its status."""
    site = make_site(None, {ORG: OrgSettings()})
    elsewhere = make_site(None, {ORG: OrgSettings(region="eu")})
    site.append(wire_record("r"))
    token, limited = site.token(), site.token("documented")
    recent = window(clock.now - 3_600_000, clock.now - 600_000)
    yield 200, site.ask(FEED, token, ALL_TIME)
    yield 200, site.ask(FEED, token, ALL_TIME, method="HEAD")
    yield 200, site.ask("/healthz")
    yield 200, site.ask("/metrics")
    yield 200, site.ask("/schema")
    yield 204, site.ask(FEED, method="OPTIONS")
    yield 400, site.ask(FEED, token)
    yield 400, site.ask(FEED, token, method="HEAD")
    yield 400, site.ask(FEED, token, headers={"host": "a b"})
    yield 401, site.ask(STREAM)
    yield 403, site.ask(STREAM, site.token(scopes=()), ALL_TIME)
    yield 404, site.ask("/v1/cdr")
    yield 404, site.ask("/v1/cdr", method="POST")
    yield 405, site.ask(FEED, token, method="POST")
    yield 405, site.ask("/healthz", method="DELETE")
    yield 200, site.ask(FEED, limited, recent)
    yield 429, site.ask(FEED, limited, recent)
    yield 451, elsewhere.ask(FEED, token, ALL_TIME)
    clock.broken = True
    yield 500, site.ask(FEED, token, ALL_TIME)
    yield 500, site.ask(FEED, token, ALL_TIME, method="HEAD")


def test_every_answer_has_a_tracking_id(make_site: SiteMaker, clock: FailingClock) -> None:
    """Whatever the answer, it has one header trackingid, another one each time."""
    given = set()
    count = 0
    for expected, reply in every_kind(make_site, clock):
        assert reply.status == expected, reply.body
        (tracking_id,) = reply.headers.get_list("trackingid")
        assert OURS.fullmatch(tracking_id)
        given.add(tracking_id)
        count += 1
    assert len(given) == count


def test_every_error_has_the_same_form(make_site: SiteMaker, clock: FailingClock) -> None:
    """Each error has a JSON body with message, errors[].description and trackingId, of a type that all clients read."""
    for expected, reply in every_kind(make_site, clock):
        if expected >= 400 and reply.body:
            assert reply.headers["content-type"] == "application/json"
            assert len(reply.message) > 10
            assert reply.message.endswith(".") or expected in (400, 451)


def test_errors_tell_what_is_allowed(site: Site) -> None:
    """An answer 405 names the methods that the path takes."""
    for path in (FEED, STREAM, "/healthz", "/metrics"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            reply = site.ask(path, method=method)
            assert reply.status == 405
            assert {"GET", "HEAD"} <= set(reply.headers["allow"].split(", "))


@pytest.mark.parametrize("given", ["SIMPLE_2b1f2a52-0c2c-4c43-b1f4-6b6a3b6b2c11", "a", "x" * 128, "A.b-c_9"])
def test_a_client_may_bring_its_tracking_id(site: Site, lines: list[EventDict], given: str) -> None:
    """The tracking id that a client sends comes back in the header, in the body of an error, and in the log."""
    reply = site.ask(FEED, headers={"TrackingID": given})
    assert reply.status == 401
    assert reply.message
    assert reply.headers["trackingid"] == given
    assert [line["tracking_id"] for line in lines] == [given]


@pytest.mark.parametrize("given", ["", " ", "x" * 129, "a b", "a,b", "<script>", 'a"', "a\tb", "a;b", "{}"])
def test_an_odd_tracking_id_is_replaced(site: Site, lines: list[EventDict], given: str) -> None:
    """What is not a plain id, or is too long, is not repeated; the answer gets an id of the server's own."""
    reply = site.ask("/nowhere", headers={"trackingid": given})
    assert OURS.fullmatch(reply.headers["trackingid"])
    assert [line["tracking_id"] for line in lines] == [reply.headers["trackingid"]]


def test_failures_are_logged_with_their_tracking_id(site: Site, clock: FailingClock, lines: list[EventDict]) -> None:
    """When the server fails, the client gets 500 in the usual form, and the log has the failure under the same id."""
    token = site.token()
    clock.broken = True
    reply = site.ask(FEED, token, ALL_TIME)
    assert reply.status == 500
    assert reply.message == "The server failed to answer. Its log has the details under this tracking id."
    failed, request = lines
    assert failed["event"] == "request failed"
    assert failed["log_level"] == "error"
    assert failed["exc_info"]
    assert failed["tracking_id"] == request["tracking_id"] == reply.headers["trackingid"]
    assert (request["event"], request["status"], request["path"]) == ("request", 500, FEED)
    clock.broken = False
    assert site.ask(FEED, token, ALL_TIME).status == 200


def test_each_request_is_one_line(site: Site, lines: list[EventDict]) -> None:
    """The log has one line for each request: method, path, status, bytes and time, and not the query."""
    token = site.token()
    reply = site.ask(FEED, token, {**ALL_TIME, "locations": "Berlin"})
    (line,) = lines
    assert line.pop("milliseconds") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "tracking_id": reply.headers["trackingid"],
        "method": "GET",
        "path": FEED,
        "status": 200,
        "bytes": len(reply.body),
    }


# The store


def test_a_locked_store(directory: Path, clock: FailingClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program holds the store too long, limited tokens get 503 and when to try again; reading goes on."""
    monkeypatch.setattr(store, "_BUSY_SECONDS", 0.2)
    opened = Store.open(directory)
    site = Site(opened, clock)
    limited, unlimited = site.token("documented"), site.token()
    recent = window(clock.now - 3_600_000, clock.now - 600_000)
    holder = sqlite3.connect(directory / "ringback.db", isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        reply = site.ask(FEED, limited, recent)
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        assert reply.message == "The store cannot be used at the moment. Try again later."
        assert site.ask(FEED, unlimited, ALL_TIME).status == 200
        assert site.ask("/healthz").status == 200
        holder.execute("ROLLBACK")
        assert site.ask(FEED, limited, recent).status == 200
    finally:
        holder.close()
        site.close()
        opened.close()


def test_a_full_disk(site: Site, clock: FailingClock, lines: list[EventDict]) -> None:
    """While the disk has no room, requests that must be counted get 503 with our body; then they are answered again."""
    limited, unlimited = site.token("documented"), site.token()
    recent = window(clock.now - 3_600_000, clock.now - 600_000)
    largest = max(path.stat().st_size for path in site.store.directory.iterdir() if path.suffix == ".db-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))  # as if the disk ended where the log of the store ends
    try:
        refused, answered = site.ask(FEED, limited, recent), site.ask(FEED, unlimited, ALL_TIME)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (refused.status, answered.status) == (503, 200)
    assert refused.message == "The store cannot be used at the moment. Try again later."
    assert [line["tracking_id"] for line in lines if line["event"] == "store"] == [refused.headers["trackingid"]]
    assert site.ask(FEED, limited, recent).status == 200, "a request that could not be counted was not counted"


TERMINAL = """
import os, sys, asyncio, httpx2
sys.stderr = os.fdopen(int(sys.argv[2]), "w")
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from ringback.server import logs
from ringback.server.app import create_app
from ringback.server.tokens import Tokens
from ringback.settings import Settings
from ringback.store import Store

logs.configure("debug")
store = Store.open(Path(sys.argv[1]), create=False)
token, _ = Tokens(store, lambda: datetime.now(UTC)).create(UUID(int=1))

def broken():
    raise RuntimeError("the clock has stopped")

async def main():
    transport = httpx2.ASGITransport(create_app(store, Settings(), broken))
    async with httpx2.AsyncClient(transport=transport, base_url="http://cdr.example") as client:
        response = await client.get("/v1/cdr_feed", headers={"authorization": f"Bearer {token}"})
        assert response.status_code == 500

asyncio.run(main())
print(token)
"""


@pytest.mark.parametrize("make_ends", [os.openpty, os.pipe], ids=["terminal", "file"])
def test_failures_are_logged_without_secrets(directory: Path, make_ends: Callable[[], tuple[int, int]]) -> None:
    """The traceback of a failure has no values in it, on a terminal or in a file: one of them would be the token."""
    reading, writing = make_ends()
    command = [sys.executable, "-c", TERMINAL, str(directory), str(writing)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[writing], text=True) as process:
        os.close(writing)
        log = b""
        with contextlib.suppress(OSError):  # how a terminal ends
            while part := os.read(reading, 65536):
                log += part
        os.close(reading)
        token, _ = process.communicate()
    assert process.returncode == 0
    assert b"the clock has stopped" in log
    assert b"webex_cdr.py" in log
    assert token.split("_", 2)[2][:20].encode() not in log
