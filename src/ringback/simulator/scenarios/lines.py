"""Calls over special lines: mobile, shared and virtual lines, workspaces, gateways, meetings, emergency calls."""

from __future__ import annotations

from ringback.simulator.builder import CallBuilder
from ringback.simulator.deliveries import Record
from ringback.simulator.parties import Outside, Party, Person
from ringback.simulator.scenarios.basic import conversation
from ringback.simulator.scenarios.kind import Kind, finish_talking, label

_MOBILE: Record = {
    "Client type": "SIP",
    "Client version": "",
    "Sub client type": "MOBILE_NETWORK",
    "Device MAC": "",
    "Model": "",
    "OS type": "na",
}
_NUMBER_SOURCES = ("ELIN Pool", "Workspace ELIN", "ECBN", "ECBN Fallback")


def mobile_in(call: CallBuilder) -> None:
    """A person answers on a mobile phone that is a phone of the organization (Webex Go)."""
    caller, called = call.pair()
    leg = call.dial(caller, called)
    leg.called_view.fields.update(_MOBILE)
    finish_talking(call, leg)
    call.story = f"{label(caller)} called {called.name}, who answered on the mobile phone."


def mobile_out(call: CallBuilder) -> None:
    """A person calls out on a mobile phone that is a phone of the organization (Webex Go)."""
    caller, called = call.person(), call.outside()
    leg = call.dial(caller, called)
    leg.caller_view.fields.update(_MOBILE)
    finish_talking(call, leg)
    call.story = f"{caller.name} called {label(called)} on the mobile phone."


def shared_line(call: CallBuilder) -> None:
    """A person's line is answered on a phone of somebody else, where it is shared."""
    (caller, called), owner = call.pair(), call.person()
    leg = call.dial(caller, called)
    leg.called_view.fields["Device owner UUID"] = owner.uuid
    finish_talking(call, leg)
    call.story = f"{label(caller)} called the line of {called.name}, which was answered on the phone of {owner.name}."


def virtual_line(call: CallBuilder) -> None:
    """Somebody calls a line that has no phone of its own, or a call is made from it."""
    _in_or_out(call, call.pick([line for line in call.org.virtual_lines if line.site is call.site]))


def workspace(call: CallBuilder) -> None:
    """Somebody calls a meeting room, or a call is made from there."""
    _in_or_out(call, call.pick([room for room in call.org.workspaces if room.site is call.site]))


def _in_or_out(call: CallBuilder, place: Person) -> None:
    if call.chance(0.6):
        conversation(call, call.caller() if place.number else call.colleague(), place)
    else:
        other: Party = call.outside() if call.chance(0.5) else call.colleague()
        conversation(call, place, other)


def local_gateway(call: CallBuilder) -> None:
    """A call goes over a local gateway, which has a record of its own."""
    if call.org.trunks:
        call.site = call.pick(call.org.trunks).site
    if call.chance(0.5):
        conversation(call, *call.pair(internal=0))
    else:
        conversation(call, call.person(), call.outside())


def emergency(call: CallBuilder) -> None:
    """A person calls the emergency service."""
    number = call.site.country.emergency
    caller = call.person()
    called = Outside(name="", number=number, call_type="SIP_EMERGENCY", digits=number)
    leg = call.dial(caller, called)
    leg.caller_view.fields["ELIN"] = call.site.main_number
    leg.caller_view.fields["Emergency number source"] = call.pick(_NUMBER_SOURCES)
    finish_talking(call, leg)
    call.story = f"{caller.name} called the emergency service."


def meeting(call: CallBuilder) -> None:
    """A person joins a meeting."""
    caller = call.person()
    room = f"2{call.rng.getrandbits(33):010}"
    called = Outside(name="", number=f"{room}@meet.example.com", call_type="SIP_MEETING", digits=room)
    leg = call.dial(caller, called)
    call.wait(0.3, 2)
    call.answer(leg)
    call.talk(1200)
    call.hang_up(caller)
    call.story = f"{caller.name} joined the meeting {room}."


KINDS = (
    Kind("mobile_in", 1.5, mobile_in),
    Kind("mobile_out", 1.5, mobile_out),
    Kind("shared_line", 0.7, shared_line),
    Kind("virtual_line", 0.7, virtual_line),
    Kind("workspace", 1, workspace),
    Kind("local_gateway", 1.5, local_gateway),
    Kind("emergency", 0.02, emergency),
    Kind("meeting", 1.5, meeting),
)
