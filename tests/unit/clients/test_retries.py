"""What is tried again, for how long, and what is raised in the end."""

from __future__ import annotations

import logging
from datetime import timedelta
from email.utils import format_datetime

import httpx2
import pytest

from factories import NOON, wire_record
from ringback.cdr import (
    BadAnswer,
    CdrError,
    NoAnswer,
    NotAllowed,
    RestError,
    Retries,
    TooManyRequests,
    Unavailable,
)
from ringback.clients.retry import retry_after
from unit.clients.cloud import HOST, SECRET, Serve, Way, World, ids, in_turn, no_pace, page, refusal

RECORD = wire_record("r1")
LATER = wire_record("r2")
RETRIED = [408, 423, 500, 502, 503, 504]


@pytest.mark.parametrize(
    ("told", "least"),
    [
        ("7", 7),
        ("7.5", 7.5),
        (format_datetime(NOON + timedelta(seconds=1030), usegmt=True), 30),
        ("", 60),
        ("soon", 60),
    ],
    ids=["int", "decimal", "date", "none", "odd"],
)
def test_too_many_requests(way: Way, world: World, told: str, least: float) -> None:
    """After 429 it waits as long as Retry-After says, in any form, or a minute if it does not say, and goes on."""
    headers = {"Retry_After": told} if told else {}
    records = way.read(in_turn(refusal(429, **headers), page(RECORD)), session=no_pace())
    assert ids(records) == ["r1"]
    assert len(world.waits) == 1
    assert least <= world.waits[0] <= least + 1


def test_a_date_is_compared_to_the_servers_clock() -> None:
    """Where the clocks differ, a date in Retry-After is relative to the server's own Date."""
    headers = {"retry-after": "Mon, 02 Mar 2026 12:01:00 GMT", "date": "Mon, 02 Mar 2026 12:00:18 GMT"}
    assert retry_after(headers, NOON + timedelta(hours=5)) == 42
    assert retry_after({"retry-after": headers["retry-after"]}, NOON + timedelta(hours=5)) == 0


@pytest.mark.parametrize("status", RETRIED)
def test_passing_errors(way: Way, world: World, status: int) -> None:
    """Errors that may pass are tried again, in the middle of a window too, and no page is lost or read twice."""
    serve = in_turn(page(RECORD, link=f"{HOST}/2"), refusal(status), refusal(status), page(LATER))
    assert ids(way.read(serve, session=no_pace())) == ["r1", "r2"]
    assert (world.totals[-1].retries, world.totals[-1].requests, world.totals[-1].pages) == (2, 4, 2)
    assert 0.5 <= world.waits[0] <= 1 <= world.waits[1] <= 2


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 415, 428])
def test_lasting_errors(way: Way, world: World, status: int) -> None:
    """Errors that will not pass are raised at once, with what the server says."""
    with pytest.raises(RestError, match=f"HTTP {status}: no such thing .*TRACKING-1") as caught:
        way.read(in_turn(refusal(status, "no such thing")))
    error = caught.value
    assert world.waits == []
    assert error.status == error.response.status_code == status
    assert error.message == error.description == error.detail.message == "no such thing"
    assert (error.detail.tracking_id, error.code, error.tries) == ("TRACKING-1", 0, 1)
    assert isinstance(error, NotAllowed) == (status == 403)


@pytest.mark.parametrize(
    "failure",
    [
        httpx2.ConnectError("refused"),
        httpx2.ConnectTimeout("slow"),
        httpx2.ReadTimeout("slow"),
        httpx2.ReadError("reset"),
        httpx2.RemoteProtocolError("cut short"),
        httpx2.Response(200, content=b'{"items":[{"Report ID":"r1"},{"Rep'),
        httpx2.Response(200, content=b"<html>welcome to the network</html>"),
        httpx2.Response(200, content=b""),
        httpx2.Response(200, content=b"{}"),
        httpx2.Response(200, content=b'{"items":{}}'),
        httpx2.Response(200, content=b"[" * 5000),
    ],
    ids=[
        "refused",
        "connect timeout",
        "read timeout",
        "reset",
        "cut short",
        "truncated",
        "html",
        "empty",
        "{}",
        "items",
        "deep",
    ],
)
def test_answers_that_are_none(way: Way, world: World, failure: httpx2.Response | Exception) -> None:
    """Lost connections and bodies that are no page are tried again, and nothing of them is handed out."""
    serve = in_turn(page(RECORD, link=f"{HOST}/2"), failure, page(LATER))
    assert ids(way.read(serve, session=no_pace())) == ["r1", "r2"]
    assert len(world.waits) == 1


