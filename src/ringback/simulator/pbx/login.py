"""The three generations of logging in to the simulated PBX."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qs

import msgspec

from ringback.simulator.clock import to_datetime
from ringback.simulator.cloud.http import Reply, Request
from ringback.simulator.pbx.accounts import Account, Accounts, Token
from ringback.simulator.pbx.audit import Asked, Endpoint
from ringback.simulator.pbx.options import Behaviour, LoginWay
from ringback.simulator.pbx.wire import Wire, json

_MICROSECOND = timedelta(microseconds=1)


class BadBody(ValueError):
    """The body of a login that cannot be read; the message says why."""


class Logins:
    """Answers everything about logging in. Times are nanoseconds since 1970 on the PBX's clock."""

    def __init__(self, accounts: Accounts, behaviour: Behaviour, wire: Wire, period: int) -> None:
        self._accounts = accounts
        self._behaviour = behaviour
        self._wire = wire
        self._period = period

    def received(self, asked: Asked, now: int) -> None:
        """Note that an answer reached the client whole: the token that it got for a password, if it did, is bought."""
        token = self._accounts.named(asked.token)
        if token is not None and asked.endpoint == "login":
            token.bought = now

    # The first generation.

    def sign_in(self, request: Request, asked: Asked, token: Token | None, now: int) -> Reply:
        """`POST /login`."""
        account = self._password(_fields(request), asked, now)
        if account is None:
            return self._refused()
        body = self._tokens(account, asked, now)
        if not self._behaviour.login_refresh:
            del body["refresh_token"]
        return json(body | {"expires_at": self._wire.time(self._end(now)), "role": account.role})

    def session(self, request: Request, asked: Asked, token: Token | None, now: int) -> Reply:
        """`GET /login`: what is left of a session."""
        assert token is not None  # noqa: S101 - the service asks for it
        left = (token.expires - now) // 1_000_000_000
        expires = to_datetime(token.expires // 1_000_000)
        return json(
            {
                "access_token": token.secret,
                "expires_at": self._wire.time(expires),
                "expires_in": left,
                "role": token.account.role,
            }
        )

    def sign_out(self, request: Request, asked: Asked, token: Token | None, now: int) -> Reply:
        """`POST /logout` and `POST /auth/sign_out`."""
        self._end_session(token)
        return Reply(status=204)

    # The second.

    def grant(self, request: Request, asked: Asked, token: Token | None, now: int) -> Reply:
        """`POST /login/oauth/token`, for a password or a refresh token."""
        form = _form(request)
        if not form.get("client_id"):
            raise BadBody("the form needs a client_id")
        if form.get("grant_type") == "refresh_token":
            asked.endpoint = "refresh"
            return self._refreshed(form.get("refresh_token", ""), asked, now)
        if form.get("grant_type") != "password" or form.get("scope") != "all":
            raise BadBody("the form needs grant_type=password and scope=all, or grant_type=refresh_token")
        account = self._password(dict(form), asked, now)
        return self._refused() if account is None else json(self._tokens(account, asked, now))

    def revoke(self, request: Request, asked: Asked, token: Token | None, now: int) -> Reply:
        """`POST /login/oauth/revoke`."""
        self._end_session(token)
        return Reply()

    # The third.

    def sign_in_newest(self, request: Request, asked: Asked, token: Token | None, now: int) -> Reply:
        """`POST /auth/sign_in`."""
        account = self._password(_fields(request), asked, now)
        if account is None:
            return self._refused()
        if self._behaviour.two_factor:
            return json({"two_factor_enabled": True, "token": f"second-factor-of-{account.username}"})
        return json(self._tokens(account, asked, now))

    def refresh(self, request: Request, asked: Asked, token: Token | None, now: int) -> Reply:
        """`POST /auth/refresh_token`."""
        secret = _fields(request).get("refresh_token")
        if not isinstance(secret, str):
            raise BadBody("the body needs a refresh_token")
        return self._refreshed(secret, asked, now)

    def user(self, request: Request, asked: Asked, token: Token | None, now: int) -> Reply:
        """`GET /auth/user`."""
        assert token is not None  # noqa: S101 - the service asks for it
        account = token.account
        return json({"username": account.username, "domain": account.tenant, "role": account.role})

    # What they share.

    def _password(self, fields: dict[str, object], asked: Asked, now: int) -> Account | None:
        account = self._accounts.verify(fields.get("username"), fields.get("password"), fields.get("domain"))
        if account is None:
            asked.violation = "login"
            return None
        asked.account, asked.tenant = account.name, account.tenant
        if self._accounts.unused(account, now, now - self._period) >= 2:
            asked.violation = "logins"
        return account

    def _refreshed(self, secret: str, asked: Asked, now: int) -> Reply:
        token = self._accounts.find(secret, refresh=True)
        if token is None:
            asked.violation = "login"
            return self._wire.error(400, "UNKNOWN", "unknown error")
        asked.token = token.name
        if not token.good(now):
            if token.refused:
                asked.violation = "expired"
            token.refused = True
            return self._wire.error(400, "UNKNOWN", "unknown error")
        asked.account, asked.tenant = token.account.name, token.account.tenant
        if self._behaviour.refresh_rotates:
            token.revoked = True
        return json(self._tokens(token.account, asked, now))

    def _refused(self) -> Reply:
        return self._wire.error(400, "UNAUTHORIZED", "Login failed: wrong username, password or domain")

    def _tokens(self, account: Account, asked: Asked, now: int) -> dict[str, object]:
        behaviour = self._behaviour
        access = self._accounts.issue(account, now + _nanoseconds(behaviour.token_lifetime))
        refresh = self._accounts.issue(account, now + _nanoseconds(behaviour.refresh_lifetime), refresh=True)
        access.partner, refresh.partner = refresh, access
        asked.token = access.name
        return {
            "access_token": access.secret,
            "refresh_token": refresh.secret,
            "token_type": "Bearer",
            "expires_in": int(behaviour.token_lifetime.total_seconds()),
        }

    def _end(self, now: int) -> datetime:
        return to_datetime((now + _nanoseconds(self._behaviour.token_lifetime)) // 1_000_000)

    def _end_session(self, token: Token | None) -> None:
        assert token is not None  # noqa: S101 - the service asks for it
        for one in (token, token.partner):
            if one is not None:
                one.revoked = one.refused = True


class Route(NamedTuple):
    """A path of logging in or out.

    Attributes:
        way: the generation it belongs to.
        method: the one it takes.
        endpoint: what the audit calls it. Those of `user` and `logout` need a good token, the others are given none.
        answer: gives the answer.
    """

    way: LoginWay
    method: str
    endpoint: Endpoint
    answer: Callable[[Logins, Request, Asked, Token | None, int], Reply]


ROUTES: dict[str, tuple[Route, ...]] = {
    "/login": (Route("login", "POST", "login", Logins.sign_in), Route("login", "GET", "user", Logins.session)),
    "/logout": (Route("login", "POST", "logout", Logins.sign_out),),
    "/login/oauth/token": (Route("oauth", "POST", "login", Logins.grant),),
    "/login/oauth/revoke": (Route("oauth", "POST", "logout", Logins.revoke),),
    "/auth/sign_in": (Route("auth", "POST", "login", Logins.sign_in_newest),),
    "/auth/refresh_token": (Route("auth", "POST", "refresh", Logins.refresh),),
    "/auth/sign_out": (Route("auth", "POST", "logout", Logins.sign_out),),
    "/auth/user": (Route("auth", "GET", "user", Logins.user),),
}


def _nanoseconds(span: timedelta) -> int:
    return span // _MICROSECOND * 1000


def _fields(request: Request) -> dict[str, object]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise BadBody("the body must be application/json")
    try:
        return msgspec.json.decode(request.body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadBody("the body is no JSON object") from error


def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadBody("the body must be application/x-www-form-urlencoded")
    try:
        return {name: values[0] for name, values in parse_qs(request.body.decode("ascii"), errors="strict").items()}
    except ValueError as error:
        raise BadBody("the form cannot be read") from error
