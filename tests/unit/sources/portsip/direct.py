"""A simulated PBX that is asked without HTTP, and a sink that keeps what comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlencode

from collecting import START
from factories import ORG
from ringback.clients.retry import Retries
from ringback.records.decode import Record
from ringback.records.kinds import decode_any
from ringback.records.values import to_milliseconds
from ringback.simulator.cloud import ManualClock
from ringback.simulator.cloud.http import Request as Asked
from ringback.simulator.pbx import Behaviour, Faults, Limits, Written
from ringback.simulator.pbx.service import BASE, Service
from ringback.sources.collecting.kind import PageItems
from ringback.sources.portsip.abilities import Abilities, ListName
from ringback.sources.portsip.gateway import Answer, Gateway, Request
from ringback.sources.portsip.probe import Probe
from ringback.sources.portsip.reader import Reader
from ringback.sources.portsip.session import LISTS, Session

T = TypeVar("T")
TENANT = "one.example"
NOON = START + timedelta(hours=12)


class DirectSession(Session):
    """Asks a PBX; each request takes some time, in which it may write rows.

    Attributes:
        service: the PBX.
        requests: made so far.
        between: called before each request.
    """

    def __init__(self, behaviour: Behaviour, rows: Sequence[Written] = (), *, limits: Limits | None = None) -> None:
        self.clock = ManualClock(NOON)
        self.service = Service(
            tenants=[TENANT],
            clock=self.clock,
            skew=timedelta(0),
            limits=limits or Limits(),
            behaviour=behaviour,
            faults=Faults(),
            seed=0,
        )
        self.service.add(rows)
        account = self.service.accounts.all[0]
        self._token = self.service.accounts.issue(account, 1 << 62).secret
        self.requests: list[Request] = []
        self.between: Callable[[int], None] = lambda number: None

    def ask(self, request: Request, read: Callable[[Answer], T], retries: Retries = LISTS) -> T:
        """Ask once."""
        self.between(len(self.requests))
        self.requests.append(request)
        query = f"?{urlencode(request.query)}" if request.query else ""
        headers = {"authorization": f"Bearer {self._token}"}
        asked = Asked(method=request.method, target=f"{BASE}{request.path}{query}", headers=headers)
        reply = self.service.answer(asked)
        return read(Answer(reply.status, reply.headers, bytes(reply.body)))

    def probe(self, names: Sequence[ListName] = ("calllogs", "cdrs"), top: int = 100) -> Abilities:
        """What the PBX is found to heed."""
        return Probe(self, NoWaiting(), top).run(names)

    def reader(self) -> Reader:
        """A reader for whom a call must have ended a minute ago."""
        return Reader(self, lambda: to_milliseconds(self.clock.now()) - 60_000)


class NoWaiting(Gateway):
    """Waits for nothing."""

    def __init__(self) -> None:
        self.sink = None

    def wait(self, seconds: float) -> None:
        """Does not."""


class Kept:
    """A `Sink` that keeps records by id."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.items = 0
        self.broken = 0

    def asking(self) -> None:
        """Nothing to note."""

    def store(self, items: PageItems) -> Sequence[str]:
        """Keep them."""
        for raw in items.raws:
            record = decode_any(raw, ORG).record
            self.records[record.record_id] = record
        self.items += items.took.items
        self.broken += len(items.broken)
        return list(self.records)

    def wait(self, seconds: float) -> None:
        """Wait for nothing."""
