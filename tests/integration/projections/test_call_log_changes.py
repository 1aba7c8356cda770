"""What has changed for a user: who applies every change has in the end just what a list gives."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import NOON, ORG, OTHER_ORG, Clock, make_record
from integration.projections.pbx import Pbx, call_log, ids, microseconds
from ringback.projections import runner as runner_module
from ringback.projections.call_logs.expressions import Compare
from ringback.projections.call_logs.query import Changes, ChangeType, Wanted
from ringback.projections.call_logs.summary import summary_of
from ringback.records.decode import Record
from ringback.records.kinds import call_log_of
from ringback.records.portsip.call_log import CallLog

USERS = ("101", "102", "103")


@pytest.fixture
def pbx(directory: Path, clock: Clock) -> Iterator[Pbx]:
    """An empty store."""
    with Pbx(directory, clock) as pbx:
        yield pbx


class Consumer:
    """Somebody who keeps a copy of a user's calls by applying what has changed."""

    def __init__(self, pbx: Pbx, user: str, date_from: int | None = None, limit: int = 100) -> None:
        self._pbx = pbx
        self.user = user
        self.date_from = date_from
        self._limit = limit
        self.position = 0
        self.calls: dict[str, Sequence[CallLog]] = {}
        self.told: list[list[tuple[str, ChangeType]]] = []

    def ask(self) -> Changes:
        """Apply what one answer says."""
        changes = self._pbx.call_logs.changes(ORG, self.user, self.position, self.date_from, self._limit)
        assert changes.position >= self.position
        assert not changes.more or changes.position > self.position
        assert len({each.id for each in changes.items}) == len(changes.items)
        for each in changes.items:
            if each.change_type == "DELETED":
                assert not each.logs
                self.calls.pop(each.id, None)
            else:
                assert each.logs
                assert each.change_type == "UPDATED" or each.id not in self.calls
                self.calls[each.id] = each.logs
        self.told.append([(each.id, each.change_type) for each in changes.items])
        self.position = changes.position
        return changes

    def follow(self) -> list[tuple[str, ChangeType]]:
        """Apply everything; gives what was told."""
        begin = len(self.told)
        while self.ask().more:
            pass
        return [each for told in self.told[begin:] for each in told]

    def listed(self) -> dict[str, Sequence[CallLog]]:
        """What a fresh list gives."""
        since = None if self.date_from is None else Compare("started_at", "ge", self.date_from)
        found = self._pbx.summaries(Wanted(user=self.user, filter=since))
        return {call.id: self._pbx.call_logs.of_session(ORG, call.id, self.user) for call in found}


def test_a_call_comes_changes_and_goes(pbx: Pbx) -> None:
    """A new call is CREATED, one with another row is UPDATED, one that is no longer the user's is DELETED."""
    consumer, other = Consumer(pbx, "101"), Consumer(pbx, "102")
    pbx.add(call_log("1", session_id="s"))
    assert consumer.follow() == [("s", "CREATED")]
    pbx.add(call_log("2", session_id="s", callee="102"))
    assert (consumer.follow(), other.follow()) == ([("s", "UPDATED")], [("s", "CREATED")])
    assert (ids(consumer.calls["s"]), ids(other.calls["s"])) == (["1"], ["2"])
    pbx.add(call_log("1", session_id="s", callee="102", ended_at=67))
    assert (consumer.follow(), other.follow()) == ([("s", "DELETED")], [("s", "UPDATED")])
    assert (consumer.calls, ids(other.calls["s"])) == ({}, ["1", "2"])
    assert consumer.follow() == other.follow() == []


def test_what_nobody_has_seen_is_not_deleted(pbx: Pbx) -> None:
    """A call that came and went between two questions is not told of; what has come back is UPDATED."""
    consumer = Consumer(pbx, "101")
    pbx.add(call_log("1"))
    assert consumer.follow() == [("1", "CREATED")]
    pbx.add(call_log("1", callee="102", ended_at=67), call_log("2"))
    pbx.add(call_log("1", ended_at=68), call_log("2", callee="102", ended_at=67))
    assert consumer.follow() == [("1", "UPDATED")]
    assert consumer.calls == consumer.listed()


