"""Stories of legs that are missing, odd, or very many."""

from __future__ import annotations

import itertools
import random
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from benchmarks.call_truth import legs_of
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON
from ringback.projections.calls.story.model import Story
from ringback.projections.calls.story.rules import story_of
from ringback.records.leg import Leg
from ringback.simulator import KINDS, Simulation

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

_IDS = ("correlation_id", "network_call_id", "local_call_id", "remote_call_id", "related_call_id")
_WORDS: dict[str, tuple[object, ...]] = {
    "side": ("originating", "terminating"),
    "user_type": ("User", "HuntGroup", "CallCenterPremium", "LocalGateway", "VoiceMailRetrieval", "Something new"),
    "call_type": ("SIP_ENTERPRISE", "SIP_INBOUND", "SIP_NATIONAL", "Something new"),
    "answered": (True, False),
    "answer_indicator": ("Yes", "No", "Yes-PostRedirection"),
    "outcome": ("Success", "Refusal", "Failure"),
    "outcome_reason": ("Normal", "UserBusy", "CallRejected", "UserCallBlock", "SIP302", "Unreachable"),
    "released_by": ("Local", "Remote", "Unknown"),
    "redirect_reason": ("Deflection", "NoAnswer", "UserBusy", "CallQueue", "Something new"),
    "related_reason": ("CallPark", "CallParkRetrieve", "BargeIn", "ConsultativeTransfer", "Deflection", "CallPickup"),
    "queue_type": ("Call Queue",),
}
_TIMES = ("start_time", "answer_time", "transfer_time", "release_time", "report_time")
_LENGTHS = ("duration", "ring_duration", "hold_duration")


def legs() -> st.SearchStrategy[list[Leg]]:
    """Legs with any of the values that matter, however little they fit together."""
    few = st.sampled_from(("1:0", "2:0", "3:0"))
    who = st.sampled_from(("ann", "bob", "cem"))
    number = st.sampled_from(("101", "102", "+12025550143", ""))
    moment = st.integers(-100, 100).map(lambda seconds: NOON + timedelta(seconds=seconds))
    values: dict[str, Any] = dict.fromkeys((*_IDS, "transfer_related_call_id"), few)
    values |= {name: st.sampled_from(words) for name, words in _WORDS.items()}
    values |= dict.fromkeys(_TIMES, moment)
    values |= dict.fromkeys(_LENGTHS, st.sampled_from((-5, 0, 7, 60, 10**18)))
    values |= dict.fromkeys(("user_id", "redirecting_user_id", "user_name"), who)
    values |= dict.fromkeys(("calling_number", "called_number", "user_number", "redirecting_number"), number)
    optional = {name: st.none() | value for name, value in values.items()}
    one = st.fixed_dictionaries({}, optional=optional | {"answered_elsewhere": st.booleans()})
    return st.lists(one, max_size=6).map(
        lambda all_: [Leg(org="o", record_id=f"{place}", **{"side": None} | each) for place, each in enumerate(all_)]
    )


def consistent(story: Story) -> None:
    """Asserts what holds for any story."""
    length = (story.end - story.start) // 1000
    assert story.start <= story.end
    for seconds in (story.talk_seconds, story.ring_seconds, story.queue_seconds):
        assert 0 <= seconds <= length
    assert story.hold_seconds >= 0
    assert story.answered_by_person == (story.outcome == "answered")
    assert story.final_party is None or story.answered_by_person
    times = [step.at for step in story.timeline]
    assert times == sorted(times)
    assert all(story.start <= at <= story.end for at in times)
    identities = [each.user_id for each in story.participants if each.user_id]
    assert len(identities) == len(set(identities))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(story), type=Story) == story


@given(legs(), st.randoms(use_true_random=False))
def test_odd_legs_have_a_story(some: list[Leg], rng: random.Random) -> None:
    """Whatever the legs say, there is a story that agrees with itself, the same in any order of the legs."""
    story = story_of(some, 2)
    consistent(story)
    assert story.pending_links == 2
    assert set(story.report_ids) == {leg.record_id for leg in some}
    mixed = some.copy()
    rng.shuffle(mixed)
    assert story_of(mixed, 2) == story


def test_no_legs_are_no_error() -> None:
    """Of no legs, nothing is told."""
    story = story_of([])
    assert (story.outcome, story.participants, story.timeline, story.sentence) == ("cancelled", (), (), "")


def test_some_of_the_legs_tell_some_of_the_story() -> None:
    """With any one leg missing, the others have a story that names nobody of the org who had no part in the call."""
    day = MONDAY + timedelta(days=1)
    calls = Simulation(seed=4, start=MONDAY, end=day, calls_per_day=400, mix=dict.fromkeys(KINDS, 1)).calls()
    checked = 0
    for call in calls:
        known = {each.user_uuid for each in call.truth.participants if each.user_uuid}
        whole = legs_of(call)
        for missing in whole:
            story = story_of([leg for leg in whole if leg is not missing])
            consistent(story)
            assert {each.user_id for each in story.participants if each.user_id} <= known
            checked += 1
    assert checked > 1000


