"""A server of call logs that does as a test says, over a real socket, and clients of both kinds to read from it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, ClassVar, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import msgspec

from factories import NOON
from ringback.calllogs import AsyncCallLogsClient, CallLog, CallLogsClient, CallLogsOptions, Page

TOKEN = "a-token-that-must-stay-secret"
PASSWORD = "a-password-that-must-stay-secret"
LOGIN: dict[str, Any] = {"username": "reports", "password": PASSWORD, "domain": "one.example"}


class Asked(msgspec.Struct, frozen=True):
    """A request as it came.

    Attributes:
        target: path and query as they stood in the first line.
        headers: with names in lower case.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Without the query, not decoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query, decoded."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True, strict_parsing=True))

    @property
    def token(self) -> str | None:
        """The token that was shown."""
        return self.headers.get("authorization", "").removeprefix("Bearer ") or None


class Reply(msgspec.Struct, frozen=True):
    """An answer.

    Attributes:
        body: JSON, or bytes as they are.
    """

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = {}


Answer: TypeAlias = Callable[[Asked], Reply]


def in_turn(*replies: Reply | Answer) -> Answer:
    """A server that gives these answers, one for each request, and no more."""
    left = list(replies)

    def answer(asked: Asked) -> Reply:
        assert left, f"one request too many: {asked.method} {asked.target}"
        reply = left.pop(0)
        return reply if isinstance(reply, Reply) else reply(asked)

    return answer


def refusal(status: int, code: str = "UNKNOWN", message: str = "unknown error", **headers: str) -> Reply:
    """An error answer in PortSIP's form."""
    body = {"errors": [{"code": code, "message": message}]}
    return Reply(status, body, {name.replace("_", "-"): text for name, text in headers.items()})


def row(number: int, **given: Any) -> dict[str, Any]:
    """A call log as a list has it: the one with this number began so many seconds after noon."""
    start = NOON + timedelta(seconds=number)
    return {
        "id": str(878156644691742720 + number),
        "session_id": str(978156644691742720 + number),
        "caller": "101",
        "caller_domain": "one.example",
        "caller_display_name": "Ann",
        "callee": "102",
        "callee_domain": "one.example",
        "callee_display_name": "Bob",
        "started_at": wire(start),
        "rang_at": wire(start),
        "answered_at": wire(start + timedelta(seconds=3)),
        "ended_at": wire(start + timedelta(seconds=38)),
        "call_id": f"call-{number}",
        "direction": "EXTENSION_CALL",
        "end_reason": "CALLER_DISCONNECTED",
        "reroute_reason": None,
        "status_code": 0,
        "destination": None,
        "outbound_caller_id": None,
        "did_cid": None,
        "trunk": None,
        "duration": 35,
        "service_number": None,
        "user_data": None,
    } | given


def wire(moment: datetime) -> str:
    """A time as PortSIP writes it."""
    return moment.replace(tzinfo=None).isoformat() + "Z"


def listed(*rows: Mapping[str, Any], count: int | None = None, link: str = "") -> Reply:
    """A page of a list."""
    body = {"count": len(rows) if count is None else count, "items": rows}
    return Reply(200, body, {"link": f'<{link}>;rel="next"'} if link else {})


class World:
    """Time that passes only when somebody waits.

    Attributes:
        waits: seconds of each wait.
    """

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.waits: list[float] = []

    def timer(self) -> float:
        """Seconds."""
        return self.seconds

    def now(self) -> datetime:
        """The time: noon, when the timer began."""
        return NOON + timedelta(seconds=self.seconds - 1000)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.seconds += seconds

    async def sleep_async(self, seconds: float) -> None:
        """The same, awaited."""
        self.sleep(seconds)

    def options(self, **given: Any) -> CallLogsOptions:
        """Options on this clock."""
        settings: dict[str, Any] = {"now": self.now, "timer": self.timer, "random": Random(7)}
        return CallLogsOptions(**(settings | given))


class Service:
    """The server.

    Attributes:
        base_url: of its API.
        answer: what a request gets.
        asked: all requests, in the order in which they came.
        failures: what went wrong in `answer`; the request got no answer then.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.answer: Answer = lambda _: listed()
        self.asked: list[Asked] = []
        self.failures: list[BaseException] = []

    @property
    def lines(self) -> list[str]:
        """Method and path of all requests."""
        return [f"{asked.method} {asked.path.removeprefix('/api')}" for asked in self.asked]


@contextmanager
def serving() -> Iterator[Service]:
    """A server on a free port. What failed in its answers is raised in the end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout: ClassVar[float] = 30

        def do_GET(self) -> None:
            """Answer a request of any method."""
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.asked.append(asked := Asked(self.command, self.path, headers, body))
            try:
                reply = service.answer(asked)
            except BaseException as error:
                service.failures.append(error)
                self.close_connection = True
                return
            content = reply.body if isinstance(reply.body, bytes) else msgspec.json.encode(reply.body)
            self.send_response_only(reply.status)  # without a Date, which is for the test to give
            for name, value in ({"content-length": str(len(content))} | reply.headers).items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # a client may have read enough
                self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service = Service(f"http://127.0.0.1:{server.server_port}/api")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    if service.failures:
        raise service.failures[0]


class Reader:
    """A client of either kind, read as if it were the blocking one. Use it in a with statement.

    Args:
        given: arguments of the client.
    """

    def __init__(self, base_url: str, world: World, *, asynchronous: bool, **given: Any) -> None:
        self._asynchronous = asynchronous
        self._runner = asyncio.Runner()
        settings = {"options": world.options()} | given
        self.client: Any
        if asynchronous:
            self.client = AsyncCallLogsClient(base_url, sleep=world.sleep_async, **settings)
        else:
            self.client = CallLogsClient(base_url, sleep=world.sleep, **settings)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.call("close")
        self._runner.close()

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """What a method gives that is no list."""
        given = getattr(self.client, method)(*args, **kwargs)
        return self._runner.run(given) if inspect.iscoroutine(given) else given

    def list(self, method: str = "list", **wanted: Any) -> Sequence[CallLog]:
        """All call logs of a list."""
        logs: Sequence[CallLog] = self.rest(getattr(self.client, method)(**wanted))
        return logs

    def pages(self, method: str = "list", **wanted: Any) -> Sequence[Page]:
        """All pages of a list."""
        pages: Sequence[Page] = self.rest(getattr(self.client, method)(**wanted).pages())
        return pages

    def first(self, logs: Any) -> CallLog:
        """The next call log of a list that the client gave."""
        log: CallLog = self._runner.run(logs.__anext__()) if self._asynchronous else next(logs)
        return log

    def rest(self, items: Any) -> Any:
        """All that is left of a list, or of its pages."""
        if not self._asynchronous:
            return list(items)

        async def collect() -> Any:
            return [item async for item in items]

        return self._runner.run(collect())


def numbers(logs: Sequence[CallLog]) -> Sequence[int]:
    """The numbers that `row` made them with."""
    return [int(log.id) - 878156644691742720 for log in logs]
