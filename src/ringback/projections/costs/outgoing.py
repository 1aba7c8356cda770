"""Which records are of calls that cost something, and what a tariff needs to know of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from ringback.records.decode import Record
from ringback.records.kinds import call_log_of
from ringback.records.leg import Leg
from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.decode import CALL_LOG
from ringback.records.portsip.fields import CallLogDirection

_OUT = frozenset((CallLogDirection.outbound, CallLogDirection.inbound_outbound))
_EMERGENCY = "SIP_EMERGENCY"
_NOT_BY_TELEPHONE = frozenset(("SIP_INBOUND", "SIP_MEETING", "SIP_URI", "SIP_CLICKTOCALL", "ZTN"))
"""Call types of a Webex CDR with which a call goes nowhere outside, or goes there by the internet."""

_GATEWAY = "LocalGateway"
_SECOND = timedelta(seconds=1)


class OutgoingCall(msgspec.Struct, frozen=True, kw_only=True):
    """An answered call that went out to the telephone network.

    Attributes:
        dialled: the number, as the record has it.
        start: when it began; a tariff goes by that.
        seconds: how long they talked.
        user: who called, as `Leg.user_id`; None if a call from outside was led outside.
        emergency: the source says that it was an emergency call.
        own_cost: the source says what it cost.
    """

    org: UUID
    record_id: str
    dialled: str | None
    start: datetime
    seconds: int
    user: str | None
    emergency: bool = False
    own_cost: bool = False


def outgoing_call(record: Record) -> OutgoingCall | None:
    """The call that a record is of; None if it did not go out, was not answered, or nobody knows how long it was.

    A record of Webex counts if it is that of the one who called. A local gateway has records of the same calls, as
    their called side, and of calls that came in, as their calling side: these are not billed once more.
    """
    log, legs = call_log_of(record)
    leg = legs[0]
    if log.direction not in _OUT or log.answered_at is None:
        return None
    if record.wire_keys != CALL_LOG and not _calls_out(leg):
        return None
    seconds = _talk(log, log.answered_at)
    if seconds is None:
        return None
    return OutgoingCall(
        org=record.org,
        record_id=record.record_id,
        dialled=log.callee,
        start=log.started_at or log.answered_at,
        seconds=seconds,
        user=leg.user_id,
        emergency=leg.call_type == _EMERGENCY,
        own_cost=log.cost is not None,
    )


def _calls_out(leg: Leg) -> bool:
    return leg.side == "originating" and leg.user_type != _GATEWAY and leg.call_type not in _NOT_BY_TELEPHONE


def _talk(log: CallLog, answered_at: datetime) -> int | None:
    """Seconds of talk: the smaller of what the duration and the times say, since nobody shall pay for more.

    The duration may be that of the whole session; from the times a part of a second counts as a whole one.
    """
    told = []
    if log.duration is not None and log.duration >= 0:
        told.append(log.duration)
    if log.ended_at is not None and log.ended_at >= answered_at:
        told.append(-((answered_at - log.ended_at) // _SECOND))  # the division rounds down, so this rounds up
    return min(told, default=None)
