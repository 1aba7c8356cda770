"""Records as the cloud writes them: all fields, in wire order."""

from __future__ import annotations

from typing import Any

import msgspec

from ringback.records.fields import FIELDS, WIRE_KEYS, Field, Kind, field_of_key
from ringback.records.values import OddValue, read_value

_decode_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_UNSET_FROM = [b"".join(b',"%s":""' % key.encode() for key in WIRE_KEYS[count:]) + b"}" for count in range(len(FIELDS))]
"""What ends a record that came with the first `count` keys: an older cloud, before keys were appended."""


def on_the_wire(raw: bytes, wire_keys: int) -> bytes:
    """The record as feed and stream send it: all keys of the field table, whatever it came with.

    Args:
        raw: the bytes as they came.
        wire_keys: `Record.wire_keys` of these bytes.

    A record that came with all keys goes out as the bytes it came in.
    """
    if wire_keys == len(FIELDS):
        return raw
    if wire_keys:
        return raw[:-1] + _UNSET_FROM[wire_keys]
    return complete(raw)


def complete(raw: bytes) -> bytes:
    """The record with every field of the table, in wire order and wire spelling, unknown keys at the end.

    For records that came with fewer fields (a CSV report, an older cloud) or in another spelling or order. Missing
    fields are unset (`""`). Values stay as they are, except that each gets the JSON type it has on the wire where that
    loses nothing: a CSV row says `"36"` for a Duration of 36, and TRUE for an Answered of `"true"`.
    """
    known: dict[str, msgspec.Raw] = {}
    unknown: dict[str, msgspec.Raw] = {}
    for key, part in _decode_parts(raw).items():
        if field := field_of_key(key):
            known[field.wire] = part
        else:
            unknown[key] = part
    record = {field.wire: _wire_value(field, known.get(field.wire)) for field in FIELDS}
    return _encode(record | unknown)


def _wire_value(field: Field, part: msgspec.Raw | None) -> Any:
    value = None if part is None else _decode(part)
    if value is None:
        return ""
    if field.kind not in (Kind.INTEGER, Kind.BOOLEAN):
        return part
    try:
        typed = read_value(field, value)
    except OddValue:
        return part
    if typed is None:
        return part
    if field.number:
        return typed
    return str(typed).lower()
