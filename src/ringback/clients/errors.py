"""What can go wrong when records are read.

* CdrError
  x UsageError            the call cannot be made: a time without a zone, no token (also a ValueError)
  x RestError             the server answered with an error status
    + NotAllowed          401 or 403: the token is not accepted, also not after it was renewed, or lacks the scope
    + WrongRegion         451, and the answer names no known host that was not asked already
    + TooManyRequests     429, for longer than `Retries` allows
    + Unavailable         423, 500, 502, 503 or 504, for longer than `Retries` allows
  x NoAnswer              timeouts, lost connections and truncated bodies, for longer than `Retries` allows
  x BadAnswer             200, but no page of records; for longer than `Retries` allows
  x PagingError           the links to next pages go round in a circle, or lead nowhere
  x UntrustedAddress      a next link or a redirect leads to a host that must not get the token

`RestError` has the attributes of `wxc_sdk.rest.RestError`, and of its asynchronous twin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class CdrError(Exception):
    """Whatever goes wrong in reading records.

    Attributes:
        tries: how often the request was made.
        waited: seconds waited between these tries.
    """

    tries = 1
    waited = 0.0


class UsageError(CdrError, ValueError):
    """The call cannot be made as it is; the message says what to change. Nothing was sent."""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer that came whole.

    Attributes:
        status: the HTTP status.
        headers: with names in lower case.
        body: not compressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray

    @property
    def status_code(self) -> int:
        """The status, under the name it has in `requests`."""
        return self.status

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            msgspec.DecodeError: it is none.
        """
        return msgspec.json.decode(self.body)


class ErrorDetail(msgspec.Struct, frozen=True):
    """The body of an error answer, as far as it could be read; see "API Errors" in the Webex documentation.

    Attributes:
        message: what went wrong, "" if the body does not say.
        description: of the first error in it.
        error_code: a code besides the status.
        tracking_id: to be given to the support of the server.
    """

    message: str = ""
    description: str = ""
    error_code: int | None = None
    tracking_id: str = ""

    @property
    def code(self) -> int | None:
        """The code besides the status."""
        return self.error_code

    @classmethod
    def of(cls, answer: Answer) -> ErrorDetail:
        """The detail of an answer, whatever its body is."""
        tracking_id = answer.headers.get("trackingid", "")
        try:
            body = answer.json()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return cls(message=answer.text[:300], tracking_id=tracking_id)
        errors = body.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        code: object = body.get("errorCode", first.get("errorCode"))
        return cls(
            message=_text(body.get("message")),
            description=_text(first.get("description")),
            error_code=int(str(code)) if str(code).isdecimal() else None,
            tracking_id=_text(body.get("trackingId")) or tracking_id,
        )


class RestError(CdrError):
    """The server answered with an error status.

    Attributes:
        response: the answer, with `status_code`, `headers`, `text` and `json()`.
        detail: what its body says.
    """

    def __init__(self, response: Answer, advice: str = "") -> None:
        self.response = response
        self.detail = ErrorDetail.of(response)
        said = self.detail.message or self.detail.description or "no message"
        tracking = f" (tracking id {self.detail.tracking_id})" if self.detail.tracking_id else ""
        super().__init__(f"HTTP {response.status}: {said}{tracking}{'. ' if advice else ''}{advice}")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def message(self) -> str:
        """What the server says went wrong."""
        return self.detail.message

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer, with names in lower case."""
        return self.response.headers

    @property
    def description(self) -> str:
        """The description of the first error in the body."""
        return self.detail.description

    @property
    def code(self) -> int:
        """The code besides the status, 0 if there is none."""
        return self.detail.error_code or 0


class NotAllowed(RestError):
    """401 or 403: the token is not accepted, also not after it was renewed, or lacks scope or role."""


class WrongRegion(RestError):
    """451: the data is in another region, and the answer names no known host that was not asked already."""


class TooManyRequests(RestError):
    """429 for longer than `Retries` allows, or at once if `retry_429` is off."""


class Unavailable(RestError):
    """423, 500, 502, 503 or 504 for longer than `Retries` allows."""


class NoAnswer(CdrError):
    """No whole answer came: timeouts, lost connections, truncated bodies. `__cause__` is the last of them."""


class BadAnswer(CdrError):
    """The status was 200, but the body is no page of records."""


class PagingError(CdrError):
    """The links to next pages go round in a circle or lead nowhere, so the window cannot be read to its end."""


class UntrustedAddress(CdrError):
    """A next link or a redirect leads to a host that must not get the token. It was not followed."""


_CLASSES: dict[int, type[RestError]] = {
    401: NotAllowed,
    403: NotAllowed,
    423: Unavailable,
    429: TooManyRequests,
    451: WrongRegion,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def rest_error(answer: Answer, advice: str = "") -> RestError:
    """The error that belongs to the status of an answer.

    Args:
        advice: what the reader of the message may do.
    """
    return _CLASSES.get(answer.status, RestError)(answer, advice)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
