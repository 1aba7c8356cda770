"""The calls of a simulated PBX."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from ringback.records.portsip.fields import CallLogDirection, EndReason, RerouteReason
from ringback.simulator.pbx import Row, Traffic, TrafficRates, Written, made_at, new_id
from ringback.simulator.pbx.builder import Tenant
from ringback.simulator.pbx.calls import KINDS

START = datetime(2025, 7, 21, tzinfo=UTC)
WEEK = timedelta(days=7)


def rows_of(writes: list[Written]) -> dict[int, Row]:
    """The newest content of each row."""
    return {written.row.id: written.row for written in writes}


@pytest.fixture(scope="module")
def week() -> list[Written]:
    """A week of calls, with all that can come late."""
    rates = TrafficRates(late=0.1, updated=0.1, costed=0.5, long=0.05)
    return list(Traffic(1, START, START + WEEK, calls_per_day=400, rates=rates).writes())


def test_the_same_seed_gives_the_same_calls() -> None:
    """Two simulations with the same arguments are the same, and another seed gives others."""
    one, same, other = (list(Traffic(seed, START, START + WEEK, calls_per_day=20).writes()) for seed in (1, 1, 2))
    assert one == same != other


def test_it_can_go_on_for_ever() -> None:
    """Without an end, calls come for as long as they are taken."""
    taken = list(islice(Traffic(1, START).writes(), 5000))
    assert len(taken) == 5000


def test_it_is_written_in_order_of_time(week: list[Written]) -> None:
    """What is written comes in order, each row once without an end at its start, and no row ends before it began."""
    assert all(earlier.at <= later.at for earlier, later in pairwise(week))
    begun = [written for written in week if written.row.ended_at is None]
    assert len(begun) == len(rows_of(week))
    assert all(written.at == written.row.started_at + timedelta(milliseconds=10) for written in begun)


def test_a_row_comes_when_its_call_is_over(week: list[Written]) -> None:
    """A finished row is written after its end: within 2 seconds, but for those that are late."""
    first: dict[int, timedelta] = {}
    for written in week:
        if written.row.ended_at is not None:
            first.setdefault(written.row.id, written.at - written.row.ended_at)
    assert min(first.values()) > timedelta(0)
    late = sum(delay > timedelta(seconds=2) for delay in first.values())
    assert 0.05 < late / len(first) < 0.15
    assert max(first.values()) < timedelta(minutes=10)


def test_sessions_are_complete_with_their_last_row(week: list[Written]) -> None:
    """One write of each session says that it is complete, unless it only changes a row; no new row follows it."""
    complete: set[int] = set()
    known: set[int] = set()
    for written in week:
        row = written.row
        if row.ended_at is not None and row.id not in known:
            assert row.session_id not in complete
            known.add(row.id)
        if written.last:
            complete.add(row.session_id)
    assert complete == {row.session_id for row in rows_of(week).values()}


def test_ids_tell_when_a_leg_began(week: list[Written]) -> None:
    """An id is unlike any other, and has the millisecond of the start in it; a session's id differs from its rows'."""
    rows = rows_of(week)
    assert all(made_at(row.id) == row.started_at.replace(microsecond=row.started_at.microsecond // 1000 * 1000)
               for row in rows.values())  # fmt: skip
    sessions = {row.session_id for row in rows.values()}
    assert not sessions & rows.keys()


def test_ids_grow_to_19_digits_at_the_known_moment() -> None:
    """Ids have 18 digits until 2025-07-22 11:22:59 UTC, and 19 from a tenth of a second later; an id tells its time."""
    moment = datetime(2025, 7, 22, 11, 22, 59, tzinfo=UTC)
    assert len(str(new_id(moment, 4095))) == 18
    assert len(str(new_id(moment + timedelta(milliseconds=102), 0))) == 19
    assert made_at(new_id(moment, 4095)) == moment


def test_all_documented_words_occur(week: list[Written]) -> None:
    """Every direction, every reason to end and every reason to lead elsewhere is among the calls, and no other word."""
    rows = rows_of(week).values()
    assert {row.direction for row in rows} == {word.value for word in CallLogDirection}
    assert {row.end_reason for row in rows} == {word.value for word in EndReason} | {""}
    assert {row.reroute_reason for row in rows} == {word.value for word in RerouteReason} | {""}


def test_unanswered_calls_look_as_in_the_published_sample(week: list[Written]) -> None:
    """A call that nobody answered has no answer, no talk, and often the status 486 and no reason to end."""
    unanswered = [row for row in rows_of(week).values() if row.answered_at is None]
    assert all(row.duration == 0 for row in unanswered)
    assert any((row.status_code, row.end_reason) == (486, "") for row in unanswered)
    assert {row.status_code for row in rows_of(week).values() if row.answered_at} == {0}


def test_some_calls_last_for_hours(week: list[Written]) -> None:
    """Some talks last for more than an hour, none for more than what was allowed."""
    lengths = [row.ended_at - row.started_at for row in rows_of(week).values() if row.ended_at]
    assert sum(length > timedelta(hours=1) for length in lengths) > 20
    assert max(lengths) < timedelta(hours=11)


def test_sessions_of_several_legs(week: list[Written]) -> None:
    """About a quarter of all sessions have several rows; losers of a fork share the start of the one who answered."""
    sessions: dict[int, list[Row]] = {}
    for row in rows_of(week).values():
        sessions.setdefault(row.session_id, []).append(row)
    several = [rows for rows in sessions.values() if len(rows) > 1]
    assert 0.15 < len(several) / len(sessions) < 0.4
    forks = [rows for rows in several if any(row.status_code == 487 for row in rows)]
    assert any(len({row.started_at for row in rows}) == 1 for rows in forks)


def test_rows_change_later(week: list[Written]) -> None:
    """Some rows get a cost after they were written, and some a new note that lists show."""
    newest = rows_of(week)
    finished: dict[int, Row] = {}
    for written in week:
        if written.row.ended_at is not None:
            finished.setdefault(written.row.id, written.row)
    costed = [row for row in newest.values() if row.cost is not None]
    assert costed
    assert all(finished[row.id].cost is None and row.billed_account for row in costed)
    assert any(row.user_data != finished[row.id].user_data for row in newest.values())


def test_tenants_have_calls_of_their_own() -> None:
    """Each tenant has its own people and calls, and its number in all that goes out."""
    tenants = ("one.example", "two.example")
    writes = list(Traffic(1, START, START + WEEK, calls_per_day=50, tenants=tenants).writes())
    assert {written.tenant for written in writes} == set(tenants)
    people = [{person.name for person in Tenant(domain, 20, 1).people} for domain in tenants]
    assert people[0] != people[1]
    assert len({written.row.id for written in writes}) == len({(written.tenant, written.row.id) for written in writes})


def test_all_kinds_of_calls_are_told_apart() -> None:
    """Each kind has a name and a sentence of its own."""
    assert len({kind.__doc__ for kind in KINDS}) == len(KINDS)
