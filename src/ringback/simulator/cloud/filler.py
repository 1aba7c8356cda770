"""Records in bulk, where only their number and their times matter, and records with odd values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zlib import crc32

import msgspec

from ringback.records.fields import WIRE_KEYS
from ringback.simulator.clock import HOUR, SECOND, iso, to_ms
from ringback.simulator.cloud.archive import Row
from ringback.simulator.deliveries import Delivery

_LOCATION = "Fillerton"
_LONG_CALL = 1000  # every so many records


def filler(
    org: UUID, *, start: datetime, end: datetime, records: int, inserted_after: timedelta = timedelta(seconds=30)
) -> Iterator[Row]:
    """Many records at even distances, for `SimulatedCloud.add_rows`: a million takes seconds, and little memory.

    Each record has all keys, most of them unset, and is made when it is asked for. Calls last up to five minutes, every
    thousandth three hours. No two records have the same id, and none comes twice.

    Args:
        org: whose they are.
        start, end: of the Report times, which begin at the start and stay below the end.
        records: how many.
        inserted_after: the time from Report time to insertion.
    """
    begin, span = to_ms(start), to_ms(end) - to_ms(start)
    delay = inserted_after // timedelta(milliseconds=1)
    template = _template(org)
    family = f"3000-8000-{org.hex[:12]}"
    for number in range(records):
        report = begin + number * span // records
        started = report - (3 * HOUR if number % _LONG_CALL == _LONG_CALL - 1 else (10 + number * 7919 % 290) * SECOND)
        report_id = f"{number:08x}-0000-{family}"
        record = partial(_render, template, report_id, started, report)
        yield Row(report + delay, report, started, report_id, _LOCATION, record)


def _template(org: UUID) -> bytes:
    values: dict[str, Any] = dict.fromkeys(WIRE_KEYS, "")
    values |= {
        "Report ID": "%(report_id)s",
        "Start time": "%(start)s",
        "Report time": "%(report)s",
        "Release time": "%(report)s",
        "Org UUID": str(org),
        "Location": _LOCATION,
        "Direction": "ORIGINATING",
        "Answered": "false",
        "Duration": 0,
        "Hold duration": 0,
        "Ring duration": "0",
        "Correlation ID": "%(report_id)s",
    }
    return msgspec.json.encode(values)


def _render(template: bytes, report_id: str, started: int, report: int) -> bytes:
    return template % {
        b"report_id": report_id.encode(),
        b"start": iso(started).encode(),
        b"report": iso(report).encode(),
    }


_ODD: tuple[dict[str, Any], ...] = (
    {"Duration": "soon"},
    {"Answered": "perhaps"},
    {"Start time": "yesterday"},
    {"Site timezone": 1.5},
    {"Location": ["here", "there"]},
    {"Call outcome": {"of": "this"}},
    {"A key of tomorrow": "1", "Ring duration": 8.25},
)


def with_odd_values(deliveries: Iterable[Delivery], share: float) -> Iterator[Delivery]:
    """The same deliveries, some of them with values that do not fit their fields. They are records nevertheless.

    Args:
        share: of the records, 0 to 1. Each delivery of a record is changed alike.
    """
    for delivery in deliveries:
        chance = crc32(delivery.report_id.encode())
        if chance < share * 2**32:
            record = msgspec.json.decode(delivery.record) | _ODD[chance % len(_ODD)]
            delivery = msgspec.structs.replace(delivery, record=msgspec.json.encode(record))
        yield delivery
