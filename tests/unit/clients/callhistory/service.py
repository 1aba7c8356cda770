"""A server of call history that does as a test says, over real sockets: HTTP on one port, the WebSocket on another."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any, ParamSpec, TypeAlias
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as Handshake
from websockets.http11 import Response

from factories import NOON
from ringback.history import CallHistoryClient, HistoryOptions, Retries
from ringback.records.values import to_wire_time

P = ParamSpec("P")
SECRET = "a-token-that-must-stay-secret"
ENDLESS = Retries(tries=10_000, total=10_000, first=0.01, longest=0.02)


def asynchronous(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Lets a coroutine function be a test, which must be done in good time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 30))

    return run


async def until(true: Callable[[], bool]) -> None:
    """Wait for what nobody says, only some attribute shows."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  # there is nothing to wait for but time
            await asyncio.sleep(0.005)


class Request(msgspec.Struct, frozen=True):
    """A request as it came: the first line, the headers with names in lower case, the body."""

    line: str
    headers: dict[str, str]
    body: bytes


Answer: TypeAlias = tuple[int, bytes] | None
"""Status and body; None for no answer at all."""


class Peer:
    """The server's end of one WebSocket.

    Attributes:
        query: of the address, such as {"lastEventId": "3"}.
        token: that the client showed.
        acks: ids of the messages that the client acknowledged.
        pings: ids of its pings.
        pinged: set once the first of them is dealt with.
        close_code: that the client closed with, once it has.
    """

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        assert socket.request is not None
        address = urlsplit(socket.request.path)
        self.path = address.path
        self.query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.token = ""
        self.acks: list[str] = []
        self.pings: list[str] = []
        self.pinged = asyncio.Event()
        self.closed = asyncio.Event()
        self.close_code: int | None = None

    async def send(self, message: object) -> None:
        """Send a message; a text as it is."""
        await self._socket.send(message if isinstance(message, str) else msgspec.json.encode(message).decode())

    async def close(self, code: int = 1011) -> None:
        """End the connection."""
        await self._socket.close(code)

    def cut(self) -> None:
        """End the connection without a word."""
        self._socket.transport.abort()

    async def serve(self, service: Service) -> None:
        """Be there for the client until it has gone."""
        with suppress(ConnectionClosed):
            first = msgspec.json.decode(await self._socket.recv())
            assert first["type"] == "authorization", "the token is not in the first message"
            self.token = first["data"]["token"].removeprefix("Bearer ")
            service.arrived.put_nowait(self)
            if self.token in service.refused:
                await self.close(4401)
            else:
                await service.greet(self)
            async for text in self._socket:
                message = msgspec.json.decode(text)
                if message["type"] == "ack":
                    self.acks.append(message["messageId"])
                elif message["type"] == "ping":
                    self.pings.append(message["id"])
                    if service.pongs:
                        await self.send({"id": message["id"], "type": "pong"})
                    self.pinged.set()
        self.close_code = self._socket.close_code
        self.closed.set()


