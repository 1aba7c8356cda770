"""Records arrive late, again, and revised, at the rates asked for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from ringback.simulator import Delivery, Rates, SimulatedCall, Simulation, in_arrival_order

Simulate = Callable[..., list[SimulatedCall]]

NONE = Rates(late=0, redelivered=0, revised=0)


def by_record(calls: list[SimulatedCall]) -> dict[str, list[Delivery]]:
    """The deliveries of each record, in order of arrival."""
    deliveries: dict[str, list[Delivery]] = {}
    for call in calls:
        for delivery in call.deliveries:
            deliveries.setdefault(delivery.report_id, []).append(delivery)
    return deliveries


def test_without_rates_every_record_comes_once_within_a_minute(simulate: Simulate) -> None:
    """Each record arrives 20 to 60 seconds after its release."""
    for deliveries in by_record(simulate(rates=NONE)).values():
        (delivery,) = deliveries
        assert timedelta(seconds=20) <= delivery.at - delivery.report_time <= timedelta(seconds=60)


def test_records_come_late_again_and_revised_as_often_as_asked(simulate: Simulate) -> None:
    """Each rate is met, give or take what chance allows."""
    rates = Rates(late=0.2, redelivered=0.1, revised=0.05)
    calls = simulate(calls_per_day=2000, rates=rates)
    records = [record for call in calls for record in call.truth.records]
    firsts = [deliveries[0] for deliveries in by_record(calls).values()]
    late = sum(first.at - first.report_time > timedelta(minutes=2) for first in firsts)
    revised = sum(record.versions == 2 for record in records)
    redelivered = sum(record.deliveries > record.versions for record in records)
    assert late / len(records) == pytest.approx(0.2, abs=0.03)
    assert redelivered / len(records) == pytest.approx(0.1, abs=0.02)
    assert revised / len(records) == pytest.approx(0.05, abs=0.015)
    assert max(first.at - first.report_time for first in firsts) <= timedelta(hours=20)


def test_a_redelivery_is_the_same_bytes(simulate: Simulate) -> None:
    """A record that is sent again without a revision does not change."""
    for deliveries in by_record(simulate(rates=Rates(late=0, redelivered=1, revised=0))).values():
        first, again = deliveries
        assert first.record == again.record
        assert first.at < again.at


def test_a_revision_changes_a_record_and_the_newest_is_the_truth(simulate: Simulate) -> None:
    """A revision has a newer Report time and other content; truth names the newest, in whatever order they come."""
    calls = simulate(rates=Rates(late=0.1, redelivered=0.5, revised=1))
    deliveries = by_record(calls)
    stale = 0
    for record in (record for call in calls for record in call.truth.records):
        versions = {one.record: one for one in deliveries[record.report_id]}
        assert len(versions) == record.versions == 2
        assert len(deliveries[record.report_id]) == record.deliveries
        old, new = sorted(versions.values(), key=lambda one: one.report_time)
        assert sha256(new.record).hexdigest() == record.digest
        before, after = json.loads(old.record), json.loads(new.record)
        assert before["Report time"] == before["Release time"] == after["Release time"]
        assert record.report_time == after["Report time"] > before["Report time"]
        assert len([key for key in after if after[key] != before[key]]) == 2
        stale += deliveries[record.report_id][-1].record == old.record
    assert stale


def test_other_rates_deliver_the_same_calls(simulate: Simulate) -> None:
    """Rates change when and how often records arrive, never what happened."""
    plain = simulate(rates=NONE)
    busy = simulate(rates=Rates(late=1, redelivered=1, revised=1))
    assert [call.truth.id for call in plain] == [call.truth.id for call in busy]
    assert [call.truth.story for call in plain] == [call.truth.story for call in busy]


def test_arrival_order_is_sorted_and_complete(simulate: Simulate) -> None:
    """All deliveries come out, each once, in order of arrival, and always the same way."""
    calls = simulate(orgs=3, rates=Rates(late=0.3, redelivered=0.2, revised=0.1))
    arrived = list(in_arrival_order(calls))
    assert [one.at for one in arrived] == sorted(one.at for one in arrived)
    everything = [one for call in calls for one in call.deliveries]
    assert sorted((one.at, one.record) for one in everything) == sorted((one.at, one.record) for one in arrived)
    assert arrived == list(in_arrival_order(calls))


def test_an_endless_simulation_can_be_read_in_arrival_order() -> None:
    """Without an end, deliveries keep coming, and none waits for the end."""
    endless = Simulation(seed=1, start=datetime(2026, 3, 2, tzinfo=UTC), calls_per_day=200)
    arrived = list(itertools.islice(in_arrival_order(endless.calls()), 1500))
    assert len(arrived) == 1500
    assert arrived[-1].at > arrived[0].at + timedelta(days=1)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_rates_are_shares(rate: float) -> None:
    """A rate below 0 or above 1 is refused by name."""
    with pytest.raises(ValueError, match="the rate late is a share"):
        Rates(late=rate)
