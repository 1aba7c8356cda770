"""What can go wrong when call logs are read.

* CdrError
  x UsageError            the call cannot be made: a time without a zone, no token (also a ValueError)
  x ApiError              the server answered with an error status; its code, message and detail are attributes
    + BadRequest          400: such as VALIDATE_FAILED, for a filter that the server does not take
    + LoginRefused        the login was not accepted, or wants a second factor
    + NotAllowed          401 or 403: the token is not accepted, also not after it was renewed, or its role lacks it
    + SyncTokenUnknown    403 to a sync token: the server has forgotten it; start again
    + NotFound            404: nothing has this id
    + TooManyRequests     429, for longer than `Retries` allows
    + Unavailable         408, 423, 500, 502, 503 or 504, for longer than `Retries` allows
  x NoAnswer              timeouts, lost connections and truncated bodies, for longer than `Retries` allows
  x BadAnswer             success, but with a body that is none of the API, or that is too large
  x PagingError           the pages do not get on
  x FilterIgnored         a call log came that the filter leaves out: the server does not filter
  x UntrustedAddress      a next link or a redirect leads to a host that must not get the token

The classes that are not defined here are those of `ringback.clients.errors`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ringback.clients.errors import Answer, CdrError

UNKNOWN = "UNKNOWN"
"""The code of an error that has none. So says PortSIP's documentation, "Error Handling"."""


class ErrorEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One of the errors in the body of an answer; see "Error Handling" in PortSIP's REST documentation.

    Attributes:
        code: in upper case with underscores. New ones may come at any time; they are kept as they are.
        message: for people, perhaps "".
        detail: any JSON value; None if there is none.
    """

    code: str = UNKNOWN
    message: str = ""
    detail: Any = None


class ApiError(CdrError):
    """The server answered with an error status.

    Attributes:
        response: the answer, with `status_code`, `headers`, `text` and `json()`.
        errors: what its body says; at least one.
    """

    def __init__(self, response: Answer, advice: str = "", *, said: str | None = None) -> None:
        self.response = response
        self.errors = _entries(response)
        if said is None:
            said = "; ".join(f"{entry.code}: {entry.message or 'no message'}" for entry in self.errors)
        super().__init__(f"HTTP {response.status}: {said}{'. ' if advice else ''}{advice}")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def code(self) -> str:
        """The code of the first error."""
        return self.errors[0].code

    @property
    def message(self) -> str:
        """The message of the first error."""
        return self.errors[0].message

    @property
    def detail(self) -> Any:
        """The detail of the first error."""
        return self.errors[0].detail


class BadRequest(ApiError):
    """400: the server does not take the request as it is, such as its filter; `message` and `detail` say why."""


class LoginRefused(ApiError):
    """The login was not accepted, or wants a second factor, which a program does not have."""


class NotAllowed(ApiError):
    """401 or 403: the token is not accepted, also not after it was renewed, or its user may not read this."""


class SyncTokenUnknown(ApiError):
    """403 to a sync token. A server may forget any of them: read everything again, and get a new one before."""


class NotFound(ApiError):
    """404: nothing has this id, or this server does not have the path."""


class TooManyRequests(ApiError):
    """429 for longer than `Retries` allows, or at once if its `too_many` is off."""


class Unavailable(ApiError):
    """408, 423, 500, 502, 503 or 504 for longer than `Retries` allows."""


class FilterIgnored(CdrError):
    """A call log came that the keywords of the call leave out: the server took the filter and does not apply it."""


_CLASSES: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    429: TooManyRequests,
} | dict.fromkeys((408, 423, 500, 502, 503, 504), Unavailable)


def api_error(answer: Answer, advice: str = "") -> ApiError:
    """The error that belongs to the status of an answer.

    Args:
        advice: what the reader of the message may do.
    """
    return _CLASSES.get(answer.status, ApiError)(answer, advice)


def _entries(answer: Answer) -> tuple[ErrorEntry, ...]:
    try:
        body = answer.json()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    listed = body.get("errors") if isinstance(body, dict) else None
    entries = [_entry(each) for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return tuple(entries) or (ErrorEntry(message=answer.text[:300]),)


def _entry(given: dict[str, Any]) -> ErrorEntry:
    code, message = given.get("code"), given.get("message")
    return ErrorEntry(
        code=code if isinstance(code, str) and code else UNKNOWN,
        message=message if isinstance(message, str) else "",
        detail=given.get("detail"),
    )