def always(answer: httpx2.Response | Exception) -> Serve:
    """A server that never gets better."""

    def serve(_: httpx2.Request) -> httpx2.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return serve


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(429), TooManyRequests),
        (refusal(503), Unavailable),
        (refusal(504), Unavailable),
        (refusal(423), Unavailable),
        (httpx2.ReadTimeout("slow"), NoAnswer),
        (httpx2.Response(200, content=b"nonsense"), BadAnswer),
    ],
    ids=["429", "503", "504", "423", "timeout", "nonsense"],
)
def test_giving_up(way: Way, world: World, answer: httpx2.Response | Exception, error: type[CdrError]) -> None:
    """After the last try the error says what it was, how often it was tried, and how long it waited."""
    retries = Retries(tries=4, when_not_told=10)
    with pytest.raises(error) as caught:
        way.read(always(answer), session=no_pace(), options={"retries": retries})
    assert caught.value.tries == len(world.requests) == 4
    assert caught.value.waited == sum(world.waits) > 0
    if isinstance(answer, Exception):
        assert caught.value.__cause__ is answer


def test_the_total_wait_is_bounded(way: Way, world: World) -> None:
    """A Retry-After beyond the total wait ends in the error at once, and many short ones when they add up to it."""
    with pytest.raises(TooManyRequests):
        way.read(always(refusal(429, Retry_After="86400")), session=no_pace())
    assert world.waits == []
    with pytest.raises(TooManyRequests):
        way.read(
            always(refusal(429, Retry_After="40")),
            session=no_pace(),
            options={"retries": Retries(tries=1000, total=200)},
        )
    assert 160 <= sum(world.waits) <= 200


def test_waits_grow_and_are_left_to_chance(way: Way, world: World) -> None:
    """Without Retry-After, waits double up to the longest, and up to half of each is left to chance."""
    with pytest.raises(Unavailable):
        way.read(always(refusal(500)), session=no_pace(), options={"retries": Retries(tries=9, longest=20)})
    full = [1, 2, 4, 8, 16, 20, 20, 20]
    assert [wait for wait, most in zip(world.waits, full, strict=True) if not most / 2 <= wait <= most] == []
    assert world.waits != full


def test_retries_begin_anew_for_each_page(way: Way, world: World) -> None:
    """A window may meet more failures than one request may."""
    answers: list[httpx2.Response | Exception] = []
    for n in range(5):
        answers += [refusal(500), refusal(502), page(wire_record(f"r{n}"), link=f"{HOST}/{n}" if n < 4 else "")]
    records = way.read(in_turn(*answers), session=no_pace(), options={"retries": Retries(tries=3)})
    assert ids(records) == ["r0", "r1", "r2", "r3", "r4"]


def test_retry_429_can_be_off(way: Way, world: World) -> None:
    """As in `wxc_sdk`, retry_429=False raises 429 at once; other errors are tried again all the same."""
    with pytest.raises(TooManyRequests):
        way.read(in_turn(refusal(503), refusal(429)), session=no_pace() | {"retry_429": False})
    assert len(world.waits) == 1


def test_a_504_asks_for_less(way: Way, world: World) -> None:
    """After 504 the page size is halved down to 500, for the request that failed and for those after it."""
    link = f"{HOST}/v1/cdr_feed?endTime=2026-03-02T12:00:00.000Z&max=5000&orgId=x%2Cy"
    serve = in_turn(
        refusal(504), refusal(504), page(RECORD, link=link), refusal(504), refusal(504), refusal(504), page(LATER)
    )
    assert ids(way.read(serve, session=no_pace())) == ["r1", "r2"]
    sizes = [request.url.params.get("max") for request in world.requests]
    assert sizes == [None, "2500", "1250", "1250", "625", "500", "500"]
    assert world.urls[-1] == link.replace("5000", "500")


def test_a_signed_link_is_left_as_it_is(way: Way, world: World) -> None:
    """A server that does not take its link with another page size gets the link just as it gave it."""
    link = f"{HOST}/2?max=2000&signature=x"

    def next_page(request: httpx2.Request) -> httpx2.Response:
        return page(LATER) if str(request.url) == link else refusal(400, "changed")

    serve = in_turn(page(RECORD, link=link), refusal(504), next_page, next_page)
    assert ids(way.read(serve, session=no_pace())) == ["r1", "r2"]
    assert len(world.requests) == 4


def test_logs_say_what_is_waited_for(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    """Each retry is a line in the log, without the token."""
    with caplog.at_level(logging.DEBUG, "ringback.cdr"):
        way.read(in_turn(refusal(503, "busy"), page(RECORD)), session=no_pace())
    assert "trying again in" in caplog.text
    assert "HTTP 503: busy" in caplog.text
    assert SECRET not in caplog.text
