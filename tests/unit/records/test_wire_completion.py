"""Records as they go out: all fields, in wire order."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.records.cdr import CDR
from ringback.records.decode import decode
from ringback.records.fields import FIELDS, WIRE_KEYS, Kind, field_of_key
from ringback.records.wire import complete, on_the_wire

DATA = Path(__file__).resolve().parents[2] / "data"
FULL = json.loads((DATA / "full-record-2026.json").read_text("utf-8"))
NUMBERS = {field.wire for field in FIELDS if field.kind is Kind.INTEGER}
TRUTHS = {field.wire for field in FIELDS if field.kind is Kind.BOOLEAN}

finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | finite | st.text(max_size=20) | st.just([1])
records = st.dictionaries(st.sampled_from(WIRE_KEYS) | st.text(max_size=8), json_values, max_size=20)


def sent(values: dict[str, object]) -> bytes:
    """What goes out for a record that came with these values."""
    raw = msgspec.json.encode(values)
    return on_the_wire(raw, decode(raw).record.wire_keys)


def test_complete_record_goes_out_as_it_came() -> None:
    """A record that came with all keys goes out byte for byte, white space and unknown keys included."""
    raw = json.dumps(FULL | {"Mood": "cheerful"}, indent=3).encode()
    assert on_the_wire(raw, decode(raw).record.wire_keys) is raw


@pytest.mark.parametrize("count", [22, 70, 86])
@pytest.mark.parametrize("indent", [None, 2])
def test_record_of_an_older_cloud_is_completed(count: int, indent: int | None) -> None:
    """A record with the first keys only keeps its bytes and gets the others, unset, at its end."""
    raw = json.dumps(dict(list(FULL.items())[:count]), indent=indent).encode()
    wire_keys = decode(raw).record.wire_keys
    assert wire_keys == count
    whole = on_the_wire(raw, wire_keys)
    assert whole.startswith(raw.rstrip(b"}"))
    assert json.loads(whole) == {key: FULL[key] if key in WIRE_KEYS[:count] else "" for key in WIRE_KEYS}
    assert tuple(json.loads(whole)) == WIRE_KEYS


@pytest.mark.parametrize("space", [b" ", b"\n", b"\r\n"])
def test_white_space_behind_a_record_does_no_harm(space: bytes) -> None:
    """A record of an older cloud that came with a line end behind it still goes out as valid JSON."""
    raw = json.dumps(dict(list(FULL.items())[:70])).encode() + space
    record = decode(raw).record
    assert tuple(json.loads(on_the_wire(record.raw, record.wire_keys))) == WIRE_KEYS


def test_other_order_and_spelling_become_those_of_the_wire() -> None:
    """Keys in another order and spelling go out as the wire has them."""
    mixed = {(field.csv or field.wire).upper(): FULL[field.wire] for field in reversed(FIELDS)}
    whole = json.loads(sent(mixed))
    assert whole == FULL
    assert tuple(whole) == WIRE_KEYS


def test_unknown_keys_follow_at_the_end() -> None:
    """Keys that nobody knows yet are kept and stand last, in the order they came in."""
    whole = json.loads(sent({"Zeal": 1, "Report ID": "r-1", "Org UUID": FULL["Org UUID"], "Mood": ["x"]}))
    assert tuple(whole) == (*WIRE_KEYS, "Zeal", "Mood")
    assert (whole["Zeal"], whole["Mood"]) == (1, ["x"])


@pytest.mark.parametrize(
    ("key", "came", "goes"),
    [
        ("Duration", "36", 36),
        ("Duration", 36, 36),
        ("Hold duration", "0", 0),
        ("Ring duration", 23, "23"),
        ("Ring duration", "23", "23"),
        ("Answered", "TRUE", "true"),
        ("Answered", "False", "false"),
        ("Answered", True, "true"),
        ("Duration", "", ""),
        ("Duration", "na", "na"),
        ("Duration", "soon", "soon"),
        ("Duration", 1.5, 1.5),
        ("Answered", "perhaps", "perhaps"),
        ("User", 5, 5),
        ("User", ["x"], ["x"]),
        ("User", None, ""),
        ("Site timezone", "-240", "-240"),
    ],
)
def test_values_get_the_type_they_have_on_the_wire(key: str, came: object, goes: object) -> None:
    """A value gets the JSON type of the wire if that loses nothing, and stays as it is otherwise."""
    value = json.loads(complete(msgspec.json.encode({key: came})))[key]
    assert (value, type(value)) == (goes, type(goes))


@given(records)
def test_complete_twice_is_complete_once(values: dict[str, object]) -> None:
    """Completing a completed record changes no byte of it."""
    whole = complete(msgspec.json.encode(values))
    assert complete(whole) == whole


@given(records)
def test_completion_keeps_every_value(values: dict[str, object]) -> None:
    """A completed record reads as the record did, and has no key that did not come or is not of the table."""
    raw = msgspec.json.encode(values)
    whole = complete(raw)
    before, after = CDR(raw), CDR(whole)
    assert tuple(json.loads(whole))[:87] == WIRE_KEYS
    assert after.extra == before.extra
    assert after.odd == before.odd
    for field in FIELDS:
        assert getattr(after, field.attribute) == getattr(before, field.attribute)
    came = {known.wire if (known := field_of_key(key)) else key: value for key, value in values.items()}
    goes = json.loads(whole)
    for key, value in came.items():
        if key not in NUMBERS | TRUTHS and value is not None:
            assert goes[key] == value
