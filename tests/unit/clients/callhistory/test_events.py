"""Events and the connection that they come over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ringback.history import (
    CallHistoryClient,
    CallSessionDeletedEvent,
    CallSessionEvent,
    CallSessionViewedEvent,
    ConnectionEnded,
    Retries,
    UsageError,
)
from unit.clients.callhistory.service import (
    SECRET,
    Heard,
    Peer,
    Service,
    asynchronous,
    buffer_state,
    client,
    deleted,
    quick,
    recent,
    session,
    until,
    viewed,
)


@asynchronous
async def test_the_three_events() -> None:
    """Each event is told as the SDK's type of its name, with the whole message in `raw`."""
    messages = [recent(session("a", mood="good")), viewed("a", "b"), deleted("a")]
    async with Service().listening() as service, client(service) as calls:
        heard = Heard(calls)
        await calls.connect()
        peer = await service.peer()
        for message in messages:
            await peer.send(message)
        assert await heard.until(("deleted", "a")) == [
            ("recent", "a"),
            ("viewed", "a"),
            ("viewed", "b"),
            ("deleted", "a"),
        ]
    assert [event.raw for event in heard.events] == messages
    first, second, third = heard.events
    assert isinstance(first, CallSessionEvent)
    assert isinstance(second, CallSessionViewedEvent)
    assert isinstance(third, CallSessionDeletedEvent)
    assert (first.id, first.timestamp, first.trackingId) == (messages[0]["id"], 1_700_000_000_000, "TRACKING-1")
    assert (first.data.eventType, first.data.userSessions.statusCode) == ("janus.user_recent_sessions", 0)
    assert first.data.userSessions.userSessions[0].raw["mood"] == "good"
    assert second.data.userReadSessions.statusCode == 0
    assert not first.derived


@asynchronous
async def test_sessions_of_webex_itself() -> None:
    """The older message about sessions is told under the same name as the newer one."""
    async with Service().listening() as service, client(service) as calls:
        heard = Heard(calls)
        await calls.connect()
        await (await service.peer()).send(recent(session("a", sessionType="SPARK"), kind="user_sessions"))
        await heard.until(("recent", "a"))
        assert heard.events[0].data.eventType == "janus.user_sessions"


MALFORMED: list[Any] = [
    "no JSON",
    "[]",
    "null",
    {"id": "m1"},
    {"id": "m2", "data": 5},
    {"id": "m3", "data": {"eventType": 5}},
    {"id": "m4", "data": {"eventType": ["a"]}},
    {"id": "m5", "data": {"eventType": "conversation.activity"}},
    {"id": "m6", "data": {"eventType": "janus.user_recent_sessions"}},
    {"id": "m7", "data": {"eventType": "janus.user_recent_sessions", "userSessions": [session("lost")]}},
    {"id": "m8", "data": {"eventType": "janus.user_viewed_sessions", "userReadSessions": {"userReadSessions": None}}},
    {"id": "m9", "data": {"eventType": "janus.user_sessions_deleted", "deletedSessions": "s"}},
    {"id": "m10", "type": "shutdown"},
    {"id": 5, "data": {"eventType": "janus.user_sessions_deleted", "deletedSessions": [5, None]}},
]


@asynchronous
async def test_malformed_messages() -> None:
    """Messages that are no events, or not what they should be, are dropped, and what follows them is told."""
    async with Service().listening() as service, client(service) as calls:
        heard = Heard(calls)
        await calls.connect()
        peer = await service.peer()
        for message in MALFORMED:
            await peer.send(message)
        await peer.send(recent(None, session("odd", self=None), session("b")))
        assert await heard.until(("recent", "b")) == [("recent", "odd"), ("recent", "b")]


@asynchronous
async def test_an_event_without_sessions() -> None:
    """An empty list is an event like any other."""
    async with Service().listening() as service, client(service) as calls:
        heard = Heard(calls)
        await calls.connect()
        peer = await service.peer()
        await peer.send(recent())
        await peer.send(viewed("a"))
        await heard.until(("viewed", "a"))
        assert [type(event).__name__ for event in heard.events] == ["CallSessionEvent", "CallSessionViewedEvent"]


