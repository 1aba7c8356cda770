"""A simulation is the same every time, whenever it starts or ends, and its traffic looks like that of offices."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringback.simulator import KINDS, SimulatedCall, Simulation

Wire = dict[str, Any]
Simulate = Callable[..., list[SimulatedCall]]
Newest = Callable[[SimulatedCall], list[Wire]]

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

DIGEST = """
import hashlib, sys
from datetime import UTC, datetime
from ringback.simulator import Simulation
digest = hashlib.sha256()
start, end = datetime(2026, 3, 2, 14, tzinfo=UTC), datetime(2026, 3, 2, 16, tzinfo=UTC)
for call in Simulation(seed=7, start=start, end=end, calls_per_day=500, orgs=2).calls():
    digest.update(call.truth.to_json())
    for delivery in call.deliveries:
        digest.update(str(delivery.at).encode() + delivery.record)
print(digest.hexdigest())
"""


def as_bytes(calls: Iterable[SimulatedCall]) -> list[bytes]:
    """Everything there is about calls, for comparison."""
    return [
        call.truth.to_json() + b"".join(str(one.at).encode() + one.record for one in call.deliveries) for call in calls
    ]


def test_the_same_arguments_give_the_same_bytes_in_any_process() -> None:
    """Neither the process nor its hash seed changes a byte."""
    digests = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        run = subprocess.run(
            [sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(run.stdout.strip())
    assert len(digests) == 1
    assert digests != {hashlib.sha256().hexdigest()}


def test_iterating_again_begins_anew() -> None:
    """A simulation can be read twice, and says the same both times."""
    simulation = Simulation(seed=3, start=MONDAY, end=MONDAY + timedelta(hours=20), calls_per_day=300)
    assert as_bytes(simulation.calls()) == as_bytes(simulation.calls())


def test_another_seed_gives_other_calls(simulate: Simulate) -> None:
    """Seeds make a difference."""
    assert not set(as_bytes(simulate(seed=1))) & set(as_bytes(simulate(seed=2)))


def test_a_later_end_does_not_change_the_calls_before(simulate: Simulate) -> None:
    """A longer simulation begins with the shorter one, to the byte."""
    short = as_bytes(simulate(end=MONDAY + timedelta(hours=15, minutes=20)))
    long = as_bytes(simulate(end=MONDAY + timedelta(days=2)))
    assert len(short) < len(long)
    assert short == long[: len(short)]


def test_a_later_start_does_not_change_the_calls_after(simulate: Simulate) -> None:
    """A simulation that starts later gives the same calls from then on: it can be taken up again anywhere."""
    later = MONDAY + timedelta(hours=14, minutes=40)
    end = MONDAY + timedelta(days=1)
    early = simulate(end=end)
    assert as_bytes(simulate(start=later, end=end)) == as_bytes(call for call in early if call.truth.start >= later)


def test_calls_come_in_order_of_start_and_within_the_simulation(simulate: Simulate) -> None:
    """Calls of all organizations are merged by start, and none starts before the start or at the end."""
    end = MONDAY + timedelta(hours=17, minutes=30)
    starts = [call.truth.start for call in simulate(orgs=3, end=end)]
    assert starts == sorted(starts)
    assert MONDAY <= starts[0] <= starts[-1] < end


def test_record_ids_are_unique(simulate: Simulate) -> None:
    """No two records share a Report ID, over organizations and over a week after which call ids are used again."""
    ids = [record.report_id for call in simulate(days=9, orgs=2) for record in call.truth.records]
    assert len(set(ids)) == len(ids)


def test_call_ids_are_used_again_but_not_within_a_day(simulate: Simulate, newest: Newest) -> None:
    """Local call IDs come back after a week, and never while a join by them would be allowed."""
    last: dict[str, datetime] = {}
    reused = 0
    for call in simulate(days=9, calls_per_day=200, mix={"internal": 1}):
        for wire in newest(call):
            before = last.get(wire["Local call ID"])
            if before is not None:
                assert call.truth.start - before > timedelta(days=2)
                reused += 1
            last[wire["Local call ID"]] = call.truth.start
    assert reused


def test_a_simulation_has_about_as_many_calls_as_asked(simulate: Simulate) -> None:
    """calls_per_day is the average of a working day over all organizations together."""
    for orgs in (1, 4):
        week = simulate(days=5, calls_per_day=400, orgs=orgs)
        assert len(week) / 5 == pytest.approx(400, rel=0.1)


def test_people_call_in_office_hours_of_their_site_and_rest_at_weekends(simulate: Simulate, newest: Newest) -> None:
    """Most calls of a site are made by day in its own time zone, fewer at lunch, and few on Saturday and Sunday."""
    hours: Counter[int] = Counter()
    days: Counter[int] = Counter()
    for call in simulate(days=7, calls_per_day=800, mix={"internal": 1}):
        caller = min(newest(call), key=lambda wire: str(wire["Start time"]))
        local = call.truth.start + timedelta(minutes=int(caller["Site timezone"]))
        days[local.weekday()] += 1
        hours[local.hour] += local.weekday() < 5
    assert sum(hours[hour] for hour in range(8, 18)) > 0.85 * hours.total()
    assert hours[12] < 0.8 * min(hours[10], hours[14])
    assert max(days[5], days[6]) < 0.2 * min(days[day] for day in range(1, 5))


def test_the_usual_mix_has_every_kind() -> None:
    """Every kind of call happens in the usual mix, if one waits long enough."""
    simulation = Simulation(seed=5, start=MONDAY, end=MONDAY + timedelta(days=1), calls_per_day=8000)
    assert {call.truth.kind for call in simulation.calls()} == set(KINDS)


def test_a_mix_gives_only_its_kinds_whatever_its_order(simulate: Simulate) -> None:
    """Kinds left out of a mix do not happen, and the order of a mix means nothing."""
    calls = simulate(mix={"pstn_in": 1, "internal": 3, "paging": 0})
    kinds = Counter(call.truth.kind for call in calls)
    assert set(kinds) == {"pstn_in", "internal"}
    assert kinds["internal"] > kinds["pstn_in"]
    assert as_bytes(calls) == as_bytes(simulate(mix={"internal": 3, "pstn_in": 1}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": datetime(2026, 3, 2)}, "without a time zone"),  # noqa: DTZ001 - naive on purpose
        ({"end": datetime(2026, 3, 3)}, "without a time zone"),  # noqa: DTZ001 - naive on purpose
        ({"end": MONDAY - timedelta(days=1)}, "ends .* before it starts"),
        ({"mix": {"telepathy": 1}}, "unknown kinds of calls: telepathy; known are internal, "),
        ({"mix": {"internal": 0}}, "weights of a mix"),
        ({"mix": {"internal": -1, "pstn_in": 1}}, "weights of a mix"),
        ({"mix": {}}, "weights of a mix"),
        ({"calls_per_day": 0}, "calls_per_day is 0"),
        ({"orgs": 0}, "orgs is 0"),
        ({"users": 3}, "at least 10"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any], message: str) -> None:
    """Each bad argument is refused with a sentence that names it."""
    with pytest.raises(ValueError, match=message):
        Simulation(**{"seed": 1, "start": MONDAY, "end": MONDAY + timedelta(days=1), **arguments})


@pytest.mark.parametrize("users", [10, 60, 900])
def test_organizations_of_any_size_can_play_every_kind(users: int, simulate: Simulate) -> None:
    """Small and large organizations have what every kind of call needs."""
    mix = dict.fromkeys(KINDS, 1)
    assert {call.truth.kind for call in simulate(calls_per_day=900, users=users, mix=mix)} == set(KINDS)


def test_organizations_are_described() -> None:
    """The organizations say who is in them; numbers and uuids are unique within one, and regions take turns."""
    orgs = Simulation(seed=9, start=MONDAY, orgs=5, users=150).orgs
    assert [org.region for org in orgs] == ["us", "eu", "in", "au", "us"]
    assert len({org.uuid for org in orgs}) == len({org.name for org in orgs}) == 5
    for org in orgs:
        parties = (*org.users, *org.workspaces, *org.virtual_lines, *org.services)
        numbers = [party.number for party in parties if party.number]
        assert len(org.users) == 150
        assert len(set(numbers)) == len(numbers)
        assert len({party.extension for party in parties}) == len({party.uuid for party in parties}) == len(parties)
        assert {party.site for party in parties} == set(org.sites)


def test_an_organization_that_works_round_the_clock_has_calls_at_night_and_on_sundays() -> None:
    """With `round_the_clock`, every hour of a weekend has about that share of a working day's calls."""
    sunday = datetime(2026, 3, 8, tzinfo=UTC)
    simulation = Simulation(
        seed=5, start=sunday, end=sunday + timedelta(days=1), calls_per_day=2000, round_the_clock=0.02
    )
    calls = Counter(call.truth.start.hour for call in simulation.calls())
    assert min(calls[hour] for hour in range(24)) > 15
    with pytest.raises(ValueError, match="round_the_clock"):
        Simulation(seed=5, start=sunday, round_the_clock=1.5)
