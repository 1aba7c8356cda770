"""What all dialects share: a request as they see it, an answer as they give it, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from ringback.server.errors import ApiError
from ringback.server.tokens import Token, Tokens

MAX_QUERY_BYTES = 16 * 1024


class Call(msgspec.Struct, frozen=True):
    """What a dialect needs of an HTTP request.

    Attributes:
        path: the path of the endpoint.
        query: the raw query string.
        base_url: scheme and host that links begin with.
        authorization, accept_encoding, accept: the headers, "" if absent.
        body: what was sent.
    """

    path: str
    query: bytes
    base_url: str
    authorization: str
    accept_encoding: str = ""
    accept: str = ""
    body: bytes = b""


class Answer(msgspec.Struct, frozen=True):
    """A page, ready to be sent."""

    body: bytes
    headers: Mapping[str, str] = {}


def token_of(tokens: Tokens, authorization: str) -> Token:
    """The token of a request.

    Args:
        authorization: the header, `Bearer` and the token.

    Raises:
        ApiError: 401, there is none, or it is not valid.
    """
    scheme, _, text = authorization.strip().partition(" ")
    token = tokens.authenticate(text.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise ApiError(
            401,
            "The request needs a valid access token in the header 'Authorization: Bearer ...'. "
            "It has none, or one that is unknown, expired or revoked.",
            WWW_Authenticate="Bearer",
        )
    return token


def parse_query(raw: bytes) -> dict[str, str]:
    """The parameters of a query.

    Raises:
        ApiError: 400, it is too long, cannot be read, or names a parameter twice.
    """
    if len(raw) > MAX_QUERY_BYTES:
        raise ApiError(400, f"The query is longer than {MAX_QUERY_BYTES} bytes.")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise ApiError(400, "The query cannot be read. It must be percent-encoded UTF-8.") from error
    query = dict(pairs)
    if len(query) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ApiError(400, f"The parameter {repeated:.40} is given more than once.")
    return query
