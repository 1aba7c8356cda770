"""The paths of the user call history: those of the Webex service, and our own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Operation
from litestar.params import FromPath
from litestar.response import Stream
from litestar.types import ControllerRouterHandler

from ringback.records.user_session import UserSession
from ringback.server import history_openapi as described
from ringback.server.exchange import Answer, Call, InThread, response_of
from ringback.server.history import ChangedBody, HistoryDialect, HistoryPage, UnreadBody
from ringback.server.janus import SESSIONS, DoneBody, JanusDialect, LinesBody, SessionsBody

_REQUEST = Request[Any, Any, Any]
_READ = [HttpMethod.GET, HttpMethod.HEAD]
_LARGEST_BODY = 256 * 1024
_WEBEX = "Webex user call history"
_OWN = "User call history"


def history_routes(
    janus: JanusDialect,
    history: HistoryDialect,
    in_thread: InThread,
    call_of: Callable[[_REQUEST, bytes], Call],
) -> list[ControllerRouterHandler]:
    """The handlers.

    Args:
        call_of: what a dialect needs of a request, with the body that was sent.
    """

    async def get(endpoint: Callable[[Call], Answer], request: _REQUEST) -> Response[bytes]:
        return response_of(await in_thread(lambda: endpoint(call_of(request, b""))))

    async def post(endpoint: Callable[[Call], Answer], request: _REQUEST) -> Response[bytes]:
        body = await request.body()
        return response_of(await in_thread(lambda: endpoint(call_of(request, body)), write=True))

    def reading(
        path: str, summary: str, body: Any, operation: type[Operation], *errors: int, tag: str = _OWN
    ) -> Callable[[Any], Any]:
        return route(
            path,
            http_method=_READ,
            summary=summary,
            responses={200: ResponseSpec(body, description="Done.", generate_examples=False)}
            | described.errors(400, 401, 403, *errors),
            operation_class=operation,
            tags=[tag],
        )

    def writing(
        path: str, summary: str, body: Any, operation: type[Operation], *, tag: str = _OWN
    ) -> Callable[[Any], Any]:
        return route(
            path,
            http_method=[HttpMethod.POST],
            status_code=200,
            summary=summary,
            responses={200: ResponseSpec(body, description="Done.", generate_examples=False)}
            | described.errors(400, 401, 403, 413),
            operation_class=operation,
            request_max_body_size=_LARGEST_BODY,
            tags=[tag],
        )

    webex_filters = (described.FROM_REQUIRED, described.LIMIT, described.SORT, described.NEW_TYPES)

    @reading(
        SESSIONS,
        "Sessions of a user",
        SessionsBody,
        described.operation((*webex_filters, described.SHARED_TOO, described.USER)),
        tag=_WEBEX,
    )
    async def user_sessions(request: _REQUEST) -> Response[bytes]:
        return await get(janus.sessions, request)

    named = described.END_TIME_SESSION_ID

    @writing(
        f"{SESSIONS}/setReadState",
        "Mark sessions as read",
        DoneBody,
        described.operation(body=described.sessions_named("endTimeSessionIds", named)),
        tag=_WEBEX,
    )
    async def set_read_state(request: _REQUEST) -> Response[bytes]:
        return await post(janus.set_read_state, request)

    @writing(
        f"{SESSIONS}/markAsDeleted",
        "Delete sessions",
        DoneBody,
        described.operation(body=described.sessions_named("deleteSessionIds", named)),
        tag=_WEBEX,
    )
    async def mark_as_deleted(request: _REQUEST) -> Response[bytes]:
        return await post(janus.mark_as_deleted, request)

    @reading(
        "/v1/uc/config/people/{person:str}/lines",
        "UCM lines of a user",
        LinesBody,
        described.operation((described.ORG,)),
        404,
        tag=_WEBEX,
    )
    async def lines(request: _REQUEST, person: FromPath[str]) -> Response[bytes]:
        return response_of(await in_thread(lambda: janus.lines(call_of(request, b""), person)))

    pages = (*described.FILTERS, described.SORT, described.LIMIT, described.USER)

    @reading("/v1/history/sessions", "Sessions of a user, page by page", HistoryPage, described.operation(pages))
    async def sessions(request: _REQUEST) -> Response[bytes]:
        return await get(history.sessions, request)

    @reading("/v1/history/sessions/{session:str}", "One session", UserSession, described.operation(), 404)
    async def session(request: _REQUEST, session: FromPath[str]) -> Response[bytes]:
        return response_of(await in_thread(lambda: history.session(call_of(request, b""), session)))

    @reading(
        "/v1/history/unread",
        "How many missed calls are unread",
        UnreadBody,
        described.operation((described.INCLUDE_SHARED, described.USER)),
    )
    async def unread(request: _REQUEST) -> Response[bytes]:
        return await get(history.unread, request)

    @writing(
        "/v1/history/readAll", "Mark all missed calls as read", ChangedBody, described.operation((described.UNTIL,))
    )
    async def read_all(request: _REQUEST) -> Response[bytes]:
        call = call_of(request, b"")
        steps = history.read_all(call)
        changed = 0
        while (step := await in_thread(lambda: next(steps, None), write=True)) is not None:
            changed += step
        return response_of(history.changed(call, changed))

    @writing(
        "/v1/history/restore",
        "Have deleted sessions back",
        ChangedBody,
        described.operation(body=described.sessions_named("sessionIds", None)),
    )
    async def restore(request: _REQUEST) -> Response[bytes]:
        return await post(history.restore, request)

    @route(
        "/v1/history/export",
        http_method=[HttpMethod.GET],
        summary="All sessions of a user, as one JSON object per line or as CSV",
        responses={200: ResponseSpec(str, description="Done.", media_type="application/x-ndjson")}
        | described.errors(400, 401, 403),
        operation_class=described.operation((*described.FILTERS, described.USER)),
        tags=[_OWN],
    )
    async def export(request: _REQUEST) -> Stream:
        media_type, pieces = await in_thread(lambda: history.export(call_of(request, b"")))
        headers = {"cache-control": "no-store"}
        return Stream(_in_turn(pieces, in_thread), media_type=media_type, headers=headers)

    return [
        *(user_sessions, set_read_state, mark_as_deleted, lines),
        *(sessions, session, unread, read_all, restore, export),
    ]


async def _in_turn(pieces: Iterator[bytes], in_thread: InThread) -> AsyncIterator[bytes]:
    """The pieces, each made in the thread, so that the requests of others go in between."""
    while (piece := await in_thread(lambda: next(pieces, None))) is not None:
        yield piece
