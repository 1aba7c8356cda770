"""The scenarios in `tests/scenarios`: their records become just the calls that they say, with just these facts."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from ringback.projections.calls.story.model import Story
from unit.projections.calls.scenarios import FILES, Scenario, read, timeline, told

NEEDED = ("direction", "first_caller", "dialed", "final_party", "outcome", "participants", "sentence")
NUMBERS = ("talk_seconds", "ring_seconds", "hold_seconds", "queue_seconds", "pending_links")

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def by_records(stories: list[Story]) -> dict[frozenset[str], Story]:
    """The stories by the records that they are told of."""
    return {frozenset(story.report_ids): story for story in stories}


def expected_records(scenario: Scenario) -> list[frozenset[str]]:
    """The records of each call that a scenario expects."""
    return [frozenset(call.records or scenario.legs) for call in scenario.calls]


@every_file
def test_the_records_become_these_calls(path: Path) -> None:
    """The links between the records join them to the calls of the scenario, no more and no fewer."""
    scenario = read(path)
    assert scenario.calls
    assert by_records(scenario.stories()).keys() == set(expected_records(scenario))


@every_file
def test_the_story_is_told(path: Path) -> None:
    """Every fact that the scenario gives of a call is what is told of it; numbers that it does not give are 0."""
    scenario = read(path)
    stories = by_records(scenario.stories())
    for call, records in zip(scenario.calls, expected_records(scenario), strict=True):
        story = stories[records]
        facts = {name: call.facts[name] for name in NEEDED} | {name: call.facts.get(name, "0") for name in NUMBERS}
        assert {name: told(story, name) for name in facts} == facts
        assert story.answered_by_person == (facts["outcome"] == "answered")
        assert call.facts.keys() <= {*NEEDED, *NUMBERS, "records"}
        if call.records:
            assert list(story.report_ids) == call.records
        if call.timeline is not None:
            assert timeline(story) == call.timeline


@every_file
def test_the_order_of_records_does_not_matter(path: Path) -> None:
    """The same records in another order become the same calls with the same stories."""
    scenario = read(path)
    stories = scenario.stories()
    rng = random.Random(path.stem)
    for _ in range(5):
        mixed = [(record, rng.sample(legs, len(legs))) for record, legs in scenario.legs.items()]
        rng.shuffle(mixed)
        assert msgspec.structs.replace(scenario, legs=dict(mixed)).stories() == stories
