"""The outermost layer: a tracking id, a log line and metrics for every request, whatever becomes of it."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from ringback.server.error_bodies import error_body
from ringback.server.errors import FAILURE
from ringback.server.metrics import Metrics

_GIVEN_ID = re.compile(rb"[A-Za-z0-9_.-]{1,128}")
_log = structlog.get_logger("ringback.access")


class Tracking:
    """Wraps the app.

    Each response has a header `trackingid`, which error bodies repeat and the log line names, so that a failure that a
    user reports can be found. A client may bring its own id in the same header, as the cloud's clients do.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        tracking_id = _tracking_id(scope)
        scope.setdefault("state", {})["tracking_id"] = tracking_id
        began = time.perf_counter()
        status = 0
        size = 0

        async def send_tracked(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"trackingid", tracking_id.encode())]
            elif message["type"] == "http.response.body":
                size += len(message["body"])
            await send(message)

        try:
            await self._app(scope, receive, send_tracked)
        except Exception:
            _log.exception("request failed", tracking_id=tracking_id, path=scope["path"])
            if status:
                raise  # the response has begun; the server cuts the connection
            await _send_failure(send_tracked, error_body(scope["path"], FAILURE, tracking_id))
        finally:
            seconds = time.perf_counter() - began
            self._metrics.count_request(scope["path"], scope["method"], status, seconds)
            _log.info(
                "request",
                tracking_id=tracking_id,
                method=scope["method"],
                path=scope["path"],
                status=status,
                bytes=size,
                milliseconds=round(seconds * 1000, 1),
            )


def _tracking_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"trackingid"), b"")
    return given.decode() if _GIVEN_ID.fullmatch(given) else f"RINGBACK_{uuid.uuid4()}"


async def _send_failure(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": FAILURE.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
