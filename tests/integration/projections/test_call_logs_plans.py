"""No question to the call logs gets slower with what it does not ask for: each seeks an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factories import ORG, Clock
from integration.ledger.statements import Statement, listening, plan
from integration.projections.pbx import Pbx, microseconds, some_calls
from ringback.projections.call_logs.expressions import AllOf, AnyOf, Compare, Expression, Order
from ringback.projections.call_logs.query import CallLogs, Kind, Place, Wanted

LOGS, SUMMARIES = Kind.LOGS, Kind.SUMMARIES


@pytest.fixture
def pbx(directory: Path, clock: Clock) -> Iterator[Pbx]:
    """An empty store."""
    with Pbx(directory, clock) as pbx:
        yield pbx


RANGE = (Compare("started_at", "ge", microseconds(1)), Compare("started_at", "lt", microseconds(3)))
HERE = Place((microseconds(2), "r001"))


def plans(pbx: Pbx, ask: Callable[[CallLogs], object]) -> list[str]:
    """The lines of the plans of all statements that a question leads to; none reads through a table."""
    with listening(pbx.store) as heard:
        ask(pbx.call_logs)
    lines = [line for each in heard if not each.sql.startswith("BEGIN") for line in plan(pbx.store, each)]
    # Without a name are the few rows that were found so far.
    assert not [line for line in lines if line.startswith("SCAN") and not line.startswith("SCAN anon_")]
    return lines


def name_of(kind: Kind) -> str:
    """The table of a kind."""
    return {LOGS: "call_logs", SUMMARIES: "call_summaries"}[kind]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("wanted", "begin", "index"),
    [
        (Wanted(), None, "started (org=?)"),
        (Wanted(), HERE, "started (org=? AND (started_at,id)>(?,?))"),
        (Wanted(filter=AllOf(RANGE)), None, "started (org=? AND started_at>? AND started_at<?)"),
        (Wanted(filter=AllOf(RANGE)), HERE, "started (org=? AND (started_at,id)>(?,?) AND started_at<?)"),
        (
            Wanted(filter=AllOf((Compare("caller", "eq", "101"), *RANGE))),
            None,
            "caller (org=? AND caller=? AND started_at>? AND started_at<?)",
        ),
        (
            Wanted(filter=AllOf((Compare("caller", "eq", "101"), *RANGE))),
            HERE,
            "caller (org=? AND caller=? AND (started_at,id)>(?,?) AND started_at<?)",
        ),
        (
            Wanted(
                filter=AllOf((Compare("ended_at", "ge", 1), Compare("ended_at", "lt", 9))), orders=(Order("ended_at"),)
            ),
            None,
            "ended (org=? AND ended_at>? AND ended_at<?)",
        ),
    ],
)
def test_a_page_seeks_to_where_it_begins(pbx: Pbx, kind: Kind, wanted: Wanted, begin: Place | None, index: str) -> None:
    """A page seeks its first row in an index, however far on that is; all rows are never sorted."""
    pbx.add(*some_calls())
    first, *others = plans(pbx, lambda logs: logs.page(ORG, kind, wanted, 10, begin=begin))
    assert first == f"SEARCH {name_of(kind)} USING INDEX {name_of(kind)}_by_{index}"
    assert others in ([], ["USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"])


OF_SESSIONS = (Compare("session_id", "eq", "s1"), Compare("session_id", "eq", "s2"))


@pytest.mark.parametrize(
    "named", [OF_SESSIONS[0], AnyOf(OF_SESSIONS), AllOf((Compare("trunk", "ne", None), OF_SESSIONS[0]))]
)
def test_the_call_logs_of_a_session_are_not_looked_for_among_all(pbx: Pbx, named: Expression) -> None:
    """A page of call logs of sessions that are named finds them by that, and sorts them; it does not read all rows."""
    pbx.add(*some_calls())
    assert plans(pbx, lambda logs: logs.page(ORG, LOGS, Wanted(filter=named), 10)) == [
        "SEARCH call_logs USING INDEX call_logs_by_session (org=? AND session_id=?)",
        "USE TEMP B-TREE FOR ORDER BY",
    ]


@pytest.mark.parametrize("kind", Kind)
def test_a_descending_page_seeks_too(pbx: Pbx, kind: Kind) -> None:
    """The newest first, from a place on: the index is read backwards, and only equals are sorted."""
    pbx.add(*some_calls())
    wanted = Wanted(orders=(Order("started_at", True),))
    lines = plans(pbx, lambda logs: logs.page(ORG, kind, wanted, 3, begin=HERE))
    index = f"{name_of(kind)}_by_started"
    assert set(lines) == {
        f"SEARCH {name_of(kind)} USING INDEX {index} (org=? AND started_at<?)",
        "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY",
    }


@pytest.mark.parametrize("begin", [None, HERE], ids=["first", "next"])
@pytest.mark.parametrize("kind", Kind)
def test_the_calls_of_a_number_are_not_looked_for_among_all(pbx: Pbx, kind: Kind, begin: Place | None) -> None:
    """Where a number called or was called, each of the two is sought in an index that has its rows in order."""
    pbx.add(*some_calls())
    either = AnyOf((Compare("caller", "eq", "101"), Compare("callee", "eq", "101")))
    lines = plans(pbx, lambda logs: logs.page(ORG, kind, Wanted(filter=either), 10, begin=begin))
    sought = [line for line in lines if line.startswith(f"SEARCH {name_of(kind)}")]
    place = " AND (started_at,id)>(?,?)" if begin else ""
    assert sought == [
        f"SEARCH {name_of(kind)} USING INDEX {name_of(kind)}_by_{by} (org=? AND {by}=?{place})"
        for by in ("caller", "callee")
    ]
    counted = plans(pbx, lambda logs: logs.count(ORG, kind, Wanted(filter=either)))
    assert [line for line in counted if line.startswith(f"SEARCH {name_of(kind)}")] == [
        f"SEARCH {name_of(kind)} USING COVERING INDEX {name_of(kind)}_by_{by} (org=? AND {by}=?)"
        for by in ("caller", "callee")
    ]


@pytest.mark.parametrize("kind", Kind)
def test_a_count_reads_an_index_only(pbx: Pbx, kind: Kind) -> None:
    """Counting all rows, those of a time, or those of a number in a time looks at no row."""
    number = Compare("caller", "eq", "101")
    for wanted in (Wanted(), Wanted(filter=AllOf(RANGE)), Wanted(filter=AllOf((number, *RANGE)))):
        (line,) = plans(pbx, lambda logs, wanted=wanted: logs.count(ORG, kind, wanted))  # type: ignore[misc]
        assert line.startswith(f"SEARCH {name_of(kind)} USING COVERING INDEX")


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("within", [None, AllOf(RANGE)], ids=["all", "range"])
@pytest.mark.parametrize("begin", [None, HERE], ids=["first", "next"])
@pytest.mark.parametrize("kind", Kind)
def test_a_page_of_a_user_reads_their_own(
    pbx: Pbx, kind: Kind, begin: Place | None, within: AllOf | None, descending: bool
) -> None:
    """A user's page begins where it begins in an index of the user's own, and looks at no row of anybody else."""
    pbx.add(*some_calls())
    wanted = Wanted(user="101", filter=within, orders=(Order("started_at", descending),))
    lines = plans(pbx, lambda logs: logs.page(ORG, kind, wanted, 3, begin=begin))
    users, of_user = {
        LOGS: ("call_log_users", "org=? AND user_id=?"),
        SUMMARIES: ("call_summary_users", "org=? AND user_id=? AND removed=?"),
    }[kind]
    first, then = lines[:2]
    assert re.match(rf"SEARCH {users} USING (COVERING )?INDEX {users}_by_started \({re.escape(of_user)}", first)
    assert ("started_at" in first) is (within is not None or begin is not None)
    assert then == f"SEARCH {name_of(kind)} USING INDEX sqlite_autoindex_{name_of(kind)}_1 (org=? AND id=?)"
    assert set(lines[2:]) <= {first, then, "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"}


@pytest.mark.parametrize("kind", Kind)
def test_what_a_user_has_is_counted_among_their_own(pbx: Pbx, kind: Kind) -> None:
    """To count a user's rows, or to put them in another order, no row of anybody else is looked at."""
    pbx.add(*some_calls())
    users = {LOGS: "call_log_users", SUMMARIES: "call_summary_users"}[kind]
    for ask in (
        lambda logs: logs.count(ORG, kind, Wanted(user="101")),
        lambda logs: logs.page(ORG, kind, Wanted(user="101", search="101", orders=(Order("trunk"),)), 10),
    ):
        first, then = [line for line in plans(pbx, ask) if line.startswith("SEARCH")]
        assert first.startswith(f"SEARCH {users} USING ")
        assert "(org=? AND user_id=?" in first
        assert then.startswith(f"SEARCH {name_of(kind)} USING ")
        assert then.endswith("(org=? AND id=?)")


