"""What is told of calls of a PortSIP PBX: the examples of `docs/mapping.md`."""

from __future__ import annotations

import pytest

from ringback.projections.calls.story.rules import story_of
from unit.records.portsip.test_call_log_sessions import NAMES, legs_of

OUTSIDE, OTHER = "+12025550143", "+12025550177"

TOLD = {
    "1 answered": ("inbound", "answered", "101", 60, 5, f"{OUTSIDE} talked, 101 talked"),
    "2 answered inside": ("internal", "answered", "102", 60, 5, "101 talked, 102 talked"),
    "3 answered outside": ("outbound", "answered", OUTSIDE, 60, 5, f"101 talked, {OUTSIDE} talked"),
    "4 missed": ("inbound", "missed", None, 0, 19, f"{OUTSIDE} missed, 101 missed"),
    "5 missed inside": ("internal", "missed", None, 0, 29, "101 missed, 102 missed"),
    "6 rejected": ("internal", "rejected", None, 0, 3, "101 rejected, 102 rejected"),
    "7 busy": ("internal", "busy", None, 0, 0, "101 busy, 102 busy"),
    "8 out of reach": ("inbound", "failed", None, 0, 0, f"{OUTSIDE} failed, 101 failed"),
    "9 transferred": ("inbound", "answered", "102", 290, 8, f"{OUTSIDE} talked, 101 transferred_away, 102 talked"),
    "10 ring group": ("inbound", "answered", "102", 60, 5, f"{OUTSIDE} talked, 101 missed, 102 talked"),
    "11 picked up": ("inbound", "answered", None, 0, 5, f"{OUTSIDE} talked, 101 answered_elsewhere"),
    "12 forwarded outside": ("inbound", "answered", OTHER, 60, 7, f"{OUTSIDE} talked, 101 forwarded, {OTHER} talked"),
    "13 forwarded in vain": ("inbound", "cancelled", None, 0, 29, f"{OUTSIDE} missed, 101 forwarded, {OTHER} missed"),
    "14 two phones": ("inbound", "answered", "101", 60, 5, f"{OUTSIDE} talked, 101 talked"),
}
"""Of each example: direction, outcome, number of the final party, seconds of talk and of ringing, participants."""


def test_every_example_is_here() -> None:
    """The examples of the page are those that are compared."""
    assert list(TOLD) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_told(name: str) -> None:
    """The call logs of an example have a story that fits them, rows that tell of both sides counted once."""
    story = story_of(legs_of(name))
    final = story.final_party.number if story.final_party else None
    participants = ", ".join(f"{each.number} {each.result}" for each in story.participants)
    made = (story.direction, story.outcome, final, story.talk_seconds, story.ring_seconds, participants)
    assert made == TOLD[name]


def test_two_phones_of_a_person_are_one_call_to_them() -> None:
    """A person whose two phones ring is called once, and has not missed the call on the phone that was left."""
    assert story_of(legs_of("14 two phones")).sentence == "+12025550143 called 101, who answered."


def test_users_are_told_by_their_ids_and_others_are_not() -> None:
    """Extensions have the id of their user; numbers outside have none."""
    ids = [each.user_id for each in story_of(legs_of("12 forwarded outside")).participants]
    assert ids == [None, "101@pbx.example.com", None]
