"""The documented rate: one initial request and ten next pages a minute."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, closing
from datetime import timedelta
from random import Random
from typing import NoReturn

import httpx2
import pytest

from factories import NOON, wire_record
from ringback.cdr import (
    AsDetailedCDRApi,
    AsRestSession,
    CdrError,
    DetailedCDRApi,
    Options,
    Pace,
    RestSession,
    Retries,
)
from ringback.clients.pace import RequestKind
from unit.clients.cloud import HOST, HOUR, Cloud, Way, World, ids, page
from unit.clients.crowd import Crowd


def test_pages_keep_to_the_rate(way: Way, world: World) -> None:
    """A window of many pages is read without a single 429, and no slower than the rate allows."""
    cloud = Cloud(world, [NOON - timedelta(seconds=n) for n in range(1, 351)], page_size=10)
    assert ids(way.read(cloud)) == cloud.all_ids
    assert cloud.refused == []
    assert len(world.requests) == 35
    assert world.waits == [60.0, 60.0, 60.0]


def test_slices_keep_to_the_rate(way: Way, world: World) -> None:
    """Each slice begins with an initial request, of which there is one a minute."""
    cloud = Cloud(world, [NOON - n * HOUR for n in range(40)])
    way.read(cloud, NOON - 30 * HOUR, NOON)
    assert (cloud.refused, world.waits) == ([], [60.0, 60.0])
    assert (world.totals[-1].waits, world.totals[-1].waited) == (2, 120.0)


def test_feed_and_stream_share_the_rate(way: Way, world: World) -> None:
    """Reading the feed and then the stream in one session takes two minutes' worth of initial requests."""
    cloud = Cloud(world, [NOON - timedelta(minutes=1)])
    window = (NOON - HOUR, NOON)
    way.read_each(cloud, [(window, {"stream": False}), (window, {"stream": True})])
    assert (cloud.refused, world.waits) == ([], [60.0])


def test_sessions_can_share_a_pace(way: Way, world: World) -> None:
    """Two sessions with the same token keep to one rate if they are given one pace."""
    cloud = Cloud(world, [NOON - timedelta(minutes=1)])
    pace = Pace()
    way.read(cloud, session={"pace": pace})
    way.read(cloud, session={"pace": pace})
    assert (cloud.refused, world.waits) == ([], [60.0])


def test_a_slow_answer_does_not_bring_requests_together(way: Way, world: World) -> None:
    """A minute is counted from the answer, for the server may have counted the request as late as that."""

    def slow(_: httpx2.Request) -> httpx2.Response:
        world.seconds += 20
        return page()

    way.read(slow, NOON - 13 * HOUR, NOON)
    assert world.waits == [60.0]


def test_rates_can_be_set() -> None:
    """Another server may have another rate, or none."""
    pace = Pace(initial=2, following=None, period=10)
    assert [_send(pace, RequestKind.INITIAL, 5) for _ in range(2)] == [0, 0]
    assert [pace.book(RequestKind.INITIAL).wait(5) for _ in range(3)] == [10, 10, 20]
    assert [_send(pace, RequestKind.NEXT, 5) for _ in range(50)] == [0] * 50
    assert [_send(Pace.unlimited(), RequestKind.INITIAL, 5) for _ in range(50)] == [0] * 50


def test_a_request_under_way_holds_its_place() -> None:
    """As long as a request is not answered, no other one is sent in its place; a minute is counted from its answer."""
    pace = Pace()
    first, second = pace.book(RequestKind.INITIAL), pace.book(RequestKind.INITIAL)
    assert (first.wait(0), second.wait(0), second.wait(300)) == (0, 60, 60)
    first.settle(310)
    assert (second.wait(360), second.wait(370)) == (10, 0)


def test_who_waits_is_served_in_turn() -> None:
    """A request that is late for its place keeps it; one that is given up leaves it to the next."""
    pace = Pace()
    _send(pace, RequestKind.INITIAL, 0)
    second, third, fourth = (pace.book(RequestKind.INITIAL) for _ in range(3))
    assert (second.wait(0), third.wait(0), fourth.wait(0)) == (60, 120, 180)
    assert (third.wait(150), fourth.wait(150), pace.delay(RequestKind.INITIAL, 150)) == (60, 120, 180)
    second.settle(150)
    assert (third.wait(150), fourth.wait(150)) == (0, 60)


def test_what_others_asked_counts() -> None:
    """When the rate is taken as used up, nobody sends for a period from then, also who has waited before."""
    pace = Pace(period=10)
    waiting = [pace.book(kind) for kind in RequestKind]
    pace.use_up(100)
    assert [slot.wait(104) for slot in waiting] == [6, 6]
    assert [slot.wait(110) for slot in waiting] == [0, 0]


def test_a_reading_that_is_cancelled_counts_and_leaves_its_place(world: World) -> None:
    """A request that is cancelled while it is under way counts from then on; one that waits holds up nobody after."""

    async def run(pace: Pace) -> list[float]:
        delays = []
        reached = asyncio.Event()

        async def for_ever(_: object) -> NoReturn:
            reached.set()
            await asyncio.Event().wait()
            raise AssertionError("nobody sets it")

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(for_ever)) as client:
            session = AsRestSession(tokens="x", pace=pace, options=world.options(), client=client, sleep=for_ever)
            for _ in range(2):  # the first one asks, the second one waits
                reached.clear()
                reading = asyncio.create_task(AsDetailedCDRApi(session=session).get_cdr_history(NOON - HOUR, NOON))
                await reached.wait()
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
                delays.append(pace.delay(RequestKind.INITIAL, world.seconds))
                world.seconds += 1
        return delays

    assert asyncio.run(run(Pace())) == [60, 59]


