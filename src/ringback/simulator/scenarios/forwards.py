"""Forwards: to somebody else, to voicemail, to a person's other phones, and from executives to assistants.

The person who forwards has two records: one of the call that came in, and one of the call that went on.
"""

from __future__ import annotations

from ringback.simulator.builder import ALWAYS, BUSY, NO_ANSWER, TIME_OF_DAY, UNRECOGNISED, CallBuilder, Why
from ringback.simulator.parties import Party, Person
from ringback.simulator.scenarios.kind import Kind, finish_talking, label, leave_message

_SIMULTANEOUS: Why = ("FollowMe", "SimultaneousRingPersonal")
_SEQUENTIAL: Why = ("FollowMe", "SequentialRing")
_EXECUTIVE: Why = (UNRECOGNISED, "Executive")
_PUSH: Why = ("Deflection", "ExecutiveAssistantCallPush")
_UNAVAILABLE: Why = ("Unavailable", "CallForwardNotReachable")


def _forward(call: CallBuilder, why: Why, because: str) -> None:
    caller, first = call.pair()
    leg = call.dial(caller, first)
    if why is NO_ANSWER:
        call.ring(12, 22, leg)
    second: Party = call.colleague() if call.chance(0.7) else call.outside("mobile")
    onward = call.redirect(leg, second, why)
    call.result(first, "forwarded")
    began = f"{label(caller)} called {first.name}, whose calls go to {label(second)} {because}"
    if call.chance(0.85):
        finish_talking(call, onward)
        call.story = f"{began}; they talked."
        return
    call.ring(8, 30, onward)
    call.hang_up(caller)
    # What counts as missed is a phone of the organization that rang; outside phones are not ours to answer.
    call.outcome = "missed" if why is NO_ANSWER or isinstance(second, Person) else "cancelled"
    call.story = f"{began}; nobody answered."


def forward_always(call: CallBuilder) -> None:
    """All calls to a person go elsewhere at once."""
    _forward(call, ALWAYS, "always")


def forward_busy(call: CallBuilder) -> None:
    """Calls to a person go elsewhere while the line is busy."""
    _forward(call, BUSY, "while the line is busy")


def forward_no_answer(call: CallBuilder) -> None:
    """Calls to a person go elsewhere after some rings."""
    _forward(call, NO_ANSWER, "after some rings")


def forward_time_of_day(call: CallBuilder) -> None:
    """Calls to a person go elsewhere at certain hours."""
    _forward(call, TIME_OF_DAY, "at this hour")


def voicemail_no_answer(call: CallBuilder) -> None:
    """The person does not answer, and voicemail does."""
    caller, called = call.pair()
    leg = call.dial(caller, called)
    call.ring(16, 24, leg)
    leave_message(call, leg, NO_ANSWER)
    call.story = f"{label(caller)} called {called.name}, who did not answer, and reached voicemail."


def voicemail_busy(call: CallBuilder) -> None:
    """The person is on the phone, and voicemail answers."""
    caller, called = call.pair()
    leg = call.dial(caller, called)
    leave_message(call, leg, BUSY)
    call.result(called, "busy")
    call.story = f"{label(caller)} called {called.name}, who was busy, and reached voicemail."


def voicemail_always(call: CallBuilder) -> None:
    """All calls to a person go to voicemail, or no phone of theirs is connected."""
    caller, called = call.pair()
    leg = call.dial(caller, called)
    leave_message(call, leg, call.pick((ALWAYS, _UNAVAILABLE)))
    call.story = f"{label(caller)} called {called.name}, and reached voicemail at once."


def simultaneous_ring(call: CallBuilder) -> None:
    """A person's own phone and another number ring together; one of them answers."""
    (caller, called), other = call.pair(internal=0), call.outside("mobile")
    leg = call.dial(caller, called)
    second = call.redirect(leg, other, _SIMULTANEOUS)
    call.ring(3, 15, leg, second)
    if call.chance(0.6):
        call.answer(leg)
        call.end(second, called)
        winner: Party = called
    else:
        call.answer(second)
        call.result(called, "forwarded")
        winner = other
    call.talk()
    call.hang_up(caller, winner)
    call.story = f"{label(caller)} called {called.name}, {label(other)} rang as well, and {label(winner)} answered."


def sequential_ring(call: CallBuilder) -> None:
    """A person's own phone rings, and then other numbers one after the other."""
    (caller, called), other = call.pair(internal=0), call.outside("mobile")
    leg = call.dial(caller, called)
    call.ring(8, 14, leg)
    if call.chance(0.4):
        missed = call.redirect(leg, call.outside("national"), _SEQUENTIAL)
        call.ring(8, 14, missed)
        call.end(missed, called)
    onward = call.redirect(leg, other, _SEQUENTIAL)
    call.result(called, "forwarded")
    finish_talking(call, onward)
    call.story = f"{label(caller)} called {called.name}, and the call found {label(other)} in the end."


def executive_assistant(call: CallBuilder) -> None:
    """An executive's call rings at the assistant, who deals with it or pushes it to the executive."""
    (caller, executive), assistant = call.pair(internal=0), call.person()
    leg = call.dial(caller, executive)
    attempt = call.redirect(leg, assistant, _EXECUTIVE)
    call.ring(2, 10, attempt)
    call.answer(attempt)
    call.talk(40)
    call.result(executive, "forwarded")
    call.story = f"{label(caller)} called {executive.name}, and the assistant {assistant.name} answered."
    if call.chance(0.5):
        call.hang_up(caller, assistant)
        return
    pushed = call.redirect(attempt, executive, _PUSH)
    call.leave(attempt, attempt.called_view)
    call.result(assistant, "transferred_away")
    finish_talking(call, pushed)
    call.story = f"{call.story[:-1]} and passed the call on."


def assistant_on_behalf(call: CallBuilder) -> None:
    """An assistant calls somebody outside for an executive."""
    executive, assistant, called = call.person(), call.person(), call.outside()
    leg = call.dial(assistant, called, digits=f"#64{executive.extension}")
    leg.caller_view.fields["Related reason"] = "ExecutiveAssistantInitiateCall"
    leg.caller_view.fields["Caller ID number"] = executive.shown_number
    finish_talking(call, leg)
    call.story = f"{assistant.name} called {label(called)} for {executive.name}."


KINDS = (
    Kind("forward_always", 1, forward_always),
    Kind("forward_busy", 0.6, forward_busy),
    Kind("forward_no_answer", 1, forward_no_answer),
    Kind("forward_time_of_day", 0.3, forward_time_of_day),
    Kind("voicemail_no_answer", 3, voicemail_no_answer),
    Kind("voicemail_busy", 0.8, voicemail_busy),
    Kind("voicemail_always", 0.5, voicemail_always),
    Kind("simultaneous_ring", 0.5, simultaneous_ring),
    Kind("sequential_ring", 0.3, sequential_ring),
    Kind("executive_assistant", 0.3, executive_assistant),
    Kind("assistant_on_behalf", 0.1, assistant_on_behalf),
)
