"""The three methods: what is asked, and what every answer becomes."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeAlias

import msgspec
import pytest

from factories import NOON
from ringback.history import CallHistoryClient, EndTimeSessionId, UsageError
from unit.clients.callhistory.service import (
    SECRET,
    Heard,
    Service,
    asynchronous,
    client,
    history,
    quick,
    recent,
    session,
)

Outcome: TypeAlias = tuple[int | None, dict[str, Any], str]
METHODS = ["get_call_history_data", "update_missed_calls", "delete_call_history_records"]
ENTRY = {"endTime": "2024-05-22T08:50:48.603Z", "sessionId": "s1"}
ENTRY_ON_THE_WIRE = b'{"endTime":1716367848603,"sessionId":"s1"}'
ERRORS = [
    (400, "400 Bad request"),
    (401, "User is unauthorised, possible token expiry"),
    (403, "User request is forbidden"),
    (404, "User info not found"),
    (408, "Request to the server timedout"),
    (500, "Internal server error occurred"),
    (501, "Method is not implemented at the backend"),
    (503, "Unable to establish a connection with the server"),
    (302, "302 Exception has occurred"),
    (409, "409 Exception has occurred"),
    (422, "422 Exception has occurred"),
    (429, "429 Exception has occurred"),
]
BROKEN = "422 Exception has occurred"


async def call(method: str, service: Service, **arguments: Any) -> Outcome:
    """Status, data (what is None and what came raw left out) and message that a method gives."""
    async with client(service, **arguments) as calls:
        result = await getattr(calls, method)(*([[ENTRY]] if method != METHODS[0] else []))
    data = {name: value for name, value in msgspec.structs.asdict(result.data).items() if value and name != "raw"}
    return result.statusCode, data, result.message


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("status", "error"), ERRORS)
@asynchronous
async def test_failures(method: str, status: int, error: str) -> None:
    """Every HTTP error is a result with its status and the SDK's text, whatever the body says."""
    service = Service()
    service.answer = lambda _: (status, b'{"statusCode":200,"userSessions":[]}')
    async with service.listening():
        assert await call(method, service) == (status, {"error": error}, "FAILURE")
        assert len(service.requests) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "answer",
    [(200, b""), (200, b"not JSON"), (200, b"null"), (200, b"[" * 5000), (200, b"\xff"), (204, b""), None],
    ids=["empty", "no JSON", "null", "deep", "no UTF-8", "no content", "no answer"],
)
@asynchronous
async def test_answers_that_are_none(method: str, answer: tuple[int, bytes] | None) -> None:
    """An answer that cannot be read, or does not come, is a failure with the status 422."""
    service = Service()
    service.answer = lambda _: answer
    async with service.listening():
        assert await call(method, service) == (422, {"error": BROKEN}, "FAILURE")


@pytest.mark.parametrize("method", METHODS)
@asynchronous
async def test_nobody_listens(method: str) -> None:
    """A refused connection is a failure with the status 422."""
    service = Service()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service.janus = f"http://127.0.0.1:{listener.getsockname()[1]}/janus/api/v1"
    service.mercury = "ws://127.0.0.1:1"
    assert await call(method, service) == (422, {"error": BROKEN}, "FAILURE")


@asynchronous
async def test_an_answer_that_takes_too_long() -> None:
    """A server that says nothing for longer than the timeout is a failure with the status 422."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = Service()
        service.janus = f"http://127.0.0.1:{listener.getsockname()[1]}/janus/api/v1"
        service.mercury = "ws://127.0.0.1:1"
        assert await call(METHODS[0], service, options=quick(answer_timeout=0.1)) == (422, {"error": BROKEN}, "FAILURE")


@asynchronous
async def test_an_answer_that_never_ends() -> None:
    """A server that sends a little now and then is given up when the time for the whole answer is over."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b" ")
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(), 0.02)
        writer.close()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        service = Service()
        service.janus = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/janus/api/v1"
        service.mercury = "ws://127.0.0.1:1"
        assert await call(METHODS[0], service, options=quick(answer_timeout=0.2)) == (422, {"error": BROKEN}, "FAILURE")


