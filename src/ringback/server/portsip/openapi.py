"""What the OpenAPI document says of the PortSIP call logs; the rows are made from the field table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIFormat, OpenAPIType, Operation, Parameter, Schema

from ringback.records.portsip.fields import CALL_LOG_FIELDS, CallLogField, CallLogKind
from ringback.server.openapi import LINK, describe_headers
from ringback.server.portsip.call_logs import LOG_FIELDS
from ringback.server.portsip.cdrs import CDR_FIELDS, TARGET_FIELDS, USER_CDR_FIELDS
from ringback.server.portsip.errors import ErrorsBody
from ringback.server.portsip.options import MAX_SEARCH, MAX_SKIP, MAX_TOP
from ringback.server.portsip.sync import CHANGED_FIELDS

ERRORS = {
    status: ResponseSpec(ErrorsBody, description=text, generate_examples=False)
    for status, text in {
        400: "An option is wrong; the detail says which, and where in it.",
        401: "No access token, or one that is unknown, expired or revoked.",
        403: "The access token lacks the scope, or is not that of a user; or a sync token is not known.",
        404: "There is no such thing among those that the token may see.",
        405: "The path does not take this method.",
        413: "The body is too large.",
        429: "All clients together ask too much; Retry-After says how many seconds to wait.",
        500: "The server failed; its log has the details under the tracking id.",
        503: "The store is busy or out of space; try again later.",
    }.items()
}
"""The error statuses of these paths."""

_TYPES = {CallLogKind.TIME: datetime, CallLogKind.INTEGER: int, CallLogKind.MONEY: float}


def _row(name: str, fields: Sequence[CallLogField]) -> type[msgspec.Struct]:
    """The type of a row: every key is there, and only an id is never null."""

    def attribute(field: CallLogField) -> tuple[str, Any]:
        kind: Any = _TYPES.get(field.kind, str)
        described = msgspec.Meta(description=field.meaning)
        return field.name, Annotated[kind if field.name == "id" else kind | None, described]

    return msgspec.defstruct(name, [attribute(field) for field in fields], module=__name__)


CallLogRow = _row("CallLogRow", LOG_FIELDS)
CallLogDetail = _row("CallLogDetail", CALL_LOG_FIELDS)
CdrRow = _row("CdrRow", CDR_FIELDS)
CdrTarget = _row("CdrTarget", TARGET_FIELDS)
UserCdr = _row("UserCdr", USER_CDR_FIELDS)
ChangedCallLog = _row("ChangedCallLog", CHANGED_FIELDS)


class CallLogList(msgspec.Struct):
    """Some call logs, and how many there are in all unless that was not wanted."""

    items: list[CallLogRow]  # type: ignore[valid-type]  # made from the field table
    count: int | msgspec.UnsetType = msgspec.UNSET


class CdrList(msgspec.Struct):
    """Some CDRs, and how many there are in all unless that was not wanted."""

    items: list[CdrRow]  # type: ignore[valid-type]  # made from the field table
    count: int | msgspec.UnsetType = msgspec.UNSET


class CdrDetail(msgspec.Struct):
    """The call logs of a session, by their start."""

    items: list[CdrTarget]  # type: ignore[valid-type]  # made from the field table


class UserCdrDetail(msgspec.Struct):
    """One CDR, which is called items all the same."""

    items: UserCdr  # type: ignore[valid-type]  # made from the field table


class SyncTokenBody(msgspec.Struct):
    """A token to ask for changes with."""

    token: str


class ChangedCdr(msgspec.Struct):
    """A CDR that was created, updated or deleted, with its call logs as they are now."""

    id: str
    change_type: str
    items: list[ChangedCallLog]  # type: ignore[valid-type]  # made from the field table


class DiffBody(msgspec.Struct):
    """What has changed, and the token for what will change."""

    token: str
    items: list[ChangedCdr]


def _parameter(name: str, text: str, schema: Schema) -> Parameter:
    return Parameter(name=name, param_in="query", required=False, description=text, schema=schema)


def _text(**bounds: Any) -> Schema:
    return Schema(type=OpenAPIType.STRING, **bounds)


def _number(least: int, most: int, default: int) -> Schema:
    return Schema(type=OpenAPIType.INTEGER, minimum=least, maximum=most, default=default)


_OPTIONS = (
    _parameter("filter", "Which rows: caller eq '101' and started_at ge '2026-01-01T00:00:00Z'.", _text()),
    _parameter("orderby", "In which order: caller asc, started_at desc.", _text()),
    _parameter("top", "Rows at most.", _number(1, MAX_TOP, MAX_TOP)),
    _parameter("skip", "Rows to pass over. To read on from page to page, follow the Link.", _number(0, MAX_SKIP, 0)),
    _parameter(
        "search", "Only rows with a number, name, domain or id that contains this.", _text(max_length=MAX_SEARCH)
    ),
    _parameter("count", "Whether to tell how many rows there are.", Schema(type=OpenAPIType.BOOLEAN, default=True)),
)
_BOTH_WAYS = tuple(
    replace(parameter, name=f"{prefix}{parameter.name}") for prefix in ("", "$") for parameter in _OPTIONS
)
_DATE_FROM = _parameter("date_from", "Only calls that started then or later.", _text(format=OpenAPIFormat.DATE_TIME))


def _operation(parameters: Sequence[Parameter], *, pages: bool = False) -> type[Operation]:
    @dataclass
    class CallLogOperation(Operation):
        def __post_init__(self) -> None:
            describe_headers(self, LINK if pages else {})
            self.security = [{"bearer": []}]
            in_path: list[Any] = [each for each in self.parameters or () if getattr(each, "param_in", "") == "path"]
            self.parameters = [*in_path, *parameters]

    return CallLogOperation


LIST = _operation(_BOTH_WAYS, pages=True)
"""An operation with the query options."""

SINGLE = _operation(())
"""An operation that its path says everything of."""

SYNC_TOKEN = _operation((_DATE_FROM,))
"""The operation that makes a sync token."""
