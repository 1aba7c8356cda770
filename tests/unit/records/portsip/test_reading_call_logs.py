"""How the bytes of a call log are read, and what the ledger keys and orders it by."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import ORG, wire_record
from ringback.records.decode import MAX_RECORD_BYTES, Record
from ringback.records.errors import NotARecord
from ringback.records.portsip.call_log import CallLog, read_call_log
from ringback.records.portsip.decode import CALL_LOG, decode_call_log, is_call_log
from ringback.records.portsip.fields import CALL_LOG_FIELDS, CallLogKind, EndReason
from ringback.records.values import to_milliseconds
from unit.records.portsip.call_logs import FULL, log_of

DATA = Path(__file__).resolve().parents[3] / "data"
DETAIL = (DATA / "call-log-detail.json").read_bytes()
ITEMS: list[dict[str, Any]] = json.loads((DATA / "call-log-page.json").read_text("utf-8"))["items"]
NAMES = [field.name for field in CALL_LOG_FIELDS]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def test_a_full_call_log() -> None:
    """Each of the 26 fields of a single call log is read: texts, words, numbers, UTC times, a decimal cost."""
    log = read_call_log(DETAIL)
    came = json.loads(DETAIL)
    for field in CALL_LOG_FIELDS:
        value = getattr(log, field.name)
        if field.kind is CallLogKind.TIME:
            assert value == datetime.fromisoformat(came[field.name])
            assert value.tzinfo is UTC
        elif field.kind is CallLogKind.MONEY:
            assert value == Decimal("0.35")
        else:
            assert (value, type(value).__name__) == (
                came[field.name],
                field.enum.__name__ if field.enum else type(came[field.name]).__name__,
            )
    assert log.odd == ()
    assert log.rang_at == datetime(2025, 6, 3, 8, 15, 3, 550100, UTC)


def test_an_unanswered_call_log_with_empty_texts() -> None:
    """A row as PortSIP's sample has it, with empty texts where there is nothing, has nothing there."""
    log = log_of(ITEMS[0])
    blank = {name for name in NAMES if getattr(log, name) is None}
    assert {name for name, value in ITEMS[0].items() if value == ""} | {"cost", "billed_account"} == blank
    assert (log.answered_at, log.end_reason, log.status_code, log.duration) == (None, None, 486, 0)
    assert log.started_at == datetime(2025, 6, 3, 8, 15, 2, 104233, UTC)


@pytest.mark.parametrize("name", NAMES[1:])
def test_null_empty_and_absent_are_alike(name: str) -> None:
    """A blank field is None, however it is blank, and nothing is odd about it."""
    others = {key: value for key, value in FULL.items() if key != name}
    absent = log_of(others)
    assert getattr(absent, name) is None
    assert absent.odd == ()
    assert log_of(others | {name: None}) == log_of(others | {name: ""}) == absent


def test_a_misspelt_end_reason_stays_in_the_bytes() -> None:
    """CALLER_DISCONNECT reads as CALLER_DISCONNECTED, and the record has what came."""
    raw = msgspec.json.encode(ITEMS[1])
    assert read_call_log(raw).end_reason is EndReason.caller_disconnected
    record = decode_call_log(raw, ORG).record
    assert record.raw == raw
    assert b'"CALLER_DISCONNECT"' in record.raw


def test_times_of_another_zone_are_utc() -> None:
    """A time with an offset becomes the same moment in UTC."""
    assert log_of(ITEMS[2]).started_at == datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("fraction", ["", ".1", ".104", ".104233", ".104233999"])
def test_times_have_any_fraction(fraction: str) -> None:
    """Seconds are read with up to nine digits behind the point, of which six are kept."""
    microsecond = int(fraction[1:7].ljust(6, "0"))
    log = log_of({"ended_at": f"2026-03-02T12:00:00{fraction}Z"})
    assert log.ended_at == datetime(2026, 3, 2, 12, 0, 0, microsecond, UTC)


def test_odd_values_cost_only_themselves() -> None:
    """What does not fit its field is None and listed; ids that came as numbers are their digits."""
    log = log_of(ITEMS[3])
    assert log.odd == ("callee", "started_at", "status_code", "duration", "cost")
    assert all(getattr(log, name) is None for name in log.odd)
    assert (log.id, log.session_id, log.caller) == ("1180012345678901249", "1180012345678901250", "101")
    assert (log.direction, log.direction and log.direction.is_known) == ("SIDEWAYS_CALL", False)
    assert log.ended_at == datetime(2026, 3, 2, 12, 0, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("status_code", "486", 486),
        ("duration", "-1", -1),
        ("duration", 35.0, None),
        ("duration", True, None),
        ("duration", 10**18, None),
        ("cost", 0, Decimal(0)),
        ("cost", 0.1, Decimal("0.1")),
        ("cost", "12.50", Decimal("12.50")),
        ("cost", 1e-7, Decimal("1E-7")),
        ("cost", "1e999999", None),
        ("cost", "free", None),
        ("cost", 1e30, None),
        ("cost", [1], None),
        ("caller", "x" * 300, "x" * 300),
        ("caller", True, None),
        ("caller_display_name", "NA", "NA"),
        ("end_reason", ["CANCELLED"], None),
        ("answered_at", 1772452800, None),
        ("answered_at", "0001-13-01T00:00:00Z", None),
    ],
)
def test_single_values(name: str, value: object, expected: object) -> None:
    """Numbers come as numbers or texts; what is too long is kept; what cannot be meant is odd."""
    log = log_of({name: value})
    assert getattr(log, name) == expected
    assert log.odd == (() if expected is not None else (name,))


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(ITEMS[0], id="18 digits"),
        pytest.param(ITEMS[1], id="19 digits"),
        pytest.param(ITEMS[2], id="base64"),
        pytest.param(ITEMS[3], id="a number"),
    ],
)
def test_the_record_id_is_the_id_as_it_came(item: dict[str, Any]) -> None:
    """Ids are texts of any form, and the record is kept under just that text."""
    record = decode_call_log(msgspec.json.encode(item), ORG).record
    assert record.record_id == str(item["id"])
    assert is_call_log(item)


