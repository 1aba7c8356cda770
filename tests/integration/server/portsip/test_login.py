"""Logging in and out by the paths of PortSIP: the three forms, and what their tokens are good for."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from factories import ORG, OTHER_ORG, Clock
from integration.server.portsip.login_site import PASSWORD, LoginSite, code_of, credentials, form
from ringback.server.accounts import Role
from ringback.server.logins import MOST_LOGINS
from ringback.server.tokens import CALL_LOGS_SCOPE, CDR_SCOPE, USER_SCOPES
from ringback.store import Store
from serving import DAY, MINUTE, SECOND, Reply, listening

LoginForm = Callable[[LoginSite, str, str, str | None], Reply]


@pytest.fixture
def site(directory: Path, clock: Clock) -> Iterator[LoginSite]:
    """The paths of logins, on a store without accounts."""
    made = LoginSite(Store.open(directory), clock)
    yield made
    made.close()


def by_login(site: LoginSite, username: str, password: str, domain: str | None) -> Reply:
    """Log in by the oldest form."""
    return site.post("/api/login", credentials(username, password, domain))


def by_oauth(site: LoginSite, username: str, password: str, domain: str | None) -> Reply:
    """Log in by the form with a grant type."""
    fields = {"grant_type": "password", "username": username, "password": password, "scope": "all", "client_id": "c"}
    return site.post("/api/login/oauth/token", form(**fields, **({} if domain is None else {"domain": domain})))


def by_sign_in(site: LoginSite, username: str, password: str, domain: str | None) -> Reply:
    """Log in by the newest form."""
    return site.post("/api/auth/sign_in", credentials(username, password, domain))


FORMS = pytest.mark.parametrize("log_in", [by_login, by_oauth, by_sign_in])


# Logging in


@FORMS
def test_three_forms_of_login(site: LoginSite, log_in: LoginForm) -> None:
    """Each form gives an access token that lets in, and a refresh token that gives new ones."""
    site.account()
    reply = log_in(site, "anna", PASSWORD, "example.com")
    assert reply.status == 200
    assert reply.headers["cache-control"] == "no-store"
    body = reply.json
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 1800)
    assert site.lets_in(body["access_token"])
    assert site.renew(body["refresh_token"]).status == 200


def test_login_tells_the_role(site: LoginSite) -> None:
    """The oldest form alone tells the role, and when the access token expires; the others have four keys."""
    site.account(role=Role.QUEUE_MANAGER)
    four = ["access_token", "refresh_token", "token_type", "expires_in"]
    body = by_login(site, "anna", PASSWORD, "example.com").json
    assert list(body) == [*four, "expires_at", "role"]
    assert (body["expires_at"], body["role"]) == ("2026-03-03T01:36:40Z", "QueueManager")
    for log_in in (by_oauth, by_sign_in):
        assert list(log_in(site, "anna", PASSWORD, "example.com").json) == four


@FORMS
@pytest.mark.parametrize(
    ("username", "domain"),
    [("anna", "example.com"), ("ANNA", "Example.COM"), ("anna@example.com", None), ("anna@example.com", "")],
)
def test_names(site: LoginSite, log_in: LoginForm, username: str, domain: str | None) -> None:
    """Case does not matter in a name, and the username may have the domain."""
    site.account()
    assert log_in(site, username, PASSWORD, domain).status == 200


@FORMS
@pytest.mark.parametrize(
    ("username", "password", "domain"),
    [
        ("anna", "wrong password", "example.com"),
        ("anna", PASSWORD.upper(), "example.com"),
        ("anna", f"{PASSWORD} ", "example.com"),
        ("anna", PASSWORD, "example.org"),
        ("anna", PASSWORD, None),
        ("anna@example.com", PASSWORD, "example.com"),
        ("nobody", PASSWORD, "example.com"),
        ("anna\x00", PASSWORD, "example.com"),
        ("' OR 1=1 --", PASSWORD, "example.com"),
    ],
)
def test_bad_logins_are_alike(
    site: LoginSite, log_in: LoginForm, username: str, password: str, domain: str | None
) -> None:
    """A wrong name, password or domain is answered with the same 400, and makes no token."""
    site.account()
    reply = log_in(site, username, password, domain)
    assert (reply.status, code_of(reply)) == (400, "UNAUTHORIZED")
    assert reply.json["errors"][0]["message"] == "Login failed: the name, the domain or the password is wrong."
    assert site.tokens.all() == []


@pytest.mark.parametrize("path", ["/api/login", "/api/auth/sign_in"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"username":"anna"}',
        b'{"password":"hush-hush"}',
        b'{"username":"","password":"hush-hush"}',
        b'{"username":"anna","password":""}',
        b'{"username":1,"password":"hush-hush"}',
        b'{"username":"anna","password":["hush-hush"]}',
        b'{"username":"anna","password":"hush-hush"',
        b'{"username":"anna","password":"hush-hush\xff"}',
        b'{"username":"anna","password":"hush-hush","domain":7}',
        msgspec.json.encode(credentials("a" * 257, "hush-hush")),
        msgspec.json.encode(credentials("anna", "hush-hush" * 200)),
        msgspec.json.encode(credentials("anna", "hush-hush", "d" * 1025)),
        form(username="anna", password="hush-hush"),
        b"[" * 10_000,
    ],
)
def test_bodies_that_are_none(site: LoginSite, path: str, body: bytes) -> None:
    """What cannot be read, or is too long, is refused with where it is wrong, and never with what the password was."""
    reply = site.post(path, body)
    assert (reply.status, code_of(reply)) == (400, "VALIDATE_FAILED")
    assert b"hush" not in reply.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        form(username="anna", password="hush-hush"),
        form(grant_type="authorization_code", code="hush-hush"),
        form(grant_type="password", username="anna"),
        form(grant_type="password", username="", password="hush-hush"),
        form(grant_type="password", username="a" * 257, password="hush-hush"),
        form(grant_type="password", username="anna", password="hush-hush" * 200),
        form(grant_type="password", username="anna", password="hush-hush", scope="some"),
        form(grant_type="refresh_token"),
        form(grant_type="refresh_token", refresh_token="hush-hush" * 30),
        form(grant_type="password", username="anna", password="hush-hush") + b"&username=ben",
        b"grant_type=password&username=anna&password=hush%ff",
        b"grant_type=password&username=anna&password=hush\xff",
        b"&".join([b"hush=1"] * 30),
        msgspec.json.encode({"grant_type": "password", "username": "anna", "password": "hush-hush"}),
    ],
)
def test_forms_that_are_none(site: LoginSite, body: bytes) -> None:
    """A form without a known grant type, or with a field that does not fit, is refused, without its secrets."""
    reply = site.post("/api/login/oauth/token", body)
    assert (reply.status, code_of(reply)) == (400, "VALIDATE_FAILED")
    assert b"grant_type password or refresh_token" in reply.body
    assert b"hush" not in reply.body


def test_large_bodies_are_refused(site: LoginSite) -> None:
    """A body of more than 16 KiB is refused before it is looked at."""
    for path in ("/api/login", "/api/login/oauth/token", "/api/auth/sign_in", "/api/auth/refresh_token"):
        assert site.post(path, b"x" * 20_000).status == 413


def test_a_plain_client_over_a_socket(site: LoginSite) -> None:
    """A client that knows nothing but HTTP logs in, asks who it is, and logs out."""
    site.account()

    def ask(path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        request = urllib.request.Request(f"{address}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()

    with listening(site.app) as address:
        sent = form(grant_type="password", username="anna", domain="example.com", password=PASSWORD, scope="all")
        status, body = ask("/api/login/oauth/token", sent, {"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 200
        bearer = {"Authorization": f"Bearer {msgspec.json.decode(body)['access_token']}"}
        assert msgspec.json.decode(ask("/api/auth/user", None, bearer)[1])["role"] == "User"
        assert ask("/api/logout", b"", bearer) == (204, b"")


# What the tokens are good for


def test_a_user_sees_its_own_calls_only(site: LoginSite) -> None:
    """The token of a User is for the user with the account's name, or the one that was given; for call logs only."""
    site.account("101")
    site.account("ben", user="7546367F-CADD-4C6B-A395-DE7133A63DED")
    for username, user in (("101", "101@example.com"), ("ben", "7546367f-cadd-4c6b-a395-de7133a63ded")):
        token = site.tokens.authenticate(site.tokens_of_login(username)[0])
        assert token is not None
        assert (token.org, token.user, token.scopes) == (ORG, user, (CALL_LOGS_SCOPE,))
        assert token.account == f"{username}@example.com"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.QUEUE_MANAGER])