@asynchronous
async def test_callbacks() -> None:
    """A callback, plain or coroutine, is called once and in order until it is taken off; one that fails stops none."""
    told: list[str] = []

    async def slow(event: Any) -> None:
        await asyncio.sleep(0.01)
        told.append("slow")

    def fails(event: Any) -> None:
        told.append("fails")
        raise ValueError("on purpose")

    async def cancelled(event: Any) -> None:
        told.append("cancelled")
        waiting = asyncio.create_task(asyncio.sleep(10))
        waiting.cancel()
        await waiting

    def last(event: Any) -> None:
        told.append("last")

    async with Service().listening() as service, client(service) as calls:
        for callback in (slow, fails, cancelled, last, slow):
            calls.on("callHistory:user_viewed_sessions", callback)
        heard = Heard(calls)
        await calls.connect()
        peer = await service.peer()
        await peer.send(viewed("a"))
        await heard.until(("viewed", "a"))
        rest = ["fails", "cancelled", "last"]
        assert told == ["slow", *rest]
        calls.off("callHistory:user_viewed_sessions", slow)
        await peer.send(viewed("b"))
        await heard.until(("viewed", "b"))
        assert told == ["slow", *rest, *rest]
        calls.off("callHistory:user_viewed_sessions")
        await peer.send(viewed("c"))
        await peer.send(deleted("c"))
        await heard.until(("deleted", "c"))
        assert told == ["slow", *rest, *rest]


def test_events_that_do_not_exist() -> None:
    """An unknown name of an event is refused at once, with those that exist."""
    calls = CallHistoryClient("http://127.0.0.1:1/janus/api/v1", SECRET)
    with pytest.raises(UsageError, match="callHistory:user_recent_sessions"):
        calls.on("callHistory:recent", print)  # type: ignore[arg-type]  # what the test is about
    with pytest.raises(UsageError):
        calls.off("recent")  # type: ignore[arg-type]  # the same


@asynchronous
async def test_the_protocol() -> None:
    """The client shows its token in the first message, acknowledges all that has an id, and pings at once."""
    async with Service().listening() as service, client(service) as calls:
        heard = Heard(calls)
        await calls.connect()
        connected = calls.connected
        peer = await service.peer()
        assert peer.path == "/v1/mercury"
        assert peer.query == {
            "outboundWireFormat": "text",
            "bufferStates": "true",
            "aliasHttpStatus": "true",
            "clientTimestamp": "1772452800000",
        }
        assert peer.token == SECRET
        message = viewed("a")
        await peer.send(message)
        await heard.until(("viewed", "a"))
        await calls.disconnect()
        await peer.closed.wait()
        assert (connected, calls.connected) == (True, False)
        assert len(peer.pings) == 1
        assert sorted(peer.acks) == sorted(["first", peer.pings[0], message["id"]])
        assert peer.close_code == 1000


@asynchronous
async def test_an_address_with_a_query() -> None:
    """An address of a WebSocket that has a query keeps it."""
    service = Service()
    async with service.listening():
        service.mercury += "?device=d1"
        async with client(service) as calls:
            await calls.connect()
            assert (await service.peer()).query["device"] == "d1"


@asynchronous
async def test_pings_go_on() -> None:
    """A ping follows each answer after the interval."""
    async with Service().listening() as service, client(service, options=quick(ping_interval=0.01)) as calls:
        await calls.connect()
        peer = await service.peer()
        await until(lambda: len(peer.pings) > 3)
        assert len(set(peer.pings)) == len(peer.pings)
        assert len(service.peers) == 1


@asynchronous
async def test_a_ping_without_an_answer() -> None:
    """A server that does not answer a ping in time is left, and a new connection made."""
    async with Service().listening() as service, client(service, options=quick(pong_timeout=0.05)) as calls:
        service.pongs = False
        heard = Heard(calls)
        await calls.connect()
        first = await service.peer()
        await first.closed.wait()
        assert first.close_code == 1000
        service.pongs = True
        second = await service.peer()
        await second.send(viewed("a"))
        await heard.until(("viewed", "a"))