class Service:
    """The server.

    Attributes:
        janus, mercury: addresses.
        requests: all that came.
        answer: what a request gets.
        greet: what the server does once a client has shown its token; by default it says that events come, as a server
            that does not number them.
        refused: tokens that are not accepted, by HTTP neither.
        pongs: whether pings are answered.
        handshake: the status that connections are refused with; None if they are not.
        location: where such a refusal leads to.
    """

    def __init__(self) -> None:
        self.janus = self.mercury = ""
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = lambda _: (200, history([]))
        self.greet: Callable[[Peer], Awaitable[None]] = lambda peer: peer.send(buffer_state())
        self.refused: set[str] = set()
        self.pongs = True
        self.handshake: int | None = None
        self.location = ""
        self.peers: list[Peer] = []
        self.arrived: asyncio.Queue[Peer] = asyncio.Queue()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Service]:
        """Serve as long as this lasts."""
        http = await asyncio.start_server(self._serve_http, "127.0.0.1", 0)
        async with http, serve(self._serve_socket, "127.0.0.1", 0, process_request=self._process) as sockets:
            self.janus = f"http://127.0.0.1:{http.sockets[0].getsockname()[1]}/janus/api/v1"
            self.mercury = f"ws://127.0.0.1:{next(iter(sockets.sockets)).getsockname()[1]}/v1/mercury"
            yield self

    async def peer(self) -> Peer:
        """The next connection that a client makes, and has shown its token over."""
        return await self.arrived.get()

    async def _serve_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, EOFError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            request = Request(head[0], headers, body)
            self.requests.append(request)
            refused = headers.get("authorization", "").removeprefix("Bearer ") in self.refused
            answer = (401, b"") if refused else self.answer(request)
            if answer is not None:
                status, content = answer
                length = "" if status == 204 else f"content-length: {len(content)}\r\n"
                writer.write(f"HTTP/1.1 {status} Said\r\nconnection: close\r\n{length}\r\n".encode() + content)
                await writer.drain()
        writer.close()

    async def _serve_socket(self, socket: ServerConnection) -> None:
        peer = Peer(socket)
        self.peers.append(peer)
        await peer.serve(self)

    def _process(self, socket: ServerConnection, _: Handshake) -> Response | None:
        if self.handshake is None:
            return None
        response = socket.respond(self.handshake, "")
        if self.location:
            response.headers["Location"] = self.location
        return response


class Numbering:
    """A server that numbers its events and keeps them, as ringback's does.

    Attributes:
        events: numbered 1, 2, 3 and so on.
        forgotten: the newest number that it does not know any more.
        greeted: how many connections were told where they stand.
    """

    def __init__(self, service: Service) -> None:
        self.events: list[dict[str, Any]] = []
        self.forgotten = self.greeted = 0
        self._peer: Peer | None = None
        self._telling = asyncio.Lock()
        service.greet = self._greet

    async def happen(self, event: dict[str, Any]) -> None:
        """Add an event, and tell it over the newest connection that was greeted, if that holds."""
        async with self._telling:
            self.events.append(event | {"eventNumber": len(self.events) + 1})
            if self._peer is not None:
                with suppress(ConnectionClosed):
                    await self._peer.send(self.events[-1])

    async def _greet(self, peer: Peer) -> None:
        async with self._telling:  # or an event would overtake those that the client has missed
            self._peer = peer
            self.greeted += 1
            newest = len(self.events)
            after = int(peer.query.get("lastEventId", newest))
            if not self.forgotten <= after <= newest:
                await peer.send(buffer_state(newest, startAgain=True))
                return
            await peer.send(buffer_state(after))
            for event in self.events[after:]:
                await peer.send(event)


