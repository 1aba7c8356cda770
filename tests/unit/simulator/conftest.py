"""What the tests of the simulator share: short simulations, and records as dictionaries."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringback.simulator import Rates, SimulatedCall, Simulation

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

Wire = dict[str, Any]


def _simulate(days: float = 1, **arguments: Any) -> list[SimulatedCall]:
    given: dict[str, Any] = {"seed": 7, "start": MONDAY, "calls_per_day": 300, **arguments}
    given.setdefault("end", given["start"] + timedelta(days=days))
    return list(Simulation(**given).calls())


def _newest(call: SimulatedCall) -> list[Wire]:
    versions = {delivery.report_id: delivery for delivery in sorted(call.deliveries, key=lambda one: one.report_time)}
    return [json.loads(versions[record.report_id].record) for record in call.truth.records]


@pytest.fixture(scope="session")
def simulate() -> Callable[..., list[SimulatedCall]]:
    """Gives the calls of a short simulation that starts on a Monday."""
    return _simulate


@pytest.fixture(scope="session")
def newest() -> Callable[[SimulatedCall], list[Wire]]:
    """Gives the newest version of each record of a call, in order of release."""
    return _newest


@pytest.fixture(scope="session")
def calls_of() -> Callable[[str], list[SimulatedCall]]:
    """Gives some calls of a kind, two organizations, each record once; every kind is simulated only once."""
    made: dict[str, list[SimulatedCall]] = {}
    prompt = Rates(late=0, redelivered=0, revised=0)

    def calls_of(kind: str) -> list[SimulatedCall]:
        if kind not in made:
            made[kind] = _simulate(calls_per_day=60, orgs=2, rates=prompt, mix={kind: 1})
        return made[kind]

    return calls_of
