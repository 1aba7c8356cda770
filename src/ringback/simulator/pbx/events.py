"""What subscribers of the simulated PBX are told of calls: the published form of its events.

It differs from call logs in names, words and times; see PortSIP's "Going real time" and "Event reference" pages.
"""

from __future__ import annotations

from datetime import datetime
from zlib import crc32

from ringback.simulator.pbx.options import Behaviour
from ringback.simulator.pbx.rows import Row
from ringback.simulator.pbx.table import Event
from ringback.simulator.pbx.wire import Wire

_DIRECTIONS = {
    "new": {
        "EXTENSION_CALL": "internal",
        "INBOUND_CALL": "inbound",
        "OUTBOUND_CALL": "outbound",
        "INBOUND_OUTBOUND_CALL": "inbound_outbound",
    },
    "old": {
        "EXTENSION_CALL": "ext",
        "INBOUND_CALL": "in",
        "OUTBOUND_CALL": "out",
        "INBOUND_OUTBOUND_CALL": "in2out",
    },
}
_REASONS = {
    "": "None",
    "BLIND_TRANSFER_COMPLETED": "blind_transfer_complete",
    "CONSULT_TRANSFER_COMPLETED": "attended_transfer_complete",
}


def message(event: Event, behaviour: Behaviour, wire: Wire) -> dict[str, object]:
    """The message about an event."""
    row = event.session
    told: dict[str, object] = {
        "event_type": event.kind,
        "tenant_id": _tenant_id(event.tenant),
        "tenant_name": event.tenant,
        "session_id": wire.id(row.session_id),
        "call_id": row.call_id,
        "direction": _DIRECTIONS[behaviour.wsi_words].get(row.direction, row.direction),
        "caller_display_name": row.caller_display_name,
        "callee_display_name": row.callee_display_name,
    }
    if event.kind == "call_start":
        told |= {
            "cdr_id": wire.id(event.rows[0].id),
            "caller": f"sip:{row.caller}@{row.caller_domain}",
            "callee": f"sip:{row.callee}@{row.callee_domain}",
            "time": _seconds(row.started_at),
        }
        return told
    new = behaviour.wsi_words == "new"
    told |= {
        "caller": row.caller,
        "caller_domain": row.caller_domain,
        "callee": row.callee,
        "callee_domain": row.callee_domain,
        "start_time": _seconds(row.started_at),
        "ring_time": _seconds(row.rang_at),
        "answered_time": _seconds(row.answered_at),
        "ended_time": _seconds(row.ended_at),
        "ended_reason": _reason(row, behaviour),
        "call_status": "answered" if row.answered_at else ("noanswer" if row.rang_at else "fail"),
        "did" if new else "did_cid": row.did_cid,
        "trunk_name": f"{row.trunk}:{_tenant_id(row.trunk)}" if new and row.trunk else row.trunk,
        "outbound_caller_id": row.outbound_caller_id,
        "ring_duration": _between(row.rang_at, row.answered_at or row.ended_at),
        "talk_duration": row.duration,
        "status_code": str(row.status_code),
        "user_data": row.user_data,
        "call_targets": [_target(leg, event.tenant, behaviour) for leg in sorted(event.rows, key=lambda leg: leg.id)],
    }
    return told


def _target(row: Row, tenant: str, behaviour: Behaviour) -> dict[str, object]:
    kind = {"7": "ring_group_call", "8": "queue_call"}.get(row.service_number[:1], "normal_call")
    return {
        "id": _tenant_id(tenant),  # useless as a key, as in the published samples
        "caller": row.caller,
        "callee": row.callee,
        "destination": row.destination,
        "call_type": kind,
        "start_time": _seconds(row.started_at),
        "ring_time": _seconds(row.rang_at),
        "answered_time": _seconds(row.answered_at),
        "ended_time": _seconds(row.ended_at),
        "end_reason": _reason(row, behaviour),
        "status_code": row.status_code,
        "ring_duration": str(_between(row.rang_at, row.answered_at or row.ended_at)),
        "talk_duration": str(row.duration),
        "outbound_caller_id": row.outbound_caller_id,
        "trunk_name": row.trunk,
    }


def _reason(row: Row, behaviour: Behaviour) -> str:
    known = _REASONS.get(row.end_reason)
    if known is not None:
        return known
    word = row.end_reason.lower()
    return word.replace("_disconnected", "_disconnect") if behaviour.wsi_words == "old" else word


def _seconds(moment: datetime | None) -> str:
    return "0" if moment is None else str(int(moment.timestamp()))


def _between(begin: datetime | None, end: datetime | None) -> int:
    return 0 if begin is None or end is None else max(0, int((end - begin).total_seconds()))


def _tenant_id(name: str) -> str:
    return str(800_000_000_000_000_000 + crc32(name.encode()))
