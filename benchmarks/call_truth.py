"""What is told of calls, against what really happened in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ringback.projections.calls.story.model import Participant, Party, Story
from ringback.records.cdr import CDR
from ringback.records.leg import Leg, leg_of_cdr
from ringback.records.values import to_milliseconds
from ringback.simulator import SimulatedCall
from ringback.simulator.truth import TrueCall, TrueParticipant, TrueParty


def legs_of(call: SimulatedCall) -> list[Leg]:
    """The legs of a simulated call: the newest version of each record."""
    newest = {delivery.report_id: delivery for delivery in sorted(call.deliveries, key=lambda one: one.report_time)}
    return [leg_of_cdr(CDR(one.record), str(one.org), one.report_id) for one in newest.values()]


def differences(truth: TrueCall, story: Story) -> dict[str, tuple[object, object]]:
    """Each fact of which the story tells something else than the truth, with what is true and what is told."""
    pairs = {fact: (true(truth), told(story)) for fact, (true, told) in FACTS.items()}
    return {fact: (true, told) for fact, (true, told) in pairs.items() if true != told}


def _true_party(party: TrueParty | None) -> object:
    return party and (party.user_uuid, party.number, party.name)


def _told_party(party: Party | None) -> object:
    return party and (party.user_id, party.number, party.name)


def _true_results(participants: Iterable[TrueParticipant]) -> Mapping[str, str]:
    return {each.user_uuid or each.number: each.result for each in participants}


def _told_results(participants: Iterable[Participant]) -> Mapping[str, str]:
    return {each.user_id or each.number: each.result for each in participants}


FACTS: Mapping[str, tuple[Callable[[TrueCall], object], Callable[[Story], object]]] = {
    "start": (lambda true: to_milliseconds(true.start), lambda told: told.start),
    "end": (lambda true: to_milliseconds(true.end), lambda told: told.end),
    "direction": (lambda true: true.direction, lambda told: told.direction),
    "first_caller": (lambda true: _true_party(true.first_caller), lambda told: _told_party(told.first_caller)),
    "dialed": (lambda true: true.dialed, lambda told: told.dialed),
    "final_party": (lambda true: _true_party(true.final_party), lambda told: _told_party(told.final_party)),
    "answered_by_person": (lambda true: true.answered_by_person, lambda told: told.answered_by_person),
    "outcome": (lambda true: true.outcome, lambda told: told.outcome),
    "talk_seconds": (lambda true: true.talk_seconds, lambda told: told.talk_seconds),
    "ring_seconds": (lambda true: true.ring_seconds, lambda told: told.ring_seconds),
    "hold_seconds": (lambda true: true.hold_seconds, lambda told: told.hold_seconds),
    "queue_seconds": (lambda true: true.queue_seconds, lambda told: told.queue_seconds),
    "results": (lambda true: _true_results(true.participants), lambda told: _told_results(told.participants)),
    "participants": (
        lambda true: [_true_party(each) for each in true.participants],
        lambda told: [_told_party(each) for each in told.participants],
    ),
    "report_ids": (
        lambda true: sorted(each.report_id for each in true.records),
        lambda told: sorted(told.report_ids),
    ),
}
"""Each fact, as the truth and as the story tell it; of participants the results, and who they are in their order."""
