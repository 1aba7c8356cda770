"""What goes wrong: tried again where that may help, and told by what can be done about it."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ringback.calllogs import (
    ApiError,
    BadAnswer,
    BadRequest,
    CallLogsClient,
    CallLogsOptions,
    CdrError,
    ErrorEntry,
    NoAnswer,
    NotAllowed,
    NotFound,
    Retries,
    TooManyRequests,
    Unavailable,
    UntrustedAddress,
    UsageError,
)
from unit.clients.calllogs.service import TOKEN, Reader, Reply, Service, World, in_turn, listed, refusal, row

Make = Callable[..., Reader]


def test_what_the_server_says(reader: Reader, service: Service) -> None:
    """An error has PortSIP's codes, messages and details as attributes, one or more, known or not."""
    body = {
        "errors": [
            {"code": "VALIDATE_FAILED", "message": "no field 'x'", "detail": {"option": "filter", "position": 4}},
            {"code": "A_NEW_CODE", "message": "and this"},
        ]
    }
    service.answer = lambda _: Reply(400, body, {"x-request": "r1"})
    with pytest.raises(BadRequest) as caught:
        reader.list()
    error = caught.value
    assert (error.status, error.code, error.message) == (400, "VALIDATE_FAILED", "no field 'x'")
    assert error.detail == {"option": "filter", "position": 4}
    assert error.errors[1] == ErrorEntry(code="A_NEW_CODE", message="and this")
    assert str(error) == "HTTP 400: VALIDATE_FAILED: no field 'x'; A_NEW_CODE: and this"
    assert error.response.json() == body
    assert error.response.headers["x-request"] == "r1"
    assert isinstance(error, CdrError)


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"", ""), (b"<html>no</html>", "<html>no</html>"), ({}, "{}"), ({"errors": "x"}, '{"errors":"x"}'), ([1], "[1]")],
)
def test_errors_without_a_code(reader: Reader, service: Service, body: Any, message: str) -> None:
    """An error body in any other form has the code UNKNOWN and what it says for its message."""
    service.answer = lambda _: Reply(400, body)
    with pytest.raises(BadRequest) as caught:
        reader.list()
    assert (caught.value.code, caught.value.message, caught.value.detail) == ("UNKNOWN", message, None)


@pytest.mark.parametrize("entry", [{}, {"code": 5, "message": None}, {"code": ""}])
def test_odd_error_entries(reader: Reader, service: Service, entry: dict[str, Any]) -> None:
    """An entry without a code that is a text has the code UNKNOWN."""
    service.answer = lambda _: Reply(400, {"errors": [entry, 7]})
    with pytest.raises(BadRequest) as caught:
        reader.list()
    assert caught.value.errors == (ErrorEntry(),)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, BadRequest), (401, NotAllowed), (403, NotAllowed), (404, NotFound), (418, ApiError)]
)
def test_errors_that_trying_again_does_not_help(
    reader: Reader, service: Service, world: World, status: int, kind: type[ApiError]
) -> None:
    """What will not be better the next time is told at once, by the class for what can be done about it."""
    service.answer = lambda _: refusal(status)
    with pytest.raises(ApiError) as caught:
        reader.list()
    assert type(caught.value) is kind
    assert len(service.asked) == 1
    assert world.waits == []


