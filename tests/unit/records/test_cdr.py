"""`CDR`: the typed view of a record."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringback.records.cdr import CDR
from ringback.records.enums import CallOutcome, CDRCallType, CDRDirection
from ringback.records.errors import NotARecord
from ringback.records.fields import FIELDS, Field, Kind
from ringback.records.values import from_milliseconds, to_milliseconds, to_wire_time

DATA = Path(__file__).resolve().parents[2] / "data"
FULL = json.loads((DATA / "full-record-2026.json").read_text("utf-8"))
DOCUMENTED = json.loads((DATA / "documented-page.json").read_text("utf-8"))["items"][0]


def read(**values: object) -> CDR:
    """A CDR with these attributes set, by wire key."""
    keys = {field.attribute: field.wire for field in FIELDS}
    return CDR.from_mapping({keys[attribute]: value for attribute, value in values.items()})


def test_full_record_has_every_attribute_set() -> None:
    """A record with all 87 keys has a value of the right type in every attribute, and nothing odd or extra."""
    cdr = CDR.from_mapping(FULL)
    types = {Kind.TEXT: str, Kind.ENUM: str, Kind.TIME: datetime, Kind.INTEGER: int, Kind.BOOLEAN: bool}
    for field in FIELDS:
        assert isinstance(getattr(cdr, field.attribute), types[field.kind]), field.attribute
    assert cdr.odd == ()
    assert cdr.extra == {}


def test_values_of_each_kind() -> None:
    """Texts, times, numbers, truth values and enum values are read as such."""
    cdr = CDR.from_mapping(FULL)
    assert cdr.user == "Ana Example"
    assert cdr.start_time == datetime(2026, 9, 14, 13, 20, 1, 155000, tzinfo=UTC)
    assert (cdr.duration, cdr.ring_duration, cdr.hold_duration) == (187, 8, 12)
    assert cdr.answered is True
    assert cdr.direction is CDRDirection.terminating
    assert cdr.call_outcome is CallOutcome.success
    assert cdr.site_timezone == "-240"


def test_documented_sample_record() -> None:
    """The sample of the API documents is read in full, with its spellings and its Release time without a zone."""
    cdr = CDR.from_mapping(DOCUMENTED)
    assert cdr.odd == ()
    assert cdr.extra == {}
    assert cdr.duration == 36
    assert cdr.ring_duration == 23
    assert cdr.os_type is None
    assert cdr.release_time == datetime(2023, 10, 12, 21, 22, 32, 621000, tzinfo=UTC)
    assert cdr.call_transfer_time == datetime(2023, 6, 5, 18, 21, 29, 707000, tzinfo=UTC)
    assert cdr.pstn_legal_entity == "Broadsoft Adaption LLC"
    assert cdr.pstn_vendor_org_id == "0b43a1a8-2efd-4892-b301-e7a5a6d2c884"


@pytest.mark.parametrize("spelling", ["wire", "documented", "csv"])
def test_three_spellings_read_alike(spelling: str) -> None:
    """A record reads the same whether its keys are those of the wire, of the documents or of the CSV report."""
    spelt = {getattr(field, spelling) or field.wire: FULL[field.wire] for field in FIELDS}
    assert CDR.from_mapping(spelt) == CDR.from_mapping(FULL)
    assert CDR.from_mapping({key.upper(): value for key, value in spelt.items()}) == CDR.from_mapping(FULL)


@pytest.mark.parametrize("text", ["", "NA", "na", "N/A", None])
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.attribute)
def test_unset_texts(field: Field, text: str | None) -> None:
    """Empty, NA, na, N/A, null and a missing key are unset, except where the text means something in that field."""
    value = getattr(CDR.from_mapping({field.wire: text}), field.attribute)
    exceptions = {
        ("international_country", "NA"),
        ("wxcc_consult_merge_status", "NA"),
        ("answer_reason", "N/A"),
    }
    assert value == (text if (field.attribute, text) in exceptions else None)
    assert getattr(CDR(b"{}"), field.attribute) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-09-14T13:20:01.155Z", datetime(2026, 9, 14, 13, 20, 1, 155000, tzinfo=UTC)),
        ("2026-09-14T13:20:01Z", datetime(2026, 9, 14, 13, 20, 1, tzinfo=UTC)),
        ("2026-09-14T13:20:01.1Z", datetime(2026, 9, 14, 13, 20, 1, 100000, tzinfo=UTC)),
        ("2026-09-14T13:20:01.123456789Z", datetime(2026, 9, 14, 13, 20, 1, 123456, tzinfo=UTC)),
        ("2026-09-14T15:20:01.155+02:00", datetime(2026, 9, 14, 13, 20, 1, 155000, tzinfo=UTC)),
        ("2026-09-14T09:20:01.155-0400", datetime(2026, 9, 14, 13, 20, 1, 155000, tzinfo=UTC)),
        ("2023-10-12 21:22:32.621", datetime(2023, 10, 12, 21, 22, 32, 621000, tzinfo=UTC)),
        ("2023-10-12T21:22:32", datetime(2023, 10, 12, 21, 22, 32, tzinfo=UTC)),
    ],
)
def test_times_are_aware_and_utc(text: str, expected: datetime) -> None:
    """ISO times with any fraction and offset, and the documented form without a zone, are aware UTC times."""
    moment = read(release_time=text).release_time
    assert moment == expected
    assert moment is not None
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("user", 5),
        ("user", ["Ana"]),
        ("model", {"name": "8875"}),
        ("site_timezone", -240),
        ("direction", 1),
        ("duration", "soon"),
        ("duration", 12.5),
        ("duration", True),
        ("ring_duration", "1.5"),
        ("hold_duration", [3]),
        ("answered", "perhaps"),
        ("answered", 1),
        ("start_time", "yesterday"),
        ("start_time", "2026-02-30T10:00:00.000Z"),
        ("start_time", "2026-09-14"),
        ("start_time", "20260914T132001Z"),
        ("start_time", 1757855999),
        ("start_time", ["2026-09-14T13:20:01.155Z"]),
        ("start_time", "9999-12-31T23:59:59-23:00"),
    ],
)
def test_an_odd_value_makes_its_field_unset_and_nothing_else(attribute: str, value: object) -> None:
    """A value that does not fit is None and listed in `odd`, and the other fields are read."""
    cdr = read(**{attribute: value, "report_id": "r-1"})
    assert getattr(cdr, attribute) is None
    assert cdr.odd == (attribute,)
    assert cdr.report_id == "r-1"


def test_unset_durations_are_not_odd() -> None:
    """A duration of "na" or "" is unset, not odd."""
    assert read(duration="na", ring_duration="", hold_duration="N/A").odd == ()


def test_numbers_and_truth_values_may_be_texts() -> None:
    """A CSV report has everything as texts, and its TRUE is true."""
    cdr = read(duration="36", hold_duration="0", answered="TRUE")
    assert (cdr.duration, cdr.hold_duration, cdr.answered) == (36, 0, True)
    assert read(answered=False).answered is False
    assert read(answered="False").answered is False


def test_unknown_enum_value_is_kept() -> None:
    """A value nobody has documented reads as itself."""
    cdr = read(call_type="SIP_TELEPATHY")
    assert cdr.call_type == "SIP_TELEPATHY"
    assert isinstance(cdr.call_type, CDRCallType)
    assert not cdr.call_type.is_known
    assert cdr.odd == ()


def test_unknown_keys_are_in_extra() -> None:
    """Keys that the table does not have are kept, with their spelling and value."""
    cdr = CDR.from_mapping({"Report ID": "r-1", "Mood": "cheerful", "Next key": {"deep": [1]}})
    assert cdr.extra == {"Mood": "cheerful", "Next key": {"deep": [1]}}


@pytest.mark.parametrize("key", ["Mood", "REPORT  id"], ids=["new", "spelling"])
def test_a_strange_key_changes_no_other_attribute(key: str) -> None:
    """A record with a key that is not of the wire, or is spelt otherwise, has the other attributes as without it."""
    cdr, strange = CDR.from_mapping(FULL), CDR.from_mapping(FULL | {key: "x"})
    for field in FIELDS:
        expected = "x" if key != "Mood" and field.attribute == "report_id" else getattr(cdr, field.attribute)
        assert getattr(strange, field.attribute) == expected, field.attribute


@pytest.mark.parametrize("rest", [b"}", b',"Mood":1}'], ids=["wire", "strange"])
def test_the_last_of_repeated_keys_counts(rest: bytes) -> None:
    """If a record has a key twice, its attribute is the last value, whatever else is in the record."""
    assert CDR(b'{"User":"Ana","Duration":3,"User":"Ben"' + rest).user == "Ben"


def test_escaped_keys_are_read() -> None:
    """A key that is written with escapes is that key."""
    assert CDR(b'{"Report\\u0020ID":"r-1"}').report_id == "r-1"


def test_a_cdr_cannot_be_changed() -> None:
    """Setting, adding and deleting attributes is refused."""
    cdr: Any = read(user="Ana Example")
    for name in ("user", "raw", "mood"):
        with pytest.raises(AttributeError, match=f"cannot be changed .setting '{name}'"):
            setattr(cdr, name, "Ben Sample")
    with pytest.raises(AttributeError, match=r"cannot be changed .deleting 'raw'"):
        del cdr.raw
    assert cdr.user == "Ana Example"


def test_equality_is_of_values_not_of_bytes() -> None:
    """Order, spelling and white space do not count; values and unknown keys do."""
    cdr = CDR(b'{"Report ID":"r-1","User":"Ana"}')
    assert cdr == CDR(b'{ "user": "Ana",\n "REPORT ID": "r-1" }')
    assert hash(cdr) == hash(CDR(b'{ "user": "Ana",\n "REPORT ID": "r-1" }'))
    assert cdr != CDR(b'{"Report ID":"r-1","User":"Ben"}')
    assert cdr != CDR(b'{"Report ID":"r-1","User":"Ana","Mood":"cheerful"}')
    assert cdr != "r-1"


def test_pickling_keeps_the_bytes() -> None:
    """A CDR can be sent to another process, before and after its values were read."""
    cdr = CDR.from_mapping(FULL)
    for sent in (pickle.loads(pickle.dumps(cdr)), (cdr.user, pickle.loads(pickle.dumps(cdr)))[1]):  # noqa: S301  our own
        assert sent == cdr
        assert sent.raw == cdr.raw


def test_repr_names_the_record() -> None:
    """What a person sees of a CDR is its Report ID, time, direction and user."""
    assert repr(read(report_id="r-1", direction="ORIGINATING", user="Ana")) == (
        "CDR(report_id='r-1', start_time=None, direction=ORIGINATING, user='Ana')"
    )


@pytest.mark.parametrize("raw", [b"", b"nothing", b"[]", b'"text"', b'{"a":', b'{"User":"\xff"}', b'{"a":' * 100_000])
def test_bytes_that_are_no_object_raise_when_read(raw: bytes) -> None:
    """Reading an attribute of something that is no JSON object says so."""
    with pytest.raises(NotARecord, match="not"):
        _ = CDR(raw).user


def test_milliseconds_and_wire_times() -> None:
    """A time goes to milliseconds and to the form of the wire, and comes back."""
    moment = datetime(2026, 9, 14, 13, 20, 1, 155999, tzinfo=UTC)
    assert to_milliseconds(moment) == 1_789_392_001_155
    assert from_milliseconds(1_789_392_001_155) == moment.replace(microsecond=155000)
    assert to_wire_time(moment) == "2026-09-14T13:20:01.155Z"
    assert to_wire_time(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000Z"
    with pytest.raises(ValueError, match="without a zone"):
        to_milliseconds(moment.replace(tzinfo=None))
