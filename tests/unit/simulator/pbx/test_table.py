"""Sessions as one row, and what the table of a simulated PBX remembers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from ringback.records.portsip.fields import CALL_LOG_FIELDS
from ringback.simulator.pbx import Behaviour, Row, Written, finished_call
from ringback.simulator.pbx.table import Table, summary
from ringback.simulator.pbx.wire import DETAIL_ONLY

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SESSION = 1_000_000_000_000_000_000


def leg(seconds: float, number: int, **fields: Any) -> Written:
    """A row of the session, that begins so many seconds after it."""
    return finished_call(START + timedelta(seconds=seconds), number, session_id=SESSION, **fields)


def test_rows_have_the_documented_fields() -> None:
    """A row has the 26 documented fields in their order, of which lists lack two."""
    assert Row.__struct_fields__ == tuple(field.name for field in CALL_LOG_FIELDS)
    assert tuple(field.name for field in CALL_LOG_FIELDS if not field.in_list) == DETAIL_ONLY


def test_a_session_as_one_row() -> None:
    """A transferred call is one from the first caller to the first callee, answered once, ended when all is over."""
    first = leg(0, 1, ringing=5, talking=30, end_reason="BLIND_TRANSFER_COMPLETED")
    second = leg(35, 2, ringing=10, talking=100.5, callee="103", reroute_reason="TRANSFER", cost=Decimal("0.2"))
    joined = summary([second.row, first.row], over=True)
    assert (joined.id, joined.session_id, joined.caller, joined.callee) == (SESSION, SESSION, "101", "102")
    assert (joined.started_at, joined.answered_at) == (START, START + timedelta(seconds=5))
    assert (joined.ended_at, joined.duration) == (second.row.ended_at, 141)
    assert (joined.end_reason, joined.reroute_reason) == ("CALLER_DISCONNECTED", "TRANSFER")
    assert joined.cost == Decimal("0.2")


def test_a_session_that_nobody_answered() -> None:
    """The status of a session without an answer is that of the leg that ended last."""
    rows = [leg(0, 1, talking=None, ringing=5).row, leg(5, 2, talking=None, ringing=5, status_code=480).row]
    joined = summary(rows, over=True)
    assert (joined.status_code, joined.duration, joined.answered_at) == (480, 0, None)


def test_a_session_is_listed_when_it_is_complete() -> None:
    """While legs are still to come, the call logs are listed and the session is not."""
    table = Table(Behaviour())
    table.write(msgspec.structs.replace(leg(0, 1), last=False))
    assert (len(table.entries("calllogs")), len(table.entries("cdrs"))) == (1, 0)
    event = table.write(leg(70, 2))
    assert (len(table.entries("calllogs")), len(table.entries("cdrs"))) == (2, 1)
    assert event is not None
    assert (event.kind, len(event.rows)) == ("call_cdr", 2)


def test_a_change_is_a_version() -> None:
    """New content is a new version, and the same content is none; neither tells subscribers of the call again."""
    row = leg(0, 1)
    table = Table(Behaviour())
    assert table.write(row) is not None
    later = row.at + timedelta(minutes=5)
    assert table.write(msgspec.structs.replace(row, at=later)) is None
    changed = msgspec.structs.replace(row.row, user_data="later")
    assert table.write(msgspec.structs.replace(row, at=later, row=changed)) is None
    for kind in ("calllogs", "cdrs"):
        (true,) = table.truth(kind, later).values()
        assert (true.versions, true.first_at, true.newest_at) == (2, row.at, later)
        (before,) = table.truth(kind, row.at).values()
        assert (before.versions, before.row.user_data) == (1, "")
