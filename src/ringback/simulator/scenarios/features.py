"""Features by which one person enters another one's call: park and retrieve, pickup, barge-in.

Whoever uses the feature has a record in a session of its own, which names the other call as related.
"""

from __future__ import annotations

from ringback.simulator.builder import CallBuilder, Why
from ringback.simulator.legs import Leg
from ringback.simulator.parties import Party, Person
from ringback.simulator.scenarios.kind import Kind, label

_RETRIEVE = "*88"
_PICKUP = "*98"
_DIRECTED_PICKUP = "*97"
_BARGE_IN = "*33"
_RECALL: Why = ("Deflection", "CallPark")


def _park(call: CallBuilder, caller: Party, first: Person) -> Leg:
    """Two people talk, and the called one parks the call."""
    leg = call.dial(caller, first)
    call.ring(2, 14, leg)
    call.answer(leg)
    call.talk(40)
    leg.called_view.fields["Related reason"] = "CallPark"
    call.leave(leg, leg.called_view)
    return leg


def park_retrieved(call: CallBuilder) -> None:
    """A parked call is taken up by a colleague."""
    (caller, first), second = call.pair(), call.person()
    leg = _park(call, caller, first)
    call.wait(8, 100)
    retrieval = call.feature(second, first, _RETRIEVE, leg.called_view, "CallParkRetrieve")
    call.connect(retrieval, caller, second)
    call.result(first, "transferred_away")
    call.final_party = second
    call.talk()
    call.hang_up(caller, second)
    call.story = f"{label(caller)} called {first.name}, who parked the call, and {second.name} took it up."


def park_recalled(call: CallBuilder) -> None:
    """Nobody takes up a parked call, and it comes back to the person who parked it."""
    caller, first = call.pair()
    leg = _park(call, caller, first)
    call.wait(45, 60)
    recall = call.redirect(leg, first, _RECALL)
    recall.caller_view.party = None  # the park is no party, so that only the call that comes back is recorded
    call.relate(recall.called_view, leg.called_view, "CallPark")
    recall.called_view.fields["Recall type"] = "call park"
    call.ring(2, 15, recall)
    call.answer(recall)
    call.talk()
    call.hang_up(caller, first)
    call.story = f"{label(caller)} called {first.name}, who parked the call; nobody took it, and it came back."


def group_pickup(call: CallBuilder) -> None:
    """A colleague's phone rings, and somebody of the same pickup group takes the call."""
    _pick_up(call, _PICKUP, "CallPickup")


def directed_pickup(call: CallBuilder) -> None:
    """A colleague's phone rings, and somebody takes the call by naming that phone."""
    _pick_up(call, _DIRECTED_PICKUP, "DirectedCallPickup")


def _pick_up(call: CallBuilder, code: str, reason: str) -> None:
    (caller, first), second = call.pair(), call.person()
    leg = call.dial(caller, first)
    call.ring(4, 15, leg)
    pickup = call.feature(second, first, code, leg.called_view, reason)
    call.answered_elsewhere(leg, caller_stays=True)
    call.connect(pickup, caller, second)
    call.final_party = second
    call.talk()
    call.hang_up(caller, second)
    call.story = f"{label(caller)} called {first.name}, and {second.name} picked up the call."


def barge_in(call: CallBuilder) -> None:
    """A supervisor joins a colleague's conversation."""
    (caller, first), supervisor = call.pair(), call.person()
    leg = call.dial(caller, first)
    call.ring(2, 14, leg)
    call.answer(leg)
    call.talk(60)
    barge = call.feature(supervisor, first, _BARGE_IN, leg.called_view, "BargeIn")
    call.wait(0.5, 2)
    call.connect(barge)
    call.result(supervisor, "barged_in")
    call.talk(60)
    if call.chance(0.5):
        call.end(barge, supervisor)
        call.talk(30)
    call.hang_up(caller, first)
    call.story = f"{label(caller)} called {first.name}, and {supervisor.name} joined them."


KINDS = (
    Kind("park_retrieved", 0.6, park_retrieved),
    Kind("park_recalled", 0.15, park_recalled),
    Kind("group_pickup", 0.8, group_pickup),
    Kind("directed_pickup", 0.3, directed_pickup),
    Kind("barge_in", 0.2, barge_in),
)
