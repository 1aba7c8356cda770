"""Calls for the tests of the user call history: who called whom, in as few words as possible."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from factories import ORG, wire_record
from ringback.records.values import to_wire_time
from serving import Reply, Site

ANNA = "aaaaaaaa-0000-4000-8000-000000000001"
BRUNO = "bbbbbbbb-0000-4000-8000-000000000002"
BASE = "/janus/api/v1"
SESSIONS = f"{BASE}/history/userSessions"
LONG_AGO = {"from": "2000-01-01T00:00:00.000Z"}


def missed(site: Site, number: int, *, user: str = ANNA, org: UUID = ORG, caller: str = "+12025550199") -> bytes:
    """The record of a call that a user missed, `number` minutes ago by the clock of the site."""
    return incoming(site, number, user=user, org=org, caller=caller)


def incoming(
    site: Site,
    number: int,
    values: Mapping[str, str] | None = None,
    *,
    user: str = ANNA,
    org: UUID = ORG,
    caller: str = "+12025550199",
) -> bytes:
    """The record of a call to a user; nobody answered it, unless values say otherwise."""
    ended = site.clock() - timedelta(minutes=number)
    unanswered = {"Answered": "false", "Answer indicator": "No", "Ring duration": "20"}
    return wire_record(
        f"{user}-{number}",
        org=org,
        report_time=ended,
        start_time=ended - timedelta(seconds=20),
        **{
            "Release time": to_wire_time(ended),
            "Correlation ID": f"call-{user}-{number}",
            "User UUID": user,
            "User": "Anna Lind" if user == ANNA else "Bruno Ek",
            "User number": "+12025550101",
            "Calling number": caller,
            "Call type": "SIP_INBOUND",
            **unanswered,
            **(values or {}),
        },
    )


def answered_at(moment: datetime) -> dict[str, str]:
    """The values of a call that was answered then."""
    return {"Answered": "true", "Answer indicator": "Yes", "Answer time": to_wire_time(moment)}


def sessions(site: Site, token: str, **query: str) -> list[dict[str, Any]]:
    """The sessions that the Webex path gives."""
    return list(succeeded(site.ask(SESSIONS, token, LONG_AGO | query))["userSessions"])


def succeeded(reply: Reply) -> dict[str, Any]:
    """The body of an answer of the Webex paths; it repeats the status."""
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.json
    assert body["statusCode"] == 200
    return body


def refused(reply: Reply, status: int) -> str:
    """The message of an error of the Webex paths; the body repeats the status."""
    body = reply.json
    assert (reply.status, body["statusCode"]) == (status, status)
    assert body["trackingId"] == reply.headers["trackingid"]
    return str(body["message"])


def named(*ids: str) -> list[dict[str, Any]]:
    """Sessions as the calling SDK names them in a request."""
    return [{"sessionId": session, "endTime": 1_700_000_000_000} for session in ids]
