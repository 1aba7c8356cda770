"""What the tests of the simulated PBX share: its calls, and a way to start it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from integration.pbx.asking import NOW, TRAFFIC, Client, Start
from ringback.simulator.pbx import ManualClock, SimulatedPbx, Written


@pytest.fixture(scope="session")
def writes() -> list[Written]:
    """A day of calls of one tenant."""
    return list(TRAFFIC.writes())


@pytest.fixture
def start(writes: list[Written]) -> Iterator[Start]:
    """Starts PBXs with a day of calls on a clock by hand, and gives a client of each."""
    with ExitStack() as stack:

        def start(**options: Any) -> Client:
            given: dict[str, Any] = {"writes": writes, "clock": ManualClock(NOW), **options}
            return Client(stack.enter_context(SimulatedPbx(**given)))

        yield start
