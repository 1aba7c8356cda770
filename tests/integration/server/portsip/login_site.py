"""The paths by which one logs in and out, as an app of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
from argon2 import PasswordHasher
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp

from factories import ORG, Clock
from ringback.server.accounts import Account, Accounts, Role
from ringback.server.error_bodies import error_body
from ringback.server.errors import FAILURE, ApiError
from ringback.server.exchange import Call
from ringback.server.logins import Logins
from ringback.server.metrics import Metrics
from ringback.server.portsip.login import LoginDialect
from ringback.server.portsip.login_routes import login_routes
from ringback.server.portsip.passwords import Passwords
from ringback.server.tokens import Tokens
from ringback.server.tracking import Tracking
from ringback.store import Store, StoreError
from serving import ADDRESS, Reply, ask, in_process

PASSWORD = "correct horse battery"
ACCESS = timedelta(minutes=30)
REFRESH = timedelta(days=30)
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Real hashes that take no time."""

_REQUEST = Request[Any, Any, Any]


class LoginSite:
    """One web process that answers the paths of logins, and a client of it. Close it after use."""

    def __init__(self, store: Store, clock: Clock, hasher: PasswordHasher = QUICK) -> None:
        self.store = store
        self.clock = clock
        self.tokens = Tokens(store, clock)
        self.accounts = Accounts(store, clock, hasher)
        self.logins = Logins(store, clock, access_lifetime=ACCESS, refresh_lifetime=REFRESH)
        self.passwords = Passwords(self.accounts, clock)
        self.app = self._make_app()
        self._runner = asyncio.Runner()
        self._client = httpx2.AsyncClient(transport=in_process(self.app), base_url=ADDRESS)

    def close(self) -> None:
        """Give back what it holds."""
        self._runner.run(self._client.aclose())
        self._runner.close()
        self.passwords.close()
        self.store.close()

    def account(self, username: str = "anna", domain: str = "example.com", **given: Any) -> Account:
        """A new account with the usual password; of the role User if nothing else is said."""
        return self.accounts.create(username, PASSWORD, **{"domain": domain, "org": ORG, "role": Role.USER, **given})

    def post(self, path: str, body: object = b"", token: str | None = None) -> Reply:
        """A POST; the body is sent as it is if it is bytes, else as JSON."""
        return self.all_at_once([(path, body)], token)[0]

    def all_at_once(self, requests: Sequence[tuple[str, object]], token: str | None = None) -> list[Reply]:
        """Several POSTs, none of which waits for another."""

        async def send() -> list[Reply]:
            return await asyncio.gather(
                *(ask(self._client, path, token, method="POST", body=body) for path, body in requests)
            )

        return self._runner.run(send())

    def get(self, path: str, token: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """A GET."""
        return self._runner.run(ask(self._client, path, token, headers=headers))

    def log_in(self, username: str = "anna", password: str = PASSWORD, domain: str = "example.com") -> Reply:
        """`POST /api/login`."""
        return self.post("/api/login", credentials(username, password, domain))

    def tokens_of_login(self, username: str = "anna") -> tuple[str, str]:
        """The access token and the refresh token of a new login."""
        body = self.log_in(username).json
        return body["access_token"], body["refresh_token"]

    def renew(self, refresh_token: str) -> Reply:
        """`POST /api/auth/refresh_token`."""
        return self.post("/api/auth/refresh_token", {"refresh_token": refresh_token})

    def lets_in(self, access_token: str) -> bool:
        """Whether an access token is valid."""
        return self.get("/api/login", access_token).status == 200

    def _make_app(self) -> ASGIApp:
        async def in_thread(work: Callable[[], Any], *, write: bool = False) -> Any:
            return await asyncio.to_thread(work)

        routes = login_routes(
            LoginDialect(self.tokens, self.accounts, self.logins, self.clock), self.passwords, in_thread, _call_of
        )
        app = Litestar(
            routes,
            exception_handlers={
                ApiError: _refuse,
                StoreError: lambda request, _: _refuse(request, ApiError(503, "The store cannot be used.")),
                HTTPException: lambda request, error: _refuse(request, ApiError(error.status_code, error.detail)),
                Exception: lambda request, _: _refuse(request, FAILURE),
            },
            logging_config=None,
            openapi_config=OpenAPIConfig(
                title="ringback",
                version="0",
                components=Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}),
                path="/schema",
                render_plugins=[JsonRenderPlugin(path="/")],
            ),
        )
        return Tracking(app, Metrics(lambda: (), lambda: 0))


def _call_of(request: _REQUEST, body: bytes) -> Call:
    authorization = request.headers.get("authorization", "")
    return Call(request.scope["path"], request.scope["query_string"], ADDRESS, authorization, body=body)


def _refuse(request: _REQUEST, error: ApiError) -> Response[bytes]:
    scope = request.scope
    body = error_body(scope["path"], error, scope["state"]["tracking_id"])
    return Response(body, status_code=error.status, headers=error.headers, media_type="application/json")


def credentials(username: str = "anna", password: str = PASSWORD, domain: str | None = "example.com") -> object:
    """What one logs in with."""
    return {"username": username, "password": password, "domain": domain}


def form(**fields: str) -> bytes:
    """A form as browsers send it."""
    return urlencode(fields).encode()


def code_of(reply: Reply) -> str:
    """The code of an error; the body has the form of PortSIP's errors."""
    (error,) = reply.json["errors"]
    assert set(error) <= {"code", "message", "detail"}
    assert error["message"]
    return str(error["code"])
