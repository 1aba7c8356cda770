"""Call logs and CDRs become each other as the tables of the page about it say."""

from __future__ import annotations

from typing import Any

import pytest

from factories import ORG
from ringback.records.cdr import CDR
from ringback.records.enums import CallOutcomeReason, CDRRedirectReason
from ringback.records.fields import FIELDS, WIRE_KEYS
from ringback.records.portsip.fields import CALL_LOG_FIELDS, CallLogDirection, EndReason, RerouteReason
from unit.records.portsip.call_logs import FULL, cdr_of, full, log_of, log_of_cdr, there_and_back
from unit.records.portsip.mapping_page import Row, listed, paragraph, table

FIELD_ROWS = table("call log", "Webex CDR")
DIRECTIONS = table("direction", "Direction")
DIRECTIONS_BACK = table("Direction", "Call type")
STATUSES = table("status_code", "answered")
REASONS = table("Call outcome reason", "status_code")
ENDS = table("end_reason", "answered")
REROUTES = table("reroute_reason", "Redirect reason")
SAME = [row for row in FIELD_ROWS if row["how"].startswith("as it is")]


def of(row: Row) -> str:
    """How a row is called in the list of tests."""
    return " ".join(list(row.values())[:3])


def unanswered(row: Row) -> dict[str, Any]:
    """What makes a call log answered or not, as a row says."""
    return {} if row["answered"] == "yes" else {"answered_at": ""}


def test_the_page_names_each_field_of_both() -> None:
    """Of all 26 fields and all 87 the page says what becomes of them, or that they have no counterpart."""
    assert [row["call log"] for row in FIELD_ROWS] == [field.name for field in CALL_LOG_FIELDS]
    mapped = {key for row in FIELD_ROWS for key in listed(f"`{row['Webex CDR']}`")}
    derived = listed(paragraph("These fields of the CDR follow"))
    alone = listed(paragraph("These have no counterpart"))
    assert mapped | {*derived, *alone} == set(WIRE_KEYS)
    assert len(mapped) + len(derived) + len(alone) == len(WIRE_KEYS)


def test_a_cdr_of_a_call_log_has_all_keys_in_wire_order() -> None:
    """The CDR of a call log is complete, and is read as a record without anything odd."""
    values = cdr_of(full())
    assert tuple(values) == WIRE_KEYS
    assert CDR.from_mapping(values).odd == ()
    for field in FIELDS:
        if values[field.wire] != "":
            assert isinstance(values[field.wire], int if field.number else str)


def test_what_has_no_counterpart_is_unset() -> None:
    """Of fields without a counterpart nothing is made up."""
    values = cdr_of(full())
    assert {values[key] for key in listed(paragraph("These have no counterpart"))} == {""}


@pytest.mark.parametrize("row", [row for row in FIELD_ROWS if row["how"].startswith("nowhere")], ids=of)
def test_what_goes_nowhere(row: Row) -> None:
    """A field that goes nowhere changes nothing in the CDR but the user's id, and does not come back."""
    name = row["call log"]
    with_it, without = cdr_of(full()), cdr_of(full(**{name: ""}))
    changed = {key for key in WIRE_KEYS if with_it[key] != without[key]}
    assert changed == ({"User UUID"} if name == "callee_domain" else set())
    assert getattr(there_and_back(full()), name) is None


@pytest.mark.parametrize("row", SAME, ids=of)
def test_what_is_mapped_as_it_is(row: Row) -> None:
    """A value that is mapped as it is stands in the named field of the CDR, and comes back from there."""
    name, key = row["call log"], listed(f"`{row['Webex CDR']}`")[0]
    log = full()
    assert cdr_of(log)[key] == FULL[name]
    assert getattr(there_and_back(log), name) == getattr(log, name) is not None
    if name != "id":
        assert cdr_of(full(**{name: ""}))[key] == ""
        assert getattr(there_and_back(full(**{name: ""})), name) is None


