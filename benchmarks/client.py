"""The smallest HTTP client that can walk through pages, so that what is measured is the server."""

from __future__ import annotations

import re
import socket
import threading
import time
from urllib.parse import urlsplit

_BUFFER = 1024 * 1024
_LINK = re.compile(rb'\r\nlink: <([^>]+)>;rel="next"', re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Client:
    """One connection that is kept open."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self._host = parts.netloc
        self._token = token
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80))
        self._buffer = bytearray(_BUFFER)

    def get(self, path: str) -> str | None:
        """Fetch a page and drop its body.

        Returns:
            the path of the next page, if there is one.
        """
        request = f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {self._token}\r\n\r\n"
        self._socket.sendall(request.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            received = self._socket.recv(4096)
            if not received:
                raise ConnectionError("the server closed the connection")
            head += received
        head, _, begun = head.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            raise ConnectionError(f"the server answered {head[:200]!r}")
        missing = int(length[1]) - len(begun)
        while missing:
            missing -= self._socket.recv_into(self._buffer, min(missing, _BUFFER))
        link = _LINK.search(head)
        return link[1].decode().split(self._host, 1)[1] if link else None

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def walk(address: str, token: str, first: str, requests: int) -> list[float]:
    """Fetch pages one after the other, from the first on again when there are no more.

    Returns:
        the seconds that each took.
    """
    client = Client(address, token)
    seconds = []
    path = first
    for _ in range(requests):
        began = time.perf_counter()
        following = client.get(path)
        seconds.append(time.perf_counter() - began)
        path = following or first
    client.close()
    return seconds


def throughput(address: str, token: str, firsts: list[str], seconds: float) -> float:
    """Pages a second over several connections at once, one for each first page."""
    until = time.perf_counter() + seconds
    counts = [0] * len(firsts)

    def run(index: int) -> None:
        client = Client(address, token)
        path = firsts[index]
        while time.perf_counter() < until:
            path = client.get(path) or firsts[index]
            counts[index] += 1
        client.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(firsts))]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)