def test_the_record_of_a_full_call_log() -> None:
    """A call log is ordered by its end, begins at its start, has no location, and is marked as no CDR."""
    assert decode_call_log(b" " + DETAIL + b"\n", ORG).record == Record(
        org=ORG,
        record_id="OTk0NTEyMzQ1Njc4OTAxMjQ4",
        raw=DETAIL.strip(),
        report_at=to_milliseconds(datetime(2025, 6, 3, 8, 15, 43, 940000, UTC)),
        start_at=to_milliseconds(datetime(2025, 6, 3, 8, 15, 2, 104000, UTC)),
        location="",
        wire_keys=CALL_LOG,
    )


@pytest.mark.parametrize(
    ("without", "report", "start"),
    [
        ([], "ended_at", "started_at"),
        (["ended_at"], "answered_at", "started_at"),
        (["ended_at", "answered_at"], "rang_at", "started_at"),
        (["ended_at", "answered_at", "rang_at"], "started_at", "started_at"),
        (["started_at"], "ended_at", "ended_at"),
        (["started_at", "ended_at", "answered_at", "rang_at"], None, None),
    ],
)
def test_times_fall_back(without: list[str], report: str | None, start: str | None) -> None:
    """Without an end a call log is ordered by its answer, its ringing or its start; start falls back to that."""
    record = decode_call_log(msgspec.json.encode(FULL | dict.fromkeys(without, "")), ORG).record
    at = {None: None} | {
        name: to_milliseconds(datetime.fromisoformat(FULL[name])) for name in (report, start) if name is not None
    }
    assert (record.report_at, record.start_at) == (at[report], at[start])


def test_oddities_are_told_with_the_record() -> None:
    """What is odd about a call log is told beside its record."""
    assert decode_call_log(msgspec.json.encode(ITEMS[3]), ORG).odd == log_of(ITEMS[3]).odd != ()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not valid JSON"),
        (b'{"id":"1"', "not valid JSON"),
        (b'{"id":"\xff"}', "not valid JSON"),
        (b"[]", "not a JSON object but list"),
        (b"{}", "no id"),
        (b'{"id":null}', "no id"),
        (b'{"id":""}', "no id"),
        (b'{"id":"  "}', "no id"),
        (b'{"id":1.5}', "the id is not a text: 1.5"),
        (b'{"id":true}', "the id is not a text: True"),
        (b'{"id":["1"]}', "the id is not a text"),
        (b'{"id":"a\\nb"}', "not printable"),
        (b'{"id":"%s"}' % (b"1" * 201), "longer than 200 characters"),
        (b'{"id":"1","user_data":"%s"}' % (b"x" * MAX_RECORD_BYTES), "larger than 65536 bytes"),
    ],
)
def test_what_cannot_be_keyed_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    """What is no record says why, in words for the person who sent it."""
    with pytest.raises(NotARecord) as refused:
        decode_call_log(raw, ORG)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (FULL, True),
        ({"id": "1", "started_at": None}, True),
        ({"id": "1", "caller": ""}, True),
        ({"id": "1", "callee": "", "Mood": "cheerful"}, True),
        ({"id": "1", "session_id": "2"}, True),
        ({"id": "1"}, False),
        ({"caller": "101", "callee": "102"}, False),
        (FULL | {"Report ID": "r-1"}, False),
        (FULL | {"REPORT  id": "r-1"}, False),
        (json.loads(wire_record()), False),
        (json.loads(wire_record()) | {"id": "1"}, False),
        ({}, False),
    ],
)
def test_call_logs_are_told_from_cdrs(values: dict[str, object], expected: bool) -> None:
    """A call log has an id and something of a call, and no Report ID."""
    assert is_call_log(values) is expected


@given(values=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), json_values, max_size=12))
def test_odd_values_never_cost_the_record(values: dict[str, object]) -> None:
    """Whatever the other values are, a call log with an id is kept, and each value is read, blank or odd."""
    raw = msgspec.json.encode(values | {"id": "1"})
    decoded = decode_call_log(raw, ORG)
    assert (decoded.record.record_id, decoded.record.raw) == ("1", raw)
    log = read_call_log(raw)
    came = [name for name in NAMES[1:] if values.get(name) not in (None, "")]
    assert [name for name in came if getattr(log, name) is None] == list(log.odd) == list(decoded.odd)


@given(raw=st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_call_log_or_refused(raw: bytes) -> None:
    """No input makes reading fail in another way than with a reason."""
    reason = ""
    read: CallLog | None = None
    try:
        read = read_call_log(raw)
    except NotARecord as refused:
        reason = str(refused)
    assert reason or read is not None
