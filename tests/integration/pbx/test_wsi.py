"""The WebSocket of the simulated PBX."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from integration.pbx.asking import MINUTE, NOW, Client, Start
from ringback.simulator.pbx import Behaviour, Faults, Outage, Written, finished_call

Open = Callable[..., ClientConnection]


@pytest.fixture
def open_socket() -> Iterator[Open]:
    """Opens WebSockets, subscribed to the events of calls unless told otherwise."""
    with ExitStack() as stack:

        def open_socket(client: Client, *, subscribe: bool = True) -> ClientConnection:
            socket = stack.enter_context(connect(client.pbx.wsi_url, close_timeout=1))
            if subscribe:
                assert ask(socket, command="auth", **client.credentials)["status"] == 0
                assert ask(socket, command="subscribe", topics=["cdr_events"])["status"] == 0
            return socket

        yield open_socket


def ask(socket: ClientConnection, **command: object) -> dict[str, Any]:
    """The answer to a command."""
    socket.send(json.dumps(command))
    return receive(socket)


def receive(socket: ClientConnection) -> dict[str, Any]:
    """The next message."""
    message: dict[str, Any] = json.loads(socket.recv(timeout=5))
    return message


def soon(number: int = 1, **fields: Any) -> list[Written]:
    """Calls that end a minute from now."""
    given = {"talking": 50, **fields}
    return [finished_call(NOW + timedelta(milliseconds=index), index, **given) for index in range(number)]


def test_a_finished_call_is_told(start: Start, open_socket: Open) -> None:
    """Who has logged in and subscribed is told of a call when it ends, in the published form."""
    fields: dict[str, Any] = {
        "direction": "INBOUND_CALL",
        "did_cid": "+12025550100",
        "trunk": "Carrier",
        "callee": "102",
    }
    client = start(writes=soon(**fields))
    socket = open_socket(client)
    client.pbx.clock.sleep(60)
    told = receive(socket)
    (row,) = client.pbx.truth().values()
    assert told["event_type"] == "call_cdr"
    assert told["session_id"] == str(row.row.session_id)
    assert (told["start_time"], told["answered_time"], told["ended_time"]) == ("1753221600", "1753221605", "1753221655")
    assert (told["direction"], told["ended_reason"], told["call_status"]) == (
        "inbound",
        "caller_disconnected",
        "answered",
    )
    assert (told["did"], told["trunk_name"].partition(":")[0], told["status_code"]) == ("+12025550100", "Carrier", "0")
    assert (told["ring_duration"], told["talk_duration"]) == (5, 50)
    (target,) = told["call_targets"]
    assert (target["id"], target["callee"], target["status_code"]) == (told["tenant_id"], "102", 0)
    assert (target["ring_duration"], target["talk_duration"]) == ("5", "50")
    assert client.pbx.audit.problems() == []


def test_older_words(start: Start, open_socket: Open) -> None:
    """An older PBX has other words for directions and ends, and another key for the number that was dialled."""
    client = start(writes=soon(talking=None, ringing=50), behaviour=Behaviour(wsi_words="old"))
    socket = open_socket(client)
    client.pbx.clock.sleep(60)
    told = receive(socket)
    assert (told["direction"], told["did_cid"], told["ended_reason"]) == ("ext", "", "None")
    assert (told["answered_time"], told["call_status"], told["status_code"]) == ("0", "noanswer", "486")


def test_a_call_that_begins_is_told_where_it_is_listed(start: Start, open_socket: Open) -> None:
    """Where calls in progress are listed, their beginning is told as well, with whole SIP addresses."""
    (over,) = soon()
    begun = msgspec.structs.replace(over.row, answered_at=None, ended_at=None)
    rows = [Written(at=NOW + timedelta(seconds=1), row=begun, last=False), over]
    client = start(writes=rows, behaviour=Behaviour(in_progress=True))
    socket = open_socket(client)
    client.pbx.clock.sleep(60)
    begins, ends = receive(socket), receive(socket)
    assert (begins["event_type"], begins["caller"], begins["time"]) == (
        "call_start",
        "sip:101@one.example",
        "1753221600",
    )
    assert ends["event_type"] == "call_cdr"
    assert begins["session_id"] == ends["session_id"] != begins["cdr_id"]


@pytest.mark.parametrize("wrong", ["username", "password", "domain"])
def test_wrong_credentials(start: Start, open_socket: Open, wrong: str) -> None:
    """With wrong credentials there is a status of -1, and the audit has it."""
    client = start()
    socket = open_socket(client, subscribe=False)
    answer = ask(socket, command="auth", **client.credentials | {wrong: "wrong"})
    assert (answer["command"], answer["status"]) == ("auth", -1)
    assert answer["error"]
    assert client.violations() == ["login"]


def test_extensions_log_in_by_number_but_are_told_nothing(start: Start, open_socket: Open) -> None:
    """A user can log in by extension number, and may not subscribe to the calls of the tenant."""
    client = start()
    user = client.pbx.add_account("one.example", "vera", "User", "101")
    socket = open_socket(client, subscribe=False)
    answer = ask(socket, command="auth", extension_number="101", password=user.password, domain=user.tenant)
    assert answer == {"command": "auth", "id": "1", "status": 0}
    assert ask(socket, command="subscribe", topics=["cdr_events"])["status"] == -1


@pytest.mark.parametrize(
    ("command", "violation"),
    [
        ({"command": "subscribe", "topics": ["cdr_events"]}, "token"),
        ({"command": "subscribe", "topics": ["all"]}, "query"),
        ({"command": "publish"}, "query"),
        ({}, "query"),
    ],
)
def test_commands_out_of_order(start: Start, open_socket: Open, command: dict[str, Any], violation: str) -> None:
    """A subscription without a login, or an unknown topic or command, has a status of -1 and is noted."""
    client = start()
    assert ask(open_socket(client, subscribe=False), **command)["status"] == -1
    assert client.violations() == [violation]


def test_who_unsubscribes_is_told_nothing_more(start: Start, open_socket: Open) -> None:
    """After the end of a subscription no events come."""
    client = start(writes=soon())
    socket = open_socket(client)
    assert ask(socket, command="unsubscribe", topics=["cdr_events"])["status"] == 0
    client.pbx.clock.sleep(60)
    assert ask(socket, command="subscribe", topics=["cdr_events"])["command"] == "subscribe"


def test_messages_may_be_lost(start: Start, open_socket: Open) -> None:
    """On a PBX that behaves so, some calls are never told, and none twice; all are in the list."""
    client = start(writes=soon(100), behaviour=Behaviour(wsi_drops=0.5))
    socket = open_socket(client)
    client.pbx.clock.sleep(60)
    socket.send("{}")
    told = []
    while "command" not in (message := receive(socket)):
        told.append(message["session_id"])
    assert 20 < len(told) == len(set(told)) < 80
    assert len(client.ids()) == 100


def test_messages_may_be_no_json(start: Start, open_socket: Open) -> None:
    """On a PBX that behaves so, messages lack a comma, as one of the published samples does."""
    client = start(writes=soon(), behaviour=Behaviour(wsi_broken=1.0))
    socket = open_socket(client)
    client.pbx.clock.sleep(60)
    with pytest.raises(json.JSONDecodeError):
        receive(socket)


def test_an_outage_ends_it(start: Start, open_socket: Open) -> None:
    """An outage ends the connection; what happens meanwhile is not told later."""
    outage = Outage(since=NOW + MINUTE / 2, until=NOW + 2 * MINUTE)
    client = start(writes=soon(), faults=Faults(outages=(outage,)))
    socket = open_socket(client)
    client.pbx.clock.sleep(60)
    with pytest.raises(ConnectionClosed):
        receive(socket)
    client.pbx.clock.sleep(60)
    later = open_socket(client)
    assert ask(later, command="auth", **client.credentials)["id"] == "3"


def test_it_may_not_exist(start: Start) -> None:
    """A PBX without it answers 404; so does any other path."""
    client = start(behaviour=Behaviour(wsi=False))
    with pytest.raises(InvalidStatus, match="404"):
        connect(client.pbx.wsi_url)
    assert client.violations() == []
    with pytest.raises(InvalidStatus, match="404"):
        connect(client.pbx.wsi_url + "/events")
    assert client.violations() == ["path"]


def test_tenants_are_told_of_their_own(start: Start, open_socket: Open) -> None:
    """A subscriber is told of the calls of its own tenant only."""
    client = start(writes=soon(tenant="two.example"), tenants=("one.example", "two.example"))
    socket = open_socket(client)
    client.pbx.clock.sleep(60)
    assert ask(socket, command="auth", **client.credentials)["command"] == "auth"
