"""The stories of simulated calls of every kind, against what really happened in them.

All legs of a call have arrived, each in its newest revision; how records are joined to calls is tested elsewhere.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from benchmarks.call_truth import FACTS, differences, legs_of

from ringback.projections.calls.story.model import Story
from ringback.projections.calls.story.rules import story_of
from ringback.records.leg import Leg
from ringback.records.values import to_milliseconds
from ringback.simulator import KINDS, Rates, Simulation
from ringback.simulator.truth import TrueCall

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

UNKNOWABLE: Mapping[tuple[str, str], str] = {}
"""Facts that the records of a kind of call do not carry, each with the reason. There is none: each park, pickup and
barge-in leaves a record of whoever took part, and a number that was withheld is empty in the truth as well."""

Told = list[tuple[TrueCall, list[Leg], Story]]


@pytest.fixture(scope="module")
def told() -> Told:
    """Calls of every kind in several orgs, of several seeds, each with its legs in no order, and its story."""
    rng = random.Random(6)
    found = []
    for seed in (1, 2, 3):
        simulation = Simulation(
            seed=seed,
            start=MONDAY,
            end=MONDAY + timedelta(days=1),
            calls_per_day=600,
            orgs=3,
            rates=Rates(revised=0.1),
            mix=dict.fromkeys(KINDS, 1),
        )
        for call in simulation.calls():
            legs = legs_of(call)
            rng.shuffle(legs)
            found.append((call.truth, legs, story_of(legs)))
    return found


def test_every_kind_of_call_is_among_them(told: Told) -> None:
    """What follows is about all kinds of calls that the simulator makes, in three orgs, some of each."""
    counts = Counter(truth.kind for truth, _, _ in told)
    assert counts.keys() == set(KINDS)
    assert min(counts.values()) >= 10
    assert len({truth.org for truth, _, _ in told}) == 9


@pytest.mark.parametrize("fact", FACTS)
def test_what_is_told_is_true(fact: str, told: Told) -> None:
    """Of every call, each fact is told as it was: to the second, and to the last participant."""
    wrong = Counter[str]()
    for truth, _, story in told:
        if fact in differences(truth, story) and (truth.kind, fact) not in UNKNOWABLE:
            wrong[truth.kind] += 1
    assert not wrong


def test_a_difference_is_seen(told: Told) -> None:
    """The comparison notices each fact of a story that is not as it was."""
    truth, _, story = told[0]
    assert not differences(truth, story)
    other = next(each for each in told if each[0].direction != truth.direction and each[0].talk_seconds)
    assert {"start", "direction", "first_caller", "results", "report_ids"} <= differences(truth, other[2]).keys()


def test_the_order_of_legs_does_not_matter(told: Told) -> None:
    """The same legs in another order have the same story."""
    for _, legs, story in told:
        assert story_of(legs[::-1]) == story


def test_records_are_named_in_order_of_release(told: Told) -> None:
    """The ids of the records stand in the order in which they were released, then in their own."""
    for _, legs, story in told:
        released = {leg.record_id: (leg.release_time, leg.record_id) for leg in legs}
        assert list(story.report_ids) == sorted(released, key=lambda record: released[record])


def test_the_timeline_is_in_order_and_within_the_call(told: Told) -> None:
    """Steps follow each other, none before the call began or after it ended; the first is that somebody called."""
    for truth, _, story in told:
        times = [step.at for step in story.timeline]
        assert times == sorted(times)
        assert to_milliseconds(truth.start) <= times[0] <= times[-1] <= to_milliseconds(truth.end)
        assert story.timeline[0].what == "called"
        assert story.timeline[-1].what == "released"


def test_the_sentence_names_whoever_did_something(told: Told) -> None:
    """Whoever talked, transferred, forwarded, joined, declined or was busy stands in the sentence."""
    silent = {"missed", "answered_elsewhere"}
    for truth, _, story in told:
        if truth.kind == "paging":  # many at once are counted
            continue
        for each in story.participants:
            if each.result not in silent:
                assert (each.name or each.number or "nonymous caller") in story.sentence, story.sentence


Change = Callable[[Leg], Leg]


def without(*fields: str, side: str | None = None) -> Change:
    """Takes fields from legs: from all, or from those of one side."""

    def change(leg: Leg) -> Leg:
        return msgspec.structs.replace(leg, **dict.fromkeys(fields)) if side in (None, leg.side) else leg

    return change


REDIRECTION = ("redirecting_user_id", "redirecting_number", "redirect_reason")
FEATURES = ("park_retrieved", "park_recalled", "group_pickup", "directed_pickup", "barge_in")


@pytest.mark.parametrize(
    ("change", "but"),
    [
        pytest.param(without("network_call_id"), (), id="Network call ID"),
        pytest.param(without("remote_call_id"), (), id="Remote call ID"),
        pytest.param(without("local_call_id", "remote_call_id", "related_call_id"), FEATURES, id="all but Network"),
        pytest.param(without("related_call_id"), FEATURES, id="Related call ID"),
        pytest.param(without("transfer_related_call_id"), (), id="Transfer related call ID"),
        pytest.param(without(*REDIRECTION, side="originating"), (), id="redirection, originating"),
        pytest.param(without(*REDIRECTION, side="terminating"), ("park_recalled",), id="redirection, terminating"),
        pytest.param(without("answered"), (), id="Answered"),
    ],
)
def test_what_records_say_twice_is_needed_once(change: Change, but: tuple[str, ...], told: Told) -> None:
    """Without a field whose meaning other fields have as well, the story is the same: no rule hangs on one field."""
    for truth, legs, story in told:
        if truth.kind not in but:
            assert story_of([change(leg) for leg in legs]) == story, truth.story