def test_what_follows_from_the_other_fields() -> None:
    """Ids, answers and the user are told in all the fields that a reader of CDRs looks for them in."""
    values = cdr_of(full())
    told = ("Org UUID", "Network call ID", "Answered", "Answer indicator", "Report time")
    assert [values[key] for key in told] == [str(ORG), FULL["id"], "true", "Yes", FULL["ended_at"]]
    user = ("User UUID", "User", "User number")
    assert [values[key] for key in user] == ["102@pbx.example.com", "Bob Example", "102"]
    assert [cdr_of(full(answered_at=""))[key] for key in ("Answered", "Answer indicator")] == ["false", "No"]
    assert [cdr_of(full(answered_at="soon"))[key] for key in ("Answered", "Answer indicator")] == ["", ""]


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({}, "5"),
        ({"answered_at": ""}, "65"),
        ({"rang_at": "2026-03-02T12:00:01.001Z"}, "4"),
        ({"rang_at": "2026-03-02T12:00:06Z"}, "0"),
        ({"rang_at": ""}, ""),
        ({"answered_at": "", "ended_at": ""}, ""),
        ({"rang_at": "2026-03-02T12:00:07Z"}, ""),
    ],
)
def test_ring_duration(values: dict[str, object], seconds: str) -> None:
    """The phone rang until the answer, else until the end; nothing is said if that is not known, or cannot be."""
    assert cdr_of(full(**values))["Ring duration"] == seconds


@pytest.mark.parametrize("ring", ["-5", "", "999999999999999999", "99999999999"])
def test_ring_durations_that_cannot_be(ring: str) -> None:
    """A Ring duration that no time can be reckoned from leaves the time of ringing blank."""
    assert log_of_cdr({"Release time": "2026-03-02T12:00:00.000Z", "Ring duration": ring}).rang_at is None


def test_a_cdr_without_a_release_time() -> None:
    """A CDR that says only when the call was transferred is a call log that ended then."""
    log = log_of_cdr({"Call transfer time": FULL["ended_at"], "Ring duration": "5"})
    assert (log.ended_at, log.rang_at) == (full().ended_at, log_of({"rang_at": "2026-03-02T12:01:01Z"}).rang_at)


@pytest.mark.parametrize("row", DIRECTIONS, ids=of)
def test_directions(row: Row) -> None:
    """Each direction has the side, call type and user that the page says, and comes back."""
    known = CallLogDirection(row["direction"]).is_known
    for word in [row["direction"]] if known else ["", "SIDEWAYS_CALL"]:
        log = full(direction=word, service_number="")
        values = cdr_of(log)
        for key in ("Direction", "Call type", "User type"):
            assert values[key] == row[key]
        assert values["User number"] == (FULL[row["the user is"]] if row["the user is"] else "")
        domain = {"caller": "101@pbx.example.com", "callee": "102@pbx.example.com", "": ""}
        assert values["User UUID"] == domain[row["the user is"]]
        assert there_and_back(log).direction == (word if known else None)


def test_the_page_has_each_direction() -> None:
    """All documented directions are in the table."""
    assert [row["direction"] for row in DIRECTIONS[:-1]] == list(CallLogDirection)


@pytest.mark.parametrize("row", DIRECTIONS_BACK, ids=of)
def test_directions_of_cdrs(row: Row) -> None:
    """A CDR becomes a call log in the direction that the page says."""
    sides = ["ORIGINATING", "TERMINATING", ""] if row["Direction"] == "any" else [row["Direction"]]
    types = ["SIP_NATIONAL", "UNKNOWN", "Something new"] if row["Call type"] == "any other" else [row["Call type"]]
    for side in sides:
        for kind in types:
            values = {"Direction": side, "Call type": kind, "User type": row["User type"]}
            assert (log_of_cdr(values).direction or "") == row["direction"]
    if row["Call type"] == "any other" and row["Direction"] == "TERMINATING" and not row["User type"]:
        assert log_of_cdr({"Direction": "TERMINATING", "Call type": "SIP_INBOUND"}).direction == row["direction"]


