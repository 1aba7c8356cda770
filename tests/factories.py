"""What tests are made from: records with everything settable that a test may be about, and a clock that a test sets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from ringback.records.decode import Record, decode
from ringback.records.fields import FIELDS
from ringback.records.values import from_milliseconds, to_wire_time

ORG = UUID("11111111-1111-4111-8111-111111111111")
OTHER_ORG = UUID("22222222-2222-4222-8222-222222222222")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""When records are from, unless a test says otherwise."""

_FILLED: dict[str, object] = {
    "Answered": "true",
    "Answer indicator": "Yes",
    "Call outcome": "Success",
    "Call outcome reason": "Normal",
    "Call type": "SIP_ENTERPRISE",
    "Called number": "+12025550101",
    "Calling number": "+12025550102",
    "Direction": "TERMINATING",
    "Ring duration": "4",
    "Site timezone": "60",
    "User type": "User",
}


def wire_record(
    report_id: str = "report-1",
    *,
    org: UUID | str = ORG,
    report_time: datetime | str = NOON,
    start_time: datetime | str | None = None,
    location: str = "Berlin",
    without: Iterable[str] = (),
    **wire_values: object,
) -> bytes:
    """A record as the cloud sends it: one line of JSON with the 87 keys in wire order.

    Args:
        report_time, start_time: a text stands in the record as it is. The start is the Report time if not given.
        without: wire keys to leave out.
        wire_values: other values by wire key; keys that are not in the field table stand at the end.
    """
    given = {
        "Org UUID": str(org),
        "Report ID": report_id,
        "Report time": _time(report_time),
        "Start time": _time(report_time if start_time is None else start_time),
        "Location": location,
    }
    empty = {field.wire: 0 if field.number else "" for field in FIELDS}
    values = empty | _FILLED | given | wire_values
    return msgspec.json.encode({key: value for key, value in values.items() if key not in set(without)})


def make_record(
    report_id: str = "report-1",
    *,
    org: UUID | str = ORG,
    report_time: datetime | str = NOON,
    start_time: datetime | str | None = None,
    location: str = "Berlin",
    without: Iterable[str] = (),
    **wire_values: object,
) -> Record:
    """A `Record` of `wire_record` with the same arguments."""
    return decode(
        wire_record(
            report_id,
            org=org,
            report_time=report_time,
            start_time=start_time,
            location=location,
            without=without,
            **wire_values,
        )
    ).record


def _time(moment: datetime | str) -> str:
    return moment if isinstance(moment, str) else to_wire_time(moment)


class Clock:
    """A clock that stands still at `now`, in milliseconds since 1970, until a test sets it."""

    def __init__(self, now: int = 1_772_500_000_000) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return from_milliseconds(self.now)
