"""The client for programs without asyncio."""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from ringback.history import CallHistoryClient, ConnectionEnded, SyncCallHistoryClient, UsageError
from unit.clients.callhistory.service import SECRET, Service, history, quick, session, viewed

T = TypeVar("T")


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


async def end(listening: asyncio.Server, hold: asyncio.Event) -> None:
    """End a server whose answers were held up."""
    hold.set()
    listening.close()
    await listening.wait_closed()


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for what nobody says."""
    while not true():
        time.sleep(0.005)


def in_time(work: Callable[[], T]) -> T:
    """What this gives; that it hangs is a failure, and not the end of the tests."""
    given: queue.Queue[T] = queue.Queue()
    threading.Thread(target=lambda: given.put(work()), daemon=True).start()
    return given.get(timeout=10)


def error_of(work: Callable[[], object]) -> BaseException | None:
    """What this raises."""
    try:
        work()
    except BaseException as error:  # also what ends programs
        return error
    return None


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


class Unheard(BaseException):
    """Nobody catches this."""


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), Unheard(), StopIteration(), OSError()], ids=repr)
def test_a_callback_that_raises(server: Elsewhere, error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a callback raises, be it by `sys.exit`, is logged; events and calls go on, and closing works."""
    told: queue.Queue[str] = queue.Queue()

    def callback(event: Any) -> None:
        told.put(event.data.userReadSessions.userReadSessions[0].sessionId)
        raise error

    calls = calls_of(server)
    calls.on("callHistory:user_viewed_sessions", callback)
    calls.connect(timeout=10)
    peer = server.do(server.service.peer())
    server.do(peer.send(viewed("a")))
    server.do(peer.send(viewed("b")))
    assert [told.get(timeout=10), told.get(timeout=10)] == ["a", "b"]
    assert in_time(calls.get_call_history_data).message == "SUCCESS"
    in_time(calls.close)
    assert f"a callback raised {type(error).__name__}" in caplog.text


def test_a_token_function_that_ends_the_program(server: Elsewhere) -> None:
    """What a function for the token raises to end the program reaches the caller, and the client can go on."""
    tokens: list[str] = []

    def token() -> str:
        if not tokens:
            raise SystemExit(3)
        return tokens[0]

    calls = SyncCallHistoryClient(server.service.janus, token, mercury=server.service.mercury, options=quick())
    assert isinstance(in_time(lambda: error_of(calls.get_call_history_data)), SystemExit)
    assert isinstance(in_time(lambda: error_of(calls.connect)), SystemExit)
    tokens.append(SECRET)
    assert in_time(calls.get_call_history_data).message == "SUCCESS"
    in_time(calls.close)


def test_closing_from_several_threads(server: Elsewhere) -> None:
    """However many threads close a client at once, it is closed when each of them goes on."""
    before = set(threading.enumerate())
    for _ in range(10):
        calls, together = calls_of(server), threading.Barrier(3)
        ends: queue.Queue[tuple[BaseException | None, bool]] = queue.Queue()

        def close(
            calls: SyncCallHistoryClient = calls,
            together: threading.Barrier = together,
            ends: queue.Queue[tuple[BaseException | None, bool]] = ends,
        ) -> None:
            together.wait()
            error = error_of(calls.close)
            ends.put((error, isinstance(error_of(calls.get_call_history_data), UsageError)))

        threads = [threading.Thread(target=close, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert [ends.get(timeout=10) for _ in threads] == [(None, True)] * 3
        for thread in threads:
            thread.join()
    assert set(threading.enumerate()) == before


def test_calls_while_the_client_is_closed(server: Elsewhere) -> None:
    """While closing waits for a callback, that may use the client, and other threads may not."""
    begun, go_on = threading.Event(), threading.Event()
    results: queue.Queue[object] = queue.Queue()

    def callback(_: object) -> None:
        begun.set()
        go_on.wait(10)
        results.put(calls.get_call_history_data().message)
        results.put(type(error_of(calls.connect)))

    calls = calls_of(server)
    calls.on("callHistory:user_viewed_sessions", callback)
    calls.connect(timeout=10)
    server.do(server.do(server.service.peer()).send(viewed("a")))
    assert begun.wait(10)
    closing = threading.Thread(target=calls.close, daemon=True)
    closing.start()
    in_time(lambda: wait_until(lambda: not calls.connected))
    assert isinstance(in_time(lambda: error_of(calls.get_call_history_data)), UsageError)
    go_on.set()
    closing.join(10)
    assert not closing.is_alive()
    assert [results.get(timeout=10), results.get(timeout=10)] == ["SUCCESS", UsageError]


@pytest.mark.parametrize("waits_for", ["answer", "token"])
def test_a_request_when_the_client_is_closed(server: Elsewhere, waits_for: str) -> None:
    """A request that was sent when another thread closes the client has no answer; one that was not is refused."""
    begun, hold = threading.Event(), asyncio.Event()

    async def token() -> str:
        begun.set()
        await asyncio.Event().wait()
        return SECRET

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        begun.set()
        await hold.wait()
        writer.close()

    silent = server.do(asyncio.start_server(never, "127.0.0.1", 0))
    janus = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/janus/api/v1"
    calls = SyncCallHistoryClient(janus, SECRET if waits_for == "answer" else token)
    ends: queue.Queue[object] = queue.Queue()

    def ask() -> None:
        try:
            ends.put(calls.get_call_history_data().statusCode)
        except UsageError as error:
            ends.put(str(error))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    assert begun.wait(10)
    in_time(calls.close)
    assert ends.get(timeout=10) == (422 if waits_for == "answer" else "the client was closed meanwhile")
    asking.join()
    server.do(end(silent, hold))


@pytest.mark.parametrize("method", ["get_call_history_data", "connect", "disconnect", "wait_closed"])
def test_a_closed_client(server: Elsewhere, method: str) -> None:
    """A client that is closed refuses what would need its threads."""
    with calls_of(server) as calls:
        pass
    with pytest.raises(UsageError, match="the client is closed"):
        getattr(calls, method)()


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
