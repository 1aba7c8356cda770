"""The call-log client against ringback's own server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, ORG, Clock
from ringback.calllogs import (
    AsyncCallLogsClient,
    BadRequest,
    CallLog,
    CallLogDirection,
    CallLogsClient,
    ChangeType,
    LoginRefused,
    NotAllowed,
    NotFound,
    SyncTokenUnknown,
    quoted,
)
from ringback.projections.call_logs.expressions import Compare
from ringback.records.kinds import decode_any
from ringback.records.portsip.fields import CALL_LOG_FIELDS
from ringback.server.accounts import Accounts, Role
from ringback.server.portsip.odata import parse_filter
from ringback.server.tokens import CALL_LOGS_SCOPE
from ringback.store import Store
from serving import Site, listening

PASSWORD = "correct horse battery"
MakeClient = Callable[..., CallLogsClient]


@pytest.fixture
def site(directory: Path, clock: Clock) -> Iterator[Site]:
    """The app on an empty store."""
    store = Store.open(directory)
    site = Site(store, clock)
    yield site
    site.close()
    store.close()


@pytest.fixture
def base_url(site: Site) -> Iterator[str]:
    """The address of its API, with a socket to it."""
    with listening(site.app) as address:
        yield f"{address}/api"


@pytest.fixture
def client(site: Site, base_url: str) -> Iterator[MakeClient]:
    """Makes clients; by default with an administrator's token."""
    with ExitStack() as stack:

        def make(**given: Any) -> CallLogsClient:
            settings = given or {"token": site.token(scopes=[CALL_LOGS_SCOPE])}
            return stack.enter_context(CallLogsClient(base_url, **settings))

        yield make


