"""Whole calls as rows: their bodies, and the terms they are found by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from uuid import UUID

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

    id: UUID
    start_at: int
    end_at: int
    direction: str
    outcome: str
    talk_seconds: int
    search: str
    body: bytes
    terms: tuple[str, ...]


_QUEUES = frozenset(("CallCenterStandard", "CallCenterPremium"))
_encode = msgspec.msgpack.encode
decode_kept = msgspec.msgpack.Decoder(Kept).decode
"""What a body has."""


def row_of(call: UUID, story: Story, legs: Iterable[Leg], numbers: Numbers) -> CallRow:
    """The row of a call.

    Args:
        legs: all of its legs.
        numbers: how numbers are read.
    """
    terms = tuple(sorted({term for leg in legs for term in _terms(leg, numbers)}))
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


def _terms(leg: Leg, numbers: Numbers) -> Iterator[str]:
    for number in (leg.calling_number, leg.called_number, leg.user_number):
        if number and (key := numbers.key(number)):
            yield term(TermKind.NUMBER, key)
    for kind, value in (
        (TermKind.LOCATION, leg.location),
        (TermKind.DEPARTMENT, leg.department_id),
        (TermKind.TRUNK, leg.inbound_trunk),
        (TermKind.TRUNK, leg.outbound_trunk),
        (TermKind.COUNTRY, leg.country),
    ):
        if value:
            yield term(kind, value)
    if leg.user_id and leg.user_type not in SERVICES:
        yield term(TermKind.USER, leg.user_id)
    if leg.user_type in _QUEUES:
        for value in (leg.user_id, leg.user_name):
            if value:
                yield term(TermKind.QUEUE, value)
