"""What a client does when it is told to stop, what it does no more then, and how it goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from ringback.clients.callhistory.events import EventName
from ringback.history import CallHistoryClient, CallSessionViewedEvent, UsageError
from unit.clients.callhistory.service import Heard, Numbering, Service, asynchronous, client, until, viewed

VIEWED: EventName = "callHistory:user_viewed_sessions"
MARKING = ["update_missed_calls", "delete_call_history_records"]
METHODS = ["get_call_history_data", *MARKING]


def name_in(event: Any) -> str:
    """The session of an event."""
    return str(event.data.userReadSessions.userReadSessions[0].sessionId)


@asynchronous
async def test_disconnecting_and_connecting_again() -> None:
    """What happened between a disconnect and the next connect is told then."""
    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        heard = Heard(calls)
        await calls.connect()
        await calls.disconnect()
        await until(service.peers[-1].closed.is_set)
        await server.happen(viewed("a"))
        await calls.connect()
        assert await heard.until(("viewed", "a")) == [("viewed", "a")]


@asynchronous
async def test_a_callback_may_disconnect() -> None:
    """A callback can close the connection, and even the client; nothing is told after that."""
    async with Service().listening() as service, client(service) as calls:
        told: list[str] = []

        async def stop(event: CallSessionViewedEvent) -> None:
            told.extend(one.sessionId for one in event.data.userReadSessions.userReadSessions)
            await calls.close()

        calls.on("callHistory:user_viewed_sessions", stop)
        await calls.connect()
        peer = await service.peer()
        for name in "abc":
            await peer.send(viewed(name))
        await calls.wait_closed()
        await peer.closed.wait()
        assert told == ["a"]


@asynchronous
async def test_callbacks_after_the_one_that_disconnects() -> None:
    """A callback that disconnects is the last; the others are told of the event after the next connect."""
    told: list[str] = []

    async def first(event: Any) -> None:
        told.append(f"first {name_in(event)}")
        if name_in(event) == "a":
            await calls.disconnect()

    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        calls.on(VIEWED, first)
        calls.on(VIEWED, lambda event: told.append(f"second {name_in(event)}"))
        await calls.connect()
        await server.happen(viewed("a"))
        await until(lambda: bool(told) and not calls.connected)
        await asyncio.sleep(0.02)
        assert (told, calls.last_event_id) == (["first a"], 0)
        await calls.connect()
        await server.happen(viewed("b"))
        await until(lambda: calls.last_event_id == 2)
        assert told == ["first a", "second a", "first b", "second b"]


@asynchronous
async def test_the_number_when_the_last_callback_disconnects() -> None:
    """An event whose last callback disconnects is told, and its number is the one to go on after."""
    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        calls.on(VIEWED, lambda _: calls.disconnect())
        await calls.connect()
        await server.happen(viewed("a"))
        await until(lambda: calls.last_event_id == 1)
        assert not calls.connected


@asynchronous
async def test_a_callback_that_takes_another_off() -> None:
    """A callback that the one before it has taken off is not called for the same event."""
    told: list[str] = []

    def second(event: Any) -> None:
        told.append(f"second {name_in(event)}")

    def first(event: Any) -> None:
        told.append(f"first {name_in(event)}")
        calls.off(VIEWED, second)

    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        calls.on(VIEWED, first)
        calls.on(VIEWED, second)
        await calls.connect()
        await server.happen(viewed("a"))
        await until(lambda: calls.last_event_id == 1)
        assert told == ["first a"]


async def use(calls: CallHistoryClient, method: str) -> None:
    """Call a method with arguments that are right."""
    arguments = [[{"endTime": 1, "sessionId": "a"}]] if method in MARKING else []
    await getattr(calls, method)(*arguments)


@pytest.mark.parametrize("method", [*METHODS, "connect"])
@asynchronous
async def test_a_closed_client(method: str) -> None:
    """A client that is closed makes no request and no connection any more."""
    async with Service().listening() as service:
        async with client(service) as calls:
            pass
        with pytest.raises(UsageError, match="the client is closed"):
            await use(calls, method)
        await calls.disconnect()
        await calls.wait_closed()
        await calls.close()
        assert (service.requests, service.peers) == ([], [])


@pytest.mark.parametrize("closed", ["ours", "theirs"])
@pytest.mark.parametrize("method", METHODS)
@asynchronous
async def test_a_closed_client_with_the_http_client_of_the_program(method: str, closed: str) -> None:
    """The same holds if the program has given an HTTP client, whichever of the two is closed."""
    async with Service().listening() as service, httpx2.AsyncClient() as http:
        calls = client(service, client=http)
        await (calls.close() if closed == "ours" else http.aclose())
        with pytest.raises(UsageError, match="the client is closed"):
            await use(calls, method)
        await calls.close()
        assert service.requests == []


@asynchronous
async def test_closing_waits_for_a_callback() -> None:
    """Closing the client waits for the callback that is running."""
    told: list[str] = []

    async def slow(_: Any) -> None:
        told.append("begun")
        await asyncio.sleep(0.05)
        told.append("done")

    async with Service().listening() as service, client(service) as calls:
        calls.on("callHistory:user_viewed_sessions", slow)
        await calls.connect()
        await (await service.peer()).send(viewed("a"))
        await until(lambda: bool(told))
        await calls.close()
        assert told == ["begun", "done"]


@asynchronous
async def test_a_callback_that_closing_waits_for() -> None:
    """While closing waits for a callback, that may make requests, but not connect."""
    begun, go_on, results = asyncio.Event(), asyncio.Event(), []

    async def callback(_: object) -> None:
        begun.set()
        await go_on.wait()
        results.append((await calls.get_call_history_data()).message)
        with pytest.raises(UsageError, match="the client is closed"):
            await calls.connect()
        results.append("refused")

    async with Service().listening() as service, client(service) as calls:
        calls.on(VIEWED, callback)
        await calls.connect()
        await service.peers[-1].send(viewed("a"))
        await begun.wait()
        closing = asyncio.create_task(calls.close())
        await until(lambda: not calls.connected)
        go_on.set()
        await closing
        assert results == ["SUCCESS", "refused"]
        assert len(service.peers) == 1