@pytest.mark.parametrize("status", [408, 423, 500, 502, 503, 504])
def test_errors_that_pass(reader: Reader, service: Service, world: World, status: int) -> None:
    """What may pass is tried again after waits that grow and are partly left to chance."""
    service.answer = in_turn(refusal(status), refusal(status), listed(row(1)))
    assert len(reader.list()) == 1
    assert [0.5 <= world.waits[0] <= 1, 1 <= world.waits[1] <= 2] == [True, True]
    service.answer = lambda _: refusal(status)
    with pytest.raises(Unavailable) as caught:
        reader.list()
    assert caught.value.tries == 8
    assert caught.value.waited == pytest.approx(sum(world.waits[2:]))


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "17"}, 17, 18),
        ({"retry-after": "Mon, 02 Mar 2026 12:00:30 GMT"}, 30, 31),
        ({"retry-after": "Mon, 02 Mar 2026 12:00:30 GMT", "date": "Mon, 02 Mar 2026 12:00:20 GMT"}, 10, 11),
        ({}, 60, 61),
        ({"retry-after": "soon"}, 60, 61),
    ],
)
def test_too_many_requests(
    reader: Reader, service: Service, world: World, headers: dict[str, str], least: float, most: float
) -> None:
    """After 429 the time that the server names is waited, or a minute if it names none."""
    service.answer = in_turn(Reply(429, {}, headers), listed(row(1)))
    assert len(reader.list()) == 1
    assert least <= world.waits[0] <= most


def test_too_many_requests_for_too_long(reader_with: Make, service: Service, world: World) -> None:
    """After as many tries as the options allow, 429 is an error; at once if they allow none."""
    service.answer = lambda _: refusal(429)
    with pytest.raises(TooManyRequests) as caught:
        reader_with(options=world.options(retries=Retries(tries=3))).list()
    assert (caught.value.tries, len(service.asked)) == (3, 3)
    with pytest.raises(TooManyRequests):
        reader_with(options=world.options(retries=Retries(too_many=False))).list()
    assert len(service.asked) == 4


def test_a_retry_after_that_is_too_long(reader: Reader, service: Service, world: World) -> None:
    """A time that is longer than one would wait in all is an error at once."""
    service.answer = lambda _: Reply(503, {}, {"retry-after": "100000"})
    with pytest.raises(Unavailable):
        reader.list()
    assert world.waits == []


def test_lost_connections(reader: Reader, service: Service, world: World) -> None:
    """A connection that is lost, or an answer that is cut, is tried again."""
    cut = Reply(200, b'{"count":1,"items":[', {"content-length": "1000", "connection": "close"})
    service.answer = in_turn(cut, listed(row(1)))
    assert len(reader.list()) == 1
    assert len(world.waits) == 1


