"""What a scenario is to the simulation, and what several scenarios share."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ringback.simulator.builder import CallBuilder, Why
from ringback.simulator.legs import Leg
from ringback.simulator.parties import Outside, Party


class Kind(msgspec.Struct, frozen=True):
    """One kind of call.

    Attributes:
        name: as it stands in the truth.
        weight: its usual share among all calls, relative to the other kinds.
        tell: plays one call of this kind.
    """

    name: str
    weight: float
    tell: Callable[[CallBuilder], None]


def label(party: Party) -> str:
    """The party in a sentence."""
    if isinstance(party, Outside):
        return party.name or party.number or "an anonymous caller"
    return party.name


def leave_message(call: CallBuilder, leg: Leg, why: Why) -> None:
    """The called party of a leg passes the call to voicemail, and the caller leaves a message, or none."""
    deposit = call.redirect(leg, call.service(call.org.voice_portals), why)
    call.wait(0.2, 1)
    call.answer(deposit)
    call.wait(3, 60)
    call.hang_up(leg.presented)
    call.outcome = "voicemail"


def finish_talking(call: CallBuilder, leg: Leg) -> None:
    """The called phone of a leg rings, somebody answers, they talk, and one of the two hangs up."""
    call.ring(2, 14, leg)
    call.answer(leg)
    call.talk()
    call.hang_up(leg.presented, leg.called)
