"""Which calls there are, under which ids, whatever the order in which records come."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from call_ids import call_uuid, first_call
from factories import NOON, ORG, OTHER_ORG, Clock, make_record
from ringback.ledger import SqlLedger
from ringback.projections.calls.links import components, links_of
from ringback.projections.calls.projection import CallsProjection
from ringback.projections.calls.rows import decode_kept
from ringback.projections.checkpoints import Checkpoints
from ringback.projections.numbers import Numbers
from ringback.projections.outbox import EventKind, Outbox
from ringback.projections.runner import Runner
from ringback.projections.sessions.projection import timed_legs
from ringback.records.decode import Record
from ringback.records.values import to_milliseconds
from ringback.store import Store
from ringback.store.schema import (
    call_groups,
    call_legs,
    call_names,
    call_terms,
    calls,
    checkpoints,
    merged_calls,
)

TABLES = (call_groups, call_legs, call_names, call_terms, calls, merged_calls)


class Place:
    """A store with whole calls."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.clock = clock
        self.store = Store.open(directory)
        self.ledger = SqlLedger(self.store, clock)
        self.runner = self._runner()
        self.left_again = 0
        """What a server had to read again when it began."""

    def _runner(self) -> Runner:
        projection = CallsProjection(self.store, self.ledger, Numbers(""), self.clock)
        return Runner(self.store, self.ledger, [projection], "test", self.clock)

    def serve_in(self, country: str) -> None:
        """Go on as a server in another country does."""
        projection = CallsProjection(self.store, self.ledger, Numbers(country), self.clock)
        checkpoints = Checkpoints(self.store, projection.name)
        checkpoints.make_with(projection.made_with)
        self.left_again = checkpoints.all()[ORG].left_again
        self.runner.stop()
        self.runner = Runner(self.store, self.ledger, [projection], "test", self.clock)
        self.runner.catch_up()

    def add(self, *records: Record) -> None:
        """Store records, and let the calls follow."""
        self.ledger.append(records)
        self.runner.catch_up()

    def rebuild(self) -> None:
        """Drop all that is derived, and make it anew."""
        with self.store.write() as connection:
            for table in (*TABLES, checkpoints):
                connection.execute(delete(table))
        self.runner.catch_up()

    def calls(self, org: UUID = ORG) -> dict[UUID, set[str]]:
        """The record ids of each call, as its story tells them."""
        with self.store.read() as connection:
            rows = connection.execute(select(calls.c.id, calls.c.body).where(calls.c.org == org)).all()
        return {row.id: set(decode_kept(row.body).story.report_ids) for row in rows}

    def call_of(self, call: UUID, org: UUID = ORG) -> UUID | None:
        """Where an id that was given out leads to now."""
        with self.store.read() as connection:
            statement = select(call_legs.c.call).where(call_legs.c.org == org, call_legs.c.id == call)
            found: UUID | None = connection.execute(statement).scalar()
            return found

    def pending(self) -> dict[UUID, int]:
        """How many pending links each call has."""
        with self.store.read() as connection:
            rows = connection.execute(select(calls.c.id, calls.c.body)).all()
        return {row.id: decode_kept(row.body).story.pending_links for row in rows}

    def told(self) -> list[EventKind]:
        """What listeners were told, in order."""
        return [event.kind for event in Outbox(self.store).after(ORG, 0, 1000)]


@contextmanager
def place(directory: Path, clock: Clock) -> Iterator[Place]:
    """A place that is closed in the end."""
    there = Place(directory, clock)
    yield there
    there.runner.stop()
    there.store.close()


@pytest.fixture
def here(directory: Path, clock: Clock) -> Iterator[Place]:
    """An empty store."""
    with place(directory, clock) as there:
        yield there


def leg(name: str, correlation: str = "", *, at: int = 0, version: int = 0, org: UUID = ORG, **ids: str) -> Record:
    """A record that starts so many seconds after noon; of a later version, with a later Report time."""
    start = NOON + timedelta(seconds=at)
    values = {key.replace("_", " "): value for key, value in ids.items()}
    reported = max(start, NOON) + timedelta(minutes=1 + version)
    return make_record(
        name, org=org, report_time=reported, start_time=start, **{"Correlation ID": correlation, **values}
    )


def first(name: str) -> UUID:
    """The id of the call that begins with this record."""
    return call_uuid(name)


