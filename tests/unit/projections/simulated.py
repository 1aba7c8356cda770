"""Simulated calls, and the sessions that become of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ringback.projections.sessions.people import Directory
from ringback.projections.sessions.rules import Session, call_of, sessions_of
from ringback.records.cdr import CDR
from ringback.records.leg import Leg, leg_of_cdr
from ringback.simulator import SimulatedCall, Simulation

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def simulation(days: float = 1, **arguments: Any) -> Simulation:
    """A short simulation of one organization that starts on a Monday."""
    given: dict[str, Any] = {"seed": 11, "start": MONDAY, "end": MONDAY + timedelta(days=days), **arguments}
    return Simulation(**given)


def legs_of(call: SimulatedCall) -> list[Leg]:
    """The legs of a call: the newest version of each record."""
    newest = {delivery.report_id: delivery for delivery in sorted(call.deliveries, key=lambda one: one.report_time)}
    return [leg_of_cdr(CDR(one.record), str(one.org), one.report_id) for one in newest.values()]


def made_of_legs(legs: Iterable[Leg], directory: Directory | None = None) -> list[Session]:
    """The sessions that become of some legs."""
    calls: dict[UUID, list[Leg]] = {}
    for leg in legs:
        calls.setdefault(call_of(leg), []).append(leg)
    return [session for call, its in calls.items() for session in sessions_of(call, its, directory or Directory())]


def with_sessions(simulated: Iterable[SimulatedCall]) -> Iterator[tuple[SimulatedCall, list[Session]]]:
    """Each call, with its sessions."""
    for call in simulated:
        yield call, made_of_legs(legs_of(call))
