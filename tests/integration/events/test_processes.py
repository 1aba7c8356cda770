"""Several web processes on one store, how they stop, and many clients at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest

from integration.events import web_process as program
from integration.events.site import ANN, BEN, Teller, WebProcess, in_loop, telling


class Running(WebProcess):
    """A web process that is really one.

    Attributes:
        process: of the operating system.
    """

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, program.__file__, str(directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Tell it to stop."""
        self.process.send_signal(number)

    async def stopped(self) -> tuple[int, str]:
        """The exit code, and what it wrote on standard error."""
        _, errors = await asyncio.to_thread(self.process.communicate, timeout=30)
        return self.process.returncode, errors


@contextmanager
def running(directory: Path) -> Iterator[Running]:
    """A web process; killed at the end if it still runs."""
    process = Running(directory)
    try:
        yield process
    finally:
        process.process.kill()
        process.process.communicate()


@in_loop
async def test_two_processes_bring_the_same(directory: Path, teller: Teller) -> None:
    """It does not matter which web process a client is connected to: each gets all events, once, in order."""
    with running(directory) as one, running(directory) as two:
        async with (
            one.listen(teller.token()) as phone,
            two.listen(teller.token()) as desk,
            two.stream(teller.token(None)) as admin,
        ):
            await admin.next()
            with telling(teller, 100, ANN, BEN):
                heard = await asyncio.gather(phone.numbers(50), desk.numbers(50), admin.ids(100))
    assert heard[0] == heard[1] == list(range(1, 100, 2))
    assert heard[2] == list(range(1, 101))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@in_loop
async def test_a_server_that_stops(directory: Path, teller: Teller, number: signal.Signals) -> None:
    """A server that stops closes with 1001, after which clients of Mercury come again, and does not wait for them."""
    with running(directory) as web:
        async with web.listen(teller.token()) as device, web.stream(teller.token()) as stream:
            await stream.next()
            teller.tell()
            assert await device.numbers(1) == [1]
            began = time.monotonic()
            web.stop(number)
            code, _ = await asyncio.gather(device.closed(), stream.ended())
        code_of_process, errors = await web.stopped()
    assert code == 1001
    assert (code_of_process, errors) == (0, "")
    assert time.monotonic() - began < 10, "it waited for its clients"


@in_loop
async def test_events_after_a_kill(directory: Path, teller: Teller) -> None:
    """An event that was committed before the server was killed reaches the client that resumes at the next one."""
    with running(directory) as web:
        async with web.listen(teller.token()) as device:
            teller.tell()
            assert await device.numbers(1) == [1]
            web.process.kill()
            teller.tell(count=2)
            await device.closed()
    with running(directory) as web:
        async with web.listen(teller.token(), lastEventId=1) as device:
            assert await device.numbers(2) == [2, 3]


@in_loop
async def test_many_clients(directory: Path, teller: Teller) -> None:
    """With 200 clients on two web processes, each gets all that is told to its user while 100 events are committed."""
    users = [f"user-{index}" for index in range(100)]
    with running(directory) as one, running(directory) as two:
        async with AsyncExitStack() as stack:
            devices = {
                user: [await stack.enter_async_context(web.listen(teller.token(user))) for web in (one, two)]
                for user in users
            }
            committed: dict[int, float] = {}
            delays: list[float] = []

            async def hear(user: str) -> None:
                for device in devices[user]:
                    (number,) = await device.numbers(1)
                    delays.append(time.monotonic() - committed[number])

            async def tell() -> None:
                for user in users:
                    (number,) = await asyncio.to_thread(teller.tell, user)
                    committed[number] = time.monotonic()
                    await asyncio.sleep(0.01)

            hearing = [asyncio.create_task(hear(user)) for user in users]
            await tell()
            await asyncio.gather(*hearing)
    assert len(delays) == 200
    print(f"from commit to socket: {sorted(delays)[197] * 1000:.0f} ms at p99")
