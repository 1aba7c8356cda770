"""The WebSocket `/wsi`: who may listen, to what, and what they are told of calls that end."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, ParamSpec
from uuid import UUID

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from factories import ORG, OTHER_ORG
from integration.server.portsip.login_site import PASSWORD, QUICK
from integration.server.portsip.logs import append, log
from ringback.server.accounts import Accounts, Role
from ringback.server.portsip.watch import MOST_PER_ACCOUNT
from ringback.server.tokens import CALL_LOGS_SCOPE
from serving import Site, SiteMaker, listening

P = ParamSpec("P")
LOGIN = {"command": "auth", "username": "admin", "password": PASSWORD, "domain": "pbx.example"}
SUBSCRIBE = {"command": "subscribe", "topics": ["cdr_events"]}


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Makes a test of a coroutine, which must end within a minute."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 60))

    return run


class Pbx:
    """A server with an administrator and a user, and clients of its WebSocket."""

    def __init__(self, site: Site, address: str) -> None:
        self.site = site
        self.accounts = Accounts(site.store, site.clock, QUICK)
        self.accounts.create("admin", PASSWORD, domain="pbx.example", org=ORG, role=Role.ADMIN)
        self.accounts.create("101", PASSWORD, domain="pbx.example", org=ORG, role=Role.USER)
        self._address = address.replace("http", "ws", 1) + "/wsi"

    @asynccontextmanager
    async def client(self, login: dict[str, str] | None = None) -> AsyncIterator[Client]:
        """A client that has logged in; None says nothing yet."""
        async with connect(self._address, proxy=None) as connection:
            client = Client(connection)
            if login is not None:
                assert (await client.ask(login))["status"] == 0
            yield client

    @asynccontextmanager
    async def listener(self) -> AsyncIterator[Client]:
        """A client that has subscribed to the calls of its org."""
        async with self.client(LOGIN) as client:
            assert await client.ask(SUBSCRIBE) == {"command": "subscribe", "id": "2", "status": 0}
            yield client

    async def end_call(self, id: str = "1", session: str = "s1", *, ago: float = 60, org: UUID = ORG) -> None:
        """A call of a minute that ended so many seconds ago comes to be known."""
        ended = self.site.clock().timestamp() - ago
        call = log(
            id,
            session_id=session,
            started_at=_at(ended - 66),
            answered_at=_at(ended - 60),
            ended_at=_at(ended),
            duration=60,
        )
        await asyncio.to_thread(append, self.site, call, org=org)


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


class Client:
    """What is said on one connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def ask(self, command: object) -> Any:
        """Say something, and hear the next message."""
        await self.say(command)
        return await self.hear()

    async def say(self, command: object) -> None:
        """Say something; bytes and texts as they are."""
        text = command if isinstance(command, (str, bytes)) else msgspec.json.encode(command).decode()
        await self._connection.send(text)

    async def hear(self) -> Any:
        """The next message."""
        return msgspec.json.decode(await self._connection.recv())

    async def closed(self) -> int:
        """The code that the server closes the connection with."""
        with suppress(ConnectionClosed):
            async for _ in self._connection:
                pass
        assert self._connection.close_code is not None
        return self._connection.close_code


@pytest.fixture
def pbx(make_site: SiteMaker) -> Iterator[Pbx]:
    """The server."""
    site = make_site()
    with listening(site.app) as address:
        yield Pbx(site, address)


@in_loop
async def test_a_call_that_ends_is_told(pbx: Pbx) -> None:
    """An administrator who has subscribed is told of a call as soon as its call log is there."""
    async with pbx.listener() as listener:
        await pbx.end_call("7", "s7")
        event = await listener.hear()
    assert (event["event_type"], event["tenant_id"], event["session_id"]) == ("call_cdr", str(ORG), "s7")
    assert (event["call_status"], event["talk_duration"]) == ("answered", 60)
    assert [target["id"] for target in event["call_targets"]] == ["7"]


@in_loop
async def test_a_late_part_of_a_call_is_told_with_the_whole(pbx: Pbx) -> None:
    """When another call log of a session comes, the call is told once more, with both parts."""
    async with pbx.listener() as listener:
        told = []
        for id in "12":
            await pbx.end_call(id, "s")
            told.append(await listener.hear())
    assert [[target["id"] for target in event["call_targets"]] for event in told] == [["1"], ["1", "2"]]


@in_loop
async def test_only_what_is_new_is_told(pbx: Pbx) -> None:
    """What ended before the subscription is not told, nor what ended long ago and was stored only now."""
    await pbx.end_call("1", "before")
    async with pbx.listener() as listener:
        await pbx.end_call("2", "old", ago=3 * 86_400)
        await pbx.end_call("3", "new")
        assert (await listener.hear())["session_id"] == "new"


@in_loop
async def test_orgs_are_never_mixed(pbx: Pbx) -> None:
    """A listener is told of its own org's calls only."""
    async with pbx.listener() as listener:
        await pbx.end_call("1", "theirs", org=OTHER_ORG)
        await pbx.end_call("2", "ours")
        assert (await listener.hear())["session_id"] == "ours"


