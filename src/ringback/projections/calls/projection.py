"""Keeps the whole calls of an org up to date with its ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Connection, Table, select, update
from sqlalchemy.dialects.sqlite import insert

from ringback.ledger.contract import Ledger, StoredRecord, Version
from ringback.projections import outbox
from ringback.projections.calls.bulk import Deleting, Finding, Inserting
from ringback.projections.calls.correlator import Correlation, NewRecord, call_id, correlate, keep
from ringback.projections.calls.links import links_of
from ringback.projections.calls.rows import CallRow, decode_kept, row_of
from ringback.projections.calls.story.rules import story_of
from ringback.projections.numbers import Numbers
from ringback.projections.outbox import EventKind, NewEvent
from ringback.projections.sessions.projection import timed_legs
from ringback.records.leg import Leg
from ringback.records.values import to_milliseconds
from ringback.store import Store
from ringback.store.schema import call_counters, call_terms, calls, merged_calls

OLD_NEWS = timedelta(days=7)
"""A call that ended longer ago is no news. The change feed has it all the same."""

_Terms = tuple[int, tuple[str, ...]]

_call_by_id = Finding(select(calls.c.id, calls.c.start_at, calls.c.body), calls.c.id)
_forget_calls = Deleting(calls.c.org, calls.c.id)
_put_terms = Inserting(insert(call_terms).on_conflict_do_nothing())
_forget_terms = Deleting(*call_terms.c)
_forget_merged = Deleting(merged_calls.c.org, merged_calls.c.id)


def _putting(table: Table) -> Inserting:
    """Inserts rows, or replaces those with the same id; but when a call was created stays as it is."""
    statement = insert(table)
    key = [table.c.org, table.c.id]
    stays = ("org", "id", "created")
    updated = {column.name: statement.excluded[column.name] for column in table.c if column.name not in stays}
    return Inserting(statement.on_conflict_do_update(index_elements=key, set_=updated))


_put_calls = _putting(calls)
_put_merged = _putting(merged_calls)


class Change(msgspec.Struct, frozen=True):
    """What follows from some records.

    Attributes:
        correlation: which record is in which call.
        rows: the calls that are new, or are not as they were.
        before: calls that are there and will be changed or merged: their start, and the terms they are found by.
        told: those of which nothing is told, because all their records were told of before.
        apart: those that begin with a record that was in a call before. One that is not there was part of another
            one, and may have been there before that.
    """

    correlation: Correlation
    rows: Sequence[CallRow]
    before: Mapping[bytes, _Terms]
    told: frozenset[bytes]
    apart: frozenset[bytes]


class CallsProjection:
    """Whole calls as a projection; see `ringback.projections.runner.Projection`."""

    name = "calls"
    rules = 1
    """Counts up when the same records are told in another way, so that what is there is told anew."""

    def __init__(self, store: Store, ledger: Ledger, numbers: Numbers, clock: Callable[[], datetime]) -> None:
        """
        Args:
            numbers: how numbers are read.
            clock: gives the current time, aware.
        """
        self._store = store
        self._ledger = ledger
        self._numbers = numbers
        self._clock = clock

    @property
    def made_with(self) -> str:
        """See `Checkpoints.make_with`: the rules, and the country in which numbers are read."""
        return f"rules {self.rules}, country {self._numbers.country}"

    def read(self, org: UUID, stored: Sequence[StoredRecord], told: int) -> Change:
        """What follows from these records; see `Projection.read`."""
        legs = {each.record.record_id: timed_legs(each) for each in stored}
        first = self._ledger.first_versions(org, list(legs))
        came = [new_record(org, each, legs[each.record.record_id], first) for each in stored]
        with self._store.read() as connection:
            correlation = correlate(connection, org, came)
            members = {member.record_id for call in correlation.calls for member in call.members}
            sequences = {each.record.record_id: each.sequence for each in stored}
            for each in self._ledger.current(org, list(members - legs.keys())):
                legs[each.record.record_id] = timed_legs(each)
                sequences[each.record.record_id] = each.sequence
            ids = [*(call.id for call in correlation.calls), *correlation.merged]
            before = {row.id: row for row in _call_by_id(connection, ids, org.bytes)}
        made = []
        for call in correlation.calls:
            its = [leg for member in call.members for leg in legs.get(member.record_id, ())]
            row = row_of(call.id, story_of(its, call.pending), its, self._numbers)
            if (old := before.get(call.id)) is None or (old.start_at, old.body) != (row.start_at, row.body):
                made.append(row)
        old_news = frozenset(
            call.id
            for call in correlation.calls
            if all(sequences.get(member.record_id, 0) <= told for member in call.members)
        )
        terms = {call: (old.start_at, decode_kept(old.body).terms) for call, old in before.items()}
        apart = frozenset(call.id for call in correlation.calls if call.members[0].call is not None)
        return Change(correlation, made, terms, old_news, apart)

    def write(self, connection: Connection, org: UUID, change: Change) -> None:
        """Write it, and the events that tell of it; see `Projection.write`."""
        keep(connection, org, change.correlation)
        merged = {call: into for call, into in change.correlation.merged.items() if call in change.before}
        numbers = _numbers(connection, org, len(change.rows) + len(merged))
        _put(connection, org, change, numbers)
        _merge(connection, org, change, merged, numbers)
        now = to_milliseconds(self._clock())
        since = now - OLD_NEWS // timedelta(milliseconds=1)
        ends = {row.id: row.end_at for row in change.rows}
        events = [
            _event(EventKind.CALL_UPDATED if row.id in change.before else EventKind.CALL_CREATED, row.id)
            for row in change.rows
            if row.end_at >= since and row.id not in change.told
        ]
        events += [
            _event(EventKind.CALL_MERGED, call, into)
            for call, into in merged.items()
            if ends.get(into, 0) >= since and into not in change.told
        ]
        if events:
            outbox.write(connection, org, now, events)


def new_record(org: UUID, stored: StoredRecord, legs: Sequence[Leg], first: Mapping[str, Version]) -> NewRecord:
    """A record as the correlator takes it.

    Args:
        legs: of the record.
        first: first versions, of those records that have several; see `Ledger.first_versions`.
    """
    record_id = stored.record.record_id
    start_at = stored.record.start_at or 0
    known = first.get(record_id)
    if known is None or stored.sequence < known.sequence:
        known = Version(stored.sequence, start_at)
    return NewRecord(call_id(org, record_id, known.start_at), record_id, known.sequence, links_of(legs, start_at))


def _event(kind: EventKind, call: bytes, into: bytes | None = None) -> NewEvent:
    body = {"id": str(UUID(bytes=call))}
    if into is not None:
        body["into"] = str(UUID(bytes=into))
    return NewEvent(outbox.NOBODY, kind, msgspec.json.encode(body))


def _numbers(connection: Connection, org: UUID, wanted: int) -> Iterator[int]:
    """Numbers for some changes, above all that were given out before."""
    first = {"org": org, "changed": 0, "made": uuid4()}
    connection.execute(insert(call_counters).values(first).on_conflict_do_nothing())
    newest: int = connection.execute(
        update(call_counters)
        .where(call_counters.c.org == org)
        .values(changed=call_counters.c.changed + wanted)
        .returning(call_counters.c.changed)
    ).scalar_one()
    return iter(range(newest - wanted + 1, newest + 1))


def _put(connection: Connection, org: UUID, change: Change, numbers: Iterator[int]) -> None:
    rows = []
    for row in sorted(change.rows, key=lambda each: each.id):
        told = (row.start_at, row.end_at, row.direction, row.outcome, row.talk_seconds, row.search, row.body)
        number = next(numbers)
        created = 0 if row.id in change.apart else number
        rows.append((org.bytes, row.id, *told, created, number))
    _put_calls(connection, rows)
    apart = change.apart - change.before.keys()
    _forget_merged(connection, [(org.bytes, call) for call in apart])
    new = {each for row in change.rows for each in _term_rows(org, row.id, row.start_at, row.terms)}
    there = (row.id for row in change.rows if row.id in change.before)
    old = {each for call in there for each in _term_rows(org, call, *change.before[call])}
    _forget_terms(connection, old - new)
    _put_terms(connection, sorted(new - old))


def _merge(
    connection: Connection, org: UUID, change: Change, merged: Mapping[bytes, bytes], numbers: Iterator[int]
) -> None:
    rows = [(org.bytes, call, into, next(numbers)) for call, into in merged.items()]
    _put_merged(connection, rows)
    _forget_calls(connection, [(org.bytes, call) for call in merged])
    _forget_terms(connection, [each for call in merged for each in _term_rows(org, call, *change.before[call])])


def _term_rows(org: UUID, call: bytes, start_at: int, terms: Iterable[str]) -> list[tuple[bytes, str, int, bytes]]:
    return [(org.bytes, term, start_at, call) for term in terms]
