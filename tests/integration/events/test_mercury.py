"""The WebSocket `/v1/mercury`, with real sockets."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect

from factories import ORG, OTHER_ORG, Clock
from integration.events.site import ANN, BASE_PATH, BEN, Device, Teller, WebProcess, in_loop, telling, web_process
from ringback.projections.outbox import EventKind, NewEvent
from ringback.server.events import Patience

SESSION = {"id": "s1", "sessionId": "s1", "url": "history/userSessions/s1", "sessionType": "WEBEXCALLING"}


@in_loop
async def test_first_message(teller: Teller, web: WebProcess) -> None:
    """The first message is mercury.buffer_state, has no type, and names the newest event."""
    teller.tell(count=3)
    async with web.listen(teller.token()) as device:
        first = device.beginning
        assert uuid.UUID(first.pop("id"))
        assert uuid.UUID(first.pop("trackingId").removeprefix("RINGBACK_"))
        data = {"eventType": "mercury.buffer_state", "bufferState": {}}
        assert first == {"timestamp": teller.clock.now, "eventNumber": 3, "data": data}


@in_loop
async def test_events_on_the_wire(teller: Teller, web: WebProcess) -> None:
    """Each kind of event has the form that the calling SDK reads, and the url of a session leads to this server."""
    session = msgspec.json.encode(SESSION)
    async with web.listen(teller.token()) as device:
        teller.tell_all(
            [
                NewEvent(ANN, EventKind.RECENT, session),
                NewEvent(ANN, EventKind.LEGACY, session),
                NewEvent(ANN, EventKind.VIEWED, b'["s1","s2"]'),
                NewEvent(ANN, EventKind.DELETED, b'["s1"]'),
            ]
        )
        events = [await device.hear() for _ in range(4)]
    shown = SESSION | {"url": f"{web.address}{BASE_PATH}/history/userSessions/s1"}
    sessions = {"userSessions": [shown], "statusCode": 0}
    assert [event["data"] for event in events] == [
        {"eventType": "janus.user_recent_sessions", "userSessions": sessions},
        {"eventType": "janus.user_sessions", "userSessions": sessions},
        {
            "eventType": "janus.user_viewed_sessions",
            "userReadSessions": {"userReadSessions": [{"sessionId": "s1"}, {"sessionId": "s2"}], "statusCode": 0},
        },
        {"eventType": "janus.user_sessions_deleted", "deletedSessions": ["s1"]},
    ]
    assert [event["eventNumber"] for event in events] == [1, 2, 3, 4]
    assert len({event["id"] for event in events}) == 4
    for event in events:
        assert set(event) == {"id", "timestamp", "trackingId", "eventNumber", "data"}
        assert event["timestamp"] == teller.clock.now


@in_loop
async def test_behind_a_proxy(directory: Path, clock: Clock, teller: Teller) -> None:
    """With public_url, the url of a session begins with it."""
    with web_process(directory, clock, public_url="https://calls.example/") as web:
        async with web.listen(teller.token()) as device:
            teller.tell_all([NewEvent(ANN, EventKind.RECENT, msgspec.json.encode(SESSION))])
            (session,) = (await device.hear())["data"]["userSessions"]["userSessions"]
    assert session["url"] == f"https://calls.example{BASE_PATH}/history/userSessions/s1"


@in_loop
async def test_each_once_in_order(teller: Teller, web: WebProcess) -> None:
    """Every device of a user gets each event once, in order, as it is committed, whoever else is told something."""
    async with web.listen(teller.token()) as phone, web.listen(teller.token()) as desk:
        with telling(teller, 10**6, ANN, BEN, BEN):
            heard = await asyncio.gather(phone.numbers(60), desk.numbers(60))
    assert heard[0] == heard[1]
    assert heard[0] == [event.number for event in teller.outbox.after(ORG, 0, 60, ANN)]


@in_loop
async def test_an_event_has_one_id(teller: Teller, web: WebProcess) -> None:
    """An event that is sent again has the same id and the same content."""
    async with web.listen(teller.token()) as device:
        (number,) = teller.tell()
        first = await device.hear()
    async with web.listen(teller.token(), lastEventId=number - 1) as device:
        assert await device.hear() == first


@in_loop
async def test_resume_across_a_restart(directory: Path, clock: Clock, teller: Teller) -> None:
    """A client that names its last event gets all that came since, also what came while the server was down."""
    with web_process(directory, clock) as web:
        async with web.listen(teller.token()) as device:
            teller.tell(count=5)
            assert await device.numbers(5) == [1, 2, 3, 4, 5]
        teller.tell(count=1)
    teller.tell(count=1200)
    with web_process(directory, clock) as web:
        async with web.listen(teller.token(), lastEventId=5) as device:
            assert device.beginning["eventNumber"] == 5
            assert "startAgain" not in device.beginning["data"]
            with telling(teller, 50, ANN):
                assert await device.numbers(1251) == list(range(6, 1257))


@pytest.mark.parametrize("after", ["2", "11", "abc", "-1", "%F0%9F%98%80", "9" * 30], ids=str)
@in_loop
async def test_start_again(teller: Teller, web: WebProcess, after: str) -> None:
    """A client whose last event is forgotten, or was never told, is told to start again, and hears what is new."""
    teller.tell(count=5)
    teller.clock.now += 1000
    assert teller.outbox.forget(ORG, teller.clock.now) == 5
    teller.tell(count=5)
    async with web.listen(teller.token(), lastEventId=after) as device:
        assert device.beginning["data"]["startAgain"] is True
        assert device.beginning["eventNumber"] == 10
        teller.tell()
        assert await device.numbers(1) == [11]


@in_loop
async def test_whose_events(teller: Teller, web: WebProcess) -> None:
    """Nobody hears of another user or of another organization, even if the user has the same UUID there."""
    teller.tell(ANN, org=OTHER_ORG, count=3)
    async with web.listen(teller.token(), lastEventId=0) as device, web.listen(teller.token(BEN)) as other:
        teller.tell(BEN, count=2)
        teller.tell(ANN, org=OTHER_ORG)
        teller.tell(ANN)
        assert await device.numbers(1) == [3]
        assert await other.numbers(2) == [1, 2]
        teller.tell(BEN)
        assert await other.numbers(1) == [4]


@in_loop
async def test_an_administrator_names_a_user(teller: Teller, web: WebProcess) -> None:
    """An administrator hears of the user that the address names."""
    async with web.listen(teller.token(None), user=BEN) as device:
        teller.tell(ANN)
        teller.tell(BEN)
        assert await device.numbers(1) == [2]


@in_loop
async def test_ping_and_acknowledgement(teller: Teller, web: WebProcess) -> None:
    """A ping is answered with a pong of the same id; acknowledgements and unknown messages are passed over."""
    async with web.listen(teller.token()) as device:
        await device.say(type="ack", messageId=device.beginning["id"])
        await device.say(type="typing", data={"on": True})
        await device.say(nothing="known")
        await device.connection.send(b'{"type":"ping","id":"in bytes"}')
        await device.say(type="ping", id="p1")
        assert await device.hear() == {"id": "in bytes", "type": "pong"}
        assert await device.hear() == {"id": "p1", "type": "pong"}


@in_loop
async def test_a_ping_before_the_first_message(teller: Teller, web: WebProcess) -> None:
    """What a client sends at once behind its authorization is answered after the first message."""
    async with web.connect() as connection:
        device = Device(connection)
        await device.say(type="authorization", id="1", data={"token": f"Bearer {teller.token()}"})
        await device.say(type="ping", id="p1")
        assert (await device.hear())["data"]["eventType"] == "mercury.buffer_state"
        assert (await device.hear())["type"] == "pong"


def authorization(token: Any) -> dict[str, Any]:
    """The first message."""
    return {"type": "authorization", "id": "1", "data": {"token": token}}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 4400),
        (b"\xff\xfe", 4400),
        ("[]", 4400),
        ('"authorization"', 4400),
        ('{"type":"ping","id":"1"}', 4400),
        ('{"type":"authorization"}', 4400),
        ('{"type":"authorization","data":{"token":5}}', 4400),
        (msgspec.json.encode(authorization("x" * 16384)).decode(), 4400),
        ('{"type":"authorization","data":{"token":"' + "\N{PILE OF POO}" * 5000 + '"}}', 4400),
        (msgspec.json.encode(authorization("Bearer rb_unknown_unknown")).decode(), 4401),
        (msgspec.json.encode(authorization("")).decode(), 4401),
    ],
    ids=["half", "bytes", "list", "text", "ping", "no-data", "number", "long", "long-in-bytes", "unknown", "empty"],
)
@in_loop
async def test_refused_first_message(web: WebProcess, message: str | bytes, code: int) -> None:
    """A first message that is no authorization is refused with 4400, one with a token that is not valid with 4401."""
    async with web.connect() as connection:
        await connection.send(message)
        assert await Device(connection).closed() == code


@in_loop
async def test_refused_tokens(teller: Teller, web: WebProcess) -> None:
    """A token without the scope, and one for another user, are refused with 4403; an administrator must name a user."""
    records_only = teller.tokens.create(ORG)[0]
    for token, query, code in (
        (records_only, {}, 4403),
        (teller.token(ANN), {"user": BEN}, 4403),
        (teller.token(None), {}, 4400),
    ):
        async with web.connect(**query) as connection:
            device = Device(connection)
            await device.say(**authorization(f"Bearer {token}"))
            assert await device.closed() == code
            assert connection.close_reason
    assert web.hub.listeners == 0


@in_loop
async def test_refused_address(teller: Teller, web: WebProcess) -> None:
    """A header Host that is no host is refused with 4400: it would become part of the urls."""
    port = int(web.address.rpartition(":")[2])
    async with connect("ws://calls$example/v1/mercury", host="127.0.0.1", port=port, proxy=None) as connection:
        assert await Device(connection).closed() == 4400


@in_loop
async def test_a_bad_message_later(teller: Teller, web: WebProcess) -> None:
    """A message that is no JSON, or longer than 16 KiB, closes a connection with 4400 at any time."""
    for message in ("{", "x" * 16385):
        async with web.listen(teller.token()) as device:
            await device.connection.send(message)
            assert await device.closed() == 4400


@in_loop
async def test_no_authorization(directory: Path, clock: Clock) -> None:
    """Who does not authorize itself in time is closed with 4401."""
    with web_process(directory, clock, patience=Patience(authorization=0.2)) as web:
        async with web.connect() as connection:
            assert await Device(connection).closed() == 4401


@in_loop
async def test_a_revoked_token(directory: Path, clock: Clock, teller: Teller) -> None:
    """A connection whose token is revoked is closed soon, so that it comes again and is refused; others stay."""
    with web_process(directory, clock, patience=Patience(recheck=0.1)) as web:
        async with web.listen(teller.token()) as stays, web.listen(teller.token()) as device:
            await asyncio.sleep(0.3)
            teller.tell()
            assert await device.numbers(1) == [1], "a token that is valid stays valid"
            teller.tokens.revoke(teller.tokens.all()[-1].id)
            assert await device.closed() == 1001
            teller.tell()
            assert await stays.numbers(2) == [1, 2]


@in_loop
async def test_too_many(directory: Path, clock: Clock, teller: Teller) -> None:
    """Beyond the limits of a user and of the process a client is told to try later, and may come when another left."""
    with web_process(directory, clock, most=2, most_per_user=1) as web:
        ann, ben, admin = teller.token(ANN), teller.token(BEN), teller.token(None)
        async with web.listen(ben):
            async with web.listen(ann):
                for token, query in ((ann, {}), (admin, {"user": "third"})):
                    async with web.connect(**query) as connection:
                        device = Device(connection)
                        await device.say(**authorization(f"Bearer {token}"))
                        assert await device.closed() == 1013
            await web.until_listeners(1)
            async with web.listen(ann) as device:
                teller.tell()
                assert await device.numbers(1) == [1]