def test_others_see_the_calls_of_their_org(site: LoginSite, role: Role) -> None:
    """The token of an Admin or a QueueManager is for all call logs of the account's org, and for nothing else."""
    site.account(role=role, org=OTHER_ORG)
    token = site.tokens.authenticate(site.tokens_of_login()[0])
    assert token is not None
    assert (token.org, token.user, token.scopes) == (OTHER_ORG, None, (CALL_LOGS_SCOPE,))


def test_who_is_logged_in(site: LoginSite, clock: Clock) -> None:
    """`GET /login` gives the token, when it expires and the role; `GET /auth/user` the role."""
    site.account(role=Role.QUEUE_MANAGER)
    access, _ = site.tokens_of_login()
    clock.now += 10 * MINUTE + 500
    reply = site.get("/api/login", access)
    assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")
    assert reply.json == {
        "access_token": access,
        "expires_at": "2026-03-03T01:36:40Z",
        "expires_in": 1199,
        "role": "QueueManager",
    }
    assert site.get("/api/auth/user", access).json == {
        "role": "QueueManager",
        "password_verified": True,
        "password_force_reset": False,
    }


def test_tokens_made_by_a_command(site: LoginSite) -> None:
    """A token with the scope for call logs that was made without a login is let in, and cannot log out."""
    for user, role in ((None, "Admin"), ("101@example.com", "User")):
        text, _ = site.tokens.create(ORG, user=user, scopes=(CALL_LOGS_SCOPE,))
        assert site.get("/api/login", text).json == {
            "access_token": text,
            "expires_at": None,
            "expires_in": None,
            "role": role,
        }
        assert site.get("/api/auth/user", text).json["password_verified"] is False
        for path in ("/api/logout", "/api/auth/sign_out", "/api/login/oauth/revoke"):
            reply = site.post(path, token=text)
            assert (reply.status, code_of(reply)) == (403, "FORBIDDEN")
        assert site.lets_in(text)


