"""The WebSocket of the simulated PBX: commands and events as JSON texts, each event sent at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

from ringback.simulator.cloud.http import Request, send
from ringback.simulator.pbx.accounts import Account
from ringback.simulator.pbx.audit import Asked
from ringback.simulator.pbx.events import message
from ringback.simulator.pbx.service import Service
from ringback.simulator.pbx.table import Event

_TOPIC = "cdr_events"
_CHUNK = 64 * 1024


class Wsi:
    """All open WebSockets of a PBX. It runs in one loop."""

    def __init__(self, service: Service, seed: int) -> None:
        self._service = service
        self._open: set[_Connection] = set()
        self._random = Random(f"pbx/wsi/{seed}")  # noqa: S311 - reproducible chance, not secrets

    async def serve(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one client until either side ends it."""
        asked, refusal = self._service.admit(request)
        if refusal is not None:
            await send(writer, refusal)
            return
        connection = _Connection(self._service, asked, writer)
        self._open.add(connection)
        try:
            await connection.converse(request.head, reader)
        finally:
            self._open.discard(connection)

    def tell(self, events: Iterable[Event]) -> None:
        """Send events to those who subscribed to them, but for what is to be lost or broken."""
        behaviour = self._service.behaviour
        for event in events:
            dropped = self._random.random() < behaviour.wsi_drops
            broken = self._random.random() < behaviour.wsi_broken
            if dropped:
                continue
            text = msgspec.json.encode(message(event, behaviour, self._service.wire))
            if broken:
                text = text.replace(b",", b"", 1)  # as in one of the published samples
            for connection in self._open:
                if connection.subscribed and connection.tenant == event.tenant:
                    connection.send(text)


class _Connection:
    def __init__(self, service: Service, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.subscribed = False
        self._service = service
        self._asked = asked
        self._writer = writer
        self._protocol = ServerProtocol()
        self._account: Account | None = None
        self._text = b""
        self._answers = 0

    @property
    def tenant(self) -> str:
        """Whose events it gets; "" before it is known who it is."""
        return self._account.tenant if self._account else ""

    async def converse(self, head: bytes, reader: asyncio.StreamReader) -> None:
        """Accept the handshake, and answer commands."""
        self._protocol.receive_data(head)
        while True:
            for event in self._protocol.events_received():
                if isinstance(event, Handshake):
                    self._protocol.send_response(self._protocol.accept(event))
                elif isinstance(event, Frame):
                    self._take(event)
            self._flush()
            await self._writer.drain()
            if self._protocol.state is State.CLOSED or self._protocol.close_expected():
                return
            data = await reader.read(_CHUNK)
            if not data:
                return
            self._protocol.receive_data(data)

    def send(self, text: bytes) -> None:
        """Send a text, if the connection is still open."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text)
            self._flush()

    def _flush(self) -> None:
        self._writer.write(b"".join(self._protocol.data_to_send()))

    def _take(self, frame: Frame) -> None:
        """Collect the parts of a text, and answer it when it is whole."""
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return
        self._text += frame.data
        if frame.fin:
            text, self._text = self._text, b""
            self._protocol.send_text(msgspec.json.encode(self._answer(text)))

    def _answer(self, text: bytes) -> dict[str, object]:
        self._answers += 1
        try:
            command = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError:
            command = {}
        name = command.get("command")
        if name == "auth":
            error = self._authenticate(command)
        elif name in ("subscribe", "unsubscribe"):
            error = self._subscribe(command, wanted=name == "subscribe")
        else:
            self._asked.violation = "query"
            error = "unknown command"
        answer: dict[str, object] = {"command": name, "id": str(self._answers), "status": -1 if error else 0}
        return answer | {"error": error} if error else answer

    def _authenticate(self, command: dict[str, Any]) -> str:
        with self._service.lock:
            accounts, password, domain = self._service.accounts, command.get("password"), command.get("domain")
            if "extension_number" in command:
                account = accounts.by_extension(command["extension_number"], password, domain)
            else:
                account = accounts.verify(command.get("username"), password, domain)
        self._account = account
        self.subscribed = False
        if account is None:
            self._asked.violation = "login"
            return "access_token, username, domain or password error"
        self._asked.account, self._asked.tenant = account.name, account.tenant
        return ""

    def _subscribe(self, command: dict[str, Any], *, wanted: bool) -> str:
        topics = command.get("topics")
        if topics != [_TOPIC]:
            self._asked.violation = "query"
            return "unknown topics"
        if self._account is None:
            self._asked.violation = "token"
            return "not authenticated"
        if self._account.role == "User":
            return "permission denied"
        self.subscribed = wanted
        return ""
