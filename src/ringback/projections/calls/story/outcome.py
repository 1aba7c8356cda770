"""How a call ended: for whoever was called in an attempt, for the call as a whole, and for each person."""

from __future__ import annotations

from ringback.projections.calls.story.attempts import Attempt
from ringback.projections.calls.story.cast import VOICEMAIL, Actor
from ringback.projections.calls.story.facts import Facts
from ringback.projections.calls.story.model import Outcome, Result
from ringback.projections.calls.story.relations import TRANSFER
from ringback.projections.calls.story.talks import Talk

_BLOCKS = frozenset(("AdminCallBlock", "UserCallBlock"))
_BAD_REPUTATION = frozenset(("block", "captcha-block"))
_NOT_ANSWERED = frozenset(("NoAnswerFromUser", "SIP487"))
"""Reasons of a refusal that say no more than that nobody answered, or that the caller gave up."""

_MOVED = "SIP302"
"""Reason of a refusal with which a phone leads a call elsewhere (RFC 3261, section 21.3.3)."""

_REFUSED: dict[Result, Outcome] = {
    "busy": "busy",
    "rejected": "rejected",
    "blocked": "rejected",
    "failed": "failed",
}


def came_to(attempt: Attempt) -> Result:
    """How an attempt went for the called party that did not answer it."""
    leg = attempt.told.leg
    reason = leg.outcome_reason
    if leg.answered_elsewhere:
        return "answered_elsewhere"
    if reason in _BLOCKS:
        return "blocked"
    if reason == "CallRejected" and attempt.told.answer is None:
        return "blocked" if leg.reputation_result in _BAD_REPUTATION else "rejected"
    forwards = [child for child in attempt.children if child.by is attempt.called]
    if reason == _MOVED or any(child.called.service not in VOICEMAIL for child in forwards):
        return "forwarded"
    if any(child.reason == "UserBusy" for child in forwards):
        return "busy"
    if (leg.ring_duration or 0) > 0 or attempt.told.answer is not None:
        return "missed"
    if reason == "UserBusy":
        return "busy"
    return "failed" if leg.outcome in ("Refusal", "Failure") and reason not in _NOT_ANSWERED else "missed"


def could_be_answered(attempt: Attempt) -> bool:
    """Whether a phone of the org rang that nobody answered; sources round short rings down to nothing."""
    result = came_to(attempt)
    if attempt.called.outside or not attempt.to_person or result in ("rejected", "blocked"):
        return False
    leg = attempt.told.leg
    if leg.ring_duration:
        return leg.ring_duration > 0
    refused = leg.outcome in ("Refusal", "Failure") and leg.outcome_reason != "NoAnswerFromUser"
    passed_on = any(child.by is attempt.called for child in attempt.children)
    return result == "missed" and not (refused or passed_on or attempt.told.answer is not None)


def outcome_of(facts: Facts) -> Outcome:
    """How the call ended as a whole."""
    attempts = facts.attempts
    if facts.answered:
        return "answered"
    if any(attempt.answer is not None and attempt.called.service in VOICEMAIL for attempt in attempts):
        return "voicemail"
    if any(not wait.went_on for wait in facts.waits):
        return "abandoned_in_queue"
    if any(map(could_be_answered, attempts)):
        return "missed"
    return _REFUSED.get(came_to(attempts[-1]), "cancelled") if attempts else "cancelled"


class Results:
    """How the call went for each person."""

    def __init__(self, facts: Facts, outcome: Outcome) -> None:
        self._attempts = attempts = facts.attempts
        self._outcome = outcome
        self._talks: dict[Actor, Talk] = {}  # the last of each
        self._joined = set[Actor | None]()
        for talk in facts.talks:
            if talk.joined:
                self._joined.add(talk.one)
                continue
            for actor in (talk.one, talk.other):
                if actor is not None and ((last := self._talks.get(actor)) is None or last.start <= talk.start):
                    self._talks[actor] = talk
        retrieved = any(attempt.joins == "retrieved" and attempt.answer is not None for attempt in attempts)
        self._left = {each.user: each.at for each in facts.transfers if retrieved or not each.parked}
        # The last attempts in which somebody was called, called, or passed a call on.
        self._called = {attempt.called: attempt for attempt in attempts if attempt.joins is None}
        self._made = {attempt.caller: attempt for attempt in attempts if not attempt.passed_on}
        self._passed_on = {attempt.out.user: attempt for attempt in attempts if attempt.passed_on and attempt.out}

    def of(self, person: Actor) -> Result:
        """How it went for a person."""
        if (talk := self._talks.get(person)) is not None:
            return "transferred_away" if self._left.get(person, talk.start - 1) >= talk.start else "talked"
        if person in self._joined:
            return "barged_in"
        if person in self._called:
            return came_to(self._called[person])
        if person in self._made:
            return self._of_caller(self._made[person])
        passed_on = self._passed_on.get(person)
        if passed_on is None or passed_on.called.service in VOICEMAIL:
            return "missed"
        return "transferred_away" if passed_on.reason == TRANSFER else "forwarded"

    def _of_caller(self, made: Attempt) -> Result:
        """For a caller who did not talk: as for the call that they made. For the first caller that is the whole."""
        first = self._attempts[0]
        if made.caller is first.caller:
            if self._outcome == "answered":
                return "talked"
            if self._outcome not in _REFUSED.values():
                return "missed"
            made = self._attempts[-1]
        result = came_to(made)
        return result if result in _REFUSED else "missed"
