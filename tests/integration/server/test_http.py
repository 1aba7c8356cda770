"""What all answers have in common, over a real connection: compression, HEAD, Date, tracking ids, junk."""

from __future__ import annotations

import asyncio
import email.utils
import socket
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx2
import pytest
import zstandard

from factories import wire_record
from serving import ALL_TIME, FEED, STREAM, Site, ask, in_process, listening

EVERYTHING = f"{FEED}?startTime={ALL_TIME['startTime']}&endTime={ALL_TIME['endTime']}"


@pytest.fixture
def token(site: Site) -> str:
    """A token without limits, in a store with some records."""
    site.append(*[wire_record(f"r{number}") for number in range(40)])
    return site.token()


@pytest.fixture
def address(site: Site, token: str) -> Iterator[str]:
    """Where the server listens."""
    with listening(site.app) as where:
        yield where


def exchange(address: str, request: str) -> tuple[str, dict[str, str], bytes]:
    """Send the text of a request, in Latin-1, and read the answer to its end: status line, headers, body."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=30) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode("latin-1"))
        answer = b""
        while received := connection.recv(65536):
            answer += received
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


def request_text(target: str, token: str, *headers: str, method: str = "GET") -> str:
    """The text of a request after which the server closes the connection."""
    lines = [f"{method} {target} HTTP/1.1", f"Authorization: Bearer {token}", "Connection: close", *headers, "", ""]
    return "\n".join(lines)


def test_compressed_pages(address: str, token: str) -> None:
    """A page comes in zstd or gzip if the client asks for it, else as it is; it is the same page each time."""
    bodies = {}
    for accepted in ("identity", "gzip", "zstd", "gzip, deflate, br, zstd", ""):
        headers = ("Host: a", f"Accept-Encoding: {accepted}") if accepted else ("Host: a",)
        status, got, body = exchange(address, request_text(EVERYTHING, token, *headers))
        assert status == "HTTP/1.1 200 OK"
        assert int(got["content-length"]) == len(body)
        assert got["vary"] == "accept-encoding"
        assert got["content-type"] == "application/json"
        bodies[accepted] = (got.get("content-encoding", ""), body)
    encoding, plain = bodies["identity"]
    assert encoding == bodies[""][0] == ""
    assert bodies[""][1] == plain
    assert bodies["gzip"][0] == "gzip"
    assert zlib.decompress(bodies["gzip"][1], 31) == plain
    assert bodies["zstd"][0] == bodies["gzip, deflate, br, zstd"][0] == "zstd"
    assert zstandard.ZstdDecompressor().decompress(bodies["zstd"][1]) == plain
    assert len(bodies["zstd"][1]) < len(plain) / 10


def test_a_client_that_decompresses(address: str, token: str) -> None:
    """A client library that asks for what it can read gets pages it can read, one after the other."""
    names = []
    with httpx2.Client(headers={"authorization": f"Bearer {token}"}) as client:
        following: str | None = f"{address}{EVERYTHING}&max=15"
        while following is not None:
            response = client.get(following)
            assert response.headers["content-encoding"] in ("gzip", "zstd")
            names += [item["Report ID"] for item in response.json()["items"]]
            following = response.links["next"]["url"] if "next" in response.links else None
    assert names == [f"r{number}" for number in range(40)]


@pytest.mark.parametrize("target", [EVERYTHING, f"{EVERYTHING}&max=5", f"{FEED}?startTime=x", "/healthz", "/nowhere"])
@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_head(address: str, token: str, target: str, accepted: str) -> None:
    """HEAD is answered with the status and headers of GET and without a body."""
    headers = ("Host: a", f"Accept-Encoding: {accepted}", "TrackingID: same")
    get, head = (exchange(address, request_text(target, token, *headers, method=method)) for method in ("GET", "HEAD"))
    for _, fields, _ in (get, head):
        assert fields.pop("date")
    assert get[2]
    assert head == (*get[:2], b"")


def test_date(address: str, token: str) -> None:
    """Each answer has a Date, which is the time of the server."""
    for target in (EVERYTHING, "/nowhere"):
        _, headers, _ = exchange(address, request_text(target, token, "Host: a"))
        assert abs(email.utils.parsedate_to_datetime(headers["date"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_junk_on_the_line(address: str, token: str) -> None:
    """Bytes that HTTP does not allow, in whatever place, are answered with 400 or taken as they are, never with 5xx."""
    texts = [
        request_text(f"{EVERYTHING}&x=\xff\xfe", token, "Host: a"),
        request_text(f"{EVERYTHING}&x=\x00", token, "Host: a"),
        request_text(f"{EVERYTHING} &x", token, "Host: a"),
        request_text(EVERYTHING, token, "Host: \xff"),
        request_text(EVERYTHING, token, "Host: a:99999999"),
        request_text(EVERYTHING, token, "Host: a", "Host: b"),
        request_text(EVERYTHING, token, "Host: a", "Accept-Encoding: \xff"),
        request_text(EVERYTHING, token, "Host: a", "Authorization: Bearer \xff"),
        request_text(EVERYTHING, f"{token}\xff", "Host: a"),
        request_text(EVERYTHING, token, "Host: a", "TrackingID: \xff"),
        request_text(f"{EVERYTHING}&x={'y' * 70_000}", token, "Host: a"),
        request_text(f"http://elsewhere.example{EVERYTHING}", token, "Host: a"),
        request_text(f"{FEED}%00", token, "Host: a"),
        request_text("/%ff/..%2f..%2fetc", token, "Host: a"),
    ]
    for text in texts:
        status, _, _ = exchange(address, text)
        assert status[:12] in ("HTTP/1.1 200", "HTTP/1.1 400", "HTTP/1.1 401", "HTTP/1.1 404"), text


def test_clients_of_old(address: str, token: str) -> None:
    """A client that speaks HTTP/1.0 and names no host gets links to the address it is connected to."""
    text = request_text(f"{EVERYTHING}&max=1", token).replace("HTTP/1.1", "HTTP/1.0")
    status, headers, _ = exchange(address, text)
    assert status.endswith("200 OK")
    assert headers["link"].startswith(f"<{address}{FEED}?endTime=")


@pytest.mark.parametrize("path", [FEED, STREAM])
def test_big_pages_do_not_hold_up_others(site: Site, path: str) -> None:
    """While big pages are read and compressed, small requests are answered: they do not wait for the pages' end."""
    site.append(*[wire_record(f"r{number}") for number in range(5000)])
    token = site.token()
    done: list[str] = []

    async def get(client: httpx2.AsyncClient, name: str, target: str) -> None:
        reply = await ask(client, target, token, headers={"accept-encoding": "gzip"})
        assert reply.status == 200
        done.append(name)

    async def all_together() -> None:
        async with httpx2.AsyncClient(transport=in_process(site.app), base_url="http://cdr.example") as client:
            target = f"{path}?startTime={ALL_TIME['startTime']}&endTime={ALL_TIME['endTime']}"
            pages = [asyncio.create_task(get(client, "page", target)) for _ in range(6)]
            await asyncio.sleep(0)
            await get(client, "healthz", "/healthz")
            await asyncio.gather(*pages)

    asyncio.run(all_together())
    assert sorted(done) == ["healthz", *["page"] * 6]
    assert done.index("healthz") < 4, done
