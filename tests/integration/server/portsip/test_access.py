"""Who sees which call logs, and how everything else is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from factories import ORG, OTHER_ORG
from integration.server.portsip.logs import (
    ANNA,
    BRUNO,
    CDRS,
    LOGS,
    SYNC,
    USER_CDRS,
    administrator,
    append,
    error,
    ids,
    log,
    page,
    user,
)
from ringback.server.accounts import Accounts, Role
from ringback.server.portsip.errors import PortsipError, portsip_body
from ringback.server.tokens import CDR_SCOPE, HISTORY_SCOPE
from ringback.settings import PortsipSettings
from ringback.store import Store, StoreError
from serving import Site, SiteMaker

PATHS = [
    ("GET", LOGS),
    ("GET", f"{LOGS}/a"),
    ("GET", CDRS),
    ("POST", CDRS),
    ("GET", f"{CDRS}/s-a"),
    ("GET", USER_CDRS),
    ("GET", f"{USER_CDRS}/s-a"),
    ("POST", SYNC),
    ("POST", f"{SYNC}/token/diff"),
]
"""All that is described in docs/call-logs-api.md."""


@pytest.fixture
def calls(site: Site) -> Site:
    """A call of Anna's, one of Bruno's, one from Anna to Bruno, and one of an Anna in another organization."""
    append(
        site,
        log("a"),
        log("b", callee="102"),
        log("ab", direction="EXTENSION_CALL", caller="101", caller_domain="PBX.example", callee="102"),
    )
    append(site, log("other"), org=OTHER_ORG)
    return site


@pytest.mark.parametrize("target", [LOGS, CDRS])
def test_administrators_see_their_organization(calls: Site, target: str) -> None:
    """The token of an administrator sees all of its organization, and nothing of another."""
    prefix = "" if target == LOGS else "s-"
    assert ids(calls, administrator(calls), target) == [f"{prefix}{id}" for id in ("a", "ab", "b")]
    assert ids(calls, administrator(calls, OTHER_ORG), target) == [f"{prefix}other"]


@pytest.mark.parametrize(
    ("who", "org", "seen"), [(ANNA, ORG, ["a", "ab"]), (BRUNO, ORG, ["ab", "b"]), (ANNA, OTHER_ORG, ["other"])]
)
def test_users_see_their_own(calls: Site, who: str, org: object, seen: list[str]) -> None:
    """At every path a user's token lists, counts and finds the calls that the user took part in, and no others."""
    token = calls.token(org=ORG if org == ORG else OTHER_ORG, user=who)
    assert ids(calls, token) == seen
    assert ids(calls, token, filter="caller ne 'x'", search="pbx") == seen
    for target in (CDRS, USER_CDRS):
        found = page(calls, target, token, {"top": 1})
        assert found["count"] == len(seen)
        assert ids(calls, token, target) == [f"s-{id}" for id in seen]
    for id in ("a", "b", "ab", "other"):
        expected = 200 if id in seen else 404
        assert calls.ask(f"{LOGS}/{id}", token).status == expected
        assert calls.ask(f"{CDRS}/s-{id}", token).status == expected
        assert calls.ask(f"{USER_CDRS}/s-{id}", token).status == expected


def test_what_may_not_be_seen_does_not_exist(calls: Site) -> None:
    """An id that nobody has, one of another organization, and one of another user are refused in the same words."""
    for target, ids_of_others in ((LOGS, ("none", "other", "b")), (CDRS, ("none", "s-other", "s-b"))):
        refused = [error(calls.ask(f"{target}/{id}", user(calls)), 404, "NOT_FOUND") for id in ids_of_others]
        assert len({body["message"] for body in refused}) == 1
    error(calls.ask(f"{LOGS}/other", administrator(calls)), 404, "NOT_FOUND")


@pytest.mark.parametrize(("method", "path"), [each for each in PATHS if each[1].startswith(USER_CDRS)])
def test_administrators_are_no_users(calls: Site, method: str, path: str) -> None:
    """The paths of users answer an administrator with 403, and say which path to ask instead."""
    found = error(calls.ask(path, administrator(calls), method=method), 403, "FORBIDDEN")
    assert "/api/cdrs" in found["message"]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_who_is_not_let_in(calls: Site, method: str, path: str) -> None:
    """Without a valid token every path says 401; with one that has not the scope, 403, which names it."""
    calls.clock.now += 1
    expired = calls.token(user=ANNA, lifetime=timedelta(0))
    for token in (None, "nonsense", expired):
        reply = calls.ask(path, token, method=method)
        error(reply, 401, "UNAUTHORIZED")
        assert reply.headers["www-authenticate"] == "Bearer"
    for token in (calls.token(scopes=[CDR_SCOPE]), calls.token(user=ANNA, scopes=[HISTORY_SCOPE])):
        assert "calllogs:read" in error(calls.ask(path, token, method=method), 403, "FORBIDDEN")["message"]


@pytest.mark.parametrize(
    ("role", "seen"), [(Role.ADMIN, ["a", "ab", "b"]), (Role.QUEUE_MANAGER, ["a", "ab", "b"]), (Role.USER, ["b", "ab"])]
)
def test_who_logs_in_sees_what_the_role_may(calls: Site, role: Role, seen: list[str]) -> None:
    """The access token of a login sees all calls of the organization, or those of the user, by the account's role."""
    accounts = Accounts(calls.store, calls.clock)
    accounts.create("bruno@example.com", "correct horse", org=ORG, role=role, user=BRUNO if role is Role.USER else None)
    body = {"username": "bruno", "password": "correct horse", "domain": "example.com"}
    token = calls.ask("/api/login", method="POST", body=body).json["access_token"]
    assert sorted(ids(calls, token)) == sorted(seen)
    assert calls.ask(USER_CDRS, token).status == (200 if role is Role.USER else 403)
    assert calls.ask("/api/logout", token, method="POST").status == 204
    error(calls.ask(LOGS, token), 401, "UNAUTHORIZED")


