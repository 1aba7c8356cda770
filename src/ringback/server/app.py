"""The web application: routes, error answers, and the hand-over of blocking work to threads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import structlog
from litestar import HttpMethod, Litestar, MediaType, Request, Response, route
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp

from ringback import __version__
from ringback.ledger import SqlLedger
from ringback.ledger.windows import WindowLedger
from ringback.server.cursor import CursorSigner
from ringback.server.errors import ApiError
from ringback.server.limits import RateLimiter
from ringback.server.metrics import Metrics
from ringback.server.openapi import CDR_ERRORS, COMMON_ERRORS, CdrOperation, CdrPage, OperationsOperation
from ringback.server.tokens import Tokens
from ringback.server.tracking import Tracking
from ringback.server.webex_cdr import Answer, Call, CdrDialect
from ringback.settings import Settings
from ringback.store import Store, StoreError

_THREADS = 1
"""Threads that read the store in each web process. A second would only take turns with it; add processes instead."""

T = TypeVar("T")
_log = structlog.get_logger("ringback.server")
_REQUEST = Request[Any, Any, Any]
_READ = [HttpMethod.GET, HttpMethod.HEAD]
_HOST = re.compile(r"([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?", re.ASCII)


def create_app(store: Store, settings: Settings, clock: Callable[[], datetime]) -> ASGIApp:
    """The ASGI application of one web process.

    Args:
        store: an open store; stays the caller's to close.
        clock: gives the current time, aware.
    """
    ledger = SqlLedger(store, clock)
    metrics = Metrics(ledger.summaries, lambda: store.size, WindowLedger(store).states, clock)
    dialect = CdrDialect(
        ledger=ledger,
        tokens=Tokens(store, clock),
        limiter=RateLimiter(store),
        signer=CursorSigner(store),
        settings=settings,
        clock=clock,
    )
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")

    async def in_thread(work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    async def answer(endpoint: Callable[[Call], Answer], request: _REQUEST) -> Response[bytes]:
        answered = await in_thread(partial(endpoint, _call(request, settings)))
        return Response(answered.body, headers=answered.headers, media_type=MediaType.JSON)

    def cdr_route(path: str, summary: str) -> route:
        return route(
            path,
            http_method=_READ,
            summary=summary,
            responses={200: ResponseSpec(CdrPage, description="A page.", generate_examples=False), **CDR_ERRORS},
            operation_class=CdrOperation,
            tags=["Webex detailed call history"],
        )

    @cdr_route("/v1/cdr_feed", "Detailed call history of a past period")
    async def cdr_feed(request: _REQUEST) -> Response[bytes]:
        return await answer(dialect.feed, request)

    @cdr_route("/v1/cdr_stream", "Detailed call history in the order it was stored")
    async def cdr_stream(request: _REQUEST) -> Response[bytes]:
        return await answer(dialect.stream, request)

    def operations_route(path: str, summary: str, media_type: MediaType) -> route:
        return route(
            path,
            http_method=_READ,
            summary=summary,
            media_type=media_type,
            responses=COMMON_ERRORS,
            operation_class=OperationsOperation,
            tags=["Operations"],
        )

    @operations_route("/healthz", "Whether the server can read its store", MediaType.JSON)
    async def healthz() -> dict[str, str]:
        await asyncio.to_thread(store.check)  # not behind the pages that wait for the store's threads
        return {"status": "ok", "version": __version__}

    @operations_route("/metrics", "Metrics in the Prometheus text format", MediaType.TEXT)
    async def metrics_page() -> bytes:
        return await in_thread(metrics.text)

    @asynccontextmanager
    async def threads(_: Litestar) -> AsyncIterator[None]:
        yield
        pool.shutdown()

    return Tracking(
        Litestar(
            [cdr_feed, cdr_stream, healthz, metrics_page],
            lifespan=[threads],
            exception_handlers={
                ApiError: _api_error,
                StoreError: _store_error,
                HTTPException: _http_exception,
                Exception: _failure,
            },
            logging_config=None,
            openapi_config=OpenAPIConfig(
                title="ringback",
                version=__version__,
                components=Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}),
                path="/schema",
                render_plugins=[JsonRenderPlugin(path="/")],
            ),
        ),
        metrics,
    )


def _call(request: _REQUEST, settings: Settings) -> Call:
    scope = request.scope
    return Call(
        path=scope["path"],
        query=scope["query_string"],
        base_url=settings.server.public_url.rstrip("/") or f"{scope['scheme']}://{_host(request)}",
        authorization=request.headers.get("authorization", ""),
        accept_encoding=request.headers.get("accept-encoding", ""),
    )


def _host(request: _REQUEST) -> str:
    """What the client calls this server. It becomes part of links, so it must be nothing but a host."""
    host = request.headers.get("host") or ":".join(map(str, request.scope["server"] or ()))  # HTTP/1.0 may send none
    if not _HOST.fullmatch(host):
        raise ApiError(400, "The header Host must be the name or address of this server, with or without a port.")
    return host


def _error_response(request: _REQUEST, error: ApiError) -> Response[bytes]:
    tracking_id = request.scope["state"]["tracking_id"]
    return Response(error.body(tracking_id), status_code=error.status, headers=error.headers, media_type=MediaType.JSON)


def _api_error(request: _REQUEST, error: ApiError) -> Response[bytes]:
    return _error_response(request, error)


def _http_exception(request: _REQUEST, error: HTTPException) -> Response[bytes]:
    message = {
        404: "There is nothing at this path. /schema describes what there is.",
        405: "The method is not one that this path takes. /schema describes what there is.",
    }.get(error.status_code, error.detail)
    headers = {name.replace("-", "_"): value for name, value in (error.headers or {}).items()}
    return _error_response(request, ApiError(error.status_code, message, **headers))


def _store_error(request: _REQUEST, error: StoreError) -> Response[bytes]:
    _log.error("store", error=str(error), tracking_id=request.scope["state"]["tracking_id"])
    return _error_response(
        request, ApiError(503, "The store cannot be used at the moment. Try again later.", Retry_After="5")
    )


def _failure(request: _REQUEST, error: Exception) -> Response[bytes]:
    raise error  # Tracking logs it and answers