def test_a_call_is_named_after_its_first_record(here: Place) -> None:
    """Records that belong together are one call, whose id is made of the id of the one that came first."""
    here.add(leg("b", "C"))
    here.add(leg("a", "C"), leg("c", "D"))
    assert here.calls() == {first("b"): {"a", "b"}, first("c"): {"c"}}


def test_a_late_record_joins_two_calls(here: Place) -> None:
    """The older id survives, the other one leads to it, and listeners are told."""
    here.add(leg("a", "A", Local_call_ID="1:0"))
    here.add(leg("b", "B", Local_call_ID="2:0"))
    here.add(leg("c", "C", Related_call_ID="1:0", Transfer_related_call_ID="2:0"))
    assert here.calls() == {first("a"): {"a", "b", "c"}}
    assert here.call_of(first("b")) == here.call_of(first("c")) == first("a")
    assert here.told() == [
        *(EventKind.CALL_CREATED, EventKind.CALL_CREATED),
        *(EventKind.CALL_UPDATED, EventKind.CALL_MERGED),
    ]


def test_the_order_of_arrival_does_not_matter(here: Place) -> None:
    """A link to a record that comes later is kept, and joins as soon as it comes."""
    here.add(leg("c", "C", Related_call_ID="1:0", Transfer_related_call_ID="2:0"))
    assert here.pending() == {first("c"): 2}
    here.add(leg("b", "B", Local_call_ID="2:0"))
    assert here.pending() == {first("c"): 1}
    here.add(leg("a", "A", Local_call_ID="1:0"))
    assert here.calls() == {first("c"): {"a", "b", "c"}}
    assert here.pending() == {first("c"): 0}


def test_a_counter_that_begins_again_joins_nothing(here: Place) -> None:
    """The same Local call ID on another day is another leg; the same one close to midnight is not."""
    day = 24 * 3600
    here.add(leg("a", "A", Local_call_ID="1:0"), leg("b", "B", at=3 * day, Related_call_ID="1:0"))
    assert len(here.calls()) == 2
    here.add(leg("c", "C", at=day - 1, Related_call_ID="1:0"))
    assert here.calls()[first("a")] == {"a", "c"}


def test_orgs_are_never_mixed(here: Place) -> None:
    """Records of two orgs with equal ids are two calls."""
    here.add(leg("a", "C", Local_call_ID="1:0"), leg("a", "C", Related_call_ID="1:0", org=OTHER_ORG))
    assert here.calls() == {first("a"): {"a"}}
    assert here.calls(OTHER_ORG) == {call_uuid("a", OTHER_ORG): {"a"}}


def test_a_revision_can_take_a_call_apart(here: Place) -> None:
    """If the newest revision of a record no longer has a link, what it joined is two calls again."""
    here.add(leg("a", "A", Local_call_ID="1:0"), leg("b", "B", Related_call_ID="1:0"))
    assert here.calls() == {first("a"): {"a", "b"}}
    here.add(leg("b", "B", version=1))
    assert here.calls() == {first("a"): {"a"}, first("b"): {"b"}}
    here.add(leg("b", "B", version=2, Related_call_ID="1:0"))
    assert here.calls() == {first("a"): {"a", "b"}}


def test_a_stale_revision_changes_nothing(here: Place) -> None:
    """An older version that comes last does not bring an old link back."""
    here.add(leg("a", "A", Local_call_ID="1:0"), leg("b", "B", version=1))
    here.add(leg("b", "B", version=0, Related_call_ID="1:0"))
    assert here.calls() == {first("a"): {"a"}, first("b"): {"b"}}


def test_a_call_keeps_the_id_of_a_record_that_was_revised_since(here: Place) -> None:
    """What came first is the record whose first version came first, also if all is made anew."""
    here.add(leg("a", "C"))
    here.add(leg("b", "C"))
    here.add(leg("a", "C", version=1))
    assert here.calls() == {first("a"): {"a", "b"}}
    here.rebuild()
    assert here.calls() == {first("a"): {"a", "b"}}


def test_another_country_is_another_reading_of_numbers(here: Place) -> None:
    """When numbers are read in another country, calls of before are found by that, once, and nobody is rung up."""
    here.add(leg("a", "A", Calling_number="(202) 555-0143"), leg("b", "A"))
    assert numbers_of(here, "2025550143") == {"n2025550143"}
    here.serve_in("US")
    assert numbers_of(here, "2025550143") == {"n12025550143"}
    before = changed(here)
    here.serve_in("US")
    assert changed(here) == before
    assert here.left_again == 0
    here.serve_in("")
    assert numbers_of(here, "2025550143") == {"n2025550143"}
    assert here.told() == [EventKind.CALL_CREATED]


