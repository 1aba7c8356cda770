"""Whole calls as rows: their bodies, and the terms they are found by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import Enum

import msgspec

from ringback.projections.calls.story.model import Story
from ringback.projections.numbers import Numbers
from ringback.projections.sessions.parties import SERVICES
from ringback.records.leg import Leg


class TermKind(Enum):
    """What a call is found by; the value begins the term."""

    NUMBER = "n"
    USER = "u"
    LOCATION = "l"
    DEPARTMENT = "d"
    QUEUE = "q"
    TRUNK = "t"
    COUNTRY = "c"


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """What the column `body` has: what is told of a call, and what it is found by."""

    story: Story
    terms: tuple[str, ...]


class CallRow(msgspec.Struct, frozen=True):
    """A call as it is kept: the columns of `calls`, but for the org and the number of its change.

    Attributes:
        terms: what it is found by, as in `body`.
    """

    id: bytes
    start_at: int
    end_at: int
    direction: str
    outcome: str
    talk_seconds: int
    search: str
    body: bytes
    terms: tuple[str, ...]


_NUMBER, _USER, _LOCATION, _DEPARTMENT, _QUEUE, _TRUNK, _COUNTRY = (kind.value for kind in TermKind)
_QUEUES = frozenset(("CallCenterStandard", "CallCenterPremium"))
_encode = msgspec.msgpack.encode
decode_kept = msgspec.msgpack.Decoder(Kept).decode
"""What a body has."""


def row_of(call: bytes, story: Story, legs: Iterable[Leg], numbers: Numbers) -> CallRow:
    """The row of a call.

    Args:
        legs: all of its legs.
        numbers: how numbers are read.
    """
    terms = tuple(sorted(_terms(legs, numbers)))
    persons = (text for each in story.participants for text in (each.name, each.number))
    texts = dict.fromkeys((*persons, story.dialed, story.sentence))
    return CallRow(
        id=call,
        start_at=story.start,
        end_at=story.end,
        direction=story.direction,
        outcome=story.outcome,
        talk_seconds=story.talk_seconds,
        search="\n".join(filter(None, texts)).casefold(),
        body=_encode(Kept(story, terms)),
        terms=terms,
    )


def term(kind: TermKind, value: str) -> str:
    """What a call with this value is found by; a number has to be in the one spelling of `Numbers.key`."""
    return kind.value + value


def _terms(legs: Iterable[Leg], numbers: Numbers) -> set[str]:
    # Legs of a call have much in common: what is the same is looked at once.
    of_kind = defaultdict[str, set[str | None]](set)
    dialled: set[str | None] = set()
    for leg in legs:
        dialled |= {leg.calling_number, leg.called_number, leg.user_number}
        of_kind[_LOCATION].add(leg.location)
        of_kind[_DEPARTMENT].add(leg.department_id)
        of_kind[_TRUNK] |= {leg.inbound_trunk, leg.outbound_trunk}
        of_kind[_COUNTRY].add(leg.country)
        if leg.user_type not in SERVICES:
            of_kind[_USER].add(leg.user_id)
        elif leg.user_type in _QUEUES:
            of_kind[_QUEUE] |= {leg.user_id, leg.user_name}
    of_kind[_NUMBER] = {numbers.key(number) for number in dialled if number}
    return {kind + value for kind, values in of_kind.items() for value in values if value}
