"""The WebSocket `/v1/mercury`: the part of Mercury that clients such as the Webex calling SDK need for their events.

What they send and expect is read from the published source of `@webex/internal-plugin-mercury`, `src/socket`: the
authorization message, the first message `mercury.buffer_state`, acknowledgements, pings in messages, close codes.

A client need not send anything of its own accord. Whether it is still there, the server finds out by the pings that
WebSockets have (RFC 6455, section 5.5.2), every 20 seconds: every library answers them, browsers do so even when they
slow down the timers of a page in the background, and a simple client needs no code for it.
"""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from typing import Any

import msgspec
import structlog
from litestar import websocket
from litestar.handlers import WebsocketRouteHandler

from ringback.projections.outbox import envelope
from ringback.server.errors import ApiError
from ringback.server.events.listener import Ending, Listener, StartAgain
from ringback.server.events.socket import (
    BAD_MESSAGE,
    COME_AGAIN,
    FAILED,
    NOT_AUTHORIZED,
    TRY_LATER,
    ClientSocket,
    Close,
    Connection,
)
from ringback.server.events.visit import Door, Gone, Visit, first_of
from ringback.server.exchange import parse_query
from ringback.store import StoreError

FORBIDDEN = 4403

# After COME_AGAIN, as after 1005, 1006 and 1011, clients of Mercury come again.
_CODES = {400: BAD_MESSAGE, 401: NOT_AUTHORIZED, 403: FORBIDDEN, 429: TRY_LATER, 503: TRY_LATER}
_log = structlog.get_logger("ringback.events")


class _Said(msgspec.Struct):
    """A message of a client. Whatever else it has is ignored."""

    type: str | None = None
    id: str | int | None = None
    data: Any = None


class _Authorization(msgspec.Struct):
    token: str


def mercury_route(door: Door) -> WebsocketRouteHandler:
    """The route."""

    @websocket("/v1/mercury")
    async def mercury(socket: ClientSocket) -> None:
        with suppress(Gone):
            connection = Connection(socket, door.patience.send)
            try:
                await connection.accept()
                await _converse(connection, door)
            except Close as close:
                await connection.close(close.code, close.reason)
            except ApiError as error:
                await connection.close(_CODES.get(error.status, FAILED), error.message)
            except Ending:
                await connection.close(COME_AGAIN, "The server stops.")
            except StoreError as error:
                _log.error("store", error=str(error))
                await connection.close(FAILED, "The store cannot be used at the moment.")
            except Gone:
                raise
            except Exception:
                _log.exception("a listener's connection failed")
                await connection.close(FAILED, "The server failed. Its log has the details.")

    return mercury


async def _hear(connection: Connection) -> _Said:
    content = await connection.hear()
    try:
        return msgspec.json.decode(content, type=_Said)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Close(BAD_MESSAGE, "A message must be a JSON object, with a text for its type.") from error


async def _converse(connection: Connection, door: Door) -> None:
    base = door.base(connection.socket)
    query = parse_query(connection.socket.scope["query_string"])
    visit = await door.admit(await _authorization(connection, door.patience.authorization))
    user = visit.viewer.of(query.get("user"))
    with closing(await door.hub.listen(visit.viewer.org, user, query.get("lastEventId"))) as listener:
        await connection.say(door.beginning(listener.position, start_again=listener.start_again))
        await first_of(_tell(connection, listener, visit, base), _answer(connection))


async def _authorization(connection: Connection, seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            said = await _hear(connection)
    except TimeoutError as error:
        raise Close(NOT_AUTHORIZED, f"No authorization within {seconds:g} seconds.") from error
    if said.type != "authorization":
        raise Close(BAD_MESSAGE, "The first message must be of the type authorization.")
    try:
        return msgspec.convert(said.data, _Authorization).token
    except msgspec.ValidationError as error:
        raise Close(BAD_MESSAGE, "An authorization must have the token in data.token.") from error


async def _tell(connection: Connection, listener: Listener, visit: Visit, base: str) -> None:
    while True:
        try:
            events = await listener.read(visit.seconds_left)
        except StartAgain:
            # There is no message for this in mid-stream. When the client comes again it is told, if it asks.
            raise Close(COME_AGAIN, "Events are forgotten that this client was not told.") from None
        try:
            await visit.check()
        except ApiError as error:
            # Not 4401: after that, clients of Mercury do not come again. After this they do, with a newer token if they
            # can get one; if not, they are refused at the door.
            raise Close(COME_AGAIN, error.message) from error
        for event in events:
            await connection.say(envelope(event, base))


async def _answer(connection: Connection) -> None:
    while True:
        said = await _hear(connection)
        if said.type == "ping":
            await connection.say(msgspec.json.encode({"id": said.id, "type": "pong"}))
