"""The WebSocket `/wsi`: PortSIP's publish/subscribe interface, as far as calls go.

Source: PortSIP's pages on its publish/subscribe interface, versions 22.2 and 22.3. Commands and answers are JSON
objects. What is not documented (the answer to `subscribe`, say) is done as it is for `auth`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from litestar import websocket
from litestar.handlers import WebsocketRouteHandler

from ringback.server.errors import ApiError
from ringback.server.events.listener import Ending
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
from ringback.server.events.visit import Gone, Patience, first_of
from ringback.server.portsip.gate import Gate, Guest
from ringback.server.portsip.watch import CdrWatch, Subscriber, TooMany, TooSlow
from ringback.store import StoreError

_TOPIC = "cdr_events"
_GLOBAL_TOPIC = "global_cdr_events"
_ATTEMPTS = 3
"""Logins that may fail on one connection."""

_log = structlog.get_logger("ringback.wsi")


class _Command(msgspec.Struct):
    """What a client sends. Whatever else it has is ignored."""

    command: str
    username: str = ""
    extension_number: str = ""
    password: str = ""
    domain: str = ""
    access_token: str = ""
    topics: list[str] = []
    tenants: list[str] = []


def wsi_route(gate: Gate, watch: CdrWatch, patience: Patience) -> WebsocketRouteHandler:
    """The route.

    Args:
        watch: must be `running` while it is served.
    """

    @websocket("/wsi")
    async def wsi(socket: ClientSocket) -> None:
        with suppress(Gone):
            connection = Connection(socket, patience.send)
            try:
                await connection.accept()
                await _Conversation(connection, gate, watch, patience).run()
            except Close as close:
                await connection.close(close.code, close.reason)
            except Ending:
                await connection.close(COME_AGAIN, "The server stops.")
            except (TooMany, TooSlow) as error:
                reason = str(error) or "Too many calls have ended that this client did not take."
                await connection.close(TRY_LATER, reason)
            except StoreError as error:
                _log.error("store", error=str(error))
                await connection.close(FAILED, "The store cannot be used at the moment.")
            except Gone:
                raise
            except Exception:
                _log.exception("a listener's connection failed")
                await connection.close(FAILED, "The server failed. Its log has the details.")

    return wsi


class _Conversation:
    """What is said on one connection."""

    def __init__(self, connection: Connection, gate: Gate, watch: CdrWatch, patience: Patience) -> None:
        self._connection = connection
        self._gate = gate
        self._watch = watch
        self._patience = patience
        self._commands = 0

    async def run(self) -> None:
        guest = await self._login()
        subscriber = self._watch.enter(guest.name)
        try:
            await self._say("auth")
            await first_of(self._obey(guest, subscriber), self._tell(guest, subscriber))
        finally:
            self._watch.leave(subscriber)

    async def _login(self) -> Guest:
        for _ in range(_ATTEMPTS):
            try:
                async with asyncio.timeout(self._patience.authorization):
                    command = await self._hear()
            except TimeoutError as error:
                raise Close(NOT_AUTHORIZED, "No auth in time.") from error
            if command.command != "auth":
                await self._say(command.command, "the first command must be auth")
                continue
            try:
                if command.access_token:
                    return await self._gate.by_token(command.access_token)
                name = command.username or command.extension_number
                return await self._gate.by_password(name, command.password, command.domain)
            except ApiError as error:
                await self._say("auth", error.message)
        raise Close(NOT_AUTHORIZED, f"{_ATTEMPTS} commands without a login.")

    async def _obey(self, guest: Guest, subscriber: Subscriber) -> None:
        while True:
            command = await self._hear()
            if command.command == "unsubscribe":
                self._watch.unsubscribe(subscriber)
                await self._say(command.command)
            elif command.command == "subscribe":
                refusal = _refusal(command, guest)
                if not refusal:
                    await self._watch.subscribe(subscriber, guest.org)
                await self._say(command.command, refusal)
            elif command.command == "auth":
                await self._say(command.command, "this connection is logged in already")
            else:
                await self._say(command.command, "unknown command; there are auth, subscribe and unsubscribe")

    async def _tell(self, guest: Guest, subscriber: Subscriber) -> None:
        look_at = time.monotonic() + self._patience.recheck
        while True:
            message = await subscriber.next(max(0.0, look_at - time.monotonic()))
            if time.monotonic() >= look_at:
                if not await self._gate.may_stay(guest):
                    raise Close(NOT_AUTHORIZED, "This login is no longer valid.")
                look_at = time.monotonic() + self._patience.recheck
            if message is not None:
                await self._connection.say(message)

    async def _hear(self) -> _Command:
        content = await self._connection.hear()
        self._commands += 1
        try:
            return msgspec.json.decode(content, type=_Command)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Close(BAD_MESSAGE, "A message must be a JSON object with a command.") from error

    async def _say(self, command: str, error: str = "") -> None:
        answer: dict[str, Any] = {"command": command[:64], "id": str(self._commands), "status": -1 if error else 0}
        if error:
            answer["error"] = error
        await self._connection.say(msgspec.json.encode(answer))


def _refusal(command: _Command, guest: Guest) -> str:
    """Why this cannot be subscribed to; nothing if it can."""
    if guest.user is not None:
        return "calls of all users are for accounts with the role Admin or QueueManager"
    if not command.topics:
        return f"topics are missing; there are {_TOPIC} and {_GLOBAL_TOPIC}"
    for topic in command.topics:
        if topic not in (_TOPIC, _GLOBAL_TOPIC):
            return f"unknown topic {topic[:64]}; there are {_TOPIC} and {_GLOBAL_TOPIC}"
    if _GLOBAL_TOPIC in command.topics and set(command.tenants) != {str(guest.org)}:
        return f"{_GLOBAL_TOPIC} needs tenants, and this account may see {guest.org} only"
    return ""
