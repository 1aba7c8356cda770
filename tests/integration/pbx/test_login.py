"""Logging in to the simulated PBX, in all three ways, and the end of tokens."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from integration.cloud.asking import Answer, send
from integration.pbx.asking import MINUTE, Client, Start, error
from ringback.simulator.pbx import Behaviour
from ringback.simulator.pbx.options import LoginWay

WAYS: tuple[LoginWay, ...] = ("login", "oauth", "auth")


def log_in(client: Client, way: str, **changed: str) -> Answer:
    """A login, with some of the credentials changed."""
    credentials = client.credentials | changed
    if way == "oauth":
        form = {"grant_type": "password", "scope": "all", "client_id": "collector", **credentials}
        return client.post("/login/oauth/token", form, form=True)
    return client.post({"login": "/login", "auth": "/auth/sign_in"}[way], credentials)


def refresh(client: Client, way: str, token: str) -> Answer:
    """A refresh."""
    if way == "oauth":
        form = {"grant_type": "refresh_token", "client_id": "collector", "refresh_token": token}
        return client.post("/login/oauth/token", form, form=True)
    return client.post("/auth/refresh_token", {"refresh_token": token})


def tokens(answer: Answer) -> dict[str, Any]:
    """What a login or a refresh gave."""
    assert answer.status == 200, answer
    given: dict[str, Any] = json.loads(answer.body)
    return given


@pytest.mark.parametrize("way", WAYS)
def test_each_way_gives_tokens_that_work(start: Start, way: str) -> None:
    """Each generation answers with the four documented keys, and its access token opens the list."""
    client = start()
    given = tokens(log_in(client, way))
    assert {"access_token", "refresh_token", "token_type", "expires_in"} <= given.keys()
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 1800)
    client.token = given["access_token"]
    assert client.get("/calllogs").status == 200
    assert client.pbx.audit.problems() == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", ["username", "password", "domain"])
def test_wrong_credentials_are_told_as_documented(start: Start, way: str, wrong: str) -> None:
    """A wrong name, password or domain is a 400 with the code UNAUTHORIZED, and the audit has it."""
    client = start()
    assert error(log_in(client, way, **{wrong: "wrong"})) == (400, "UNAUTHORIZED")
    assert client.violations() == ["login"]


def test_a_tenant_has_to_be_named(start: Start) -> None:
    """A login without a domain is refused: only system administrators have none."""
    client = start()
    credentials = client.credentials
    del credentials["domain"]
    assert error(client.post("/login", credentials)) == (400, "UNAUTHORIZED")


@pytest.mark.parametrize("way", WAYS)
def test_only_some_ways_exist(start: Start, way: str) -> None:
    """A version of the PBX has some of the generations; the paths of the others are not there, which is no fault."""
    client = start(behaviour=Behaviour(logins=tuple(one for one in WAYS if one != way)))
    assert [log_in(client, one).status for one in WAYS] == [404 if one == way else 200 for one in WAYS]
    assert client.violations() == []


def test_a_second_factor_stands_in_the_way(start: Start) -> None:
    """With a second factor the newest way gives no access token; the older ways know nothing of it."""
    client = start(behaviour=Behaviour(two_factor=True))
    answer = tokens(log_in(client, "auth"))
    assert answer["two_factor_enabled"] is True
    assert answer.keys() == {"two_factor_enabled", "token"}
    assert "access_token" in tokens(log_in(client, "oauth"))


@pytest.mark.parametrize("way", ["oauth", "auth"])
def test_a_refresh_gives_new_tokens(start: Start, way: str) -> None:
    """A refresh token gives a pair of new tokens, whichever way it came by, and works only once."""
    client = start()
    given = tokens(log_in(client, "login"))
    renewed = tokens(refresh(client, way, given["refresh_token"]))
    assert renewed["access_token"] != given["access_token"]
    client.token = renewed["access_token"]
    assert client.get("/calllogs").status == 200
    assert error(refresh(client, way, given["refresh_token"])) == (400, "UNKNOWN")
    assert tokens(refresh(client, way, renewed["refresh_token"]))
    assert client.pbx.audit.problems() == []


def test_a_refresh_token_may_be_good_for_more(start: Start) -> None:
    """On a PBX that behaves so, a refresh token works again and again, until it ends."""
    client = start(behaviour=Behaviour(refresh_rotates=False, refresh_lifetime=timedelta(hours=2)))
    token = tokens(log_in(client, "auth"))["refresh_token"]
    assert [refresh(client, "auth", token).status for _ in range(2)] == [200, 200]
    client.pbx.clock.sleep(7200)
    assert refresh(client, "auth", token).status == 400


def test_the_oldest_way_may_have_no_refresh(start: Start) -> None:
    """On a PBX that behaves so, the first generation gives an access token only."""
    client = start(behaviour=Behaviour(login_refresh=False))
    assert "refresh_token" not in tokens(log_in(client, "login"))


@pytest.mark.parametrize("status", [401, 403])
def test_tokens_end(start: Start, status: Any) -> None:
    """A token is good for so many seconds as it was told, and refused after; to use it again then is a violation."""
    client = start(behaviour=Behaviour(expired=status, token_lifetime=MINUTE))
    assert client.log_in()["expires_in"] == 60
    client.pbx.clock.sleep(59.9)
    assert client.get("/calllogs").status == 200
    client.pbx.clock.sleep(0.1)
    assert error(client.get("/calllogs")) == (status, "UNAUTHORIZED")
    assert client.violations() == []
    assert client.get("/calllogs").status == status
    assert client.violations() == ["expired"]


def test_a_session_can_be_asked_about(start: Start) -> None:
    """Who is logged in can ask until when, and who that is."""
    client = start()
    client.log_in()
    session = json.loads(client.get("/login").body)
    assert session == {
        "access_token": client.token,
        "expires_at": "2025-07-22T22:30:00.000000Z",
        "expires_in": 1800,
        "role": "Admin",
    }
    assert json.loads(client.get("/auth/user").body) == {"username": "admin", "domain": "one.example", "role": "Admin"}


@pytest.mark.parametrize(("path", "status"), [("/logout", 204), ("/auth/sign_out", 204), ("/login/oauth/revoke", 200)])
def test_logging_out_ends_the_session(start: Start, path: str, status: int) -> None:
    """After a logout neither the access token nor the refresh token is good."""
    client = start()
    given = client.log_in()
    assert client.post(path).status == status
    assert client.get("/calllogs").status == 401
    assert refresh(client, "auth", given["refresh_token"]).status == 400
    assert set(client.violations()) == {"expired"}


def test_a_request_needs_a_token(start: Start) -> None:
    """Without a token, or with one that was never given, there is a 401, and the audit has it."""
    client = start()
    assert error(send(f"{client.pbx.base_url}/calllogs")) == (401, "UNAUTHORIZED")
    assert error(send(f"{client.pbx.base_url}/calllogs", token="made-up")) == (401, "UNAUTHORIZED")
    assert client.violations() == ["token", "token"]


def test_a_refresh_token_opens_nothing(start: Start) -> None:
    """A refresh token is no access token."""
    client = start()
    client.token = client.log_in()["refresh_token"]
    assert client.get("/calllogs").status == 401


@pytest.mark.parametrize("forgets", [True, False])
def test_a_restart_may_forget_tokens(start: Start, forgets: bool) -> None:
    """After a restart all have to log in again, unless the PBX keeps its tokens."""
    client = start(behaviour=Behaviour(tokens_survive=not forgets))
    refresh_token = client.log_in()["refresh_token"]
    client.pbx.restart()
    assert client.get("/calllogs").status == (401 if forgets else 200)
    assert refresh(client, "auth", refresh_token).status == (400 if forgets else 200)
    client.log_in()
    assert client.get("/calllogs").status == 200
    assert client.pbx.audit.problems() == []


@pytest.mark.parametrize(
    ("path", "body", "form"),
    [
        ("/login", {"username": "admin"}, True),
        ("/login/oauth/token", {"grant_type": "password"}, False),
        ("/login/oauth/token", {"grant_type": "password", "scope": "all"}, True),
        ("/login/oauth/token", {"grant_type": "password", "client_id": "collector"}, True),
        ("/login/oauth/token", {"grant_type": "implicit", "client_id": "collector"}, True),
        ("/auth/sign_in", ["admin"], False),
        ("/auth/refresh_token", {}, False),
    ],
)
def test_bodies_have_to_be_as_documented(start: Start, path: str, body: object, form: bool) -> None:
    """A form in place of JSON, JSON in place of a form, or one that lacks something, is refused and noted."""
    client = start()
    assert error(client.post(path, body, form=form)) == (400, "VALIDATE_FAILED")
    assert client.violations() == ["query"]


def test_secrets_do_not_belong_into_the_query(start: Start) -> None:
    """A password or a token in a query string is noted, and the audit does not keep it."""
    client = start()
    url = f"{client.pbx.base_url}/calllogs?search="
    send(f"{url}{client.credentials['password']}", token=client.token)
    send(f"{url}{client.token}", token=client.token)
    assert client.violations() == ["secret", "secret"]
    problems = " ".join(client.pbx.audit.problems())
    assert client.token not in problems
    assert client.credentials["password"] not in problems


def test_logging_in_again_and_again_is_noted(start: Start) -> None:
    """Who logs in a third time within a minute, without having used what it got, does something wrong."""
    client = start()
    for _ in range(2):
        log_in(client, "auth")
    assert client.violations() == []
    log_in(client, "auth")
    assert client.violations() == ["logins"]
    client.pbx.clock.sleep(60)
    log_in(client, "auth")
    assert client.violations() == ["logins"]


def test_accounts_cannot_be_there_twice(start: Start) -> None:
    """Two accounts of a tenant have different names."""
    client = start()
    with pytest.raises(ValueError, match="admin@one"):
        client.pbx.add_account("one.example", "admin")
