"""How many requests of the PortSIP dialect are answered in a minute, of all clients together.

PortSIP calls it the `access_limit` of its gateway. What it answers beyond is not documented; we say 429 and when to
come again. Each web process counts for itself, in memory: a count that all share would cost a write for each request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from ringback.records.values import to_milliseconds
from ringback.server.portsip.errors import PortsipError, is_portsip, portsip_body

_MINUTE = 60


class AccessLimit:
    """Counts requests by the second, over the last minute.

    Args:
        allowed: requests in any 60 seconds.
        clock: gives the current time, aware.
    """

    def __init__(self, allowed: int, clock: Callable[[], datetime]) -> None:
        self._allowed = allowed
        self._clock = clock
        self._seconds: deque[tuple[int, int]] = deque()  # a second, and the requests in it; the oldest first
        self._total = 0

    def take(self) -> int:
        """Count a request, if it is allowed.

        Returns:
            0 if it is; else the seconds, 1 to 60, after which the next one will be. Those are not counted.
        """
        now = to_milliseconds(self._clock()) // 1000
        if self._seconds and now < self._seconds[-1][0]:  # the clock was set back; nobody waits for it to catch up
            self._seconds.clear()
            self._total = 0
        while self._seconds and self._seconds[0][0] <= now - _MINUTE:
            self._total -= self._seconds.popleft()[1]
        if self._total >= self._allowed:
            return self._seconds[0][0] + _MINUTE - now
        if self._seconds and self._seconds[-1][0] == now:
            self._seconds[-1] = (now, self._seconds[-1][1] + 1)
        else:
            self._seconds.append((now, 1))
        self._total += 1
        return 0


class Gateway:
    """Wraps the app; counts what is asked below `/api` before anything else looks at it.

    Args:
        headers: of every answer of its own, those by which pages of other origins may read it.
    """

    def __init__(self, app: ASGIApp, limit: AccessLimit, headers: Mapping[str, str]) -> None:
        self._app = app
        self._limit = limit
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        # What a browser asks before it asks is free: it cannot be told when to come again.
        if scope["type"] != ScopeType.HTTP or not is_portsip(scope["path"]) or scope["method"] == "OPTIONS":
            await self._app(scope, receive, send)
            return
        if wait := self._limit.take():
            await self._refuse(wait, send)
            return
        await self._app(scope, receive, send)

    async def _refuse(self, wait: int, send: Send) -> None:
        error = PortsipError(
            429,
            f"All clients together ask more than this server answers in a minute. Retry after {wait} seconds.",
            Retry_After=str(wait),
        )
        body = portsip_body(error)
        given = {
            **self._headers,
            **error.headers,
            "content-type": "application/json",
            "content-length": str(len(body)),
        }
        headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
