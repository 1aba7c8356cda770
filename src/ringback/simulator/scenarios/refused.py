"""Calls that come to nothing at once: busy, declined, blocked, failed."""

from __future__ import annotations

from ringback.simulator.builder import CallBuilder
from ringback.simulator.parties import Party
from ringback.simulator.scenarios.kind import Kind, label

_UNREACHABLE = (
    ("Refusal", "Unreachable"),
    ("Refusal", "UserAbsent"),
    ("Refusal", "TemporarilyUnavailable"),
    ("Refusal", "SIP480"),
    ("Refusal", "InternalRequestTimeout"),
    ("Failure", "Internal"),
    ("Failure", "MaxConcurrentTerminatingAlertingRequestsExceeded"),
)
_NETWORK_FAILURES = (
    ("Refusal", "UnassignedNumber"),
    ("Refusal", "NoUserResponse"),
    ("Refusal", "SIP408"),
    ("Refusal", "Q850102ServerTimeout"),
    ("Refusal", "LocalGatewayLoop"),
    ("Failure", "DestinationOutOfOrder"),
    ("Failure", "NoRouteToDestination"),
    ("Failure", "ProtocolError"),
    ("Failure", "SIP501"),
    ("Failure", "SIP503"),
    ("Failure", "SIP606"),
)


def busy_internal(call: CallBuilder) -> None:
    """A colleague is on the phone."""
    _busy(call, call.person(), call.colleague())


def busy_in(call: CallBuilder) -> None:
    """Somebody outside calls a person who is on the phone."""
    _busy(call, *call.pair(internal=0))


def busy_out(call: CallBuilder) -> None:
    """The number called outside is busy."""
    _busy(call, call.person(), call.outside())


def _busy(call: CallBuilder, caller: Party, called: Party) -> None:
    leg = call.dial(caller, called)
    call.wait(0.1, 0.8)
    call.fail(leg, "Success", "UserBusy", "busy")
    call.outcome = "busy"
    call.story = f"{label(caller)} called {label(called)}, who was busy."


def rejected(call: CallBuilder) -> None:
    """The called person sees who calls, and declines."""
    caller, called = call.pair()
    leg = call.dial(caller, called)
    call.ring(1, 8, leg)
    call.fail(leg, "Refusal", "CallRejected", "rejected")
    call.outcome = "rejected"
    call.story = f"{label(caller)} called {called.name}, who declined."


def blocked_in(call: CallBuilder) -> None:
    """The caller's number is on a block list, the organization's or the person's own."""
    _blocked(call, *call.pair(internal=0), call.pick(("AdminCallBlock", "UserCallBlock")))


def blocked_out(call: CallBuilder) -> None:
    """A person calls a number that the organization does not permit."""
    _blocked(call, call.person(), call.outside("international"), "AdminCallBlock")


def _blocked(call: CallBuilder, caller: Party, called: Party, reason: str) -> None:
    leg = call.dial(caller, called)
    call.wait(0.05, 0.2)
    call.fail(leg, "Refusal", reason, "blocked")
    call.outcome = "rejected"
    call.story = f"{label(caller)} called {label(called)}, and the call was blocked."


def blocked_reputation(call: CallBuilder) -> None:
    """A caller with a bad reputation is turned away before the phone rings."""
    caller, called = call.pair(internal=0)
    leg = call.dial(caller, called)
    leg.called_view.fields.update(
        {
            "Caller Reputation Score": call.pick(("0.2", "0.7", "1.1")),
            "Caller Reputation Service Result": call.pick(("block", "captcha-block")),
            "Caller Reputation Score Reason": "Nuisance caller",
        }
    )
    call.wait(0.1, 6)
    call.fail(leg, "Refusal", "CallRejected", "blocked")
    call.outcome = "rejected"
    call.story = f"{label(caller)} called {called.name}, and was turned away for a bad reputation."


def failed_out(call: CallBuilder) -> None:
    """The network cannot deliver a call."""
    caller, called = call.person(), call.outside(call.pick(("national", "international")))
    leg = call.dial(caller, called)
    call.wait(0.2, 10)
    if call.site.pstn.trunk and call.chance(0.3):
        leg.caller_view.fields["Route list calls overage"] = call.pick(("1", "2", "5"))
        outcome, reason = "Failure", "RouteListCalls"
    else:
        outcome, reason = call.pick(_NETWORK_FAILURES)
    call.fail(leg, outcome, reason, "failed")
    call.outcome = "failed"
    call.story = f"{caller.name} called {label(called)}, and the call failed ({reason})."


def failed_in(call: CallBuilder) -> None:
    """A person's phones cannot be reached."""
    caller, called = call.pair()
    leg = call.dial(caller, called)
    call.wait(0.2, 5)
    outcome, reason = call.pick(_UNREACHABLE)
    call.fail(leg, outcome, reason, "failed")
    call.outcome = "failed"
    call.story = f"{label(caller)} called {called.name}, whose phone could not be reached ({reason})."


KINDS = (
    Kind("busy_internal", 1, busy_internal),
    Kind("busy_in", 0.5, busy_in),
    Kind("busy_out", 1, busy_out),
    Kind("rejected", 1, rejected),
    Kind("blocked_in", 0.4, blocked_in),
    Kind("blocked_out", 0.2, blocked_out),
    Kind("blocked_reputation", 0.2, blocked_reputation),
    Kind("failed_out", 1, failed_out),
    Kind("failed_in", 0.4, failed_in),
)
