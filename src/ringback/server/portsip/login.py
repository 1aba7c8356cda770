"""Logging in and out, in the three forms that PortSIP has had: `/login`, `/login/oauth`, and `/auth`.

Sources: the page "Authentication" of PortSIP's REST documentation, and its published OpenAPI documents, versions 22.0
to 22.2. `docs/accounts.md` says what is done where these are silent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import parse_qsl

import msgspec

from ringback.server.accounts import MAX_DOMAIN, MAX_PASSWORD, MAX_USERNAME, Account, Accounts, Role
from ringback.server.exchange import Answer, Call, token_of
from ringback.server.logins import Login, Logins
from ringback.server.portsip.errors import UNAUTHORIZED, PortsipError
from ringback.server.portsip.passwords import bad_login
from ringback.server.tokens import CALL_LOGS_SCOPE, MAX_LENGTH, Token, Tokens

_MAX_FIELDS = 20
_MAX_MESSAGE = 200
_PRIVATE = {"cache-control": "no-store", "pragma": "no-cache"}
"""The headers of answers with tokens (RFC 6749, section 5.1)."""

_Username = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_USERNAME)]
_Password = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PASSWORD)]
_Domain = Annotated[str, msgspec.Meta(max_length=MAX_DOMAIN)]
_Refresh = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LENGTH)]
_SECOND = timedelta(seconds=1)


class _Secretive(msgspec.Struct, frozen=True):
    def __repr__(self) -> str:
        """Without the values: some are secrets, and a repr may come into a log."""
        return f"{type(self).__name__}(...)"


class Credentials(_Secretive, frozen=True):
    """Who logs in. Without a domain, the username may have it: `anna@example.com`."""

    username: _Username
    password: _Password
    domain: _Domain | None = None


class RefreshBody(_Secretive, frozen=True):
    """What `POST /api/auth/refresh_token` is told."""

    refresh_token: _Refresh


class PasswordGrant(_Secretive, frozen=True, tag_field="grant_type", tag="password"):
    """The form of `POST /api/login/oauth/token` by which one logs in. Its `client_id` is not looked at."""

    username: _Username
    password: _Password
    domain: _Domain = ""
    scope: Literal["all"] = "all"


class RefreshGrant(_Secretive, frozen=True, tag_field="grant_type", tag="refresh_token"):
    """The form of `POST /api/login/oauth/token` by which one gets new tokens."""

    refresh_token: _Refresh
    scope: Literal["all"] = "all"


class TokensBody(_Secretive, frozen=True):
    """The tokens of a login; `expires_in` is in seconds, and of the access token."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


class LoginBody(TokensBody, frozen=True):
    """The answer to `POST /api/login`."""

    expires_at: str
    role: str


class StatusBody(_Secretive, frozen=True):
    """Whose access token it is, and how long it is valid; null for ever."""

    access_token: str
    expires_at: str | None
    expires_in: int | None
    role: str


class AuthUserBody(msgspec.Struct, frozen=True):
    """Whose access token it is."""

    role: str
    password_verified: bool
    password_force_reset: bool


class LoginDialect:
    """What answers once it is known who asks. Blocking, but for the reading of bodies; for a worker thread.

    Args:
        clock: gives the current time, aware.
    """

    def __init__(self, tokens: Tokens, accounts: Accounts, logins: Logins, clock: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._accounts = accounts
        self._logins = logins
        self._clock = clock

    def begin(self, account: Account, *, with_role: bool) -> Answer:
        """Log in an account whose password was checked.

        Args:
            with_role: whether to tell the role, and when the access token expires: the form of `POST /api/login`.

        Raises:
            ApiError: 400, the account has changed since.
        """
        login = self._logins.begin(account)
        if login is None:
            raise bad_login()
        if not with_role:
            return _tokens(login)
        body = LoginBody(
            login.access_token,
            login.refresh_token,
            "Bearer",
            login.expires_in // _SECOND,
            _time(login.expires_at),
            account.role.value,
        )
        return _answer(body)

    def renew(self, refresh_token: str) -> Answer:
        """Give new tokens for a refresh token.

        Raises:
            ApiError: 400, it is none, or not valid.
        """
        login = self._logins.renew(refresh_token)
        if login is None:
            raise PortsipError(
                400, "The refresh token is unknown, expired, or was used already. Log in again.", code=UNAUTHORIZED
            )
        return _tokens(login)

    def status(self, call: Call) -> Answer:
        """Answer `GET /api/login`.

        Raises:
            ApiError: 401, 403.
        """
        token = self._token(call)
        body = StatusBody(
            access_token=call.authorization.strip().partition(" ")[2].strip(),
            expires_at=None if token.expires_at is None else _time(token.expires_at),
            expires_in=None if token.expires_at is None else (token.expires_at - self._clock()) // _SECOND,
            role=self._role(token).value,
        )
        return _answer(body)

    def user(self, call: Call) -> Answer:
        """Answer `GET /api/auth/user`.

        Raises:
            ApiError: 401, 403.
        """
        token = self._token(call)
        return _answer(AuthUserBody(self._role(token).value, token.account is not None, False))

    def end(self, call: Call) -> Answer:
        """Log out.

        Raises:
            ApiError: 401; 403, the token is not from a login.
        """
        token = self._token(call)
        if token.account is None:
            raise PortsipError(
                403, "This token is not from a login. 'ringback token revoke' on the server makes it invalid."
            )
        self._logins.end(token.id)
        return Answer(b"{}", _PRIVATE)

    def _token(self, call: Call) -> Token:
        token = token_of(self._tokens, call.authorization)
        if CALL_LOGS_SCOPE not in token.scopes:
            raise PortsipError(403, f"The access token needs the scope {CALL_LOGS_SCOPE}.")
        return token

    def _role(self, token: Token) -> Role:
        account = None if token.account is None else self._accounts.find(token.account)
        if account is not None:
            return account.role
        return Role.ADMIN if token.user is None else Role.USER


def read_form(body: bytes) -> PasswordGrant | RefreshGrant:
    """What was sent to `/api/login/oauth/token`. Fields that are not known are ignored.

    Raises:
        ApiError: 400, it is not what is expected; the message says where, and has no secret.
    """
    try:
        pairs = parse_qsl(body.decode(), errors="strict", max_num_fields=_MAX_FIELDS)
        fields = dict(pairs)
        if len(fields) < len(pairs):
            raise ValueError("a field is given more than once")
        return msgspec.convert(fields, type=PasswordGrant | RefreshGrant)
    except ValueError as error:
        # Of bytes that are no UTF-8, the error tells where alone.
        raise PortsipError(
            400,
            "The body must be a form, application/x-www-form-urlencoded, with the grant_type password or "
            f"refresh_token: {error!s:.{_MAX_MESSAGE}}.",
        ) from error


def _tokens(login: Login) -> Answer:
    return _answer(TokensBody(login.access_token, login.refresh_token, "Bearer", login.expires_in // _SECOND))


def _answer(body: msgspec.Struct) -> Answer:
    return Answer(msgspec.json.encode(body), _PRIVATE)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
