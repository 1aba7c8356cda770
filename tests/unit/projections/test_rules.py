"""What holds of the sessions of any legs, and what the end-to-end tests of the Webex calling SDK demand."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import ORG
from ringback.projections.sessions.people import Directory, Person
from ringback.projections.sessions.rows import made_of
from ringback.projections.sessions.rules import call_of, sessions_of
from ringback.records.leg import Leg
from ringback.records.user_session import UserSession
from ringback.server.history import DIRECTIONS, DISPOSITIONS
from unit.projections.history_page import wire_of
from unit.projections.simulated import made_of_legs, simulation, with_sessions

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

# The end-to-end tests

SCENARIOS = {
    "internal": ({"ANSWERED", "INITIATED"}, {"ANSWERED", "INITIATED"}),
    "unanswered_internal": ({"CANCELED", "INITIATED"}, {"MISSED"}),
    "rejected": ({"CANCELED", "INITIATED"}, {"REJECTED", "MISSED", "CANCELED"}),
}
"""By kind of simulated call (answered, caller gives up, callee rejects): what caller and callee may have."""


@pytest.mark.parametrize("kind", SCENARIOS)
def test_the_scenarios_of_the_sdk(kind: str) -> None:
    """Each party has a record of its own, with one of the dispositions that the SDK's end-to-end tests accept."""
    checked = 0
    for call, sessions in with_sessions(simulation(calls_per_day=60, mix={kind: 1}).calls()):
        by_user = {session.user: session for session in sessions}
        (caller, callee) = call.truth.participants
        ends = ((caller, "OUTGOING", callee), (callee, "INCOMING", caller))
        for (me, direction, other), allowed in zip(ends, SCENARIOS[kind], strict=True):
            if me.user_uuid is not None:
                session = by_user.pop(me.user_uuid)
                assert (session.direction, session.disposition in allowed) == (direction, True)
                assert session.details.other.id == (other.user_uuid or "")
                assert session.end_at >= session.start_at
                checked += 1
        assert not by_user
    assert checked > 20


# Any legs

USERS = ("ann", "bob", "cem", "hotline", "gateway")
NUMBERS = (None, "", "101", "102", "+12025550143", "mara@example.com", "sip:ann@example.com")