@pytest.mark.parametrize(
    ("number", "domain", "user"),
    [
        ("102", "PBX.Example.com", "102@pbx.example.com"),
        ("102", "", "102"),
        ("Ann", "PBX.Example.com", "ann@pbx.example.com"),
        ("102@other.example.com", "pbx.example.com", "102@other.example.com"),
        ("", "pbx.example.com", ""),
    ],
)
def test_who_the_user_is(number: str, domain: str, user: str) -> None:
    """A user is the extension at its domain."""
    assert cdr_of(full(callee=number, callee_domain=domain))["User UUID"] == user


@pytest.mark.parametrize("row", STATUSES, ids=of)
def test_statuses(row: Row) -> None:
    """Each status has the outcome that the page says, and comes back as it says."""
    log = full(status_code=row["status_code"], end_reason="", **unanswered(row))
    values = cdr_of(log)
    assert [values[key] for key in ("Call outcome", "Call outcome reason")] == [
        row["Call outcome"],
        row["Call outcome reason"],
    ]
    back = there_and_back(log).status_code
    assert ("" if back is None else str(back)) == row["back"]


@pytest.mark.parametrize("row", REASONS, ids=of)
def test_reasons_without_a_status(row: Row) -> None:
    """An unanswered CDR with another reason has the status that the page says, and an answered one no error."""
    status = int(row["status_code"]) if row["status_code"] else None
    values = {"Call outcome": "Refusal", "Call outcome reason": row["Call outcome reason"]}
    assert log_of_cdr(values).status_code == status
    assert log_of_cdr(values | {"Call outcome": "Success", "Answer time": FULL["answered_at"]}).status_code == 0


def test_each_outcome_reason_has_a_status() -> None:
    """All reasons that Webex has are in one of the tables."""
    named = {row["Call outcome reason"] for row in (*STATUSES, *REASONS)}
    assert {str(reason) for reason in CallOutcomeReason if not reason.startswith("SIP")} <= named
    for reason in CallOutcomeReason:
        assert log_of_cdr({"Call outcome": "Failure", "Call outcome reason": str(reason)}).status_code is not None


@pytest.mark.parametrize("row", ENDS, ids=of)
@pytest.mark.parametrize("direction", ["INBOUND_CALL", "OUTBOUND_CALL"])
def test_ends(row: Row, direction: str) -> None:
    """Each end reason is told in the fields that the page says, on both sides, and comes back as it says."""
    log = full(end_reason=row["end_reason"].replace("another word", "BORED"), direction=direction, **unanswered(row))
    values = cdr_of(log)
    outgoing = direction == "OUTBOUND_CALL"
    released = row["Releasing party"]
    if outgoing and released:
        released = "Local" if released == "Remote" else "Remote"
    assert values["Releasing party"] == released
    assert values["Call transfer time"] == (FULL["ended_at"] if row["Call transfer time"] else "")
    assert values["Related reason"] == row["Related reason"]
    assert values["Answered elsewhere"] == ("" if outgoing else row["Answered elsewhere"])
    back = "" if outgoing and row["back"] == "REPLACED" else row["back"]
    assert (there_and_back(log).end_reason or "") == back


def test_the_page_has_each_end_reason() -> None:
    """All documented end reasons are in the table, and one that is not."""
    assert {row["end_reason"] for row in ENDS} == {*EndReason, "another word"}


def test_a_redirected_call_log_has_the_status_302() -> None:
    """Without a status of its own, a redirected attempt has that of a redirection; another status wins."""
    for status in ("", 0, 302):
        values = cdr_of(full(end_reason="REDIRECTED", answered_at="", status_code=status))
        assert values["Call outcome reason"] == "SIP302"
    busy = full(end_reason="REDIRECTED", answered_at="", status_code=486)
    assert cdr_of(busy)["Call outcome reason"] == "UserBusy"
    assert there_and_back(busy).end_reason is None


