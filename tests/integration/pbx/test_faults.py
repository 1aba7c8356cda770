"""Faults of the simulated PBX as a client meets them, its rate, and the ways it goes away and comes back."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest

from integration.cloud.asking import Answer, send
from integration.pbx.asking import MINUTE, NOW, Client, Start, calls, error
from ringback.simulator.pbx import (
    BadItem,
    Behaviour,
    Cut,
    Duplicates,
    Faults,
    Garbage,
    Hang,
    Limits,
    Outage,
    Refuse,
    Reset,
    Rule,
    Slow,
    finished_call,
)


def first(fault: Any, **rule: Any) -> Faults:
    """The first request that fits is struck."""
    return Faults(rules=(Rule(fault=fault, nth=(1,), **rule),))


def struck_and_not(start: Start, fault: Any) -> tuple[Client, Answer, Answer]:
    """A list with a fault, and the same without."""
    client = start(writes=calls(20), faults=first(fault))
    return client, client.get("/calllogs"), client.get("/calllogs")


@pytest.mark.parametrize("status", [400, 429, 500, 502, 503, 504])
def test_any_status(start: Start, status: int) -> None:
    """An error status comes with the documented body and without Retry-After; the next request is answered."""
    client, answer, after = struck_and_not(start, Refuse(status=status))
    assert error(answer) == (status, "UNKNOWN")
    assert "retry-after" not in answer.headers
    assert len(after.items) == 20
    assert [asked.fault for asked in client.pbx.audit] == [f"refuse {status}", ""]
    assert client.pbx.audit.problems() == []


def test_a_status_with_retry_after_or_as_a_proxy_writes_it(start: Start) -> None:
    """Retry-After has the seconds of the script, and an error can come as a web page."""
    _, answer, _ = struck_and_not(start, Refuse(status=503, retry_after=7, html=True))
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["content-type"] == "text/html"


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_can_end_at_any_time(start: Start, status: int) -> None:
    """After a 401 or 403 on purpose the token stays refused, and it is the client's fault to use it again."""
    client = start(writes=calls(20), faults=first(Refuse(status=status), kind="page"))
    assert client.get("/calllogs", top=10).status == 200
    assert client.get("/calllogs", top=10, skip=10).status == status
    assert client.violations() == []
    assert client.get("/calllogs", top=10).status == 401
    assert client.violations() == ["expired"]
    client.log_in()
    assert client.get("/calllogs", top=10, skip=10).status == 200


@pytest.mark.parametrize(
    "fault", [Reset(when="before"), Reset(when="after_head"), Reset(when="in_body"), Cut(), Hang(seconds=0)]
)
def test_the_connection_can_be_lost(start: Start, fault: Any) -> None:
    """The connection is reset or ends, before, in or after parts of the answer; the next request is answered."""
    client = start(writes=calls(20), faults=first(fault))
    with pytest.raises((OSError, http.client.HTTPException)):
        client.get("/calllogs")
    assert len(client.get("/calllogs").items) == 20


def test_an_answer_can_be_slow(start: Start) -> None:
    """A slow answer comes whole."""
    _, answer, after = struck_and_not(start, Slow(seconds=0.05))
    assert answer.body == after.body