def _maybe(*values: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from((None, *values))


_MOMENTS = st.none() | st.integers(-5, 400).map(lambda seconds: NOON + timedelta(seconds=seconds))
_SECONDS = st.none() | st.integers(-5, 300) | st.sampled_from((10**18 - 1, -(10**18) + 1))
_SIDES: tuple[Literal["originating", "terminating"] | None, ...] = ("originating", "terminating", None)

LEG = st.builds(
    Leg,
    org=st.just(str(ORG)),
    record_id=st.just(""),
    side=st.sampled_from(_SIDES),
    correlation_id=st.just("one call"),
    network_call_id=_maybe("n1", "n2"),
    local_call_id=_maybe("l1", "l2"),
    remote_call_id=_maybe("l1", "l2"),
    user_id=_maybe(*USERS),
    user_name=_maybe("Ann", "Bob"),
    user_number=st.sampled_from(NUMBERS),
    user_type=_maybe("User", "HuntGroup", "LocalGateway", "VirtualLine", "VirtuaLline", "Something new"),
    calling_number=st.sampled_from(NUMBERS),
    calling_name=_maybe("Mara", "Ann"),
    called_number=st.sampled_from(NUMBERS),
    called_name=_maybe("Bob"),
    redirecting_number=st.sampled_from(NUMBERS),
    redirecting_user_id=_maybe(*USERS),
    device_owner_id=_maybe(*USERS),
    start_time=_MOMENTS,
    answer_time=_MOMENTS,
    transfer_time=_MOMENTS,
    release_time=_MOMENTS,
    report_time=_MOMENTS,
    duration=_SECONDS,
    ring_duration=_SECONDS,
    answered=st.sampled_from((None, True, False)),
    answer_indicator=_maybe("Yes", "No", "Yes-PostRedirection"),
    answered_elsewhere=st.booleans(),
    outcome=_maybe("Success", "Refusal", "Failure"),
    outcome_reason=_maybe("Normal", "UserBusy", "CallRejected", "NoAnswerFromUser"),
    redirect_reason=_maybe("HuntGroup", "CallQueue", "Unconditional"),
    reputation_result=_maybe("allow", "block"),
    call_type=_maybe("SIP_ENTERPRISE", "SIP_INBOUND", "SIP_NATIONAL", "SIP_MEETING"),
)
CALL = st.lists(LEG, min_size=1, max_size=6).map(
    lambda legs: [msgspec.structs.replace(leg, record_id=f"r{number}") for number, leg in enumerate(legs)]
)
KNOWN = Directory({"ann": Person("Ann Archer", "ann@example.com", True), "bob": Person("", given=True)})


@given(CALL, st.randoms(use_true_random=False))
def test_any_order_of_legs_gives_the_same_sessions(legs: list[Leg], rng: random.Random) -> None:
    """What came first does not matter."""
    call = call_of(legs[0])
    sessions = sessions_of(call, legs, KNOWN)
    rng.shuffle(legs)
    assert sessions_of(call, legs, KNOWN) == sessions


@given(CALL)
def test_what_holds_of_every_session(legs: list[Leg]) -> None:
    """However odd the records: one session per user, known words, no negative times, and it can be kept and sent."""
    sessions = made_of_legs(legs, KNOWN)
    assert len({session.user for session in sessions}) == len({session.id for session in sessions}) == len(sessions)
    assert {session.user for session in sessions} <= {leg.user_id for leg in legs} | {
        leg.device_owner_id for leg in legs
    }
    for session in sessions:
        details = session.details
        assert session.end_at >= session.start_at
        assert 0 <= details.joined <= details.duration
        assert details.participants >= 2
        assert session.direction in DIRECTIONS
        assert session.disposition in DISPOSITIONS
        assert session.direction == "INCOMING" or session.disposition not in ("MISSED", "REJECTED")
        assert session.direction == "OUTGOING" or session.disposition != "INITIATED"
        assert details.duration == 0 or session.disposition == "ANSWERED"
        assert msgspec.convert(wire_of(session), UserSession).sessionId == str(session.id)


@given(CALL)
def test_nobody_is_private_and_named(legs: list[Leg]) -> None:
    """Of a caller without a number nothing is shown, and no search for a name finds the session."""
    for session in made_of_legs(legs, KNOWN):
        wire = wire_of(session)
        if wire["other"]["isPrivate"]:
            assert wire["other"] == {"id": "", "isPrivate": True, "callbackAddress": ""}
            by = wire.get("callingSpecifics", {}).get("redirectionDetails", {})
            assert set(made_of(session)["search"].split("\n")) <= {
                "",
                by.get("name", "").casefold(),
                by.get("phoneNumber", "").casefold(),
            }


# What examples of the page do not show


def _leg(record_id: str, side: Literal["originating", "terminating"], user: str, **values: object) -> Leg:
    leg = Leg(org=str(ORG), record_id=record_id, side=side, user_id=user, user_name=user.title(), start_time=NOON)
    return msgspec.structs.replace(leg, correlation_id="one call", **values)


def test_a_colleague_who_withholds_the_number_is_not_named() -> None:
    """A record tells who called, but the one who was called must not see it, nor find it."""
    ann = _leg("1", "originating", "ann", calling_number="101", called_number="102", network_call_id="n")
    bob = _leg("2", "terminating", "bob", called_number="102", network_call_id="n")
    of_bob = next(session for session in made_of_legs([ann, bob]) if session.user == "bob")
    assert wire_of(of_bob)["other"] == {"id": "", "isPrivate": True, "callbackAddress": ""}
    assert "ann" not in made_of(of_bob)["search"]


def test_addresses_are_not_mixed_up() -> None:
    """A caller with an address in place of a number is not taken for a colleague whose number is unknown."""
    ann = _leg("1", "originating", "ann", called_number="mara@example.com")
    bob = _leg("2", "terminating", "bob", calling_number="zoe@example.com", calling_name="Zoe")
    of_bob = next(session for session in made_of_legs([ann, bob]) if session.user == "bob")
    other = wire_of(of_bob)["other"]
    assert (other["name"], other["sipUrl"], other["id"]) == ("Zoe", "zoe@example.com", "zoe@example.com")


def test_an_odd_duration_stops_nothing() -> None:
    """A duration of billions of years, without a time of release, makes a session like any other."""
    (session,) = made_of_legs([_leg("1", "terminating", "ann", answered=True, duration=10**18 - 1)])
    assert (session.disposition, session.end_at) == ("ANSWERED", session.start_at)


def test_a_record_without_a_correlation_id_is_a_call_by_itself() -> None:
    """Legs that nothing joins are not thrown together."""
    legs = [msgspec.structs.replace(_leg(name, "terminating", "ann"), correlation_id=None) for name in ("1", "2")]
    assert len({session.call for session in made_of_legs(legs)}) == 2


def test_calls_of_two_organizations_are_two() -> None:
    """The same Correlation ID in two organizations says nothing."""
    leg = _leg("1", "terminating", "ann")
    assert call_of(leg) != call_of(msgspec.structs.replace(leg, org="22222222-2222-4222-8222-222222222222"))
