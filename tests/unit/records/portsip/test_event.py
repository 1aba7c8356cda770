"""The event `call_cdr`: a call that has ended, as a PortSIP PBX tells of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.event import call_cdr
from ringback.records.portsip.fields import CallLogDirection, EndReason

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
TENANT = "11111111-1111-4111-8111-111111111111"


def log(**values: Any) -> CallLog:
    """A call log that was answered after 5 seconds, and lasted a minute."""
    given: dict[str, Any] = {
        "id": "700551909773148161",
        "session_id": "700551909773148160",
        "caller": "+12025550143",
        "caller_domain": "outside.example",
        "caller_display_name": "Ines",
        "callee": "101",
        "callee_domain": "pbx.example",
        "started_at": START,
        "rang_at": START + timedelta(seconds=1),
        "answered_at": START + timedelta(seconds=6),
        "ended_at": START + timedelta(seconds=66),
        "call_id": "abc@pbx",
        "direction": CallLogDirection.inbound,
        "end_reason": EndReason.caller_disconnected,
        "status_code": 0,
        "duration": 60,
        "did_cid": "+442079460032",
        "trunk": "uplink",
        "user_data": "note",
    }
    return CallLog(**given | values)


def told(summary: CallLog, *targets: CallLog) -> Any:
    """The event as a listener reads it."""
    return msgspec.json.decode(call_cdr(summary, targets, TENANT))


def test_a_call_is_told_in_the_form_of_the_pbx() -> None:
    """Times are seconds as texts, words are those of events, and each target has its own part, with its cost."""
    event = told(log(id="700551909773148160"), log(destination="sip:101@pbx.example", cost=Decimal("0.35")))
    assert event == {
        "event_type": "call_cdr",
        "tenant_id": TENANT,
        "session_id": "700551909773148160",
        "cdr_id": "700551909773148160",
        "call_status": "answered",
        "caller": "+12025550143",
        "caller_domain": "outside.example",
        "caller_display_name": "Ines",
        "callee": "101",
        "callee_domain": "pbx.example",
        "callee_display_name": "",
        "direction": "inbound",
        "start_time": "1772452800",
        "ring_time": "1772452801",
        "answered_time": "1772452806",
        "ended_time": "1772452866",
        "end_reason": "caller_disconnected",
        "ended_reason": "caller_disconnected",
        "did": "+442079460032",
        "did_cid": "+442079460032",
        "outbound_caller_id": "",
        "trunk_name": "uplink",
        "call_id": "abc@pbx",
        "status_code": "0",
        "ring_duration": 5,
        "talk_duration": 60,
        "user_data": "note",
        "call_targets": [
            {
                "id": "700551909773148161",
                "cdr_id": "700551909773148161",
                "call_type": "normal_call",
                "status": "answered",
                "caller": "+12025550143",
                "callee": "101",
                "direction": "inbound",
                "start_time": "1772452800",
                "ring_time": "1772452801",
                "answered_time": "1772452806",
                "ended_time": "1772452866",
                "end_reason": "caller_disconnected",
                "did": "+442079460032",
                "did_cid": "+442079460032",
                "outbound_caller_id": "",
                "trunk_name": "uplink",
                "destination": "sip:101@pbx.example",
                "status_code": 0,
                "ring_duration": "5",
                "talk_duration": "60",
                "cost": 0.35,
            }
        ],
    }


def test_what_never_happened_is_0() -> None:
    """A call that nobody answered has "0" as the time of its answer, and no talk; an unknown reason is "None"."""
    event = told(log(answered_at=None, end_reason=None, duration=None, status_code=None))
    assert (event["answered_time"], event["talk_duration"], event["ended_reason"]) == ("0", 0, "None")
    assert (event["ring_duration"], event["status_code"]) == (65, "0")


@pytest.mark.parametrize(
    ("status_code", "status"),
    [(None, "noanswer"), (0, "noanswer"), (486, "noanswer"), (603, "noanswer"), (404, "fail"), (503, "fail")],
)
def test_a_call_that_nobody_answered(status_code: int | None, status: str) -> None:
    """It was in vain if the phone was busy, declined or not picked up, and has failed if it could not be delivered."""
    assert told(log(answered_at=None, status_code=status_code))["call_status"] == status


@pytest.mark.parametrize("reason", EndReason)
def test_every_end_reason_has_its_word(reason: EndReason) -> None:
    """The documented reasons are written in small letters, the consultative transfer as the attended one it is."""
    word = told(log(end_reason=reason))["ended_reason"]
    assert word == {
        EndReason.consult_transfer_completed: "attended_transfer_complete",
        EndReason.blind_transfer_completed: "blind_transfer_complete",
    }.get(reason, reason.value.lower())


@pytest.mark.parametrize(
    ("direction", "word"),
    [
        (CallLogDirection.extension, "internal"),
        (CallLogDirection.inbound_outbound, "inbound_outbound"),
        (CallLogDirection("SIDEWAYS"), "SIDEWAYS"),
        (None, ""),
    ],
)
def test_directions(direction: CallLogDirection | None, word: str) -> None:
    """Directions are those of events; one that is not documented stays as it is."""
    assert told(log(direction=direction))["direction"] == word