def test_a_session_that_is_gone_and_comes_back(pbx: Pbx) -> None:
    """A session that no row names any more is DELETED, and UPDATED when one names it again."""
    consumer = Consumer(pbx, "101")
    pbx.add(call_log("1", session_id="s"))
    consumer.follow()
    pbx.add(call_log("1", session_id="t", ended_at=67))
    assert consumer.follow() == [("s", "DELETED"), ("t", "CREATED")]
    pbx.add(call_log("1", session_id="s", ended_at=68))
    assert sorted(consumer.follow()) == [("s", "UPDATED"), ("t", "DELETED")]
    assert consumer.calls == consumer.listed()


def test_only_calls_since_a_date(pbx: Pbx) -> None:
    """With a date there are only calls that started then or later; one that is moved before it is DELETED."""
    consumer = Consumer(pbx, "101", microseconds(10))
    pbx.add(call_log("1", started_at=9), call_log("2", started_at=10), call_log("3", started_at=None))
    assert consumer.follow() == [("2", "CREATED")]
    pbx.add(call_log("1", started_at=9, ended_at=67), call_log("2", started_at=9, ended_at=67))
    assert consumer.follow() == [("1", "DELETED"), ("2", "DELETED")]  # of the first nobody knew; that does no harm
    assert consumer.calls == consumer.listed() == {}


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_changes_come_in_parts(pbx: Pbx, limit: int) -> None:
    """With a limit, everything is told in parts, in order, each once; what one record changed is in one part."""
    pbx.add(
        *(call_log(str(number), session_id="a") for number in range(3)), *(call_log(f"x{each}") for each in range(9))
    )
    consumer = Consumer(pbx, "101", limit=limit)
    consumer.follow()
    assert [id for told in consumer.told for id, _ in told] == ["a", *(f"x{each}" for each in range(9))]
    pbx.add(call_log("0", session_id="b", ended_at=67))
    assert sorted(consumer.follow()) == [("a", "UPDATED"), ("b", "CREATED")]
    assert [len(told) for told in consumer.told if told] == [
        *[limit] * (10 // limit),
        *[10 % limit] * (10 % limit > 0),
        2,
    ]


def test_news_are_of_everybody(pbx: Pbx) -> None:
    """The news of an org are its new and changed sessions, each with all its rows, in the order of their numbers."""
    pbx.add(call_log("1", session_id="s"), call_log("2", callee="102"), call_log("3", org=OTHER_ORG))
    first = pbx.call_logs.news(ORG, 0, 10)
    assert [(changed, summary.id, list(ids(logs))) for changed, summary, logs in first] == [
        (1, "s", ["1"]),
        (2, "2", ["2"]),
    ]
    pbx.add(call_log("4", session_id="s", callee="102", started_at=9))
    ((changed, summary, logs),) = pbx.call_logs.news(ORG, 2, 10)
    assert (changed, summary) == (3, summary_of("s", logs))
    assert ids(logs) == ["1", "4"]
    assert pbx.call_logs.news(ORG, 3, 10) == []
    assert [each.changed for each in pbx.call_logs.news(ORG, 0, 1)] == [2]


# Anything that can happen

RECORDS = st.builds(
    lambda **values: values,
    id=st.sampled_from(["1", "2", "3", "4", "s"]),
    session_id=st.sampled_from([None, "s", "t"]),
    caller=st.sampled_from([*USERS, "+12025550143"]),
    callee=st.sampled_from(USERS),
    direction=st.sampled_from(["INBOUND_CALL", "OUTBOUND_CALL", "EXTENSION_CALL"]),
    started_at=st.sampled_from([None, 0, 5, 10]),
    answered_at=st.sampled_from([None, 6]),
    trunk=st.sampled_from([None, "East"]),
)
CDRS = st.builds(
    lambda **values: values,
    id=st.sampled_from(["w1", "w2"]),
    session_id=st.sampled_from(["s", "t", "u"]),
    callee=st.sampled_from(USERS),
)


class Arrive(msgspec.Struct, frozen=True):
    """Records are stored. Each is newer than all before, or older if it is late."""

    records: list[tuple[dict[str, Any], bool]]


class Work(msgspec.Struct, frozen=True):
    """The runner takes some steps, each of so many records."""

    steps: int
    batch: int


class Restart(msgspec.Struct, frozen=True):
    """Another runner goes on."""

    killed: bool


class ReadAgain(msgspec.Struct, frozen=True):
    """Somebody has everything made anew."""


class Ask(msgspec.Struct, frozen=True):
    """One of the consumers asks once."""

    who: int


EVENTS = st.one_of(
    st.lists(st.tuples(RECORDS | CDRS, st.booleans()), min_size=1, max_size=6).map(Arrive),
    st.lists(st.tuples(RECORDS | CDRS, st.booleans()), min_size=1, max_size=6).map(Arrive),
    st.builds(Work, st.integers(1, 3), st.integers(1, 4)),
    st.builds(Restart, st.booleans()),
    st.just(ReadAgain()),
    st.builds(Ask, st.integers(0, 5)),
)


@contextmanager
def new_pbx(empty_store: Path) -> Iterator[Pbx]:
    """An empty store of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Pbx(Path(shutil.copytree(empty_store, Path(folder, "s"))), Clock()) as pbx,
    ):
        yield pbx


def record_of(values: dict[str, Any], version: int) -> Record:
    """A record whose Report time says which version of it is the newest."""
    if not values["id"].startswith("w"):
        return call_log(**{**values, "ended_at": 100 + version, "duration": version})
    report_time = NOON + timedelta(minutes=version)
    wire = {"Correlation ID": values["session_id"], "User UUID": values["callee"], "Duration": str(version)}
    return make_record(values["id"], start_time=NOON, report_time=report_time, **wire)


def made_plainly(pbx: Pbx) -> tuple[dict[str, CallLog], dict[str, CallLog], dict[str, set[str]]]:
    """What the ledger says: call logs, summaries, and the sessions of each user."""
    logs: dict[str, CallLog] = {}
    sessions: dict[str, list[CallLog]] = defaultdict(list)
    users: dict[str, set[str]] = defaultdict(set)
    for stored in pbx.ledger.after(ORG, 0, 1000):
        log, legs = call_log_of(stored.record)
        logs[log.id] = msgspec.structs.replace(log, odd=())
        session = log.session_id or log.id
        sessions[session].append(log)
        for leg in legs:
            if leg.user_id:
                users[leg.user_id].add(session)
    return logs, {session: summary_of(session, rows) for session, rows in sessions.items()}, users


@settings(max_examples=50)
@given(events=st.lists(EVENTS, max_size=30), limits=st.tuples(st.integers(1, 3), st.integers(1, 3)))
def test_whatever_happens(empty_store: Path, events: list[object], limits: tuple[int, int]) -> None:
    """With revisions, late rows, moves between sessions and users, restarts and rebuilds, copies equal the lists.

    So do the lists with what is made plainly of the ledger, all at once.
    """
    with new_pbx(empty_store) as pbx, pytest.MonkeyPatch.context() as patch:
        consumers = [
            *(Consumer(pbx, user, limit=limits[0]) for user in USERS),
            *(Consumer(pbx, user, microseconds(5), limits[1]) for user in USERS),
        ]
        version = 20
        for event in events:
            if isinstance(event, Arrive):
                batch = []
                for values, late in event.records:
                    version += 1
                    batch.append(record_of(values, version % 20 if late else version))
                pbx.ledger.append(batch)
            elif isinstance(event, Work):
                patch.setattr(runner_module, "_BATCH", event.batch)
                for _ in range(event.steps):
                    pbx.step()
            elif isinstance(event, Restart):
                pbx.restart(killed=event.killed)
            elif isinstance(event, ReadAgain):
                pbx.read_again()
            elif isinstance(event, Ask):
                consumers[event.who].ask()
        pbx.catch_up()
        logs, summaries, users = made_plainly(pbx)
        assert {log.id: log for log in pbx.logs()} == logs
        assert {summary.id: summary for summary in pbx.summaries()} == summaries
        for consumer in consumers:
            consumer.follow()
            assert consumer.position == pbx.ledger.newest(ORG)
            assert consumer.calls == consumer.listed()
        for user in USERS:
            assert set(ids(pbx.summaries(Wanted(user=user)))) == users[user]
