"""Single call logs of the simulated PBX, and the differing shapes of their answers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from integration.pbx.asking import MINUTE, NOW, Client, Start, calls, error
from ringback.simulator.pbx import Behaviour, Limits, finished_call, new_id


def detail(client: Client, path: str) -> Any:
    """The answer to a request for one alone."""
    answer = client.get(path)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def test_a_single_call_log_is_a_flat_object(start: Start) -> None:
    """One call log alone has the 24 keys of the list, and the cost and its account."""
    client = start()
    listed = client.get("/calllogs", orderby="id").items[0]
    single = detail(client, f"/calllogs/{listed['id']}")
    assert single.keys() - listed.keys() == {"cost", "billed_account"}
    assert {name: single[name] for name in listed} == listed


def test_costs_come_late(start: Start) -> None:
    """A cost is written a while after the call; the list shows nothing of it, a request for the call log does."""
    row = finished_call(NOW - 10 * MINUTE)
    priced = msgspec.structs.replace(row.row, cost=Decimal("0.024"), billed_account="one.example")
    client = start(writes=[row, msgspec.structs.replace(row, at=NOW + MINUTE, row=priced)])
    (one,) = client.ids()
    before, listed = detail(client, f"/calllogs/{one}"), client.get("/calllogs").body
    assert (before["cost"], before["billed_account"]) == (None, None)
    client.pbx.clock.sleep(60)
    after = detail(client, f"/calllogs/{one}")
    assert (after["cost"], after["billed_account"]) == (0.024, "one.example")
    assert client.get("/calllogs").body == listed
    assert json.loads(client.pbx.truth()[one].detailed) == after


def test_ids_of_base64_are_percent_encoded_in_paths(start: Start) -> None:
    """An id of 19 digits in base64 ends in two equals signs, which a path may have raw or encoded."""
    client = start(writes=calls(1), behaviour=Behaviour(ids="base64"))
    (one,) = client.ids()
    assert one.endswith("==")
    assert detail(client, f"/calllogs/{one}") == detail(client, f"/calllogs/{one.replace('=', '%3D')}")


@pytest.mark.parametrize("made_up", ["1", "999999999999999999999999", "abc", "NzAw", "%20", "-1"])
def test_a_made_up_id_is_not_found(start: Start, made_up: str) -> None:
    """An id that no list gave is a 404, and the audit has it."""
    client = start()
    assert error(client.get(f"/calllogs/{made_up}")) == (404, "UNKNOWN")
    assert client.violations() == ["id"]


def test_a_session_has_its_legs(start: Start) -> None:
    """`/cdrs/{id}` has all rows of a session under `items`, without ids; older versions have one object there."""
    first = NOW - 10 * MINUTE
    session = new_id(first, 100)
    rows = [
        finished_call(first, number, session_id=session, callee=str(102 + number), talking=talking)
        for number, talking in enumerate([None, 30.0])
    ]
    answers = {
        shape: detail(start(writes=rows, behaviour=Behaviour(cdr_detail=shape)), f"/cdrs/{session}")
        for shape in ("array", "object")
    }
    legs = answers["array"]["items"]
    assert [leg["callee"] for leg in legs] == ["102", "103"]
    assert all("id" not in leg and "cost" in leg for leg in legs)
    joined = answers["object"]["items"]
    assert (joined["callee"], joined["duration"], joined["end_reason"]) == ("102", 30, "CALLER_DISCONNECTED")
    assert "id" not in joined


def test_details_are_counted(start: Start) -> None:
    """More requests for single call logs in a minute than a client should make are answered, and told at the end."""
    client = start(writes=calls(1), limits=Limits(details=3))
    (one,) = client.ids()
    for _ in range(3):
        detail(client, f"/calllogs/{one}")
    assert client.pbx.audit.problems() == []
    detail(client, f"/calllogs/{one}")
    assert client.pbx.audit.problems() == ["4 requests for single call logs in a period, 3 allowed"]
    assert client.pbx.audit.busiest("calllog") == 4
