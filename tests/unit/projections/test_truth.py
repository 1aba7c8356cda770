"""The sessions of simulated calls of every kind, against what really happened in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec
import pytest

from ringback.projections.sessions.rules import OWN, SHARED, SPARK, Session
from ringback.simulator import KINDS, SimulatedCall
from ringback.simulator.truth import TrueCall
from unit.projections.simulated import simulation, with_sessions

ANSWERED, ELSEWHERE, MISSED, CANCELED, REJECTED = "ANSWERED", "ELSEWHERE", "MISSED", "CANCELED", "REJECTED"
IN, OUT = "INCOMING", "OUTGOING"


class Rule(msgspec.Struct, frozen=True):
    """What the sessions of a person are, by how the call went for that person; the first rule that fits holds."""

    result: str
    direction: str
    disposition: str
    when: Callable[[TrueCall], bool] = lambda call: True


def _kind(*names: str) -> Callable[[TrueCall], bool]:
    return lambda call: call.kind in names


def _somebody_answered(call: TrueCall) -> bool:
    return call.answered_by_person


def _a_machine_answered(call: TrueCall) -> bool:
    return call.outcome in ("voicemail", "abandoned_in_queue")


RULES = [
    Rule("talked", IN, ELSEWHERE, _kind("shared_line")),  # somebody talked on a phone that is not the line owner's
    Rule("talked", IN, ANSWERED),
    Rule("talked", OUT, ANSWERED),
    Rule("transferred_away", IN, ANSWERED),
    Rule("transferred_away", OUT, ANSWERED),
    Rule("barged_in", OUT, ANSWERED),
    Rule("answered_elsewhere", IN, ELSEWHERE),
    Rule("missed", IN, CANCELED, _kind("voicemail_always")),  # no phone rang
    Rule("missed", IN, MISSED, _kind("blind_transfer_unanswered")),  # somebody answered, but before
    Rule("missed", IN, ELSEWHERE, _somebody_answered),  # of the same hunt group or queue
    Rule("missed", IN, MISSED),
    Rule("missed", OUT, ANSWERED, _a_machine_answered),
    Rule("missed", OUT, CANCELED),
    Rule("forwarded", IN, ELSEWHERE, _somebody_answered),
    Rule("forwarded", IN, MISSED, _kind("forward_no_answer")),  # the phone rang first
    Rule("forwarded", IN, CANCELED),
    Rule("busy", IN, ELSEWHERE, _somebody_answered),  # of the same hunt group
    Rule("busy", IN, CANCELED),
    Rule("busy", OUT, CANCELED),
    Rule("rejected", IN, REJECTED),
    Rule("rejected", OUT, CANCELED),
    Rule("blocked", IN, CANCELED),
    Rule("blocked", OUT, CANCELED),
    Rule("failed", IN, CANCELED),
    Rule("failed", OUT, CANCELED),
]

Made = list[tuple[SimulatedCall, list[Session]]]


@pytest.fixture(scope="module")
def made() -> Made:
    """Some calls of every kind, each with its sessions."""
    return list(with_sessions(simulation(calls_per_day=3000, mix=dict.fromkeys(KINDS, 1)).calls()))


def word(session: Session) -> str:
    """The disposition, with a word of its own if somebody else answered."""
    elsewhere = session.disposition == ANSWERED and session.details.answered_elsewhere
    return ELSEWHERE if elsewhere else session.disposition


def test_every_kind_of_call_is_among_them(made: Made) -> None:
    """What follows is about all kinds of calls that the simulator makes."""
    counts = Counter(call.truth.kind for call, _ in made)
    assert counts.keys() == set(KINDS)
    assert min(counts.values()) >= 5


def test_dispositions_are_true(made: Made) -> None:
    """For each participant of each call, the sessions say what happened to that person."""
    wrong: Counter[tuple[str, ...]] = Counter()
    used = set()
    for call, sessions in made:
        results = {each.user_uuid: each.result for each in call.truth.participants if each.user_uuid}
        for session in sessions:
            if (result := results.get(session.user)) is None:
                continue
            fits = [
                number
                for number, rule in enumerate(RULES)
                if (rule.result, rule.direction) == (result, session.direction) and rule.when(call.truth)
            ]
            used.update(fits[:1])
            if not fits or RULES[fits[0]].disposition != word(session):
                wrong[call.truth.kind, result, session.direction, word(session)] += 1
    assert not wrong
    assert used == set(range(len(RULES)))


def test_everybody_has_a_session_and_nobody_else(made: Made) -> None:
    """Each participant of the org has a session; others only if somebody else's line was used on their phone."""
    owners_of_phones = set()
    for call, sessions in made:
        users = {session.user for session in sessions}
        took_part = {each.user_uuid for each in call.truth.participants if each.user_uuid}
        assert took_part <= users, call.truth.story
        if users - took_part:
            owners_of_phones.add(call.truth.kind)
            assert {session.type for session in sessions if session.user not in took_part} == {SHARED}
    assert owners_of_phones == {"shared_line", "virtual_line"}


