"""What the generators that decide ask of a carrier."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeAlias, TypeVar

import httpx2
import msgspec

from ringback.clients.steps import Wait
from ringback.clients.tokens import TokenResult


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is sent. Bodies may hold a password, so it does not show its own.

    Attributes:
        headers: without the token.
        or_post: whether to make it a POST where the server does not take a GET.
    """

    method: str
    url: httpx2.URL
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    or_post: bool = False

    def __repr__(self) -> str:
        return f"<{self.method} to {self.url.host}>"


class Send(msgspec.Struct, frozen=True):
    """Make this request. Send back an `Answer`, or a `Broken` if none came whole.

    Attributes:
        token: to be shown; None for a request that needs none.
    """

    request: Request
    token: str | None

    def __repr__(self) -> str:
        return f"<send {self.request!r}>"


class GetToken(msgspec.Struct, frozen=True):
    """Send back the access token; another one if the one given here was refused.

    Attributes:
        anew: whether to log in for it, since one that was merely refreshed was refused as well.
    """

    refused: str | None = None
    anew: bool = False

    def __repr__(self) -> str:
        return "<get the token>"


class Resolve(msgspec.Struct, frozen=True):
    """Send back this token, awaited if need be."""

    token: TokenResult

    def __repr__(self) -> str:
        return "<resolve the token>"


class TooLarge(Exception):
    """Why a body is not whole: it has more bytes than the options allow."""


T = TypeVar("T")

Step: TypeAlias = Send | Wait | GetToken | Resolve
Steps: TypeAlias = Generator[Step, Any, T]
"""What is sent back depends on the step: an `Answer` or `Broken`, a token, or nothing. It returns the result."""
