"""Server-sent events at `GET /v1/events`: what browsers read with `EventSource` (HTML Living Standard, section 9.2).

Each event has its number as its id, so a client that was cut off resumes by the header that the standard names for it.
"""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from typing import Any

import structlog
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Parameter, Schema
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from ringback.projections.outbox import envelope
from ringback.server.errors import ApiError, ErrorBody
from ringback.server.events.listener import Ending, Listener, StartAgain
from ringback.server.events.visit import BEGINNING, Door, Gone, Visit, first_of
from ringback.server.exchange import parse_query
from ringback.server.history_openapi import errors, operation
from ringback.store import StoreError

RETRY_MILLISECONDS = 1000
"""After which a browser comes again."""

START_AGAIN = "start_again"
"""Name of the event that says: events were forgotten, so read the history anew; from here on all is told."""

_MEDIA_TYPE = "text/event-stream"
_HEADERS = [
    (b"content-type", _MEDIA_TYPE.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # or nginx would keep events back until it has a page full of them
]
_log = structlog.get_logger("ringback.events")


_AFTER = "Number of the last event that is known; those after it are sent first. Without it, only new ones are sent."


def _parameter(name: str, param_in: str, text: str) -> Parameter:
    schema = Schema(type=OpenAPIType.STRING)
    return Parameter(name=name, param_in=param_in, required=False, description=text, schema=schema)


_OPERATION = operation(
    [
        _parameter("user", "query", "The only user; for tokens of administrators, who see all users without it."),
        _parameter("lastEventId", "query", f"{_AFTER} The header goes before this."),
        _parameter("Last-Event-ID", "header", _AFTER),
    ]
)
_RESPONSES = {
    200: ResponseSpec(str, description="Events, without an end.", media_type=_MEDIA_TYPE, generate_examples=False),
    429: ResponseSpec(ErrorBody, description="The user has too many connections.", generate_examples=False),
}


def sse_route(door: Door) -> HTTPRouteHandler:
    """The route."""

    @get(
        "/v1/events",
        summary="Events of the user call history, as they happen",
        media_type=_MEDIA_TYPE,
        responses=_RESPONSES | errors(400, 401, 403),
        operation_class=_OPERATION,
        tags=["User call history"],
    )
    async def events(request: Request[Any, Any, Any]) -> ASGIApp:
        base = door.base(request)
        query = parse_query(request.scope["query_string"])
        visit = await door.admit(request.headers.get("authorization", ""))
        named = query.get("user")
        user = None if visit.viewer.user is None and not named else visit.viewer.of(named)
        after = request.headers.get("last-event-id") or query.get("lastEventId")
        try:
            listener = await door.hub.listen(visit.viewer.org, user, after)
        except Ending:
            raise ApiError(503, "The server stops. Come again.", Retry_After="1") from None
        return _Stream(door, visit, listener, base)

    return events


class _Stream:
    """The response. The listener is its own from now on: it closes it."""

    def __init__(self, door: Door, visit: Visit, listener: Listener, base: str) -> None:
        self._door = door
        self._visit = visit
        self._listener = listener
        self._base = base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with closing(self._listener), suppress(Gone):
            start: Any = {"type": "http.response.start", "status": 200, "headers": _HEADERS}
            await self._send(send, start)
            try:
                await first_of(self._tell(send), _until_gone(receive))
            except Ending:
                pass
            except ApiError as error:
                _log.info("a listener is shut out", reason=error.message)
            except StoreError as error:
                _log.error("store", error=str(error))
            await self._send_body(send, b"", more=False)  # the client comes again, and is told what it needs to know

    async def _tell(self, send: Send) -> None:
        listener = self._listener
        first = self._beginning(listener.position, start_again=listener.start_again)
        await self._send_body(send, b"retry: %d\n%b" % (RETRY_MILLISECONDS, first))
        while True:
            try:
                events = await listener.read(min(self._door.patience.keep_alive, self._visit.seconds_left))
            except StartAgain as again:
                await self._send_body(send, self._beginning(again.newest, start_again=True))
                continue
            await self._visit.check()
            for event in events:
                data = envelope(event, self._base)
                await self._send_body(send, _block(event.number, event.kind.value, data))
            if not events:
                await self._send_body(send, b": still here\n\n")

    def _beginning(self, position: int, *, start_again: bool) -> bytes:
        name = START_AGAIN if start_again else BEGINNING
        return _block(position, name, self._door.beginning(position, start_again=start_again))

    async def _send_body(self, send: Send, body: bytes, *, more: bool = True) -> None:
        await self._send(send, {"type": "http.response.body", "body": body, "more_body": more})

    async def _send(self, send: Send, message: Message) -> None:
        try:
            async with asyncio.timeout(self._door.patience.send):
                await send(message)
        except OSError as error:
            raise Gone from error


def _block(number: int, name: str, data: bytes) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, name.encode(), data)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # the body of the request, which means nothing
    raise Gone
