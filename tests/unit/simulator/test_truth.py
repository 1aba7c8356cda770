"""The truth about a call agrees with itself. Nothing here joins records to calls: that is what truth is for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ringback.simulator import KINDS, SimulatedCall

Wire = dict[str, Any]
CallsOf = Callable[[str], list[SimulatedCall]]
Simulate = Callable[..., list[SimulatedCall]]
Newest = Callable[[SimulatedCall], list[Wire]]

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_truth_agrees_with_itself(kind: str, calls_of: CallsOf) -> None:
    """Outcome, who answered, and how long they talked fit together, and so do the times."""
    for call in calls_of(kind):
        truth = call.truth
        length = (truth.end - truth.start).total_seconds()
        results = [participant.result for participant in truth.participants]
        assert truth.kind == kind
        assert truth.answered_by_person == (truth.outcome == "answered") == (truth.final_party is not None)
        assert (truth.talk_seconds > 0) <= truth.answered_by_person
        assert ("talked" in results) == truth.answered_by_person
        assert 0 <= truth.talk_seconds + truth.queue_seconds <= length
        assert 0 <= truth.ring_seconds <= length
        assert 0 <= truth.hold_seconds <= truth.talk_seconds
        assert (truth.queue_seconds > 0) == kind.startswith("queue")
        assert truth.dialed
        assert truth.story.endswith(".")


@every_kind
def test_participants_are_persons_and_each_is_named_once(kind: str, calls_of: CallsOf) -> None:
    """The first caller comes first; the final party is among the participants, and so is no service."""
    for call in calls_of(kind):
        truth = call.truth
        people = [(one.name, one.user_uuid, one.number) for one in truth.participants]
        assert len(set(people)) == len(people)
        assert people[0] == (truth.first_caller.name, truth.first_caller.user_uuid, truth.first_caller.number)
        if truth.final_party is not None:
            assert (truth.final_party.name, truth.final_party.user_uuid, truth.final_party.number) in people


@every_kind
def test_the_call_spans_its_records(kind: str, calls_of: CallsOf, newest: Newest) -> None:
    """A call starts with its first leg and ends with the last release, to the millisecond."""
    for call in calls_of(kind):
        line = json.loads(call.truth.to_json())
        records = newest(call)
        assert min(wire["Start time"] for wire in records) == line["start"]
        assert max(wire["Release time"] for wire in records) == line["end"]
        assert {wire["Org UUID"] for wire in records} == {line["org"]}


@every_kind
def test_persons_inside_who_take_part_leave_records(kind: str, calls_of: CallsOf, newest: Newest) -> None:
    """Every participant of the organization has a record, and nobody else but services has one."""
    people = {"User", "Place", "VirtualLine"}
    for call in calls_of(kind):
        inside = {one.user_uuid for one in call.truth.participants if one.user_uuid is not None}
        assert {wire["User UUID"] for wire in newest(call) if wire["User type"] in people} == inside


def test_a_line_of_the_truth_file_has_every_fact(simulate: Simulate) -> None:
    """A call's line is a JSON object without line ends, with times in milliseconds and all its records."""
    call = simulate(mix={"consultative_transfer": 1})[0]
    line = call.truth.to_json()
    told = json.loads(line)
    assert b"\n" not in line
    assert set(told) == set(call.truth.__struct_fields__)
    assert told["start"].endswith("Z")
    assert len(told["start"]) == len("2026-03-02T09:00:00.000Z")
    assert told["org"] == str(call.deliveries[0].org)
    assert {record["report_id"] for record in told["records"]} == {one.report_id for one in call.deliveries}
    assert all(len(record["digest"]) == 64 for record in told["records"])


@pytest.mark.parametrize(
    ("kind", "direction"),
    [
        ("internal", "internal"),
        ("pstn_in", "inbound"),
        ("attendant_to_person", "inbound"),
        ("pstn_out", "outbound"),
        ("blind_transfer_by_caller", "outbound"),
        ("emergency", "outbound"),
        ("meeting", "outbound"),
        ("paging", "internal"),
    ],
)
def test_direction_is_that_of_the_first_leg(kind: str, direction: str, calls_of: CallsOf) -> None:
    """A call from outside is inbound, one to outside outbound, whatever happens to it later."""
    assert {call.truth.direction for call in calls_of(kind)} == {direction}


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("blind_transfer", "transferred_away"),
        ("forward_always", "forwarded"),
        ("group_pickup", "answered_elsewhere"),
        ("hunt_simultaneous", "answered_elsewhere"),
        ("barge_in", "barged_in"),
        ("busy_internal", "busy"),
        ("rejected", "rejected"),
        ("blocked_in", "blocked"),
        ("failed_out", "failed"),
        ("unanswered_in", "missed"),
    ],
)
def test_results_say_what_became_of_a_person(kind: str, result: str, calls_of: CallsOf) -> None:
    """Each kind of call has the result that makes it what it is."""
    for call in calls_of(kind):
        assert result in {participant.result for participant in call.truth.participants}


def test_an_unanswered_call_still_succeeds(calls_of: CallsOf, newest: Newest) -> None:
    """A call that the caller gave up is a success for Webex, though nobody answered it."""
    for call in calls_of("unanswered_internal"):
        for wire in newest(call):
            assert (wire["Answered"], wire["Duration"], wire["Answer time"]) == ("false", 0, "")
            assert (wire["Call outcome"], wire["Call outcome reason"]) == ("Success", "Normal")


def test_calls_end_within_hours(simulate: Simulate) -> None:
    """No call is longer than a few hours, so that reused call ids cannot meet."""
    assert max(call.truth.end - call.truth.start for call in simulate(calls_per_day=2000)) < timedelta(hours=8)
