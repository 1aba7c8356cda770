"""Clients that break off, or do not read."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from websockets.exceptions import ConnectionClosed

from factories import ORG, Clock
from integration.events.site import Teller, WebProcess, in_loop, web_process
from ringback.server.events import Patience


@contextmanager
def unread(web: WebProcess, request: bytes) -> Iterator[socket.socket]:
    """A connection with small buffers that sends this, and then does not read unless the test does."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", int(web.address.rpartition(":")[2])))
        connection.sendall(request)
        yield connection


def stream_request(token: str) -> bytes:
    """Asks for server-sent events."""
    return f"GET /v1/events HTTP/1.1\r\nHost: calls.example\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def mercury_request() -> bytes:
    """Asks for a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        "GET /v1/mercury HTTP/1.1\r\nHost: calls.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()


def authorization_frame(token: str) -> bytes:
    """The authorization as it is on the wire, masked with zeros (RFC 6455, section 5.2)."""
    message = msgspec.json.encode({"type": "authorization", "data": {"token": f"Bearer {token}"}})
    assert len(message) < 126
    return bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message


def read_until(connection: socket.socket, last: bytes) -> bytes:
    """What comes, up to this."""
    connection.settimeout(20)
    found = b""
    while last not in found:
        found += connection.recv(1 << 20)
    return found


@in_loop
async def test_a_connection_that_breaks(teller: Teller, web: WebProcess) -> None:
    """A client whose connection breaks without a word is known to be gone at once."""
    async with web.listen(teller.token()) as stays:
        async with web.listen(teller.token()) as broken:
            assert web.hub.listeners == 2
            broken.connection.transport.abort()
            await web.until_listeners(1)
        teller.tell()
        assert await stays.numbers(1) == [1]


@in_loop
async def test_a_client_that_does_not_read(directory: Path, clock: Clock, teller: Teller) -> None:
    """Clients that do not read hold up nobody, and are let go after a while, whatever they are connected by."""
    with web_process(directory, clock, patience=Patience(send=0.5, keep_alive=0.2)) as web:
        token = teller.token()
        with unread(web, stream_request(token)), unread(web, mercury_request()) as mercury:
            assert (await asyncio.to_thread(mercury.recv, 4096)).startswith(b"HTTP/1.1 101 ")
            mercury.sendall(authorization_frame(token))
            await web.until_listeners(2)
            async with web.listen(token) as device:
                teller.tell(count=1000, size=4000)
                assert await device.numbers(1000) == list(range(1, 1001))
                await web.until_listeners(1)
                teller.tell()
                assert await device.numbers(1) == [1001]


@in_loop
async def test_a_client_that_reads_late(teller: Teller, web: WebProcess) -> None:
    """A client that reads nothing for a while gets all events then, each once, in order."""
    with unread(web, stream_request(teller.token())) as late:
        await web.until_listeners(1)
        async with web.listen(teller.token()) as device:
            teller.tell(count=1000, size=4000)
            assert await device.numbers(1000) == list(range(1, 1001))

        found = await asyncio.to_thread(read_until, late, b"id: 1000\n")
        ids = [int(line[4:]) for line in found.splitlines() if line.startswith(b"id: ")]
        assert ids == list(range(1001))


def forget_all(teller: Teller) -> None:
    """Forget every event."""
    teller.clock.now += 1000
    while teller.outbox.forget(ORG, teller.clock.now):
        pass


@in_loop
async def test_forgotten_before_a_stream_is_read(teller: Teller, web: WebProcess) -> None:
    """A client that reads so late that its events are forgotten is told to start again, then what is new."""
    with unread(web, stream_request(teller.token())) as late:
        async with web.listen(teller.token()) as device:
            await web.until_listeners(2)
            teller.tell(count=3000, size=4000)
            await device.numbers(3000)
            forget_all(teller)
        found = await asyncio.to_thread(read_until, late, b"event: start_again\n")
        teller.tell()
        found += await asyncio.to_thread(read_until, late, b"id: 3001\n")
    ids = [int(line[4:]) for line in found.splitlines() if line.startswith(b"id: ")]
    assert ids[-2:] == [3000, 3001]
    assert ids[:-2] == list(range(len(ids) - 2))
    assert len(ids) < 3000


@in_loop
async def test_forgotten_before_a_socket_is_read(teller: Teller, web: WebProcess) -> None:
    """A WebSocket client in the same place is closed with 1001, and learns that it must start again when it resumes."""
    token = teller.token()
    async with web.listen(token) as late:
        async with web.listen(token) as device:
            teller.tell(count=3000, size=4000)
            await device.numbers(3000)
        forget_all(teller)
        heard = 0
        with suppress(ConnectionClosed):
            while True:
                (heard,) = await late.numbers(1)
        assert 0 < heard < 3000
        assert late.connection.close_code == 1001
    async with web.listen(token, lastEventId=heard) as device:
        assert device.beginning["data"]["startAgain"] is True
