"""Web processes that bring events, and clients that listen to them over real sockets."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from itertools import cycle
from pathlib import Path
from typing import Any, ParamSpec
from uuid import UUID

import httpx2
import msgspec
from litestar import Litestar, Request, Response
from litestar.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from factories import ORG, Clock
from ringback.projections.outbox import EventKind, NewEvent, Outbox, write
from ringback.records.values import to_milliseconds
from ringback.server.errors import ApiError
from ringback.server.events import EventHub, Patience, event_routes
from ringback.server.metrics import Metrics
from ringback.server.tokens import HISTORY_ADMIN_SCOPE, Tokens
from ringback.server.tracking import Tracking
from ringback.settings import ServerSettings, Settings
from ringback.store import Store
from serving import listening

ANN = "aaaaaaaa-0000-4000-8000-000000000001"
BEN = "bbbbbbbb-0000-4000-8000-000000000002"
BASE_PATH = "/janus/api/v1"
P = ParamSpec("P")


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Makes a test of a coroutine, which must end within a minute."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 60))

    return run


class Teller:
    """Writes events to a store, as a projection does."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.outbox = Outbox(store)
        self.tokens = Tokens(store, clock)

    def tell(self, user: str = ANN, count: int = 1, *, org: UUID = ORG, size: int = 0) -> Sequence[int]:
        """Commit events for a user; gives their numbers.

        Args:
            size: bytes that each has at least.
        """
        ids = [f"session-{index}".ljust(size, "x") for index in range(count)]
        return self.tell_all([NewEvent(user, EventKind.DELETED, msgspec.json.encode([each])) for each in ids], org=org)

    def tell_all(self, events: Sequence[NewEvent], *, org: UUID = ORG) -> Sequence[int]:
        """Commit these events; gives their numbers."""
        with self.store.write() as connection:
            newest = write(connection, org, to_milliseconds(self.clock()), events)
        return range(newest - len(events) + 1, newest + 1)

    def token(self, user: str | None = ANN, *, org: UUID = ORG) -> str:
        """The text of a user's token, or of one for an administrator who may see the call history."""
        scopes = (HISTORY_ADMIN_SCOPE,) if user is None else None
        return self.tokens.create(org, user=user, scopes=scopes)[0]


def make_app(
    store: Store, hub: EventHub, clock: Callable[[], datetime], patience: Patience, server: ServerSettings
) -> ASGIApp:
    """An app of nothing but the routes for listeners."""

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        async with hub.running():
            yield

    def refuse(request: Request[Any, Any, Any], error: ApiError) -> Response[bytes]:
        body = error.body(request.scope["state"]["tracking_id"])
        return Response(body, status_code=error.status, headers=error.headers, media_type="application/json")

    routes = event_routes(hub, Tokens(store, clock), Settings(server=server), clock, patience)
    app = Litestar(routes, lifespan=[running], exception_handlers={ApiError: refuse}, logging_config=None)
    return Tracking(app, Metrics(lambda: (), lambda: 0))


class WebProcess:
    """One web process of a store, with a hub of its own."""

    def __init__(self, address: str, hub: EventHub) -> None:
        self.address = address
        self.hub = hub

    @asynccontextmanager
    async def listen(self, token: str, **query: object) -> AsyncIterator[Device]:
        """A device that has sent its authorization and was let in."""
        async with self.connect(**query) as connection:
            device = Device(connection)
            await device.say(type="authorization", id="1", data={"token": f"Bearer {token}"}, trackingId="t")
            device.beginning = await device.hear()
            yield device

    def connect(self, **query: object) -> connect:
        """A connection over which nothing was sent yet."""
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return connect(f"{self.address.replace('http', 'ws', 1)}/v1/mercury?{text}", proxy=None, compression=None)

    @asynccontextmanager
    async def stream(
        self, token: str | None, headers: dict[str, str] | None = None, **query: str
    ) -> AsyncIterator[Stream]:
        """The server-sent events, or what was answered instead."""
        sent = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        async with httpx2.AsyncClient(base_url=self.address, timeout=30, trust_env=False) as client:
            async with client.stream("GET", "/v1/events", params=query, headers=sent) as response:
                yield Stream(response)

    async def until_listeners(self, count: int) -> None:
        """Wait until the hub has so many listeners."""
        while self.hub.listeners != count:  # noqa: ASYNC110  the server runs in another thread, with a loop of its own
            await asyncio.sleep(0.01)


class Device:
    """What a client of Mercury is."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.beginning: dict[str, Any] = {}

    async def say(self, **message: object) -> None:
        """Send a message."""
        await self.connection.send(msgspec.json.encode(message).decode())

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        text = await self.connection.recv()
        assert isinstance(text, str), "clients in JavaScript read text only"
        message: dict[str, Any] = msgspec.json.decode(text)
        return message

    async def numbers(self, count: int) -> list[int]:
        """The numbers of the next events."""
        return [(await self.hear())["eventNumber"] for _ in range(count)]

    async def closed(self) -> int:
        """The code with which the server closes; whatever comes before is not read."""
        with suppress(ConnectionClosed):
            while True:
                await self.connection.recv()
        assert self.connection.close_code is not None
        return self.connection.close_code


class Sent(msgspec.Struct, frozen=True):
    """A server-sent event."""

    id: int
    name: str
    data: dict[str, Any]


class Stream:
    """What a client of server-sent events is.

    Attributes:
        comments: how many came so far.
        retry: that was told, in milliseconds.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.comments = 0
        self.retry = 0
        self._lines = response.aiter_lines()

    async def next(self) -> Sent:
        """The next event.

        Raises:
            StopAsyncIteration: the stream has ended.
        """
        fields: dict[str, str] = {}
        while True:
            line = await anext(self._lines)
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments += 1
            elif name == "retry":
                self.retry = int(value)
            elif line:
                fields[name] = value
            elif fields:
                return Sent(int(fields["id"]), fields["event"], msgspec.json.decode(fields["data"]))

    async def ids(self, count: int) -> list[int]:
        """The ids of the next events."""
        return [(await self.next()).id for _ in range(count)]

    async def ended(self) -> None:
        """Wait for the end; whatever comes before is not read."""
        async for _ in self._lines:
            pass


@contextmanager
def web_process(
    directory: Path,
    clock: Clock,
    *,
    patience: Patience | None = None,
    public_url: str = "",
    most: int = 1000,
    most_per_user: int = 1000,
) -> Iterator[WebProcess]:
    """Serve a store. It is opened once more, as by a process of its own, but served by a thread."""
    store = Store.open(directory)
    hub = EventHub(Outbox(store), most=most, most_per_user=most_per_user)
    app = make_app(store, hub, clock, patience or Patience(), ServerSettings(public_url=public_url))
    with listening(app) as address:
        yield WebProcess(address, hub)
    store.close()


@contextmanager
def telling(teller: Teller, count: int, *users: str) -> Iterator[threading.Thread]:
    """Commit so many events in a thread while the block runs, one by one, for these users in turn."""
    stop = threading.Event()

    def tell() -> None:
        for _, user in zip(range(count), cycle(users), strict=False):
            teller.tell(user)
            if stop.wait(0.001):
                return

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join()
