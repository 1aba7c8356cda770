"""A started server with a history to read, and the history as those know it who made it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest

from factories import NOON, OTHER_ORG, Clock, wire_record
from processes import Server, ringback, serving
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.records.decode import decode
from ringback.records.values import to_milliseconds
from ringback.server.tokens import Tokens
from ringback.simulator import KINDS, Rates, Simulation, in_arrival_order
from ringback.store import Store

FILES = Path(__file__).resolve().parents[1] / "data"
FILES_ORG = UUID("7d0c9c1e-52a4-4c0e-9d8b-3f1f5a6b7c8d")
ELSEWHERE = UUID("33333333-3333-4333-8333-333333333333")
"""An organization whose data is kept in another region."""

STEADY = [wire_record(f"steady-{n}", org=OTHER_ORG, report_time=NOON + timedelta(seconds=n)) for n in range(1, 251)]
"""Records of `OTHER_ORG`, in order, with a second between them: no two have the same Report time."""


class History(NamedTuple):
    """What happened in one organization, told by the simulator and not by the ledger.

    Attributes:
        newest: the newest version of every record, by Report ID.
        kinds: the kinds of calls that are among them.
        begin, end: all records were reported and stored in between.
    """

    org: UUID
    newest: dict[str, bytes]
    kinds: frozenset[str]
    begin: datetime
    end: datetime


class Cloud(NamedTuple):
    """A started server.

    Attributes:
        history: of an organization with calls of all kinds.
        free: a token of that organization without limits.
        strict: one with the documented limits.
        weak: one that lacks the scope.
        moved: one of an organization in another region.
        of_files: one of the organization whose records came from files; without limits.
        steady: one of the organization with the records `STEADY`; without limits.
    """

    server: Server
    history: History
    free: str
    strict: str
    weak: str
    moved: str
    of_files: str
    steady: str


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A server process with a history of all kinds of calls, revisions, redeliveries, and of files."""
    directory = tmp_path_factory.mktemp("conformance")
    data = directory / "data"
    ringback("import", *sorted(FILES.glob("control-hub-*.csv")), FILES / "full-record-2026.json", "--data", data).ok()
    store = Store.open(data)
    history = simulate_into(store)
    records = [decode(raw).record for raw in STEADY]
    for number, location in enumerate(("Zürich HB", "Köln + Bonn, 50%", "東京/1?&=#")):
        raw = wire_record(f"in-files-{number}", org=FILES_ORG, location=location)
        records.append(decode(raw).record)
    SqlLedger(store, utc_now).append(records)
    tokens = Tokens(store, utc_now)

    def token(org: UUID, limits: str = "none", scopes: tuple[str, ...] | None = None) -> str:
        return tokens.create(org, limits=limits, scopes=scopes)[0]

    texts = {
        "free": token(history.org),
        "strict": token(history.org, "documented"),
        "weak": token(history.org, scopes=()),
        "moved": token(ELSEWHERE),
        "of_files": token(FILES_ORG),
        "steady": token(OTHER_ORG),
    }
    store.close()
    settings = directory / "settings.toml"
    settings.write_text(f'[orgs."{ELSEWHERE}"]\nregion = "eu"\n')
    with serving(data, "--config", settings, "--workers", "2") as server:
        yield Cloud(server, history, **texts)


def simulate_into(store: Store) -> History:
    """Store a simulated day as it would have come in over the day; with more kinds and revisions than a usual one."""
    begin = NOON.replace(hour=0)
    simulation = Simulation(
        seed=11,
        start=begin,
        end=begin + timedelta(days=1),
        calls_per_day=450,
        users=60,
        rates=Rates(late=0.1, redelivered=0.3, revised=0.2),
        mix=dict.fromkeys(KINDS, 1.0),
    )
    calls = list(simulation.calls())
    deliveries = list(in_arrival_order(calls))
    clock = Clock()
    ledger = SqlLedger(store, clock)
    for at in range(0, len(deliveries), 40):  # equal stored times are usual: a batch has one
        batch = deliveries[at : at + 40]
        clock.now = to_milliseconds(batch[-1].at)
        ledger.append([decode(delivery.record).record for delivery in batch])
    digests = {record.report_id: record.digest for call in calls for record in call.truth.records}
    newest = {
        delivery.report_id: delivery.record
        for delivery in deliveries
        if sha256(delivery.record).hexdigest() == digests[delivery.report_id]
    }
    assert newest.keys() == digests.keys()
    assert len(deliveries) > len({delivery.record for delivery in deliveries}) > len(newest), "no revisions or repeats"
    end = deliveries[-1].at + timedelta(seconds=1)
    kinds = frozenset(call.truth.kind for call in calls)
    return History(simulation.orgs[0].uuid, newest, kinds, begin, end)


def location_of(raw: bytes) -> str:
    """The location of a record."""
    return str(msgspec.json.decode(raw)["Location"])
