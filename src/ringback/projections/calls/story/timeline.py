"""What happened in a call, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ringback.projections.calls.story.attempts import Attempt, Side
from ringback.projections.calls.story.cast import QUEUES, VOICEMAIL, Actor
from ringback.projections.calls.story.facts import Facts
from ringback.projections.calls.story.model import Result, Step, What
from ringback.projections.calls.story.outcome import came_to
from ringback.projections.calls.story.relations import TRANSFER, Transfer
from ringback.projections.calls.story.talks import BY_SERVICES, Span, is_queue

_ORDER: tuple[What, ...] = (
    *("called", "missed", "busy", "rejected", "blocked", "failed", "left_queue", "parked", "forwarded", "transferred"),
    *("recalled", "rang", "answered", "voicemail", "retrieved", "picked_up", "barged_in", "queued", "held", "released"),
)
_OFFERING = QUEUES | {"HuntGroup", "GroupPaging", "RoutePoint"}
"""Services that ring members of theirs, which is no step of its own."""

_OFFERS = BY_SERVICES | {"Unrecognised", "Unrecognized"}
"""Redirect reasons with which they do so; with others, the call leaves them."""

_RANK = {what: rank for rank, what in enumerate(_ORDER)}
"""What comes first of what happens in the same millisecond."""

_ENDS: dict[Result, What] = {
    "missed": "missed",
    "busy": "busy",
    "rejected": "rejected",
    "blocked": "blocked",
    "failed": "failed",
}
"""Steps in which an attempt ends, by its result. Whoever forwards has a step for that."""


def timeline_of(facts: Facts) -> list[Step]:
    """The steps of a call, in order of time."""
    steps: list[Step] = []
    attempts = facts.attempts
    answers = {attempt.called: attempt.answer for attempt in attempts if attempt.answer is not None}
    seen = set()
    for place, attempt in enumerate(attempts):
        # Another phone of the same person is no call of its own, and to let it ring is not to miss a call once more.
        key = (attempt.caller, attempt.called, attempt.start)
        again = key in seen
        seen.add(key)
        if not again:
            steps += _made(attempt, place == 0)
        steps += _held(attempt)
        if attempt.joins is None and not (again and attempt.answer is None):
            ringing = None if again else facts.rings.get(attempt)
            steps += _arrived(attempt, ringing, answers.get(attempt.called, -1))
    for transfer in facts.transfers:
        steps += _transferred(transfer)
    for wait in facts.waits:
        who = _label(wait.attempt.caller)
        steps.append(_step(wait.since, "queued", who, wait.attempt.called.label, wait.until - wait.since))
        steps.append(_step(wait.until, "left_queue", who, _label(wait.agent)))
    if facts.elsewhere is not None:
        steps.append(_step(facts.elsewhere, "answered", ""))
    steps += _released(attempts)
    steps.sort(key=_rank)
    return steps


def _rank(step: Step) -> tuple[int, int]:
    return step.at, _RANK[step.what]


def _step(at: int, what: What, who: str, to: str = "", lasted: int = 0) -> Step:
    return Step(at=at, what=what, who=who, to=to, seconds=lasted // 1000)


def _label(actor: Actor | None) -> str:
    return actor.label if actor else ""


def _made(attempt: Attempt, first: bool) -> Iterator[Step]:
    """How it came about. The first one that is known is told as a call, also where what came before is missing."""
    caller = _label(attempt.caller)
    if attempt.joins is not None and attempt.answer is not None:
        entered = attempt.parent.called if attempt.parent else None
        yield _step(attempt.answer, attempt.joins, caller, _label(entered))
    elif first or not (attempt.passed_on or attempt.joins is not None):
        yield _step(attempt.start, "called", caller, (attempt.by or attempt.called).label)
    if attempt.passed_on and not (first and attempt.by is None):
        yield from _passed_on(attempt)


def _held(attempt: Attempt) -> Iterator[Step]:
    for side in attempt.sides:
        if holding := side.within(side.leg.hold_duration):
            yield _step(side.answer or side.start, "held", _label(_party(attempt, side)), lasted=holding)


def _passed_on(attempt: Attempt) -> Iterator[Step]:
    by, called = attempt.by, attempt.called
    if called.service in VOICEMAIL:
        return  # that it was reached is told, not that somebody's rule led there
    if by is called:
        yield _step(attempt.start, "recalled", called.label)
    elif by is None or not by.service:
        answered = attempt.parent.answer if attempt.parent else None
        talked = answered is not None and answered <= attempt.start
        by_hand = talked if attempt.parent else attempt.reason == TRANSFER
        what: What = "transferred" if by_hand else "forwarded"
        yield _step(attempt.start, what, _label(by), called.label)
    elif by.service not in _OFFERING or attempt.reason not in _OFFERS:
        yield _step(attempt.start, "transferred", by.label, called.label)


def _arrived(attempt: Attempt, ringing: Span | None, answer: int) -> Iterator[Step]:
    """What became of it at the called party.

    Args:
        answer: when the called party answered last, in this attempt or another.
    """
    called = attempt.called.label
    if ringing is not None:
        yield _step(ringing[0], "rang", called, lasted=ringing[1] - ringing[0])
    if attempt.answer is not None:
        if attempt.called.service in VOICEMAIL:
            yield _step(attempt.answer, "voicemail", _label(attempt.caller), called)
        elif not is_queue(attempt):
            yield _step(attempt.answer, "answered", called)
        return
    what = _ENDS.get(came_to(attempt))
    at_another_phone = attempt.start <= answer <= attempt.end
    if what is None or at_another_phone or (what == "missed" and attempt.called.service):
        return
    # Whose call went on to voicemail did not answer when it did.
    at = min((child.start for child in attempt.children if child.by is attempt.called), default=attempt.end)
    yield _step(at if ringing is None else ringing[1], what, called)


def _transferred(transfer: Transfer) -> Iterator[Step]:
    if transfer.parked:
        yield _step(transfer.at, "parked", transfer.user.label)
    elif transfer.into is not None:
        second = transfer.into.other(transfer.user)
        yield _step(transfer.at, "transferred", transfer.user.label, _label(second))


def _released(attempts: Sequence[Attempt]) -> Iterator[Step]:
    """Who ended each conversation, and the call; once where several legs end together."""
    last = max((side.end for attempt in attempts for side in attempt.sides), default=0)
    told: dict[int, str] = {}
    for attempt in attempts:
        talked = attempt.answer is not None and (attempt.to_person or attempt.joins is not None)
        for side in attempt.sides:
            if (side.end == last or (talked and side.end == attempt.end)) and not _goes_on(attempt, side.end):
                told[side.end] = told.get(side.end) or _label(_releaser(attempt, side))
    for at, who in told.items():
        yield _step(at, "released", who)


def _goes_on(attempt: Attempt, at: int) -> bool:
    """Whether somebody leaves at that time while the others go on, or because they talk elsewhere."""
    return any(side.end == at and (side.left or side.leg.answered_elsewhere) for side in attempt.sides)


def _party(attempt: Attempt, side: Side) -> Actor | None:
    """Whose side it is, whoever is before or behind it."""
    return side.user or (attempt.called if side is attempt.into else attempt.caller)


def _releaser(attempt: Attempt, side: Side) -> Actor | None:
    party = None
    if side.leg.released_by == "Local":
        party = _party(attempt, side)
    elif side.leg.released_by == "Remote" and attempt.joins is None:  # else it may be any of the others
        party = attempt.now(attempt.caller if side is attempt.into else attempt.called)
    return None if party is None or party.service else party
