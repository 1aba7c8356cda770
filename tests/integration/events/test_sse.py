"""Server-sent events at `/v1/events`, with real sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from factories import ORG, OTHER_ORG, Clock
from integration.events.site import ANN, BASE_PATH, BEN, Teller, WebProcess, in_loop, telling, web_process
from ringback.projections.outbox import EventKind, NewEvent, envelope
from ringback.server.events import Patience


@in_loop
async def test_beginning(teller: Teller, web: WebProcess) -> None:
    """The first event carries the newest number, so that who is cut off before the next can resume."""
    teller.tell(count=3)
    async with web.stream(teller.token()) as stream:
        assert stream.response.status_code == 200
        headers = stream.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        first = await stream.next()
        assert stream.retry == 1000
    assert (first.id, first.name) == (3, "mercury.buffer_state")
    assert first.data["eventNumber"] == 3
    assert first.data["data"] == {"eventType": "mercury.buffer_state", "bufferState": {}}


@in_loop
async def test_events_on_the_wire(teller: Teller, web: WebProcess) -> None:
    """An event has its number as id, its type as name, and the envelope that the WebSocket sends as data."""
    session = b'{"sessionId":"s1","url":"history/userSessions/s1"}'
    async with web.stream(teller.token()) as stream:
        await stream.next()
        teller.tell_all([NewEvent(ANN, EventKind.RECENT, session), NewEvent(ANN, EventKind.VIEWED, b'["s1"]')])
        sent = [await stream.next(), await stream.next()]
    base = web.address + BASE_PATH
    kept = teller.outbox.after(ORG, 0, 10)
    assert [each.id for each in sent] == [1, 2]
    assert [each.name for each in sent] == ["janus.user_recent_sessions", "janus.user_viewed_sessions"]
    assert [each.data for each in sent] == [msgspec.json.decode(envelope(event, base)) for event in kept]


@pytest.mark.parametrize("by", ["header", "parameter", "both"])
@in_loop
async def test_resume_across_a_restart(directory: Path, clock: Clock, teller: Teller, by: str) -> None:
    """A client that names its last event, as browsers do, gets all that came since, each once and in order."""
    with web_process(directory, clock) as web:
        async with web.stream(teller.token()) as stream:
            await stream.next()
            teller.tell(count=3)
            assert await stream.ids(3) == [1, 2, 3]
    teller.tell(count=700)
    headers = {} if by == "parameter" else {"Last-Event-ID": "3"}
    query = {"parameter": {"lastEventId": "3"}, "both": {"lastEventId": "1"}, "header": {}}[by]
    with web_process(directory, clock) as web:
        async with web.stream(teller.token(), headers, **query) as stream:
            first = await stream.next()
            assert (first.id, first.name) == (3, "mercury.buffer_state")
            with telling(teller, 50, ANN):
                assert await stream.ids(750) == list(range(4, 754))


@pytest.mark.parametrize("after", ["2", "11", "abc", "1.5"])
@in_loop
async def test_start_again(teller: Teller, web: WebProcess, after: str) -> None:
    """A client whose last event is forgotten, or was never told, is told to start again, then what is new."""
    teller.tell(count=5)
    teller.clock.now += 1000
    assert teller.outbox.forget(ORG, teller.clock.now) == 5
    teller.tell(count=5)
    async with web.stream(teller.token(), {"Last-Event-ID": after}) as stream:
        first = await stream.next()
        assert (first.id, first.name) == (10, "start_again")
        assert first.data["data"]["startAgain"] is True
        teller.tell()
        assert await stream.ids(1) == [11]


@in_loop
async def test_the_whole_organization(teller: Teller, web: WebProcess) -> None:
    """An administrator hears of all users of the organization, or of the one that is named; never of another one."""
    admin = teller.token(None)
    teller.tell(ANN, count=2)
    async with web.stream(admin, lastEventId="1") as everybody, web.stream(admin, user=BEN) as ben:
        await asyncio.gather(everybody.next(), ben.next())
        teller.tell(ANN, org=OTHER_ORG, count=5)
        teller.tell(BEN)
        teller.tell(ANN)
        teller.tell(BEN)
        assert await everybody.ids(4) == [2, 3, 4, 5]
        assert await ben.ids(2) == [3, 5]


@in_loop
async def test_whose_events(teller: Teller, web: WebProcess) -> None:
    """A user hears of nobody else, whatever the address says."""
    async with web.stream(teller.token(ANN), user=ANN) as stream:
        await stream.next()
        teller.tell(BEN, count=2)
        teller.tell(ANN, org=OTHER_ORG, count=4)
        teller.tell(ANN)
        assert await stream.ids(1) == [3]
    async with web.stream(teller.token(ANN), user=BEN) as stream:
        assert stream.response.status_code == 403


@in_loop
async def test_refused(teller: Teller, web: WebProcess) -> None:
    """Without a valid token the answer is 401, without the scope 403, to another method 405; the body says why."""
    records_only = teller.tokens.create(ORG)[0]
    refusals: list[tuple[str | None, dict[str, Any], int]] = [
        (None, {}, 401),
        ("rb_unknown_unknown", {}, 401),
        (records_only, {}, 403),
        (teller.token(), {"user": BEN}, 403),
    ]
    for token, query, status in refusals:
        async with web.stream(token, **query) as stream:
            assert stream.response.status_code == status
            error = msgspec.json.decode(await stream.response.aread())
            assert error["message"]
            assert error["trackingId"] == stream.response.headers["trackingid"]
    async with httpx2.AsyncClient(trust_env=False) as client:
        assert (await client.post(f"{web.address}/v1/events")).status_code == 405
    assert web.hub.listeners == 0


@in_loop
async def test_too_many(directory: Path, clock: Clock, teller: Teller) -> None:
    """Beyond the limit of a user the answer is 429, beyond that of the process 503, both with Retry-After."""
    with web_process(directory, clock, most=2, most_per_user=1) as web:
        async with web.stream(teller.token(ANN)) as first:
            async with web.stream(teller.token(ANN)) as refused:
                assert refused.response.status_code == 429
                assert int(refused.response.headers["retry-after"]) > 0
            async with web.stream(teller.token(BEN)) as second, web.stream(teller.token(None)) as refused:
                assert refused.response.status_code == 503
                assert int(refused.response.headers["retry-after"]) > 0
                await asyncio.gather(first.next(), second.next())


@in_loop
async def test_signs_of_life(directory: Path, clock: Clock, teller: Teller) -> None:
    """While nothing happens comments are sent, and they are no events."""
    with web_process(directory, clock, patience=Patience(keep_alive=0.02)) as web:
        async with web.stream(teller.token()) as stream:
            await stream.next()
            waiting = asyncio.create_task(stream.next())
            await asyncio.sleep(0.3)
            assert stream.comments > 2
            teller.tell()
            assert (await waiting).id == 1


@in_loop
async def test_a_revoked_token(directory: Path, clock: Clock, teller: Teller) -> None:
    """When a token is revoked its streams end soon, and it cannot come again."""
    with web_process(directory, clock, patience=Patience(recheck=0.1)) as web:
        token = teller.token()
        async with web.stream(token) as stream:
            await stream.next()
            teller.tokens.revoke(teller.tokens.all()[-1].id)
            await stream.ended()
        async with web.stream(token, lastEventId="0") as stream:
            assert stream.response.status_code == 401


@in_loop
async def test_a_client_that_leaves(teller: Teller, web: WebProcess) -> None:
    """When a client leaves, the server knows at once, also if nothing happens."""
    async with web.stream(teller.token()) as stays:
        async with web.stream(teller.token()) as leaves:
            await asyncio.gather(stays.next(), leaves.next())
            assert web.hub.listeners == 2
        await web.until_listeners(1)
        teller.tell()
        assert await stays.ids(1) == [1]
    await web.until_listeners(0)
