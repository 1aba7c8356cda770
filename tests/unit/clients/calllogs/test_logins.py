"""Tokens: given by the program, or got by logging in, refreshed, and got anew."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import httpx2
import msgspec
import pytest

from ringback.calllogs import (
    AsyncCallLogsClient,
    CallLogsClient,
    LoginForm,
    LoginRefused,
    NotAllowed,
    Retries,
    Tokens,
    TooManyRequests,
    Unavailable,
    UsageError,
)
from ringback.clients.calllogs.steps import GetToken, Request, Resolve, Send
from unit.clients.calllogs.service import (
    LOGIN,
    PASSWORD,
    TOKEN,
    Answer,
    Asked,
    Reader,
    Reply,
    Service,
    World,
    listed,
    refusal,
    row,
)

Make = Callable[..., Reader]
SIGN_IN, PLAIN, OAUTH = "POST /auth/sign_in", "POST /login", "POST /login/oauth/token"
REFRESH = "POST /auth/refresh_token"
LIST = "GET /calllogs"


class Pbx:
    """A server that one must log in to.

    Attributes:
        forms: the login forms that it has.
        missing: what the others are answered with.
        good: the access tokens that are accepted.
        refused: the status for others.
        grants: tokens that were given, by login or refresh.
        lifetime: of tokens; None if it is not told.
        refreshes: whether refresh tokens are accepted.
        password: that is right.
    """

    def __init__(self) -> None:
        self.forms: set[str] = {SIGN_IN, PLAIN, OAUTH, REFRESH}
        self.missing = Reply(404)
        self.good: set[str] = set()
        self.refused = 401
        self.grants = 0
        self.lifetime: Any = 1800
        self.refreshes = True
        self.gives_refresh_tokens = True
        self.password = PASSWORD

    def __call__(self, asked: Asked) -> Reply:
        """Answer a request."""
        line = f"{asked.method} {asked.path.removeprefix('/api')}"
        if line == LIST:
            return listed(row(1)) if asked.token in self.good else refusal(self.refused, "UNAUTHORIZED")
        assert asked.token is None, "a login shows no token"
        if line not in self.forms:
            return self.missing
        given = fields(asked)
        if "refresh_token" in given:
            good = self.refreshes and given["refresh_token"] == f"refresh-{self.grants}"
            return self._grant() if good else refusal(400, "UNKNOWN", "unknown error")
        good = given["password"] == self.password and given["username"] == "reports"
        return self._grant() if good else refusal(400, "UNAUTHORIZED", "Login failed, authentication error")

    def _grant(self) -> Reply:
        self.grants += 1
        self.good = {f"access-{self.grants}"}
        values = {"access_token": f"access-{self.grants}", "token_type": "Bearer"}
        if self.gives_refresh_tokens:
            values["refresh_token"] = f"refresh-{self.grants}"
        return Reply(200, values | ({} if self.lifetime is None else {"expires_in": self.lifetime}))


def fields(asked: Asked) -> dict[str, str]:
    """The fields of a login, whatever its form."""
    if asked.headers["content-type"] == "application/x-www-form-urlencoded":
        return {name: values[0] for name, values in parse_qs(asked.body.decode(), strict_parsing=True).items()}
    given: dict[str, str] = msgspec.json.decode(asked.body)
    return given


@pytest.fixture
def pbx(service: Service) -> Pbx:
    """A server that one must log in to."""
    service.answer = pbx = Pbx()
    return pbx


@pytest.mark.parametrize(
    ("login", "line", "sent"),
    [
        (LoginForm.SIGN_IN, SIGN_IN, LOGIN),
        ("login", PLAIN, LOGIN),
        (
            "oauth",
            OAUTH,
            LOGIN | {"grant_type": "password", "scope": "all", "client_id": "9d806019-75b2-4b3d-bb8b-f5a3a412cc0a"},
        ),
    ],
)
def test_each_form(reader_with: Make, service: Service, pbx: Pbx, login: str, line: str, sent: dict[str, str]) -> None:
    """Each form of the login is sent as it is documented, once, before the first request."""
    reader = reader_with(**LOGIN, login=login)
    assert service.asked == []
    assert len(reader.list()) == 1
    reader.list()
    assert service.lines == [line, LIST, LIST]
    assert fields(service.asked[0]) == sent


def test_without_a_domain(reader_with: Make, service: Service, pbx: Pbx) -> None:
    """The administrator of the whole PBX has no domain, and none is sent."""
    reader_with(username="reports", password=PASSWORD).list()
    assert fields(service.asked[0]) == {"username": "reports", "password": PASSWORD}


@pytest.mark.parametrize("missing", [Reply(404), Reply(405), Reply(501), refusal(401, "UNAUTHORIZED"), Reply(400, {})])
@pytest.mark.parametrize("form", [PLAIN, OAUTH])
def test_the_form_that_a_server_has(reader_with: Make, service: Service, pbx: Pbx, form: str, missing: Reply) -> None:
    """Without a form given, the newest one that the server has is found and kept."""
    pbx.forms, pbx.missing, pbx.gives_refresh_tokens = {form}, missing, False
    reader = reader_with(**LOGIN)
    reader.list()
    pbx.good.clear()
    reader.list()
    tried = [SIGN_IN, PLAIN, OAUTH][: 2 if form == PLAIN else 3]
    assert service.lines == [*tried, LIST, LIST, form, LIST]


@pytest.mark.parametrize("body", [b"", {}, {"access_token": None}, {"access_token": "two words"}])
def test_a_login_that_gives_no_token(reader_with: Make, service: Service, pbx: Pbx, body: Any) -> None:
    """A login that is accepted without a token, as of a server that sets a cookie, leads on to the next form."""
    service.answer = lambda asked: Reply(200, body) if asked.path.endswith("sign_in") else pbx(asked)
    assert len(reader_with(**LOGIN).list()) == 1
    assert service.lines == [SIGN_IN, PLAIN, LIST]
    service.answer = lambda _: Reply(200, body)
    with pytest.raises(Exception, match="gave no token"):
        reader_with(**LOGIN).list()


@pytest.mark.parametrize("login", [None, "sign_in"])
def test_wrong_credentials(reader_with: Make, service: Service, pbx: Pbx, login: str | None) -> None:
    """Wrong credentials are tried once and not by every form, which might lock the account."""
    pbx.password = "another"
    with pytest.raises(LoginRefused, match="HTTP 400: UNAUTHORIZED: Login failed") as caught:
        reader_with(**LOGIN, login=login).list()
    assert caught.value.code == "UNAUTHORIZED"
    assert service.lines == [SIGN_IN]


def test_no_form_at_all(reader_with: Make, service: Service, pbx: Pbx) -> None:
    """A server that has none of the forms is an error with what it said to the first."""
    pbx.forms = set()
    with pytest.raises(LoginRefused, match="HTTP 404"):
        reader_with(**LOGIN).list()
    assert service.lines == [SIGN_IN, PLAIN, OAUTH]


def test_a_second_factor(reader_with: Make, service: Service) -> None:
    """An account with a second factor is an error that says what to use instead."""
    service.answer = lambda _: Reply(200, {"two_factor_enabled": True, "token": "half-a-token"})
    with pytest.raises(LoginRefused, match="second factor") as caught:
        reader_with(**LOGIN).list()
    assert service.lines == [SIGN_IN]
    assert "half-a-token" not in str(caught.value)


def test_a_server_that_cannot_log_in_now(reader_with: Make, service: Service, pbx: Pbx, world: World) -> None:
    """A login is tried again like any request while the server is not available, and waits as it is told."""
    unavailable = iter([Reply(503), Reply(429, b"", {"retry-after": "5"})])
    service.answer = lambda asked: next(unavailable, None) or pbx(asked)
    assert len(reader_with(**LOGIN).list()) == 1
    assert service.lines == [SIGN_IN, SIGN_IN, SIGN_IN, LIST]
    assert 5 <= world.waits[1] <= 6
    service.answer = lambda _: Reply(503)
    with pytest.raises(Unavailable):
        reader_with(**LOGIN, options=world.options(retries=Retries(tries=2))).list()


def test_a_server_that_cannot_refresh_now(reader_with: Make, service: Service, pbx: Pbx, world: World) -> None:
    """While the server takes no refresh for being too busy, no login is tried in its place."""
    reader = reader_with(**LOGIN, options=world.options(retries=Retries(tries=2)))
    reader.list()
    pbx.good.clear()
    service.answer = lambda asked: Reply(429) if asked.path.endswith("refresh_token") else pbx(asked)
    with pytest.raises(TooManyRequests):
        reader.list()
    assert service.lines[2:] == [LIST, REFRESH, REFRESH]


@pytest.mark.parametrize(
    ("login", "refresh"), [("sign_in", REFRESH), ("login", OAUTH), ("oauth", OAUTH)], ids=["sign_in", "login", "oauth"]
)
def test_refreshed_before_it_ends(
    reader_with: Make, service: Service, pbx: Pbx, world: World, login: str, refresh: str
) -> None:
    """A token is refreshed a minute before it ends, by the path of its form, and no request is refused."""
    reader = reader_with(**LOGIN, login=login)
    reader.list()
    world.seconds += 1739
    reader.list()
    assert pbx.grants == 1
    world.seconds += 1
    reader.list()
    world.seconds += 1740
    reader.list()
    assert pbx.grants == 3
    assert service.lines[1:] == [LIST, LIST, refresh, LIST, refresh, LIST]


def test_short_lives(reader_with: Make, service: Service, pbx: Pbx, world: World) -> None:
    """A token that lives for a minute is used for most of it."""
    pbx.lifetime = 60
    reader = reader_with(**LOGIN)
    reader.list()
    world.seconds += 53
    reader.list()
    world.seconds += 2
    reader.list()
    assert service.lines == [SIGN_IN, LIST, LIST, REFRESH, LIST]


@pytest.mark.parametrize("lifetime", [None, "soon", 0, -5, True])
def test_lives_that_are_not_told(reader_with: Make, service: Service, pbx: Pbx, world: World, lifetime: Any) -> None:
    """A token of unknown life is used until it is refused."""
    pbx.lifetime = lifetime
    reader = reader_with(**LOGIN)
    reader.list()
    world.seconds += 10**6
    reader.list()
    assert service.lines == [SIGN_IN, LIST, LIST]


@pytest.mark.parametrize("refused", [401, 403])
def test_refreshed_when_it_is_refused(reader_with: Make, service: Service, pbx: Pbx, refused: int) -> None:
    """A token that is refused, by either status, is refreshed, and the request made again."""
    pbx.refused = refused
    reader = reader_with(**LOGIN)
    reader.list()
    pbx.good.clear()
    assert len(reader.list()) == 1
    assert service.lines == [SIGN_IN, LIST, LIST, REFRESH, LIST]


@pytest.mark.parametrize("kept", [True, False], ids=["none given", "refused"])
def test_a_new_login_when_refreshing_does_not_help(reader_with: Make, service: Service, pbx: Pbx, kept: bool) -> None:
    """Where there is no refresh token, or it is refused, a new login is made."""
    pbx.gives_refresh_tokens, pbx.refreshes = not kept, False
    reader = reader_with(**LOGIN)
    reader.list()
    pbx.good.clear()
    assert len(reader.list()) == 1
    assert service.lines == [SIGN_IN, LIST, LIST, *([] if kept else [REFRESH]), SIGN_IN, LIST]


def test_a_refreshed_token_that_is_refused(reader_with: Make, service: Service, pbx: Pbx) -> None:
    """When the refreshed token is refused as well, a new login is made, and then it is an error."""

    def forgetful(asked: Asked) -> Reply:
        reply = pbx(asked)
        if service.lines[-1] == REFRESH:
            pbx.good.clear()
        return reply

    service.answer = forgetful
    reader = reader_with(**LOGIN)
    reader.list()
    pbx.good.clear()
    assert len(reader.list()) == 1
    assert service.lines[2:] == [LIST, REFRESH, LIST, SIGN_IN, LIST]
    service.answer = lambda asked: refusal(401) if asked.method == "GET" else pbx(asked)
    del service.asked[:]
    with pytest.raises(NotAllowed):
        reader.list()
    assert service.lines == [LIST, REFRESH, LIST, SIGN_IN, LIST]


def test_a_right_that_is_missing(reader_with: Make, service: Service, pbx: Pbx) -> None:
    """A role that may not read this costs two new tokens, since the status may mean a token that is no good."""
    reader = reader_with(**LOGIN)
    reader.list()
    service.answer = lambda asked: refusal(403, "FORBIDDEN") if asked.method == "GET" else pbx(asked)
    with pytest.raises(NotAllowed, match="FORBIDDEN"):
        reader.list()
    assert service.lines[2:] == [LIST, REFRESH, LIST, SIGN_IN, LIST]


def test_the_refresh_token_may_stay(reader_with: Make, service: Service, pbx: Pbx, world: World) -> None:
    """A server that gives no new refresh token goes on with the one it gave before."""
    sent: list[str] = []

    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("refresh_token"):
            sent.append(fields(asked)["refresh_token"])
            pbx.good = {"refreshed"}
            return Reply(200, {"access_token": "refreshed", "expires_in": 1800})
        return pbx(asked)

    service.answer = answer
    reader = reader_with(**LOGIN)
    for _ in range(3):
        reader.list()
        world.seconds += 1800
    assert sent == ["refresh-1", "refresh-1"]


def test_threads_log_in_once(service: Service, pbx: Pbx) -> None:
    """Several threads that meet the end of a token at once get one new token and all use it."""
    barrier = threading.Barrier(4)

    def answer(asked: Asked) -> Reply:
        if asked.token == "access-1":
            barrier.wait(10)
        return pbx(asked)

    with CallLogsClient(service.base_url, **LOGIN) as client:
        client.count()
        pbx.good.clear()
        service.answer = answer
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(lambda _: client.count(), range(4))) == [1] * 4
    assert pbx.grants == 2


def test_tasks_log_in_once(service: Service, pbx: Pbx) -> None:
    """Several tasks that begin at once log in once."""

    async def run() -> list[int]:
        async with AsyncCallLogsClient(service.base_url, **LOGIN) as client:
            return await asyncio.gather(*(client.count() for _ in range(4)))

    assert asyncio.run(run()) == [1] * 4
    assert service.lines.count(SIGN_IN) == 1


def test_tokens_that_the_program_gives(reader_with: Make, service: Service, pbx: Pbx) -> None:
    """A token may be a text, an object that has one, or a function; a refused one is renewed if there is a way."""
    pbx.good = {"second"}
    given = iter(["first", "second"])
    assert len(reader_with(token=lambda: next(given)).list()) == 1
    assert len(reader_with(token=Tokens("second")).list()) == 1
    assert len(reader_with(token="first", refresh=lambda refused: {"first": "second"}[refused]).list()) == 1
    assert [asked.token for asked in service.asked] == ["first", "second", "second", "first", "second"]


@pytest.mark.parametrize("refused", [401, 403])
def test_a_token_without_another(reader_with: Make, service: Service, pbx: Pbx, refused: int) -> None:
    """If the refused token is the only one there is, it is not sent again."""
    pbx.refused = refused
    with pytest.raises(NotAllowed, match="no other"):
        reader_with().list()
    assert len(service.asked) == 1


def test_coroutine_functions(service: Service, pbx: Pbx) -> None:
    """A function that must be awaited can give the token of the asynchronous client, and of no other."""
    pbx.good = {"awaited"}

    async def token() -> str:
        await asyncio.sleep(0)
        return "awaited"

    async def run() -> int:
        async with AsyncCallLogsClient(service.base_url, token) as client:
            return await client.count()

    assert asyncio.run(run()) == 1
    with CallLogsClient(service.base_url, token) as client, pytest.raises(UsageError, match="AsyncCallLogsClient"):
        client.count()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"token": ""},
        {"token": "two words"},
        {"token": TOKEN} | LOGIN,
        {"username": "reports"},
        {"password": PASSWORD},
        {"domain": "one.example"},
        {"username": "reports", "password": ""},
        LOGIN | {"login": "telepathy"},
    ],
)
def test_neither_token_nor_login(given: dict[str, Any]) -> None:
    """A client needs either a token or a login, and says which part is missing without showing the rest."""
    with pytest.raises(UsageError) as caught:
        CallLogsClient("https://pbx.example:8887/api", **given)
    assert PASSWORD not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_secrets_are_not_shown(
    reader_with: Make, service: Service, pbx: Pbx, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither password nor token is in a repr, a log or an error, not even if the server repeats it."""
    seen: list[str] = []
    with caplog.at_level(logging.DEBUG):
        reader = reader_with(**LOGIN)
        reader.list()
        pbx.good.clear()
        reader.list()
        seen += everything(reader.client)
        pbx.password = "another"
        repeating: Answer = lambda asked: refusal(400, "UNAUTHORIZED", f"no: {asked.body.decode()}")  # noqa: E731
        service.answer = repeating
        for client in (reader_with(**LOGIN), reader_with(**LOGIN, login="oauth"), reader):
            with pytest.raises(Exception) as caught:
                client.list()
            seen += [str(caught.value), repr(caught.value), repr(getattr(caught.value, "errors", ""))]
    text = "\n".join([*seen, caplog.text])
    assert [secret for secret in (PASSWORD, "access-", "refresh-") if secret in text] == []


def test_steps_show_no_secrets() -> None:
    """What the parts of a client say to each other shows no secrets either, as in the locals of a traceback."""
    request = Request(method="POST", url=httpx2.URL("https://pbx.example/api"), body=PASSWORD.encode())
    shown = repr([request, Send(request, TOKEN), GetToken(refused=TOKEN), Resolve(TOKEN)])
    assert "pbx.example" in shown
    assert PASSWORD not in shown
    assert TOKEN not in shown


def everything(thing: object, depth: int = 6) -> list[str]:
    """The repr of a thing of ours and of all that it holds."""
    found = [repr(thing)]
    if depth and type(thing).__module__.startswith("ringback."):
        names = getattr(thing, "__struct_fields__", None)
        held = vars(thing).values() if names is None else ()  # structs show themselves whole
        for part in held:
            found += everything(part, depth - 1)
    return found
