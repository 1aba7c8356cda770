"""What the OpenAPI document says of whole calls, of what has changed among them, and of records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Schema,
)

from ringback.server.calls import DIRECTIONS, MAX_TEXT, OUTCOMES
from ringback.server.errors import ErrorBody
from ringback.server.exchange import DEFAULT_LIMIT, MAX_LIMIT
from ringback.server.openapi import COMMON_ERRORS, LINK, describe_headers

_TEXTS = {
    400: "A parameter is wrong; the message says which and what it may be.",
    401: "No access token, or one that is unknown, expired or revoked.",
    403: "The access token lacks the scope, or is that of another user, or of no administrator.",
    404: "There is nothing with this id that the token may see.",
    410: "What has changed since the token cannot be told: forget all calls, and ask again without a token.",
}


def errors(*statuses: int) -> dict[int, ResponseSpec]:
    """Error statuses of a path, beside those that every path has."""
    own = {status: ResponseSpec(ErrorBody, description=_TEXTS[status], generate_examples=False) for status in statuses}
    return {**own, **COMMON_ERRORS}


def _parameter(name: str, text: str, schema: Schema) -> Parameter:
    return Parameter(name=name, param_in="query", required=False, description=text, schema=schema)


_TIME = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME)
_TEXT = Schema(type=OpenAPIType.STRING)
_SECONDS = Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=999_999_999)

LIMIT = _parameter(
    "limit", "Items at most.", Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_LIMIT, default=DEFAULT_LIMIT)
)
LIST = (
    _parameter("from", "Only calls that started then or later.", _TIME),
    _parameter("to", "Only calls that started before.", _TIME),
    _parameter(
        "number",
        "Only calls in which this number called or was called, however it is written.",
        Schema(type=OpenAPIType.STRING, max_length=MAX_TEXT, pattern=r"^\+?[0-9]+$"),
    ),
    _parameter("user", "Only calls in which this user took part; a user id.", _TEXT),
    _parameter("location", "Only calls in which this location took part; its name.", _TEXT),
    _parameter("department", "Only calls in which this department took part; its id.", _TEXT),
    _parameter("queue", "Only calls that came to this queue; its id or name.", _TEXT),
    _parameter("trunk", "Only calls over this trunk; its name.", _TEXT),
    _parameter("country", "Only calls to this country, as the records name it.", _TEXT),
    _parameter("direction", "Only these.", Schema(type=OpenAPIType.STRING, enum=list(DIRECTIONS))),
    _parameter("outcome", "Only these.", Schema(type=OpenAPIType.STRING, enum=list(OUTCOMES))),
    _parameter("min_duration", "Only calls in which persons talked for so many seconds or more.", _SECONDS),
    _parameter("max_duration", "Only calls in which persons talked for so many seconds or less.", _SECONDS),
    _parameter(
        "text",
        "Only calls whose participants, dialed number or sentence contain this, in any case.",
        Schema(type=OpenAPIType.STRING, max_length=MAX_TEXT),
    ),
    _parameter(
        "cursor", "Where the page begins: `next` of the page before, asked for with the same parameters.", _TEXT
    ),
    _parameter("count", "true: tell how many there are in all, too.", Schema(type=OpenAPIType.BOOLEAN)),
    LIMIT,
)
CHANGES = (
    _parameter("since", "The token of the answer before; without it, everything is told.", _TEXT),
    LIMIT,
)


def operation(parameters: Sequence[Parameter] = (), *, sheet: bool = False, moves: bool = False) -> type[Operation]:
    """An operation that reads these parameters itself.

    Args:
        sheet: whether it answers in CSV as well, and has pages that a link leads to.
        moves: whether it may lead elsewhere.
    """

    @dataclass
    class CallsOperation(Operation):
        def __post_init__(self) -> None:
            describe_headers(self, LINK if sheet else {})
            self.security = [{"bearer": []}]
            in_path: list[Any] = [each for each in self.parameters or () if getattr(each, "param_in", "") == "path"]
            self.parameters = [*in_path, *parameters]
            responses = self.responses or {}
            if sheet and isinstance(page := responses.get("200"), OpenAPIResponse):
                page.content = {**(page.content or {}), "text/csv": OpenAPIMediaType(schema=_TEXT)}
            if moves:
                address = OpenAPIHeader(description="The address of that call.", schema=_TEXT)
                text = "The call is part of another one now."
                self.responses = {**responses, "308": OpenAPIResponse(description=text, headers={"Location": address})}

    return CallsOperation