def log(number: int, **values: Any) -> dict[str, Any]:
    """A call log as a PBX sends it; it began so many seconds after noon, and Ann's extension was called."""
    start = (NOON + timedelta(seconds=number)).replace(tzinfo=None).isoformat()
    return {
        "id": str(878156644691742720 + number),
        "session_id": str(978156644691742720 + number // 2),
        "caller": "+12025550143",
        "callee": "101",
        "callee_domain": "pbx.example",
        "started_at": f"{start}Z",
        "ended_at": f"{start}.500000Z",
        "direction": "INBOUND_CALL",
        "status_code": 486,
    } | values


def append(site: Site, *logs: dict[str, Any]) -> None:
    """Store call logs, and make rows of them."""
    site.ledger.append([decode_any(msgspec.json.encode(each), ORG).record for each in logs])
    site.project()


def test_lists_while_calls_come_in(site: Site, client: MakeClient) -> None:
    """A long list is read by its links, every call log once, though calls come in before and after its place."""
    append(site, *(log(10 * number) for number in range(250)))
    listed = client().list(page_size=20)
    read: list[CallLog] = []
    for turn, page in enumerate(listed.pages()):
        read += page.items
        assert page.count == 250, "the count is that of the beginning"
        append(site, log(5 + turn), log(3000 + turn))
    ids = [item.id for item in read]
    assert {log(10 * number)["id"] for number in range(250)} <= set(ids)
    assert len(ids) == len(set(ids))
    assert [item.started_at for item in read] == sorted(item.started_at for item in read if item.started_at)


def test_the_same_with_asyncio(site: Site, base_url: str) -> None:
    """The asynchronous client reads the same lists."""
    append(site, *(log(number) for number in range(120)))
    token = site.token(scopes=[CALL_LOGS_SCOPE])

    async def run() -> tuple[int, int, list[str]]:
        async with AsyncCallLogsClient(base_url, token) as pbx:
            ids = [item.id async for item in pbx.list(counted=False, orderby="started_at desc", limit=110)]
            return await pbx.count(), len(await pbx.cdr(log(0)["session_id"])), ids

    count, rows, ids = asyncio.run(run())
    assert (count, rows) == (120, 2)
    assert ids == [log(number)["id"] for number in range(119, 9, -1)]


def test_every_keyword(site: Site, client: MakeClient) -> None:
    """Each keyword selects what it says, through the real filters of the server."""
    odd = "O'Brien's \"Trunk\" & 50% + 東京"
    append(
        site,
        log(0, trunk=odd, did_cid="+493012345", end_reason="CANCELLED"),
        log(1, caller="102", direction="EXTENSION_CALL"),
        log(2, caller="103", callee="102", status_code=0),
    )
    pbx = client()
    first, second, third = (log(number)["id"] for number in range(3))
    for wanted, expected in [
        ({}, [first, second, third]),
        ({"trunk": odd}, [first]),
        ({"did_cid": "+493012345"}, [first]),
        ({"end_reason": "CANCELLED"}, [first]),
        ({"caller": "102"}, [second]),
        ({"number": "102"}, [second, third]),
        ({"caller": ["102", "103"], "callee": "102"}, [third]),
        ({"direction": CallLogDirection.extension}, [second]),
        ({"status_code": [0, 404]}, [third]),
        ({"session_id": log(0)["session_id"]}, [first, second]),
        ({"start": NOON + timedelta(seconds=1), "end": NOON + timedelta(seconds=2)}, [second]),
        ({"filter": "trunk eq null or caller eq '103'", "callee": "101"}, [second]),
        ({"search": "103"}, [third]),
    ]:
        assert [item.id for item in pbx.list(**wanted)] == expected, wanted  # type: ignore[arg-type]  # keywords they are
        assert pbx.count(**wanted) == len(expected)  # type: ignore[arg-type]  # the same


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_any_text_can_be_a_value(text: str) -> None:
    """What the client quotes, the server reads as the same text; an empty one is a blank."""
    assert parse_filter(f"caller eq {quoted(text)}", CALL_LOG_FIELDS) == Compare("caller", "eq", text or None)


def test_all_fields_come_back(site: Site, client: MakeClient) -> None:
    """A call log with all its fields, and one with none, is read as it was stored."""
    whole = log(
        1,
        id="NzAwNTUxOTA5NzczMTQ4MTYw==",
        rang_at="2026-03-02T12:00:01.000001Z",
        answered_at="2026-03-02T12:00:02Z",
        reroute_reason="OVERFLOW",
        cost=0.35,
        billed_account="sales",
        user_data="order=17",
    )
    append(site, whole, {"id": "a/b ?", "caller": "", "answered_at": None})
    pbx = client()
    read = pbx.get(whole["id"])
    assert {name: str(getattr(read, name)) for name in ("cost", "billed_account", "user_data", "reroute_reason")} == {
        "cost": "0.35",
        "billed_account": "sales",
        "user_data": "order=17",
        "reroute_reason": "OVERFLOW",
    }
    assert read.rang_at == NOON + timedelta(seconds=1, microseconds=1)
    assert pbx.get("a/b ?") == CallLog(id="a/b ?")
    assert {item.id: item.cost for item in pbx.list()} == {"a/b ?": None, whole["id"]: None}


def test_what_the_server_refuses(site: Site, client: MakeClient) -> None:
    """Errors of the server come with its code, its message, and the place that is wrong."""
    pbx = client()
    with pytest.raises(BadRequest, match="VALIDATE_FAILED") as caught:
        list(pbx.list(filter="nonsense eq '1'"))
    assert caught.value.detail == {"option": "filter", "position": 0}
    with pytest.raises(NotFound):
        pbx.get("1")
    with pytest.raises(NotAllowed) as refused:
        client(token="rb_000000000000_nobody").count()
    assert (refused.value.status, refused.value.code) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("login", [None, "sign_in", "login", "oauth"])
def test_logging_in(site: Site, client: MakeClient, clock: Clock, login: str | None) -> None:
    """An account logs in by each form, and goes on when its tokens have ended."""
    append(site, log(1))
    Accounts(site.store, clock).create("ann", PASSWORD, domain="pbx.example", org=ORG, role=Role.ADMIN)
    pbx = client(username="ann", password=PASSWORD, domain="pbx.example", login=login)
    assert pbx.count() == 1
    clock.now += 3600 * 1000
    assert pbx.count() == 1


def test_a_wrong_password(site: Site, client: MakeClient, clock: Clock) -> None:
    """A wrong password is refused as such."""
    Accounts(site.store, clock).create("ann", PASSWORD, domain="pbx.example", org=ORG, role=Role.ADMIN)
    with pytest.raises(LoginRefused, match="UNAUTHORIZED"):
        client(username="ann", password="wrong horse battery", domain="pbx.example").count()


def test_a_user_and_what_changes(site: Site, client: MakeClient) -> None:
    """A user sees their own calls, and what has changed among them since a sync token."""
    append(site, log(1), log(3, callee="102"))
    pbx = client(token=site.token(user="101@pbx.example"))
    (mine,) = pbx.user_cdrs()
    assert (mine.id, mine.callee, mine.session_id) == (log(1)["session_id"], "101", None)
    assert pbx.user_cdr(mine.id).callee == "101"
    token = pbx.sync_token()
    assert pbx.changes(token).items == ()
    append(site, log(5, session_id="fresh"))
    changes = pbx.changes(token)
    assert [(change.id, change.change_type) for change in changes.items] == [("fresh", ChangeType.created)]
    assert changes.items[0].items[0].callee == "101"
    assert pbx.changes(changes.token).items == ()
    with pytest.raises(SyncTokenUnknown):
        pbx.changes("forgotten")
