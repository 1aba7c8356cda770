"""From legs to attempts: in each, one party tries to reach another. It has the legs of both of them, or of one.

Webex writes a record for each side that it controls, PortSIP one for both. The two legs of an attempt know each other
by their Network call ID, or by their Local and Remote call IDs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from ringback.projections.calls.story.cast import Actor, Cast, is_way_out
from ringback.records.leg import Leg
from ringback.records.values import to_milliseconds

Joining = Literal["picked_up", "retrieved", "barged_in"]
"""How a person enters a call of others; the words are steps of the timeline."""

JOINING: dict[str, Joining] = {
    "CallPickup": "picked_up",
    "DirectedCallPickup": "picked_up",
    "CallParkRetrieve": "retrieved",
    "CallRetrieve": "retrieved",
    "BargeIn": "barged_in",
    "CCMonitoringBI": "barged_in",
}
"""Related reasons of a leg by which a person does so."""

_PASSING_ON = {
    "CallForwardAlways": "Unconditional",
    "CallForwardBusy": "UserBusy",
    "CallForwardModeBased": "TimeOfDay",
    "CallForwardNoAnswer": "NoAnswer",
    "CallForwardNotReachable": "Unavailable",
    "CallForwardSelective": "TimeOfDay",
    "CallQueue": "CallQueue",
    "Deflection": "Deflection",
    "Executive": None,
    "ExecutiveAssistantCallPush": "Deflection",
    "ExecutiveAssistantDivert": "Deflection",
    "ExecutiveForward": "Deflection",
    "HuntGroup": "HuntGroup",
    "RoutePoint": None,
    "SequentialRing": "FollowMe",
    "SimultaneousRingPersonal": "FollowMe",
}
"""Related reasons of a leg by which a person or service passes a call on, with the Redirect reason if none is given."""

_INSIDE = frozenset((None, "SIP_ENTERPRISE"))
_FROM_OUTSIDE = "SIP_INBOUND"
_REDIRECTED = "Yes-PostRedirection"
_MOST_SUCCESSORS = 100
_LONGEST = 366 * 24 * 60 * 60
"""Seconds. A longer duration is odd, and does not tell when a call ended."""


class Side:
    """One leg, with its times in milliseconds since 1970.

    Attributes:
        user: whose leg it is; None if it is that of a way out.
        answer: when it was answered, by whomever; None if it was not.
        left: whether it ended because somebody put the call through, or parked it.
        end: when the party was gone from it.
        release: when it was over; a transfer may be a while before.
    """

    __slots__ = ("answer", "end", "left", "leg", "release", "start", "user")

    answer: int | None
    user: Actor | None

    def __init__(self, leg: Leg, otherwise: int) -> None:
        """
        Args:
            otherwise: the start of a leg that has no times.
        """
        known = _first_time(leg)
        self.leg = leg
        self.start = self.end = otherwise if known is None else to_milliseconds(known)
        self.answer = None
        self.left = leg.transfer_time is not None
        if leg.answered or (leg.answered is None and leg.answer_time is not None):
            self.answer = self._later(leg.answer_time)
            self.end = self.answer
        lasted = leg.duration or 0
        if ended := leg.transfer_time or leg.release_time or leg.report_time:
            self.end = self._later(ended)
        elif 0 < lasted < _LONGEST:
            self.end += lasted * 1000
        self.release = self._later(leg.release_time) if self.left else self.end

    def _later(self, moment: datetime | None) -> int:
        """A time in milliseconds, not before what came before it: odd times must not make odd lengths."""
        return self.end if moment is None else max(self.end, to_milliseconds(moment))

    @property
    def answered_here(self) -> bool:
        """Whether the called party itself answered, and not somebody to whom the call was passed on."""
        return self.answer is not None and self.leg.answer_indicator != _REDIRECTED

    def within(self, seconds: int | None) -> int:
        """A length of time that the leg tells, in milliseconds; never longer than the leg."""
        return max(0, min(seconds * 1000, self.end - self.start)) if seconds else 0


class Attempt:
    """One party tries to reach another.

    Attributes:
        sides: in order of start.
        out, into: the side of whoever calls, and that of the called party. Either may be missing.
        told: the side that tells what became of it: that of the called party, if it is there.
        start, end: milliseconds since 1970. It ends when the first of its sides leaves.
        answer: when the called party itself answered; None if it did not.
        caller: who called. If somebody passed the call on, whom they passed on. None if that is unknown.
        called: who was called.
        joins: how it enters a call of others; None if it is an attempt to reach somebody.
        passed_on: whether it is no call of the caller's own, but one that somebody passed on.
        by: who passed it on; None if nobody did, or it is unknown.
        reason: the Redirect reason for which it was passed on, if that is known.
        parent: the attempt that it came from: the one that was passed on, or whose called party's call it enters.
        children: those that came from it.
        replaced: of those who left by a transfer, the attempt in which their successor is.
    """

    __slots__ = (
        *("answer", "by", "called", "caller", "children", "end", "into", "joins", "out", "parent", "passed_on"),
        *("reason", "replaced", "sides", "start", "told"),
    )

    end: int
    answer: int | None
    called: Actor

    def __init__(self, side: Side) -> None:
        self.sides: list[Side] = []
        self.out: Side | None = None
        self.into: Side | None = None
        self.told = side
        self.start = side.start
        self.caller: Actor | None = None
        self.joins: Joining | None = None
        self.passed_on = False
        self.by: Actor | None = None
        self.reason: str | None = None
        self.parent: Attempt | None = None
        self.children: list[Attempt] = []
        self.replaced: dict[Actor, Attempt] = {}
        self.put(side)

    def put(self, side: Side) -> None:
        """Add a side, which begins no earlier than the one that is there."""
        self.sides.append(side)
        if side.leg.side == "originating":
            self.out = side
        else:
            self.into = self.told = side

    def side_of(self, actor: Actor | None) -> Side | None:
        """The leg of one of the two, if it is there."""
        return self.into if actor is self.called else self.out

    def other(self, actor: Actor | None) -> Actor | None:
        """With whom an actor talks in it."""
        return self.caller if actor is self.called else self.called

    def now(self, actor: Actor | None) -> Actor | None:
        """Who is there in the end: the actor, or whoever took that place by a transfer."""
        attempt = self
        for _ in range(_MOST_SUCCESSORS):  # odd ids could lead round in a circle
            if actor is None or (successor := attempt.replaced.get(actor)) is None:
                break
            attempt, actor = successor, successor.other(actor)
        return actor

    @property
    def to_person(self) -> bool:
        """Whether it is an attempt to reach a person, inside or outside."""
        return not self.called.service and self.joins is None


def attempts_of(legs: Sequence[Leg], cast: Cast) -> list[Attempt]:
    """The attempts that the legs of a call tell of, in order of start; how they hang together is not yet in them."""
    times = [known for leg in legs if (known := _first_time(leg))]
    otherwise = to_milliseconds(min(times)) if times else 0
    sides = [Side(leg, otherwise) for leg in legs]
    sides.sort(key=_order)
    for side in sides:
        side.user = None if is_way_out(side.leg) else cast.user(side.leg, _near_number(side.leg))
    attempts = _paired(sides)
    for attempt in attempts:
        _settle(attempt, cast)
    return attempts


def _first_time(leg: Leg) -> datetime | None:
    return leg.start_time or leg.answer_time or leg.transfer_time or leg.release_time or leg.report_time


def _order(side: Side) -> tuple[int, bool, bool, str]:
    """What is passed on comes after what it came from, also in the same millisecond."""
    leg = side.leg
    return side.start, _is_passed_on(leg), leg.side != "originating", leg.record_id


def _is_passed_on(leg: Leg) -> bool:
    if leg.side == "originating":
        return _passes_on(leg)
    return bool(leg.redirecting_user_id or leg.redirect_reason or leg.redirecting_number)


def _passes_on(leg: Leg) -> bool:
    """Whether an originating leg is that of a person or service who passes on a call of somebody else."""
    return bool(leg.redirecting_user_id or (leg.related_call_id and leg.related_reason in _PASSING_ON))


def _near_number(leg: Leg) -> str | None:
    if leg.side != "originating":
        return leg.called_number
    # The leg of who passes a call on may show the number of the one who is passed on.
    return None if _passes_on(leg) else leg.calling_number


def _paired(sides: Iterable[Side]) -> list[Attempt]:
    attempts: list[Attempt] = []
    by_network: dict[str, list[Attempt]] = {}
    by_local: dict[str, list[Attempt]] = {}
    by_remote: dict[str, list[Attempt]] = {}
    for side in sides:
        leg = side.leg
        attempt = (
            _lacking(side, by_network.get(leg.network_call_id or ""))
            or _lacking(side, by_local.get(leg.remote_call_id or ""))
            or _lacking(side, by_remote.get(leg.local_call_id or ""))
        )
        if attempt is not None:
            attempt.put(side)
            continue
        attempt = Attempt(side)
        attempts.append(attempt)
        for name, index in (
            (leg.network_call_id, by_network),
            (leg.local_call_id, by_local),
            (leg.remote_call_id, by_remote),
        ):
            if name:
                index.setdefault(name, []).append(attempt)
    return attempts


def _lacking(side: Side, found: Iterable[Attempt] | None) -> Attempt | None:
    """The first of some attempts that has the other side only."""
    for attempt in found or ():
        if (attempt.out if side.leg.side == "originating" else attempt.into) is None:
            return attempt
    return None


def _settle(attempt: Attempt, cast: Cast) -> None:
    """What an attempt's own sides say of it."""
    out, into, told = attempt.out, attempt.into, attempt.told
    leg = told.leg
    attempt.answer = told.answer if told.answered_here else None
    attempt.end = told.end if out is None else min(out.end, told.end)
    attempt.called = _called(into, leg, cast)
    behind = False
    if out is not None and _passes_on(out.leg):
        attempt.passed_on = behind = True
        attempt.by = out.user
        attempt.reason = out.leg.redirect_reason or _PASSING_ON.get(out.leg.related_reason or "")
    elif into is not None and _is_passed_on(leg):
        attempt.passed_on = True
        # A source that does not name who passed the call on has the caller's own leg, or number.
        behind = leg.redirecting_user_id is not None
        attempt.by = cast.of_id(leg.redirecting_user_id) or cast.of_number(leg.redirecting_number)
        attempt.reason = leg.redirect_reason
    elif out is not None:
        attempt.joins = JOINING.get(out.leg.related_reason or "")
    if not behind:
        attempt.caller = caller_of(out, leg, cast)


def _called(into: Side | None, leg: Leg, cast: Cast) -> Actor:
    if into is not None and into.user is not None:
        return into.user
    if into is not None or leg.call_type not in _INSIDE:
        return cast.outsider(leg.called_number, leg.called_name)
    return cast.insider(leg.called_number, leg.called_name)


def caller_of(out: Side | None, leg: Leg, cast: Cast) -> Actor:
    """Who called, as far as the legs of the attempt say.

    Args:
        out: the side of whoever called, if it is there.
        leg: any of its legs.
    """
    if out is not None and out.user is not None:
        return out.user
    outside = leg.call_type == _FROM_OUTSIDE or (leg.call_type not in _INSIDE and not is_way_out(leg))
    if out is not None or outside:
        return cast.outsider(leg.calling_number, leg.calling_name)
    return cast.insider(leg.calling_number, leg.calling_name)
