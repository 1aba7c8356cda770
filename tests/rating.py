"""Calls that cost something, and tariffs by which they do, for tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from factories import NOON, ORG, make_record
from ringback.projections.costs.tariff import Tariff
from ringback.records.decode import Record
from ringback.records.kinds import decode_any
from ringback.records.values import to_wire_time
from ringback.settings.billing import BillingSettings, RateSettings

RINGING = timedelta(seconds=5)


def call_log(
    record_id: str = "call",
    callee: str | None = "+4930123456",
    *,
    seconds: float = 60,
    start: datetime = NOON,
    **fields: Any,
) -> Record:
    """A record of a PortSIP PBX: extension 101 calls out, for so many seconds, unless the fields say otherwise."""
    answer = start + RINGING
    end = answer + timedelta(seconds=seconds)
    values = {
        "id": record_id,
        "session_id": f"s-{record_id}",
        "caller": "101",
        "caller_domain": "pbx.example.com",
        "callee": callee,
        "started_at": to_wire_time(start),
        "answered_at": to_wire_time(answer),
        "ended_at": to_wire_time(end),
        "direction": "OUTBOUND_CALL",
        "duration": int(seconds),
        "status_code": 0,
    }
    return decode_any(msgspec.json.encode(values | fields), ORG).record


def webex_record(report_id: str = "record", number: str = "+4930123456", **wire_values: Any) -> Record:
    """A record of Webex: user u1 calls out, for a minute, unless the fields say otherwise."""
    answer = NOON + RINGING
    values: dict[str, Any] = {
        "Direction": "ORIGINATING",
        "Call type": "SIP_NATIONAL",
        "User type": "User",
        "User UUID": "U1",
        "Called number": number,
        "Answer time": to_wire_time(answer),
        "Release time": to_wire_time(answer + timedelta(seconds=60)),
        "Duration": 60,
    }
    return make_record(report_id, start_time=NOON, **(values | wire_values))


def rate(prefix: str, price: str, **fields: Any) -> RateSettings:
    """A rate that is called like its prefix."""
    return RateSettings(**({"name": prefix or "others", "prefix": prefix, "price": price} | fields))


def tariff(*rates: RateSettings, **fields: Any) -> Tariff:
    """A tariff of these rates, in euros, for Germany."""
    return Tariff(BillingSettings(**({"currency": "EUR", "country": "DE", "rates": rates} | fields)))
