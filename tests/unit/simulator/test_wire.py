"""Records of every kind of call have the shape of real ones, and their ids say what belongs together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from wxc_sdk.cdr import CDR

from ringback.records.fields import WIRE_KEYS
from ringback.simulator import KINDS, SimulatedCall

Wire = dict[str, Any]
CallsOf = Callable[[str], list[SimulatedCall]]
Newest = Callable[[SimulatedCall], list[Wire]]

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
ALWAYS_A_TIME = ("Start time", "Release time", "Report time")
ALWAYS_A_UUID = ("Correlation ID", "Org UUID", "Report ID", "Site UUID", "User UUID")
PATTERNS = {
    "Answered": r"true|false",
    "Direction": r"ORIGINATING|TERMINATING",
    "Ring duration": r"\d+",
    "Site timezone": r"-?\d+",
    "Local call ID": r"\d+:0A?",
    "Remote call ID": r"(\d+:0A?)?",
    "Local SessionID": r"[0-9a-f]{32}",
    "Remote SessionID": r"[0-9a-f]{32}",
    "Releasing party": r"Local|Remote|Unknown",
    "Call outcome": r"Success|Failure|Refusal",
    "Answer indicator": r"Yes|No|Yes-PostRedirection",
    "Site main number": r"\+\d{8,15}",
    "Device MAC": r"(02[0-9A-F]{10})?",
    "User": r".+",
    "User number": r"\+?\d+",
    "WxCC consult merge status": r"Yes|No|NA",
    "Auto Attendant Key Pressed": r"\d|NA",
}

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_each_record_has_all_keys_in_wire_order_and_the_types_of_the_wire(
    kind: str, calls_of: CallsOf, newest: Newest
) -> None:
    """A record has the 87 keys in wire order; all values are strings but two, which are whole numbers."""
    calls = calls_of(kind)
    assert calls
    for call in calls:
        assert newest(call)
        for wire in newest(call):
            assert tuple(wire) == WIRE_KEYS
            numbers = {key for key, value in wire.items() if type(value) is not str}
            assert numbers == {"Duration", "Hold duration"}
            assert type(wire["Duration"]) is int
            assert type(wire["Hold duration"]) is int
            assert not [key for key, pattern in PATTERNS.items() if not re.fullmatch(pattern, wire[key])]
            assert all(TIME.fullmatch(wire[key]) for key in ALWAYS_A_TIME)
            assert all(UUID.fullmatch(wire[key]) for key in ALWAYS_A_UUID)
            assert wire["Report ID"][14] == "3"
            assert wire["Report time"] == wire["Release time"]


@every_kind
def test_each_record_tells_a_possible_story(kind: str, calls_of: CallsOf, newest: Newest) -> None:
    """Times follow each other, an unanswered leg has no answer and no duration, a duration is what the times say."""
    for call in calls_of(kind):
        for wire in newest(call):
            answered = wire["Answered"] == "true"
            assert answered == bool(wire["Answer time"]) == (wire["Answer indicator"] != "No")
            times = [wire["Start time"], wire["Answer time"] or wire["Start time"], wire["Release time"]]
            assert times == sorted(times)
            assert answered or wire["Duration"] == 0
            assert bool(wire["Answer reason"]) == answered
            assert bool(wire["Dialed digits"]) <= (wire["Direction"] == "ORIGINATING")
            assert bool(wire["Route group"]) <= (wire["Direction"] == "ORIGINATING")
            assert bool(wire["Answered elsewhere"]) <= (wire["Direction"] == "TERMINATING")


@every_kind
def test_the_two_views_of_a_leg_name_each_other(kind: str, calls_of: CallsOf, newest: Newest) -> None:
    """Records with one network call id are the two sides of one leg: each carries the other's call id."""
    for call in calls_of(kind):
        legs: dict[str, list[Wire]] = {}
        for wire in newest(call):
            legs.setdefault(wire["Network call ID"], []).append(wire)
        for views in legs.values():
            assert len(views) <= 2
            if len(views) == 2:
                one, other = views
                assert {one["Direction"], other["Direction"]} == {"ORIGINATING", "TERMINATING"}
                assert (one["Local call ID"], one["Remote call ID"]) == (
                    other["Remote call ID"],
                    other["Local call ID"],
                )
                assert one["Correlation ID"] == other["Correlation ID"]


@every_kind
def test_related_and_transferred_calls_are_named_by_records_of_the_same_call(
    kind: str, calls_of: CallsOf, newest: Newest
) -> None:
    """Every Related and Transfer related call ID is the Local call ID of another record of the same call."""
    for call in calls_of(kind):
        records = newest(call)
        local = {wire["Local call ID"] for wire in records}
        assert len(local) == len(records)
        for wire in records:
            for key in ("Related call ID", "Transfer related call ID"):
                assert wire[key] in {"", *local} - {wire["Local call ID"]}


