"""A PortSIP call log as legs, and a leg of any source as a call log.

The rules are those of the tables in `docs/mapping.md`; the dictionaries below are these tables. A call log is one
attempt to reach somebody. It is told from the called side, except for outgoing calls, whose called side is no user of
the PBX.

PortSIP's documentation names the words of its fields and says little of what they mean, so what they become is our
reading of them. SIP statuses are matched to outcomes as RFC 3398 matches them to the causes of the telephone network.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from ringback.records.leg import Leg
from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.fields import CallLogDirection, EndReason, RerouteReason

_Side = Literal["originating", "terminating"]

_INSIDE = "SIP_ENTERPRISE"
"""Call type of a call between extensions."""

_FROM_OUTSIDE = "SIP_INBOUND"
"""Call type of a call that came in by a trunk."""

_TO_OUTSIDE = "UNKNOWN"
"""Call type of a call that went out by a trunk; the row does not say to where."""

_WAY_OUT = "LocalGateway"
"""User type of a called side that is a trunk."""

_SERVICE = "RoutePoint"
"""User type of a called side that is a queue or ring group; the row does not say which."""

_DIRECTIONS: dict[CallLogDirection | None, tuple[_Side, str, str | None]] = {
    CallLogDirection.inbound: ("terminating", _FROM_OUTSIDE, None),
    CallLogDirection.outbound: ("originating", _TO_OUTSIDE, None),
    CallLogDirection.extension: ("terminating", _INSIDE, None),
    CallLogDirection.inbound_outbound: ("terminating", _FROM_OUTSIDE, _WAY_OUT),
}

_SERVICES = frozenset((_SERVICE, "HuntGroup", "CallCenterStandard", "CallCenterPremium"))

_NO_ERROR, _MOVED = 0, 302

_REASONS = {486: "UserBusy", 487: "Normal", 603: "CallRejected", 404: "UnassignedNumber"}
"""The outcome reason of an unanswered attempt, for statuses that have a word; the others are `SIP` and the status."""

_STATUSES = {reason: status for status, reason in _REASONS.items()} | {
    "NoAnswer": 480,
    "NoAnswerFromUser": 480,
    "TemporarilyUnavailable": 480,
    "Unreachable": 480,
    "UserAbsent": 480,
    "NoUserResponse": 408,
    "InternalRequestTimeout": 408,
    "Q850102ServerTimeout": 504,
    "AdminCallBlock": 403,
    "UserCallBlock": 403,
    "LocalGatewayLoop": 482,
    "NoRouteToDestination": 404,
    "DestinationOutOfOrder": 502,
    "ProtocolError": 500,
    "Internal": 500,
    "MaxConcurrentTerminatingAlertingRequestsExceeded": 503,
    "RouteListCalls": 503,
}

_STATUS = re.compile(r"SIP([13-6]\d\d)", re.ASCII)

_REDIRECT_REASONS = {
    RerouteReason.transfer: "Deflection",
    RerouteReason.redirect: "Deflection",
    RerouteReason.overflow: "CallQueue",
    RerouteReason.queue_exit: "CallQueue",
    RerouteReason.queue_abandoned: "CallQueue",
    RerouteReason.capacity_blocked: "Unavailable",
    RerouteReason.forwarding_unconditional: "Unconditional",
    RerouteReason.forwarding_busy: "UserBusy",
    RerouteReason.forwarding_no_answer: "NoAnswer",
    RerouteReason.forwarding_not_reachable: "Unavailable",
    RerouteReason.forwarding_exception: "Unknown",
    RerouteReason.forwarding_lunch: "TimeOfDay",
    RerouteReason.forwarding_business_trip: "FollowMe",
    RerouteReason.forwarding_away: "FollowMe",
    RerouteReason.forwarding_night_mode: "TimeOfDay",
}

_REROUTE_REASONS = {
    "Deflection": RerouteReason.transfer,
    "Unavailable": RerouteReason.forwarding_not_reachable,
    "Unconditional": RerouteReason.forwarding_unconditional,
    "UserBusy": RerouteReason.forwarding_busy,
    "NoAnswer": RerouteReason.forwarding_no_answer,
    "TimeOfDay": RerouteReason.forwarding_night_mode,
    "FollowMe": RerouteReason.forwarding_away,
}

_BY_A_SERVICE = frozenset((None, "CallQueue", "HuntGroup"))
"""Redirect reasons with which a Redirecting number is that of a service, and not that of a user who forwards."""

_CONSULTATION = "ConsultativeTransfer"

_TRANSFERRED = frozenset((EndReason.blind_transfer_completed, EndReason.consult_transfer_completed, EndReason.referred))


def leg_of_call_log(log: CallLog, org: str, record_id: str) -> Leg:
    """The leg that a call log is told from: of the called side, or of the caller if the call goes out.

    Args:
        org, record_id: those that the ledger keeps it under.
    """
    side, _, _ = _way(log)
    return _leg(log, org, record_id, side)


def legs_of_call_log(log: CallLog, org: str, record_id: str) -> list[Leg]:
    """The legs of all users in a call log: that of `leg_of_call_log`, and in a call between extensions the caller's.

    Both legs have the record id of the call log, and share a network call id.
    """
    legs = [leg_of_call_log(log, org, record_id)]
    if log.direction is CallLogDirection.extension:
        # Why the call came to the called side is no matter of the caller's.
        legs.append(msgspec.structs.replace(_leg(log, org, record_id, "originating"), redirect_reason=None))
    return legs


def call_log_of_leg(leg: Leg) -> CallLog:
    """A leg of any source as a call log, with the leg's record id as its id.

    Like every call log it says by `answered_at` alone whether it was answered.
    """
    direction = _direction(leg)
    called = leg.side == "terminating" and direction is not CallLogDirection.outbound
    return CallLog(
        id=leg.record_id,
        session_id=leg.correlation_id,
        caller=leg.calling_number,
        caller_display_name=leg.calling_name,
        callee=leg.called_number,
        callee_display_name=leg.called_name,
        started_at=leg.start_time,
        rang_at=_rang_at(leg),
        answered_at=leg.answer_time,
        ended_at=leg.release_time or leg.transfer_time,
        call_id=leg.call_id,
        direction=direction,
        end_reason=_end_reason(leg, called),
        reroute_reason=_REROUTE_REASONS.get(leg.redirect_reason or ""),
        status_code=_status(leg),
        outbound_caller_id=leg.shown_number_outside,
        did_cid=leg.dialed_digits if called else None,
        trunk=_trunk(leg),
        duration=leg.duration,
        service_number=_service_number(leg) if called else None,
    )


def _way(log: CallLog) -> tuple[_Side, str | None, str | None]:
    """The side that a call log is told from, its call type, and the user type of the called side."""
    # Of a direction that nobody knows, the called side is taken to be the user: better an entry too many than none.
    return _DIRECTIONS.get(log.direction, ("terminating", None, None))


def _leg(log: CallLog, org: str, record_id: str, side: _Side) -> Leg:
    _, call_type, called_type = _way(log)
    outgoing = side == "originating"
    number, domain, name = (
        (log.caller, log.caller_domain, log.caller_display_name)
        if outgoing
        else (log.callee, log.callee_domain, log.callee_display_name)
    )
    if outgoing:
        user_type = None
    elif called_type is None and log.service_number and log.service_number == log.callee:
        user_type = _SERVICE
    else:
        user_type = called_type
    if user_type == _WAY_OUT:
        number = domain = name = None
    answered = _answered(log)
    outcome, outcome_reason = _outcome(log)
    redirect_reason = None
    if log.reroute_reason is not None:
        redirect_reason = _REDIRECT_REASONS.get(log.reroute_reason, "Unrecognized")
    through_service = not outgoing and user_type != _SERVICE and redirect_reason in _BY_A_SERVICE
    return Leg(
        org=org,
        record_id=record_id,
        side=side,
        correlation_id=log.session_id,
        call_id=log.call_id,
        network_call_id=record_id,
        user_id=_user_id(number, domain),
        user_name=name,
        user_number=number,
        user_type=user_type,
        calling_number=log.caller,
        calling_name=log.caller_display_name,
        called_number=log.callee,
        called_name=log.callee_display_name,
        dialed_digits=None if outgoing else log.did_cid,
        shown_number_outside=log.outbound_caller_id,
        redirecting_number=log.service_number if through_service else None,
        start_time=log.started_at,
        answer_time=log.answered_at,
        transfer_time=log.ended_at if log.end_reason in _TRANSFERRED else None,
        release_time=log.ended_at,
        report_time=log.report_time,
        duration=log.duration,
        ring_duration=_ring_duration(log),
        answered=answered,
        answer_indicator=None if answered is None else "Yes" if answered else "No",
        # A call that was replaced before its answer was taken by somebody else: picked up.
        answered_elsewhere=not outgoing and log.end_reason is EndReason.replaced and answered is False,
        outcome=outcome,
        outcome_reason=outcome_reason,
        released_by=_released_by(log, side),
        redirect_reason=redirect_reason,
        related_reason=_CONSULTATION if log.end_reason is EndReason.consult_transfer_completed else None,
        call_type=call_type,
        inbound_trunk=None if outgoing else log.trunk,
        outbound_trunk=log.trunk if outgoing else None,
    )


def _user_id(number: str | None, domain: str | None) -> str | None:
    """`extension@domain`, since an extension may exist in several domains; one user, whatever case it comes in."""
    if not number:
        return None
    return number.lower() if not domain or "@" in number else f"{number}@{domain}".lower()


def _answered(log: CallLog) -> bool | None:
    """Whether it was answered; None if the row says so in a way that cannot be read."""
    # Not by the duration: it may be that of the session, and stand in the rows of phones that only rang, too.
    return None if "answered_at" in log.odd else log.answered_at is not None


def _ring_duration(log: CallLog) -> int | None:
    until = log.answered_at or log.ended_at
    if until is None or log.rang_at is None or log.rang_at > until:
        return None
    return (until - log.rang_at) // timedelta(seconds=1)


def _outcome(log: CallLog) -> tuple[str | None, str | None]:
    """Call outcome and its reason."""
    status = log.status_code
    answered = log.answered_at is not None
    if log.end_reason is EndReason.redirected and not answered and not status:
        status = _MOVED
    if status == _NO_ERROR or (status is not None and 200 <= status < 300):
        return "Success", "Normal" if answered else None
    if status is None or not 100 <= status < 700:
        return None, None
    if answered:
        return "Success", f"SIP{status}"
    reason = _REASONS.get(status, f"SIP{status}")
    if status < 200 or reason in ("Normal", "UserBusy"):
        return "Success", reason
    return "Failure" if 500 <= status < 600 or status == 606 else "Refusal", reason


def _status(leg: Leg) -> int | None:
    if match := _STATUS.fullmatch(leg.outcome_reason or ""):
        return int(match[1])
    if leg.answer_time is not None or leg.outcome_reason is None:
        return _NO_ERROR if leg.outcome == "Success" else None
    return _STATUSES.get(leg.outcome_reason)


def _released_by(log: CallLog, side: _Side) -> str | None:
    outgoing = side == "originating"
    if log.end_reason in (EndReason.caller_disconnected, EndReason.cancelled):
        return "Local" if outgoing else "Remote"
    if log.end_reason is EndReason.callee_disconnected:
        return "Remote" if outgoing else "Local"
    return None


def _end_reason(leg: Leg, called: bool) -> EndReason | None:
    answered = leg.answer_time is not None
    if leg.transfer_time is not None:
        if leg.related_reason == _CONSULTATION:
            return EndReason.consult_transfer_completed
        return EndReason.blind_transfer_completed
    if leg.released_by in ("Local", "Remote") and leg.side is not None:
        if (leg.released_by == "Local") is not (leg.side == "originating"):
            return EndReason.callee_disconnected
        return EndReason.caller_disconnected if answered else EndReason.cancelled
    if leg.answered_elsewhere and called and not answered:
        return EndReason.replaced
    if leg.outcome_reason == f"SIP{_MOVED}" and not answered:
        return EndReason.redirected
    return None


def _direction(leg: Leg) -> CallLogDirection | None:
    if leg.call_type is None or leg.side is None:
        return None
    if leg.call_type == _INSIDE:
        return CallLogDirection.extension
    if leg.side == "originating":
        return CallLogDirection.outbound
    if leg.user_type == _WAY_OUT:
        return CallLogDirection.inbound_outbound if leg.call_type == _FROM_OUTSIDE else CallLogDirection.outbound
    return CallLogDirection.inbound


def _rang_at(leg: Leg) -> datetime | None:
    until = leg.answer_time or leg.release_time or leg.transfer_time
    if until is None or leg.ring_duration is None or leg.ring_duration < 0:
        return None
    try:
        return until - timedelta(seconds=leg.ring_duration)
    except OverflowError:  # an odd duration of ages is no reason not to show the call
        return None


def _trunk(leg: Leg) -> str | None:
    if leg.side == "originating":
        return leg.outbound_trunk or leg.inbound_trunk
    return leg.inbound_trunk or leg.outbound_trunk


def _service_number(leg: Leg) -> str | None:
    if leg.user_type in _SERVICES:
        return leg.called_number
    return leg.redirecting_number if leg.redirect_reason in _BY_A_SERVICE else None
