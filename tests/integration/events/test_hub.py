"""The hub without sockets: the seams between what is read and what is new, and what goes wrong."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from factories import ORG, OTHER_ORG
from integration.events.site import ANN, BEN, Teller, in_loop, telling
from integration.ledger import statements
from ringback.projections.outbox import Event, Outbox
from ringback.server.events.hub import EventHub
from ringback.server.events.listener import Listener, StartAgain
from ringback.store import Store
from ringback.store.schema import event_counters, events


@asynccontextmanager
async def hub_of(store: Store) -> AsyncIterator[EventHub]:
    """A hub that runs, and looks often."""
    hub = EventHub(Outbox(store), poll_seconds=0.005, most_per_user=100)
    async with hub.running():
        yield hub


async def read(listener: Listener, count: int) -> list[int]:
    """The numbers of the next events."""
    numbers: list[int] = []
    while len(numbers) < count:
        numbers += [event.number for event in await listener.read(10)]
    return numbers


@in_loop
async def test_listeners_that_come_and_go(teller: Teller) -> None:
    """Whenever a listener comes, after whichever event, and however slowly it reads, it gets each once and in order."""
    chance = random.Random(1)
    last = 800
    heard: list[tuple[str | None, int, Sequence[Event]]] = []

    async def listen(hub: EventHub) -> None:
        await asyncio.sleep(chance.random() * 2)
        user = chance.choice([ANN, BEN, None])
        newest = teller.outbox.bounds(ORG).newest
        after = chance.randint(0, newest)
        got: list[Event] = []
        with closing(await hub.listen(ORG, user, str(after))) as listener:
            while listener.position < last:
                got += await listener.read(0.1)
                await asyncio.sleep(chance.choice([0, 0, 0.001, 0.3]))
        heard.append((user, after, got))

    async with hub_of(teller.store) as hub:
        with telling(teller, last, ANN, BEN, BEN):
            await asyncio.gather(*[listen(hub) for _ in range(60)])
        assert hub.listeners == 0
    assert len(heard) == 60
    for user, after, got in heard:
        assert got == teller.outbox.after(ORG, after, last, user)


@in_loop
async def test_a_slow_listener(teller: Teller) -> None:
    """A listener that does not read keeps little in memory and holds up nobody; when it reads, it gets everything."""
    async with hub_of(teller.store) as hub:
        slow, quick = await hub.listen(ORG, ANN), await hub.listen(ORG, None)
        with closing(slow), closing(quick):
            await asyncio.gather(slow.read(0.01), quick.read(0.01))
            for _ in range(30):
                teller.tell(count=50)
            assert await read(quick, 1500) == list(range(1, 1501))
            assert len(slow._queue) <= 100
            assert await read(slow, 1500) == list(range(1, 1501))
            teller.tell()
            assert await read(slow, 1) == [1501]


@in_loop
async def test_forgotten_while_slow(teller: Teller) -> None:
    """A listener so slow that its events are forgotten is told to start again, and goes on with what is new."""
    async with hub_of(teller.store) as hub:
        with closing(await hub.listen(ORG, ANN)) as slow, closing(await hub.listen(ORG, ANN)) as quick:
            await asyncio.gather(slow.read(0.01), quick.read(0.01))
            teller.tell(count=300)
            await read(quick, 300)
            teller.clock.now += 1000
            assert teller.outbox.forget(ORG, teller.clock.now) == 300
            assert await read(slow, 100) == list(range(1, 101)), "what waits for it"
            with pytest.raises(StartAgain) as told:
                await slow.read(10)
            assert told.value.newest == 300
            teller.tell()
            assert await read(slow, 1) == await read(quick, 1) == [301]


@in_loop
async def test_a_quiet_listener(teller: Teller) -> None:
    """A listener who heard nothing for so long that all is forgotten has missed nothing, and need not start again."""
    async with hub_of(teller.store) as hub:
        with closing(await hub.listen(ORG, ANN)) as quiet, closing(await hub.listen(ORG, BEN)) as busy:
            assert await quiet.read(0.01) == []
            teller.tell(BEN, count=300)
            await read(busy, 300)
            assert quiet.position == 300
            teller.clock.now += 1000
            teller.outbox.forget(ORG, teller.clock.now)
            teller.tell(ANN, count=300)
            assert await read(quiet, 300) == list(range(301, 601))


@in_loop
async def test_an_older_copy_of_the_store(teller: Teller) -> None:
    """When an older copy of the store takes its place, and numbers come again, listeners are told to start again."""
    async with hub_of(teller.store) as hub:
        with closing(await hub.listen(ORG, ANN)) as listener:
            teller.tell(count=5)
            assert await read(listener, 5) == [1, 2, 3, 4, 5]
            with teller.store.write() as connection:
                connection.execute(events.delete().where(events.c.number > 2))
                connection.execute(event_counters.update().values(newest=2))
            with pytest.raises(StartAgain) as told:
                await listener.read(10)
            assert told.value.newest == 2
            teller.tell()
            assert await read(listener, 1) == [3]


@in_loop
async def test_a_store_that_cannot_be_read(teller: Teller, capsys: pytest.CaptureFixture[str]) -> None:
    """While the store cannot be read listeners wait, the log says so once, and then they get what they missed."""

    def rename(old: str, new: str) -> None:
        with teller.store.write() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")

    async with hub_of(teller.store) as hub:
        with closing(await hub.listen(ORG, ANN)) as listener:
            assert await listener.read(0.05) == []
            teller.tell()
            assert await read(listener, 1) == [1]
            rename("event_counters", "gone")
            assert await listener.read(1.5) == []
            rename("gone", "event_counters")
            teller.tell(count=2)
            assert await read(listener, 2) == [2, 3]
    assert capsys.readouterr().out.count("events cannot be read") == 1


@in_loop
async def test_what_is_read(directory: Path, teller: Teller) -> None:
    """While nobody listens nothing is read; while somebody does, nothing of other organizations."""
    store = Store.open(directory)
    with statements.listening(store) as heard:
        async with hub_of(store) as hub:
            await asyncio.sleep(0.1)
            assert heard == []
            with closing(await hub.listen(ORG, ANN)) as listener:
                teller.tell(ANN, org=OTHER_ORG, count=3)
                teller.tell()
                assert await read(listener, 1) == [1]
            await asyncio.sleep(0.1)
            count = len(heard)
            teller.tell()
            await asyncio.sleep(0.1)
            assert len(heard) == count
    assert {row[0] for said in heard for row in said.rows if row} == {ORG.bytes}
    store.close()
