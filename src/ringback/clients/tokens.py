"""Where the access token comes from, and how a new one is got when it is refused."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from ringback.clients.errors import UsageError

ENVIRONMENT_VARIABLE = "WEBEX_ACCESS_TOKEN"
"""Where the token is looked for if none is given; the same as in `wxc_sdk`."""

_TOKEN = re.compile(r"[\x21-\x7e]+")


@runtime_checkable
class HasAccessToken(Protocol):
    """An object whose token is read each time it is needed, such as `wxc_sdk.tokens.Tokens`."""

    @property
    def access_token(self) -> str | None:
        """The token of now."""


@dataclass
class Tokens:
    """An access token, as `wxc_sdk.tokens.Tokens`. A new one that is put in is used from the next request on."""

    access_token: str | None = field(default=None, repr=False)


TokenResult: TypeAlias = str | Awaitable[str]
"""The asynchronous session awaits what can be awaited."""

GivenTokens: TypeAlias = str | HasAccessToken | Callable[[], TokenResult] | None
Refresh: TypeAlias = Callable[[str], TokenResult]


class TokenSource:
    """Gives a token, and keeps in mind which one was refused.

    Args:
        tokens: a text; an object with `access_token`; a function that gives a token, called at first and whenever one
            is refused; or None for the environment variable WEBEX_ACCESS_TOKEN.
        refresh: gets the token that was refused and gives a new one.

    Raises:
        UsageError: there is no token.
    """

    def __init__(self, tokens: GivenTokens = None, refresh: Refresh | None = None) -> None:
        if tokens is None:
            tokens = os.environ.get(ENVIRONMENT_VARIABLE)
            if not tokens:
                raise UsageError(f"no access token: give tokens=..., or set {ENVIRONMENT_VARIABLE} in the environment")
        self._tokens = tokens
        self._refresh = refresh
        self._held: str | None = None
        self._spent: str | None = None  # a given token that was refused; it is used no more, however many follow it

    def in_hand(self, refused: str | None = None) -> str | None:
        """The token that is known already, and that was not refused; None if there is none."""
        given = self._given()
        if refused is not None:
            if refused == given:
                self._spent = refused
            if refused == self._held:
                self._held = None
        return given if given and given != self._spent else self._held

    def another(self, refused: str | None) -> TokenResult:
        """A token, got anew if there is a way to get one; it may have to be awaited."""
        if refused is not None and self._refresh is not None:
            return self._refresh(refused)
        if callable(self._tokens):
            return self._tokens()
        return self._given() or ""

    def keep(self, token: object) -> str:
        """The token, kept for the next request.

        Raises:
            UsageError: it cannot be one. The message does not have it, nor would that of the HTTP library, which would.
        """
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            what = "of letters, digits and signs without spaces or line ends"
            raise UsageError(f"the access token must be a text {what}; what was given is none")
        self._held = token
        return token

    def _given(self) -> str | None:
        if isinstance(self._tokens, str):
            return self._tokens
        return self._tokens.access_token if isinstance(self._tokens, HasAccessToken) else None
