"""One call log, one CDR, and what has changed: each path has a shape of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from factories import NOON
from ringback.calllogs import (
    BadAnswer,
    CallLog,
    CallLogDirection,
    Change,
    Changes,
    ChangeType,
    EndReason,
    NotAllowed,
    NotFound,
    RerouteReason,
    SyncTokenUnknown,
    UsageError,
)
from ringback.records.portsip.fields import CALL_LOG_FIELDS
from unit.clients.calllogs.service import Reader, Reply, Service, in_turn, refusal, row

FULL = row(
    1,
    cost=0.35,
    billed_account="sales",
    direction="INBOUND_OUTBOUND_CALL",
    end_reason="BLIND_TRANSFER_COMPLETED",
    reroute_reason="FORWARDING_BUSY",
    destination="sip:103@one.example",
    outbound_caller_id="+12025550100",
    did_cid="+12025550101",
    trunk="Trunk A",
    service_number="8000",
    user_data="order=17",
)


def test_all_fields_of_one_call_log(reader: Reader, service: Service) -> None:
    """A single call log has all 26 fields with their types: aware times, decimal money, open enums, texts as ids."""
    service.answer = lambda _: Reply(200, FULL)
    log = reader.call("get", FULL["id"])
    assert isinstance(log, CallLog)
    assert all(getattr(log, field.name) is not None for field in CALL_LOG_FIELDS)
    assert log.odd == ()
    assert log.id == "878156644691742721"
    assert log.started_at == datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
    assert log.cost == Decimal("0.35")
    assert log.direction is CallLogDirection.inbound_outbound
    assert log.end_reason is EndReason.blind_transfer_completed
    assert log.reroute_reason is RerouteReason.forwarding_busy
    assert (log.duration, log.status_code, log.billed_account) == (35, 0, "sales")


@pytest.mark.parametrize("blank", [None, "", ...], ids=["null", "empty", "absent"])
def test_blanks_are_alike(reader: Reader, service: Service, blank: Any) -> None:
    """Null, an empty text and no key at all are the same: None."""
    values = {key: blank for key in FULL if key != "id"}
    service.answer = lambda _: Reply(200, {"id": "7"} | ({} if blank is ... else values))
    assert reader.call("get", "7") == CallLog(id="7")


def test_unknown_values_are_kept(reader: Reader, service: Service) -> None:
    """A value of an enum that is newer than this library is kept as it is, and marked as unknown."""
    service.answer = lambda _: Reply(200, FULL | {"direction": "SIDEWAYS_CALL", "a_new_field": 1})
    log = reader.call("get", "1")
    assert (log.direction, log.direction.is_known) == ("SIDEWAYS_CALL", False)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("878156644691742720", "878156644691742720"),
        ("1000000000000000001", "1000000000000000001"),
        ("MTAwMDAwMDAwMDAwMDAwMDAwMQ==", "MTAwMDAwMDAwMDAwMDAwMDAwMQ%3D%3D"),
        ("a/b?c#d e%2Fé", "a%2Fb%3Fc%23d%20e%252F%C3%A9"),
    ],
)
def test_ids_are_opaque(reader: Reader, service: Service, text: str, encoded: str) -> None:
    """Any text can be an id; it arrives as one part of the path, and comes back as it is."""
    service.answer = lambda _: Reply(200, FULL | {"id": text})
    assert reader.call("get", text).id == text
    assert service.lines == [f"GET /calllogs/{encoded}"]


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_what_is_no_id(reader: Reader, service: Service, text: str) -> None:
    """A text that would lead to another path is no id, and nothing is sent."""
    with pytest.raises(UsageError, match="no id"):
        reader.call("get", text)
    assert service.asked == []


def test_nothing_has_this_id(reader: Reader, service: Service) -> None:
    """An id that nothing has is an error of its own."""
    service.answer = lambda _: refusal(404, "NOT_FOUND", "There is no such call log.")
    with pytest.raises(NotFound, match="HTTP 404: NOT_FOUND: There is no such call log"):
        reader.call("get", "1")


@pytest.mark.parametrize("one", [False, True], ids=["list", "object"])
def test_the_rows_of_a_cdr(reader: Reader, service: Service, one: bool) -> None:
    """A CDR is its rows, be they in a list or, as in older versions, one object; they have the CDR's id."""
    given = {key: value for key, value in FULL.items() if key not in ("id", "session_id")}
    service.answer = lambda _: Reply(200, {"items": given if one else [given, given | {"callee": "103", "id": ""}]})
    rows = reader.call("cdr", "77==")
    assert [(log.id, log.callee) for log in rows] == [("77==", "102"), ("77==", "103")][: 1 if one else 2]
    assert rows[0].cost == Decimal("0.35")
    assert service.lines == ["GET /cdrs/77%3D%3D"]