@in_loop
async def test_who_has_unsubscribed_hears_nothing(pbx: Pbx) -> None:
    """After `unsubscribe` no calls are told, until there is a new subscription."""
    async with pbx.listener() as listener:
        assert await listener.ask({"command": "unsubscribe", "topics": ["cdr_events"]}) == {
            "command": "unsubscribe",
            "id": "3",
            "status": 0,
        }
        await pbx.end_call("1", "unheard")
        await listener.ask(SUBSCRIBE)
        await pbx.end_call("2", "heard")
        assert (await listener.hear())["session_id"] == "heard"


@in_loop
async def test_a_bad_login_is_told_and_ends_after_three(pbx: Pbx) -> None:
    """A wrong password gets status -1 and a reason; the third attempt in vain ends the connection."""
    async with pbx.client() as client:
        for number in "123":
            answer = await client.ask({**LOGIN, "password": "wrong password"})
            assert (answer["command"], answer["id"], answer["status"]) == ("auth", number, -1)
            assert answer["error"]
        assert await client.closed() == 4401


@in_loop
async def test_other_logins(pbx: Pbx) -> None:
    """An extension number instead of the name lets in, and so does an access token of the call-log API."""
    extension = {key: value for key, value in LOGIN.items() if key != "username"} | {"extension_number": "101"}
    async with pbx.client(extension), pbx.client({"command": "auth", "access_token": token(pbx, CALL_LOGS_SCOPE)}):
        pass


@in_loop
async def test_a_token_for_something_else_does_not_let_in(pbx: Pbx) -> None:
    """A token without the scope of the call-log API gets status -1."""
    async with pbx.client() as client:
        answer = await client.ask({"command": "auth", "access_token": token(pbx, "spark-admin:calling_cdr_read")})
        assert answer["status"] == -1


def token(pbx: Pbx, scope: str) -> str:
    """A token of an administrator."""
    return pbx.site.tokens.create(ORG, scopes=(scope,))[0]


@in_loop
async def test_a_user_may_not_listen_to_all(pbx: Pbx) -> None:
    """An account of the role User can log in, but not subscribe to the calls of everybody."""
    async with pbx.client({**LOGIN, "username": "101"}) as client:
        answer = await client.ask(SUBSCRIBE)
        assert (answer["command"], answer["status"]) == ("subscribe", -1)


@pytest.mark.parametrize(
    "command",
    [
        {"command": "subscribe"},
        {"command": "subscribe", "topics": ["queue_events"]},
        {"command": "subscribe", "topics": ["global_cdr_events"]},
        {"command": "subscribe", "topics": ["global_cdr_events"], "tenants": [str(ORG), str(OTHER_ORG)]},
        {"command": "dance"},
        LOGIN,
    ],
)
@in_loop
async def test_what_there_is_not(pbx: Pbx, command: dict[str, Any]) -> None:
    """Other topics, tenants and commands get status -1 and a reason, and the connection stays."""
    async with pbx.client(LOGIN) as client:
        answer = await client.ask(command)
        assert (answer["command"], answer["status"]) == (command["command"], -1)
        assert answer["error"]
        assert (await client.ask(SUBSCRIBE))["status"] == 0


@in_loop
async def test_the_global_topic_of_the_own_tenant(pbx: Pbx) -> None:
    """`global_cdr_events` can be had for the own tenant, whose id is that of the org."""
    async with pbx.client(LOGIN) as client:
        command = {"command": "subscribe", "topics": ["global_cdr_events"], "tenants": [str(ORG)]}
        assert (await client.ask(command))["status"] == 0
        await pbx.end_call("1", "s")
        assert (await client.hear())["session_id"] == "s"


@pytest.mark.parametrize("message", ["no json", "[]", "{}", '{"command": 1}', '{"command":"' + "x" * 20_000 + '"}'])
@in_loop
async def test_what_is_no_command_ends_the_connection(pbx: Pbx, message: str) -> None:
    """A message that is no JSON object with a command, or is too long, ends the connection."""
    async with pbx.client() as client:
        await client.say(message)
        assert await client.closed() == 4400


@in_loop
async def test_nothing_before_the_login(pbx: Pbx) -> None:
    """A subscription before the login gets status -1."""
    async with pbx.client() as client:
        assert (await client.ask(SUBSCRIBE))["status"] == -1
        assert (await client.ask(LOGIN))["status"] == 0


@in_loop
async def test_an_account_has_some_connections_and_no_more(pbx: Pbx) -> None:
    """One too many is sent away with 1013, and does not take the place of others."""
    async with AsyncExitStack() as stack:
        for _ in range(MOST_PER_ACCOUNT):
            await stack.enter_async_context(pbx.client(LOGIN))
        async with pbx.client() as client:
            await client.say(LOGIN)
            assert await client.closed() == 1013
        async with pbx.client({**LOGIN, "username": "101"}):
            pass