def leg(record: str, **values: Any) -> Leg:
    """An incoming leg of Ann's, for a minute from noon, which she answered after 5 seconds."""
    usual: dict[str, Any] = {
        "side": "terminating",
        "user_id": "ann",
        "user_name": "Ann",
        "user_number": "101",
        "called_number": "101",
        "calling_number": "+12025550143",
        "call_type": "SIP_INBOUND",
        "start_time": NOON,
        "answer_time": NOON + timedelta(seconds=5),
        "release_time": NOON + timedelta(seconds=65),
        "answered": True,
        "answer_indicator": "Yes",
        "ring_duration": 5,
    }
    return Leg(org="o", record_id=record, **usual | values)


def test_odd_lengths_do_not_make_long_calls() -> None:
    """A duration of ages, or one below zero, counts for no more than the leg lasted, or not at all."""
    for odd in (10**18, -1):
        story = story_of([leg("1", duration=odd, ring_duration=odd, hold_duration=odd)])
        assert story.end - story.start == 65_000
        assert story.hold_seconds in (0, 65)
        assert story.ring_seconds in (0, 5)


def test_without_an_end_the_duration_tells_it() -> None:
    """A leg without a Release time ends after its Duration; a Duration of years is odd and does not count."""
    open_end = leg("1", release_time=None, duration=30)
    assert story_of([open_end]).talk_seconds == 30
    assert story_of([msgspec.structs.replace(open_end, duration=10**18)]).talk_seconds == 0


def test_legs_without_times_stand_at_the_start() -> None:
    """A leg that has no time at all does not move the call to another day."""
    story = story_of([leg("1"), Leg(org="o", record_id="2", side="terminating", user_id="bob")])
    assert (story.end - story.start) == 65_000
    assert {each.user_id for each in story.participants} >= {"ann", "bob"}


def test_ids_that_lead_round_in_a_circle_end() -> None:
    """Two legs that each name the other as related, or as related by a transfer, have a story."""
    for name in ("related_call_id", "transfer_related_call_id"):
        one = leg("1", local_call_id="1:0", **{name: "2:0"}, transfer_time=NOON + timedelta(seconds=60))
        other = leg("2", local_call_id="2:0", **{name: "1:0"}, redirecting_user_id="ann", related_reason="Deflection")
        consistent(story_of([one, other]))


def test_an_answer_of_which_nothing_else_is_known_counts() -> None:
    """Where a record says that the call was answered elsewhere, a person answered, though nobody knows who."""
    ringing = leg("1", answered=False, answer_time=None, answer_indicator="No", answered_elsewhere=True)
    story = story_of([ringing])
    assert (story.outcome, story.answered_by_person, story.final_party, story.talk_seconds) == (
        "answered",
        True,
        None,
        0,
    )
    assert [each.result for each in story.participants] == ["talked", "answered_elsewhere"]
    assert story.sentence == "+12025550143 called Ann, and somebody answered."


def test_voicemail_without_a_record_of_its_own_is_told_by_its_name() -> None:
    """Where only the record of the person has the deposit, the English name of the portal says that it is voicemail."""
    first = leg("1", local_call_id="1:0", answer_indicator="Yes-PostRedirection")
    deposit = leg(
        "2",
        side="originating",
        call_type="SIP_ENTERPRISE",
        called_name="Voice Portal Voice Messaging Group",
        called_number="899",
        related_call_id="1:0",
        related_reason="CallForwardNoAnswer",
        redirecting_user_id="ann",
    )
    story = story_of([first, deposit])
    assert (story.outcome, [each.result for each in story.participants]) == ("voicemail", ["missed", "missed"])


@pytest.mark.parametrize("reason", [None, "ConsultativeTransfer"])
def test_a_source_may_put_thousands_into_one_call(reason: str | None) -> None:
    """Work grows with the number of legs and not with its square, and the sentence stays one that people can read."""

    def many(count: int) -> list[Leg]:
        end = NOON + timedelta(seconds=65)
        users = [f"{place % 7}" for place in range(count)]
        return [
            leg(
                f"{place:05}",
                user_id=user,
                user_name=user,
                related_reason=reason,
                transfer_time=end if reason else None,
            )
            for place, user in enumerate(users)
        ]

    taken = []
    for count in (500, 5000):
        some = many(count)
        steps = itertools.count()
        sys.setprofile(lambda *_, steps=steps: next(steps))
        try:
            story = story_of(some)
        finally:
            sys.setprofile(None)
        taken.append(next(steps))
        assert len(story.sentence) < 2000
        assert len(story.report_ids) == count
    assert taken[1] < 12 * taken[0], "calls of functions"
