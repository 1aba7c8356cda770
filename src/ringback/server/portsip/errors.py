"""Errors as PortSIP's REST API writes them.

The body is `{"errors": [{"code", "message", "detail"}]}`, `detail` only if there is one. Source: the pages "About" of
PortSIP's REST documentation, versions 22.0 and later. They list the codes UNKNOWN and VALIDATE_FAILED, and UNAUTHORIZED
stands in their samples; the other codes are ours, as the documents allow.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ringback.server.errors import ApiError

VALIDATE_FAILED = "VALIDATE_FAILED"
UNAUTHORIZED = "UNAUTHORIZED"
FORBIDDEN = "FORBIDDEN"
NOT_FOUND = "NOT_FOUND"
METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
TOO_LARGE = "TOO_LARGE"
TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"
UNKNOWN = "UNKNOWN"

_CODES = {
    400: VALIDATE_FAILED,
    401: UNAUTHORIZED,
    403: FORBIDDEN,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    413: TOO_LARGE,
    429: TOO_MANY_REQUESTS,
}
"""The code of an error that has none of its own, by its status. UNKNOWN is that of all others."""


class ErrorEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One error of an error body.

    Attributes:
        code: a word for programs.
        message: what is wrong and what to do, for the person who reads it.
        detail: more for programs, such as the option and the position in it.
    """

    code: str
    message: str
    detail: Mapping[str, str | int] | None = None


class ErrorsBody(msgspec.Struct, frozen=True):
    """The JSON body of every answer under `/api` that is not a success."""

    errors: list[ErrorEntry]


class PortsipError(ApiError):
    """A request of the PortSIP dialect that is answered with an error status.

    Attributes:
        code: the word of the error. By default, the one that goes with the status.
        detail: what a program may want to know besides; None if nothing.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        detail: Mapping[str, str | int] | None = None,
        **headers: str,
    ) -> None:
        super().__init__(status, message, **headers)
        self.code = code or _code_of(status)
        self.detail = detail


def is_portsip(path: str) -> bool:
    """Whether a path is one of the PortSIP dialect. Slashes too many make no difference to what answers a path."""
    return path.lstrip("/").partition("/")[0] == "api"


def portsip_body(error: ApiError) -> bytes:
    """The JSON body of an error, whatever part of the server raised it."""
    if isinstance(error, PortsipError):
        entry = ErrorEntry(error.code, error.message, error.detail)
    else:
        entry = ErrorEntry(_code_of(error.status), error.message)
    return msgspec.json.encode(ErrorsBody([entry]))


def _code_of(status: int) -> str:
    return _CODES.get(status, UNKNOWN)
