"""The change feed: who applies every change has in the end just the calls that there are."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from call_ids import call_uuid
from factories import NOON, ORG, OTHER_ORG, Clock
from integration.ledger.statements import listening, plan
from integration.projections.switchboard import Consumer, Switchboard, leg_record
from ringback.projections import runner as runner_module
from ringback.projections.calls.feed import NOWHERE, Mark, StartAgain
from ringback.records.decode import Record
from ringback.records.values import to_milliseconds

A, B, C = map(call_uuid, "abc")


@pytest.fixture
def here(directory: Path, clock: Clock) -> Iterator[Switchboard]:
    """An empty store."""
    with Switchboard(directory, clock) as here:
        yield here


@pytest.fixture
def consumer(here: Switchboard) -> Consumer:
    """Somebody who has asked for nothing yet."""
    return Consumer(here.feed)


def test_the_first_answer_has_everything(here: Switchboard, consumer: Consumer) -> None:
    """Without a mark all calls are told as created; with the mark of that answer nothing more, until one comes."""
    here.add(leg_record("a", "A"), leg_record("b", "B"))
    assert consumer.follow() == [("created", A), ("created", B)]
    assert consumer.calls == here.listed()
    assert consumer.follow() == []
    here.add(leg_record("c", "C"))
    assert consumer.follow() == [("created", C)]
    assert consumer.calls == here.listed()


def test_a_late_record_changes_a_call(here: Switchboard, consumer: Consumer) -> None:
    """A call that gets one more record is told with all that it is now, once, however often it has changed since."""
    here.add(leg_record("a", "A"))
    consumer.follow()
    here.add(leg_record("b", "A"))
    here.add(leg_record("c", "A"))
    assert consumer.follow() == [("updated", A)]
    assert consumer.calls[A].story.report_ids == ("a", "b", "c")


def test_two_calls_become_one(here: Switchboard, consumer: Consumer) -> None:
    """When a late record joins two calls, the younger one is told to be part of the older one."""
    here.add(leg_record("a", "A", Local_call_ID="1:0"))
    here.add(leg_record("b", "B", Local_call_ID="2:0"))
    consumer.follow()
    here.add(leg_record("c", "C", Related_call_ID="1:0", Transfer_related_call_ID="2:0"))
    changes = here.feed.read(ORG, consumer.mark, 10)
    assert [(each.kind, each.id, each.into) for each in changes.items] == [("updated", A, None), ("merged", B, A)]
    consumer.follow()
    assert consumer.calls == here.listed()
    assert list(consumer.calls) == [A]


def test_a_call_is_taken_apart(here: Switchboard, consumer: Consumer) -> None:
    """When a revision takes a link away, the call that was merged is there again, and is told."""
    here.add(leg_record("a", "A", Local_call_ID="1:0"))
    here.add(leg_record("b", "B"))
    here.add(leg_record("b", "B", version=1, Related_call_ID="1:0"))
    consumer.follow()
    assert list(consumer.calls) == [A]
    here.add(leg_record("b", "B", version=2))
    assert set(consumer.follow()) == {("updated", A), ("updated", B)}
    assert consumer.calls == here.listed()


def test_what_was_merged_before_is_not_told(here: Switchboard) -> None:
    """Who asks for the first time is not told of calls that nobody can have told of."""
    here.add(leg_record("a", "A", Local_call_ID="1:0"))
    here.add(leg_record("b", "B"))
    here.add(leg_record("b", "B", version=1, Related_call_ID="1:0"))
    assert Consumer(here.feed).follow() == [("created", A)]


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_what_is_removed_has_its_place(here: Switchboard, limit: int) -> None:
    """Calls that are merged come in the order of all changes, whatever the limit."""
    consumer = Consumer(here.feed, limit)
    here.add(leg_record("a", "A", Local_call_ID="1:0"), leg_record("b", "B"), leg_record("c", "C"))
    consumer.follow()
    here.add(leg_record("c", "C", version=1, Related_call_ID="1:0"))
    here.add(leg_record("b", "B", version=1, Duration="9"))
    here.add(leg_record("d", "D"))
    assert consumer.follow() == [("updated", A), ("merged", C), ("updated", B), ("created", call_uuid("d"))]
    assert consumer.calls == here.listed()


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages(here: Switchboard, limit: int) -> None:
    """With any limit all changes come in their order, each once; what changes meanwhile comes later once more."""
    here.add(*(leg_record(name, name, at=at) for at, name in enumerate("abcdef")))
    everything = Consumer(here.feed).follow()
    consumer = Consumer(here.feed, limit)
    assert consumer.follow() == everything
    late = Consumer(here.feed, limit)
    late.ask()
    here.add(leg_record("g", "a"))
    assert late.follow()[-1] == ("updated", A)
    assert late.calls == here.listed()


def test_orgs_have_feeds_of_their_own(here: Switchboard, consumer: Consumer) -> None:
    """Nobody is told of calls of another org, and the mark of one org is none of another."""
    here.add(leg_record("a", "A"), leg_record("a", "A", org=OTHER_ORG), leg_record("b", "B", org=OTHER_ORG))
    assert consumer.follow() == [("created", A)]
    with pytest.raises(StartAgain):
        here.feed.read(OTHER_ORG, consumer.mark, 10)


def test_an_org_without_calls(here: Switchboard, consumer: Consumer) -> None:
    """Who asks before there is any call has a mark to go on with."""
    assert consumer.follow() == []
    assert consumer.mark == Mark(NOWHERE, 0, 0)
    here.add(leg_record("a", "A"))
    assert consumer.follow() == [("created", A)]


def test_tables_that_are_made_anew(here: Switchboard, consumer: Consumer) -> None:
    """After all is made anew, marks of before are refused, since what was merged meanwhile is not known any more."""
    here.add(leg_record("a", "A"))
    consumer.follow()
    old = consumer.mark
    here.drop()
    with pytest.raises(StartAgain):
        here.feed.read(ORG, old, 10)
    here.catch_up()
    with pytest.raises(StartAgain):
        here.feed.read(ORG, old, 10)
    assert consumer.follow() == [("created", A)]


def test_to_read_all_again_changes_nothing(here: Switchboard, consumer: Consumer) -> None:
    """Marks stay good when all records are read again, and nothing is told that has not changed."""
    here.add(leg_record("a", "A"))
    consumer.follow()
    here.read_again()
    here.catch_up()
    assert consumer.follow() == []


@pytest.mark.parametrize("ahead", [Mark(NOWHERE, 3, 1), Mark(NOWHERE, 1, 3)], ids=["position", "begun"])
def test_a_mark_of_the_future(here: Switchboard, consumer: Consumer, ahead: Mark) -> None:
    """A mark ahead of all changes, as after an older copy of the store was restored, is refused."""
    here.add(leg_record("a", "A"))
    consumer.follow()
    assert consumer.mark is not None
    with pytest.raises(StartAgain):
        here.feed.read(ORG, msgspec.structs.replace(ahead, made=consumer.mark.made), 10)


def test_changes_are_sought(here: Switchboard) -> None:
    """However many calls there are, an answer reads those behind the mark only, out of an index in their order."""
    here.add(leg_record("a", "A"))
    with listening(here.store) as heard:
        here.feed.read(ORG, None, 10)
    plans = [plan(here.store, each) for each in heard if not each.sql.startswith("BEGIN")]
    assert [len(lines) for lines in plans] == [1, 1, 1]
    assert [line.split("USING ")[1] for (line,) in plans[1:]] == [
        "INDEX calls_by_changed (org=? AND changed>?)",
        "INDEX merged_calls_by_changed (org=? AND changed>?)",
    ]


# Whatever happens

NAMES = "abcdefgh"


class Came(msgspec.Struct, frozen=True):
    """A record that came: another version of it than all before, which names others as related or no longer does.

    Attributes:
        late: it is older than all before, so that it changes nothing if the record is there.
    """

    name: str
    related: str
    transferred: str
    late: bool


OTHERS = st.sampled_from((*[""] * len(NAMES), *NAMES))
CAME = st.builds(Came, st.sampled_from(NAMES), OTHERS, OTHERS, st.sampled_from((False, False, True)))


class Arrive(msgspec.Struct, frozen=True):
    """Records are stored."""

    records: list[Came]


class Work(msgspec.Struct, frozen=True):
    """The calls follow some records, in steps of so many."""

    steps: int
    batch: int


class Ask(msgspec.Struct, frozen=True):
    """One of the consumers asks once, for so many changes at most."""

    who: int
    limit: int


class Crash(msgspec.Struct, frozen=True):
    """The calls follow all records, and all of that is lost; one of the consumers asks in the middle of it."""

    who: int


class Restart(msgspec.Struct, frozen=True):
    """Another process goes on."""


class ReadAgain(msgspec.Struct, frozen=True):
    """Somebody has all records read again."""


class Drop(msgspec.Struct, frozen=True):
    """All that is derived is dropped."""


WHO = st.integers(0, 1)
ARRIVE = st.builds(Arrive, st.lists(CAME, min_size=1, max_size=4))
WORK = st.builds(Work, st.integers(1, 3), st.integers(1, 4))
ASK = st.builds(Ask, WHO, st.sampled_from((1, 2, 2, 5)))
CRASH = st.builds(Crash, WHO)
SELDOM = st.one_of(CRASH, CRASH, st.just(Restart()), st.just(ReadAgain()), st.just(Drop()))
HAPPENS = st.one_of(ARRIVE, WORK, ASK, ARRIVE, WORK, ASK, ARRIVE, WORK, ASK, SELDOM)


def record_of(came: Came, version: int) -> Record:
    """The record that came."""
    return leg_record(
        came.name,
        f"of {came.name}",
        version=-version if came.late else version,
        Local_call_ID=came.name,
        Related_call_ID=came.related,
        Transfer_related_call_ID=came.transferred,
    )


@contextmanager
def new_switchboard(empty_store: Path) -> Iterator[Switchboard]:
    """An empty store of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Switchboard(Path(shutil.copytree(empty_store, Path(folder, "s"))), Clock(to_milliseconds(NOON))) as here,
    ):
        yield here


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(events=st.lists(HAPPENS, min_size=25, max_size=60))
def test_whatever_happens(empty_store: Path, events: Sequence[object]) -> None:
    """With late and revised records, merged calls and calls taken apart, crashes and rebuilds, copies equal the list.

    Also those of consumers who ask at any moment for any number of changes; and each id that was told leads to a call.
    """
    with new_switchboard(empty_store) as here, pytest.MonkeyPatch.context() as patch:
        consumers = [Consumer(here.feed) for _ in range(2)]
        version = 0
        for event in events:
            if isinstance(event, Arrive):
                version += 1
                here.ledger.append([record_of(each, version) for each in event.records])
            elif isinstance(event, Work):
                patch.setattr(runner_module, "_BATCH", event.batch)
                for _ in range(event.steps):
                    here.step()
            elif isinstance(event, Ask):
                consumers[event.who].limit = event.limit
                consumers[event.who].ask()
            elif isinstance(event, Crash):
                here.crash(consumers[event.who])
            elif isinstance(event, Restart):
                here.restart()
            elif isinstance(event, ReadAgain):
                here.read_again()
            elif isinstance(event, Drop):
                here.drop()
        here.catch_up()
        listed = here.listed()
        for consumer in consumers:
            consumer.follow()
            assert consumer.calls == listed
            assert consumer.follow() == []
            for _, told in consumer.told:
                found = here.calls.one(ORG, told)
                assert found is not None
                assert listed[found.id] == found