def test_one_and_its_session_are_found_by_key(pbx: Pbx) -> None:
    """A call log, and all of a session, are found by key, whoever asks."""
    pbx.add(*some_calls())
    assert plans(pbx, lambda logs: logs.one(ORG, "r001")) == [
        "SEARCH call_logs USING INDEX sqlite_autoindex_call_logs_1 (org=? AND id=?)",
        "SEARCH call_costs USING INDEX sqlite_autoindex_call_costs_1 (org=? AND id=?)",
    ]
    assert plans(pbx, lambda logs: logs.of_session(ORG, "s1")) == [
        "SEARCH call_logs USING INDEX call_logs_by_session (org=? AND session_id=?)",
        "SEARCH call_logs USING INDEX sqlite_autoindex_call_logs_1 (org=? AND id=?)",
        "SEARCH call_costs USING INDEX sqlite_autoindex_call_costs_1 (org=? AND id=?)",
    ]


def test_changes_and_news_seek_their_number(pbx: Pbx) -> None:
    """What has changed is sought by its number, and what else changed before or since costs nothing."""
    pbx.add(*some_calls())
    changes = plans(pbx, lambda logs: logs.changes(ORG, "101", 5, microseconds(1), 3))
    users = "SEARCH call_summary_users USING INDEX call_summary_users_by_changed (org=? AND user_id=? AND "
    assert [line for line in changes if "call_summary_users" in line] == [
        f"{users}changed>? AND changed<?)",
        f"{users}changed=?)",
    ]
    news = plans(pbx, lambda logs: logs.news(ORG, 5, 3))
    summaries = "SEARCH call_summaries USING INDEX call_summaries_by_changed (org=? AND "
    assert [line for line in news if "call_summaries" in line] == [
        f"{summaries}changed>? AND changed<?)",
        f"{summaries}changed=?)",
    ]
    assert not [line for line in (*changes, *news) if "TEMP B-TREE" in line]


def test_what_the_plans_are_checked_with_sees_a_scan(pbx: Pbx) -> None:
    """A statement that reads through a table is recognised as one."""
    assert plan(pbx.store, Statement("SELECT * FROM call_logs WHERE trunk = ?", [("x",)])) == ["SCAN call_logs"]
