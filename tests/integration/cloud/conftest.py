"""What the tests of the simulated cloud share: its traffic, and a way to start it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from integration.cloud.asking import NOW, ORG, SIMULATION, Client, Start
from ringback.simulator import Delivery
from ringback.simulator.cloud import ManualClock, SimulatedCloud


@pytest.fixture(scope="session")
def deliveries() -> list[Delivery]:
    """A day of traffic of one org, some of it late, revised or sent again."""
    return [delivery for call in SIMULATION.calls() for delivery in call.deliveries]


@pytest.fixture
def start(deliveries: list[Delivery]) -> Iterator[Start]:
    """Starts clouds with a day of traffic on a clock by hand, and gives a client of each."""
    with ExitStack() as stack:

        def start(**options: Any) -> Client:
            given: dict[str, Any] = {"deliveries": deliveries, "clock": ManualClock(NOW), "orgs": [ORG], **options}
            return Client(stack.enter_context(SimulatedCloud(**given)))

        yield start