@asynchronous
async def test_a_server_that_is_never_ready() -> None:
    """A connection over which the server does not say that events come is given up, and made again."""

    async def silent(_: Peer) -> None:
        service.greet = ready

    async with Service().listening() as service, client(service, options=quick(ready_timeout=0.05)) as calls:
        ready = service.greet
        service.greet = silent
        await calls.connect()
        assert len(service.peers) == 2


@asynchronous
async def test_events_before_the_server_is_ready() -> None:
    """An event that comes before the server has said that events come is told all the same."""

    async def eager(peer: Peer) -> None:
        await peer.send(viewed("early", number=1))
        await peer.send(buffer_state(1))
        await peer.send(viewed("late", number=2))

    async with Service().listening() as service, client(service) as calls:
        service.greet = eager
        heard = Heard(calls)
        await calls.connect()
        assert await heard.until(("viewed", "late")) == [("viewed", "early"), ("viewed", "late")]


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 1012, 1013, 4999])
@asynchronous
async def test_codes_to_come_back_after(code: int) -> None:
    """After every end that does not say that coming back is useless, a new connection is made."""
    async with Service().listening() as service, client(service) as calls:
        heard = Heard(calls)
        await calls.connect()
        first = await service.peer()
        first.cut() if code == 1006 else await first.close(code)
        second = await service.peer()
        await second.send(viewed("a"))
        await heard.until(("viewed", "a"))


@pytest.mark.parametrize("code", [1003, 4000, 4400, 4401, 4403])
@asynchronous
async def test_codes_to_stay_away_after(code: int) -> None:
    """After these codes no connection is made again, and whoever waits is told why."""
    async with Service().listening() as service, client(service) as calls:
        await calls.connect()
        await (await service.peer()).close(code)
        with pytest.raises(ConnectionEnded) as caught:
            await calls.wait_closed()
        assert caught.value.code == code
        assert not calls.connected
        assert len(service.peers) == 1


@pytest.mark.parametrize(("code", "status"), [(4400, 400), (4401, 401), (4403, 403)])
@asynchronous
async def test_connections_that_are_refused(code: int, status: int) -> None:
    """A refusal, by a code or by an HTTP status, ends the first attempt to connect."""

    async def refuse(peer: Peer) -> None:
        await peer.close(code)

    async with Service().listening() as service, client(service) as calls:
        service.greet = refuse
        with pytest.raises(ConnectionEnded):
            await calls.connect()
        service.handshake = status
        with pytest.raises(ConnectionEnded) as caught:
            await calls.connect()
        assert caught.value.code == code


