"""`CallLog`: one PortSIP call log with typed attributes, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from ringback.records.decode import MAX_ID_LENGTH
from ringback.records.errors import NotARecord
from ringback.records.lazy import decode_object
from ringback.records.portsip.fields import (
    CALL_LOG_FIELDS,
    CallLogDirection,
    CallLogField,
    CallLogKind,
    EndReason,
    RerouteReason,
)
from ringback.records.values import OddValue, read_time

_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_AMOUNT = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)
_encode = msgspec.json.Encoder(decimal_format="number").encode
_LARGEST_AMOUNT = Decimal(10) ** 18


class CallLog(msgspec.Struct, frozen=True, kw_only=True):
    """One PortSIP call log. `ringback.records.portsip.fields.CALL_LOG_FIELDS` describes the attributes.

    An attribute is None if it is blank (null, an empty text, or no key at all) or if its value is odd. Ids are opaque
    texts. Times are aware UTC, `duration` is in seconds, `cost` in a currency that the PBX does not name.

    Attributes:
        odd: the attributes that are None because their value does not fit the field, in the order of the table.
    """

    id: str
    session_id: str | None = None
    caller: str | None = None
    caller_domain: str | None = None
    caller_display_name: str | None = None
    callee: str | None = None
    callee_domain: str | None = None
    callee_display_name: str | None = None
    started_at: datetime | None = None
    rang_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    call_id: str | None = None
    direction: CallLogDirection | None = None
    end_reason: EndReason | None = None
    reroute_reason: RerouteReason | None = None
    status_code: int | None = None
    destination: str | None = None
    outbound_caller_id: str | None = None
    did_cid: str | None = None
    trunk: str | None = None
    duration: int | None = None
    cost: Decimal | None = None
    billed_account: str | None = None
    service_number: str | None = None
    user_data: str | None = None
    odd: tuple[str, ...] = ()

    @property
    def report_time(self) -> datetime | None:
        """When the call log was complete, as far as it says: the last of the times of a call that it has."""
        return self.ended_at or self.answered_at or self.rang_at or self.started_at


def read_call_log(raw: bytes) -> CallLog:
    """The call log that is one JSON object, from a list or from a single call log.

    One odd value never costs the others. A whole number where a text belongs is its digits, so that an id is a text
    whatever the PBX sends; keys that are not in the table are left alone.

    Raises:
        NotARecord: not a JSON object, or without an id that it could be told by.
    """
    values = decode_object(raw)
    read: dict[str, Any] = {"id": _id(values.get("id"))}
    odd = []
    for field in CALL_LOG_FIELDS[1:]:
        value = values.get(field.name)
        if value is None or value == "":
            continue
        try:
            read[field.name] = _READERS[field.name](value)
        except OddValue:
            odd.append(field.name)
    return CallLog(**read, odd=tuple(odd))


def write_call_log(log: CallLog, fields: Iterable[CallLogField] = CALL_LOG_FIELDS) -> bytes:
    """The JSON object of a call log, with a key for each of the fields; what is blank is null.

    Args:
        fields: by default all 26, in the order of the table.
    """
    return _encode({field.name: _written(getattr(log, field.name)) for field in fields})


def _written(value: object) -> object:
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _id(value: object) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise NotARecord("no id, so it cannot be told from other call logs")
    try:
        text = _read_text(value)
    except OddValue as error:
        raise NotARecord(f"the id is {error}") from error
    if len(text) > MAX_ID_LENGTH or not text.isprintable():
        raise NotARecord(f"the id is longer than {MAX_ID_LENGTH} characters or not printable: {text!r:.60}")
    return text


def _read_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise OddValue(f"not a text: {value!r:.60}")


def _read_integer(value: object) -> int:
    # A number and its text are read alike: with the same bound on digits.
    if isinstance(value, (int, str)) and not isinstance(value, bool) and _WHOLE.fullmatch(str(value)):
        return int(value)
    raise OddValue(f"not a whole number: {value!r:.60}")


def _read_money(value: object) -> Decimal:
    if isinstance(value, str) and not _AMOUNT.fullmatch(value):
        raise OddValue(f"not an amount: {value!r:.60}")
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        # By way of its shortest text: 0.35 on the wire is 0.35 here, and not the binary fraction next to it.
        amount = Decimal(str(value))
        if abs(amount) < _LARGEST_AMOUNT:
            return amount
    raise OddValue(f"not an amount: {value!r:.60}")


def _reader(field: CallLogField) -> Callable[[object], Any]:
    if enum := field.enum:
        return lambda value: enum(_read_text(value))
    return {
        CallLogKind.TEXT: _read_text,
        CallLogKind.TIME: read_time,
        CallLogKind.INTEGER: _read_integer,
        CallLogKind.MONEY: _read_money,
    }[field.kind]


_READERS = {field.name: _reader(field) for field in CALL_LOG_FIELDS}
