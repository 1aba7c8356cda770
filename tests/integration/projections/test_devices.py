"""Devices of one user read, delete and restore while calls come in; in the end all of them show what the store has."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from factories import Clock
from integration.projections.office import Office, read_all, record_of, set_clock, wire
from ringback.projections import runner as runner_module
from ringback.projections.outbox import Event, EventKind
from ringback.projections.sessions.query import Filter
from ringback.simulator import Delivery, Rates, Simulation, in_arrival_order

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
USERS = 3
DEVICES = 2


class Device(threading.Thread):
    """A program of a user: it reads the history once, and from then on knows only what events tell it.

    Args:
        finish: set when no more calls come; the device does nothing of its own any more.
    """

    def __init__(self, office: Office, org: UUID, user: str, seed: str, finish: threading.Event) -> None:
        super().__init__(name=f"device {seed}")
        self._office = office
        self._org = org
        self._user = user
        self._rng = random.Random(seed)
        self._finish = finish
        self._number = 0
        self.shown: dict[str, dict[str, Any]] = {}
        self.deeds = {"read": 0, "read_all": 0, "delete": 0, "restore": 0}
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            self.start_again()
            while not self._finish.is_set():
                self.listen()
                self._act()
        except BaseException as error:
            self.fault = error
            raise

    def start_again(self) -> None:
        """Read the whole history, having noted which event is the newest."""
        self._number = self._office.outbox.bounds(self._org).newest
        entries = self._office.entries(self._user, Filter(), self._org)
        self.shown = {str(entry.id): wire(entry) for entry in entries}

    def listen(self) -> None:
        """Take in what was told since."""
        for event in self._office.outbox.after(self._org, self._number, 50, self._user):
            assert event.number > self._number
            self._number = event.number
            self._take_in(event)

    def _take_in(self, event: Event) -> None:
        told: Any = msgspec.json.decode(event.body)
        if event.kind is EventKind.DELETED:
            for session in told:
                self.shown.pop(session, None)
        elif event.kind is EventKind.VIEWED:
            for session in told:
                if session in self.shown:
                    self.shown[session]["isRead"] = True
        else:
            self.shown[told["id"]] = told

    def _act(self) -> None:
        deed = self._rng.choice(("read", "read", "read_all", "delete", "restore", "start again", "", "", ""))
        known = [UUID(session) for session in self.shown]
        some = self._rng.sample(known, min(len(known), 2))
        marks = self._office.marks
        if deed == "start again" and self._rng.random() < 0.2:
            self.start_again()
        elif deed == "read":
            self.deeds[deed] += marks.read(self._org, self._user, some)
        elif deed == "read_all" and self._rng.random() < 0.2:
            self.deeds[deed] += read_all(marks, self._org, self._user)
        elif deed == "delete":
            self.deeds[deed] += marks.delete(self._org, self._user, some)
        elif deed == "restore":
            gone = self._office.entries(self._user, Filter(deleted=True), self._org)
            self.deeds[deed] += marks.restore(self._org, self._user, [entry.id for entry in gone[:1]])


def busiest(deliveries: list[Delivery], count: int) -> list[str]:
    """The users with the most records."""
    seen: dict[str, int] = {}
    for delivery in deliveries:
        user = msgspec.json.decode(delivery.record)["User UUID"]
        seen[user] = seen.get(user, 0) + 1
    return sorted(seen, key=lambda user: seen[user], reverse=True)[:count]


@pytest.mark.parametrize("seed", range(2))
def test_an_hour_of_traffic_on_two_devices(
    office: Office, clock: Clock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Two devices of each of three users read, delete and restore at once while an hour of calls comes in.

    In the end both show the same as the store, to the last value, and so does one that reads everything anew.
    """
    monkeypatch.setattr(runner_module, "_BATCH", 20)
    monkeypatch.setattr(runner_module, "_POLL_SECONDS", 0.002)
    simulation = Simulation(
        seed=seed,
        start=NINE,
        end=NINE + timedelta(hours=1),
        calls_per_day=3000,
        users=10,
        round_the_clock=0.1,
        rates=Rates(late=0.1, redelivered=0.1, revised=0.1),
    )
    org = simulation.orgs[0]
    deliveries = list(in_arrival_order(simulation.calls()))
    people = {person.uuid for person in org.users}
    users = [user for user in busiest(deliveries, 20) if user in people][:USERS]
    finish = threading.Event()
    devices = [
        Device(office, org.uuid, user, f"{seed} {user} {number}", finish) for user in users for number in range(DEVICES)
    ]
    set_clock(clock, NINE)
    runner = office.runner("at work")
    runner.start()
    for device in devices:
        device.start()
    for begin in range(0, len(deliveries), 5):
        some = deliveries[begin : begin + 5]
        set_clock(clock, some[-1].at)
        office.ledger.append([record_of(delivery) for delivery in some])
    give_up = time.monotonic() + 60
    while office.checkpoint(org.uuid).sequence < office.ledger.newest(org.uuid) and time.monotonic() < give_up:
        time.sleep(0.01)
    finish.set()
    for device in devices:
        device.join()
    runner.stop()
    assert [device.fault for device in devices] == [None] * len(devices)
    assert office.checkpoint(org.uuid).sequence == office.ledger.newest(org.uuid)

    for device in devices:
        for _ in range(len(office.events(org.uuid)) // 50 + 1):
            device.listen()
        stored = office.entries(device._user, Filter(), org.uuid)
        assert device.shown == {str(entry.id): wire(entry) for entry in stored}
        told = dict(device.shown)
        device.start_again()
        assert device.shown == told
    done = [sum(device.deeds[deed] for device in devices) for deed in ("read", "read_all", "delete", "restore")]
    assert min(done) > 0, done
    assert len(office.rows()) > 100
