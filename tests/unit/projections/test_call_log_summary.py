"""The summary of a session: what `docs/mapping.md` says of it, and what holds for any call logs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import NOON
from ringback.projections.call_logs.summary import summary_of
from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.fields import CallLogDirection, EndReason
from unit.records.portsip.call_logs import call_logs
from unit.records.portsip.mapping_page import Row, table

CALL_LOGS = table("session", "id")
SUMMARIES = table("summary", "caller")


def log_of(row: Row, id: str) -> CallLog:
    """The call log of a row of the page."""

    def moment(cell: str) -> datetime | None:
        return NOON + timedelta(seconds=float(cell)) if cell else None

    def whole(cell: str) -> int | None:
        return int(cell) if cell else None

    return CallLog(
        id=id,
        caller=row["caller"],
        callee=row["callee"],
        started_at=moment(row["started"]),
        rang_at=moment(row["rang"]),
        answered_at=moment(row["answered"]),
        ended_at=moment(row["ended"]),
        direction=CallLogDirection(row["direction"]),
        end_reason=EndReason(row["end_reason"]) if row["end_reason"] else None,
        status_code=whole(row["status_code"]),
        duration=whole(row["duration"]),
    )


def call(id: str, start: float | None = 0, answer: float | None = None, end: float | None = None) -> CallLog:
    """A call log of a session; times in seconds after noon."""

    def moment(seconds: float | None) -> datetime | None:
        return None if seconds is None else NOON + timedelta(seconds=seconds)

    return CallLog(
        id=id,
        session_id="s",
        callee=f"callee of {id}",
        end_reason=EndReason(f"end of {id}"),
        started_at=moment(start),
        answered_at=moment(answer),
        ended_at=moment(end),
    )


@pytest.mark.parametrize("row", SUMMARIES, ids=lambda row: row["summary"])
def test_the_examples_of_the_page(row: Row) -> None:
    """The summaries of the sessions in `docs/mapping.md` are those that the page shows, in whatever order rows come."""
    logs = [log_of(each, each["id"]) for each in CALL_LOGS if each["session"] == row["summary"]]
    assert logs
    for order in (logs, logs[::-1]):
        assert summary_of("s", order) == log_of(row, "s")


def test_every_example_has_a_summary() -> None:
    """The two tables of the page are of the same sessions."""
    assert {row["session"] for row in CALL_LOGS} == {row["summary"] for row in SUMMARIES}


@settings(max_examples=150)
@given(log=call_logs)
def test_one_row_is_its_own_summary(log: CallLog) -> None:
    """A session of one row is that row, whatever it says, but for the ids and the cost."""
    of_its_own = {"id": "s", "session_id": None, "cost": None, "billed_account": None, "odd": ()}
    assert summary_of("s", [log]) == msgspec.structs.replace(log, **of_its_own)


@settings(max_examples=150)
@given(logs=st.lists(call_logs, min_size=1, max_size=6, unique_by=lambda log: log.id), seed=st.integers())
def test_the_order_in_which_rows_come_does_not_matter(logs: Sequence[CallLog], seed: int) -> None:
    """The same rows have the same summary in any order."""
    assert summary_of("s", random.Random(seed).sample(logs, len(logs))) == summary_of("s", logs)


def test_rows_without_any_time_count_last() -> None:
    """A row without any time does not hide who called; if all are such, the first by id counts."""
    timed, untimed = call("9", 5, 6, 7), call("1", None)
    assert summary_of("s", [untimed, timed]) == msgspec.structs.replace(timed, id="s", session_id=None)
    assert summary_of("s", [call("2", None), untimed]).callee == "callee of 1"


def test_a_row_without_a_start_has_its_place_by_another_time() -> None:
    """What has no start begins with the first time that it has, and the summary starts when a row did."""
    found = summary_of("s", [call("1", None, 3, 9), call("2", 4, 5, 9)])
    assert (found.callee, found.started_at) == ("callee of 1", NOON + timedelta(seconds=4))


@pytest.mark.parametrize(
    ("talks", "seconds"),
    [
        ([(0, 10), (10, 20)], 20),
        ([(0, 10), (5, 15)], 15),
        ([(0, 30), (5, 15), (7, 8)], 30),
        ([(0, 10), (20, 20.001)], 11),
        ([(0, 0), (5, 5)], 0),
        ([(0, 10), (12, 11)], 10),  # one that ended before it was answered
    ],
)
def test_talk_is_counted_once(talks: Sequence[tuple[float, float]], seconds: int) -> None:
    """Time in which several rows were answered is counted once, pauses are not, and a part of a second is one."""
    logs = [call(str(number), begin, begin, end) for number, (begin, end) in enumerate(talks)]
    assert summary_of("s", logs).duration == seconds


def test_the_answered_row_that_ended_last_tells_how() -> None:
    """Not the one that began last tells how the call ended, if another one was answered and went on longer."""
    logs = [call("1", 0, 1, 90), call("2", 10, 11, 20), call("3", 30, None, 40)]
    assert summary_of("s", logs).end_reason == "end of 1"
    assert summary_of("s", [call("1", 0, None, 90), call("2", 10, None, 20)]).end_reason == "end of 2"
