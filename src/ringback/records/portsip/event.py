"""A call as a PortSIP PBX tells of it when it has ended: the event `call_cdr`.

Sources: the page "Event Reference" of PortSIP's documentation, and the pages on its publish/subscribe interface. They
disagree on some names; where they do, both are given: `ended_reason` and `end_reason`, `did` and `did_cid`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.fields import CallLogDirection, EndReason

_DIRECTIONS = {
    CallLogDirection.extension: "internal",
    CallLogDirection.inbound: "inbound",
    CallLogDirection.outbound: "outbound",
    CallLogDirection.inbound_outbound: "inbound_outbound",
}
_END_REASONS = {
    EndReason.caller_disconnected: "caller_disconnected",
    EndReason.callee_disconnected: "callee_disconnected",
    EndReason.blind_transfer_completed: "blind_transfer_complete",
    EndReason.consult_transfer_completed: "attended_transfer_complete",
    EndReason.replaced: "replaced",
    EndReason.referred: "referred",
    EndReason.redirected: "redirected",
    EndReason.cancelled: "cancelled",
}
_UNKNOWN = "None"
_NOT_ANSWERED = frozenset((0, 408, 480, 486, 487, 600, 603))
"""SIP statuses of a call that nobody answered. What is neither answered nor one of these has failed."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def call_cdr(summary: CallLog, targets: Sequence[CallLog], tenant_id: str) -> bytes:
    """The event of a call, in JSON.

    Times are seconds since 1970, as texts; `"0"` is never. What is blank is an empty text, as in PortSIP's samples.

    Args:
        summary: the call as one call log, whose id is that of its session.
        targets: the call logs of the session: one for each phone that was called, as far as the PBX keeps them apart.
    """
    return _encode(
        {
            "event_type": "call_cdr",
            "tenant_id": tenant_id,
            "session_id": summary.id,
            "cdr_id": summary.id,
            "call_status": _status(summary),
            **_common(summary),
            "caller_domain": summary.caller_domain or "",
            "caller_display_name": summary.caller_display_name or "",
            "callee_domain": summary.callee_domain or "",
            "callee_display_name": summary.callee_display_name or "",
            "call_id": summary.call_id or "",
            "ended_reason": _end_reason(summary),
            "status_code": str(summary.status_code or 0),
            "ring_duration": _ring_seconds(summary),
            "talk_duration": summary.duration or 0,
            "user_data": summary.user_data or "",
            "call_targets": [_target(log) for log in targets],
        }
    )


def _target(log: CallLog) -> dict[str, Any]:
    target = {
        "id": log.id,
        "cdr_id": log.id,
        "call_type": "normal_call",
        "status": _status(log),
        **_common(log),
        "destination": log.destination or "",
        "status_code": log.status_code or 0,
        "ring_duration": str(_ring_seconds(log)),
        "talk_duration": str(log.duration or 0),
    }
    if log.cost is not None:
        target["cost"] = log.cost
    return target


def _common(log: CallLog) -> dict[str, Any]:
    did = log.did_cid or ""
    return {
        "caller": log.caller or "",
        "callee": log.callee or "",
        "direction": _DIRECTIONS.get(log.direction, str(log.direction)) if log.direction else "",
        "start_time": _seconds(log.started_at),
        "ring_time": _seconds(log.rang_at),
        "answered_time": _seconds(log.answered_at),
        "ended_time": _seconds(log.ended_at),
        "end_reason": _end_reason(log),
        "did": did,
        "did_cid": did,
        "outbound_caller_id": log.outbound_caller_id or "",
        "trunk_name": log.trunk or "",
    }


def _seconds(moment: datetime | None) -> str:
    return "0" if moment is None else str(int(moment.timestamp()))


def _ring_seconds(log: CallLog) -> int:
    until = log.answered_at or log.ended_at
    if log.rang_at is None or until is None:
        return 0
    return max(0, int((until - log.rang_at).total_seconds()))


def _end_reason(log: CallLog) -> str:
    if log.end_reason is None:
        return _UNKNOWN
    return _END_REASONS.get(log.end_reason, str(log.end_reason))


def _status(log: CallLog) -> str:
    if log.answered_at is not None:
        return "answered"
    return "noanswer" if (log.status_code or 0) in _NOT_ANSWERED else "fail"