@pytest.mark.parametrize(
    ("what", "looks"),
    [
        ("not_json", lambda body, whole: body.startswith(b"<!doctype html>")),
        ("cut_json", lambda body, whole: body == whole[: len(whole) // 2]),
        ("not_a_page", lambda body, whole: json.loads(body) == {"status": "ok"}),
        ("empty", lambda body, whole: body == b""),
        ("wrong_type", lambda body, whole: body == whole),
    ],
)
def test_a_list_can_be_garbage(start: Start, what: Any, looks: Callable[[bytes, bytes], bool]) -> None:
    """A 200 can be a web page, half of the JSON, other JSON, nothing, or a list under a wrong content type."""
    _, answer, after = struck_and_not(start, Garbage(what=what))
    assert answer.status == 200
    assert looks(answer.body, after.body)


@pytest.mark.parametrize("what", ["no_id", "number", "text", "null", "list"])
def test_something_that_is_no_call_log(start: Start, what: Any) -> None:
    """A list can have something in its middle that is no call log; all that are stand in it as well."""
    client, answer, after = struck_and_not(start, BadItem(what=what))
    assert len(answer.items) == 21
    assert answer.items[:10] + answer.items[11:] == after.items
    assert [(asked.records, asked.bad) for asked in client.pbx.audit] == [(20, 1), (20, 0)]


def test_rows_can_stand_in_a_list_twice(start: Start) -> None:
    """Some rows of a page are in it twice, and none is missing."""
    _, answer, after = struck_and_not(start, Duplicates(share=0.25))
    assert answer.items == after.items + after.items[:5]


@pytest.mark.parametrize(
    ("rule", "struck"),
    [
        ({"endpoint": "any"}, [False, True, True, True, True]),
        ({"endpoint": "list"}, [False, True, False, True, True]),
        ({"endpoint": "detail"}, [False, False, True, False, False]),
        ({"endpoint": "login"}, [True, False, False, False, False]),
        ({"kind": "page"}, [False, False, False, True, False]),
        ({"kind": "initial"}, [False, True, False, False, True]),
        ({"above": 50}, [False, False, False, False, True]),
        ({"tenant": "two.example"}, [False] * 5),
        ({"until": NOW}, [False] * 5),
    ],
)
def test_rules_choose_their_requests(start: Start, rule: dict[str, Any], struck: list[bool]) -> None:
    """A rule is for lists, single call logs or logins, for first pages or others, for large pages, or for a tenant."""
    client = start(writes=calls(20), faults=Faults(rules=(Rule(fault=Refuse(status=500), **rule),)))
    one = next(iter(client.pbx.truth()))
    answers = [
        client.post("/login", client.credentials),
        client.get("/calllogs", top=10),
        client.get(f"/calllogs/{one}"),
        client.get("/cdrs", top=10, skip=10),
        client.get("/calllogs"),
    ]
    assert [answer.status == 500 for answer in answers] == struck


def test_a_login_whose_answer_is_lost_was_a_login(start: Start) -> None:
    """A refresh is done although its answer is cut off: the refresh token was good once, and is not any more."""
    faults = Faults(rules=(Rule(fault=Cut(share=0.3), endpoint="login", nth=(2,)),))
    client = start(faults=faults)
    token = client.log_in()["refresh_token"]
    with pytest.raises(http.client.HTTPException):
        client.post("/auth/refresh_token", {"refresh_token": token})
    assert client.post("/auth/refresh_token", {"refresh_token": token}).status == 400
    assert client.violations() == []
    client.log_in()
    assert client.get("/calllogs").status == 200


def test_some_are_let_through(start: Start) -> None:
    """However many faults there are, one request of an account is let through after so many in a row."""
    client = start(faults=Faults(rules=(Rule(fault=Refuse(status=500)),), in_a_row=3))
    assert [client.get("/calllogs").status for _ in range(8)] == [500, 500, 500, 200] * 2


def test_an_outage_refuses_connections(start: Start) -> None:
    """In an outage nobody listens; afterwards the same address answers, and the tokens are still good."""
    outage = Outage(since=NOW + MINUTE, until=NOW + 2 * MINUTE)
    client = start(faults=Faults(outages=(outage,)))
    assert client.get("/calllogs").status == 200
    client.pbx.clock.sleep(60)
    with pytest.raises(ConnectionError):
        client.get("/calllogs")
    client.pbx.clock.sleep(60)
    assert client.get("/calllogs").status == 200


def test_a_restart_at_its_time(start: Start) -> None:
    """A restart of the script makes all tokens worthless when its time comes."""
    client = start(faults=Faults(restarts=(NOW + MINUTE,)))
    assert client.get("/calllogs").status == 200
    client.pbx.clock.sleep(60)
    assert client.get("/calllogs").status == 401


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "header"), [("seconds", "50"), ("date", "Tue, 22 Jul 2025 22:01:00 GMT"), ("absent", None)]
)
def test_the_gateway_has_a_rate(start: Start, status: Any, retry_after: Any, header: str | None) -> None:
    """More requests in a minute than allowed, of all clients together, are refused, and the audit has them."""
    behaviour = Behaviour(over_rate=status, retry_after=retry_after)
    client = start(limits=Limits(requests=3), behaviour=behaviour)
    assert client.get("/calllogs").status == 200
    client.pbx.clock.sleep(10)
    assert client.post("/login", client.credentials).status == 200
    assert client.get("/cdrs").status == 200
    answer = client.get("/calllogs")
    assert error(answer) == (status, "UNKNOWN")
    assert answer.headers.get("retry-after") == header
    client.pbx.clock.sleep(50)
    assert client.get("/calllogs").status == 200
    assert client.violations() == ["rate"]
    assert client.pbx.audit.problems()[-1] == "4 requests in a period, 3 allowed"


def test_errors_may_be_bare(start: Start) -> None:
    """A PBX may answer errors without a body, which is all that its specification promises."""
    client = start(behaviour=Behaviour(errors="bare"))
    answer = client.get("/calllogs", filter="nonsense")
    assert (answer.status, answer.body) == (400, b"")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/call_logs", "GET", 404),
        ("/calllogs/1/2", "GET", 404),
        ("/calllogs", "POST", 405),
        ("/auth/sign_in", "GET", 405),
        ("/../calllogs", "GET", 404),
    ],
)
def test_unknown_paths_are_noted(start: Start, path: str, method: str, status: int) -> None:
    """A path or method that no document has is refused, and the audit has it."""
    client = start()
    assert error(client.get(path, method=method)) == (status, "UNKNOWN")
    assert client.violations() == ["path"]


def test_paths_begin_with_api(start: Start) -> None:
    """Nothing is served outside of the base path."""
    client = start()
    assert send(client.pbx.base_url.removesuffix("/api") + "/calllogs", token=client.token).status == 404


@pytest.mark.parametrize("date", [True, False])
def test_answers_tell_the_time_of_the_pbx(start: Start, date: bool) -> None:
    """The header Date shows the PBX's own clock, skew included, if there is one."""
    client = start(behaviour=Behaviour(date=date), skew=MINUTE)
    assert client.get("/calllogs").headers.get("date") == ("Tue, 22 Jul 2025 22:01:00 GMT" if date else None)
    assert client.pbx.now() == NOW + MINUTE


def test_rows_of_an_unknown_tenant_are_refused(start: Start) -> None:
    """A row of a tenant that the PBX does not have cannot be written."""
    client = start()
    with pytest.raises(LookupError, match="nobody"):
        client.pbx.add([finished_call(NOW, tenant="nobody")])
    with pytest.raises(LookupError, match="nobody"):
        client.pbx.account("nobody")
