"""The call history of PortSIP calls is as the examples on the page about the mapping say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from factories import NOON, ORG
from ringback.projections.sessions.people import Directory
from ringback.projections.sessions.rules import Session, call_of, sessions_of
from ringback.records.leg import Leg
from ringback.records.portsip.leg import legs_of_call_log
from ringback.records.values import to_milliseconds
from unit.records.portsip.call_logs import log_of
from unit.records.portsip.mapping_page import Row, table

DOMAIN = "pbx.example.com"
CALLS = table("call", "from", "to")
SESSIONS = table("call", "user")
NAMES = list(dict.fromkeys(row["call"] for row in CALLS))


def legs_of(call: str) -> list[Leg]:
    """The legs of an example's rows."""
    return [leg for number, row in enumerate(CALLS) if row["call"] == call for leg in legs(f"{number}", row)]


def legs(record_id: str, row: Row) -> list[Leg]:
    """The legs of one row."""
    times = {
        f"{name}_at": (NOON + timedelta(seconds=int(row[name]))).isoformat()
        for name in ("started", "rang", "answered", "ended")
        if row[name]
    }
    words = {name: row[name] for name in ("direction", "status_code", "end_reason", "reroute_reason")}
    sides = {"caller": row["from"], "caller_domain": DOMAIN, "callee": row["to"], "callee_domain": DOMAIN}
    values: dict[str, Any] = {"id": record_id, "session_id": row["call"], **sides, **times, **words}
    return legs_of_call_log(log_of(values), str(ORG), record_id)


def sessions(call: str) -> list[Session]:
    """The sessions of an example."""
    its = legs_of(call)
    (key,) = {call_of(leg) for leg in its}
    return sessions_of(key, its, Directory())


@pytest.mark.parametrize("call", NAMES)
def test_the_sessions_of_an_example_are_those_of_the_page(call: str) -> None:
    """From the call logs of an example come just the sessions that the page shows."""
    told = [
        {
            "call": call,
            "user": session.user.removesuffix(f"@{DOMAIN}"),
            "direction": session.direction,
            "disposition": session.disposition,
            "answeredElsewhere": "true" if session.details.answered_elsewhere else "",
            "durationSeconds": str(session.details.duration),
            "other": session.details.other.number,
        }
        for session in sessions(call)
    ]
    assert sorted(told, key=str) == sorted((row for row in SESSIONS if row["call"] == call), key=str)


def test_the_two_sides_of_a_call_inside_know_each_other() -> None:
    """In a call between extensions each user's entry names the other user, and both belong to one call."""
    both = {session.user: session for session in sessions("2 answered inside")}
    ann, bob = f"101@{DOMAIN}", f"102@{DOMAIN}"
    assert (both[ann].details.other.id, both[bob].details.other.id) == (bob, ann)
    assert (both[ann].details.me.number, both[bob].details.me.number) == ("101", "102")
    assert both[ann].call == both[bob].call


def test_times_of_a_session_are_those_of_the_call_log() -> None:
    """An entry begins when the call log began and ends when it ended."""
    (session,) = sessions("1 answered")
    assert session.start_at == to_milliseconds(NOON)
    assert session.end_at == to_milliseconds(NOON + timedelta(seconds=66))


def test_a_transferred_call_says_so() -> None:
    """Whom a call was transferred to sees that it was; who transferred it does not."""
    by_user = {session.user: session.details.redirection for session in sessions("9 transferred")}
    assert by_user[f"101@{DOMAIN}"] is None
    redirection = by_user[f"102@{DOMAIN}"]
    assert redirection is not None
    assert redirection.reason == "DEFLECTION"


def test_a_service_has_no_history() -> None:
    """A queue or ring group that is called has no entry; its agent has one, and the caller sees one call to it."""
    row = {
        "session_id": "1",
        "caller": "101",
        "caller_domain": DOMAIN,
        "callee_domain": DOMAIN,
        "direction": "EXTENSION_CALL",
        "service_number": "8000",
        "started_at": NOON.isoformat(),
        "answered_at": (NOON + timedelta(seconds=1)).isoformat(),
        "ended_at": (NOON + timedelta(seconds=40)).isoformat(),
    }
    later = {"started_at": (NOON + timedelta(seconds=10)).isoformat(), "answered_at": ""}
    its = [
        *legs_of_call_log(log_of(row | {"callee": "8000"}), str(ORG), "1"),
        *legs_of_call_log(log_of(row | {"callee": "102"} | later), str(ORG), "2"),
    ]
    found = sessions_of(call_of(its[0]), its, Directory())
    told = {each.user: (each.disposition, each.details.other.number) for each in found}
    assert told == {f"101@{DOMAIN}": ("ANSWERED", "8000"), f"102@{DOMAIN}": ("MISSED", "101")}
