"""Errors as the Webex APIs write them.

The body has `message`, `errors[].description` and `trackingId`: what clients such as `wxc_sdk` read. The documented
statuses are those of the page "Get Detailed Call History", and 451 from the text above it.
"""

from __future__ import annotations

import msgspec


class ErrorDescription(msgspec.Struct, frozen=True):
    """One error of an error body."""

    description: str


class ErrorBody(msgspec.Struct, frozen=True):
    """The JSON body of every answer that is not a success. The user call history repeats the status in it."""

    message: str
    errors: list[ErrorDescription]
    trackingId: str
    statusCode: int | msgspec.UnsetType = msgspec.UNSET


class ApiError(Exception):
    """A request that is answered with an error status.

    Attributes:
        status: the HTTP status.
        message: what is wrong and what to do, for the person who reads it.
        headers: response headers that belong to it.
    """

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def body(self, tracking_id: str, *, with_status: bool = False) -> bytes:
        """The JSON body."""
        status = self.status if with_status else msgspec.UNSET
        return msgspec.json.encode(ErrorBody(self.message, [ErrorDescription(self.message)], tracking_id, status))


FAILURE = ApiError(500, "The server failed to answer. Its log has the details under this tracking id.")
"""What is said of an error that is ours."""
