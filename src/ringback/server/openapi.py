"""What the OpenAPI document says of the CDR endpoints; made from the field table and the error body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIHeader, OpenAPIResponse, OpenAPIType, Operation, Parameter, Schema

from ringback.records.fields import FIELDS, Field
from ringback.server.errors import ErrorBody
from ringback.server.limits import PROFILES
from ringback.server.webex_cdr import MAX_LOCATIONS

_DESCRIPTIONS = {
    400: "A parameter is missing or wrong; the message says which and what it may be.",
    401: "No access token, or one that is unknown, expired or revoked.",
    403: "The access token lacks the scope.",
    405: "The method is not GET or HEAD.",
    429: "Too many requests for this token; Retry-After says how many seconds to wait.",
    451: "The organization's data is kept in another region; the message names the host.",
    500: "The server failed; its log has the details under the tracking id.",
    503: "The store is busy or out of space; try again later.",
}

CDR_ERRORS = {
    status: ResponseSpec(ErrorBody, description=text, generate_examples=False) for status, text in _DESCRIPTIONS.items()
}
"""The error statuses of the CDR endpoints."""

COMMON_ERRORS = {status: CDR_ERRORS[status] for status in (405, 500, 503)}
"""The error statuses of every path."""


def _record_type() -> type[msgspec.Struct]:
    def attribute(field: Field) -> tuple[str, Any, Any]:
        # A number that a record does not have is "" on the wire, like any other value.
        wire_type = int | str if field.number else str
        return (
            field.attribute,
            Annotated[wire_type, msgspec.Meta(description=field.meaning)],
            msgspec.field(name=field.wire),
        )

    return msgspec.defstruct("CallDetailRecord", [attribute(field) for field in FIELDS], module=__name__)


CallDetailRecord = _record_type()


class CdrPage(msgspec.Struct):
    """A page of records. Keys that are not listed may be added at any time."""

    items: list[CallDetailRecord]  # type: ignore[valid-type]  # made from the field table


def _time(name: str, text: str) -> Parameter:
    return Parameter(
        name=name,
        param_in="query",
        required=True,
        description=text,
        schema=Schema(type=OpenAPIType.STRING, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"),
    )


_SECONDS = "Whole seconds to wait."
_ON_ERRORS = {
    "401": {"WWW-Authenticate": "Bearer"},
    "429": {"Retry-After": _SECONDS},
    "503": {"Retry-After": _SECONDS},
}
LINK = {"200": {"Link": '<URL>;rel="next" if there is a next page: the complete URL to ask for, as it is.'}}
"""The headers of pages."""


def describe_headers(operation: Operation, by_status: Mapping[str, Mapping[str, str]]) -> None:
    """Describe the headers of an operation's responses: those that all have, and others by status."""
    by_status = {**_ON_ERRORS, **by_status}
    for status, response in (operation.responses or {}).items():
        if isinstance(response, OpenAPIResponse):
            described = {"trackingid": "Names this request in the log of the server.", **by_status.get(status, {})}
            response.headers = {
                name: OpenAPIHeader(description=text, schema=Schema(type=OpenAPIType.STRING))
                for name, text in described.items()
            }


@dataclass
class OperationsOperation(Operation):
    """An operation for whoever runs the server, with the headers that its responses have."""

    def __post_init__(self) -> None:
        describe_headers(self, {})


@dataclass
class CdrOperation(Operation):
    """An operation of the CDR dialect, with the parameters and headers that the dialect reads and writes itself."""

    def __post_init__(self) -> None:
        describe_headers(self, LINK)
        largest = PROFILES["documented"].feed.largest_page
        self.security = [{"bearer": []}]
        self.parameters = [
            _time("startTime", "Begin of the window, inclusive."),
            _time("endTime", "End of the window, exclusive."),
            Parameter(
                name="locations",
                param_in="query",
                required=False,
                description=f"1 to {MAX_LOCATIONS} names of locations, with commas between them.",
                schema=Schema(type=OpenAPIType.STRING, min_length=1),
            ),
            Parameter(
                name="max",
                param_in="query",
                required=False,
                description=f"Largest number of records in the page. Above {largest} it is {largest}, below 1 it is 1.",
                schema=Schema(type=OpenAPIType.INTEGER, default=largest),
            ),
        ]