@pytest.mark.parametrize("row", REROUTES, ids=of)
def test_reroutes(row: Row) -> None:
    """Each reroute reason has the Redirect reason that the page says, and comes back as it says."""
    log = full(reroute_reason=row["reroute_reason"].replace("another word", "FULL_MOON"))
    assert cdr_of(log)["Redirect reason"] == row["Redirect reason"]
    assert (there_and_back(log).reroute_reason or "") == row["back"]


def test_each_reroute_and_redirect_reason_is_mapped() -> None:
    """All documented reroute reasons are in the table; Redirect reasons that are not in it come back as none."""
    assert {row["reroute_reason"] for row in REROUTES} == {*RerouteReason, "another word"}
    back = {row["Redirect reason"]: row["back"] for row in REROUTES if row["back"] == row["reroute_reason"]}
    for reason in CDRRedirectReason:
        assert (log_of_cdr({"Redirect reason": str(reason)}).reroute_reason or "") == back.get(str(reason), "")


def test_the_trunk_is_that_of_the_side() -> None:
    """The trunk of an outgoing call is the outbound one, and of any other the inbound one."""
    keys = ("Inbound trunk", "Outbound trunk")
    assert [cdr_of(full())[key] for key in keys] == ["East", ""]
    assert [cdr_of(full(direction="OUTBOUND_CALL"))[key] for key in keys] == ["", "East"]
    for side in ("ORIGINATING", "TERMINATING"):
        assert [log_of_cdr({"Direction": side, key: "West"}).trunk for key in keys] == ["West", "West"]
    both = {"Inbound trunk": "East", "Outbound trunk": "West"}
    assert log_of_cdr({"Direction": "ORIGINATING"} | both).trunk == "West"
    assert log_of_cdr({"Direction": "TERMINATING"} | both).trunk == "East"


def test_dialled_digits_of_a_user_are_no_did() -> None:
    """What a user dialled is not taken for the number that was dialled from outside, nor the other way round."""
    assert cdr_of(full(direction="OUTBOUND_CALL"))["Dialed digits"] == ""
    values = {"Call type": "SIP_NATIONAL", "Dialed digits": "902025550143"}
    assert log_of_cdr({"Direction": "ORIGINATING"} | values).did_cid is None
    assert log_of_cdr({"Direction": "TERMINATING"} | values).did_cid == "902025550143"


@pytest.mark.parametrize(
    ("values", "user_type", "redirecting", "back"),
    [
        ({"service_number": "102", "reroute_reason": ""}, "RoutePoint", "", "102"),
        ({"service_number": "8000", "reroute_reason": ""}, "", "8000", "8000"),
        ({"service_number": "8000", "reroute_reason": "OVERFLOW"}, "", "8000", "8000"),
        ({"service_number": "8000", "reroute_reason": "FORWARDING_BUSY"}, "", "", None),
        ({"service_number": "8000", "direction": "OUTBOUND_CALL", "reroute_reason": ""}, "", "", None),
        ({"service_number": ""}, "", "", None),
    ],
)
def test_service_numbers(values: dict[str, Any], user_type: str, redirecting: str, back: str | None) -> None:
    """A service is the user of its own row, and who passed the call on in the rows of others."""
    log = full(**values)
    assert [cdr_of(log)[key] for key in ("User type", "Redirecting number")] == [user_type, redirecting]
    assert there_and_back(log).service_number == back


@pytest.mark.parametrize(
    ("values", "service"),
    [
        ({"User type": "HuntGroup", "Called number": "800"}, "800"),
        ({"User type": "CallCenterPremium", "Called number": "801"}, "801"),
        ({"Redirect reason": "HuntGroup", "Redirecting number": "800"}, "800"),
        ({"Redirect reason": "UserBusy", "Redirecting number": "101"}, None),
        ({"User type": "User", "Called number": "101"}, None),
    ],
)
def test_services_of_cdrs(values: dict[str, str], service: str | None) -> None:
    """The service number of a CDR's call log is that of a group or queue, and not that of a user who forwards."""
    log = log_of_cdr({"Direction": "TERMINATING", "Call type": "SIP_INBOUND"} | values)
    assert log.service_number == service