@pytest.mark.parametrize("status", [302, 404, 429, 500, 503])
@asynchronous
async def test_a_server_that_is_not_there_yet(status: int) -> None:
    """Other refusals are tried again with growing waits, until there is a connection."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 12:
            service.handshake = None

    options = quick(reconnect=Retries(tries=100, total=10_000), sleep=sleep)
    async with Service().listening() as service, client(service, options=options) as calls:
        service.handshake = status
        await calls.connect()
    bounds = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    assert len(set(waits)) == len(waits)


@asynchronous
async def test_redirects_are_not_followed() -> None:
    """The token is not shown to where a server would send the client."""
    async with Service().listening() as elsewhere, Service().listening() as service, client(service) as calls:
        service.handshake, service.location = 302, elsewhere.mercury
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await calls.connect()
        assert elsewhere.peers == []


@asynchronous
async def test_the_answer_to_another_ping() -> None:
    """An answer to another ping than the last one does not count."""

    async def wrong(peer: Peer) -> None:
        await peer.send(buffer_state())
        await peer.send({"id": "another", "type": "pong"})

    async with Service().listening() as service, client(service, options=quick(pong_timeout=0.05)) as calls:
        service.pongs, service.greet = False, wrong
        await calls.connect()
        peer = await service.peer()
        await peer.closed.wait()
        assert len(peer.pings) == 1


@asynchronous
async def test_a_connection_that_lasted_starts_the_count_anew() -> None:
    """Only tries in a row count: a connection that lasted for a ping interval is a success."""
    options = quick(reconnect=Retries(tries=3, first=0.01), ping_interval=0.01)
    async with Service().listening() as service, client(service, options=options) as calls:
        await calls.connect()
        for _ in range(6):
            peer = await service.peer()
            await until(lambda: len(peer.pings) > 3)  # noqa: B023  # it is done within this turn
            peer.cut()
        assert await service.peer()


@asynchronous
async def test_tries_can_be_limited() -> None:
    """A client that was told to try so many times gives up after them."""
    async with Service().listening() as service:
        service.handshake = 503
        async with client(service, options=quick(reconnect=Retries(tries=3, first=0.01))) as calls:
            with pytest.raises(ConnectionEnded, match="no lasting connection in 3 tries"):
                await calls.connect()


@asynchronous
async def test_a_renewed_token_for_the_connection() -> None:
    """When the token is refused and there is a way to get another, the connection is made with that."""
    async with Service().listening() as service:
        service.refused = {"old"}
        options = quick(ping_interval=0.01)  # what lasts longer counts as a connection
        async with client(service, "old", refresh=lambda refused: f"{refused}+", options=options) as calls:
            heard = Heard(calls)
            await calls.connect()
            assert (await service.peer()).token == "old"
            second = await service.peer()
            assert second.token == "old+"
            await until(lambda: len(second.pings) > 3)
            service.refused = {"old", "old+"}
            await second.close(4401)
            third = await service.peer()
            assert third.token == "old++"
            await third.send(viewed("a"))
            await heard.until(("viewed", "a"))


@asynchronous
async def test_tokens_that_are_all_refused() -> None:
    """If the renewed token is refused too, the connection has ended: nobody renews for ever."""
    async with Service().listening() as service:
        service.refused = {"old", "old+", "old++"}
        async with client(service, "old", refresh=lambda refused: f"{refused}+") as calls:
            with pytest.raises(ConnectionEnded) as caught:
                await calls.connect()
        assert caught.value.code == 4401
        assert [peer.token for peer in service.peers] == ["old", "old+"]


@asynchronous
async def test_a_token_that_cannot_be_had_yet() -> None:
    """A function for the token that fails is asked again with the next try."""
    failures = iter([True, True, False])

    def token() -> str:
        if next(failures):
            raise OSError("the identity provider is away")
        return SECRET

    async with Service().listening() as service, client(service, token) as calls:
        await calls.connect()
        assert [peer.token for peer in service.peers] == [SECRET]


@asynchronous
async def test_connecting_can_be_given_up() -> None:
    """Whoever stops waiting for a connection stops the client from trying."""
    async with Service().listening() as service, client(service) as calls:
        service.handshake = 503
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await calls.connect()
        await asyncio.sleep(0.1)  # the service may still have the last request to answer
        service.handshake = None
        await asyncio.sleep(0.1)
        assert service.peers == []
        await calls.wait_closed()


@asynchronous
async def test_disconnecting_while_connecting() -> None:
    """Whoever waits for a connection is told if somebody else stops the client."""
    async with Service().listening() as service, client(service) as calls:
        service.handshake = 503
        connecting = asyncio.create_task(calls.connect())
        await asyncio.sleep(0.02)
        await calls.disconnect()
        with pytest.raises(ConnectionEnded, match="was disconnected"):
            await connecting


@asynchronous
async def test_what_came_before_the_end() -> None:
    """When the connection ends for good, what came before that is told before whoever waits hears of the end."""

    async def slow(_: Any) -> None:
        await asyncio.sleep(0.02)

    async with Service().listening() as service, client(service) as calls:
        calls.on("callHistory:user_viewed_sessions", slow)
        heard = Heard(calls)
        await calls.connect()
        peer = await service.peer()
        for name in "abc":
            await peer.send(viewed(name))
        await peer.close(4000)
        with pytest.raises(ConnectionEnded):
            await calls.wait_closed()
        assert heard.facts == [("viewed", "a"), ("viewed", "b"), ("viewed", "c")]


@asynchronous
async def test_connecting_twice() -> None:
    """Connecting again while there is a connection changes nothing."""
    async with Service().listening() as service, client(service) as calls:
        await calls.connect()
        await calls.connect()
        assert len(service.peers) == 1
