"""How one value of a record is read: JSON value in, typed value out.

The rules hold for every way a record comes in (API page, CSV, file), so that a CSV row and the page of the same record
read alike: texts that mean "no value" are unset, numbers may come as texts, and times are always aware UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ringback.records import enums
from ringback.records.fields import FIELDS, UNSET, Field, Kind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)


class OddValue(ValueError):
    """A value that does not fit its field. The record is kept as it is; the field is read as unset."""


def read_value(field: Field, value: object) -> Any:
    """The typed value of a field, or None if it is unset.

    Raises:
        OddValue: the value is not of a form that the field can have (such as a list, or "soon" as a time).
    """
    if value is None or (type(value) is str and value in UNSET and value not in field.means):
        return None
    return _READERS[field.attribute](value)


def read_time(value: object) -> datetime:
    """An aware UTC datetime from ISO 8601 text with any fraction, or from the documented `2023-10-12 21:22:32.621`.

    A text without a zone is UTC: all times of a CDR are, says the documentation.

    Raises:
        OddValue: not a text, not of that form, or no such date.
    """
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise OddValue(f"not a time: {value!r:.60}")
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is UTC:
            return moment
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise OddValue(f"not a time: {value!r:.60} ({error})") from error


def to_milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970 in UTC, cutting off smaller digits: the resolution of the wire and of the ledger.

    Raises:
        ValueError: the datetime is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be placed; give an aware datetime, such as datetime.now(UTC)")
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """The aware UTC datetime for milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime: all that it says, and the resolution of PortSIP call logs."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The aware UTC datetime for microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_wire_time(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.mmmZ`, the form of all times on the wire."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def user_key(text: str) -> str:
    """The id of a user as it is compared, whatever case it came in: a UUID, or an extension with its domain."""
    return text.lower()


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise OddValue(f"not a text: {value!r:.60}")
    return value


def _read_integer(value: object) -> int:
    # A number and its text are read alike: with the same bound on digits.
    if isinstance(value, (int, str)) and not isinstance(value, bool) and _INTEGER.fullmatch(str(value)):
        return int(value)
    raise OddValue(f"not a whole number: {value!r:.60}")


def _read_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (folded := value.casefold()) in ("true", "false"):
        return folded == "true"
    raise OddValue(f"not true or false: {value!r:.60}")


def _enum_reader(enum: type[enums.OpenEnum]) -> Callable[[object], enums.OpenEnum]:
    return lambda value: enum(_read_text(value))


def reader(field: Field) -> Callable[[object], Any]:
    """What makes the typed value of a field out of one that is set. It raises `OddValue` like `read_value`."""
    if field.kind is Kind.ENUM:
        return _enum_reader(getattr(enums, field.enum))
    return {
        Kind.TEXT: _read_text,
        Kind.TIME: read_time,
        Kind.INTEGER: _read_integer,
        Kind.BOOLEAN: _read_boolean,
    }[field.kind]


_READERS = {field.attribute: reader(field) for field in FIELDS}
