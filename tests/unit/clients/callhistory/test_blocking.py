"""The client for programs without asyncio."""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ringback.history import CallHistoryClient, ConnectionEnded, SyncCallHistoryClient, UsageError
from unit.clients.callhistory.service import SECRET, Service, history, quick, session, viewed


class Elsewhere:
    """A server in a thread of its own."""

    def __init__(self) -> None:
        self.service = Service()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._listening = self.service.listening()
        self.do(self._listening.__aenter__())

    def do(self, work: Any) -> Any:
        """Carry out something where the server is."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def stop(self) -> None:
        """End it."""
        self.do(self._listening.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def server() -> Iterator[Elsewhere]:
    """A server."""
    elsewhere = Elsewhere()
    yield elsewhere
    elsewhere.stop()


def calls_of(server: Elsewhere) -> SyncCallHistoryClient:
    """A client of it."""
    service = server.service
    return SyncCallHistoryClient(service.janus, SECRET, mercury=service.mercury, options=quick())


def test_the_methods(server: Elsewhere) -> None:
    """The three methods give the results of the asynchronous client."""
    server.service.answer = lambda _: (200, history([session("a")]))
    with calls_of(server) as calls:
        answer = calls.get_call_history_data(days=1, limit=2, sort="ASC")
        assert [one.sessionId for one in answer.data.userSessions] == ["a"]
        assert calls.update_missed_calls(answer.data.userSessions).message == "SUCCESS"
        assert calls.delete_call_history_records([{"endTime": "soon"}]).statusCode == 400
    assert (
        "from=2026-03-01T12:00:00.000Z&limit=2&includeNewSessionTypes=true&sort=ASC" in server.service.requests[0].line
    )


def test_events(server: Elsewhere) -> None:
    """Callbacks are called in a thread of their own, in order, and may use the client."""
    told: queue.Queue[tuple[str, str, int | None]] = queue.Queue()

    def callback(event: Any) -> None:
        status = calls.get_call_history_data().statusCode
        told.put((event.data.userReadSessions.userReadSessions[0].sessionId, threading.current_thread().name, status))

    with calls_of(server) as calls:
        calls.on("callHistory:user_viewed_sessions", callback)
        calls.connect(timeout=10)
        connected = calls.connected
        peer = server.do(server.service.peer())
        server.do(peer.send(viewed("a")))
        server.do(peer.send(viewed("b")))
        got = [told.get(timeout=10), told.get(timeout=10)]
        assert [one[::2] for one in got] == [("a", 200), ("b", 200)]
        assert {one[1] for one in got} == {"ringback-callbacks_0"}
        calls.off("callHistory:user_viewed_sessions", callback)
        calls.disconnect()
        assert (connected, calls.connected) == (True, False)
        assert calls.last_event_id is None
        calls.wait_closed(timeout=10)
    assert told.empty()


def test_a_callback_that_disconnects(server: Elsewhere) -> None:
    """A callback may disconnect; closing the client, which would wait for the callback, is refused."""
    errors: queue.Queue[Exception] = queue.Queue()

    def callback(_: object) -> None:
        calls.disconnect()
        with pytest.raises(UsageError, match="cannot close") as caught:
            calls.close()
        errors.put(caught.value)

    with calls_of(server) as calls:
        calls.on("callHistory:user_viewed_sessions", callback)
        calls.connect()
        server.do(server.do(server.service.peer()).send(viewed("a")))
        assert errors.get(timeout=10)
        calls.wait_closed(timeout=10)


def test_closing_waits_for_a_callback(server: Elsewhere) -> None:
    """Closing waits for the callback that is running, and no other is called after it."""
    begun, told = threading.Event(), []

    def callback(event: Any) -> None:
        begun.set()
        threading.Event().wait(0.1)
        told.append(event.data.userReadSessions.userReadSessions[0].sessionId)

    with calls_of(server) as calls:
        calls.on("callHistory:user_viewed_sessions", callback)
        calls.connect()
        peer = server.do(server.service.peer())
        server.do(peer.send(viewed("a")))
        server.do(peer.send(viewed("b")))
        assert begun.wait(10)
    assert told == ["a"]
    calls.close()
    with pytest.raises(UsageError, match="closed"):
        calls.get_call_history_data()


def test_no_connection(server: Elsewhere) -> None:
    """A connection that is refused, or not there in time, is an error."""
    with calls_of(server) as calls:
        server.service.handshake = 503
        with pytest.raises(TimeoutError):
            calls.connect(timeout=0.1)
        server.service.handshake = 403
        with pytest.raises(ConnectionEnded):
            calls.connect()


def test_coroutine_functions(server: Elsewhere) -> None:
    """A coroutine function is refused as a callback, since nobody would await it."""

    async def callback(_: object) -> None: ...

    with calls_of(server) as calls, pytest.raises(UsageError, match="coroutine function"):
        calls.on("callHistory:user_viewed_sessions", callback)


def test_threads_end(server: Elsewhere) -> None:
    """A closed client leaves no thread behind."""
    before = set(threading.enumerate())
    with calls_of(server) as calls:
        calls.get_call_history_data()
        assert set(threading.enumerate()) - before
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in vars(CallHistoryClient)
        if not name.startswith("_") and callable(getattr(CallHistoryClient, name))
    ],
)
def test_both_have_the_same_methods(name: str) -> None:
    """Every method of one client is one of the other, with the same arguments; here some have a timeout besides."""

    def arguments(method: Callable[..., object]) -> list[tuple[str, object]]:
        given = inspect.signature(method).parameters.values()
        return [(one.name, one.default) for one in given if one.name != "timeout"]

    assert arguments(getattr(SyncCallHistoryClient, name)) == arguments(getattr(CallHistoryClient, name))
