"""The paths of whole calls, of what has changed among them, and of records."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Operation
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from ringback.server import calls_openapi as described
from ringback.server.calls import CALLS, CallsDialect, CallsPage, CallWithLegs, ChangesPage, Moved, RecordBody
from ringback.server.exchange import Answer, Call, InThread, response_of

_REQUEST = Request[Any, Any, Any]
_READ = [HttpMethod.GET, HttpMethod.HEAD]


def calls_routes(
    dialect: CallsDialect, in_thread: InThread, call_of: Callable[[_REQUEST, bytes], Call]
) -> list[ControllerRouterHandler]:
    """The handlers.

    Args:
        call_of: what a dialect needs of a request, with the body that was sent.
    """

    async def get(endpoint: Callable[[Call], Answer | Moved], request: _REQUEST) -> Response[bytes]:
        answered = await in_thread(partial(endpoint, call_of(request, b"")))
        if isinstance(answered, Moved):
            return Response(b"", status_code=308, headers={"location": answered.location, "cache-control": "no-store"})
        return response_of(answered)

    def reading(path: str, summary: str, body: Any, operation: type[Operation], *errors: int) -> Callable[[Any], Any]:
        return route(
            path,
            http_method=_READ,
            summary=summary,
            responses={200: ResponseSpec(body, description="Done.", generate_examples=False)}
            | described.errors(400, 401, 403, *errors),
            operation_class=operation,
            tags=["Calls"],
        )

    listing = described.operation(described.LIST, sheet=True)

    @reading(CALLS, "Whole calls, the newest first", CallsPage, listing)
    async def calls(request: _REQUEST) -> Response[bytes]:
        return await get(dialect.calls, request)

    @reading("/v1/users/{user:str}/calls", "Calls in which a user took part, the newest first", CallsPage, listing)
    async def calls_of_user(request: _REQUEST, user: FromPath[str]) -> Response[bytes]:
        return await get(lambda call: dialect.calls_of(call, user), request)

    @reading(f"{CALLS}/{{call:str}}", "One call with its legs", CallWithLegs, described.operation(moves=True), 404)
    async def one_call(request: _REQUEST, call: FromPath[str]) -> Response[bytes]:
        return await get(lambda asked: dialect.call(asked, call), request)

    @reading("/v1/records/{record:str}", "A record with its revisions", RecordBody, described.operation(), 404)
    async def record(request: _REQUEST, record: FromPath[str]) -> Response[bytes]:
        return await get(lambda call: dialect.record(call, record), request)

    @reading(
        "/v1/changes", "What has changed among the calls", ChangesPage, described.operation(described.CHANGES), 410
    )
    async def changes(request: _REQUEST) -> Response[bytes]:
        return await get(dialect.changes, request)

    return [calls, calls_of_user, one_call, record, changes]
