"""The kinds of calls that the simulated PBX has, each as a function that builds one session."""

from __future__ import annotations

from collections.abc import Callable

from ringback.simulator.pbx.builder import (
    GROUP,
    GROUP_NAME,
    MENU,
    MENU_NAME,
    QUEUE,
    QUEUE_NAME,
    Party,
    Session,
)

Kind = Callable[[Session], None]

_QUEUE = Party(number=QUEUE, name=QUEUE_NAME)
_GROUP = Party(number=GROUP, name=GROUP_NAME)
_MENU = Party(number=MENU, name=MENU_NAME)
_HANG_UPS = ("CALLER_DISCONNECTED", "CALLEE_DISCONNECTED")
_FORWARDS = (
    "FORWARDING_UNCONDITIONAL",
    "FORWARDING_BUSY",
    "FORWARDING_NO_ANSWER",
    "FORWARDING_NOT_REACHABLE",
    "FORWARDING_EXCEPTION",
    "FORWARDING_LUNCH",
    "FORWARDING_BUSINESS_TRIP",
    "FORWARDING_AWAY",
    "FORWARDING_NIGHT_MODE",
    "REDIRECT",
)


def _hang_up(session: Session) -> str:
    return session.rng.choice(_HANG_UPS)


def inside(session: Session) -> None:
    """One extension calls another, who answers."""
    caller, callee = session.people(2)
    session.leg(caller, callee, ring=session.ring(), talk=session.talk(), end=_hang_up(session))


def inside_unanswered(session: Session) -> None:
    """One extension calls another in vain: the other is busy, declines, or does not come to the phone."""
    caller, callee = session.people(2)
    ring, status, end = session.rng.choice(
        [
            (None, 486, ""),
            (session.ring(), 486, ""),
            (4.0, 603, ""),
            (30.0, 480, ""),
            (session.ring(), 487, "CANCELLED"),
        ]
    )
    session.leg(caller, callee, ring=ring, status=status, end=end)


def inbound(session: Session) -> None:
    """Somebody outside calls an extension, who answers, perhaps on one of several phones."""
    (callee,) = session.people(1)
    session.fork(
        session.outsider(), [callee] * callee.phones, at=0, talk=session.talk(), end=_hang_up(session), service=""
    )


def inbound_unanswered(session: Session) -> None:
    """Somebody outside calls an extension in vain."""
    (callee,) = session.people(1)
    ring, status, end = session.rng.choice(
        [(session.ring(), 487, "CANCELLED"), (None, 486, ""), (3.0, 603, ""), (None, 480, ""), (30.0, 408, "")]
    )
    session.leg(session.outsider(), callee, ring=ring, status=status, end=end)


def outbound(session: Session) -> None:
    """An extension calls somebody outside, who answers; now and then a program made the call."""
    (caller,) = session.people(1)
    data = f"order={session.rng.randrange(10_000)}" if session.rng.random() < 0.1 else ""
    session.leg(caller, session.outsider(), ring=session.ring(), talk=session.talk(), end=_hang_up(session), data=data)


def outbound_unanswered(session: Session) -> None:
    """An extension calls somebody outside in vain."""
    (caller,) = session.people(1)
    ring, status, end = session.rng.choice(
        [(session.ring(), 487, "CANCELLED"), (None, 486, ""), (None, 404, ""), (None, 503, "")]
    )
    session.leg(caller, session.outsider(), ring=ring, status=status, end=end)


def forwarded_outside(session: Session) -> None:
    """A call for an extension is led to a number outside, where it is answered or not."""
    caller, (callee,) = session.outsider(), session.people(1)
    session.leg(caller, callee, end="REDIRECTED")
    answered = session.rng.random() < 0.7
    session.leg(
        caller,
        session.outsider(),
        at=0.05,
        ring=session.ring(),
        talk=session.talk() if answered else None,
        status=0 if answered else 487,
        end=_hang_up(session) if answered else "CANCELLED",
        reroute=session.rng.choice(_FORWARDS),
    )


