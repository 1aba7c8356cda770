"""The web application as a client meets it: in process or over a socket, with a clock that the test sets."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeAlias, cast
from uuid import UUID

import httpx2
import msgspec
import uvicorn
from litestar.types import ASGIApp

from factories import ORG, Clock
from ringback.ledger import Appended, SqlLedger
from ringback.projections.call_logs.projection import CallLogsProjection
from ringback.projections.runner import Runner
from ringback.projections.sessions.projection import SessionsProjection
from ringback.records.kinds import decode_any
from ringback.records.values import from_milliseconds, to_wire_time
from ringback.server.app import create_app
from ringback.server.tokens import Tokens
from ringback.settings import OrgSettings, PortsipSettings, ServerSettings, Settings
from ringback.store import Store

FEED = "/v1/cdr_feed"
STREAM = "/v1/cdr_stream"
ADDRESS = "http://cdr.example"
"""What the app is called by clients in process."""

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ALL_TIME = {"startTime": "2000-01-01T00:00:00.000Z", "endTime": "2100-01-01T00:00:00.000Z"}
"""The query of a window with everything, for tokens without limits."""

Query: TypeAlias = Mapping[str, str | int]

_NEXT = re.compile(r'<([^<>]+)>;rel="next"')


class Reply:
    """An answer as it was sent: the body is not decompressed."""

    def __init__(self, status: int, headers: httpx2.Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body, which is JSON."""
        assert self.headers["content-type"] == "application/json", self.headers
        return msgspec.json.decode(self.body)

    @property
    def message(self) -> str:
        """The message of an error body; all three parts of such a body are there."""
        error = self.json
        assert list(error) == ["message", "errors", "trackingId"]
        assert error["errors"] == [{"description": error["message"]}]
        assert error["trackingId"] == self.headers["trackingid"]
        return str(error["message"])

    @property
    def ids(self) -> list[str]:
        """The Report IDs of the page."""
        assert self.status == 200, self.body
        return [item["Report ID"] for item in self.json["items"]]

    @property
    def next(self) -> str | None:
        """The address of the next page, or None; the Link header has the documented form if it is there."""
        if (link := self.headers.get("link")) is None:
            return None
        found = _NEXT.fullmatch(link)
        assert found, link
        assert self.json["items"], "an empty page with a next link ends some clients early"
        return found[1]


class Site:
    """A store with its app, and a client of it. Close it after use."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        server: ServerSettings | None = None,
        orgs: Mapping[UUID, OrgSettings] | None = None,
        portsip: PortsipSettings | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.ledger = SqlLedger(store, clock)
        self.tokens = Tokens(store, clock)
        settings = Settings(
            server=server or ServerSettings(), orgs=dict(orgs or {}), portsip=portsip or PortsipSettings()
        )
        self.app = create_app(store, settings, clock)
        sessions = SessionsProjection(store, self.ledger, clock)
        self._projections = Runner(store, self.ledger, [sessions, CallLogsProjection(store)], "test", clock)
        self._runner = asyncio.Runner()
        self._client = httpx2.AsyncClient(transport=in_process(self.app), base_url=ADDRESS)

    def close(self) -> None:
        """Give back what the client holds."""
        self._runner.run(self._client.aclose())
        self._runner.close()

    def token(
        self,
        limits: str = "none",
        *,
        org: UUID = ORG,
        user: str | None = None,
        scopes: Sequence[str] | None = None,
        lifetime: timedelta | None = None,
    ) -> str:
        """The text of a new token."""
        return self.tokens.create(org, user=user, scopes=scopes, limits=limits, lifetime=lifetime)[0]

    def append(self, *raws: bytes) -> Appended:
        """Store records at the time of the clock; those that name no organization as `ORG`'s."""
        return self.ledger.append([decode_any(raw, ORG).record for raw in raws])

    def project(self) -> None:
        """Bring the user call history and the call logs up to date with the ledger."""
        self._projections.catch_up()

    def ask(
        self,
        target: str,
        token: str | None = None,
        query: Query | None = None,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Reply:
        """One request.

        Args:
            target: a path or an address, with or without a query.
            query: parameters to be encoded; instead of a query in the target.
            body: sent as it is if it is bytes, else as JSON.
        """
        return self._runner.run(ask(self._client, target, token, query, method=method, headers=headers, body=body))

    def pages(self, target: str, token: str, query: Query | None = None) -> list[Reply]:
        """The page that is asked for, and all that follow it."""
        replies = [self.ask(target, token, query)]
        while (following := replies[-1].next) is not None:
            replies.append(self.ask(following, token))
        return replies

    def read(self, target: str, token: str, query: Query | None = None) -> list[str]:
        """The Report IDs of all pages."""
        return [report_id for reply in self.pages(target, token, query) for report_id in reply.ids]


def in_process(app: ASGIApp) -> httpx2.ASGITransport:
    """A transport to an app without a socket between."""
    return httpx2.ASGITransport(cast(Any, app))  # the types of ASGI messages are stricter on one side than on the other


class SiteMaker(Protocol):
    """Makes sites on one store; each has the store open for itself, as a web process of its own has."""

    def __call__(
        self,
        server: ServerSettings | None = None,
        orgs: Mapping[UUID, OrgSettings] | None = None,
        portsip: PortsipSettings | None = None,
    ) -> Site: ...


async def ask(
    client: httpx2.AsyncClient,
    target: str,
    token: str | None = None,
    query: Query | None = None,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: object = None,
) -> Reply:
    """One request by a given client; see `Site.ask`."""
    content = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
    sent = {"accept-encoding": "identity"} | dict(headers or {})
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    async with client.stream(method, target, params=query, headers=sent, content=content) as response:
        answered = b"".join([chunk async for chunk in response.aiter_raw()])
    return Reply(response.status_code, response.headers, answered)


def window(start: int, end: int) -> dict[str, str]:
    """The query of a window; both are milliseconds since 1970."""
    return {"startTime": wire(start), "endTime": wire(end)}


def wire(milliseconds: int) -> str:
    """A time as the wire writes it."""
    return to_wire_time(from_milliseconds(milliseconds))


@contextlib.contextmanager
def listening(app: ASGIApp) -> Iterator[str]:
    """Serve the app on a free port of the loopback interface.

    Yields:
        the address, such as `http://127.0.0.1:40000`.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
