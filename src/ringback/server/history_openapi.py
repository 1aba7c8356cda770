"""What the OpenAPI document says of the user call history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)

from ringback.server.errors import ErrorBody
from ringback.server.exchange import DEFAULT_LIMIT, MAX_IDS, MAX_LIMIT
from ringback.server.history import DIRECTIONS, DISPOSITIONS
from ringback.server.openapi import CDR_ERRORS, LINK, describe_headers

_TEXTS = {
    400: "A parameter or the body is missing or wrong; the message says which and what it may be.",
    401: "No access token, or one that is unknown, expired or revoked.",
    403: "The access token lacks the scope, or is not that of the user.",
    404: "There is no such session.",
    413: "The body is too large.",
}


def errors(*statuses: int) -> dict[int, ResponseSpec]:
    """Error statuses of a path, beside those that every path has."""
    own = {status: ResponseSpec(ErrorBody, description=_TEXTS[status], generate_examples=False) for status in statuses}
    return {**own, **{status: CDR_ERRORS[status] for status in (405, 500, 503)}}


def _parameter(name: str, text: str, schema: Schema, *, required: bool = False) -> Parameter:
    return Parameter(name=name, param_in="query", required=required, description=text, schema=schema)


_TIME = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME)
_FLAG = Schema(type=OpenAPIType.BOOLEAN)
_TEXT = Schema(type=OpenAPIType.STRING, max_length=100)
_ORDER = Schema(type=OpenAPIType.STRING, enum=["ASC", "DESC"], default="DESC")

USER = _parameter("user", "Whose history; for tokens of administrators.", Schema(type=OpenAPIType.STRING))
SORT = _parameter("sort", "The oldest first (ASC) or last (DESC), by the time the call ended.", _ORDER)
LIMIT = _parameter(
    "limit",
    "Sessions at most.",
    Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_LIMIT, default=DEFAULT_LIMIT),
)
FROM = _parameter("from", "Only calls that ended then or later.", _TIME)
FROM_REQUIRED = _parameter("from", "Only calls that ended then or later.", _TIME, required=True)
NEW_TYPES = _parameter("includeNewSessionTypes", "false leaves only sessions of type SPARK.", _FLAG)
SHARED_TOO = _parameter("includeSharedSessions", "true adds sessions of type WEBEXCALLING_SHARED.", _FLAG)
INCLUDE_SHARED = _parameter("includeShared", "false leaves out sessions of type WEBEXCALLING_SHARED.", _FLAG)
UNTIL = _parameter("until", "Only calls that ended before.", _TIME)
ORG = _parameter("orgId", "The organization of the user.", Schema(type=OpenAPIType.STRING))
FILTERS = (
    FROM,
    _parameter("to", "Only calls that ended before.", _TIME),
    _parameter("direction", "Only these.", Schema(type=OpenAPIType.STRING, enum=list(DIRECTIONS))),
    _parameter("disposition", "Only these.", Schema(type=OpenAPIType.STRING, enum=list(DISPOSITIONS))),
    _parameter(
        "number",
        "Only calls with a number that contains these digits.",
        Schema(type=OpenAPIType.STRING, max_length=100, pattern="[0-9]"),
    ),
    _parameter("text", "Only calls with a party whose name, number or address contains this.", _TEXT),
    _parameter("unread", "true: only missed calls that the user has not seen.", _FLAG),
    _parameter(
        "deleted",
        "Only calls that the user has deleted (true), has not (false), or both (any).",
        Schema(type=OpenAPIType.STRING, enum=["true", "false", "any"], default="false"),
    ),
    INCLUDE_SHARED,
)


def sessions_named(key: str, properties: dict[str, Schema] | None) -> RequestBody:
    """A body with a list of sessions under a key: their ids, or objects with these properties."""
    item = Schema(type=OpenAPIType.STRING)
    if properties is not None:
        item = Schema(type=OpenAPIType.OBJECT, properties=dict(properties), required=["sessionId"])
    names = Schema(type=OpenAPIType.ARRAY, items=item, max_items=MAX_IDS)
    body = Schema(type=OpenAPIType.OBJECT, properties={key: names}, required=[key])
    return RequestBody(required=True, content={"application/json": OpenAPIMediaType(schema=body)})


END_TIME_SESSION_ID = {
    "sessionId": Schema(type=OpenAPIType.STRING),
    "endTime": Schema(one_of=[Schema(type=OpenAPIType.NUMBER), Schema(type=OpenAPIType.NULL)]),
}


def operation(parameters: Sequence[Parameter] = (), body: RequestBody | None = None) -> type[Operation]:
    """An operation that reads these parameters and this body itself."""

    @dataclass
    class HistoryOperation(Operation):
        def __post_init__(self) -> None:
            describe_headers(self, LINK if LIMIT in parameters else {})
            self.security = [{"bearer": []}]
            in_path: list[Any] = [each for each in self.parameters or () if getattr(each, "param_in", "") == "path"]
            self.parameters = [*in_path, *parameters]
            self.request_body = body

    return HistoryOperation