def ring_group(session: Session) -> None:
    """A group rings several at once; one of them answers, or none does."""
    caller, members = session.outsider(), session.people(session.rng.randint(2, 5))
    if session.rng.random() < 0.75:
        session.fork(caller, members, at=0, talk=session.talk(), end=_hang_up(session), service=GROUP)
        return
    ring = session.ring()
    for member in members:
        session.leg(caller, member, ring=ring, status=487, end="CANCELLED", service=GROUP)


def queue(session: Session) -> None:
    """A queue keeps the caller waiting, perhaps after a menu; agents decline until one answers."""
    caller, agents = session.outsider(), session.people(session.rng.randint(1, 4))
    at = 0.0
    if session.rng.random() < 0.4:
        at = session.leg(caller, _MENU, ring=0.0, talk=session.rng.uniform(4, 20), end="REFERRED")
    waiting = session.leg(
        caller, _QUEUE, at=at, ring=0.0, talk=session.rng.uniform(5, 300), end="REFERRED", service=QUEUE
    )
    for agent in agents[1:]:
        session.leg(caller, agent, at=max(at, waiting - 5), ring=2.0, status=488, service=QUEUE)
    session.leg(
        caller,
        agents[0],
        at=max(at, waiting - 3),
        ring=3.0,
        talk=session.talk(),
        end=_hang_up(session),
        service=QUEUE,
    )


def queue_left(session: Session) -> None:
    """A caller leaves a queue: by hanging up, or by a key that leads elsewhere; or the queue is full."""
    caller = session.outsider()
    reason = session.rng.choice(("QUEUE_ABANDONED", "QUEUE_EXIT", "CAPACITY_BLOCKED", "OVERFLOW"))
    if reason == "QUEUE_ABANDONED":
        waited = session.rng.uniform(5, 400)
        session.leg(caller, _QUEUE, ring=0.0, talk=waited, end="CALLER_DISCONNECTED", reroute=reason, service=QUEUE)
        return
    waited = session.leg(caller, _QUEUE, ring=0.0, talk=session.rng.uniform(5, 400), end="REDIRECTED", service=QUEUE)
    (other,) = session.people(1)
    session.leg(
        caller,
        other,
        at=waited,
        ring=session.ring(),
        talk=session.talk(),
        end=_hang_up(session),
        reroute=reason,
        service=QUEUE,
    )


def blind_transfer(session: Session) -> None:
    """Who answered sends the caller on without asking."""
    caller, (first, second) = session.outsider(), session.people(2)
    sent_on = session.leg(caller, first, ring=session.ring(), talk=session.talk(), end="BLIND_TRANSFER_COMPLETED")
    session.leg(
        caller,
        second,
        at=sent_on,
        ring=session.ring(),
        talk=session.talk(),
        end=_hang_up(session),
        reroute="TRANSFER",
    )


def consulted_transfer(session: Session) -> None:
    """Who answered asks somebody first, and then sends the caller on."""
    caller, (first, second) = session.outsider(), session.people(2)
    before, asking = session.rng.uniform(10, 60), session.rng.uniform(5, 40)
    ring = session.ring()
    joined = session.leg(caller, first, ring=ring, talk=before + 3 + asking, end="CONSULT_TRANSFER_COMPLETED")
    session.leg(first, second, at=ring + before, ring=3.0, talk=asking, end="REPLACED")
    session.leg(caller, second, at=joined, ring=0.0, talk=session.talk(), end=_hang_up(session), reroute="TRANSFER")


def picked_up(session: Session) -> None:
    """A call rings at one extension, and another picks it up."""
    caller, (rung, picker) = session.outsider(), session.people(2)
    ring = session.ring()
    session.leg(caller, rung, ring=ring, end="REPLACED")
    session.leg(caller, picker, at=ring, ring=0.0, talk=session.talk(), end=_hang_up(session))


KINDS: dict[Kind, float] = {
    inside: 20,
    inside_unanswered: 8,
    inbound: 20,
    inbound_unanswered: 10,
    outbound: 18,
    outbound_unanswered: 6,
    forwarded_outside: 4,
    ring_group: 5,
    queue: 6,
    queue_left: 3,
    blind_transfer: 3,
    consulted_transfer: 2,
    picked_up: 2,
}
"""All kinds, with how often each is among a hundred or so."""
