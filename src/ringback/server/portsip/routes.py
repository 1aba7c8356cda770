"""The paths of call logs and CDRs as PortSIP has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from litestar import HttpMethod, Request, Response, route
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Operation
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from ringback.server.exchange import Answer, Call, InThread, response_of
from ringback.server.portsip import openapi as described
from ringback.server.portsip.call_logs import CallLogsDialect
from ringback.server.portsip.cdrs import CdrsDialect
from ringback.server.portsip.sync import SyncDialect

_REQUEST = Request[Any, Any, Any]
_READ = [HttpMethod.GET, HttpMethod.HEAD]
_LARGEST_BODY = 64 * 1024
"""Bytes of a body that is sent where none is expected. It is read, so that the connection can be used again."""

_WITH_ID = re.compile("/+api/+(?:calllogs|cdrs|user/+cdrs)/(.+)", re.DOTALL)


def call_log_routes(
    call_logs: CallLogsDialect,
    cdrs: CdrsDialect,
    sync: SyncDialect,
    in_thread: InThread,
    call_of: Callable[[_REQUEST, bytes], Call],
) -> list[ControllerRouterHandler]:
    """The handlers.

    Args:
        call_of: what a dialect needs of a request, with the body that was sent.
    """

    async def done(endpoint: Callable[[Call], Answer], request: _REQUEST) -> Response[bytes]:
        if request.method == HttpMethod.POST:
            await request.body()
        return response_of(await in_thread(lambda: endpoint(call_of(request, b""))))

    def path(
        *paths: str, summary: str, body: Any, operation: type[Operation], methods: list[HttpMethod], status: int = 200
    ) -> Callable[[Any], Any]:
        return route(
            list(paths),
            http_method=methods,
            status_code=status,
            summary=summary,
            responses={status: ResponseSpec(body, description="Done.", generate_examples=False)} | described.ERRORS,
            operation_class=operation,
            request_max_body_size=_LARGEST_BODY,
            tags=["PortSIP call logs"],
        )

    def listing(at: str, summary: str, body: Any, *methods: HttpMethod) -> Callable[[Any], Any]:
        return path(at, summary=summary, body=body, operation=described.LIST, methods=[*_READ, *methods])

    def single(at: str, summary: str, body: Any) -> Callable[[Any], Any]:
        # An id is whatever a PBX made it. Slashes in one are no reason not to find it, so it is the rest of the path.
        return path(f"{at}/{{id:path}}", summary=summary, body=body, operation=described.SINGLE, methods=_READ)

    @listing("/api/calllogs", "Call logs", described.CallLogList)
    async def list_call_logs(request: _REQUEST) -> Response[bytes]:
        return await done(call_logs.call_logs, request)

    @single("/api/calllogs", "One call log", described.CallLogDetail)
    async def one_call_log(request: _REQUEST, id: FromPath[str]) -> Response[bytes]:
        return await done(lambda call: call_logs.call_log(call, _id(request, id)), request)

    # PortSIP's reference has GET here, its guide POST.
    @listing("/api/cdrs", "CDRs: one for all call logs of a session", described.CdrList, HttpMethod.POST)
    async def list_cdrs(request: _REQUEST) -> Response[bytes]:
        return await done(cdrs.cdrs, request)

    @single("/api/cdrs", "The call logs of a session", described.CdrDetail)
    async def one_cdr(request: _REQUEST, id: FromPath[str]) -> Response[bytes]:
        return await done(lambda call: cdrs.cdr(call, _id(request, id)), request)

    @listing("/api/user/cdrs", "CDRs of the user whose token it is", described.CdrList)
    async def list_user_cdrs(request: _REQUEST) -> Response[bytes]:
        return await done(cdrs.user_cdrs, request)

    @single("/api/user/cdrs", "One CDR of the user whose token it is", described.UserCdrDetail)
    async def one_user_cdr(request: _REQUEST, id: FromPath[str]) -> Response[bytes]:
        return await done(lambda call: cdrs.user_cdr(call, _id(request, id)), request)

    post = [HttpMethod.POST]

    @path(
        "/api/user/cdrs/sync_tokens",
        summary="A token to ask for changes with",
        body=described.SyncTokenBody,
        operation=described.SYNC_TOKEN,
        methods=post,
        status=201,
    )
    async def create_sync_token(request: _REQUEST) -> Response[bytes]:
        return await done(sync.create, request)

    # PortSIP's reference has /diff at the end, its guide has not.
    @path(
        "/api/user/cdrs/sync_tokens/{token:str}/diff",
        "/api/user/cdrs/sync_tokens/{token:str}",
        summary="What has changed among the user's CDRs",
        body=described.DiffBody,
        operation=described.SINGLE,
        methods=post,
    )
    async def sync_diff(request: _REQUEST, token: FromPath[str]) -> Response[bytes]:
        return await done(lambda call: sync.diff(call, token), request)

    return [
        *(list_call_logs, one_call_log, list_cdrs, one_cdr, list_user_cdrs, one_user_cdr),
        *(create_sync_token, sync_diff),
    ]


def _id(request: _REQUEST, routed: str) -> str:
    """The id that a path ends with.

    Args:
        routed: the id without some of its slashes: routing takes several in a row as one, and drops the last.
    """
    # So it is read from the path as it came, if the web server gives that. Else one id would be taken for another.
    raw: bytes = request.scope.get("raw_path") or b""
    found = _WITH_ID.search(unquote(raw.decode("latin-1")))
    return found[1] if found else routed.removeprefix("/")
