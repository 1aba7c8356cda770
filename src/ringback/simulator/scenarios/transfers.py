"""Transfers: blind ones stay in one session, those with a consultation first take two.

A consultative transfer is known by ``Transfer related call ID`` in one of the two sessions or in both, and mostly by a
common ``Interaction ID`` too; a consultation after which the first call goes on, by the ``Interaction ID`` alone.
"""

from __future__ import annotations

from ringback.simulator.builder import DEFLECTION, CallBuilder
from ringback.simulator.legs import Leg
from ringback.simulator.parties import Party, Person
from ringback.simulator.scenarios.kind import Kind, finish_talking, label


def _reach(call: CallBuilder, caller: Party, called: Party) -> Leg:
    """Two people have talked for a while."""
    leg = call.dial(caller, called)
    call.ring(2, 14, leg)
    call.answer(leg)
    call.talk(60)
    return leg


def _hand_over(call: CallBuilder, leg: Leg, to: Party) -> Leg:
    """The called person of a leg transfers the other one blindly, and is gone."""
    onward = call.redirect(leg, to, DEFLECTION)
    call.leave(leg, leg.called_view)
    call.result(leg.called, "transferred_away")
    return onward


def blind_transfer(call: CallBuilder) -> None:
    """The called person passes the caller on to a colleague, or to a number outside."""
    caller, first = call.pair()
    leg = _reach(call, caller, first)
    second: Party = call.colleague() if call.chance(0.85) else call.outside("mobile")
    finish_talking(call, _hand_over(call, leg, second))
    call.story = f"{label(caller)} called {first.name}, who transferred the call to {label(second)}."


def blind_transfer_unanswered(call: CallBuilder) -> None:
    """The person a caller is passed on to does not answer."""
    (caller, first), second = call.pair(), call.colleague()
    leg = _reach(call, caller, first)
    onward = _hand_over(call, leg, second)
    call.ring(10, 40, onward)
    call.hang_up(caller)
    call.final_party = first
    call.story = f"{label(caller)} called {first.name}, who transferred the call to {second.name}; nobody answered."


def blind_transfer_by_caller(call: CallBuilder) -> None:
    """A person calls somebody outside, and passes them on to a colleague."""
    first, called, second = call.person(), call.outside(), call.colleague()
    leg = _reach(call, first, called)
    onward = call.redirect(leg, second, DEFLECTION, by_caller=True)
    call.leave(leg, leg.caller_view)
    call.result(first, "transferred_away")
    finish_talking(call, onward)
    call.story = f"{first.name} called {label(called)}, and transferred the call to {second.name}."


def _consult(call: CallBuilder, leg: Leg, holder: Person, second: Party) -> Leg:
    """The called person of a leg holds the caller, and asks somebody else first; gives the leg of the question."""
    since = call.now
    call.wait(0.5, 3)
    consultation = call.dial(holder, second, suffix=":0A")
    call.ring(2, 12, consultation)
    call.answer(consultation)
    call.talk(25)
    call.held_since(leg.called_view, since, -(-(call.now - since) // 1_000))
    return consultation


def _join(call: CallBuilder, leg: Leg, consultation: Leg) -> None:
    """The person in the middle connects the other two, and is gone."""
    named_by = call.pick(("both", "first", "second"))
    if named_by != "second":
        leg.called_view.fields["Transfer related call ID"] = consultation.caller_view.local
    if named_by != "first":
        consultation.caller_view.fields["Transfer related call ID"] = leg.called_view.local
    for view in (leg.called_view, consultation.caller_view):
        view.fields["Related reason"] = "ConsultativeTransfer"
    if call.chance(0.7):
        call.interaction(leg, consultation)
    call.leave(leg, leg.called_view)
    call.leave(consultation, consultation.caller_view)
    consultation.taken_over_by = leg.presented
    call.meet(consultation, leg.presented, consultation.called)
    call.result(leg.called, "transferred_away")
    call.final_party = consultation.called


def consultative_transfer(call: CallBuilder) -> None:
    """The called person asks a colleague, or somebody outside, and then connects the two."""
    caller, first = call.pair()
    leg = _reach(call, caller, first)
    # Two outside parties are not joined here: once the person in the middle is gone, no record would tell of them.
    outside = isinstance(caller, Person) and call.chance(0.3)
    second: Party = call.outside() if outside else call.colleague()
    consultation = _consult(call, leg, first, second)
    _join(call, leg, consultation)
    call.talk()
    call.hang_up(caller, second)
    call.story = f"{label(caller)} called {first.name}, who asked {label(second)} and then transferred the call."


def consultation(call: CallBuilder) -> None:
    """The called person asks a colleague, and then goes on talking with the caller."""
    (caller, first), second = call.pair(), call.colleague()
    leg = _reach(call, caller, first)
    asked = _consult(call, leg, first, second)
    call.end(asked, call.pick((first, second)))
    call.interaction(leg, asked)
    call.talk()
    call.final_party = first
    call.hang_up(caller, first)
    call.story = f"{label(caller)} called {first.name}, who held the call to ask {second.name} and came back."


def two_transfers(call: CallBuilder) -> None:
    """A call is transferred after a consultation, and then once more, blindly."""
    (caller, first), second, third = call.pair(), call.colleague(), call.colleague()
    leg = _reach(call, caller, first)
    consultation = _consult(call, leg, first, second)
    _join(call, leg, consultation)
    call.talk(40)
    onward = _hand_over(call, consultation, third)
    onward.presented = caller
    finish_talking(call, onward)
    call.story = (
        f"{label(caller)} called {first.name}, who asked {second.name} and transferred the call, "
        f"which {second.name} transferred to {third.name}."
    )


KINDS = (
    Kind("blind_transfer", 2, blind_transfer),
    Kind("blind_transfer_unanswered", 0.2, blind_transfer_unanswered),
    Kind("blind_transfer_by_caller", 0.3, blind_transfer_by_caller),
    Kind("consultative_transfer", 1.5, consultative_transfer),
    Kind("consultation", 0.5, consultation),
    Kind("two_transfers", 0.2, two_transfers),
)