def numbers_of(there: Place, digits: str) -> set[str]:
    """The terms with these digits that the calls are found by; the table has just those that the calls tell."""
    table, own = terms_of(there)
    assert table == own
    return {term for term, _, _ in table if term.endswith(digits)}


def test_what_changes_nothing_is_not_told(here: Place) -> None:
    """Reading all records again changes no call, gives no change a number, and tells nobody."""
    here.add(leg("a", "A"), leg("b", "A"))
    before = changed(here)
    with here.store.write() as connection:
        connection.execute(delete(checkpoints))
    here.runner.catch_up()
    assert changed(here) == before
    assert here.told() == [EventKind.CALL_CREATED]


def test_calls_of_long_ago_are_no_news(here: Place) -> None:
    """Years of history that are stored at once are in the change feed, but ring no phone."""
    here.clock.now += 8 * 86_400_000
    here.add(leg("a", "A"))
    assert here.calls() == {first("a"): {"a"}}
    assert here.told() == []


def changed(there: Place) -> dict[UUID, int]:
    """The number of the last change of each call."""
    with there.store.read() as connection:
        return {row.id: row.changed for row in connection.execute(select(calls.c.id, calls.c.changed))}


IDS = st.sampled_from(("1", "2", "3"))
RECORDS = st.builds(
    leg,
    st.sampled_from("abcdefg"),
    st.sampled_from(("A", "B", "C", "D", "")),
    at=st.sampled_from((0, 20 * 3600, 24 * 3600, 45 * 3600, 5 * 86_400)),
    version=st.integers(0, 3),
    Local_call_ID=IDS | st.just(""),
    Remote_call_ID=IDS | st.just(""),
    Related_call_ID=IDS | st.just(""),
    Interaction_ID=st.sampled_from(("", "", "I")),
    Network_call_ID=st.sampled_from(("", "", "N")),
)


def expected(there: Place) -> Mapping[UUID, set[str]]:
    """The calls, worked out from all current records at once."""
    current = {stored.record.record_id: stored for stored in there.ledger.after(ORG, 0, 10_000)}
    came = {
        record_id: min(version.sequence for version in there.ledger.versions(ORG, record_id)) for record_id in current
    }
    links = {
        record_id: links_of(timed_legs(stored), stored.record.start_at or 0) for record_id, stored in current.items()
    }
    return {first_call(there.ledger, min(each, key=came.__getitem__)): set(each) for each in components(links)}


def terms_of(there: Place) -> tuple[set[tuple[str, int, UUID]], set[tuple[str, int, UUID]]]:
    """What calls are found by: as the table has it, and as the calls themselves do."""
    with there.store.read() as connection:
        rows = connection.execute(select(call_terms.c.term, call_terms.c.start_at, call_terms.c.call)).all()
        kept = connection.execute(select(calls.c.id, calls.c.start_at, calls.c.body)).all()
    return (
        {(row.term, row.start_at, row.call) for row in rows},
        {(term, row.start_at, row.id) for row in kept for term in decode_kept(row.body).terms},
    )


@settings(max_examples=30)
@given(st.lists(st.lists(RECORDS, max_size=4), max_size=8))
def test_calls_are_the_same_however_records_come(empty_store: Path, batches: Sequence[Sequence[Record]]) -> None:
    """Late, repeated, revised and reordered records, in any batches, give the calls that all records at once give."""
    with TemporaryDirectory() as directory:
        copied = shutil.copytree(empty_store, Path(directory, "store"))
        with place(copied, Clock(to_milliseconds(NOON))) as there:
            given_out: set[UUID] = set()
            for batch in batches:
                there.add(*batch)
                found = there.calls()
                assert found == expected(there)
                given_out |= found.keys()
                assert {there.call_of(call) for call in given_out} <= found.keys()
                assert all(there.call_of(call) == call for call in found)
                in_table, in_calls = terms_of(there)
                assert in_table == in_calls
            stories = there.pending()
            there.rebuild()
            assert there.calls() == expected(there)
            assert there.pending() == stories
