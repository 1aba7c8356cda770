"""From the legs of one call to its story. `docs/calls.md` has each rule with an example."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringback.projections.calls.story.attempts import Attempt
from ringback.projections.calls.story.cast import Actor
from ringback.projections.calls.story.facts import Facts
from ringback.projections.calls.story.model import Direction, Participant, Story
from ringback.projections.calls.story.outcome import Results, outcome_of
from ringback.projections.calls.story.sentence import sentence_of
from ringback.projections.calls.story.talks import Talk, held, seconds
from ringback.projections.calls.story.timeline import timeline_of
from ringback.records.leg import Leg


def story_of(legs: Sequence[Leg], pending_links: int = 0) -> Story:
    """The story of a call, as far as its legs tell it.

    Args:
        legs: of one call, in any order. Some of the call's legs may be missing.
        pending_links: related ids that its records name and that no record has.
    """
    facts = Facts(legs)
    attempts = facts.attempts
    outcome = outcome_of(facts)
    results = Results(facts, outcome)
    timeline = timeline_of(facts)
    start = min((attempt.start for attempt in attempts), default=0)
    final = _final(facts)
    return Story(
        start=start,
        end=max((side.release for attempt in attempts for side in attempt.sides), default=start),
        direction=_direction(attempts),
        first_caller=_first_caller(attempts).party(),
        dialed=_dialed(attempts),
        final_party=final.party() if final else None,
        answered_by_person=facts.answered,
        outcome=outcome,
        talk_seconds=seconds((talk.start, talk.end) for talk in facts.talks),
        ring_seconds=seconds(facts.rings.values()),
        hold_seconds=held(attempts) // 1000,
        queue_seconds=seconds((wait.since, wait.until) for wait in facts.waits),
        pending_links=pending_links,
        participants=tuple(_participant(person, results) for person in facts.persons),
        timeline=tuple(timeline),
        sentence=sentence_of(timeline, _services(attempts), outcome),
        report_ids=_report_ids(attempts),
    )


def _direction(attempts: Sequence[Attempt]) -> Direction:
    if attempts and (caller := attempts[0].caller) and caller.outside:
        return "inbound"
    return "outbound" if attempts and attempts[0].called.outside else "internal"


def _first_caller(attempts: Sequence[Attempt]) -> Actor:
    first = attempts[0] if attempts else None
    return (first and (first.caller or first.by)) or Actor(None, "", "", "", False)


def _dialed(attempts: Sequence[Attempt]) -> str:
    """What was called first, as it was reached; the digits that were pressed only if nothing else is known."""
    if not attempts:
        return ""
    sides = (attempts[0].told, *attempts[0].sides)
    reached = (side.leg.called_number for side in sides)
    pressed = (side.leg.dialed_digits for side in sides)
    return next((number for number in (*reached, *pressed) if number), "")


def _final(facts: Facts) -> Actor | None:
    """The person with whom the caller talked last; if the caller put the call through, whoever was there last."""
    talks = sorted((talk for talk in facts.talks if not talk.joined), key=_end) or facts.talks
    if not talks:
        return None
    caller = facts.attempts[0].caller
    mine = [talk for talk in talks if caller is not None and caller in (talk.one, talk.other)]
    if not mine:
        return talks[-1].other
    left = max((transfer.at for transfer in facts.transfers if transfer.user is caller), default=None)
    if left is not None and mine[-1].start <= left and talks[-1].end > left:
        return talks[-1].other
    return mine[-1].one if mine[-1].other is caller else mine[-1].other


def _end(talk: Talk) -> tuple[int, int]:
    return talk.end, talk.start


def _participant(person: Actor, results: Results) -> Participant:
    return Participant(name=person.name, user_id=person.user_id, number=person.number, result=results.of(person))


def _services(attempts: Iterable[Attempt]) -> frozenset[str]:
    return frozenset(attempt.called.label for attempt in attempts if attempt.called.service)


def _report_ids(attempts: Iterable[Attempt]) -> tuple[str, ...]:
    released: dict[str, int] = {}
    for attempt in attempts:
        for side in attempt.sides:
            record = side.leg.record_id
            released[record] = max(side.release, released.get(record, side.release))
    return tuple(sorted(released, key=lambda record: (released[record], record)))