def test_the_scope_is_needed(site: LoginSite) -> None:
    """A token for something else is told which scope it lacks. A user's token has it unless less was wanted."""
    for scopes, user, status in (
        ((CDR_SCOPE,), None, 403),
        (USER_SCOPES[:1], "ben", 403),
        (None, "ben", 200),
    ):
        text, _ = site.tokens.create(ORG, user=user, scopes=scopes)
        reply = site.get("/api/login", text)
        assert reply.status == status
        if status == 403:
            assert CALL_LOGS_SCOPE in reply.json["errors"][0]["message"]


@pytest.mark.parametrize("path", ["/api/login", "/api/auth/user"])
def test_without_a_token(site: LoginSite, path: str) -> None:
    """Who has no access token, or shows a refresh token in its place, gets 401."""
    site.account()
    _, refresh = site.tokens_of_login()
    for token in (None, "rb_0_0", refresh):
        reply = site.get(path, token)
        assert (reply.status, code_of(reply)) == (401, "UNAUTHORIZED")
        assert reply.headers["www-authenticate"] == "Bearer"


def test_access_tokens_expire(site: LoginSite, clock: Clock) -> None:
    """An access token works for the time that was said, not longer; the refresh token then gives a new one."""
    site.account()
    access, refresh = site.tokens_of_login()
    clock.now += 30 * MINUTE - 1
    assert site.lets_in(access)
    clock.now += 1
    assert not site.lets_in(access)
    assert site.lets_in(site.renew(refresh).json["access_token"])