@pytest.mark.parametrize("body", [b'{"statusCode":200}', b"[]", b'{"userSessions":null}', b'{"userSessions":{}}'])
@asynchronous
async def test_a_history_without_sessions_in_it(body: bytes) -> None:
    """A history whose list of sessions is missing is a failure with the status 422."""
    service = Service()
    service.answer = lambda _: (200, body)
    async with service.listening():
        assert await call(METHODS[0], service) == (422, {"error": BROKEN}, "FAILURE")


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("get_call_history_data", {}),
        ("update_missed_calls", {"readStatusMessage": "Missed calls are read by the user."}),
        ("delete_call_history_records", {"deleteStatusMessage": "Call history records are deleted by the user."}),
    ],
)
@pytest.mark.parametrize(("body", "status"), [({"statusCode": 200}, 200), ({"statusCode": 0}, 0), ({}, None)])
@asynchronous
async def test_successes(method: str, data: dict[str, Any], body: dict[str, Any], status: int | None) -> None:
    """The status of a success is the one in the body, also if that has none; the text is the SDK's."""
    service = Service()
    service.answer = lambda _: (200, msgspec.json.encode({"userSessions": []} | body))
    async with service.listening():
        assert await call(method, service) == (status, data, "SUCCESS")


def lines(service: Service) -> list[str]:
    """The first lines of the requests, without what is always the same."""
    return [request.line.removesuffix(" HTTP/1.1") for request in service.requests]


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        ((), "from=2026-02-23T12:00:00.000Z&limit=50&includeNewSessionTypes=true&sort=DESC"),
        ((1, 5, "ASC"), "from=2026-03-01T12:00:00.000Z&limit=5&includeNewSessionTypes=true&sort=ASC"),
        ((0, 0, "DESC"), "from=2026-03-02T12:00:00.000Z&limit=0&includeNewSessionTypes=true&sort=DESC"),
        ((10, 9, "down"), "from=2026-02-20T12:00:00.000Z&limit=9&includeNewSessionTypes=true&sort=DESC"),
        ((7, 50, "ASC", "size"), "from=2026-02-23T12:00:00.000Z&limit=50&includeNewSessionTypes=true&sort=ASC"),
    ],
)
@pytest.mark.parametrize(
    ("backend", "more"),
    [("WEBEX_CALLING", "&includeSharedSessions=true"), ("BROADWORKS_CALLING", ""), (None, "")],
)
@asynchronous
async def test_the_request_for_a_history(arguments: Any, query: str, backend: str | None, more: str) -> None:
    """A history is asked for in the very bytes that the SDK sends; shared lines only in Webex Calling."""
    async with Service().listening() as service, client(service, calling_backend=backend) as calls:
        await calls.get_call_history_data(*arguments)
        assert lines(service) == [f"GET /janus/api/v1/history/userSessions?{query}{more}"]
        assert service.requests[0].headers["authorization"] == f"Bearer {SECRET}"
        assert service.requests[0].headers["trackingid"].startswith("RINGBACK_")


@asynchronous
async def test_the_requests_that_mark() -> None:
    """Marking as read and deleting send the entries with their times in milliseconds, and further keys along."""
    utc_plus_2 = datetime(2024, 5, 22, 10, 50, 48, 603999, timezone(timedelta(hours=2)))
    entries: list[Any] = [ENTRY, EndTimeSessionId(endTime=utc_plus_2, sessionId="s1"), ENTRY | {"mark": 1}]
    entries.append({"sessionId": "s1", "endTime": 1716367848603})
    wire = b",".join(
        [
            ENTRY_ON_THE_WIRE,
            ENTRY_ON_THE_WIRE,
            b'{"endTime":1716367848603,"sessionId":"s1","mark":1}',
            b'{"sessionId":"s1","endTime":1716367848603}',
        ]
    )
    async with Service().listening() as service, client(service) as calls:
        await calls.update_missed_calls(entries)
        await calls.delete_call_history_records(entries)
        assert lines(service) == [
            "POST /janus/api/v1/history/userSessions/setReadState",
            "POST /janus/api/v1/history/userSessions/markAsDeleted",
        ]
        assert [request.body for request in service.requests] == [
            b'{"endTimeSessionIds":[' + wire + b"]}",
            b'{"deleteSessionIds":[' + wire + b"]}",
        ]
        for request in service.requests:
            assert request.headers["content-type"] == "application/json"
            assert request.headers["authorization"] == f"Bearer {SECRET}"


