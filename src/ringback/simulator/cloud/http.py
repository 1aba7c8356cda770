"""HTTP/1.1 by hand: requests, and answers whose every byte can go wrong on purpose."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

import msgspec

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024
_CHUNK = 256 * 1024
_PIECES = 20
_REQUEST_LINE = re.compile(r"([A-Z]{1,20}) (/[!-~]*) HTTP/1\.1", re.ASCII)
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*?)[ \t]*", re.ASCII)


class NotHttp(ValueError):
    """What came is no request that this server takes; the message says why."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request.

    Attributes:
        method: such as `GET`.
        target: path and query as they came.
        headers: names in lower case.
        body: its bytes.
        head: the bytes of the request line and the headers.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    head: bytes = b""

    @property
    def path(self) -> str:
        """The path of the target."""
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters, decoded. Raises ValueError if they are not UTF-8."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True, errors="strict")


class Mishap(msgspec.Struct, frozen=True, kw_only=True):
    """How the sending of an answer goes wrong. Seconds are those of the machine.

    Attributes:
        wait: before anything is sent.
        head: whether the head is sent. Without it nothing is.
        body: share of the body that is sent, 0 to 1. After less than all of it the connection ends.
        reset: end the connection by a reset, instead of closing it.
        slowly: send the body in pieces, over so long.
    """

    wait: float = 0.0
    head: bool = True
    body: float = 1.0
    reset: bool = False
    slowly: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether the answer comes whole in the end."""
        return self.head and self.body >= 1


class Reply(msgspec.Struct, kw_only=True):
    """An answer.

    Attributes:
        status, headers, body: what is sent.
        chunked: the body goes in chunks, without Content-Length.
        mishap: how the sending goes wrong; None if it does not.
    """

    status: int = 200
    headers: dict[str, str] = {}
    body: bytes = b""
    chunked: bool = False
    mishap: Mishap | None = None

    def head(self) -> bytes:
        """The status line and the headers."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        framing = {"transfer-encoding": "chunked"} if self.chunked else {"content-length": str(len(self.body))}
        lines = [f"HTTP/1.1 {self.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in (self.headers | framing).items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None if it ends before one.

    Raises:
        NotHttp: it is none.
        OSError: the connection was lost.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise NotHttp("the connection ended within a request") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise NotHttp(f"the head of the request is longer than {MAX_HEAD} bytes") from error
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    request_line = _REQUEST_LINE.fullmatch(first)
    if request_line is None:
        raise NotHttp(f"no request line of HTTP/1.1: {first[:100]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None or header[1].lower() in headers:
            raise NotHttp(f"a header that cannot be read, or is there twice: {line.partition(':')[0][:100]!r}")
        headers[header[1].lower()] = header[2]
    if "host" not in headers or "transfer-encoding" in headers:
        raise NotHttp("a request needs a Host, and its body a Content-Length")
    length = headers.get("content-length", "0")
    if not re.fullmatch(r"\d{1,9}", length, re.ASCII) or int(length) > MAX_BODY:
        raise NotHttp(f"the body of a request has at most {MAX_BODY} bytes")
    try:
        body = await reader.readexactly(int(length))
    except asyncio.IncompleteReadError as error:
        raise NotHttp("the connection ended within a request") from error
    return Request(method=request_line[1], target=request_line[2], headers=headers, body=body, head=head)


async def send(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    """Send an answer, or what its mishap leaves of it.

    Returns:
        whether the connection can be used for another request.
    """
    mishap = reply.mishap or Mishap()
    if mishap.wait:
        await asyncio.sleep(mishap.wait)
    if mishap.head:
        writer.write(reply.head())
        sent = reply.body[: int(len(reply.body) * mishap.body)] if mishap.body < 1 else reply.body
        size = max(1, -(-len(sent) // _PIECES)) if mishap.slowly else _CHUNK
        for begin in range(0, len(sent), size):
            piece = sent[begin : begin + size]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.chunked else piece)
            await writer.drain()
            if mishap.slowly:
                await asyncio.sleep(mishap.slowly / _PIECES)
        if reply.chunked and mishap.whole:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
    if mishap.whole and not mishap.reset:
        return True
    if mishap.reset:
        reset(writer)
    return False


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a machine does that has lost it: the other side gets an error, not an end."""
    connection = writer.transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
