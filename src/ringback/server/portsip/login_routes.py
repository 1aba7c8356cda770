"""The paths by which one logs in and out, as PortSIP has them, and what the OpenAPI document says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.types import ControllerRouterHandler

from ringback.server.accounts import MAX_DOMAIN, MAX_PASSWORD, MAX_USERNAME
from ringback.server.exchange import Answer, Call, InThread, decode_body, response_of
from ringback.server.openapi import describe_headers
from ringback.server.portsip.errors import ErrorsBody
from ringback.server.portsip.login import (
    AuthUserBody,
    Credentials,
    LoginBody,
    LoginDialect,
    PasswordGrant,
    RefreshBody,
    StatusBody,
    TokensBody,
    read_form,
)
from ringback.server.portsip.passwords import Passwords
from ringback.server.tokens import MAX_LENGTH

_REQUEST = Request[Any, Any, Any]
_LARGEST_BODY = 16 * 1024
_BAD_LOGIN = "The login failed (UNAUTHORIZED), or the body is not what it must be (VALIDATE_FAILED)."
_TEXTS = {
    400: _BAD_LOGIN,
    401: "No access token, or one that is unknown, expired or revoked.",
    403: "The access token lacks the scope, or is not from a login.",
    405: "The path does not take this method.",
    413: "The body is too large.",
    429: "Too many logins failed, or all clients together ask too much; Retry-After says how many seconds to wait.",
    500: "The server failed; its log has the details under the tracking id.",
    503: "Too many log in at this moment, or the store cannot be used; try again later.",
}


def login_routes(
    login: LoginDialect,
    passwords: Passwords,
    in_thread: InThread,
    call_of: Callable[[_REQUEST, bytes], Call],
) -> list[ControllerRouterHandler]:
    """The handlers.

    Args:
        passwords: stays the caller's to close.
        call_of: what a dialect needs of a request, with the body that was sent.
    """

    async def log_in(credentials: Credentials | PasswordGrant, *, with_role: bool = False) -> Response[bytes]:
        account = await passwords.check(credentials.username, credentials.password, credentials.domain or "")
        return response_of(await in_thread(lambda: login.begin(account, with_role=with_role), write=True))

    async def renew(refresh_token: str) -> Response[bytes]:
        return response_of(await in_thread(lambda: login.renew(refresh_token), write=True))

    async def log_out(request: _REQUEST) -> Answer:
        await request.body()  # nothing is expected in it; the connection can be used again when it was read
        answer: Answer = await in_thread(lambda: login.end(call_of(request, b"")), write=True)
        return answer

    async def read(endpoint: Callable[[Call], Answer], request: _REQUEST) -> Response[bytes]:
        return response_of(await in_thread(lambda: endpoint(call_of(request, b""))))

    def open_to_all(at: str, summary: str, body: RequestBody, answer: Any) -> Callable[[Any], Any]:
        return _path(at, summary, _operation(body), answer, [HttpMethod.POST], 400, 413)

    def reading(at: str, summary: str, answer: Any) -> Callable[[Any], Any]:
        return _path(at, summary, _operation(), answer, [HttpMethod.GET, HttpMethod.HEAD], 401, 403)

    def ending(at: str, summary: str, status: int) -> Callable[[Any], Any]:
        answer = dict[str, str] if status == 200 else None
        return _path(at, summary, _operation(), answer, [HttpMethod.POST], 401, 403, 413, status=status)

    @open_to_all("/api/login", "Log in", _WITH_PASSWORD, LoginBody)
    async def post_login(request: _REQUEST) -> Response[bytes]:
        return await log_in(decode_body(await request.body(), Credentials), with_role=True)

    @reading("/api/login", "Who is logged in, and for how long", StatusBody)
    async def get_login(request: _REQUEST) -> Response[bytes]:
        return await read(login.status, request)

    @open_to_all("/api/login/oauth/token", "Log in with a form, or get new tokens", _FORM, TokensBody)
    async def oauth_token(request: _REQUEST) -> Response[bytes]:
        grant = read_form(await request.body())
        return await (log_in(grant) if isinstance(grant, PasswordGrant) else renew(grant.refresh_token))

    @open_to_all("/api/auth/sign_in", "Log in", _WITH_PASSWORD, TokensBody)
    async def sign_in(request: _REQUEST) -> Response[bytes]:
        return await log_in(decode_body(await request.body(), Credentials))

    @open_to_all("/api/auth/refresh_token", "Get new tokens", _WITH_REFRESH_TOKEN, TokensBody)
    async def refresh_token(request: _REQUEST) -> Response[bytes]:
        return await renew(decode_body(await request.body(), RefreshBody).refresh_token)

    @reading("/api/auth/user", "Who is logged in", AuthUserBody)
    async def auth_user(request: _REQUEST) -> Response[bytes]:
        return await read(login.user, request)

    @ending("/api/logout", "Log out", 204)
    async def logout(request: _REQUEST) -> None:
        await log_out(request)

    @ending("/api/auth/sign_out", "Log out", 204)
    async def sign_out(request: _REQUEST) -> None:
        await log_out(request)

    @ending("/api/login/oauth/revoke", "Log out", 200)
    async def revoke(request: _REQUEST) -> Response[bytes]:
        return response_of(await log_out(request))

    return [
        *(post_login, get_login, oauth_token, sign_in, refresh_token, auth_user),
        *(logout, sign_out, revoke),
    ]


def _path(
    at: str,
    summary: str,
    operation: type[Operation],
    answer: Any,
    methods: list[HttpMethod],
    *errors: int,
    status: int = 200,
) -> Callable[[Any], Any]:
    return route(
        at,
        http_method=methods,
        status_code=status,
        summary=summary,
        responses={status: ResponseSpec(answer, description="Done.", generate_examples=False)}
        | {
            error: ResponseSpec(ErrorsBody, description=_TEXTS[error], generate_examples=False)
            for error in (*errors, 405, 429, 500, 503)
        },
        operation_class=operation,
        request_max_body_size=_LARGEST_BODY,
        tags=["PortSIP login"],
    )


def _operation(body: RequestBody | None = None) -> type[Operation]:
    """An operation that reads this body itself; without one it needs a token."""

    @dataclass
    class LoginOperation(Operation):
        def __post_init__(self) -> None:
            describe_headers(self, {})
            self.security = [] if body else [{"bearer": []}]
            self.request_body = body

    return LoginOperation


def _text(most: int, least: int = 1) -> Schema:
    return Schema(type=OpenAPIType.STRING, min_length=least, max_length=most)


def _one_of(*words: str) -> Schema:
    return Schema(type=OpenAPIType.STRING, enum=list(words))


def _fields(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    properties: dict[str, Any] = {**required, **(optional or {})}
    return Schema(type=OpenAPIType.OBJECT, properties=properties, required=list(required))


def _body(media_type: str, schema: Schema) -> RequestBody:
    return RequestBody(required=True, content={media_type: OpenAPIMediaType(schema=schema)})


_NAME = {"username": _text(MAX_USERNAME), "password": _text(MAX_PASSWORD)}
_DOMAIN = {"domain": _text(MAX_DOMAIN, least=0)}
_TOKEN = {"refresh_token": _text(MAX_LENGTH)}
_REST = {"scope": _one_of("all"), "client_id": Schema(type=OpenAPIType.STRING)}

_WITH_PASSWORD = _body("application/json", _fields(_NAME, _DOMAIN))
_WITH_REFRESH_TOKEN = _body("application/json", _fields(_TOKEN))
_FORM = _body(
    "application/x-www-form-urlencoded",
    Schema(
        one_of=[
            _fields({"grant_type": _one_of("password"), **_NAME}, _DOMAIN | _REST),
            _fields({"grant_type": _one_of("refresh_token"), **_TOKEN}, _REST),
        ]
    ),
)
