"""The table of the 26 fields of a PortSIP call log, and the words that three of them are made of.

The source is PortSIP's public REST documentation of `GET /calllogs` and `GET /calllogs/{id}`, there since version 22.0
of January 2025. The order is that of the documentation. A list has 24 of the fields, a single call log all 26.
"""

from __future__ import annotations

from enum import Enum
from typing import Self

import msgspec

from ringback.records.enums import OpenEnum


class CallLogDirection(OpenEnum):
    """Field `direction`: which of the two sides are extensions of the PBX."""

    inbound = "INBOUND_CALL"
    outbound = "OUTBOUND_CALL"
    extension = "EXTENSION_CALL"
    inbound_outbound = "INBOUND_OUTBOUND_CALL"


class EndReason(OpenEnum):
    """Field `end_reason`: what ended the call.

    PortSIP's own sample prints `CALLER_DISCONNECT`, and its events have both words without the -ED; they are read as
    the documented ones.
    """

    caller_disconnected = "CALLER_DISCONNECTED"
    callee_disconnected = "CALLEE_DISCONNECTED"
    blind_transfer_completed = "BLIND_TRANSFER_COMPLETED"
    consult_transfer_completed = "CONSULT_TRANSFER_COMPLETED"
    replaced = "REPLACED"
    referred = "REFERRED"
    redirected = "REDIRECTED"
    cancelled = "CANCELLED"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if value in ("CALLER_DISCONNECT", "CALLEE_DISCONNECT"):
            return cls(f"{value}ED")
        return super()._missing_(value)


class RerouteReason(OpenEnum):
    """Field `reroute_reason`: why the call was led elsewhere. All but the first two are of version 22.3 (2025)."""

    transfer = "TRANSFER"
    overflow = "OVERFLOW"
    capacity_blocked = "CAPACITY_BLOCKED"
    queue_exit = "QUEUE_EXIT"
    queue_abandoned = "QUEUE_ABANDONED"
    redirect = "REDIRECT"
    forwarding_unconditional = "FORWARDING_UNCONDITIONAL"
    forwarding_busy = "FORWARDING_BUSY"
    forwarding_no_answer = "FORWARDING_NO_ANSWER"
    forwarding_not_reachable = "FORWARDING_NOT_REACHABLE"
    forwarding_exception = "FORWARDING_EXCEPTION"
    forwarding_lunch = "FORWARDING_LUNCH"
    forwarding_business_trip = "FORWARDING_BUSINESS_TRIP"
    forwarding_away = "FORWARDING_AWAY"
    forwarding_night_mode = "FORWARDING_NIGHT_MODE"


class CallLogKind(Enum):
    """What a field's value is, once read."""

    TEXT = "text"
    TIME = "time"  # an aware UTC datetime
    INTEGER = "integer"
    MONEY = "money"  # a Decimal, in a currency that no field names
    ENUM = "enum"  # an open enum of this module


class CallLogField(msgspec.Struct, frozen=True):
    """One field of a call log.

    Attributes:
        name: the key in JSON, and the attribute of `CallLog`.
        meaning: what the field says.
        kind: what its value is, once read.
        enum: the words it is made of, for kind ENUM.
        max_length: the largest number of characters that the documentation gives; None if it gives none. It is for
            what we write: a longer text that a PBX sends is kept.
        in_list: False for the two that only a single call log has.
    """

    name: str
    meaning: str
    kind: CallLogKind = CallLogKind.TEXT
    enum: type[OpenEnum] | None = None
    max_length: int | None = None
    in_list: bool = True


_TIME, _INTEGER, _MONEY, _ENUM = CallLogKind.TIME, CallLogKind.INTEGER, CallLogKind.MONEY, CallLogKind.ENUM

CALL_LOG_FIELDS: tuple[CallLogField, ...] = (
    CallLogField("id", "Tells this call log from all others. An opaque text."),
    CallLogField("session_id", "Joins the call logs of one call. An opaque text."),
    CallLogField("caller", "Number of the calling side.", max_length=256),
    CallLogField("caller_domain", "SIP domain of the calling side.", max_length=1024),
    CallLogField("caller_display_name", "Name shown for the calling side.", max_length=1024),
    CallLogField("callee", "Number of the called side.", max_length=256),
    CallLogField("callee_domain", "SIP domain of the called side.", max_length=1024),
    CallLogField("callee_display_name", "Name shown for the called side.", max_length=1024),
    CallLogField("started_at", "When the call began.", _TIME),
    CallLogField("rang_at", "When the called side began to ring. Blank if it did not.", _TIME),
    CallLogField("answered_at", "When the call was answered. Blank if it was not.", _TIME),
    CallLogField("ended_at", "When the call ended.", _TIME),
    CallLogField("call_id", "SIP Call-ID of the INVITE."),
    CallLogField("direction", "Which sides are extensions of the PBX.", _ENUM, CallLogDirection),
    CallLogField("end_reason", "What ended the call.", _ENUM, EndReason),
    CallLogField("reroute_reason", "Why the call was led elsewhere, if it was.", _ENUM, RerouteReason),
    CallLogField("status_code", "SIP status that the attempt came to; 0 is no error.", _INTEGER),
    CallLogField("destination", "SIP address or number that the call was sent to."),
    CallLogField("outbound_caller_id", "Number shown to the called side of an outgoing call.", max_length=64),
    CallLogField("did_cid", "Number of the PBX that was dialled from outside."),
    CallLogField("trunk", "Name of the trunk the call came in or went out by."),
    CallLogField("duration", "Seconds of talk, perhaps of the whole session. The PBX rounds as it likes.", _INTEGER),
    CallLogField("cost", "What the call cost.", _MONEY, in_list=False),
    CallLogField("billed_account", "The account it was billed to.", in_list=False),
    CallLogField("service_number", "Number of the queue or ring group that the call is for or came through."),
    CallLogField("user_data", "Text that the program which made the call gave to it."),
)
"""The 26 fields in the order of the documentation."""
