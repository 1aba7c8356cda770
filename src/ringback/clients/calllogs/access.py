"""Where the access token of a client comes from: given by the program, or got by logging in."""

from __future__ import annotations

import re
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from ringback.clients.calllogs.addresses import Addresses
from ringback.clients.calllogs.answers import read_object
from ringback.clients.calllogs.errors import ApiError, LoginRefused, TooManyRequests, Unavailable
from ringback.clients.calllogs.exchange import Exchange, logger
from ringback.clients.calllogs.options import CallLogsOptions, LoginForm
from ringback.clients.calllogs.steps import GetToken, Request, Resolve, Steps
from ringback.clients.errors import Answer, BadAnswer
from ringback.clients.tokens import GivenTokens, Refresh, TokenSource

_TOKEN = re.compile(r"[\x21-\x7e]+")
_RENEW_BEFORE = 60.0  # seconds before a token ends; of one that lives less than ten minutes, a tenth of its life
_NOT_SERVED = frozenset({401, 404, 405, 501})
"""What a PBX may answer to a login form that its version does not have. A form that it has answers 400 to a login that
is wrong, says PortSIP's page "Authentication"; 401 is how a gateway asks for a token on paths that it does not know."""

_REFUSALS = _NOT_SERVED | {400, 403}


class Access(Protocol):
    """Gives the token. A carrier runs one of these generators at a time, so that many who meet the end of a token make
    one new one."""

    def token(self, step: GetToken) -> Steps[str]:
        """The token that the step asks for."""


