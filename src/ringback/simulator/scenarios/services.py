"""Calls that a service takes: attendants, the contact centre, paging, fax, the voicemail portal."""

from __future__ import annotations

from ringback.simulator.builder import DEFLECTION, HUNT, NO_ANSWER, UNRECOGNISED, CallBuilder, Why
from ringback.simulator.legs import Leg
from ringback.simulator.parties import Party, Service
from ringback.simulator.scenarios.kind import Kind, finish_talking, label, leave_message

_NO_REASON: Why = (UNRECOGNISED, UNRECOGNISED)
_INTENTS = ("billing question", "opening hours", "new order", "repair")


def _menu(call: CallBuilder, caller: Party, attendant: Service) -> Leg:
    """An attendant answers, and the caller listens to the menu."""
    leg = call.dial(caller, attendant)
    call.wait(0.2, 0.6)
    call.answer(leg)
    call.wait(4, 25)
    return leg


def _pass_on(call: CallBuilder, leg: Leg, to: Party) -> Leg:
    """The attendant passes the call on, and is gone."""
    onward = call.redirect(leg, to, DEFLECTION)
    call.leave(leg, leg.called_view)
    return onward


def attendant_to_person(call: CallBuilder) -> None:
    """The caller presses a key, and reaches a person."""
    caller, attendant, person = call.outside_caller(), call.service(call.org.attendants), call.person()
    leg = _menu(call, caller, attendant)
    key = call.pick("1234560")
    leg.called_view.fields["Auto Attendant Key Pressed"] = key
    onward = _pass_on(call, leg, person)
    began = f"{label(caller)} called {attendant.name}, and pressed {key} for {person.name}"
    if call.chance(0.8):
        finish_talking(call, onward)
        call.story = f"{began}; they talked."
    else:
        call.ring(14, 22, onward)
        leave_message(call, onward, NO_ANSWER)
        call.story = f"{began}, and reached voicemail."


def attendant_to_group(call: CallBuilder) -> None:
    """The caller presses a key, and reaches a hunt group, where one member answers."""
    caller, attendant = call.outside_caller(), call.service(call.org.attendants)
    group = call.service([group for group in call.org.hunt_groups if group.sequential])
    leg = _menu(call, caller, attendant)
    leg.called_view.fields["Auto Attendant Key Pressed"] = "2"
    onward = _pass_on(call, leg, group)
    finish_talking(call, call.redirect(onward, group.members[0], HUNT))
    call.story = f"{label(caller)} called {attendant.name}, pressed 2, and reached {group.members[0].name}."


def attendant_abandoned(call: CallBuilder) -> None:
    """The caller hangs up in the menu."""
    caller, attendant = call.outside_caller(), call.service(call.org.attendants)
    _menu(call, caller, attendant)
    call.hang_up(caller)
    call.outcome = "cancelled"
    call.story = f"{label(caller)} called {attendant.name}, and hung up in the menu."


def ai_receptionist(call: CallBuilder) -> None:
    """A receptionist who is a machine understands what the caller wants, or does not, and passes the call on."""
    caller, receptionist, person = call.outside_caller(), call.service(call.org.receptionists), call.person()
    leg = _menu(call, caller, receptionist)
    onward = _pass_on(call, leg, person)
    if call.chance(0.8):
        kind, context = "AI Receptionist Deflection By Intent", call.pick(_INTENTS)
    else:
        kind, context = "AI Receptionist Deflection By Default", ""
    for view in (leg.called_view, onward.caller_view):
        view.fields["Transfer type"] = kind
        view.fields["Transfer type context"] = context
    finish_talking(call, onward)
    wish = f"asked for {context}" if context else "was not understood"
    call.story = f"{label(caller)} called {receptionist.name}, {wish}, and reached {person.name}."


def contact_centre(call: CallBuilder) -> None:
    """A call enters the contact centre over an anchor, and an agent takes it, in some cases asking another one."""
    caller, anchor = call.outside_caller(), call.service(call.org.anchors)
    agent, other = call.person(), call.person()
    leg = call.dial(caller, anchor)
    call.wait(0.2, 0.6)
    call.answer(leg)
    call.wait(5, 60)
    served = call.redirect(leg, agent, _NO_REASON)
    call.ring(1, 8, served)
    call.answer(served)
    call.talk(150)
    call.story = f"{label(caller)} called the contact centre, and {agent.name} answered."
    if call.chance(0.25):
        asked = call.dial(agent, other)
        call.ring(1, 8, asked)
        call.answer(asked)
        call.talk(30)
        merged = "Yes" if call.chance(0.5) else "No"
        for view in (asked.caller_view, asked.called_view):
            view.fields["WxCC consult merge status"] = merged
        call.interaction(leg, served, asked)
        if merged == "Yes":
            asked.taken_over_by = caller  # all three talk
        else:
            call.end(asked, agent)
        call.talk(30)
        call.final_party = agent
        call.story = f"{call.story[:-1]}, after asking {other.name}."
    call.hang_up(caller, agent)


def paging(call: CallBuilder) -> None:
    """A person speaks to all phones of a paging group, which answer by themselves."""
    speaker, group = call.person(), call.service(call.org.paging_groups)
    leg = call.dial(speaker, group)
    call.wait(0.1, 0.4)
    call.answer(leg)
    targets = [member for member in group.members if member is not speaker]
    for target in targets:
        page = call.redirect(leg, target, _NO_REASON)
        call.answer(page)
        page.called_view.fields["Answer reason"] = "Auto Answer"
    call.wait(4, 40)
    call.hang_up(speaker)
    call.story = f"{speaker.name} spoke to {len(targets)} phones of {group.name}."


def fax(call: CallBuilder) -> None:
    """A fax machine outside sends a fax to a fax box."""
    caller, box = call.outside(), call.service(call.org.fax_boxes)
    leg = call.dial(caller, box)
    leg.called_view.fields["Related reason"] = "FaxDeposit"
    call.wait(0.5, 3)
    call.answer(leg)
    call.wait(20, 240)
    call.hang_up(caller)
    call.outcome = "voicemail"
    call.story = f"{label(caller)} sent a fax to {box.name}."


def voicemail_retrieval(call: CallBuilder) -> None:
    """A person listens to messages at the voice portal."""
    person, portal = call.person(), call.service(call.org.voice_portals)
    leg = call.dial(person, portal, digits="*86")
    call.wait(0.2, 1)
    call.answer(leg)
    call.wait(10, 180)
    call.hang_up(person)
    call.outcome = "voicemail"
    call.story = f"{person.name} listened to messages."


KINDS = (
    Kind("attendant_to_person", 3, attendant_to_person),
    Kind("attendant_to_group", 1.5, attendant_to_group),
    Kind("attendant_abandoned", 0.6, attendant_abandoned),
    Kind("ai_receptionist", 0.8, ai_receptionist),
    Kind("contact_centre", 1, contact_centre),
    Kind("paging", 0.1, paging),
    Kind("fax", 0.3, fax),
    Kind("voicemail_retrieval", 1.5, voicemail_retrieval),
)
