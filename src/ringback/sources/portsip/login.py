"""Logging in to a PBX, in the three forms that PortSIP documents. Nothing secret is ever logged or shown.

The forms are three generations of PortSIP's REST documentation: "Authentication" (`/login`), "OAuth"
(`/login/oauth/token`), and since version 22.2.11 `/auth/sign_in`. A form that a PBX does not have answers 404. A login
that is refused is tried again slowly, and in no other form: a PBX locks accounts out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import msgspec

from ringback.settings import PortsipSourceSettings
from ringback.sources.collecting.kind import SourceAway
from ringback.sources.collecting.secrets import CredentialsError, Secret, key_of
from ringback.sources.portsip.gateway import Answer, Gateway, NoAnswer, Request

_SLOWLY = (300.0, 900.0, 3600.0)
"""Seconds until a login that was refused is tried again, by how often it was."""

_TRIES = 3
_USUAL_LIFETIME = 1800.0
_SHARE_BEFORE_THE_END, _SECONDS_BEFORE_THE_END = 5, 60.0
_NOT_THERE = frozenset({404, 405, 501})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class _Granted(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: float | str | None = None
    two_factor_enabled: bool = False


class _Form(msgspec.Struct, frozen=True):
    """A form of logging in: the request with user and password, and how its token is renewed, if it can be."""

    name: str
    log_in: Callable[[dict[str, str]], Request]
    renew: Callable[[str], Request] | None


class Login:
    """Gives access tokens for a user and a password. For one thread.

    Args:
        timer: seconds on a clock that is never set back.

    Raises:
        CredentialsError: the password is not there.
    """

    def __init__(
        self,
        settings: PortsipSourceSettings,
        environment: Mapping[str, str],
        gateway: Gateway,
        timer: Callable[[], float],
    ) -> None:
        self._username = settings.username
        self._domain = settings.domain
        self._password = Secret("password", settings.password_env, settings.password_file, environment)
        self._password.read()
        self._gateway = gateway
        self._timer = timer
        self._forms = _forms(settings)
        self._automatic = settings.login == "auto"
        self._works: _Form | None = None
        self._held = self._refresh = ""
        self._until = math.inf
        self._refused = 0
        self._not_before = -math.inf
        self._with = ""
        self._problem = ""

    def token(self) -> str:
        """The token in hand, or a new one if it ends soon.

        Raises:
            SourceAway: there is none to be had now.
        """
        if self._held and self._timer() < self._until:
            return self._held
        return self._new()

    def drop(self, refused: str) -> None:
        """Never give this token again: the PBX does not accept it."""
        if self._held == refused:
            self._held = ""

    def _new(self) -> str:
        self._held = ""
        granted = self._renew() or self._log_in()
        self._held, self._refresh = granted.access_token, granted.refresh_token
        lifetime = _seconds(granted.expires_in)
        self._until = self._timer() + lifetime - min(lifetime / _SHARE_BEFORE_THE_END, _SECONDS_BEFORE_THE_END)
        return self._held

    def _renew(self) -> _Granted | None:
        """A token for the refresh token, if there is one and it is taken."""
        form, token, self._refresh = self._works, self._refresh, ""
        if form is None or form.renew is None or not token:
            return None
        try:
            answer = self._gateway.send(form.renew(token))
        except NoAnswer:
            return None  # not again: it may have been done, and a refresh token is good for once only
        granted = _granted(answer) if answer.status == 200 else _Granted()
        return granted if granted.access_token else None

    def _log_in(self) -> _Granted:
        password = self._read_password()
        if key_of(password) != self._with:
            self._with, self._refused, self._not_before = key_of(password), 0, -math.inf
        if (left := self._not_before - self._timer()) > 0:
            raise SourceAway(f"{self._problem} It is tried again in {math.ceil(left / 60)} minutes")
        user = {"username": self._username, "password": password}
        if self._domain:
            user["domain"] = self._domain
        second_factor = False
        for form in (self._works,) if self._works else self._forms:
            answer = self._ask(form.log_in(user))
            if answer.status in _NOT_THERE:
                self._works = None
                continue
            if answer.status != 200:
                self._hold(
                    f"the PBX refuses the user {self._username} or the password ({answer.summary()}, login form "
                    f"{form.name}). See whether user, password and domain are right and the account is not locked."
                )
            granted = _granted(answer)
            if granted.access_token:
                self._works, self._refused = form, 0
                return granted
            if not granted.two_factor_enabled:
                raise SourceAway(f"the answer to the login form {form.name} has no access token")
            second_factor = True  # the older forms know none
        if second_factor:
            self._hold(
                f"the user {self._username} has a second factor, which a program cannot give. Let ringback have a user "
                "of its own, without one."
            )
        names = ", ".join(form.name for form in self._forms)
        raise SourceAway(f"the PBX has none of the login forms {names}; see whether base_url is right")

    def _hold(self, problem: str) -> NoReturn:
        """Leave the account alone for a while."""
        pause = _SLOWLY[min(self._refused, len(_SLOWLY) - 1)]
        self._refused += 1
        self._not_before = self._timer() + pause
        self._problem = problem
        raise SourceAway(f"{problem} It is tried again in {math.ceil(pause / 60)} minutes")

    def _read_password(self) -> str:
        try:
            return self._password.read()
        except CredentialsError as error:
            raise SourceAway(str(error)) from error

    def _ask(self, request: Request) -> Answer:
        """Ask; what passes by itself is waited for a little."""
        pause = 1.0
        for tries in range(1, _TRIES + 1):
            try:
                answer = self._gateway.send(request)
                if answer.status not in _PASSING:
                    return answer
                problem = f"the PBX gives no token now ({answer.summary()})"
            except NoAnswer as error:
                problem = str(error)
            if tries < _TRIES:
                self._gateway.wait(pause)
                pause *= 4
        raise SourceAway(problem)


class GivenToken:
    """An access token that somebody else renews. The same methods as those of `Login`.

    Raises:
        CredentialsError: it is not there.
    """

    def __init__(
        self, settings: PortsipSourceSettings, environment: Mapping[str, str], timer: Callable[[], float]
    ) -> None:
        self._secret = Secret("access token", settings.token_env, settings.token_file, environment)
        self._secret.read()
        self._timer = timer
        self._refused = ""
        self._not_before = -math.inf

    def token(self) -> str:
        """The token that is there now.

        Raises:
            SourceAway: it is gone, or was refused a moment ago.
        """
        try:
            token = self._secret.read()
        except CredentialsError as error:
            raise SourceAway(str(error)) from error
        if token == self._refused and self._timer() < self._not_before:
            raise SourceAway("the PBX does not accept the access token; put another one in its place")
        return token

    def drop(self, refused: str) -> None:
        """Do not give this token again for a while: the PBX does not accept it."""
        self._refused, self._not_before = refused, self._timer() + _SLOWLY[0]


def _forms(settings: PortsipSourceSettings) -> Sequence[_Form]:
    """The forms to try, newest first."""

    def grant(kind: str, fields: Mapping[str, str]) -> Request:
        form = {"grant_type": kind, "scope": "all", "client_id": settings.client_id, **fields}
        return Request(path="/login/oauth/token", method="POST", form=form)

    forms = [
        _Form(
            "sign_in",
            lambda user: Request(path="/auth/sign_in", method="POST", json=user),
            lambda token: Request(path="/auth/refresh_token", method="POST", json={"refresh_token": token}),
        ),
        # Of this form nothing is documented that renews a token.
        _Form("login", lambda user: Request(path="/login", method="POST", json=user), None),
        _Form(
            "oauth",
            lambda user: grant("password", user),
            lambda token: grant("refresh_token", {"refresh_token": token}),
        ),
    ]
    if settings.login != "auto":
        return [form for form in forms if form.name == settings.login]
    return [form for form in forms if form.name != "oauth" or settings.client_id]


def _granted(answer: Answer) -> _Granted:
    try:
        return msgspec.json.decode(answer.body, type=_Granted)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Granted()


def _seconds(expires_in: float | str | None) -> float:
    try:
        seconds = float(expires_in or 0)
    except ValueError:
        seconds = 0.0
    return seconds if seconds > 0 and math.isfinite(seconds) else _USUAL_LIFETIME
