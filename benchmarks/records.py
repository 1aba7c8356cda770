"""Records to measure with: simulated traffic of 30 days, as many as are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from ringback.simulator import Rates, Simulation, in_arrival_order

_SEED = 20
_START = datetime(2026, 10, 1, tzinfo=UTC)
_DAYS = 30
_WORKING_DAYS = 22
_RECORDS_OF_A_CALL = 2
"""Fewer than there are; what is too much is cut off."""


def raw_records(number: int) -> Iterator[bytes]:
    """This many different records of one organization, in order of arrival."""
    yield from islice((delivery.record for delivery in in_arrival_order(_simulation(number).calls())), number)


def org(number: int) -> UUID:
    """The organization of `raw_records(number)`."""
    return _simulation(number).orgs[0].uuid


def _simulation(number: int) -> Simulation:
    return Simulation(
        seed=_SEED,
        start=_START,
        end=_START + timedelta(days=_DAYS),
        calls_per_day=number // (_RECORDS_OF_A_CALL * _WORKING_DAYS) + 1,
        users=1000,
        rates=Rates(redelivered=0.0, revised=0.0),
    )
