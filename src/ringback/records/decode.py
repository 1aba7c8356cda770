"""From bytes to a `Record`: what the ledger keys and orders a CDR by, and what was odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from ringback.records.errors import NotARecord
from ringback.records.fields import FIELDS, UNSET, WIRE_KEYS, Kind
from ringback.records.lazy import by_wire_key, decode_object
from ringback.records.values import OddValue, read_value, to_milliseconds

MAX_RECORD_BYTES = 64 * 1024
"""A longer record is quarantined. Real ones have 2 to 4 kB."""

MAX_ID_LENGTH = 200
MAX_LOCATION_LENGTH = 256


class Record(msgspec.Struct, frozen=True):
    """One CDR as a source sent it, with what the ledger keys, orders and filters it by.

    Attributes:
        org: the organization; with `record_id` it identifies the record.
        record_id: the Report ID; the id of a PortSIP call log.
        raw: the bytes of the JSON object, exactly as they came.
        report_at: Report time in milliseconds since 1970. A record without one has its Release time, else its Start
            time here; None if it has none of the three.
        start_at: Start time in milliseconds since 1970; `report_at` if it has none.
        location: name of the location, "" if it has none.
        wire_keys: how many keys of the field table the record has, if they are in wire order and wire spelling and no
            other key stands before or between them; else 0. See `ringback.records.wire.on_the_wire`. For a PortSIP call
            log `ringback.records.portsip.decode.CALL_LOG`.
    """

    org: UUID
    record_id: str
    raw: bytes
    report_at: int | None
    start_at: int | None
    location: str
    wire_keys: int


class Decoded(msgspec.Struct, frozen=True):
    """A record, and the attributes that are unset in it because their values are odd."""

    record: Record
    odd: tuple[str, ...]


def decode(raw: bytes, default_org: UUID | None = None) -> Decoded:
    """Make a record of the bytes of one JSON object.

    Args:
        raw: the JSON object, its keys in any spelling. White space around it is no part of the record.
        default_org: the organization of records that name none.

    Raises:
        NotARecord: it cannot be kept as a record: not a JSON object, no Report ID, no organization, too large.
    """
    raw = raw.strip()
    if len(raw) > MAX_RECORD_BYTES:
        raise NotARecord(f"larger than {MAX_RECORD_BYTES} bytes ({len(raw)})")
    came = decode_object(raw)
    wire_keys = _wire_keys(came)
    values = came if wire_keys == len(came) else by_wire_key(came)
    times, odd = _read_times(values)
    report_at = next((times[key] for key in ("Report time", "Release time", "Start time") if key in times), None)
    location = values.get("Location")
    record = Record(
        org=_org(values.get("Org UUID"), default_org),
        record_id=_record_id(values.get("Report ID")),
        raw=raw,
        report_at=report_at,
        start_at=times.get("Start time", report_at),
        location=location[:MAX_LOCATION_LENGTH] if isinstance(location, str) and location not in UNSET else "",
        wire_keys=wire_keys,
    )
    odd += _odd(values, wire_keys)
    return Decoded(record, tuple(sorted(odd, key=_ATTRIBUTES.index)))


def _record_id(value: object) -> str:
    if value is None or (isinstance(value, str) and value.strip() in UNSET):
        raise NotARecord("no Report ID, so it cannot be told from other records")
    if not isinstance(value, str):
        raise NotARecord(f"the Report ID is not a text: {value!r:.60}")
    if len(value) > MAX_ID_LENGTH or not value.isprintable():
        raise NotARecord(f"the Report ID is longer than {MAX_ID_LENGTH} characters or not printable: {value!r:.60}")
    return value


def _org(value: object, default_org: UUID | None) -> UUID:
    if value is None or (isinstance(value, str) and value in UNSET):
        if default_org is None:
            raise NotARecord("no Org UUID, and no organization was given for such records (--org)")
        return default_org
    if not isinstance(value, str) or (org := parse_org(value)) is None:
        raise NotARecord(f"the Org UUID is not a UUID: {value!r:.60}")
    return org


@lru_cache(maxsize=4096)
def parse_org(text: str) -> UUID | None:
    """The organization that a text names, or None if it is no UUID."""
    try:
        return UUID(text)
    except ValueError:
        return None


_ATTRIBUTES = [field.attribute for field in FIELDS]
_TIMES = [field for field in FIELDS if field.kind is Kind.TIME]


def _read_times(values: Mapping[str, Any]) -> tuple[dict[str, int], list[str]]:
    """The times that are set, in milliseconds, by wire key; and the attributes of those that are odd."""
    times = {}
    odd = []
    for field in _TIMES:
        try:
            if (moment := read_value(field, values.get(field.wire))) is not None:
                times[field.wire] = to_milliseconds(moment)
        except OddValue:
            odd.append(field.attribute)
    return times, odd


def _wire_keys(values: Mapping[str, Any]) -> int:
    keys = tuple(values)
    if keys == WIRE_KEYS:
        return len(WIRE_KEYS)
    keys = keys[: len(WIRE_KEYS)]  # with fewer keys than the table has, an unknown one makes these differ
    return len(keys) if keys == WIRE_KEYS[: len(keys)] else 0


_USUAL_TYPES = tuple(int if field.number else str for field in FIELDS)
_UNTIMED = [field for field in FIELDS if field.kind is not Kind.TIME]
_ODD_AS_TEXT = [
    field for field in _UNTIMED if field.kind is Kind.BOOLEAN or (field.kind is Kind.INTEGER and not field.number)
]


def _odd(values: Mapping[str, Any], wire_keys: int) -> list[str]:
    """The attributes, but for times, whose values do not fit their fields.

    A record whose values all have the usual JSON types needs only those fields read whose text can still be odd. That
    is nearly every record, and several times faster than reading all.
    """
    usual = wire_keys == len(FIELDS) and tuple(map(type, values.values()))[: len(FIELDS)] == _USUAL_TYPES
    odd = []
    for field in _ODD_AS_TEXT if usual else _UNTIMED:
        try:
            read_value(field, values.get(field.wire))
        except OddValue:
            odd.append(field.attribute)
    return odd
