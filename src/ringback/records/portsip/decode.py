"""From the bytes of a PortSIP call log to a `Record`: what the ledger keys and orders it by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ringback.records.decode import MAX_RECORD_BYTES, Decoded, Record
from ringback.records.errors import NotARecord
from ringback.records.fields import field_of_key
from ringback.records.portsip.call_log import read_call_log
from ringback.records.values import to_milliseconds

CALL_LOG = -1
"""`Record.wire_keys` of a PortSIP call log. No count of Webex keys is below 0, so it tells the two kinds apart."""

_TELLING = frozenset(("session_id", "caller", "callee", "started_at"))


def is_call_log(values: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a PortSIP call log, by its keys: an id, anything of a call, and no Report ID of Webex.

    The keys are looked at, not the values: blank ones count.
    """
    if "id" not in values or _TELLING.isdisjoint(values):
        return False
    return not any((field := field_of_key(key)) and field.wire == "Report ID" for key in values)


def decode_call_log(raw: bytes, org: UUID) -> Decoded:
    """Make a record of the bytes of one PortSIP call log.

    Args:
        raw: the JSON object, of a list or of a single call log. White space around it is no part of the record.
        org: the organization that the PBX's tenant is; a call log names none.

    Raises:
        NotARecord: it cannot be kept as a record: not a JSON object, no usable id, too large.
    """
    raw = raw.strip()
    if len(raw) > MAX_RECORD_BYTES:
        raise NotARecord(f"larger than {MAX_RECORD_BYTES} bytes ({len(raw)})")
    log = read_call_log(raw)
    report_at = None if log.report_time is None else to_milliseconds(log.report_time)
    record = Record(
        org=org,
        record_id=log.id,
        raw=raw,
        report_at=report_at,
        start_at=report_at if log.started_at is None else to_milliseconds(log.started_at),
        location="",
        wire_keys=CALL_LOG,
    )
    return Decoded(record, log.odd)
