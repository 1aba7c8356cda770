"""What a second arrival of a record is: the same again, a revision, or an older version that came late."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Any

from ringback.records.cdr import CDR
from ringback.records.decode import Record
from ringback.records.fields import FIELDS
from ringback.records.kinds import decode_any
from ringback.records.lazy import KNOWN_KEYS, decode_object
from ringback.records.portsip.decode import CALL_LOG
from ringback.records.values import OddValue, read_value


class Verdict(Enum):
    """What to do with a record whose id is known."""

    DUPLICATE = auto()
    REPLACES = auto()
    KEPT_AS_OLDER = auto()


def judge(arrived: Record, current: bytes, superseded: Iterable[bytes]) -> Verdict:
    """Compare a record with the versions of it that the ledger has.

    The newest Report time decides which version is current (the cloud's own rule for repeated records). With the same
    Report time the later arrival wins, because a source that corrects a record sends the correction later; unless it
    tells nothing that the current version does not tell, as a CSV row of a record that came from the API.

    Args:
        arrived: the record.
        current: the bytes of the current version.
        superseded: the bytes of its older versions; looked at only if needed.
    """
    if arrived.raw == current:
        return Verdict.DUPLICATE
    ours = decode_any(current, arrived.org).record
    older = arrived.report_at is not None and ours.report_at is not None and arrived.report_at < ours.report_at
    if arrived.report_at == ours.report_at and _tells_nothing_new(arrived, ours):
        return Verdict.DUPLICATE
    if any(arrived.raw == version for version in superseded):
        return Verdict.DUPLICATE
    return Verdict.KEPT_AS_OLDER if older else Verdict.REPLACES


def _tells_nothing_new(arrived: Record, current: Record) -> bool:
    ours = _told(current)
    return all(ours.get(key) == value for key, value in _told(arrived).items())


def _told(record: Record) -> dict[str, Any]:
    """The set fields, read as values, so that spelling and form do not count."""
    if record.wire_keys == CALL_LOG:  # null, "" and absent are alike; a list has fewer keys than the single call log
        return {key: value for key, value in decode_object(record.raw).items() if value is not None and value != ""}
    values = CDR(record.raw).values
    told = {key: value for key, value in values.items() if key not in KNOWN_KEYS}
    for field in FIELDS:
        value = values.get(field.wire)
        try:
            told[field.wire] = read_value(field, value)
        except OddValue:
            told[field.wire] = value
    return {key: value for key, value in told.items() if value is not None and value != ""}
