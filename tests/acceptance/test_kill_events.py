"""`ringback serve` is killed between the storing of a call and the phones: the event arrives after the restart."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx2
import msgspec
import pytest

from factories import ORG, make_record
from processes import serving
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.projections.outbox import Outbox
from ringback.records.decode import Record
from ringback.records.values import to_wire_time
from ringback.server.tokens import Tokens
from ringback.store import Store

pytestmark = pytest.mark.slow

ANNA = "aaaaaaaa-0000-4000-8000-000000000001"
KILLS = 4


class Phone:
    """A client that listens for server-sent events, and comes again after the last that it knows when it is cut off.

    Attributes:
        sessions: the Correlation IDs of the calls that it was told of, in order.
        numbers: the number of each event.
    """

    def __init__(self, token: str) -> None:
        self.sessions: list[str] = []
        self.numbers: list[int] = []
        self._headers = {"authorization": f"Bearer {token}", "last-event-id": "0"}
        self._address = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def go_to(self, address: str) -> None:
        """Say where the server is now."""
        self._address = address

    def stop(self) -> None:
        """End when the server is gone."""
        self._stop.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with httpx2.stream("GET", f"{self._address}/v1/events", headers=self._headers, timeout=30) as response:
                    assert response.status_code == 200
                    for line in response.iter_lines():
                        self._hear(line)
            except httpx2.TransportError:
                time.sleep(0.02)

    def _hear(self, line: str) -> None:
        name, _, value = line.partition(": ")
        if name == "id":
            self._headers["last-event-id"] = value
        elif name == "data":
            event = msgspec.json.decode(value)
            if event["data"]["eventType"] == "janus.user_recent_sessions":
                (session,) = event["data"]["userSessions"]["userSessions"]
                self.sessions += session["correlationIds"]
                self.numbers.append(event["eventNumber"])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The directory of a store."""
    directory = tmp_path / "data"
    Store.open(directory).close()
    return directory


@pytest.fixture
def store(data: Path) -> Iterator[Store]:
    """The store, open beside the server."""
    opened = Store.open(data)
    yield opened
    opened.close()


def call(name: str) -> Record:
    """The record of a call that Anna has just missed."""
    now = datetime.now(UTC)
    return make_record(
        str(uuid4()),
        report_time=now,
        start_time=now - timedelta(seconds=20),
        **{
            "Correlation ID": name,
            "User UUID": ANNA,
            "Answered": "false",
            "Answer indicator": "No",
            "Release time": to_wire_time(now),
        },
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_no_event_is_lost_or_told_twice(data: Path, store: Store, workers: int) -> None:
    """Calls are stored while the server is killed again and again: a phone hears of each call, once and in order."""
    chance = random.Random(workers)
    ledger = SqlLedger(store, utc_now)
    phone = Phone(Tokens(store, utc_now).create(ORG, user=ANNA)[0])
    stored: list[str] = []

    def keep_calling(until: float) -> None:
        while time.monotonic() < until:
            name = f"call-{len(stored)}"
            ledger.append([call(name)])
            stored.append(name)
            time.sleep(chance.uniform(0, 0.03))

    for life in range(KILLS + 1):
        with serving(data, "--workers", str(workers)) as server:
            phone.go_to(server.address)
            if not life:
                phone.start()
            keep_calling(time.monotonic() + chance.uniform(0.5, 2))
            if life == KILLS:  # the last one lives until everything is told
                give_up = time.monotonic() + 60
                while len(phone.sessions) < len(stored) and time.monotonic() < give_up:
                    time.sleep(0.05)
    phone.stop()
    assert phone.sessions == stored
    assert phone.numbers == sorted(set(phone.numbers))
    told = Outbox(store).after(ORG, 0, 3 * len(stored))
    assert [event.number for event in told if event.user == ANNA] == phone.numbers
