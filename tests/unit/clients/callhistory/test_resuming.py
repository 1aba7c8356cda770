"""What happens while there is no connection is told afterwards, once and in order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from factories import NOON
from ringback.history import Retries
from ringback.records.values import read_time
from unit.clients.callhistory.service import (
    Answer,
    Heard,
    Moment,
    Numbering,
    Peer,
    Request,
    Service,
    asynchronous,
    client,
    deleted,
    history,
    quick,
    recent,
    session,
    until,
    viewed,
)


@asynchronous
async def test_nothing_is_lost_or_told_twice() -> None:
    """However often the connection breaks, a server that numbers its events has each told once, in order."""
    random = Random(11)
    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        heard = Heard(calls)
        await calls.connect()
        for number in range(60):
            chance = random.random()
            if chance < 0.5:
                count = len(service.peers)
                service.peers[-1].cut()
                if chance < 0.25:
                    await until(lambda: len(service.peers) > count)  # noqa: B023  # it is done within this turn
            await server.happen(viewed(str(number)))
        assert await heard.until(("viewed", "59")) == [("viewed", str(number)) for number in range(60)]
        assert len(service.peers) > 10
        await until(lambda: calls.last_event_id == 60)


@asynchronous
async def test_the_number_to_go_on_after() -> None:
    """A lost connection is made again with the number of the newest event that came."""
    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        server.events = [viewed("old", number=1)] * 4
        heard = Heard(calls)
        await calls.connect()
        first = await service.peer()
        assert "lastEventId" not in first.query
        await first.close()
        second = await service.peer()
        assert second.query["lastEventId"] == "4"
        await second.send(viewed("a", number=9))
        await heard.until(("viewed", "a"))
        await second.send(viewed("b", number=9))
        await second.send(viewed("c", number=8))
        await second.send({"id": "x", "eventNumber": 12, "data": {"eventType": "something.else"}})
        await until(lambda: calls.last_event_id == 12)
        await second.close()
        assert (await service.peer()).query["lastEventId"] == "12"
        assert heard.facts == [("viewed", "a")]
        assert service.requests == []


@asynchronous
async def test_going_on_where_another_client_stopped() -> None:
    """A client that is given the number of an earlier one is told what has happened since."""
    async with Service().listening() as service:
        server = Numbering(service)
        async with client(service) as calls:
            heard = Heard(calls)
            await calls.connect()
            await server.happen(viewed("a"))
            await heard.until(("viewed", "a"))
            await until(lambda: calls.last_event_id == 1)
            kept = calls.last_event_id
        await server.happen(viewed("b"))
        async with client(service) as calls:
            heard = Heard(calls)
            await calls.connect(last_event_id=kept)
            assert await heard.until(("viewed", "b")) == [("viewed", "b")]


@asynchronous
async def test_going_on_elsewhere() -> None:
    """A client that is given a number starts there, and forgets what it had not told yet."""
    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        server.events = [viewed("a", number=1), viewed("b", number=2)]
        service.answer = lambda _: (503, b"")
        heard = Heard(calls)
        server.forgotten = 1
        await calls.connect(last_event_id=0)  # cannot be told before the history is read, which fails
        await calls.disconnect()
        server.forgotten = 0
        service.answer = lambda _: (200, history([session("wrong")]))
        await calls.connect(last_event_id=1)
        assert await heard.until(("viewed", "b")) == [("viewed", "b")]


@asynchronous
async def test_going_on_elsewhere_after_a_failure() -> None:
    """A client that is given a number has nothing to make up for that came before it."""
    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        server.events = [viewed("a", number=1), viewed("b", number=2)]
        service.answer = lambda _: (403, b"")
        heard = Heard(calls)
        server.forgotten = 1
        await calls.connect(last_event_id=0)
        await server.happen(viewed("c"))
        await heard.until(("viewed", "c"))
        await calls.disconnect()
        server.forgotten = 0
        await calls.connect(last_event_id=1)
        await until(lambda: calls.last_event_id == 3)
        assert heard.facts == [("viewed", "c"), ("viewed", "b"), ("viewed", "c")]
        assert len(service.requests) == 1


@asynchronous
async def test_the_number_waits_for_the_callbacks() -> None:
    """The number that a program may keep is that of the newest event whose callbacks have all returned."""
    go_on = asyncio.Event()

    async def wait(_: object) -> None:
        await go_on.wait()

    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        heard = Heard(calls)
        calls.on("callHistory:user_viewed_sessions", wait)
        await calls.connect()
        await server.happen(viewed("a"))
        await server.happen(viewed("b"))
        await heard.until(("viewed", "a"))
        assert calls.last_event_id == 0
        go_on.set()
        await until(lambda: calls.last_event_id == 2)


@asynchronous
async def test_start_again() -> None:
    """When a numbering server has forgotten, the history is read, and what is new in it told before what follows."""
    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        heard = Heard(calls)
        await calls.connect()
        await server.happen(recent(session("known", minutes=-30)))
        await heard.until(("recent", "known"))
        service.handshake = 503
        await service.peers[-1].close()
        server.events += [viewed("x")] * 20
        server.forgotten = 10
        listed = [session("new", minutes=5), session("known", minutes=-30, isRead=True), session("old", minutes=-90)]
        service.answer = lambda _: (200, history(listed))
        service.handshake = None
        await until(lambda: server.greeted == 2)
        await server.happen(viewed("after"))
        await heard.until(("viewed", "after"))
        assert heard.facts == [("recent", "known"), ("recent", "new"), ("viewed", "known"), ("viewed", "after")]
        assert [event.derived for event in heard.events] == [False, True, True, False]
        await until(lambda: calls.last_event_id == 22)


@asynchronous
async def test_start_again_for_a_new_client() -> None:
    """A new client whose number is too old is told the history of the days it looks back, oldest first."""
    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        server.events = [viewed("x")] * 20
        server.forgotten = 10
        service.answer = lambda _: (200, history([session("b", minutes=-1), session("a", minutes=-9000)]))
        heard = Heard(calls)
        await calls.connect(last_event_id=3)
        assert await heard.until(("recent", "b")) == [("recent", "a"), ("recent", "b")]
        assert "from=2026-02-23T12:00:00.000Z&limit=250&" in service.requests[0].line


@asynchronous
async def test_start_again_while_the_history_cannot_be_read() -> None:
    """If the history cannot be read then, it is read after the next connection; nothing is passed over."""
    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        heard = Heard(calls)
        await calls.connect()
        await server.happen(viewed("a"))
        await heard.until(("viewed", "a"))
        server.events += [viewed("x")] * 20
        server.forgotten = 10
        service.answer = lambda _: (503, b"")
        await service.peers[-1].close()
        await until(lambda: len(service.requests) == 3)
        await server.happen(viewed("b"))
        await heard.until(("viewed", "b"))
        service.answer = lambda _: (200, history([session("new", minutes=-5)]))
        await service.peers[-1].close()
        await heard.until(("recent", "new"))
        assert heard.facts == [("viewed", "a"), ("viewed", "b"), ("recent", "new")]


@asynchronous
async def test_the_number_stays_before_what_could_not_be_read() -> None:
    """While the history cannot be read, the number to keep is the one before the gap: a restart misses nothing."""
    go_on = asyncio.Event()

    async def wait(_: object) -> None:
        await go_on.wait()

    async with Service().listening() as service, client(service) as calls:
        server = Numbering(service)
        server.events = [viewed("x")] * 20
        server.forgotten = 10
        service.answer = lambda _: (403, b"")
        heard = Heard(calls)
        await calls.connect(last_event_id=5)
        await server.happen(viewed("a"))
        await server.happen(viewed("b"))
        await heard.until(("viewed", "b"))
        assert calls.last_event_id == 5
        calls.on("callHistory:user_viewed_sessions", wait)
        await server.happen(viewed("c"))
        await heard.until(("viewed", "c"))
        await service.peers[-1].close()
        await until(lambda: len(service.peers) == 2 and calls.connected)
        await server.happen(viewed("d"))
        go_on.set()  # the second reading comes after "c" and before "d"
        await heard.until(("viewed", "d"))
        assert (calls.last_event_id, len(service.requests)) == (5, 2)
        service.answer = lambda _: (200, history([session("new", minutes=-5)]))
        await service.peers[-1].close()
        await heard.until(("recent", "new"))
        await until(lambda: calls.last_event_id == 24)


@asynchronous
async def test_a_reading_that_fails_in_another_way() -> None:
    """The number stays also if what fails is the HTTP client that the program has given."""

    async def fail(_: object) -> None:
        raise OSError("the program's own trouble")

    http = httpx2.AsyncClient(event_hooks={"request": [fail]})
    async with http, Service().listening() as service, client(service, client=http) as calls:
        server = Numbering(service)
        server.events = [viewed("x")] * 20
        server.forgotten = 10
        heard = Heard(calls)
        await calls.connect(last_event_id=5)
        await server.happen(viewed("a"))
        await server.happen(viewed("b"))
        await heard.until(("viewed", "b"))
        assert calls.last_event_id == 5


class Foreign:
    """A server whose events have no numbers, with the history that it shows.

    Attributes:
        sessions: of the user.
        largest: sessions that it gives at most, whatever is asked for.
        selects_by: which time of a session must not be before `from`.
    """

    def __init__(self, service: Service, *sessions: dict[str, Any]) -> None:
        self.sessions = {one["sessionId"]: one for one in sessions}
        self.largest = 100_000
        self.selects_by = "endTime"
        service.answer = self._answer

    def put(self, session_id: str, **given: Any) -> None:
        """Add a session, or change it."""
        self.sessions[session_id] = self.sessions.get(session_id, {}) | session(session_id, **given)

    def _answer(self, request: Request) -> Answer:
        query = parse_qs(request.line.split()[1].partition("?")[2])
        since = read_time(query["from"][0])
        in_order = sorted(
            self.sessions.values(), key=lambda one: str(one["endTime"]), reverse=query["sort"] == ["DESC"]
        )
        listed = [one for one in in_order if read_time(one[self.selects_by]) >= since]
        return 200, history(listed[: min(int(query["limit"][0]), self.largest)])


async def lose(service: Service, heard: Heard) -> Peer:
    """Lose the connection, and wait for the next, and for what the history shows then to be told."""
    count = len(service.peers)
    service.peers[-1].cut()
    await until(lambda: len(service.peers) > count)
    await heard.settle(service.peers[-1])
    return service.peers[-1]


@asynchronous
async def test_a_server_that_cannot_resume() -> None:
    """What a reading of the history shows to be new, changed, read or deleted since is told as events, each once."""
    clock = Moment()
    async with Service().listening() as service, client(service, options=quick(now=clock)) as calls:
        server = Foreign(service, *(session(name, minutes=-60) for name in ("same", "seen", "gone", "changed")))
        heard = Heard(calls)
        await calls.connect()
        await heard.settle(service.peers[-1])
        server.put("told", minutes=1)
        await service.peers[-1].send(recent(server.sessions["told"]))
        await heard.until(("recent", "told"))
        clock.now = NOON + timedelta(minutes=10)
        server.put("new", minutes=5)
        server.put("newer", minutes=6)
        server.put("late", minutes=-600)
        server.put("seen", minutes=-60, isRead=True)
        server.put("changed", minutes=-60, disposition="ANSWERED")
        del server.sessions["gone"]
        await lose(service, heard)
        await heard.until(("deleted", "gone"))
        assert heard.facts == [
            ("recent", "told"),
            ("recent", "late"),
            ("recent", "changed"),
            ("recent", "new"),
            ("recent", "newer"),
            ("viewed", "seen"),
            ("deleted", "gone"),
        ]
        assert [event.derived for event in heard.events] == [False, *[True] * 6]
        assert heard.events[-1].timestamp == 1772453400000
        assert heard.events[3].raw["data"]["userSessions"]["userSessions"] == [server.sessions["new"]]
        await lose(service, heard)
        await service.peers[-1].send(viewed("end"))
        await heard.until(("viewed", "end"))
        assert heard.facts[7:] == [("viewed", "end")]
    lines = [request.line for request in service.requests]
    assert sum("from=2026-02-23T12:00:00.000Z&limit=250&" in line for line in lines) == 2
    assert sum("from=2026-02-23T12:10:00.000Z&limit=250&" in line for line in lines) == 1


@asynchronous
async def test_events_that_the_history_had_already_shown() -> None:
    """An event that comes after the reading and tells only what that showed is not told again; a newer one is."""
    async with Service().listening() as service, client(service) as calls:
        server = Foreign(service, session("a"), session("b"))
        heard = Heard(calls)
        await calls.connect()
        await heard.settle(service.peers[-1])
        server.put("new", minutes=1)
        server.put("a", isRead=True)
        del server.sessions["b"]
        await lose(service, heard)
        await heard.until(("deleted", "b"))
        peer = service.peers[-1]
        for message in (recent(server.sessions["new"]), viewed("a"), deleted("b")):
            await peer.send(message)
        await peer.send(recent(session("new", minutes=1, disposition="ANSWERED")))
        await peer.send(recent(session("b")))
        await peer.send(deleted("b"))
        await peer.send(viewed("end"))
        await heard.until(("viewed", "end"))
        assert heard.facts[:3] == [("recent", "new"), ("viewed", "a"), ("deleted", "b")]
        assert heard.facts[3:] == [("recent", "new"), ("recent", "b"), ("deleted", "b"), ("viewed", "end")]


@asynchronous
async def test_the_same_message_twice() -> None:
    """A message that a server sends again after a new connection is told once."""
    async with Service().listening() as service, client(service) as calls:
        heard = Heard(calls)
        await calls.connect()
        message = viewed("a")
        await service.peers[-1].send(message)
        await heard.until(("viewed", "a"))
        await lose(service, heard)
        await service.peers[-1].send(message)
        await service.peers[-1].send(viewed("b"))
        assert await heard.until(("viewed", "b")) == [("viewed", "a"), ("viewed", "b")]


@asynchronous
async def test_shared_lines_are_not_taken_for_deleted() -> None:
    """A session of a shared line, which only the history of Webex Calling shows, is not deleted by not being there."""
    async with Service().listening() as service, client(service, calling_backend=None) as calls:
        heard = Heard(calls)
        await calls.connect()
        await service.peers[-1].send(recent(session("shared", sessionType="WEBEXCALLING_SHARED"), session("own")))
        await heard.until(("recent", "own"))
        await lose(service, heard)
        assert await heard.until(("deleted", "own")) == [("recent", "shared"), ("recent", "own"), ("deleted", "own")]


@asynchronous
async def test_old_sessions_are_not_taken_for_deleted() -> None:
    """A session that is too old to be in the part of the history that is read is not deleted by not being there."""
    clock = Moment()
    async with Service().listening() as service, client(service, options=quick(now=clock)) as calls:
        server = Foreign(service, session("old", minutes=-9000), session("gone"))
        heard = Heard(calls)
        await calls.connect()
        await heard.settle(service.peers[-1])
        clock.now = NOON + timedelta(days=3)
        await service.peers[-1].send(viewed("x"))
        await heard.until(("viewed", "x"))
        del server.sessions["gone"]
        await lose(service, heard)
        assert await heard.until(("deleted", "gone")) == [("viewed", "x"), ("deleted", "gone")]


@pytest.mark.parametrize("largest", [100_000, 250, 100, 7])
@asynchronous
async def test_long_histories(largest: int) -> None:
    """More new sessions than one answer has are all told, also if the server gives fewer at a time than asked for."""
    clock = Moment()
    async with Service().listening() as service, client(service, options=quick(now=clock)) as calls:
        server = Foreign(service, session("before", minutes=-60))
        server.largest = largest
        heard = Heard(calls)
        await calls.connect()
        await heard.settle(service.peers[-1])
        clock.now = NOON + timedelta(days=1)
        for number in range(600):
            server.put(f"s{number}", minutes=1 + number)
        await lose(service, heard)
        await heard.until(("recent", "s599"))
        assert heard.facts == [("recent", f"s{number}") for number in range(600)]


@asynchronous
async def test_a_long_call_where_the_history_is_cut_off() -> None:
    """A call that began long before the sessions around it ended is found, also if a server selects by the start."""
    clock = Moment()
    async with Service().listening() as service, client(service, options=quick(now=clock)) as calls:
        server = Foreign(service)
        server.largest, server.selects_by = 3, "startTime"
        heard = Heard(calls)
        await calls.connect()
        await heard.settle(service.peers[-1])
        clock.now = NOON + timedelta(days=3)
        for day, name in enumerate("abc"):
            server.put(name, minutes=day * 1440)
        server.put("long", minutes=2881, startTime="2026-03-04T10:00:00.000Z")
        await lose(service, heard)
        assert await heard.until(("recent", "long")) == [("recent", name) for name in ("a", "b", "c", "long")]


@asynchronous
async def test_the_first_reading_fails() -> None:
    """If the history could not be read at first, what ended since then is told after the next connection."""
    clock = Moment()
    async with Service().listening() as service, client(service, options=quick(now=clock)) as calls:
        service.answer = lambda _: (404, b"")
        heard = Heard(calls)
        await calls.connect()
        await heard.settle(service.peers[-1])
        assert len(service.requests) == 1, "a history that is not there was asked for again"
        clock.now = NOON + timedelta(minutes=10)
        Foreign(service, session("before", minutes=-61), session("new", minutes=5))
        await lose(service, heard)
        await service.peers[-1].send(viewed("end"))
        assert await heard.until(("viewed", "end")) == [("recent", "new"), ("viewed", "end")]


@asynchronous
async def test_disconnecting_while_the_history_is_read() -> None:
    """A reading of the history that waits for its next try ends with the disconnect, and is made up for later."""
    slow = quick(catch_up=Retries(tries=5, first=1000, longest=1000, total=10_000))
    async with Service().listening() as service, client(service, options=slow) as calls:
        service.answer = lambda _: (503, b"")
        await calls.connect()
        await until(lambda: len(service.requests) == 1)
        await calls.disconnect()
        service.answer = lambda _: (200, history([]))
        heard = Heard(calls)
        await calls.connect()
        await service.peers[-1].send(viewed("a"))
        await heard.until(("viewed", "a"))
        assert len(service.requests) == 3
