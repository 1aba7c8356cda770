"""Events of calls, over real sockets: administrators hear them, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from factories import OTHER_ORG, Clock
from integration.events.site import Teller, WebProcess, in_loop, web_process
from integration.server.calls.reception import ANNA, Reception
from ringback.clients.callhistory.events import read_event
from ringback.projections.outbox import EventKind
from ringback.server.tokens import HISTORY_ADMIN_SCOPE


@pytest.fixture
def web(directory: Path, clock: Clock) -> Iterator[WebProcess]:
    """A web process that brings the events of the site's store."""
    with web_process(directory, clock) as process:
        yield process


def happen(here: Reception) -> None:
    """Two calls come, and one more record, which makes them one."""
    here.add(here.incoming("a", 9, {"Local call ID": "1:0"}), here.incoming("b", 8, {"Local call ID": "2:0"}))
    here.add(here.incoming("c", 7, {"Related call ID": "1:0", "Transfer related call ID": "2:0"}))


@in_loop
async def test_an_administrator_hears_of_calls(here: Reception, web: WebProcess) -> None:
    """Calls that are new, have changed, or are part of another one are told, each with its id, in order."""
    async with web.stream(here.admin) as stream:
        await stream.next()
        happen(here)
        sent = [await stream.next() for _ in range(4)]
    (a,), (b,) = here.of("a"), here.of("b")
    assert [(each.name, each.data["data"]) for each in sent] == [
        ("call.created", {"eventType": "call.created", "call": {"id": a}}),
        ("call.created", {"eventType": "call.created", "call": {"id": b}}),
        ("call.updated", {"eventType": "call.updated", "call": {"id": a}}),
        ("call.merged", {"eventType": "call.merged", "call": {"id": b, "into": a}}),
    ]
    assert [each.id for each in sent] == [1, 2, 3, 4]


@in_loop
async def test_an_administrator_is_told_what_happened_meanwhile(here: Reception, web: WebProcess) -> None:
    """Who was away hears of the calls since the last event that is known."""
    happen(here)
    async with web.stream(here.admin, {"Last-Event-ID": "2"}) as stream:
        await stream.next()
        assert [(await stream.next()).name for _ in range(2)] == ["call.updated", "call.merged"]


@pytest.mark.parametrize("after", [None, "0"], ids=["new", "resumed"])
@in_loop
async def test_users_do_not_hear_of_calls(here: Reception, web: WebProcess, clock: Clock, after: str | None) -> None:
    """Who listens for one user, as a user or as an administrator, on either transport, hears of that user only.

    Neither does an administrator of another org hear anything.
    """
    teller = Teller(here.site.store, clock)
    headers = {} if after is None else {"Last-Event-ID": after}
    query = {} if after is None else {"lastEventId": after}
    if after is not None:
        happen(here)
    user, other = here.site.token(user=ANNA), here.site.token(org=OTHER_ORG, scopes=[HISTORY_ADMIN_SCOPE])
    async with (
        web.stream(user, headers) as own,
        web.stream(here.admin, headers, user=ANNA) as watched,
        web.listen(user, **query) as phone,
        web.stream(other, headers) as elsewhere,
    ):
        for stream in (own, watched, elsewhere):
            await stream.next()
        if after is None:
            happen(here)
        (number,) = teller.tell(ANNA)
        teller.tell("somebody", org=OTHER_ORG)
        assert number == 5
        assert [(await stream.next()).id for stream in (own, watched)] == [number, number]
        assert (await phone.hear())["eventNumber"] == number
        assert (await elsewhere.next()).name == EventKind.DELETED.value


@in_loop
async def test_our_client_of_the_call_history_passes_over_them(here: Reception, web: WebProcess) -> None:
    """An event of a call is none of a session, so a client of the call history that gets one ignores it."""
    happen(here)
    async with web.stream(here.admin, {"Last-Event-ID": "0"}) as stream:
        await stream.next()
        for _ in range(4):
            assert read_event((await stream.next()).data) is None