# Renewing


@pytest.mark.parametrize("form_of_it", ["oauth", "auth"])
def test_new_tokens_replace_the_old_ones(site: LoginSite, clock: Clock, form_of_it: str) -> None:
    """A refresh token gives new tokens of the same user, by both forms; the old access token ends with that."""
    site.account(user="7546367f-cadd-4c6b-a395-de7133a63ded")
    access, refresh = site.tokens_of_login()
    for _ in range(3):
        clock.now += 20 * DAY  # each refresh token lives 30 days from when it was made
        if form_of_it == "auth":
            reply = site.renew(refresh)
        else:
            sent = form(grant_type="refresh_token", refresh_token=refresh, client_id="c")
            reply = site.post("/api/login/oauth/token", sent)
        assert reply.status == 200
        assert list(reply.json) == ["access_token", "refresh_token", "token_type", "expires_in"]
        assert not site.lets_in(access)
        access, refresh = reply.json["access_token"], reply.json["refresh_token"]
        token = site.tokens.authenticate(access)
        assert token is not None
        assert (token.user, token.scopes) == ("7546367f-cadd-4c6b-a395-de7133a63ded", (CALL_LOGS_SCOPE,))
    assert len(site.tokens.all()) == 2


def refused(reply: Reply) -> bool:
    """Whether a refresh token was refused as it should be."""
    if reply.status == 200:
        return False
    assert (reply.status, code_of(reply)) == (400, "UNAUTHORIZED")
    return True


def test_a_refresh_token_works_once(site: LoginSite) -> None:
    """Who shows a refresh token again is refused, and the login is over: one of two who had it has stolen it."""
    site.account()
    _, first = site.tokens_of_login()
    other, _ = site.tokens_of_login()
    body = site.renew(first).json
    with capture_logs() as lines:
        assert refused(site.renew(first))
    assert [line["account"] for line in lines if line["log_level"] == "warning"] == ["anna@example.com"]
    assert not site.lets_in(body["access_token"])
    assert refused(site.renew(body["refresh_token"]))
    assert site.lets_in(other), "another login of the account goes on"


def test_what_is_no_refresh_token(site: LoginSite, clock: Clock) -> None:
    """An unknown, expired or access token renews nothing, and ends nothing that is valid."""
    site.account()
    access, refresh = site.tokens_of_login()
    made, _ = site.tokens.create(ORG, scopes=(CALL_LOGS_SCOPE,))
    for text in ("x", "rb_0123456789abcdefr_x", access, made, refresh.upper()):
        assert refused(site.renew(text))
    assert site.lets_in(access)
    clock.now += 30 * DAY
    assert refused(site.renew(refresh))


def test_two_renew_at_once(site: LoginSite) -> None:
    """Of many who show a refresh token at the same moment, one gets new tokens at the most, and none keeps them."""
    site.account()
    _, refresh = site.tokens_of_login()
    body = {"refresh_token": refresh}
    replies = site.all_at_once([("/api/auth/refresh_token", body)] * 8)
    lucky = [reply for reply in replies if not refused(reply)]
    assert len(lucky) == 1
    assert not site.lets_in(lucky[0].json["access_token"])
    assert site.tokens.all() == []


# Logging out


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [("/api/logout", 204, b""), ("/api/auth/sign_out", 204, b""), ("/api/login/oauth/revoke", 200, b"{}")],
)
def test_logging_out(site: LoginSite, path: str, status: int, body: bytes) -> None:
    """After logging out by any form neither token is valid any more; other logins of the account go on."""
    site.account()
    access, refresh = site.tokens_of_login()
    other, _ = site.tokens_of_login()
    reply = site.post(path, {"reason": "home time"}, token=access)
    assert (reply.status, reply.body) == (status, body)
    assert not site.lets_in(access)
    assert refused(site.renew(refresh))
    assert site.lets_in(other)
    again = site.post(path, token=access)
    assert (again.status, code_of(again)) == (401, "UNAUTHORIZED")


