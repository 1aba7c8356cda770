"""What all dialects share: a request as they see it, an answer as they give it, and who asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import MediaType, Response

from ringback.projections.sessions.marks import MAX_AT_ONCE
from ringback.records.values import OddValue, read_time, to_milliseconds
from ringback.server.compress import compressed
from ringback.server.errors import ApiError
from ringback.server.tokens import Token, Tokens

MAX_QUERY_BYTES = 16 * 1024
MAX_LIMIT = 1000
"""Sessions in one answer."""

DEFAULT_LIMIT = 50
MAX_IDS = MAX_AT_ONCE
"""Sessions that one request may name: as many as one commit changes."""

_MAX_PARAMETERS = 50
T = TypeVar("T")


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


class InThread(Protocol):
    """Does blocking work in a thread: `write` if it may wait for the store's write lock."""

    def __call__(self, work: Callable[[], Any], *, write: bool = False) -> Awaitable[Any]: ...


def response_of(answered: Answer) -> Response[bytes]:
    """The response that sends it."""
    return Response(answered.body, headers=dict(answered.headers), media_type=MediaType.JSON)


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
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise ApiError(400, "The query cannot be read. It must be percent-encoded UTF-8.") from error
    if len(pairs) > _MAX_PARAMETERS:
        raise ApiError(400, f"The query has more than {_MAX_PARAMETERS} parameters.")
    query = dict(pairs)
    if len(query) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ApiError(400, f"The parameter {repeated:.40} is given more than once.")
    return query


def answer(body: bytes, call: Call, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a JSON body, compressed if the client takes that. It is the user's own: nobody may cache it."""
    body, encoding = compressed(body, call.accept_encoding)
    given = {"vary": "accept-encoding", "cache-control": "no-store", **(headers or {})}
    if encoding:
        given["content-encoding"] = encoding
    return Answer(body, given)


def decode_body(body: bytes, into: type[T]) -> T:
    """What was sent, as JSON.

    Raises:
        ApiError: 400, it is not what is expected; the message says where.
    """
    try:
        return msgspec.json.decode(body, type=into)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, f"The body of the request is not what it must be: {error}.") from error


def read_moment(query: Mapping[str, str], name: str, *, required: bool = False) -> int | None:
    """A time of a query, in milliseconds since 1970; None if it is not given.

    Raises:
        ApiError: 400, it is no time, or it is required.
    """
    text = query.get(name)
    if text is None:
        if required:
            raise ApiError(400, f"The parameter {name} is required: a time such as 2026-01-01T10:45:21.565Z.")
        return None
    try:
        return to_milliseconds(read_time(text))
    except OddValue as error:
        raise ApiError(400, f"{name} is {text[:40]!r}, but must be a time such as 2026-01-01T10:45:21.565Z.") from error


def read_limit(query: Mapping[str, str]) -> int:
    """How many sessions are wanted at most.

    Raises:
        ApiError: 400, it is none, or too many.
    """
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= MAX_LIMIT):
        raise ApiError(400, f"limit is {text[:40]!r}, but must be a whole number from 0 to {MAX_LIMIT}.")
    return int(text)


def read_choice(query: Mapping[str, str], name: str, default: str, choices: Sequence[str]) -> str:
    """One of some words, in any case.

    Raises:
        ApiError: 400, it is none of them.
    """
    text = query.get(name, default)
    if text.upper() not in choices:
        raise ApiError(400, f"{name} is {text[:40]!r}, but must be one of {', '.join(filter(None, choices))}.")
    return text.upper()


def read_flag(query: Mapping[str, str], name: str) -> bool | None:
    """true or false; None if it is not given.

    Raises:
        ApiError: 400, it is something else.
    """
    if name not in query:
        return None
    return read_choice(query, name, "", ("TRUE", "FALSE")) == "TRUE"


def read_ids(texts: Sequence[str]) -> list[UUID]:
    """Ids of sessions. What is no id of ours names no session.

    Raises:
        ApiError: 400, too many.
    """
    if len(texts) > MAX_IDS:
        raise ApiError(400, f"There are {len(texts)} sessions in the list; one request may name {MAX_IDS}.")
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found
