"""What the tests of projections share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from factories import NOON, Clock
from integration.projections.office import Office, set_clock


@pytest.fixture
def clock() -> Clock:
    """The clock, an hour after the records of `factories` are from."""
    clock = Clock()
    set_clock(clock, NOON)
    clock.now += 3_600_000
    return clock


@pytest.fixture
def office(directory: Path, clock: Clock) -> Iterator[Office]:
    """An empty store, and what works on it."""
    with Office(directory, clock) as office:
        yield office
