"""The call-log client against the simulated PBX: everything it has, or an error; never a list that is too short."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx2
import msgspec
import pytest

from ringback.calllogs import (
    AsyncCallLogsClient,
    BadRequest,
    CallLog,
    CallLogsClient,
    CallLogsOptions,
    CdrError,
    LoginRefused,
    NotAllowed,
    NotFound,
    PagingError,
    Retries,
)
from ringback.records.portsip.call_log import read_call_log
from ringback.simulator.pbx import (
    Behaviour,
    Faults,
    Limits,
    ManualClock,
    SimulatedPbx,
    Traffic,
    TrafficRates,
    Written,
)

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
NOW = START + timedelta(hours=20)
TICK = timedelta(seconds=20)
"""What passes with each answer."""


@pytest.fixture(scope="module")
def writes() -> list[Written]:
    """A day of calls; those of the last hours come in while their lists are read."""
    rates = TrafficRates(late=0.1, costed=0.5, updated=0.1)
    return list(Traffic(5, START, START + timedelta(days=1), calls_per_day=150, rates=rates).writes())


class Reading:
    """A client of a PBX on a clock that goes on with each answer. Use it in a with statement."""

    def __init__(self, pbx: SimulatedPbx, clock: ManualClock, *, asynchronous: bool = False, **given: Any) -> None:
        account = pbx.account()
        options = CallLogsOptions(
            now=clock.now,
            timer=lambda: clock.now().timestamp(),
            random=Random(1),
            read_timeout=0.5,
            retries=Retries(tries=40, total=1e6),
            **given.pop("options", {}),
        )
        login = {"username": account.username, "password": account.password, "domain": account.tenant}
        settings: dict[str, Any] = {"options": options} | ({} if "token" in given else login) | given
        self._runner = asyncio.Runner()
        self._asynchronous = asynchronous
        self.client: Any
        if asynchronous:

            async def tick_async(_: httpx2.Response) -> None:
                clock.advance(TICK)

            async def sleep_async(seconds: float) -> None:
                clock.advance(timedelta(seconds=seconds))

            http = httpx2.AsyncClient(event_hooks={"response": [tick_async]})
            self.client = AsyncCallLogsClient(pbx.base_url, client=http, sleep=sleep_async, **settings)
            self._close: Callable[[], object] = lambda: self._runner.run(http.aclose())
        else:

            def tick(_: httpx2.Response) -> None:
                clock.advance(TICK)

            def sleep(seconds: float) -> None:
                clock.advance(timedelta(seconds=seconds))

            blocking = httpx2.Client(event_hooks={"response": [tick]})
            self.client = CallLogsClient(pbx.base_url, client=blocking, sleep=sleep, **settings)
            self._close = blocking.close

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._runner.close()

    def list(self, method: str = "list", **wanted: Any) -> Sequence[CallLog]:
        """All call logs of a list."""
        logs = getattr(self.client, method)(**wanted)
        if not self._asynchronous:
            return list(logs)

        async def collect() -> Sequence[CallLog]:
            return [log async for log in logs]

        return self._runner.run(collect())

    def get(self, call_log_id: str) -> CallLog:
        """One call log."""
        found = self.client.get(call_log_id)
        log: CallLog = self._runner.run(found) if self._asynchronous else found
        return log


def expected_error(behaviour: Behaviour) -> type[CdrError] | None:
    """What reading `/calllogs` of such a PBX must end in; None if it must be complete."""
    if not behaviour.calllogs:
        return NotFound
    return {"honoured": None, "ignored": PagingError, "rejected": BadRequest}[behaviour.calllogs_options]


@pytest.mark.parametrize("seed", range(16))
def test_everything_or_an_error(writes: list[Written], seed: int) -> None:
    """However a PBX behaves, and whatever breaks, the client gives every row that was there, each once, or an error."""
    behaviour = Behaviour.random(seed)
    if not behaviour.sortable:
        # Without an order and with ties that change places nobody could read this list by skipping rows.
        behaviour = msgspec.structs.replace(behaviour, ties="stable")
    clock = ManualClock(NOW)
    faults = Faults.random(seed, hang=0.02)
    older_way = {"login": "oauth" if "oauth" in behaviour.logins else "login"} if behaviour.two_factor else {}
    options = {"dollar": behaviour.dollar == "dollar"}
    size = (100, 30, 7)[seed % 3]
    with (
        SimulatedPbx(writes, clock=clock, behaviour=behaviour, faults=faults) as pbx,
        Reading(pbx, clock, asynchronous=seed % 2 == 1, options=options, **older_way) as reading,
    ):
        for method, of in (("cdrs", "cdrs"), ("list", "calllogs")):
            error = expected_error(behaviour) if method == "list" else None
            if error is not None:
                with pytest.raises(error):
                    reading.list(method, page_size=size)
                continue
            there = pbx.truth(of=of)  # type: ignore[arg-type]  # one of the two it is
            invalid = Counter[str]()
            logs = reading.list(method, page_size=size, on_invalid=lambda *_, told=invalid: told.update("1"))
            read = [log.id for log in logs]
            assert len(read) == len(set(read))
            assert len(there.keys() - set(read)) <= invalid.total(), "rows are missing that nobody was told of"
        known = {"", "path", "expired"}  # a GET where only a POST is taken; a refresh whose answer was lost
        assert {asked.violation for asked in pbx.audit} <= known


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(),
        Behaviour(ids="base64", blanks="empty", timestamps="seconds", numbers="text", end_reasons="short"),
        Behaviour(blanks="absent", in_progress=True, skip_from=1, count="asked"),
    ],
    ids=["plain", "odd", "other"],
)
def test_what_a_pbx_has_is_what_is_read(writes: list[Written], behaviour: Behaviour, asynchronous: bool) -> None:
    """Each call log of a list, and by itself with its cost, is what the PBX has, in whatever form it writes it."""
    clock = ManualClock(NOW)
    with (
        SimulatedPbx(writes, clock=clock, behaviour=behaviour) as pbx,
        Reading(pbx, clock, asynchronous=asynchronous) as reading,
    ):
        for log in reading.list(limit=8, orderby="started_at desc, id desc"):
            whole = reading.get(log.id)
            truth = pbx.truth()[log.id]
            assert log == read_call_log(truth.listed)
            assert whole == read_call_log(truth.detailed)
        assert pbx.audit.problems() == []


def test_keywords_select_what_they_say(writes: list[Written]) -> None:
    """Keywords give the rows that a look at all rows gives."""
    clock = ManualClock(NOW)
    with SimulatedPbx(writes, clock=clock) as pbx, Reading(pbx, clock) as reading:
        logs = reading.list(end=NOW)
        noon = START + timedelta(hours=4)
        hour = {"start": noon, "end": noon + timedelta(hours=1)}
        five = "contains(callee,'5') or contains(caller,'5')"
        table: list[tuple[dict[str, Any], Callable[[Any], object]]] = [
            (hour, lambda log: noon <= log.started_at < hour["end"]),
            ({"number": ["101", "102"]}, lambda log: {log.caller, log.callee} & {"101", "102"}),
            ({"direction": "INBOUND_CALL"}, lambda log: log.direction == "INBOUND_CALL"),
            ({"end_reason": "CANCELLED"}, lambda log: log.end_reason == "CANCELLED"),
            ({"session_id": logs[0].session_id}, lambda log: log.session_id == logs[0].session_id),
            ({"filter": five, "status_code": 0}, lambda log: "5" in log.caller + log.callee and not log.status_code),
        ]
        for wanted, fits in table:
            expected = {log.id for log in logs if fits(log)}
            assert expected, wanted
            found = reading.list(**({"end": NOW} | wanted))
            assert {log.id for log in found} == expected
            assert reading.client.count(**({"end": NOW} | wanted)) == len(expected)
        assert pbx.audit.problems() == []


def test_cdrs_and_their_rows(writes: list[Written]) -> None:
    """A CDR joins the call logs of one session."""
    clock = ManualClock(NOW)
    with SimulatedPbx(writes, clock=clock) as pbx, Reading(pbx, clock) as reading:
        logs = reading.list()
        (cdr,) = reading.list("cdrs", limit=1)
        assert cdr.session_id is None
        rows = reading.client.cdr(cdr.id)
        assert sorted(str(row.callee) for row in rows) == sorted(
            str(log.callee) for log in logs if log.session_id == cdr.id
        )
        with pytest.raises(NotFound):
            reading.client.cdr("1")


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("expired", [401, 403])
@pytest.mark.parametrize("way", ["login", "oauth", "auth"])
def test_tokens_that_end(writes: list[Written], way: Any, expired: Any, asynchronous: bool) -> None:
    """With whichever login a PBX has, tokens that end by time or without warning cost no row and break no rule."""
    behaviour = Behaviour(logins=(way,), expired=expired, token_lifetime=timedelta(minutes=2))
    clock = ManualClock(NOW)
    with (
        SimulatedPbx(writes, clock=clock, behaviour=behaviour) as pbx,
        Reading(pbx, clock, asynchronous=asynchronous) as reading,
    ):
        there = set(pbx.truth())
        assert there <= {log.id for log in reading.list(page_size=20)}
        pbx.revoke_tokens()
        assert there <= {log.id for log in reading.list()}
        assert any(asked.status == expired for asked in pbx.audit)
        assert {asked.violation for asked in pbx.audit} == {""}
        logins = [asked for asked in pbx.audit if asked.endpoint == "login" and asked.status == 200]
        assert way == "login" or len(logins) == 1, "a refresh would have done"


def test_a_second_factor(writes: list[Written]) -> None:
    """An account with a second factor cannot log in by the newest way, and an older way must be named."""
    clock = ManualClock(NOW)
    with SimulatedPbx(writes, clock=clock, behaviour=Behaviour(two_factor=True)) as pbx:
        with Reading(pbx, clock) as reading, pytest.raises(LoginRefused, match="second factor"):
            reading.list(limit=1)
        with Reading(pbx, clock, login="oauth") as reading:
            assert reading.list(limit=1)


def test_a_wrong_password(writes: list[Written]) -> None:
    """A wrong password is tried once."""
    clock = ManualClock(NOW)
    with SimulatedPbx(writes, clock=clock) as pbx:
        with Reading(pbx, clock, password="wrong-but-secret") as reading:
            with pytest.raises(LoginRefused, match="UNAUTHORIZED") as caught:
                reading.list()
        assert "wrong-but-secret" not in repr(caught.value) + str(caught.value)
        assert [asked.violation for asked in pbx.audit] == ["login"]


def test_a_user_may_not_see_it_all(writes: list[Written]) -> None:
    """An ordinary user's token is told apart from one that has ended, by an error that says so."""
    clock = ManualClock(NOW)
    with SimulatedPbx(writes, clock=clock) as pbx:
        user = pbx.add_account("one.example", "ann", extension="101")
        with Reading(pbx, clock, token=pbx.issue_token(user)) as reading:
            with pytest.raises(NotAllowed, match="403"):
                reading.list()
            mine = reading.list("user_cdrs")
            assert mine
            assert all("101" in (log.caller, log.callee) for log in mine)
            one = reading.client.user_cdr(mine[0].id)
            assert (one.id, one.caller, one.duration) == (mine[0].id, mine[0].caller, None)


def test_a_rate_that_is_low(writes: list[Written]) -> None:
    """Above the rate of the gateway the client waits as long as it is told, and goes on."""
    clock = ManualClock(NOW)
    for behaviour in (Behaviour(), Behaviour(over_rate=503, retry_after="date"), Behaviour(retry_after="absent")):
        with (
            SimulatedPbx(writes, clock=clock, behaviour=behaviour, limits=Limits(requests=2)) as pbx,
            Reading(pbx, clock) as reading,
        ):
            there = set(pbx.truth())
            assert there <= {log.id for log in reading.list()}
            assert any(asked.status in (429, 503) for asked in pbx.audit)