@every_kind
def test_the_records_of_a_call_hang_together_by_their_ids(kind: str, calls_of: CallsOf, newest: Newest) -> None:
    """Sessions of one call are linked by Interaction ID, Related call ID, or Transfer related call ID."""
    for call in calls_of(kind):
        records = newest(call)
        session = {wire["Local call ID"]: wire["Correlation ID"] for wire in records}
        reached = {records[0]["Correlation ID"]}
        for _ in records:
            for wire in records:
                linked = {wire["Correlation ID"]}
                linked |= {session[wire[key]] for key in ("Related call ID", "Transfer related call ID") if wire[key]}
                linked |= {
                    other["Correlation ID"]
                    for other in records
                    if wire["Interaction ID"] and other["Interaction ID"] == wire["Interaction ID"]
                }
                if linked & reached:
                    reached |= linked
        assert reached == set(session.values())


@every_kind
def test_records_are_read_by_wxc_sdk(kind: str, calls_of: CallsOf) -> None:
    """The client library that most people read records with takes every record, and knows every key."""
    for call in calls_of(kind)[:10]:
        for delivery in call.deliveries:
            cdr = CDR.model_validate(json.loads(delivery.record))
            assert not cdr.model_extra
            assert cdr.release_time == cdr.report_time == delivery.report_time
            assert cdr.org_uuid == str(delivery.org)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("pstn_in", [("TERMINATING", "User", "SIP_INBOUND")]),
        ("pstn_out", [("ORIGINATING", "User", "SIP_NATIONAL")]),
        ("internal", [("ORIGINATING", "User", "SIP_ENTERPRISE"), ("TERMINATING", "User", "SIP_ENTERPRISE")]),
        ("emergency", [("ORIGINATING", "User", "SIP_EMERGENCY")]),
        ("meeting", [("ORIGINATING", "User", "SIP_MEETING")]),
    ],
)
def test_only_parties_that_webex_controls_leave_records(
    kind: str, expected: list[tuple[str, str, str]], calls_of: CallsOf, newest: Newest
) -> None:
    """A party outside leaves no record; where a site has a local gateway, the gateway leaves one."""
    for call in calls_of(kind):
        got = [(wire["Direction"], wire["User type"], wire["Call type"]) for wire in newest(call)]
        assert sorted(entry for entry in got if entry[1] != "LocalGateway") == expected
        assert all(wire["Inbound trunk"] or wire["Outbound trunk"] for wire in newest(call)) or len(got) == len(
            expected
        )


def test_a_member_of_a_group_is_rung_by_a_leg_of_the_group(calls_of: CallsOf, newest: Newest) -> None:
    """The group's outgoing legs name the leg that came in; losers of the race say that another one answered."""
    for call in calls_of("hunt_simultaneous"):
        records = newest(call)
        group = next(w for w in records if (w["Direction"], w["User type"]) == ("TERMINATING", "HuntGroup"))
        attempts = [w for w in records if (w["Direction"], w["User type"]) == ("ORIGINATING", "HuntGroup")]
        members = [w for w in records if w["Redirect reason"] == "HuntGroup" and w["Direction"] == "TERMINATING"]
        assert {w["Related call ID"] for w in attempts} == {group["Local call ID"]}
        assert {w["Related reason"] for w in attempts} == {"HuntGroup"}
        assert len(attempts) == len(members) > 1
        assert [w["Answered"] for w in members].count("true") == 1
        assert all((w["Answered elsewhere"] == "Yes") == (w["Answered"] == "false") for w in members)


def test_a_consultative_transfer_takes_two_sessions_and_a_blind_one_takes_one(
    calls_of: CallsOf, newest: Newest
) -> None:
    """Only consultative transfers carry a Transfer related call ID, and they join several Correlation IDs."""
    for call in calls_of("consultative_transfer"):
        records = newest(call)
        assert len({wire["Correlation ID"] for wire in records}) == 2
        assert any(wire["Transfer related call ID"] for wire in records)
    for call in calls_of("blind_transfer"):
        records = newest(call)
        assert len({wire["Correlation ID"] for wire in records}) == 1
        assert not any(wire["Transfer related call ID"] for wire in records)


def test_only_sites_in_india_report_public_addresses(
    simulate: Callable[..., list[SimulatedCall]], newest: Newest
) -> None:
    """Both public addresses are NA, but for calls over the telephone network from and to sites in India."""
    addresses = set()
    for call in simulate(calls_per_day=600, mix={"pstn_in": 1, "pstn_out": 1}):
        for wire in newest(call):
            pair = (wire["Public Calling IP Address"], wire["Public Called IP Address"])
            assert (pair == ("NA", "NA")) == (wire["Location"] != "Bengaluru")
            addresses |= set(pair)
    assert {address.rpartition(".")[0] for address in addresses} == {"", "203.0.113"}