class Moment:
    """A clock that stands still until a test sets it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """The time."""
        return self.now


def client(service: Service, tokens: Any = SECRET, **arguments: Any) -> CallHistoryClient:
    """A client that waits hardly ever."""
    return CallHistoryClient(service.janus, tokens, mercury=service.mercury, **({"options": quick()} | arguments))


def quick(**given: Any) -> HistoryOptions:
    """Options with short waits."""
    settings: dict[str, Any] = {
        "reconnect": ENDLESS,
        "catch_up": Retries(tries=3, first=0.01, longest=0.01),
        "random": Random(7),
        "now": Moment(),
        "close_timeout": 0.2,
    }
    return HistoryOptions(**(settings | given))


def session(session_id: str = "s1", *, minutes: float = 0, **given: Any) -> dict[str, Any]:
    """A session on the wire, which ended so many minutes after noon and lasted one."""
    return {
        "id": session_id,
        "sessionId": session_id,
        "url": f"https://janus.example/janus/api/v1/history/userSessions/{session_id}",
        "sessionType": "WEBEXCALLING",
        "startTime": to_wire_time(NOON + timedelta(minutes=minutes - 1)),
        "endTime": to_wire_time(NOON + timedelta(minutes=minutes)),
        "direction": "INCOMING",
        "disposition": "MISSED",
        "durationSecs": 0,
        "durationSeconds": 0,
        "joinedDurationSeconds": 0,
        "participantCount": 2,
        "isDeleted": False,
        "isPMR": False,
        "correlationIds": ["c1"],
        "self": {"id": "user-1", "name": "Kim"},
        "other": {"id": "+12025550101", "isPrivate": False, "callbackAddress": "+12025550101"},
        "links": {"callbackAddress": "+12025550101"},
    } | given


def history(sessions: list[Any], **given: Any) -> bytes:
    """The body of a history."""
    return msgspec.json.encode({"statusCode": 200, "userSessions": sessions} | given)


def buffer_state(number: int | None = None, **data: Any) -> dict[str, Any]:
    """The first message of a server; with a number, of one that numbers its events."""
    numbered = {} if number is None else {"eventNumber": number}
    return {"id": "first", "data": {"eventType": "mercury.buffer_state"} | data} | numbered


def recent(*sessions: Any, number: int | None = None, kind: str = "user_recent_sessions") -> dict[str, Any]:
    """A message about sessions that are new or changed."""
    return _message(kind, number, {"userSessions": {"userSessions": list(sessions), "statusCode": 0}})


def viewed(*ids: str, number: int | None = None) -> dict[str, Any]:
    """A message about sessions that were read."""
    read = [{"sessionId": one} for one in ids]
    return _message("user_viewed_sessions", number, {"userReadSessions": {"userReadSessions": read, "statusCode": 0}})


def deleted(*ids: str, number: int | None = None) -> dict[str, Any]:
    """A message about sessions that were deleted."""
    return _message("user_sessions_deleted", number, {"deletedSessions": list(ids)})


_SETTLED = "settled-"
_ids = iter(range(1, 1_000_000))


def _message(kind: str, number: int | None, data: dict[str, Any]) -> dict[str, Any]:
    envelope = {"id": f"event-{next(_ids)}", "timestamp": 1_700_000_000_000, "trackingId": "TRACKING-1"}
    numbered = {} if number is None else {"eventNumber": number}
    return envelope | numbered | {"data": {"eventType": f"janus.{kind}"} | data}


class Heard:
    """What the callbacks of a client were told, in short: ("recent", "s1"), ("viewed", "s1"), ("deleted", "s1")."""

    def __init__(self, history: CallHistoryClient) -> None:
        self.events: list[Any] = []
        self.facts: list[tuple[str, str]] = []
        self._settled: list[str] = []
        self._more = asyncio.Event()
        history.on("callHistory:user_recent_sessions", self._recent)
        history.on("callHistory:user_viewed_sessions", self._viewed)
        history.on("callHistory:user_sessions_deleted", self._deleted)

    async def settle(self, peer: Peer) -> None:
        """Wait until all that the client has been sent or has found out so far is told."""
        mark = f"{_SETTLED}{next(_ids)}"
        async with asyncio.timeout(10):
            await peer.pinged.wait()  # its answer is a sign of life, and must not come after what the test does next
            await peer.send(viewed(mark))
            while mark not in self._settled:
                self._more.clear()
                await self._more.wait()

    async def until(self, fact: tuple[str, str]) -> list[tuple[str, str]]:
        """All that was told, once this was."""
        async with asyncio.timeout(10):
            while fact not in self.facts:
                self._more.clear()
                await self._more.wait()
        return self.facts

    def _recent(self, event: Any) -> None:
        self._add(event, [("recent", one.sessionId) for one in event.data.userSessions.userSessions])

    def _viewed(self, event: Any) -> None:
        ids = [one.sessionId for one in event.data.userReadSessions.userReadSessions]
        if ids[0].startswith(_SETTLED):
            self._settled += ids
            self._more.set()
        else:
            self._add(event, [("viewed", one) for one in ids])

    def _deleted(self, event: Any) -> None:
        self._add(event, [("deleted", one) for one in event.data.deletedSessions])

    def _add(self, event: Any, facts: list[tuple[str, str]]) -> None:
        self.events.append(event)
        self.facts += facts
        self._more.set()
