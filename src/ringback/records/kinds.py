"""Records of every kind: what differs between a Webex CDR and a PortSIP call log, in one place.

The ledger keeps the bytes of both as they came. `Record.wire_keys` tells which kind it is.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from ringback.records.cdr import CDR
from ringback.records.decode import MAX_RECORD_BYTES, Decoded, Record, decode
from ringback.records.errors import NotARecord
from ringback.records.lazy import decode_object
from ringback.records.leg import Leg, leg_of_cdr
from ringback.records.portsip.call_log import CallLog, read_call_log, write_call_log
from ringback.records.portsip.cdr import cdr_of_call_log
from ringback.records.portsip.decode import CALL_LOG, decode_call_log, is_call_log
from ringback.records.portsip.leg import call_log_of_leg, legs_of_call_log
from ringback.records.wire import on_the_wire

_REPORT_ID = b'"report id"'


def decode_any(raw: bytes, default_org: UUID | None = None) -> Decoded:
    """Make a record of the bytes of one JSON object, of whatever kind it is; see `decode` and `decode_call_log`.

    Raises:
        NotARecord: it cannot be kept as a record.
    """
    if len(raw) <= MAX_RECORD_BYTES and _REPORT_ID not in raw.lower() and is_call_log(decode_object(raw)):
        if default_org is None:
            raise NotARecord("a PortSIP call log names no organization, and none was given for such records (--org)")
        return decode_call_log(raw, default_org)
    return decode(raw, default_org)


def as_cdr(raw: bytes, wire_keys: int, org: UUID) -> bytes:
    """A record as feed and stream send it: a Webex CDR with all keys.

    Args:
        raw, wire_keys, org: of the record.
    """
    if wire_keys == CALL_LOG:
        return msgspec.json.encode(cdr_of_call_log(read_call_log(raw), org))
    return on_the_wire(raw, wire_keys)


def as_call_log(raw: bytes, org: UUID) -> bytes:
    """A record as a PortSIP call log, in JSON: the bytes of one that is one, else what its leg says.

    Args:
        raw: the bytes as they came.
        org: of the record.
    """
    record = decode_any(raw, org).record
    if record.wire_keys == CALL_LOG:
        return record.raw
    return write_call_log(call_log_of(record)[0])


def call_log_of(record: Record) -> tuple[CallLog, list[Leg]]:
    """A record as a PortSIP call log whose id is the record id, and the legs of the record.

    What a PortSIP call log says is what it is; a Webex CDR is what its leg maps to, see `docs/mapping.md`.
    """
    org = str(record.org)
    if record.wire_keys == CALL_LOG:
        log = read_call_log(record.raw)
        return log, legs_of_call_log(log, org, record.record_id)
    leg = leg_of_cdr(CDR(record.raw), org, record.record_id)
    return call_log_of_leg(leg), [leg]


def legs_of(record: Record) -> list[Leg]:
    """The legs of a record: one, or two if one row of the source tells both sides of a leg."""
    org = str(record.org)
    if record.wire_keys == CALL_LOG:
        return legs_of_call_log(read_call_log(record.raw), org, record.record_id)
    return [leg_of_cdr(CDR(record.raw), org, record.record_id)]