def test_revoking_a_token_ends_its_login(site: LoginSite) -> None:
    """Who revokes one token of a login by its id ends the other one too."""
    site.account()
    for which in (0, 1):
        access, refresh = site.tokens_of_login()
        site.tokens.revoke((access, refresh)[which].split("_")[1])
        assert not site.lets_in(access)
        assert refused(site.renew(refresh))


@pytest.mark.parametrize("change", ["password", "removal"])
def test_changing_an_account_ends_its_logins(site: LoginSite, change: str) -> None:
    """A new password, or removing the account, ends its logins at once, and no one else's."""
    site.account()
    site.account("ben")
    logins = [site.tokens_of_login() for _ in range(2)]
    of_ben, _ = site.tokens_of_login("ben")
    if change == "password":
        site.accounts.set_password("anna", "another password", "example.com")
    else:
        site.accounts.remove("anna", "example.com")
    for access, refresh in logins:
        assert not site.lets_in(access)
        assert refused(site.renew(refresh))
    assert site.log_in().status == 400
    assert site.lets_in(of_ben)


# What stays behind


def test_expired_tokens_are_deleted(site: LoginSite, clock: Clock) -> None:
    """Each login deletes tokens of logins that have expired, of all accounts; tokens made by a command stay."""
    site.account()
    site.account("ben")
    site.tokens.create(ORG, lifetime=timedelta(days=1))
    for _ in range(5):
        site.tokens_of_login("ben")
    clock.now += 30 * DAY
    site.tokens_of_login()
    assert sorted(token.account or "" for token in site.tokens.all()) == ["", *["anna@example.com"] * 2]


def test_an_account_has_a_bounded_number_of_logins(site: LoginSite, clock: Clock) -> None:
    """A client that logs in for each request ends the logins that were not used for longest, and no others."""
    account = site.account()
    first, second = site.tokens_of_login(), site.tokens_of_login()
    clock.now += SECOND
    renewed = site.renew(first[1]).json
    for _ in range(MOST_LOGINS - 1):
        clock.now += SECOND
        assert site.logins.begin(account)
    assert len(site.tokens.all()) == 2 * MOST_LOGINS
    assert site.lets_in(renewed["access_token"])
    assert refused(site.renew(second[1]))


def test_no_secret_stays_behind(site: LoginSite) -> None:
    """Neither a password nor a token is in the log or in the files of the store, whatever became of the request."""
    site.account()
    with capture_logs() as lines:
        access, refresh = site.tokens_of_login()
        renewed = site.renew(refresh).json
        site.log_in(password="a wrong password")
        site.post("/api/login", b'{"username":"anna","password":"a wrong password')
        site.renew(refresh)
        site.post("/api/logout", token=access)
    assert len([line for line in lines if line["event"] == "request"]) == 6
    files = b"".join(path.read_bytes() for path in site.store.directory.iterdir())
    texts = [access, refresh, renewed["access_token"], renewed["refresh_token"]]
    for secret in (PASSWORD, "a wrong password", *(text.split("_", 2)[2] for text in texts)):
        assert secret not in str(lines)
        assert secret.encode() not in files
    assert b"$argon2id$" in files


def test_a_store_that_is_gone(site: LoginSite) -> None:
    """Where the store cannot be read, a login is answered with 503, which is counted for nobody as a wrong password."""
    site.account()
    directory = site.store.directory
    site.store.close()
    aside = directory.with_name("aside")
    shutil.move(directory, aside)
    for _ in range(12):
        reply = site.log_in()
        assert (reply.status, code_of(reply)) == (503, "UNKNOWN")
    shutil.move(aside, directory)
    assert site.log_in().status == 200
