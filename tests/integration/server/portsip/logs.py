"""Call logs for the tests of the PortSIP dialect, and how a client asks for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from factories import ORG
from ringback.records.kinds import decode_any
from ringback.server.tokens import CALL_LOGS_SCOPE
from serving import Query, Reply, Site

LOGS = "/api/calllogs"
CDRS = "/api/cdrs"
USER_CDRS = "/api/user/cdrs"
SYNC = f"{USER_CDRS}/sync_tokens"
ANNA, BRUNO = "101@pbx.example", "102@pbx.example"

_NEXT = re.compile(r'<([^<>]+)>;rel="next"')


def log(id: str, **values: object) -> dict[str, Any]:
    """A call log as a PBX sends it: a call from outside that Anna answered, unless values say otherwise."""
    return {
        "id": id,
        "session_id": f"s-{id}",
        "caller": "+12025550143",
        "callee": "101",
        "callee_domain": "pbx.example",
        "started_at": "2026-03-02T08:15:02Z",
        "answered_at": "2026-03-02T08:15:09Z",
        "ended_at": "2026-03-02T08:15:43Z",
        "direction": "INBOUND_CALL",
        "status_code": 0,
        "duration": 34,
        **values,
    }


def append(site: Site, *logs: Mapping[str, Any], org: UUID = ORG) -> None:
    """Store call logs, and make rows of them."""
    site.ledger.append([decode_any(msgspec.json.encode(each), org).record for each in logs])
    site.project()


def administrator(site: Site, org: UUID = ORG) -> str:
    """A token that sees all call logs of an organization."""
    return site.token(org=org, scopes=[CALL_LOGS_SCOPE])


def user(site: Site, user: str = ANNA, org: UUID = ORG) -> str:
    """A token that sees the call logs of a user."""
    return site.token(org=org, user=user)


def page(site: Site, target: str, token: str, query: Query | None = None, *, method: str = "GET") -> dict[str, Any]:
    """The answer of a list, which must be one."""
    reply = site.ask(target, token, query, method=method)
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json
    return found


def ids(site: Site, token: str, target: str = LOGS, **query: str | int) -> list[str]:
    """The ids of the first page."""
    return [item["id"] for item in page(site, target, token, query)["items"]]


def pages(site: Site, target: str, token: str, query: Query | None = None) -> list[Reply]:
    """The page that is asked for, and all that its links lead to."""
    replies = [site.ask(target, token, query)]
    while (following := next_of(replies[-1])) is not None:
        replies.append(site.ask(following, token))
    return replies


def next_of(reply: Reply) -> str | None:
    """The address of the next page; None if there is none."""
    assert reply.status == 200, reply.body
    if (link := reply.headers.get("link")) is None:
        return None
    found = _NEXT.fullmatch(link)
    assert found, link
    return found[1]


def ids_of(replies: Sequence[Reply]) -> list[str]:
    """The ids of some pages."""
    return [item["id"] for reply in replies for item in reply.json["items"]]


def error(reply: Reply, status: int, code: str) -> dict[str, Any]:
    """The one error of an answer, which must have this status and code."""
    assert reply.status == status, (reply.status, reply.body)
    body = reply.json
    assert list(body) == ["errors"]
    (only,) = body["errors"]
    assert set(only) <= {"code", "message", "detail"}
    assert only["code"] == code
    assert len(only["message"]) > 10
    assert reply.headers["trackingid"]
    return dict(only)
