"""The leg of a Webex CDR."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from ringback.records.cdr import CDR
from ringback.records.fields import FIELDS, Field
from ringback.records.leg import Leg, leg_of_cdr

DATA = Path(__file__).resolve().parents[2] / "data"
FULL = json.loads((DATA / "full-record-2026.json").read_text("utf-8"))
GIVEN_APART = {"report_id", "org_uuid"}


def leg_of(values: dict[str, object]) -> Leg:
    """The leg of a record with these values."""
    return leg_of_cdr(CDR.from_mapping(values), "org-1", "record-1")


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.attribute)
def test_every_field_of_a_record_arrives(field: Field) -> None:
    """Whatever one field of a record says, its leg says too; who keeps it under which id is given apart."""
    leg, empty = leg_of({field.wire: FULL[field.wire]}), leg_of({})
    assert (leg == empty) is (field.attribute in GIVEN_APART)


def test_no_two_attributes_of_a_leg_are_mixed_up() -> None:
    """Each text of a record arrives in one attribute of its leg, and under the same words if both use them."""
    marked = leg_of({field.wire: field.attribute for field in FIELDS})
    arrived = {name: value for name, value in msgspec.structs.asdict(marked).items() if isinstance(value, str)}
    texts = [value for name, value in arrived.items() if name not in ("org", "record_id")]
    assert len(texts) == len(set(texts))
    ours = {field.attribute for field in FIELDS}
    assert {name: value for name, value in arrived.items() if name in ours} == {
        name: name for name in arrived if name in ours
    }


def test_leg_of_a_full_record() -> None:
    """The names, numbers, times and outcome of a record are where a reader of legs looks for them."""
    leg = leg_of(FULL)
    assert (leg.org, leg.record_id, leg.side) == ("org-1", "record-1", "terminating")
    assert (leg.user_name, leg.user_number, leg.user_type) == ("Ana Example", "+19195550101", "User")
    assert (leg.calling_number, leg.calling_name) == ("+19195550142", "Ben Sample")
    assert (leg.called_number, leg.called_name) == ("+19195550101", "Ana Example")
    assert leg.answer_time == datetime(2026, 9, 14, 13, 20, 9, 412000, tzinfo=UTC)
    assert (leg.duration, leg.ring_duration, leg.hold_duration) == (187, 8, 12)
    assert (leg.answered, leg.answered_elsewhere, leg.consult_merged) == (True, True, False)
    assert (leg.outcome, leg.outcome_reason, leg.released_by) == ("Success", "Normal", "Remote")
    assert leg.site_utc_offset == -240
    assert (leg.local_call_id, leg.remote_call_id, leg.related_call_id) == ("204117:0", "204116:0", "204115:0")
    assert (leg.inbound_trunk, leg.outbound_trunk) == ("Trunk East", "Trunk West")
    assert leg.pstn_vendor == "Example Calling Plans"


def test_leg_of_an_empty_record() -> None:
    """A record without values has a leg in which all is unknown."""
    assert leg_of({}) == Leg(org="org-1", record_id="record-1", side=None)


@pytest.mark.parametrize(
    ("key", "value", "attribute", "expected"),
    [
        ("Direction", "ORIGINATING", "side", "originating"),
        ("Direction", "SIDEWAYS", "side", None),
        ("Site timezone", "330", "site_utc_offset", 330),
        ("Site timezone", "Raleigh", "site_utc_offset", None),
        ("WxCC consult merge status", "Yes", "consult_merged", True),
        ("WxCC consult merge status", "No", "consult_merged", False),
        ("WxCC consult merge status", "NA", "consult_merged", None),
        ("Answered elsewhere", "", "answered_elsewhere", False),
        ("International country", "NA", "country", "NA"),
        ("Call type", "SIP_TELEPATHY", "call_type", "SIP_TELEPATHY"),
        ("Duration", "soon", "duration", None),
    ],
)
def test_single_values(key: str, value: object, attribute: str, expected: object) -> None:
    """Values that a leg has in another form, and odd and unknown ones, are what a reader expects."""
    assert getattr(leg_of({key: value}), attribute) == expected
