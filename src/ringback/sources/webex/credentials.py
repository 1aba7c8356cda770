"""Where the access token of a Webex source comes from. Nothing here is ever logged or shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import httpx2
import msgspec

from ringback.settings import WebexSourceSettings
from ringback.sources.collecting.kind import SourceAway
from ringback.sources.collecting.secrets import Credentials, Secret, TokenCredentials, key_of

_TIMEOUT = httpx2.Timeout(30.0)


class ServiceApp(Credentials):
    """A service app: a refresh token, good for 90 days from its last use, gets access tokens, good for 14 days.

    Args:
        on_problem: is told what somebody should know.
    """

    def __init__(
        self,
        settings: WebexSourceSettings,
        environment: Mapping[str, str],
        on_problem: Callable[[str], None],
    ) -> None:
        self._url = settings.token_url
        self._client_id = settings.client_id
        self._client_secret = Secret(
            "client secret", settings.client_secret_env, settings.client_secret_file, environment
        )
        self._refresh_token = Secret(
            "refresh token", settings.refresh_token_env, settings.refresh_token_file, environment
        )
        self._on_problem = on_problem
        self._lock = threading.Lock()
        self._held = ""
        self._newer = ""
        self._client_secret.read()
        self._in_place = self._refresh_token.read()
        self.key = key_of(f"{self._client_id}/{self._in_place}")

    def token(self) -> str:
        """The token in hand, or a new one."""
        with self._lock:
            return self._held or self._renew()

    def renewed(self, refused: str) -> str:
        """A new token, unless another thread has got one meanwhile."""
        with self._lock:
            return self._renew() if self._held in ("", refused) else self._held

    def _renew(self) -> str:
        form = {
            "grant_type": "refresh_token",
            "client_id": self._client_id,
            "client_secret": self._client_secret.read(),
            "refresh_token": self._refresh(),
        }
        try:
            answer = httpx2.post(self._url, data=form, timeout=_TIMEOUT, follow_redirects=False)
            status, body = answer.status_code, answer.content
        except httpx2.HTTPError as error:
            raise SourceAway(f"no access token could be got from {self._url}: {type(error).__name__}") from error
        if status != 200:
            raise SourceAway(
                f"{self._url} gave no access token but HTTP {status}. If that stays so, see in Control Hub whether "
                "the service app is still authorized, and whether client id, client secret and refresh token are right"
            )
        try:
            granted = msgspec.json.decode(body, type=_Granted)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceAway(f"the answer of {self._url} has no access token") from error
        self._held = granted.access_token
        if granted.refresh_token not in ("", self._in_place):
            self._keep(granted.refresh_token)
        return self._held

    def _refresh(self) -> str:
        """The refresh token: the one that is in its place, unless the cloud gave a newer one that could not be put
        there. One that somebody has put there since counts more."""
        in_place = self._refresh_token.read()
        if in_place != self._in_place:
            self._in_place, self._newer = in_place, ""
        return self._newer or in_place

    def _keep(self, refresh_token: str) -> None:
        if self._refresh_token.replace(refresh_token):
            self._in_place, self._newer = refresh_token, ""
        else:
            self._newer = refresh_token
            self._on_problem(
                "the cloud gave a new refresh token, and it could not be written down: it is lost when this process "
                "ends. Give the refresh token in a file that ringback can write (refresh_token_file)"
            )


class _Granted(msgspec.Struct):
    access_token: str
    refresh_token: str = ""


def credentials_of(
    settings: WebexSourceSettings, environment: Mapping[str, str], on_problem: Callable[[str], None]
) -> Credentials:
    """The credentials that a source's settings name.

    Args:
        environment: such as `os.environ`.
        on_problem: is told what somebody should know.

    Raises:
        CredentialsError: a secret is not there.
    """
    if settings.client_id:
        return ServiceApp(settings, environment, on_problem)
    return TokenCredentials(Secret("access token", settings.token_env, settings.token_file, environment))
