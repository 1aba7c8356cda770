"""Calls to hunt groups and queues.

The caller's leg reaches the service; for each member that rings, the service makes a leg of its own, which names the
first one as related. Answered, for a queue, means that the queue took the call.
"""

from __future__ import annotations

from ringback.simulator.builder import DEFLECTION, HUNT, QUEUE, CallBuilder
from ringback.simulator.legs import Leg
from ringback.simulator.parties import Party, Person, Service
from ringback.simulator.scenarios.kind import Kind, label, leave_message


def _hunt_group(call: CallBuilder, *, sequential: bool) -> Service:
    return call.service([group for group in call.org.hunt_groups if group.sequential is sequential])


def _try(call: CallBuilder, leg: Leg, member: Person) -> None:
    """A member does not take the call: the phone rings for nothing, or the member is on the phone."""
    attempt = call.redirect(leg, member, HUNT)
    if call.chance(0.2):
        call.fail(attempt, "Success", "UserBusy")
        call.result(member, "busy")
        return
    call.ring(8, 14, attempt)
    call.end(attempt, leg.called)


def hunt_sequential(call: CallBuilder) -> None:
    """The members ring one after the other until one answers."""
    group, caller = _hunt_group(call, sequential=True), call.caller()
    leg = call.dial(caller, group)
    members = [member for member in group.members if member is not caller]
    tries = int(call.rng.random() * min(4, len(members)))
    for member in members[:tries]:
        _try(call, leg, member)
    agent = members[tries]
    attempt = call.redirect(leg, agent, HUNT)
    call.ring(2, 12, attempt)
    call.answer(attempt)
    call.talk()
    call.hang_up(caller, agent)
    call.story = f"{label(caller)} called {group.name}, and {agent.name} answered as number {tries + 1} of the group."


def hunt_sequential_unanswered(call: CallBuilder) -> None:
    """The members ring one after the other, and nobody answers."""
    group, caller = _hunt_group(call, sequential=True), call.caller()
    leg = call.dial(caller, group)
    members = [member for member in group.members if member is not caller]
    for member in members:
        _try(call, leg, member)
    # The last phone rings when the caller gives up, so that the call was missed and not only busy everywhere.
    attempt = call.redirect(leg, members[0], HUNT)
    call.ring(3, 12, attempt)
    call.result(members[0], "missed")
    call.hang_up(caller)
    call.outcome = "missed"
    call.story = f"{label(caller)} called {group.name}; everybody was tried, and nobody answered."


def _ring_all(call: CallBuilder, leg: Leg, group: Service, caller: Party) -> list[Leg]:
    attempts = [call.redirect(leg, member, HUNT) for member in group.members if member is not caller]
    call.ring(3, 20, *attempts)
    return attempts


def hunt_simultaneous(call: CallBuilder) -> None:
    """All members ring at once, and the first one to answer gets the call."""
    group, caller = _hunt_group(call, sequential=False), call.caller()
    leg = call.dial(caller, group)
    attempts = _ring_all(call, leg, group, caller)
    winner = call.pick(attempts)
    call.answer(winner)
    for attempt in attempts:
        if attempt is not winner:
            call.answered_elsewhere(attempt)
    call.talk()
    call.hang_up(caller, winner.called)
    call.story = f"{label(caller)} called {group.name}, all phones rang, and {label(winner.called)} answered first."


def hunt_simultaneous_unanswered(call: CallBuilder) -> None:
    """All members ring at once, and the caller gives up."""
    group, caller = _hunt_group(call, sequential=False), call.caller()
    leg = call.dial(caller, group)
    _ring_all(call, leg, group, caller)
    call.hang_up(caller)
    call.outcome = "missed"
    call.story = f"{label(caller)} called {group.name}, all phones rang, and nobody answered."


def _enter(call: CallBuilder, leg: Leg, queue: Service) -> int:
    """The queue takes the call; gives the time."""
    call.wait(0.1, 0.6)
    call.answer(leg)
    leg.called_view.fields["Queue type"] = queue.queue_type
    return call.now


def _offer(call: CallBuilder, leg: Leg, queue: Service, agent: Person) -> Leg:
    """The queue offers the call to an agent, whose phone rings."""
    attempt = call.redirect(leg, agent, QUEUE)
    attempt.caller_view.fields["Queue type"] = queue.queue_type
    call.ring(3, 14, attempt)
    return attempt


def _serve(call: CallBuilder, leg: Leg, queue: Service, caller: Party) -> Person:
    """The caller waits until an agent answers; gives the agent."""
    since = _enter(call, leg, queue)
    call.wait(1, 120)
    agents = [member for member in queue.members if member is not caller]
    call.rng.shuffle(agents)
    while len(agents) > 1 and call.chance(0.3):
        call.end(_offer(call, leg, queue, agents.pop()), queue)
        call.wait(0.5, 20)
    attempt = _offer(call, leg, queue, agents[-1])
    call.answer(attempt)
    call.queued(since)
    call.talk(180)
    return agents[-1]


def queue_answered(call: CallBuilder) -> None:
    """The caller waits, and an agent answers."""
    queue, caller = call.service(call.org.queues), call.caller()
    leg = call.dial(caller, queue)
    agent = _serve(call, leg, queue, caller)
    call.hang_up(caller, agent)
    call.story = f"{label(caller)} waited in {queue.name}, and {agent.name} answered."


def queue_abandoned(call: CallBuilder) -> None:
    """The caller loses patience, in some cases while an agent's phone rings."""
    queue, caller = call.service(call.org.queues), call.caller()
    leg = call.dial(caller, queue)
    since = _enter(call, leg, queue)
    call.wait(3, 200)
    if call.chance(0.4):
        _offer(call, leg, queue, call.pick([member for member in queue.members if member is not caller]))
    call.queued(since)
    call.hang_up(caller)
    call.outcome = "abandoned_in_queue"
    call.story = f"{label(caller)} waited in {queue.name}, and gave up."


def queue_overflow(call: CallBuilder) -> None:
    """Nobody in the queue is free for too long; the call goes to another queue, a person, or voicemail."""
    queue, caller = call.service(call.org.queues), call.caller()
    leg = call.dial(caller, queue)
    since = _enter(call, leg, queue)
    call.wait(60, 180)
    call.queued(since)
    began = f"{label(caller)} waited in {queue.name} for too long"
    others = [other for other in call.org.queues if other is not queue]
    draw = call.rng.random()
    if draw < 0.4:
        other = call.service(others)
        agent = _serve(call, call.redirect(leg, other, DEFLECTION), other, caller)
        call.hang_up(caller, agent)
        call.story = f"{began}, went on to {other.name}, and {agent.name} answered."
    elif draw < 0.75:
        person = call.person()
        onward = call.redirect(leg, person, DEFLECTION)
        call.ring(2, 12, onward)
        call.answer(onward)
        call.talk()
        call.hang_up(caller, person)
        call.story = f"{began}, and {person.name} took the call."
    else:
        leave_message(call, leg, DEFLECTION)
        call.story = f"{began}, and left a message."


KINDS = (
    Kind("hunt_sequential", 2.5, hunt_sequential),
    Kind("hunt_sequential_unanswered", 0.4, hunt_sequential_unanswered),
    Kind("hunt_simultaneous", 2.5, hunt_simultaneous),
    Kind("hunt_simultaneous_unanswered", 0.5, hunt_simultaneous_unanswered),
    Kind("queue_answered", 5, queue_answered),
    Kind("queue_abandoned", 1, queue_abandoned),
    Kind("queue_overflow", 0.5, queue_overflow),
)