def test_nobody_listens(world: World) -> None:
    """A server that cannot be reached is an error that says so, after the tries that the options allow."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    options = world.options(retries=Retries(tries=3))
    with CallLogsClient(address, TOKEN, options=options, sleep=world.sleep) as client:
        with pytest.raises(NoAnswer, match=r"127\.0\.0\.1: ConnectError") as caught:
            client.count()
    assert caught.value.tries == 3
    assert isinstance(caught.value.__cause__, httpx2.ConnectError)


@pytest.mark.parametrize("status", [200, 400])
def test_bodies_that_are_too_large(reader_with: Make, service: Service, world: World, status: int) -> None:
    """A body that is larger than the options allow is not read to its end, and not asked for again."""
    service.answer = lambda _: Reply(status, b" " * 5000)
    with pytest.raises(BadAnswer, match="larger than 4000 bytes"):
        reader_with(options=world.options(largest_answer=4000)).list()
    packed = gzip.compress(b" " * 5000)
    service.answer = lambda _: Reply(status, packed, {"content-encoding": "gzip"})
    with pytest.raises(BadAnswer, match="larger than 4000 bytes"):
        reader_with(options=world.options(largest_answer=4000)).list()
    assert (len(service.asked), len(packed) < 4000) == (2, True)


def test_answers_that_take_too_long(reader_with: Make, service: Service, world: World) -> None:
    """An answer that is not whole in time is given up, though some of it keeps coming."""
    ticks = iter(range(0, 10_000, 100))
    options = world.options(timer=lambda: float(next(ticks)), retries=Retries(tries=1))
    service.answer = lambda _: listed(row(1))
    with pytest.raises(NoAnswer, match="not whole after 50 seconds"):
        reader_with(options=CallLogsOptions(timer=options.timer, retries=options.retries, answer_timeout=50)).list()


def test_silence(reader_with: Make, service: Service, world: World) -> None:
    """A server that says nothing is given up after the time that the options allow."""

    def sleep(_: object) -> Reply:
        time.sleep(0.3)
        return listed()

    service.answer = sleep
    with pytest.raises(NoAnswer, match="ReadTimeout"):
        reader_with(options=world.options(read_timeout=0.05, retries=Retries(tries=1))).list()


def test_redirects_are_not_followed(reader: Reader, service: Service) -> None:
    """A redirect is an error that names its target, since the token would go along."""
    service.answer = lambda _: Reply(302, b"", {"location": "https://elsewhere.example/api"})
    with pytest.raises(UntrustedAddress, match=r"elsewhere\.example"):
        reader.list()
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    "address",
    ["http://pbx.example:8887/api", "ftp://pbx.example/api", "", "https://", "https://ann:word@pbx.example/api"],
)
def test_addresses_that_get_no_token(address: str) -> None:
    """Without encryption the token goes to this machine only, and an address has no password in it."""
    with pytest.raises(UsageError) as caught:
        CallLogsClient(address, TOKEN)
    assert "word@" not in str(caught.value)


def test_http_with_leave() -> None:
    """Whoever says that the way is safe may use http."""
    with CallLogsClient("http://pbx.example/api", TOKEN, options=CallLogsOptions(allow_http=True)):
        pass


@pytest.mark.parametrize("slash", ["", "/"])
def test_where_requests_go(service: Service, slash: str) -> None:
    """The address of the API may end in a slash or not."""
    with CallLogsClient(service.base_url + slash, TOKEN) as client:
        assert client.count() == 0
    assert service.lines == ["GET /calllogs"]


def test_certificates_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates are checked against public authorities unless others are named."""
    contexts: list[Any] = []
    monkeypatch.setattr(httpx2, "Client", lambda **given: contexts.append(given["verify"]))
    CallLogsClient("https://pbx.example:8887/api", TOKEN)
    own = ssl.create_default_context()
    CallLogsClient("https://pbx.example:8887/api", TOKEN, verify=own)
    CallLogsClient("https://pbx.example:8887/api", TOKEN, verify=False)
    public, given, off = contexts
    assert (public.verify_mode, public.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert given is own
    assert off is False


def test_certificates_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificates of a file or a directory can be trusted instead of the public ones."""
    contexts: list[Any] = []
    monkeypatch.setattr(httpx2, "Client", lambda **given: contexts.append(given["verify"]))
    authority = httpx2.create_ssl_context().get_ca_certs(binary_form=True)[0]
    (tmp_path / "pbx.pem").write_text(ssl.DER_cert_to_PEM_cert(authority))
    CallLogsClient("https://pbx.example:8887/api", TOKEN, verify=str(tmp_path / "pbx.pem"))
    CallLogsClient("https://pbx.example:8887/api", TOKEN, verify=str(tmp_path))
    of_file, of_directory = contexts
    assert of_file.get_ca_certs(binary_form=True) == [authority]
    assert of_directory.get_ca_certs() == []  # of a directory, a certificate is read when it is needed
    assert of_directory.verify_mode == ssl.CERT_REQUIRED


def test_closed(reader: Reader, service: Service) -> None:
    """A client that is closed sends nothing more."""
    reader.call("close")
    with pytest.raises(UsageError, match="closed"):
        reader.call("count")
    assert service.asked == []


def test_a_client_of_ones_own(service: Service) -> None:
    """An HTTP client that is given is used, and stays open."""
    with httpx2.Client(headers={"x-mine": "1"}) as mine:
        with CallLogsClient(service.base_url, TOKEN, client=mine) as client:
            client.count()
        assert not mine.is_closed
    assert service.asked[0].headers["x-mine"] == "1"
    assert service.asked[0].token == TOKEN
