"""What the simulated PBX keeps: rows of call logs, and when each was written."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

import msgspec

from ringback.simulator.clock import to_datetime, to_ms

FIRST_TENANT = "one.example"
"""The SIP domain of the tenant that is there if none is named."""

Value: TypeAlias = str | int | datetime | Decimal | None

_EPOCH_MS = 1_514_764_800_000  # 2018-01-01, which the ids of all published samples count from
_SEQUENCE_BITS = 12
_WORKER = 1 << _SEQUENCE_BITS  # all published samples have worker 1


def new_id(moment: datetime, sequence: int) -> int:
    """An id as the PBX makes it when a call starts: milliseconds since 2018, a worker, and a sequence number.

    Ids of 19 digits begin on 2025-07-22 at 11:22:59 UTC; all before have 18 or fewer. Two ids differ if their
    milliseconds do, or their sequence numbers modulo 4096.
    """
    ms = to_ms(moment) - _EPOCH_MS
    return ms << (_SEQUENCE_BITS + 10) | _WORKER | sequence % (1 << _SEQUENCE_BITS)


def made_at(number: int) -> datetime:
    """The time that an id tells, in whole milliseconds."""
    return to_datetime((number >> (_SEQUENCE_BITS + 10)) + _EPOCH_MS)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the PBX's table of call logs: the 26 fields of the documentation, in its order.

    Ids are numbers here; `Behaviour.ids` says how they are written. Times are aware, to the microsecond. Blank is None
    for a time and for the cost, and "" for a text. `ended_at` is blank for a call that is not over.
    """

    id: int
    session_id: int
    caller: str = ""
    caller_domain: str = ""
    caller_display_name: str = ""
    callee: str = ""
    callee_domain: str = ""
    callee_display_name: str = ""
    started_at: datetime
    rang_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    call_id: str = ""
    direction: str = ""
    end_reason: str = ""
    reroute_reason: str = ""
    status_code: int = 0
    destination: str = ""
    outbound_caller_id: str = ""
    did_cid: str = ""
    trunk: str = ""
    duration: int = 0
    cost: Decimal | None = None
    billed_account: str = ""
    service_number: str = ""
    user_data: str = ""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is written at a time: a new one, or new content of one that is there.

    Attributes:
        at: when the PBX writes it. A row of a call that is not over is one without `ended_at`; it is shown only if
            `Behaviour.in_progress` says so.
        row: its content from then on.
        tenant: SIP domain of whose it is.
        last: whether the session is complete with it. The list of sessions shows it from then on.
    """

    at: datetime
    row: Row
    tenant: str = FIRST_TENANT
    last: bool = True


def finished_call(
    started: datetime,
    sequence: int = 0,
    *,
    ringing: float = 5.0,
    talking: float | None = 60.0,
    written_after: float = 1.0,
    tenant: str = FIRST_TENANT,
    **fields: Value,
) -> Written:
    """A call between two extensions that was written after its end, for tests that need some row or other.

    Args:
        started: when it began.
        sequence: different ones for calls of the same millisecond.
        ringing: seconds from its start until it was answered or given up.
        talking: seconds of talk; None for a call that nobody answered.
        written_after: seconds from its end until it is written.
        tenant: whose it is.
        fields: values of `Row` in place of those made up.
    """
    answered = started + timedelta(seconds=ringing)
    ended = answered + timedelta(seconds=talking or 0)
    values: dict[str, Value] = {
        "id": new_id(started, 2 * sequence + 1),
        "session_id": new_id(started, 2 * sequence),
        "caller": "101",
        "caller_domain": tenant,
        "callee": "102",
        "callee_domain": tenant,
        "started_at": started,
        "rang_at": started,
        "answered_at": None if talking is None else answered,
        "ended_at": ended,
        "direction": "EXTENSION_CALL",
        "end_reason": "" if talking is None else "CALLER_DISCONNECTED",
        "status_code": 486 if talking is None else 0,
        "destination": f"sip:102@{tenant}",
        "duration": -int(-(talking or 0) // 1),
    }
    row = msgspec.convert(values | fields, Row)
    return Written(at=ended + timedelta(seconds=written_after), row=row, tenant=tenant)
