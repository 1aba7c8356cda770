"""The web application: routes, error answers, and the hand-over of blocking work to threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import structlog
from litestar import HttpMethod, Litestar, MediaType, Request, Response, route
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp

from ringback import __version__
from ringback.ledger import SqlLedger
from ringback.ledger.windows import WindowLedger
from ringback.projections.call_logs.projection import CallLogsProjection
from ringback.projections.calls.feed import ChangeFeed
from ringback.projections.calls.projection import CallsProjection
from ringback.projections.calls.query import Calls
from ringback.projections.checkpoints import Checkpoints
from ringback.projections.costs.projection import CostsProjection
from ringback.projections.numbers import Numbers
from ringback.projections.outbox import Outbox
from ringback.projections.sessions.marks import Marks
from ringback.projections.sessions.projection import SessionsProjection
from ringback.projections.sessions.query import CallHistory
from ringback.server.calls import CallsDialect
from ringback.server.calls_routes import calls_routes
from ringback.server.cursor import CursorSigner
from ringback.server.error_bodies import error_body
from ringback.server.errors import FAILURE, ApiError
from ringback.server.events import EventHub, event_routes
from ringback.server.exchange import Answer, Call, InThread, response_of
from ringback.server.history import HistoryDialect
from ringback.server.history_routes import history_routes
from ringback.server.hosts import base_url
from ringback.server.janus import JanusDialect
from ringback.server.limits import RateLimiter
from ringback.server.metrics import Metrics
from ringback.server.openapi import CDR_ERRORS, COMMON_ERRORS, CdrOperation, CdrPage, OperationsOperation
from ringback.server.portsip.dialect import PortsipDialect
from ringback.server.portsip.gateway import AccessLimit, Gateway
from ringback.server.tokens import Tokens
from ringback.server.tracking import Tracking
from ringback.server.webex_cdr import CdrDialect, Counted
from ringback.settings import Settings
from ringback.store import Store, StoreError

_PAGE_THREADS = 1
"""Threads that read pages of records in each web process. A second would only take turns; add processes instead."""

_HISTORY_THREADS = 2
"""Threads that read the call history, so that one long search does not hold up all others."""

_CALL_THREADS = 2
"""Threads that read whole calls, likewise."""

T = TypeVar("T")
_log = structlog.get_logger("ringback.server")
# Any page may ask, since only who has a token is answered: nothing here goes by cookies.
_CORS = CORSConfig(
    allow_origins=["*"],
    allow_methods=["GET", "HEAD", "POST"],
    allow_headers=["*"],  # programs for Webex send headers of theirs, more with each release
    expose_headers=["Link", "Retry-After", "trackingid"],
    max_age=3600,
)
_REQUEST = Request[Any, Any, Any]
_READ = [HttpMethod.GET, HttpMethod.HEAD]


def create_app(store: Store, settings: Settings, clock: Callable[[], datetime]) -> ASGIApp:
    """The ASGI application of one web process.

    Args:
        store: an open store; stays the caller's to close.
        clock: gives the current time, aware.
    """
    ledger = SqlLedger(store, clock)
    projections = [SessionsProjection.name, CallsProjection.name]
    if settings.portsip.enabled:
        projections.append(CallLogsProjection.name)
    if settings.billing.rates:
        projections.append(CostsProjection.name)
    checkpoints = {name: Checkpoints(store, name) for name in projections}

    def behind() -> dict[str, int]:
        newest = ledger.newest_of_all()
        return {name: checkpoint.behind(newest) for name, checkpoint in checkpoints.items()}

    metrics = Metrics(ledger.summaries, lambda: store.size, WindowLedger(store).states, behind, clock)
    tokens = Tokens(store, clock)
    dialect = CdrDialect(
        ledger=ledger,
        tokens=tokens,
        limiter=RateLimiter(store),
        signer=CursorSigner(store),
        settings=settings,
        clock=clock,
    )
    history, marks = CallHistory(store), Marks(store, clock)
    # Each kind of work has threads of its own: pages of records do not wait for a search through a long call history,
    # in which the database takes its time without the interpreter's lock, nor anybody for those who wait to write.
    pages = ThreadPoolExecutor(_PAGE_THREADS, thread_name_prefix="pages")
    readers = ThreadPoolExecutor(_HISTORY_THREADS, thread_name_prefix="history")
    call_readers = ThreadPoolExecutor(_CALL_THREADS, thread_name_prefix="calls")
    writers = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def in_thread(work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pages, work)

    def threads(pool: ThreadPoolExecutor) -> InThread:
        async def in_its_thread(work: Callable[[], T], *, write: bool = False) -> T:
            return await asyncio.get_running_loop().run_in_executor(writers if write else pool, work)

        return in_its_thread

    def call_of(request: _REQUEST, body: bytes) -> Call:
        return _call(request, settings, body)

    async def answer(endpoint: Callable[[Call], Answer | Counted], request: _REQUEST) -> Response[bytes]:
        answered = await in_thread(partial(endpoint, _call(request, settings)))
        if isinstance(answered, Counted):
            await asyncio.get_running_loop().run_in_executor(writers, answered.count)
            answered = await in_thread(answered.answer)
        return response_of(answered)

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

    hub = EventHub(Outbox(store))
    user_history = history_routes(
        JanusDialect(tokens, history, marks), HistoryDialect(tokens, history, marks), threads(readers), call_of
    )
    whole_calls = calls_routes(
        CallsDialect(tokens, Calls(store), ChangeFeed(store), ledger, Numbers(settings.server.home_country)),
        threads(call_readers),
        call_of,
    )
    portsip = None
    if settings.portsip.enabled:
        portsip = PortsipDialect(store, tokens, settings.portsip, threads, call_of, clock)

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        async with hub.running(), portsip.running() if portsip else nullcontext():
            yield
        for pool in (pages, readers, call_readers, writers):
            pool.shutdown()

    app: ASGIApp = Litestar(
        [
            *(cdr_feed, cdr_stream, healthz, metrics_page),
            *user_history,
            *whole_calls,
            *event_routes(hub, tokens, settings, clock),
            *(portsip.routes if portsip else ()),
        ],
        cors_config=_CORS,
        lifespan=[running],
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
    )
    if portsip:
        share = max(1, settings.portsip.access_limit // settings.server.workers)
        app = Gateway(app, AccessLimit(share, clock), _CORS.simple_headers)
    return Tracking(app, metrics)


def _call(request: _REQUEST, settings: Settings, body: bytes = b"") -> Call:
    scope = request.scope
    return Call(
        path=scope["path"],
        query=scope["query_string"],
        base_url=base_url(request, settings),
        authorization=request.headers.get("authorization", ""),
        accept_encoding=request.headers.get("accept-encoding", ""),
        accept=request.headers.get("accept", ""),
        body=body,
    )


def _error_response(request: _REQUEST, error: ApiError) -> Response[bytes]:
    body = error_body(request.scope["path"], error, request.scope["state"]["tracking_id"])
    return Response(body, status_code=error.status, headers=error.headers, media_type=MediaType.JSON)


def _api_error(request: _REQUEST, error: ApiError) -> Response[bytes]:
    return _error_response(request, error)


def _http_exception(request: _REQUEST, error: HTTPException) -> Response[bytes]:
    message = {
        404: "There is nothing at this path. /schema describes what there is.",
        413: "The body of the request is too large.",
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
    scope = request.scope
    _log.error("request failed", tracking_id=scope["state"]["tracking_id"], path=scope["path"], exc_info=error)
    return _error_response(request, FAILURE)
