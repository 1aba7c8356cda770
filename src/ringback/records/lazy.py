"""Raw bytes with values that are decoded when they are first read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from ringback.records.enums import OpenEnum
from ringback.records.errors import NotARecord
from ringback.records.fields import FIELDS, WIRE_KEYS, field_of_key
from ringback.records.values import OddValue, read_value

E = TypeVar("E", bound=OpenEnum)

KNOWN_KEYS = frozenset(WIRE_KEYS)
_decode = msgspec.json.Decoder().decode

# The JSON values of all fields, None for a key that is not there. A class and not a dict, since msgspec knows the place
# of each key in it beforehand: that takes less than half the time. A key that is not of the wire is refused.
_Fields = msgspec.defstruct(
    "_Fields",
    [(field.attribute, Any, None) for field in FIELDS],
    rename={field.attribute: field.wire for field in FIELDS},
    forbid_unknown_fields=True,
)
_decode_fields = msgspec.json.Decoder(_Fields).decode


class LazyRecord:
    """The bytes of a record, and typed reading of its fields by their place in the wire order.

    Attributes:
        raw: the bytes of the JSON object, exactly as the source sent them.
    """

    __slots__ = ("_fields", "raw")

    raw: bytes
    _fields: msgspec.Struct | None

    @property
    def values(self) -> Mapping[str, Any]:
        """The JSON values as they came, by wire key; unknown keys keep their own spelling. Decoded at each call.

        Raises:
            NotARecord: `raw` is not a JSON object.
        """
        return by_wire_key(decode_object(self.raw))

    def _read(self, index: int) -> Any:
        fields = self._fields
        if fields is None:
            fields = read_fields(self.raw)
            object.__setattr__(self, "_fields", fields)
        field = FIELDS[index]
        try:
            return read_value(field, getattr(fields, field.attribute))
        except OddValue:
            return None

    # One name for each kind of value, so that the attributes made from the field table have types.
    def _text(self, index: int) -> str | None:
        value: str | None = self._read(index)
        return value

    def _time(self, index: int) -> datetime | None:
        value: datetime | None = self._read(index)
        return value

    def _integer(self, index: int) -> int | None:
        value: int | None = self._read(index)
        return value

    def _boolean(self, index: int) -> bool | None:
        value: bool | None = self._read(index)
        return value

    def _enum(self, index: int, enum: type[E]) -> E | None:
        value: E | None = self._read(index)
        return value


def read_fields(raw: bytes) -> msgspec.Struct:
    """The JSON values of all fields as they came, by attribute; None for a key that is not there.

    Raises:
        NotARecord: not JSON, or not an object.
    """
    try:
        return _decode_fields(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Keys in another spelling, keys that nobody knows yet; or no record, which comes out here.
        values = by_wire_key(decode_object(raw))
        return _Fields(**{field.attribute: values.get(field.wire) for field in FIELDS})


def decode_object(raw: bytes) -> dict[str, Any]:
    """The JSON object, with its keys as they came.

    Raises:
        NotARecord: not JSON, or not an object.
    """
    try:
        values = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotARecord(f"not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise NotARecord(f"not a JSON object but {type(values).__name__}")
    return values


def by_wire_key(values: dict[str, Any]) -> dict[str, Any]:
    """The same values, with every key that the field table knows in its wire spelling."""
    if values.keys() <= KNOWN_KEYS:
        return values
    return {field.wire if (field := field_of_key(key)) else key: value for key, value in values.items()}
