"""Which records are of calls that cost something, and what is known of such a call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from factories import NOON, ORG
from rating import RINGING, call_log, webex_record
from ringback.projections.costs.outgoing import OutgoingCall, outgoing_call
from ringback.records.decode import decode
from ringback.records.values import to_wire_time
from ringback.simulator import SimulatedCall
from unit.projections.simulated import simulation

ANSWER = NOON + RINGING
OUT = {"pstn_out", "mobile_number_out", "international_out", "toll_free_out", "local_gateway"}
IN = {"pstn_in", "local_gateway", "unanswered_in", "internal", "unanswered_internal", "meeting"}


def at(seconds: float) -> str:
    """A time so long after the answer, as it stands in a record."""
    return to_wire_time(ANSWER + timedelta(seconds=seconds))


def test_a_call_of_a_pbx() -> None:
    """A call log of an extension that calls out is a call of that user's, to the number that was dialled."""
    assert outgoing_call(call_log(seconds=61)) == OutgoingCall(
        org=ORG, record_id="call", dialled="+4930123456", start=NOON, seconds=61, user="101@pbx.example.com"
    )


def test_a_call_of_webex() -> None:
    """The record of a user who calls out is a call of that user's, to the number that was called."""
    assert outgoing_call(webex_record()) == OutgoingCall(
        org=ORG, record_id="record", dialled="+4930123456", start=NOON, seconds=60, user="u1"
    )


@pytest.mark.parametrize(
    ("direction", "goes_out"),
    [
        ("OUTBOUND_CALL", True),
        ("INBOUND_OUTBOUND_CALL", True),
        ("INBOUND_CALL", False),
        ("EXTENSION_CALL", False),
        ("SIDEWAYS_CALL", False),
        (None, False),
    ],
)
def test_directions_of_a_pbx(direction: str | None, goes_out: bool) -> None:
    """Of a PBX, calls that leave it by a trunk count, and others never do."""
    assert (outgoing_call(call_log(direction=direction)) is not None) is goes_out


def test_a_call_that_was_led_outside_is_no_users() -> None:
    """A call from outside that was led outside is of no user of the PBX."""
    call = outgoing_call(call_log(direction="INBOUND_OUTBOUND_CALL", caller="+12025550143"))
    assert call is not None
    assert call.user is None


@pytest.mark.parametrize(
    ("fields", "goes_out"),
    [
        *(
            ({"Call type": word}, True)
            for word in (
                "SIP_NATIONAL",
                "SIP_MOBILE",
                "SIP_INTERNATIONAL",
                "SIP_SHORTCODE",
                "SIP_PREMIUM",
                "UNKNOWN",
                "NEW",
            )
        ),
        *(
            ({"Call type": word}, False)
            for word in ("SIP_ENTERPRISE", "SIP_INBOUND", "SIP_MEETING", "SIP_URI", "SIP_CLICKTOCALL", "ZTN", "")
        ),
        ({"Direction": "TERMINATING", "User type": "LocalGateway"}, False),
        ({"Direction": "TERMINATING", "User type": "LocalGateway", "Call type": "SIP_INBOUND"}, False),
        ({"User type": "LocalGateway"}, False),
        ({"Direction": "TERMINATING"}, False),
        ({"User type": "VirtualLine"}, True),
        ({"User type": "AutomatedAttendantVideo"}, True),
    ],
)
def test_records_of_webex(fields: dict[str, Any], goes_out: bool) -> None:
    """Of Webex, the record of the one who calls the telephone network counts, and none of a gateway does."""
    assert (outgoing_call(webex_record(**fields)) is not None) is goes_out


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"duration": 60, "ended_at": at(60)}, 60),
        ({"duration": 60, "ended_at": at(59.2)}, 60),
        ({"duration": 59, "ended_at": at(59.2)}, 59),
        ({"duration": 3600, "ended_at": at(59.2)}, 60),
        ({"duration": None, "ended_at": at(59.2)}, 60),
        ({"duration": None, "ended_at": at(0)}, 0),
        ({"duration": 0, "ended_at": at(0.3)}, 0),
        ({"duration": 60, "ended_at": None}, 60),
        ({"duration": 60, "ended_at": at(-1)}, 60),
        ({"duration": -5, "ended_at": at(10)}, 10),
        ({"duration": None, "ended_at": None}, None),
        ({"duration": -5, "ended_at": at(-1)}, None),
        ({"answered_at": None}, None),
    ],
)
def test_seconds_of_talk(fields: dict[str, Any], seconds: int | None) -> None:
    """Of the duration and the times the smaller counts; a call of which nobody knows is none, and so is one that
    nobody answered."""
    call = outgoing_call(call_log(**fields))
    assert (None if call is None else call.seconds) == seconds


def test_a_call_without_a_start_began_with_its_answer() -> None:
    """The time that the tariff goes by is that of the answer, if the start is not known."""
    call = outgoing_call(call_log(started_at=None))
    assert call is not None
    assert call.start == ANSWER


def test_what_the_source_says() -> None:
    """That Webex calls it an emergency call, and that the PBX gave a cost, is known; a cost of 0 is one, too."""
    emergency = outgoing_call(webex_record(number="933", **{"Call type": "SIP_EMERGENCY"}))
    assert emergency is not None
    assert (emergency.emergency, emergency.own_cost) == (True, False)
    for cost, own in ((0.35, True), (0, True), (None, False)):
        call = outgoing_call(call_log(cost=cost))
        assert call is not None
        assert (call.emergency, call.own_cost) == (False, own)


def calls_of(simulated: SimulatedCall) -> list[OutgoingCall]:
    """The calls that cost something, of the newest version of each record of a simulated call."""
    newest = {one.report_id: one for one in sorted(simulated.deliveries, key=lambda one: one.report_time)}
    found = (outgoing_call(decode(one.record).record) for one in newest.values())
    return [call for call in found if call is not None]


def test_each_simulated_call_out_counts_once() -> None:
    """Whatever records Webex has of a call, with a gateway or without: one that goes out is billed once, with the
    seconds that people talked, and one that comes in or stays inside never."""
    out = inside = 0
    for simulated in simulation(3).calls():
        true = simulated.truth
        if true.direction == "outbound" and true.outcome == "answered" and true.kind in OUT:
            (call,) = calls_of(simulated)
            assert call.dialled == true.dialed
            assert abs(call.seconds - true.talk_seconds) <= 1
            assert not call.emergency
            out += 1
        elif true.direction != "outbound" and true.kind in IN:
            assert calls_of(simulated) == []
            inside += 1
    assert out > 50
    assert inside > 200