@pytest.mark.parametrize("seed", range(8))
def test_many_share_a_pace(seed: int) -> None:
    """However many sessions in threads and event loops share a pace, however late they send, however long answers take,
    whoever fails, gives up or dies, at whatever moment the server counts: no period has more than are allowed, nobody
    waits for ever, and the rate is made use of."""
    crowd = Crowd()
    pace = Pace(INITIAL, FOLLOWING, PERIOD)
    users = [User(crowd, pace, seed * 100 + number, asynchronous=number % 2 == 1) for number in range(8)]
    begin = crowd.timer()
    crowd.run([user.run for user in users])
    periods = 0
    for kind, allowed in ((RequestKind.INITIAL, INITIAL), (RequestKind.NEXT, FOLLOWING)):
        counted = sorted(at for user in users for at in user.counted[kind])
        assert len(counted) > 5 * allowed
        early = [(one, other) for one, other in zip(counted, counted[allowed:], strict=False) if other < one + PERIOD]
        assert early == []
        periods += -(-len(counted) // allowed)
    ended = sum(user.ended for user in users)
    assert ended
    assert crowd.timer() - begin < (periods + ended) * (PERIOD + 2 * LATEST + SLOWEST)


INITIAL, FOLLOWING, PERIOD = 2, 5, 60.0
LATEST, SLOWEST = 30.0, 40.0
"""Seconds by which a user is late after a wait or with its token, and that an answer takes, at most."""


class Died(Exception):
    """A user is no more."""


class User:
    """Reads windows of some pages through a session of its own, and sometimes ends in the middle of one.

    Attributes:
        counted: when the server counted its requests.
        ended: how many readings ended too early.
    """

    def __init__(self, crowd: Crowd, pace: Pace, seed: int, *, asynchronous: bool) -> None:
        self.counted: dict[RequestKind, list[float]] = {kind: [] for kind in RequestKind}
        self.ended = 0
        self._crowd = crowd
        self._pace = pace
        self._random = Random(seed)
        self._asynchronous = asynchronous

    @property
    def access_token(self) -> str:
        """The token; getting it takes some time, and may fail."""
        self._dawdle(LATEST)
        return "x"

    def run(self) -> None:
        """Read some windows."""
        for _ in range(8):
            try:
                self._read(pages=self._random.randint(1, 6))
            except (Died, CdrError):
                self.ended += 1

    def _read(self, pages: int) -> None:
        transport = httpx2.MockTransport(self._serve)
        enough = self._random.randint(1, 2 * pages)
        options = Options(timer=self._crowd.timer, random=self._random, retries=Retries(tries=2))
        if not self._asynchronous:
            session = RestSession(
                tokens=self,
                pace=self._pace,
                options=options,
                sleep=self._sleep,
                client=httpx2.Client(transport=transport),
            )
            history = DetailedCDRApi(session=session).get_cdr_history(NOON - HOUR, NOON, max=pages)
            with closing(history):
                for _, _ in zip(range(enough), history, strict=False):
                    pass
            return

        async def read() -> None:
            async with httpx2.AsyncClient(transport=transport) as client:
                session = AsRestSession(
                    tokens=self, pace=self._pace, options=options, sleep=self._sleep_async, client=client
                )
                history = AsDetailedCDRApi(session=session).get_cdr_history_gen(NOON - HOUR, NOON, max=pages)
                async with aclosing(history):
                    for _ in range(enough):
                        await anext(history, None)

        asyncio.run(read())

    def _serve(self, request: httpx2.Request) -> httpx2.Response:
        page_number = int(request.url.params.get("page", "1"))
        self._crowd.sleep(self._random.uniform(0, SLOWEST / 2))
        self.counted[RequestKind.INITIAL if page_number == 1 else RequestKind.NEXT].append(self._crowd.timer())
        self._crowd.sleep(self._random.uniform(0, SLOWEST / 2))
        if self._random.random() < 0.1:
            raise httpx2.ReadError("the connection is gone")
        pages = int(request.url.params["max"])
        following = f"{HOST}{request.url.path}?max={pages}&page={page_number + 1}"
        return page(wire_record(f"r{page_number}"), link=following if page_number < pages else "")

    def _sleep(self, seconds: float) -> None:
        self._crowd.sleep(seconds * self._random.choice([0.5, 1.0]))  # waking too early is no harm
        self._dawdle(LATEST)

    async def _sleep_async(self, seconds: float) -> None:
        self._sleep(seconds)

    def _dawdle(self, longest: float) -> None:
        if self._random.random() < 0.5:
            self._crowd.sleep(self._random.uniform(0, longest))
        if self._random.random() < 0.05:
            raise Died


def _send(pace: Pace, kind: RequestKind, at: float) -> float:
    """Send a request that is answered at once; how long it had to wait."""
    slot = pace.book(kind)
    seconds = slot.wait(at)
    slot.settle(at + seconds)
    return seconds