class GivenAccess:
    """A token that the program gives.

    Args:
        tokens, refresh: see `ringback.clients.tokens.TokenSource`.

    Raises:
        UsageError: it cannot be a token.
    """

    def __init__(self, tokens: GivenTokens, refresh: Refresh | None) -> None:
        self._source = TokenSource(tokens, refresh)
        if (given := tokens if isinstance(tokens, str) else self._source.in_hand()) is not None:
            self._source.keep(given)  # to be told of a wrong one now

    def token(self, step: GetToken) -> Steps[str]:
        """The token; another one than the one refused if there is a way to get one."""
        if (token := self._source.in_hand(step.refused)) is not None:
            return token
        another = yield Resolve(self._source.another(step.refused))
        return self._source.keep(another)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Who logs in. It does not show its password.

    Attributes:
        domain: the SIP domain of the tenant; None for the administrator of the whole PBX.
    """

    username: str
    password: str
    domain: str | None = None

    def __repr__(self) -> str:
        return f"<credentials of {self.username}>"


class _Grant(msgspec.Struct, frozen=True):
    """What a login gave.

    Attributes:
        renew_at: on the timer; None if the server did not say how long the token lives.
    """

    access_token: str
    refresh_token: str | None
    renew_at: float | None

    def __repr__(self) -> str:
        return "<a grant>"


class LoginAccess:
    """A token that is got by logging in, refreshed before it ends, and got anew when it is refused.

    Args:
        form: the login form; None to try all, newest first, and to stay with the first that the server has.
    """

    def __init__(
        self,
        exchange: Exchange,
        addresses: Addresses,
        credentials: Credentials,
        form: LoginForm | None,
        options: CallLogsOptions,
    ) -> None:
        self._exchange = exchange
        self._addresses = addresses
        self._credentials = credentials
        self._form = form
        self._options = options
        self._grant: _Grant | None = None

    def token(self, step: GetToken) -> Steps[str]:
        """The token in hand if it was not refused and will live for a while; else a new one.

        Raises:
            LoginRefused: the server does not take these credentials.
            CdrError: as `Exchange.fetch`.
        """
        grant = self._grant
        if grant is not None and (grant.access_token == step.refused or self._is_old(grant)):
            grant = None if step.anew else (yield from self._refresh(grant))
        self._grant = grant or (yield from self._log_in())
        return self._grant.access_token

    def _is_old(self, grant: _Grant) -> bool:
        return grant.renew_at is not None and self._options.timer() >= grant.renew_at

    def _refresh(self, grant: _Grant) -> Steps[_Grant | None]:
        """A new token for the refresh token; None if the server does not give one."""
        if grant.refresh_token is None:
            return None
        try:
            if self._form is LoginForm.SIGN_IN:
                request = self._json("auth", "refresh_token", refresh_token=grant.refresh_token)
            else:
                # `/login` has no documented way to refresh; the other path of its time is tried.
                request = self._oauth(grant_type="refresh_token", refresh_token=grant.refresh_token)
            refreshed = yield from self._ask(request)
        except (TooManyRequests, Unavailable):
            raise  # nor would a login be taken now
        except ApiError as error:
            logger.info("the token could not be refreshed (HTTP %d), so a new login is made", error.status)
            return None
        if refreshed is None or refreshed.refresh_token:
            return refreshed
        # A server may go on with the refresh token that it gave before (RFC 6749, section 6).
        return msgspec.structs.replace(refreshed, refresh_token=grant.refresh_token)

    def _log_in(self) -> Steps[_Grant]:
        missing: ApiError | None = None
        for form in (self._form,) if self._form else LoginForm:
            try:
                grant = yield from self._ask(self._request(form))
            except ApiError as error:
                missing = missing or error
                if self._form or not _is_missing(error):
                    raise self._refused(error) from None
            else:
                if grant is not None:
                    self._form = form
                    return grant
        if missing is not None:
            raise self._refused(missing) from None
        raise BadAnswer("the server took the login, but gave no token that could be used")

    def _refused(self, error: ApiError) -> ApiError:
        if error.status not in _REFUSALS:
            return error
        # A server that repeats what was wrong with the password must not bring it into an error.
        if self._credentials.password and self._credentials.password in error.response.text:
            hidden = msgspec.structs.replace(error.response, body=b"(not shown, since it repeats the password)")
            return LoginRefused(hidden)
        return LoginRefused(error.response)

    def _request(self, form: LoginForm) -> Request:
        given = {"username": self._credentials.username, "password": self._credentials.password}
        if self._credentials.domain is not None:
            given["domain"] = self._credentials.domain
        if form is LoginForm.SIGN_IN:
            return self._json("auth", "sign_in", **given)
        if form is LoginForm.LOGIN:
            return self._json("login", **given)
        return self._oauth(grant_type="password", **given, scope="all")

    def _json(self, *path: str, **values: str) -> Request:
        url = self._addresses.of(*path)
        body = msgspec.json.encode(values)
        return Request(method="POST", url=url, headers={"content-type": "application/json"}, body=body)

    def _oauth(self, **values: str) -> Request:
        url = self._addresses.of("login", "oauth", "token")
        body = urlencode(values | {"client_id": self._options.client_id}).encode("ascii")
        return Request(method="POST", url=url, headers={"content-type": "application/x-www-form-urlencoded"}, body=body)

    def _ask(self, request: Request) -> Steps[_Grant | None]:
        began = self._options.timer()
        return (yield from self._exchange.fetch(request, lambda answer: _grant(answer, began), anonymous=True))


def _is_missing(error: ApiError) -> bool:
    """Whether an answer says that the server does not have the form, and not that the credentials are wrong.

    Wrong credentials must not be tried with the next form too: a few such logins may lock the account.
    """
    named = any(entry.code == "UNAUTHORIZED" for entry in error.errors)
    return error.status in _NOT_SERVED or (error.status == 400 and not named)


def _grant(answer: Answer, began: float) -> _Grant | None:
    """What a login gave; None if that is no token, as of a server that puts it into a cookie.

    Args:
        began: when the login was sent, on the timer; the token cannot be older.

    Raises:
        LoginRefused: a second factor is wanted.
        BadAnswer: the body is no JSON.
    """
    values = read_object(answer) if answer.body.strip() else {}
    if values.get("two_factor_enabled"):
        raise LoginRefused(
            msgspec.structs.replace(answer, body=b""),
            said="the account has a second factor, which no program can give. Take one without, or another login form",
        )
    token, refresh_token, lifetime = (values.get(key) for key in ("access_token", "refresh_token", "expires_in"))
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    renew_at = None
    if isinstance(lifetime, (int, float)) and not isinstance(lifetime, bool) and lifetime > 0:
        renew_at = began + lifetime - min(_RENEW_BEFORE, lifetime / 10)
    return _Grant(token, refresh_token if isinstance(refresh_token, str) and refresh_token else None, renew_at)
