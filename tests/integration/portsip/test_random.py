"""The collector against the simulated PBX over HTTP, however that behaves and while everything goes wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from collecting_pbx import BEGIN, BesidePbx, calls
from ringback.simulator.cloud import ManualClock
from ringback.simulator.pbx import Behaviour, Faults, Limits, SimulatedPbx

PACES = (200, 40, 15)
"""Requests in a minute. With few, rows come while a list is read."""


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 80))])
def test_random_mixes(tmp_path: Path, seed: int) -> None:
    """Seeded mixes of all behaviours and faults, outages and restarts of the PBX among them, with restarts of the
    collector and an hour without it, cost no row, and keep to the rate."""
    clock = ManualClock(BEGIN)
    behaviour = Behaviour.random(seed)
    faults = Faults.random(seed, since=BEGIN, until=BEGIN + timedelta(hours=4), hang=0.02)
    pace = PACES[seed % len(PACES)]
    with SimulatedPbx(
        calls(seed),
        clock=clock,
        behaviour=behaviour,
        faults=faults,
        limits=Limits(requests=pace),
        seed=seed,
    ) as pbx:
        both = BesidePbx(
            pbx,
            clock,
            tmp_path / "data",
            history="6h",
            poll="10m",
            busy_poll="10m",
            reread="30m",
            longest_call="4h",
            audit_every="1h",
            audit_reach="6h",
            requests_per_minute=pace,
            top=(100, 30)[seed % 2],
        )
        both.collect(BEGIN + timedelta(minutes=50))
        both.collect(BEGIN + timedelta(minutes=110))
        clock.advance(timedelta(hours=1))
        both.collect(clock.now() + timedelta(hours=2))
        both.check(pbx.now() - timedelta(minutes=90))
        assert both.windows.lost(both.settings.org, "pbx") == []
        both.close()