@asynchronous
async def test_sessions_can_be_given_as_they_came() -> None:
    """What a history gave can be marked as it is."""
    async with Service().listening() as service, client(service) as calls:
        service.answer = lambda _: (200, history([session("s1")]))
        answer = await calls.get_call_history_data()
        await calls.update_missed_calls(answer.data.userSessions)
        assert service.requests[1].body == b'{"endTimeSessionIds":[{"endTime":1772452800000,"sessionId":"s1"}]}'


NO_TIMES: list[Any] = ["", "soon", "2024-13-45T00:00:00Z", None, True, [], 2024.5]


@pytest.mark.parametrize("end_time", NO_TIMES)
@asynchronous
async def test_deleting_with_a_time_that_is_none(end_time: Any) -> None:
    """If one time is none, nothing is sent and nothing deleted, and the result says so."""
    async with Service().listening() as service, client(service) as calls:
        result = await calls.delete_call_history_records([ENTRY, {"endTime": end_time, "sessionId": "s2"}])
        assert (result.statusCode, result.message) == (400, "FAILURE")
        assert result.data.deleteStatusMessage == "The provided date is malformed or invalid"
        assert service.requests == []


@pytest.mark.parametrize("end_time", NO_TIMES)
@asynchronous
async def test_marking_with_a_time_that_is_none(end_time: Any) -> None:
    """A time that is none is sent as null when sessions are marked as read."""
    async with Service().listening() as service, client(service) as calls:
        result = await calls.update_missed_calls([{"endTime": end_time, "sessionId": "s2"}])
        assert service.requests[0].body == b'{"endTimeSessionIds":[{"endTime":null,"sessionId":"s2"}]}'
        assert result.message == "FAILURE" or result.data.readStatusMessage


@asynchronous
async def test_nothing_to_mark() -> None:
    """An empty list is sent as it is."""
    async with Service().listening() as service, client(service) as calls:
        await calls.update_missed_calls([])
        await calls.delete_call_history_records([])
        assert [request.body for request in service.requests] == [
            b'{"endTimeSessionIds":[]}',
            b'{"deleteSessionIds":[]}',
        ]


@pytest.mark.parametrize(
    ("sort", "sort_by", "order"),
    [
        ("DESC", "endTime", ["b", "a", "odd", "c"]),
        ("ASC", "endTime", ["b", "a", "odd", "c"]),
        ("DESC", "startTime", ["c", "b", "a", "odd"]),
        ("ASC", "startTime", ["a", "b", "c", "odd"]),
        ("down", "startTime", ["c", "b", "a", "odd"]),
        ("ASC", "size", ["b", "a", "odd", "c"]),
    ],
)
@asynchronous
async def test_order(sort: str, sort_by: str, order: list[str]) -> None:
    """By end time the order is the server's; by start time the client sorts, and what has no time stands last."""
    given = [
        session("b", startTime="2026-03-02T11:00:00.000Z"),
        session("a", startTime="2026-03-02T10:00:00.000Z"),
        session("odd", startTime="some time"),
        session("c", startTime="2026-03-02T12:30:00.000Z"),
    ]
    async with Service().listening() as service, client(service) as calls:
        service.answer = lambda _: (200, history(given))
        answer = await calls.get_call_history_data(sort=sort, sort_by=sort_by)
        assert [one.sessionId for one in answer.data.userSessions] == order


@asynchronous
async def test_a_refused_token_is_renewed_for_reading_only() -> None:
    """A GET is made again once with a renewed token, a POST is not; both as in the SDK."""
    async with Service().listening() as service:
        service.refused = {"old"}
        async with client(service, "old", refresh=lambda refused: f"{refused}+") as calls:
            assert (await calls.update_missed_calls([ENTRY])).statusCode == 401
            assert (await calls.get_call_history_data()).statusCode == 200
            assert (await calls.update_missed_calls([ENTRY])).statusCode == 200
        used = [request.headers["authorization"] for request in service.requests]
        assert used == ["Bearer old", "Bearer old", "Bearer old+", "Bearer old+"]