def test_services_have_no_sessions(made: Made) -> None:
    """Queues, hunt groups, attendants and the like have records, but no call history."""
    (org,) = simulation(calls_per_day=1).orgs
    people = {person.uuid for person in (*org.users, *org.workspaces, *org.virtual_lines)}
    assert {session.user for _, sessions in made for session in sessions} <= people


def test_one_session_per_user_and_call(made: Made) -> None:
    """A user has two sessions of what happened only where two calls did: a consultation, or a merge in between."""
    several = {
        call.truth.kind for call, sessions in made if len({session.user for session in sessions}) < len(sessions)
    }
    assert several == {"consultation", "consultative_transfer", "two_transfers", "contact_centre"}
    ids = [session.id for _, sessions in made for session in sessions]
    assert len(ids) == len(set(ids))


def test_types_are_true(made: Made) -> None:
    """Meetings are SPARK sessions, virtual lines shared ones, and all others of participants are their own."""
    for call, sessions in made:
        expected = {"meeting": SPARK, "virtual_line": None}.get(call.truth.kind, OWN)
        took_part = {each.user_uuid for each in call.truth.participants}
        types = {session.type for session in sessions if session.user in took_part}
        assert types <= ({expected} if expected else {OWN, SHARED})


def test_times_are_true(made: Made) -> None:
    """A session lies within its call, and a conversation of two lasted for both as long as it did."""
    checked = 0
    for call, sessions in made:
        start, end = (int(moment.timestamp() * 1000) for moment in (call.truth.start, call.truth.end))
        for session in sessions:
            assert start <= session.start_at <= session.end_at <= end
            if call.truth.kind in ("internal", "pstn_in", "pstn_out", "mobile_in", "workspace", "emergency"):
                assert session.details.joined == session.details.duration == call.truth.talk_seconds
                checked += 1
    assert checked > 100


def test_durations_fit_the_times(made: Made) -> None:
    """Never negative; the user was there for no longer than the call lasted; no more than 2 minutes from the span.

    The last is what the end-to-end tests of the Webex calling SDK ask of every session.
    """
    for _, sessions in made:
        for session in sessions:
            details = session.details
            span = (session.end_at - session.start_at) / 1000
            assert 0 <= details.joined <= details.duration <= span
            assert abs(details.duration - span) <= 120


def test_the_other_party_is_true(made: Made) -> None:
    """Both ends of a call between colleagues name each other, and a caller from outside stands by name and number."""
    checked = Counter[str]()
    for call, sessions in made:
        caller = call.truth.first_caller
        if call.truth.kind in ("internal", "unanswered_internal", "busy_internal"):
            one, other = sessions
            assert (one.details.other.id, other.details.other.id) == (other.user, one.user)
            checked["inside"] += 1
        if caller.user_uuid is None and call.truth.kind in ("pstn_in", "unanswered_in", "hunt_simultaneous"):
            for session in sessions:
                assert (session.details.other.number, session.details.other.name) == (caller.number, caller.name)
                checked["outside"] += 1
    assert min(checked["inside"], checked["outside"]) > 50
