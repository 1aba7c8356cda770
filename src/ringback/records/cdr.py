"""`CDR`: one Webex call detail record with typed attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, Self

import msgspec

from ringback.records.attributes import CDRAttributes
from ringback.records.fields import FIELDS, Field
from ringback.records.lazy import KNOWN_KEYS, LazyRecord
from ringback.records.values import OddValue, read_value

# The slots themselves, since a CDR refuses to have attributes set; twice as fast as `object.__setattr__`.
_set_raw = vars(LazyRecord)["raw"].__set__
_set_fields = vars(LazyRecord)["_fields"].__set__


class CDR(CDRAttributes):
    """One Webex call detail record: the bytes as they came, with a typed attribute for each of the 87 fields.

    The attributes are those of `wxc_sdk.cdr.CDR`; `ringback.records.fields.FIELDS` describes them. An attribute is None
    if the field is unset, if the record does not have it, or if its value is odd (see `odd`). Values are decoded when
    they are read, so looking at a few attributes of many records is cheap. A `CDR` cannot be changed.

    Two CDRs are equal if their values are, whatever the spelling and order of their keys.
    """

    __slots__ = ()

    def __init__(self, raw: bytes) -> None:
        _set_raw(self, raw)
        _set_fields(self, None)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Self:
        """A CDR from keys (in any spelling) and JSON values, for instance a row of a CSV report."""
        return cls(msgspec.json.encode(mapping))

    @property
    def extra(self) -> dict[str, Any]:
        """The keys that the field table does not have yet, with their JSON values."""
        return {key: value for key, value in self.values.items() if key not in KNOWN_KEYS}

    @property
    def odd(self) -> tuple[str, ...]:
        """The attributes that are None because their value does not fit the field, in wire order."""
        values = self.values
        return tuple(field.attribute for field in FIELDS if not _fits(field, values.get(field.wire)))

    def __eq__(self, other: object) -> bool:
        return self.values == other.values if isinstance(other, CDR) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.report_id)

    def __repr__(self) -> str:
        return (
            f"CDR(report_id={self.report_id!r}, start_time={self.start_time}, "
            f"direction={self.direction!s}, user={self.user!r})"
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a CDR cannot be changed (setting {name!r})")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a CDR cannot be changed (deleting {name!r})")

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self.raw,)


def _fits(field: Field, value: object) -> bool:
    try:
        read_value(field, value)
    except OddValue:
        return False
    return True