@asynchronous
async def test_a_renewed_token_that_is_refused_too() -> None:
    """If the renewed token is refused as well, that is the result; nobody tries for ever."""
    async with Service().listening() as service:
        service.refused = {"old", "old+"}
        async with client(service, "old", refresh=lambda refused: f"{refused}+") as calls:
            assert (await calls.get_call_history_data()).statusCode == 401
        assert len(service.requests) == 2


@asynchronous
async def test_a_token_that_cannot_be_had(caplog: pytest.LogCaptureFixture) -> None:
    """A function for the token that fails makes a failure and a line in the log, not an exception."""

    async def fail(_: str = "") -> str:
        raise OSError("the identity provider is away")

    async with Service().listening() as service:
        async with client(service, fail) as calls:
            assert (await calls.get_call_history_data()).statusCode == 422
            assert (await calls.update_missed_calls([ENTRY])).statusCode == 422
        assert service.requests == []
        service.refused = {"old"}
        async with client(service, "old", refresh=fail) as calls:
            assert (await calls.get_call_history_data()).statusCode == 401
    assert "no access token: OSError" in caplog.text


@asynchronous
async def test_logs_have_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the token nor the ids of sessions stand in the log, even if everything is logged."""
    caplog.set_level(logging.DEBUG)
    service = Service()
    async with service.listening(), client(service) as calls:
        service.answer = lambda _: (200, history([session("s1"), session("private-id", self=7), 5]))
        await calls.get_call_history_data()
        service.answer = lambda _: (500, b"private-id")
        await calls.update_missed_calls([ENTRY | {"sessionId": "private-id"}])
        await calls.delete_call_history_records([{"endTime": "soon", "sessionId": "private-id"}])
        await calls.connect()
        heard = Heard(calls)
        peer = await service.peer()
        await peer.send({"id": "x", "data": {"eventType": "janus.user_sessions", "private-id": 1}})
        await peer.send(recent(session("private-id", other=5)))
        await heard.until(("recent", "private-id"))
    logged = [record for record in caplog.records if record.name != "websockets.server"]  # the test's own
    assert {"ringback.history", "httpx2"} <= {record.name for record in logged}
    text = "\n".join(record.getMessage() for record in logged)
    assert SECRET not in text
    assert "private-id" not in text


@pytest.mark.parametrize(
    ("janus", "arguments", "message"),
    [
        ("http://history.example/janus/api/v1", {}, "without encryption"),
        ("ftp://history.example", {}, "must be a name"),
        ("https://history.example", {"mercury": "ws://history.example"}, "without encryption"),
        ("https://history.example", {"mercury": "https://history.example"}, "must begin with wss"),
        ("https://history.example", {"tokens": "two words"}, "must be a text"),
        ("https://history.example", {"calling_backend": "UCM_CALLING"}, "needs ucm_gateway, user_id and org_id"),
    ],
)
def test_clients_that_cannot_be(janus: str, arguments: dict[str, Any], message: str) -> None:
    """A client that would give its token away, or lacks something, is refused when it is made."""
    with pytest.raises(UsageError, match=message):
        CallHistoryClient(janus, **({"tokens": SECRET} | arguments))


@pytest.mark.parametrize("days", [1e10, -1e10, 1e6, math.inf, math.nan])
@asynchronous
async def test_days_that_lead_to_no_date(days: float) -> None:
    """A number of days before which there is no date is refused, and nothing is sent."""
    async with Service().listening() as service, client(service) as calls:
        with pytest.raises(UsageError, match="there is no date"):
            await calls.get_call_history_data(days=days)
        assert service.requests == []


def test_days_are_counted_back_from_the_clock_that_was_given() -> None:
    """The examples above are about noon of a day in March."""
    assert quick().now() == NOON.astimezone(UTC)
