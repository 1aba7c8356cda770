"""A cloud to read from: functions that answer requests, a cloud with the documented limits, and a clock for both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeAlias

import httpx2
import msgspec

from factories import NOON, wire_record
from ringback.cdr import CDR, AsRestSession, AsWebexSimpleApi, Options, Pace, RestSession, Totals, WebexSimpleApi
from ringback.records.values import read_time, to_wire_time

Serve: TypeAlias = Callable[[httpx2.Request], httpx2.Response]
SECRET = "a-token-that-must-stay-secret"
HOST = "https://analytics-calling.webexapis.com"
EUROPE = "analytics-calling-eu.webexapis.com"
HOUR = timedelta(hours=1)


class World:
    """Time that passes only when somebody waits; and what happened in it.

    Attributes:
        waits: seconds of each wait.
        requests: all that were made.
        totals: as the progress callback got them.
        invalid: what was no record.
    """

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.waits: list[float] = []
        self.requests: list[httpx2.Request] = []
        self.totals: list[Totals] = []
        self.invalid: list[tuple[bytes, Exception]] = []

    def timer(self) -> float:
        """Seconds."""
        return self.seconds

    def now(self) -> datetime:
        """The time."""
        return NOON + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.seconds += seconds

    async def sleep_async(self, seconds: float) -> None:
        """The same, awaited."""
        self.sleep(seconds)

    @property
    def urls(self) -> list[str]:
        """Of all requests."""
        return [str(request.url) for request in self.requests]

    def options(self, **given: Any) -> Options:
        """Options on this clock."""
        settings: dict[str, Any] = {"now": self.now, "timer": self.timer, "random": Random(7)}
        return Options(**(settings | given))


class Way:
    """One of the two ways to read, with a function as the server."""

    def __init__(self, world: World, *, asynchronous: bool) -> None:
        self.world = world
        self.asynchronous = asynchronous

    def read(
        self,
        serve: Serve,
        *args: Any,
        tokens: Any = SECRET,
        session: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> list[CDR]:
        """All records of a window; of `NOON` and the hour before it if none is given.

        Args:
            session: arguments of the session.
            options: arguments of `Options`.
            args, kwargs: of `get_cdr_history`.
        """
        return self.read_each(serve, [(args, kwargs)], tokens=tokens, session=session, options=options)[0]

    def read_each(
        self,
        serve: Serve,
        calls: Sequence[tuple[Sequence[Any], dict[str, Any]]],
        *,
        tokens: Any = SECRET,
        session: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> list[list[CDR]]:
        """The same for several windows, one after the other in one session."""
        common: dict[str, Any] = {"on_progress": self.world.totals.append, "on_invalid": self._invalid}
        settings = {"tokens": tokens, "options": self.world.options(**(options or {}))} | (session or {})

        def answer(request: httpx2.Request) -> httpx2.Response:
            self.world.requests.append(request)
            given = serve(request)
            # A copy, since a response can be read only once, and only in one of the two ways.
            return httpx2.Response(given.status_code, headers=given.headers, content=given.content)

        transport = httpx2.MockTransport(answer)
        if not self.asynchronous:
            rest = RestSession(client=httpx2.Client(transport=transport), sleep=self.world.sleep, **settings)
            with WebexSimpleApi(session=rest) as api:
                return [
                    list(api.cdr.get_cdr_history(*(args or (NOON - HOUR, NOON)), **(common | kwargs)))
                    for args, kwargs in calls
                ]

        async def run() -> list[list[CDR]]:
            async with httpx2.AsyncClient(transport=transport) as client:
                rest = AsRestSession(client=client, sleep=self.world.sleep_async, **settings)
                async with AsWebexSimpleApi(session=rest) as api:
                    return [
                        await api.cdr.get_cdr_history(*(args or (NOON - HOUR, NOON)), **(common | kwargs))
                        for args, kwargs in calls
                    ]

        return asyncio.run(run())

    def _invalid(self, raw: bytes, error: Exception) -> None:
        self.world.invalid.append((raw, error))


def page(*raws: bytes, link: str = "", status: int = 200, **headers: str) -> httpx2.Response:
    """A page of these records.

    Args:
        link: the address of the next page.
    """
    if link:
        headers["link"] = f'<{link}>;rel="next"'
    return httpx2.Response(
        status,
        content=b'{"items":[' + b",".join(raws) + b"]}",
        headers={"content-type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()},
    )


def refusal(status: int, message: str = "", **headers: str) -> httpx2.Response:
    """An error answer."""
    body = {"message": message, "errors": [{"description": message}], "trackingId": "TRACKING-1"}
    return httpx2.Response(
        status,
        content=msgspec.json.encode(body),
        headers={name.replace("_", "-"): text for name, text in headers.items()},
    )


def in_turn(*answers: httpx2.Response | Exception | Serve) -> Serve:
    """A server that gives these answers, one for each request, and no more."""
    left = list(answers)

    def serve(request: httpx2.Request) -> httpx2.Response:
        assert left, f"one request too many: {request.url}"
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx2.Response) else answer(request)

    return serve


def ids(records: Sequence[CDR]) -> list[str]:
    """Their Report IDs."""
    return [str(record.report_id) for record in records]


class Cloud:
    """Answers as the documentation says, and counts what breaks its rules.

    Args:
        moments: the times that windows select by; there is a record of each.
        page_size: records of a page.
        inclusive_start, inclusive_end: whether the bounds belong to a window.

    Attributes:
        refused: the 429 and 400 that were given.
    """

    def __init__(
        self,
        world: World,
        moments: Sequence[datetime],
        *,
        page_size: int = 5000,
        inclusive_start: bool = True,
        inclusive_end: bool = True,
    ) -> None:
        self.world = world
        self.page_size = page_size
        self.records = [(moment, wire_record(f"r{n}", report_time=moment)) for n, moment in enumerate(moments)]
        self.inclusive_start = inclusive_start
        self.inclusive_end = inclusive_end
        self.windows: list[tuple[datetime, datetime]] = []
        self.refused: list[int] = []
        self._counted: dict[str, list[float]] = {"initial": [], "next": []}

    @property
    def all_ids(self) -> list[str]:
        """Every Report ID, oldest first."""
        return [CDR(raw).report_id or "" for _, raw in sorted(self.records)]

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request."""
        assert request.headers["authorization"] == f"Bearer {SECRET}"
        query = request.url.params
        offset = int(query.get("offset", "0"))
        if not self._within_rate("next" if offset else "initial", 10 if offset else 1):
            return self._refuse(429)
        start, end = read_time(query["startTime"]), read_time(query["endTime"])
        if not timedelta() < end - start <= timedelta(hours=2 if request.url.path.endswith("stream") else 12):
            return self._refuse(400)
        if not offset:
            self.windows.append((start, end))
        inside = [raw for moment, raw in sorted(self.records) if self._inside(start, moment, end)]
        shown = inside[offset : offset + self.page_size]
        following = offset + self.page_size
        more = f"{HOST}{request.url.path}?endTime={query['endTime']}&startTime={query['startTime']}&offset={following}"
        return page(*shown, link=f"{more}&totalCount={len(inside)}" if following < len(inside) else "")

    def _inside(self, start: datetime, moment: datetime, end: datetime) -> bool:
        return (start < moment or (self.inclusive_start and start == moment)) and (
            moment < end or (self.inclusive_end and moment == end)
        )

    def _within_rate(self, kind: str, allowed: int) -> bool:
        recent = [at for at in self._counted[kind] if at > self.world.seconds - 60]
        self._counted[kind] = [*recent, self.world.seconds]
        return len(recent) < allowed

    def _refuse(self, status: int) -> httpx2.Response:
        self.refused.append(status)
        return refusal(status)


def wire(moment: datetime) -> str:
    """A time as it stands in a query."""
    return to_wire_time(moment.astimezone(UTC))


def no_pace() -> dict[str, Any]:
    """The argument of a session that does not keep to a rate."""
    return {"pace": Pace.unlimited()}
