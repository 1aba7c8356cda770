"""From bytes to what the ledger keys and orders a record by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.records.cdr import CDR
from ringback.records.decode import MAX_RECORD_BYTES, Record, decode
from ringback.records.errors import NotARecord
from ringback.records.fields import FIELDS, WIRE_KEYS

DATA = Path(__file__).resolve().parents[2] / "data"
FULL = json.loads((DATA / "full-record-2026.json").read_text("utf-8"))
ORG = UUID("7d0c9c1e-52a4-4c0e-9d8b-3f1f5a6b7c8d")
OTHER = UUID(int=7)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def record_of(values: Mapping[str, object]) -> Record:
    """The record of these values, for an org if they name none."""
    return decode(msgspec.json.encode(values), OTHER).record


def test_full_record() -> None:
    """A record of 2026 has its org, id, times and location, and is known to be complete."""
    raw = msgspec.json.encode(FULL)
    decoded = decode(raw)
    assert decoded.odd == ()
    assert decoded.record == Record(
        org=ORG,
        record_id="b6f7a1c2-3d4e-3f50-8a61-72b3c4d5e6f7",
        raw=raw,
        report_at=1_789_392_196_734,
        start_at=1_789_392_001_155,
        location="Raleigh",
        wire_keys=87,
    )


@pytest.mark.parametrize("spelling", ["wire", "documented", "csv"])
def test_keys_in_any_spelling(spelling: str) -> None:
    """Whatever the spelling and case of the keys, the record is keyed and ordered alike."""
    spelt = {getattr(field, spelling) or field.wire: FULL[field.wire] for field in FIELDS}
    for keys in (spelt, {key.lower(): value for key, value in spelt.items()}):
        record = record_of(keys)
        expected = record_of(FULL)
        assert msgspec.structs.replace(record, raw=b"", wire_keys=0) == msgspec.structs.replace(
            expected, raw=b"", wire_keys=0
        )


@pytest.mark.parametrize(
    ("values", "report_at", "start_at"),
    [
        ({"Report time": "1970-01-01T00:00:03Z", "Start time": "1970-01-01T00:00:01Z"}, 3000, 1000),
        ({"Release time": "1970-01-01T00:00:02Z", "Start time": "1970-01-01T00:00:01Z"}, 2000, 1000),
        ({"Report time": "soon", "Release time": "1970-01-01T00:00:02Z"}, 2000, 2000),
        ({"Report time": "NA", "Start time": "1970-01-01T00:00:01Z"}, 1000, 1000),
        ({"Report time": ["1970-01-01T00:00:03Z"], "Start time": "1970-01-01T00:00:01Z"}, 1000, 1000),
        ({"Report time": {"at": 3}, "Start time": 5}, None, None),
        ({}, None, None),
    ],
)
def test_times_fall_back(values: dict[str, object], report_at: int | None, start_at: int | None) -> None:
    """Without a usable Report time the Release time orders a record, then the Start time; start falls back to that."""
    record = record_of({"Report ID": "r-1"} | values)
    assert (record.report_at, record.start_at) == (report_at, start_at)


@pytest.mark.parametrize("org", ["", "NA", None])
def test_record_without_org_gets_the_default(org: str | None) -> None:
    """A record that names no organization belongs to the one that was given for such records."""
    assert record_of({"Report ID": "r-1", "Org UUID": org}).org == OTHER


def test_the_default_org_changes_no_record_that_names_one() -> None:
    """An organization named in the record is the one that counts."""
    assert record_of(FULL).org == ORG


@pytest.mark.parametrize(
    ("location", "expected"), [("Raleigh", "Raleigh"), ("NA", ""), (5, ""), ("x" * 300, "x" * 256)]
)
def test_location(location: object, expected: str) -> None:
    """The location is its name, or "" if it has none that could be one."""
    assert record_of({"Report ID": "r-1", "Location": location}).location == expected


def test_wire_keys_counts_a_beginning_of_the_wire_order() -> None:
    """A record with the first keys in order is told by their number; one with another order or key by 0."""
    full = list(FULL.items())
    assert record_of(dict(full)).wire_keys == 87
    assert record_of(dict([*full, ("Mood", "cheerful")])).wire_keys == 87
    assert record_of(dict(full[:70])).wire_keys == 70
    assert record_of(dict([*full[:70], ("Mood", "cheerful")])).wire_keys == 0
    assert record_of(dict([("Mood", "cheerful"), *full])).wire_keys == 0
    assert record_of(dict([full[1], full[0], *full[2:]])).wire_keys == 0
    assert record_of({key.lower(): value for key, value in full}).wire_keys == 0


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"Report ID":"r-1"} {}', "not valid JSON"),
        (b'{"Report ID":"\xff"}', "not valid JSON"),
        (b"[]", "not a JSON object but list"),
        (b'"r-1"', "not a JSON object but str"),
        (b"null", "not a JSON object but NoneType"),
        (b"{}", "no Report ID"),
        (b'{"Report ID":""}', "no Report ID"),
        (b'{"Report ID":"NA"}', "no Report ID"),
        (b'{"Report ID":" "}', "no Report ID"),
        (b'{"Report ID":null}', "no Report ID"),
        (b'{"Report ID":5}', "the Report ID is not a text: 5"),
        (b'{"Report ID":["r-1"]}', "the Report ID is not a text"),
        (b'{"Report ID":"a\\nb"}', "not printable"),
        (b'{"Report ID":"%s"}' % (b"x" * 201), "longer than 200 characters"),
        (b'{"Report ID":"r-1","Org UUID":"mine"}', "the Org UUID is not a UUID: 'mine'"),
        (b'{"Report ID":"r-1","Org UUID":5}', "the Org UUID is not a UUID: 5"),
        (b'{"Report ID":"r-1","User":"%s"}' % (b"x" * MAX_RECORD_BYTES), "larger than 65536 bytes"),
    ],
)
def test_what_cannot_be_keyed_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    """What is no record says why, in words for the person who sent it."""
    with pytest.raises(NotARecord) as refused:
        decode(raw, OTHER)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 200


def test_record_of_no_org_is_refused() -> None:
    """A record that names no organization, if none was given for such records, is refused with the way out."""
    with pytest.raises(NotARecord, match="no Org UUID, and no organization was given for such records"):
        decode(b'{"Report ID":"r-1"}')


def test_the_largest_record_is_kept() -> None:
    """A record of exactly the largest size is a record."""
    frame = b'{"Report ID":"r-1","User":"%s"}'
    raw = frame % (b"x" * (MAX_RECORD_BYTES - len(frame) + 2))
    assert len(raw) == MAX_RECORD_BYTES
    assert decode(raw, ORG).record.raw == raw


@given(values=st.dictionaries(st.sampled_from(WIRE_KEYS) | st.text(max_size=8), json_values, max_size=12))
def test_odd_values_never_cost_the_record(values: dict[str, object]) -> None:
    """Whatever the other values are, a record with an id is kept, and its odd attributes are those of the CDR."""
    others = {key: value for key, value in values.items() if key.casefold() not in ("report id", "org uuid")}
    raw = msgspec.json.encode(others | {"Report ID": "r-1", "Org UUID": str(ORG)})
    decoded = decode(raw)
    assert decoded.record.record_id == "r-1"
    assert decoded.record.raw == raw
    assert decoded.odd == CDR(raw).odd


@given(raw=st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_record_or_refused(raw: bytes) -> None:
    """No input makes decoding fail in another way than with a reason."""
    reason = ""
    try:
        kept = decode(raw, ORG).record.raw
    except NotARecord as refused:
        reason = str(refused)
    assert reason or kept == raw


def test_odd_attributes_are_found_in_complete_records() -> None:
    """In a record whose values have the usual types, a text that does not fit is found too."""
    assert decode(msgspec.json.encode(FULL | {"Start time": "soon"})).odd == ("start_time",)
    assert decode(msgspec.json.encode(FULL | {"Ring duration": "soon"})).odd == ("ring_duration",)
    assert decode(msgspec.json.encode(FULL | {"Answered": "soon"})).odd == ("answered",)
    assert decode(msgspec.json.encode(FULL | {"Site timezone": -240})).odd == ("site_timezone",)
    assert decode(msgspec.json.encode(FULL | {"Hold duration": "na"})).odd == ()
