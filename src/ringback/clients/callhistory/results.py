"""What the methods of the client give: the results of the SDK, with its names and messages.

The status of a success is the `statusCode` in the body, not that of HTTP. A failure is a result too.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ringback.clients.callhistory.requests import Reply, decode
from ringback.clients.callhistory.sessions import UserSession, read_sessions

SUCCESS = "SUCCESS"
FAILURE = "FAILURE"

_READ = "Missed calls are read by the user."
_DELETED = "Call history records are deleted by the user."
_BAD_DATE = "The provided date is malformed or invalid"
_NO_STATUS = 422  # of a request without an answer, or with one that is not what it should be

_ERRORS = {
    400: "400 Bad request",
    401: "User is unauthorised, possible token expiry",
    403: "User request is forbidden",
    404: "User info not found",
    408: "Request to the server timedout",
    500: "Internal server error occurred",
    501: "Method is not implemented at the backend",
    503: "Unable to establish a connection with the server",
}


class JanusResponseData(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions, or what went wrong.

    Attributes:
        userSessions: empty after a failure.
        error: None after a success.
        raw: the body as it came; empty after a failure.
    """

    userSessions: list[UserSession] = msgspec.field(default_factory=list)
    error: str | None = None
    raw: dict[str, Any] = msgspec.field(default_factory=dict)


class JanusResponseEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The result of reading the history.

    Attributes:
        statusCode: after a success that of the body, None if it has none; else that of HTTP; 422 if there was no
            answer, or none with sessions.
        message: `SUCCESS` or `FAILURE`.
    """

    statusCode: int | None
    data: JanusResponseData
    message: str


class ReadStatusData(msgspec.Struct, frozen=True, kw_only=True):
    """What became of marking sessions as read; one of the two is None."""

    readStatusMessage: str | None = None
    error: str | None = None


class UpdateMissedCallsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The result of marking sessions as read; see `JanusResponseEvent`."""

    statusCode: int | None
    data: ReadStatusData
    message: str


class DeleteStatusData(msgspec.Struct, frozen=True, kw_only=True):
    """What became of deleting sessions; one of the two is None."""

    deleteStatusMessage: str | None = None
    error: str | None = None


class DeleteCallHistoryRecordsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The result of deleting sessions; see `JanusResponseEvent`."""

    statusCode: int | None
    data: DeleteStatusData
    message: str


def sessions_result(reply: Reply) -> JanusResponseEvent:
    """The result of reading the history."""
    body = decode(reply.body) if reply.ok else None
    if not isinstance(body, dict) or not isinstance(body.get("userSessions"), list):
        status, error = _failure(reply)
        return JanusResponseEvent(statusCode=status, data=JanusResponseData(error=error), message=FAILURE)
    data = JanusResponseData(userSessions=read_sessions(body["userSessions"]), raw=body)
    return JanusResponseEvent(statusCode=_status(body), data=data, message=SUCCESS)


def read_result(reply: Reply) -> UpdateMissedCallsResponse:
    """The result of marking sessions as read."""
    body = decode(reply.body) if reply.ok else None
    if body is None:
        status, error = _failure(reply)
        return UpdateMissedCallsResponse(statusCode=status, data=ReadStatusData(error=error), message=FAILURE)
    data = ReadStatusData(readStatusMessage=_READ)
    return UpdateMissedCallsResponse(statusCode=_status(body), data=data, message=SUCCESS)


def deleted_result(reply: Reply) -> DeleteCallHistoryRecordsResponse:
    """The result of deleting sessions."""
    body = decode(reply.body) if reply.ok else None
    if body is None:
        status, error = _failure(reply)
        return DeleteCallHistoryRecordsResponse(statusCode=status, data=DeleteStatusData(error=error), message=FAILURE)
    data = DeleteStatusData(deleteStatusMessage=_DELETED)
    return DeleteCallHistoryRecordsResponse(statusCode=_status(body), data=data, message=SUCCESS)


def bad_date_result() -> DeleteCallHistoryRecordsResponse:
    """The result of deleting sessions with a date that is none; nothing was sent."""
    data = DeleteStatusData(deleteStatusMessage=_BAD_DATE)
    return DeleteCallHistoryRecordsResponse(statusCode=400, data=data, message=FAILURE)


def _failure(reply: Reply) -> tuple[int, str]:
    status = _NO_STATUS if reply.status is None or reply.ok else reply.status
    return status, _ERRORS.get(status, f"{status} Exception has occurred")


def _status(body: Any) -> int | None:
    status = body.get("statusCode") if isinstance(body, dict) else None
    return status if isinstance(status, int) else None
