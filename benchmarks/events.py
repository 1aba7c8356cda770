"""Events of the user call history: from a commit to the socket of a client, with many users connected.

Once from the commit of records to the ledger, with all there is in between; and once from the commit of events to the
outbox. Whoever commits, the server with its web processes, and the clients are processes of their own on this one
machine.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.pages import serving
from benchmarks.table import Table, Wrong, percentiles
from ringback.ledger import SqlLedger
from ringback.projections.outbox import EventKind, NewEvent, write
from ringback.projections.sessions.people import Directory
from ringback.projections.sessions.rules import call_of, sessions_of
from ringback.records.cdr import CDR
from ringback.records.decode import Record, decode
from ringback.records.leg import Leg, leg_of_cdr
from ringback.server.run import utc_now
from ringback.server.tokens import Tokens
from ringback.simulator import Rates, Simulation
from ringback.store import Store

_USERS = 1_000
_ORG = UUID("0e5e0000-0000-4000-8000-000000000001")
_SEED = 21
_CALLS_PER_HOUR = 10_000
_RECORDS_FOR = 40
_RECORDS_PER_SECOND = 20
_CALLS_PER_COMMIT = 3
_EVENTS_FOR = 20
_BURSTS_PER_SECOND = 10
_COMMITS_PER_BURST = 10
_CONNECTING = 50
_GRACE_SECONDS = 3.0

Times = dict[tuple[str, str], float]
"""When something happened with an event, by its user and what tells it from others of this user: in seconds of the
clock that all processes of a machine share."""


class _Kind(msgspec.Struct, frozen=True):
    """What is committed.

    Attributes:
        users: who listens.
        commit: commits for some time to the store in a directory, with so many users listening; gives when each event
            that they must hear was committed.
        what: what tells an event from others of the same user.
    """

    name: str
    org: UUID
    users: Sequence[str]
    commit: Callable[[Path, int], Times]
    what: Callable[[_Heard], str]


def measure(directory: Path, _: list[int]) -> Table:
    """Commit while a thousand users are connected, to one and to two web processes.

    Raises:
        Wrong: an event did not arrive, came twice, or came to a user whom it was not for.
    """
    table = Table(
        "Events",
        "what is committed, each second",
        "web processes",
        "connected users",
        "events",
        "ms from commit to socket, p50 / p95 / p99",
        "worst",
    )
    for kind in (_records_kind(_USERS), _events_kind(_USERS)):
        for workers in (1, 2):
            path = directory / f"events-{kind.org}-{workers}"
            tokens = _make_tokens(path, kind)
            with serving(path, workers, directory / f"{path.name}.log") as address:
                delays = asyncio.run(_run(address, path, kind, tokens))
            worst = f"{max(delays) * 1000:.0f}"
            table.add(kind.name, f"{workers}", f"{_USERS:,}", f"{len(delays):,}", percentiles(delays), worst)
    return table


def _make_tokens(path: Path, kind: _Kind) -> Sequence[str]:
    store = Store.open(path)
    tokens = Tokens(store, utc_now)
    made = [tokens.create(kind.org, user=user, lifetime=timedelta(hours=1))[0] for user in kind.users]
    store.close()
    return made


async def _run(address: str, path: Path, kind: _Kind, tokens: Sequence[str]) -> list[float]:
    heard: Times = {}
    async with AsyncExitStack() as stack:
        waiting = asyncio.Semaphore(_CONNECTING)

        async def come(token: str) -> ClientConnection:
            async with waiting:
                return await stack.enter_async_context(_listening(address, token))

        connections = await asyncio.gather(*map(come, tokens))
        listening = [
            asyncio.create_task(_hear(connection, user, kind, heard))
            for connection, user in zip(connections, kind.users, strict=True)
        ]
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as others:
            loop = asyncio.get_running_loop()
            committed = await loop.run_in_executor(others, kind.commit, path, len(tokens))
        await asyncio.sleep(_GRACE_SECONDS)
        for task in listening:
            task.cancel()
        for ended in await asyncio.gather(*listening, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError):
                raise Wrong(f"a client ended: {ended}")
    if heard.keys() != committed.keys():
        missing, odd = len(committed.keys() - heard.keys()), len(heard.keys() - committed.keys())
        raise Wrong(f"of {len(committed)} events {missing} did not arrive, and {odd} arrived that were not committed")
    return [heard[event] - at for event, at in committed.items()]


class _Beginning(msgspec.Struct):
    data: dict[str, object]


class _Heard(msgspec.Struct):
    eventNumber: int
    data: dict[str, Any]


@asynccontextmanager
async def _listening(address: str, token: str) -> AsyncIterator[ClientConnection]:
    """A connection that was let in."""
    async with connect(f"{address.replace('http', 'ws', 1)}/v1/mercury", proxy=None) as connection:
        hello = {"id": "1", "type": "authorization", "data": {"token": f"Bearer {token}"}}
        await connection.send(msgspec.json.encode(hello).decode())
        first = msgspec.json.decode(await connection.recv(), type=_Beginning)
        if first.data["eventType"] != "mercury.buffer_state":
            raise Wrong(f"the first message is {first}")
        yield connection


async def _hear(connection: ClientConnection, user: str, kind: _Kind, heard: Times) -> None:
    while True:
        text = await connection.recv()
        now = time.monotonic()
        event = user, kind.what(msgspec.json.decode(text, type=_Heard))
        if event in heard:
            raise Wrong(f"an event came twice: {event}")
        heard[event] = now


def _at_times(seconds: int, per_second: int) -> Iterator[None]:
    """So many steps in each second, each at its time."""
    began = time.monotonic()
    for step in range(seconds * per_second):
        time.sleep(max(0.0, began + step / per_second - time.monotonic()))
        yield


def _records_kind(users: int) -> _Kind:
    org = _simulation(users).orgs[0]
    return _Kind(
        f"{_RECORDS_PER_SECOND} commits to the ledger, each with the records of {_CALLS_PER_COMMIT} calls",
        org.uuid,
        [person.uuid for person in org.users],
        _commit_records,
        lambda heard: str(heard.data["userSessions"]["userSessions"][0]["sessionId"]),
    )


def _simulation(users: int) -> Simulation:
    """Calls of some hours ago: what has just ended is news."""
    return Simulation(
        seed=_SEED,
        start=utc_now() - timedelta(hours=6),
        calls_per_day=_CALLS_PER_HOUR,
        users=users,
        round_the_clock=1.0,
        rates=Rates(late=0.0, redelivered=0.0, revised=0.0),
    )


def _commit_records(path: Path, users: int) -> Times:
    simulation = _simulation(users)
    listening = {person.uuid for person in simulation.orgs[0].users}
    calls = simulation.calls()
    store = Store.open(path)
    ledger = SqlLedger(store, utc_now)
    committed: Times = {}
    for _ in _at_times(_RECORDS_FOR, _RECORDS_PER_SECOND):
        some = islice(calls, _CALLS_PER_COMMIT)
        records = [decode(delivery.record).record for call in some for delivery in call.deliveries]
        ledger.append(records)
        now = time.monotonic()
        committed.update((event, now) for event in _sessions_of(records) if event[0] in listening)
    store.close()
    return committed


def _sessions_of(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """The sessions that must become of whole calls: the user and the id of each."""
    calls: dict[UUID, list[Leg]] = {}
    for record in records:
        leg = leg_of_cdr(CDR(record.raw), str(record.org), record.record_id)
        calls.setdefault(call_of(leg), []).append(leg)
    for call, legs in calls.items():
        for session in sessions_of(call, legs, Directory()):
            yield session.user, str(session.id)


def _events_kind(users: int) -> _Kind:
    return _Kind(
        f"{_BURSTS_PER_SECOND} bursts of {_COMMITS_PER_BURST} commits to the outbox, each with 2 events",
        _ORG,
        [_user(index) for index in range(users)],
        _commit_events,
        lambda heard: str(heard.eventNumber),
    )


def _user(index: int) -> str:
    return f"user-{index}"


def _commit_events(path: Path, users: int) -> Times:
    chance = random.Random(_SEED)
    store = Store.open(path)
    committed: Times = {}
    for _ in _at_times(_EVENTS_FOR, _BURSTS_PER_SECOND):
        for _ in range(_COMMITS_PER_BURST):
            pair = [_user(index) for index in chance.sample(range(users), 2)]
            with store.write() as connection:
                told = [NewEvent(user, EventKind.RECENT, _body()) for user in pair]
                newest = write(connection, _ORG, time.time_ns() // 10**6, told)
            now = time.monotonic()
            committed |= {(pair[0], str(newest - 1)): now, (pair[1], str(newest)): now}
    store.close()
    return committed


def _body() -> bytes:
    """A session as large as those of real calls; nobody looks into it."""
    name = "00000000-0000-4000-8000-000000000000"
    return msgspec.json.encode(
        {
            "id": name,
            "sessionId": name,
            "url": f"history/userSessions/{name}",
            "sessionType": "WEBEXCALLING",
            "startTime": "2026-03-02T12:00:00.000Z",
            "endTime": "2026-03-02T12:05:00.000Z",
            "direction": "INCOMING",
            "disposition": "ANSWERED",
            "durationSecs": 290,
            "durationSeconds": 290,
            "joinedDurationSeconds": 290,
            "participantCount": 2,
            "isDeleted": False,
            "isPMR": False,
            "correlationIds": [name, name],
            "self": {"id": name, "name": "Somebody Here", "phoneNumber": "+12025550101"},
            "other": {"id": name, "name": "Somebody Else", "isPrivate": False, "callbackAddress": "+12025550102"},
            "links": {"callbackAddress": "+12025550102"},
        }
    )
