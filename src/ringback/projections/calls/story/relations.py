"""How the attempts of a call hang together: which came from which, and who took whose place."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence

from ringback.projections.calls.story.attempts import Attempt, Side, caller_of
from ringback.projections.calls.story.cast import Actor, Cast

TRANSFER = "Deflection"
"""Redirect reason of a call that somebody passes on by hand: who has answered it, or a menu."""

_CONSULTATION = "ConsultativeTransfer"
_MOST_CONSULTED = 100
"""How many attempts of a person are looked at for that; a source may put thousands into one call."""

_PARKED = frozenset(("CallPark", "CalllPark"))


class Transfer:
    """A person leaves a conversation that goes on without them.

    Attributes:
        side: the leg of theirs that says so.
        at: when, in milliseconds since 1970.
        into: the attempt in which the person asked somebody first; None if there was none.
        parked: whether the call was parked.
    """

    __slots__ = ("at", "attempt", "into", "parked", "side", "user")

    def __init__(self, user: Actor, attempt: Attempt, side: Side) -> None:
        self.user = user
        self.attempt = attempt
        self.side = side
        self.at = side.end
        self.into: Attempt | None = None
        self.parked = side.leg.related_reason in _PARKED


def relate(attempts: Sequence[Attempt], cast: Cast) -> list[Transfer]:
    """Fill in what only several attempts together say, and give the transfers, in order of time."""
    ids = _ids(attempts)
    _find_parents(attempts, ids)
    transfers = _transfers(attempts)
    _find_consultations(attempts, ids, transfers)
    for attempt in attempts:
        if attempt.caller is None:
            attempt.caller = _behind(attempt) or _by_number(attempt, cast)
    return transfers


def _ids(attempts: Sequence[Attempt]) -> dict[str, int]:
    """The places of the attempts, by the call ids of their sides, those that are missing too."""
    ids: dict[str, int] = {}
    for place, attempt in enumerate(attempts):
        for side in attempt.sides:
            for name in (side.leg.local_call_id, side.leg.remote_call_id):
                if name:
                    ids.setdefault(name, place)
    return ids


def _find_parents(attempts: Sequence[Attempt], ids: dict[str, int]) -> None:
    latest: dict[Actor, Attempt] = {}  # of those so far, by who is in them
    by_reason: dict[bool, Attempt] = {}  # the latest that was left, and the latest that was not answered
    for place, attempt in enumerate(attempts):
        if attempt.passed_on or attempt.joins is not None:
            parent = None
            related = _related(attempt)
            found = ids.get(related or "", place)
            if found < place:
                parent = attempts[found]
                _name_redirector(attempt, parent, related)
            elif who := attempt.called if attempt.joins else attempt.by:
                parent = latest.get(who)
            elif attempt.reason is not None:
                parent = by_reason.get(attempt.reason == TRANSFER)
                attempt.by = parent.other(attempt.caller) if parent else None
            if parent is not None:
                attempt.parent = parent
                parent.children.append(attempt)
        if attempt.caller is not None:
            latest[attempt.caller] = attempt
        latest[attempt.called] = attempt
        if any(side.left for side in attempt.sides):
            by_reason[True] = attempt
        if attempt.answer is None and attempt.to_person:
            by_reason[False] = attempt


def _related(attempt: Attempt) -> str | None:
    return next((side.leg.related_call_id for side in attempt.sides if side.leg.related_call_id), None)


def _name_redirector(attempt: Attempt, parent: Attempt, related: str | None) -> None:
    """Where the leg of whoever passed the call on is missing in one of two attempts, the other one tells of them."""
    if attempt.joins is not None:
        return
    remote = parent.out.leg.remote_call_id if parent.out else None
    if attempt.by is None:
        attempt.by = parent.called
    elif parent.into is None and related == remote:
        parent.called = attempt.by


def _transfers(attempts: Sequence[Attempt]) -> list[Transfer]:
    transfers = []
    for attempt in attempts:
        side = _who_left(attempt)
        if side is not None and side.user is not None and not side.user.service:
            transfers.append(Transfer(side.user, attempt, side))
    transfers.sort(key=lambda transfer: transfer.at)
    return transfers


def _who_left(attempt: Attempt) -> Side | None:
    """The side that put the call through. Some records have one time for both: then it is who is not passed on."""
    out, into = attempt.out, attempt.into
    if out is None or into is None or not (out.left and into.left):
        return next((side for side in attempt.sides if side.left), None)
    passed_on = [child.caller for child in attempt.children]
    return out if attempt.called in passed_on else into


def _find_consultations(attempts: Sequence[Attempt], ids: dict[str, int], transfers: Sequence[Transfer]) -> None:
    """Pairs of attempts of one person, who connected the others: by ids, else by the reason that is given."""
    named: dict[Attempt, Attempt] = {}
    for attempt in attempts:
        for side in attempt.sides:
            place = ids.get(side.leg.transfer_related_call_id or "")
            if place is not None and attempts[place] is not attempt:
                named.setdefault(attempt, attempts[place])
                named.setdefault(attempts[place], attempt)
    of_person: defaultdict[Actor | None, list[Attempt]] = defaultdict(list)
    for attempt in attempts if transfers else ():
        of_person[attempt.caller].append(attempt)
        of_person[attempt.called].append(attempt)
    for transfer in transfers:
        first, second = transfer.attempt, named.get(transfer.attempt)
        if second is None and transfer.side.leg.related_reason == _CONSULTATION:
            second = _consultation(transfer, of_person[transfer.user])
            if second is None and (other := _may_have_left(transfer)):
                second = _consultation(transfer, of_person[other])
                transfer.user = transfer.user if second is None else other
        user = transfer.user
        if second is not None and user in (second.caller, second.called) and user not in first.replaced:
            transfer.attempt, transfer.into = (first, second) if first.start <= second.start else (second, first)
            first.replaced.setdefault(user, second)
            second.replaced.setdefault(user, first)


def _may_have_left(transfer: Transfer) -> Actor | None:
    """The other person, if a record for both sides does not tell which of them it was."""
    sides = transfer.attempt.sides
    return transfer.attempt.other(transfer.user) if len(sides) == 2 and all(side.left for side in sides) else None


def _consultation(transfer: Transfer, attempts: Sequence[Attempt]) -> Attempt | None:
    """The latest other attempt of the person, of these, that was under way when the person left."""
    newest = bisect_right(attempts, transfer.at, key=lambda attempt: attempt.start)
    for attempt in reversed(attempts[max(0, newest - _MOST_CONSULTED) : newest]):
        if attempt is not transfer.attempt and transfer.at <= max(side.end for side in attempt.sides):
            return attempt
    return None


def _behind(attempt: Attempt) -> Actor | None:
    """Whom the one who passed it on was talking to, or whose successor that is."""
    parent = attempt.parent
    if parent is None:
        return None
    return parent.now(parent.other(attempt.by))


def _by_number(attempt: Attempt, cast: Cast) -> Actor | None:
    """Whoever the called party saw calling."""
    if attempt.into is None:
        return None
    leg = attempt.into.leg
    return cast.of_number(leg.calling_number) or caller_of(None, leg, cast)
