"""Over a real connection: what breaks there, and what waits there for ever."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest

from factories import NOON, wire_record
from ringback.cdr import CDR, AsWebexSimpleApi, NoAnswer, Options, Pace, Retries, WebexSimpleApi
from unit.clients.cloud import HOUR, ids

Play: TypeAlias = Callable[[socket.socket], None]
BODY = b'{"items":[' + wire_record("r1") + b"]}"
QUICK = Retries(tries=3, first=0.01, total=5)


def answer(body: bytes = BODY, *headers: str, length: int | None = None) -> bytes:
    """An HTTP answer, which may have a wrong length."""
    lines = ["HTTP/1.1 200 OK", f"content-length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def send(data: bytes) -> Play:
    """Send this and close the connection."""
    return lambda connection: connection.sendall(data)


def reset(connection: socket.socket) -> None:
    """Break the connection in the middle of the answer."""
    connection.sendall(answer()[:200])
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silence(_: socket.socket) -> None:
    """Say nothing for longer than anybody waits."""
    time.sleep(0.6)


def trickle(connection: socket.socket) -> None:
    """Send a byte now and then: never silent, never done."""
    connection.sendall(answer(b"", length=1000))
    for _ in range(20):
        connection.sendall(b" ")
        time.sleep(0.05)


@contextmanager
def playing(*plays: Play) -> Iterator[str]:
    """A server that does one of these for each connection, and the last one for all after it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        stopped = threading.Event()

        def run() -> None:
            left = list(plays)
            while not stopped.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    try:
                        connection.recv(65536)
                        (left.pop(0) if len(left) > 1 else left[0])(connection)
                    except OSError:  # the client gave up, as it should
                        continue

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stopped.set()
            thread.join()


def read_sync(host: str, **options: Any) -> list[CDR]:
    """An hour, by the synchronous API."""
    with WebexSimpleApi(tokens="x", options=Options(retries=QUICK, **options), pace=Pace.unlimited()) as api:
        return list(api.cdr.get_cdr_history(NOON - HOUR, NOON, host=host))


def read_async(host: str, **options: Any) -> list[CDR]:
    """The same by the asynchronous generator."""

    async def run() -> list[CDR]:
        settings = Options(retries=QUICK, **options)
        async with AsWebexSimpleApi(tokens="x", options=settings, pace=Pace.unlimited()) as api:
            return [cdr async for cdr in api.cdr.get_cdr_history_gen(NOON - HOUR, NOON, host=host)]

    return asyncio.run(run())


@pytest.fixture(params=[read_sync, read_async], ids=["sync", "async"])
def read(request: pytest.FixtureRequest) -> Callable[..., list[CDR]]:
    """Both ways."""
    way: Callable[..., list[CDR]] = request.param
    return way


@pytest.mark.parametrize(
    "play",
    [
        send(b""),
        reset,
        send(answer(BODY, length=len(BODY) + 10)),
        send(answer(BODY[:-20])),
        send(answer(gzip.compress(BODY)[:-30], "content-encoding: gzip")),
        send(answer(b"no gzip at all", "content-encoding: gzip")),
        send(b"this is not HTTP\r\n\r\n"),
        silence,
    ],
    ids=["closed", "reset", "short body", "cut JSON", "cut gzip", "no gzip", "no HTTP", "silence"],
)
def test_broken_answers_are_asked_for_again(read: Callable[..., list[CDR]], play: Play) -> None:
    """Whatever breaks an answer on its way, the next try gets the page, and nothing of the broken one is handed out."""
    with playing(play, send(answer())) as host:
        assert ids(read(host, read_timeout=0.3)) == ["r1"]


def test_compressed_answers(read: Callable[..., list[CDR]]) -> None:
    """A compressed page is read as any other."""
    with playing(send(answer(gzip.compress(BODY), "content-encoding: gzip"))) as host:
        assert read(host)[0].raw == wire_record("r1")


@pytest.mark.parametrize(
    ("play", "options"),
    [(silence, {"read_timeout": 0.1}), (trickle, {"answer_timeout": 0.2})],
    ids=["silence", "trickle"],
)
def test_nothing_waits_for_ever(read: Callable[..., list[CDR]], play: Play, options: dict[str, float]) -> None:
    """A server that says nothing, or never comes to the end, is given up in time."""
    began = time.monotonic()
    with playing(play) as host:
        with pytest.raises(NoAnswer, match="Timeout"):
            read(host, **options)
    assert time.monotonic() - began < 10


def test_nobody_listens(read: Callable[..., list[CDR]]) -> None:
    """A refused connection is tried again, and then an error that says so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(NoAnswer, match="ConnectError") as caught:
        read(host)
    assert caught.value.tries == 3