def test_a_cdr_by_post(reader: Reader, service: Service) -> None:
    """Where a CDR can only be had by POST, it is asked for so, from the first refusal on."""
    service.answer = lambda asked: Reply(405) if asked.method == "GET" else Reply(200, {"items": [{}]})
    reader.call("cdr", "7")
    reader.call("cdr", "8")
    assert service.lines == ["GET /cdrs/7", "POST /cdrs/7", "POST /cdrs/8"]


def test_a_cdr_of_the_user(reader: Reader, service: Service) -> None:
    """A CDR of the user is one row, and has no duration."""
    given = {key: value for key, value in FULL.items() if key not in ("id", "session_id", "duration")}
    service.answer = lambda _: Reply(200, {"items": given})
    log = reader.call("user_cdr", "7")
    assert (log.id, log.caller, log.duration) == ("7", "101", None)
    assert service.lines == ["GET /user/cdrs/7"]


def test_changes_since_a_sync_token(reader: Reader, service: Service) -> None:
    """With a sync token one is told what is new, changed and gone, and gets the token to go on with."""
    nine = {"caller": "101", "callee": "102", "started_at": "2026-03-02T12:00:01Z", "status_code": 0, "trunk": None}
    service.answer = in_turn(
        Reply(201, {"token": "001/="}),
        Reply(
            200,
            {
                "token": "002",
                "items": [
                    {"id": "7", "change_type": "CREATED", "items": [nine]},
                    {"id": 8, "change_type": "DELETED", "items": None},
                    {"id": "9", "change_type": "MERGED"},
                ],
            },
        ),
        Reply(200, {"token": "003"}),
    )
    token = reader.call("sync_token", NOON + timedelta(microseconds=5))
    changes = reader.call("changes", token)
    log = CallLog(id="7", caller="101", callee="102", started_at=NOON + timedelta(seconds=1), status_code=0)
    assert changes == Changes(
        token="002",
        items=(
            Change(id="7", change_type=ChangeType.created, items=(log,)),
            Change(id="8", change_type=ChangeType.deleted),
            Change(id="9", change_type=ChangeType("MERGED")),
        ),
    )
    assert reader.call("changes", changes.token) == Changes(token="003")
    assert service.lines == [
        "POST /user/cdrs/sync_tokens",
        "POST /user/cdrs/sync_tokens/001%2F%3D/diff",
        "POST /user/cdrs/sync_tokens/002/diff",
    ]
    assert service.asked[0].query == {"date_from": "2026-03-02T12:00:00.000005Z"}


def test_a_sync_token_from_now_on(reader: Reader, service: Service) -> None:
    """Without a date, a sync token is asked for without one."""
    service.answer = lambda _: Reply(201, {"token": "1"})
    assert reader.call("sync_token") == "1"
    assert service.asked[0].target == "/api/user/cdrs/sync_tokens"


def test_a_sync_token_that_was_forgotten(reader: Reader, service: Service) -> None:
    """A sync token that the server does not know is an error that tells to start again; a bad bearer is another."""
    service.answer = lambda _: refusal(403, "FORBIDDEN", "unknown sync token")
    with pytest.raises(SyncTokenUnknown, match="read everything again"):
        reader.call("changes", "1")
    service.answer = lambda _: refusal(401, "UNAUTHORIZED")
    with pytest.raises(NotAllowed):
        reader.call("changes", "1")


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (("get", "1"), {}),
        (("get", "1"), []),
        (("get", "1"), b"<html>"),
        (("cdr", "1"), {"id": "1"}),
        (("cdr", "1"), {"items": 5}),
        (("cdr", "1"), {"items": ["x"]}),
        (("user_cdr", "1"), {"items": []}),
        (("count",), {"items": []}),
        (("count",), {"count": 1}),
        (("count",), {"errors": []}),
        (("sync_token",), {}),
        (("changes", "1"), {"items": []}),
    ],
)
def test_bodies_that_are_none_of_the_api(
    reader_with: Callable[..., Reader], service: Service, world: Any, call: tuple[str, ...], body: Any
) -> None:
    """Success with another body than the path has is tried again, and then an error that says so."""
    service.answer = lambda _: Reply(200, body)
    with pytest.raises(BadAnswer) as caught:
        reader_with().call(*call)
    assert caught.value.tries == len(service.asked) == 8
    assert len(world.waits) == 7