# Errors


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/calllogs2", "/api/recordings"])
def test_paths_that_are_not_there(site: Site, path: str) -> None:
    """Below /api, what is not there is a 404 in PortSIP's form; elsewhere in the usual one."""
    error(site.ask(path, administrator(site)), 404, "NOT_FOUND")
    assert list(site.ask("/apis").json) == ["message", "errors", "trackingId"]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_methods_that_are_not_taken(site: Site, method: str, path: str) -> None:
    """A method that a path does not take is a 405 in PortSIP's form, which names those that it takes."""
    for other in ("PUT", "PATCH", "DELETE"):
        reply = site.ask(path, administrator(site), method=other)
        error(reply, 405, "METHOD_NOT_ALLOWED")
        assert method in reply.headers["allow"]


@pytest.mark.parametrize("path", [CDRS, SYNC, f"{SYNC}/token/diff"])
def test_bodies_are_bounded(site: Site, path: str) -> None:
    """A body where none is needed is ignored; one of more than 64 KiB is refused."""
    token = user(site)
    assert site.ask(path, token, method="POST", body=b"x" * 64 * 1024).status in (200, 201, 403)
    error(site.ask(path, token, method="POST", body=b"x" * (64 * 1024 + 1)), 413, "TOO_LARGE")


def test_a_store_that_cannot_be_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store cannot be read, the answer is a 503 that says when to try again; a failure of ours is a 500."""
    token = administrator(site)
    for failure, status in ((StoreError("out of space"), 503), (RuntimeError("broken"), 500)):

        def fail(*_: object, failure: Exception = failure, **__: object) -> None:
            raise failure

        monkeypatch.setattr(Store, "read", fail)
        reply = site.ask(LOGS, token)
        error(reply, status, "UNKNOWN")
        assert reply.headers.get("retry-after") == ("5" if status == 503 else None)


def test_a_header_host_that_is_none(site: Site) -> None:
    """A request whose header Host cannot stand in a link is refused in PortSIP's form."""
    error(site.ask(LOGS, administrator(site), headers={"host": "a b"}), 400, "VALIDATE_FAILED")


@pytest.mark.parametrize(("status", "code"), [(400, "VALIDATE_FAILED"), (401, "UNAUTHORIZED"), (418, "UNKNOWN")])
def test_an_error_without_a_code_has_that_of_its_status(status: int, code: str) -> None:
    """Whatever part of the server refuses a request, the code goes with the status; a code of its own is kept."""
    assert portsip_body(PortsipError(status, "No.")) == b'{"errors":[{"code":"%b","message":"No."}]}' % code.encode()
    own = portsip_body(PortsipError(status, "No.", code="UNAUTHORIZED", detail={"option": "top"}))
    assert own == b'{"errors":[{"code":"UNAUTHORIZED","message":"No.","detail":{"option":"top"}}]}'


# As everywhere


def test_head_is_get_without_a_body(calls: Site) -> None:
    """`HEAD` has the status and the link of `GET`."""
    token = administrator(calls)
    for target in (LOGS, CDRS, f"{LOGS}/a", f"{CDRS}/s-a", f"{LOGS}/none"):
        get, head = (calls.ask(target, token, {"top": 1}, method=method) for method in ("GET", "HEAD"))
        assert (head.status, head.headers.get("link")) == (get.status, get.headers.get("link"))


def test_pages_of_other_origins_may_ask(calls: Site) -> None:
    """A browser is told that any origin may ask, and read the link."""
    reply = calls.ask(LOGS, administrator(calls), headers={"origin": "https://phone.example"})
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "Link" in reply.headers["access-control-expose-headers"]
    preflight = {"origin": "https://phone.example", "access-control-request-method": "GET"}
    assert calls.ask(LOGS, method="OPTIONS", headers=preflight).status == 204


def test_large_answers_are_compressed(site: Site) -> None:
    """Who takes gzip gets it; nobody may keep an answer for others."""
    append(site, *(log(f"{number}") for number in range(50)))
    reply = site.ask(LOGS, administrator(site), headers={"accept-encoding": "gzip"})
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.headers["cache-control"] == "no-store"


def test_it_can_be_left_out(make_site: SiteMaker) -> None:
    """With `enabled = false` none of the paths is there."""
    site = make_site(portsip=PortsipSettings(enabled=False))
    for method, path in PATHS:
        error(site.ask(path, method=method), 404, "NOT_FOUND")
    assert "/api/calllogs" not in site.ask("/schema").body.decode()


def test_the_metrics_tell_how_far_the_rows_are(site: Site) -> None:
    """/metrics says how many records are still to become rows, and counts requests by path."""
    behind = 'ringback_projection_behind_records{projection="call_logs"}'
    append(site, log("1"))
    site.ask(LOGS, administrator(site))
    text = site.ask("/metrics").body.decode()
    assert f"{behind} 0.0" in text
    assert 'ringback_http_requests_total{method="GET",path="/api/calllogs",status="200"} 1.0' in text
