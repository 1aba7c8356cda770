"""All that the legs of a call say, put together. The story is told from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringback.projections.calls.story.attempts import Attempt, attempts_of
from ringback.projections.calls.story.cast import Actor, Cast
from ringback.projections.calls.story.relations import Transfer, relate
from ringback.projections.calls.story.talks import Span, Talk, Wait, rang, talks_of, waits_of
from ringback.records.leg import Leg


class Facts:
    """What is known of a call.

    Attributes:
        attempts: in order of start.
        persons: in order of appearance.
        transfers: in order of time.
        talks: all conversations.
        elsewhere: when somebody answered of whom nothing is known but that; None if nobody did.
        waits: times in queues.
        rings: when phones rang, by the attempt in which they did.
    """

    __slots__ = ("attempts", "elsewhere", "persons", "rings", "talks", "transfers", "waits")

    def __init__(self, legs: Sequence[Leg]) -> None:
        cast = Cast()
        self.attempts: Sequence[Attempt] = attempts_of(legs, cast)
        self.transfers: Sequence[Transfer] = relate(self.attempts, cast)
        self.persons: Sequence[Actor] = list(_persons(self.attempts))
        self.talks: Sequence[Talk] = talks_of(self.attempts, self.transfers)
        self.elsewhere: int | None = None if self.talks else _elsewhere(self.attempts)
        self.waits: Sequence[Wait] = waits_of(self.attempts)
        self.rings: dict[Attempt, Span] = {each: span for each in self.attempts if (span := rang(each))}

    @property
    def answered(self) -> bool:
        """Whether a person answered."""
        return bool(self.talks) or self.elsewhere is not None


def _persons(attempts: Iterable[Attempt]) -> Iterable[Actor]:
    found: dict[Actor, None] = {}
    for attempt in attempts:
        if attempt.caller is not None:
            found[attempt.caller] = None
        if attempt.passed_on and attempt.out is not None and attempt.out.user is not None:
            found[attempt.out.user] = None
        if attempt.joins is None:
            found[attempt.called] = None
    return (actor for actor in found if not actor.service)


def _elsewhere(attempts: Iterable[Attempt]) -> int | None:
    return min((side.end for each in attempts for side in each.sides if side.leg.answered_elsewhere), default=None)
