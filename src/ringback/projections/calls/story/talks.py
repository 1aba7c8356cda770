"""Who talked with whom and when, how long phones rang, and who waited in a queue. Times are milliseconds since 1970."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringback.projections.calls.story.attempts import Attempt
from ringback.projections.calls.story.cast import QUEUES, Actor
from ringback.projections.calls.story.relations import Transfer

BY_SERVICES = frozenset((None, "CallQueue", "HuntGroup"))
"""Redirect reasons with which a service rings a member of its own; with others, the call leaves it."""

_UNNAMED = "RoutePoint"
"""A queue or ring group of a source that does not say which. One that answers by itself is a queue."""

Span = tuple[int, int]
"""A stretch of time: start and end."""


class Talk:
    """A conversation of two persons.

    Attributes:
        one: who called, or who takes the caller's place; None if unknown.
        other: the other one; None if unknown.
        joined: whether `one` came in on a conversation of others.
    """

    __slots__ = ("end", "joined", "one", "other", "start")

    def __init__(self, start: int, end: int, one: Actor | None, other: Actor | None, joined: bool = False) -> None:
        self.start = start
        self.end = end
        self.one = one
        self.other = other
        self.joined = joined


class Wait:
    """The time that a caller spent in a queue.

    Attributes:
        since, until: from the queue's answer to that of an agent, or to the moment when the call left the queue.
        agent: who answered; None if nobody did.
        went_on: whether the queue passed the call on.
    """

    __slots__ = ("agent", "attempt", "since", "until", "went_on")

    def __init__(self, attempt: Attempt, since: int) -> None:
        self.attempt = attempt
        self.since = since
        self.until = max(since, attempt.end)
        self.agent: Actor | None = None
        self.went_on = False
        for child in attempt.children:
            onward = child.reason not in BY_SERVICES
            at = child.start if onward else child.answer
            if at is not None and since <= at <= self.until:
                self.until, self.went_on, self.agent = at, onward, None if onward else child.called


def talks_of(attempts: Sequence[Attempt], transfers: Iterable[Transfer]) -> list[Talk]:
    """All conversations of a call."""
    talks = [talk for attempt in attempts if (talk := _talk(attempt))]
    talks += [talk for transfer in transfers if (talk := _connected(transfer))]
    return talks


def _talk(attempt: Attempt) -> Talk | None:
    if attempt.answer is None:
        return None
    if attempt.joins is None:
        return None if attempt.called.service else Talk(attempt.answer, attempt.end, attempt.caller, attempt.called)
    if attempt.joins == "barged_in":
        return Talk(attempt.answer, attempt.end, attempt.caller, attempt.called, joined=True)
    entered = attempt.parent
    whom = entered.other(entered.called) if entered else None
    return Talk(attempt.answer, attempt.end, whom, attempt.caller)


def _connected(transfer: Transfer) -> Talk | None:
    """The conversation of those whom a person connected: for as long as a leg of either of them tells."""
    first, second = transfer.attempt, transfer.into
    if second is None:
        return None
    one, other = first.other(transfer.user), second.other(transfer.user)
    ends = [side.end for side in (first.side_of(one), second.side_of(other)) if side]
    if not ends or first.answer is None or second.answer is None:
        return None
    start = max(transfer.at, first.answer, second.answer)
    return Talk(start, min(ends), one, other) if min(ends) > start else None


def rang(attempt: Attempt) -> Span | None:
    """When the phone of a called person rang; None if it did not, or nothing tells."""
    if not attempt.to_person:
        return None
    side = attempt.told
    if side.leg.ring_duration is None and attempt.out is not None:
        side = attempt.out
    ringing = side.within(side.leg.ring_duration)
    if not ringing:
        return None
    end = side.end if side.answer is None else side.answer
    if not side.answered_here:
        # It rang before the call was passed on; or still then, where other phones rang as well.
        since = side.start + ringing
        end = min((child.start for child in attempt.children if since <= child.start <= end), default=end)
    return max(side.start, end - ringing), end


def held(attempts: Iterable[Attempt]) -> int:
    """For how many milliseconds somebody held somebody. Records say how long, and not when."""
    return sum(side.within(side.leg.hold_duration) for attempt in attempts for side in attempt.sides)


def waits_of(attempts: Sequence[Attempt]) -> list[Wait]:
    """The times in queues."""
    return [Wait(attempt, attempt.answer) for attempt in attempts if attempt.answer is not None and is_queue(attempt)]


def is_queue(attempt: Attempt) -> bool:
    """Whether a queue was called."""
    service = attempt.called.service
    return service in QUEUES or (bool(service) and (attempt.told.leg.queue_type is not None or service == _UNNAMED))


def seconds(spans: Iterable[Span]) -> int:
    """Length of the union of spans, in whole seconds."""
    covered = 0
    reached: int | None = None
    for start, end in sorted(spans):
        if reached is not None and start < reached:
            start = reached
        if end > start:
            covered += end - start
            reached = end
    return covered // 1000
