"""Calls between two parties: inside, to and from the telephone network, answered or not."""

from __future__ import annotations

from ringback.simulator.builder import CallBuilder
from ringback.simulator.numbers import Reach
from ringback.simulator.parties import Party
from ringback.simulator.scenarios.kind import Kind, label


def conversation(call: CallBuilder, caller: Party, called: Party, *, authorization_code: str = "") -> None:
    """The called party answers after a while, they talk, now and then one holds, and one of them hangs up."""
    leg = call.dial(caller, called)
    if authorization_code:
        leg.caller_view.fields["Authorization code"] = authorization_code
    call.ring(2, 18, leg)
    call.answer(leg)
    call.talk()
    if call.chance(0.12):
        call.hold(call.pick([view for view, _, _ in leg.views()]), 5, 90)
        call.talk(30)
    call.hang_up(caller, called)
    call.story = f"{label(caller)} called {label(called)}, and they talked."


def internal(call: CallBuilder) -> None:
    """Two colleagues talk."""
    conversation(call, call.person(), call.colleague())


def pstn_in(call: CallBuilder) -> None:
    """Somebody outside calls a person directly."""
    conversation(call, *call.pair(internal=0))


def _out(call: CallBuilder, reach: Reach) -> None:
    code = call.pick(("104", "107", "212")) if call.chance(0.02) else ""
    conversation(call, call.person(), call.outside(reach), authorization_code=code)


def pstn_out(call: CallBuilder) -> None:
    """A person calls a number in the same country."""
    _out(call, "national")


def mobile_number_out(call: CallBuilder) -> None:
    """A person calls a mobile number in the same country."""
    _out(call, "mobile")


def international_out(call: CallBuilder) -> None:
    """A person calls a number abroad."""
    _out(call, "international")


def toll_free_out(call: CallBuilder) -> None:
    """A person calls a freephone number."""
    _out(call, "toll_free")


def short_code_out(call: CallBuilder) -> None:
    """A person calls a short national number."""
    _out(call, "short_code")


def unanswered_in(call: CallBuilder) -> None:
    """Somebody outside lets a phone ring, and gives up."""
    _unanswered(call, *call.pair(internal=0))


def unanswered_internal(call: CallBuilder) -> None:
    """A colleague lets a phone ring, and gives up."""
    _unanswered(call, call.person(), call.colleague())


def _unanswered(call: CallBuilder, caller: Party, called: Party) -> None:
    leg = call.dial(caller, called)
    call.ring(6, 40, leg)
    call.end(leg, caller)
    call.outcome = "missed"
    call.story = f"{label(caller)} called {label(called)}, who did not answer."


def cancelled_out(call: CallBuilder) -> None:
    """Nobody outside answers: the caller gives up, or the network does."""
    caller, called = call.person(), call.outside(call.pick(("national", "mobile")))
    leg = call.dial(caller, called)
    call.ring(4, 45, leg)
    if call.chance(0.2):
        leg.outcome = call.pick((("Success", "NoAnswer"), ("Refusal", "NoAnswerFromUser")))
        call.end(leg, called)
    else:
        call.end(leg, caller)
    call.outcome = "cancelled"
    call.story = f"{caller.name} called {label(called)}, and nobody answered."


KINDS = (
    Kind("internal", 20, internal),
    Kind("pstn_in", 16, pstn_in),
    Kind("pstn_out", 13, pstn_out),
    Kind("mobile_number_out", 4, mobile_number_out),
    Kind("international_out", 1.5, international_out),
    Kind("toll_free_out", 1, toll_free_out),
    Kind("short_code_out", 0.2, short_code_out),
    Kind("unanswered_in", 2.5, unanswered_in),
    Kind("unanswered_internal", 2, unanswered_internal),
    Kind("cancelled_out", 3, cancelled_out),
)
