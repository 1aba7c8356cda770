"""The ledger in a store, with SQLAlchemy Core. Written for SQLite; every statement is one that PostgreSQL takes too."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from ringback.ledger.contract import (
    MAX_PAGE_BYTES,
    MIN_CUT_PAGE,
    NO_ORG,
    Appended,
    OrgSummary,
    Page,
    Position,
    Quarantined,
    QuarantinedEntry,
    StoredRecord,
    TimeAxis,
    Version,
    Window,
)
from ringback.ledger.revisions import Verdict, judge
from ringback.records.decode import Record
from ringback.records.kinds import as_cdr
from ringback.records.values import to_milliseconds
from ringback.store import Store
from ringback.store.schema import CURRENT, org_counters, quarantine, records

_AXES = {
    TimeAxis.REPORT: records.c.report_at,
    TimeAxis.START: records.c.start_at,
    TimeAxis.STORED: records.c.stored_at,
}

# Written out, not bound: SQLite uses a partial index only if it sees the index's own condition in the statement.
_IS_CURRENT = records.c.superseded_by == literal_column(str(CURRENT))
_IS_SUPERSEDED = records.c.superseded_by != literal_column(str(CURRENT))

_MAX_IDS = 10_000
"""Ids asked for in one statement; databases bound the number of parameters."""


class SqlLedger:
    """A `Ledger` in a store."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        """
        Args:
            clock: gives the current time, aware; the source of stored times.
        """
        self._store = store
        self._clock = clock

    def append(self, records: Sequence[Record], quarantined: Sequence[Quarantined] = ()) -> Appended:
        """See `Ledger.append`."""
        compress = self._store.codec.compress
        arrivals: dict[UUID, list[_Arrival]] = {}
        for record in records:  # compressed before the write lock is taken
            arrivals.setdefault(record.org, []).append(_Arrival(record, compress(record.raw)))
        items: dict[UUID, list[Quarantined]] = {}
        for item in quarantined:
            items.setdefault(item.org or NO_ORG, []).append(item)
        total = Appended()
        with self._store.write() as connection:
            for org in sorted({*arrivals, *items}):  # one order for all writers, so that none waits in a circle
                total += self._append_org(connection, org, arrivals.get(org, []), items.get(org, []))
        return total

    def _append_org(
        self, connection: Connection, org: UUID, arrivals: list[_Arrival], items: list[Quarantined]
    ) -> Appended:
        sequence, stored_at = _lock_counter(connection, org, to_milliseconds(self._clock()))
        done = self._append_records(connection, org, arrivals, sequence, stored_at) + Appended(quarantined=len(items))
        connection.execute(
            update(org_counters)
            .where(org_counters.c.org == org)
            .values(
                last_sequence=sequence + done.new + done.revised,
                records=org_counters.c.records + done.new,
                revisions=org_counters.c.revisions + done.revised,
                quarantined=org_counters.c.quarantined + _quarantine(connection, org, items, stored_at),
            )
        )
        return done

    def _append_records(
        self, connection: Connection, org: UUID, arrivals: list[_Arrival], sequence: int, stored_at: int
    ) -> Appended:
        known = _current_versions(connection, org, list({arrival.record.record_id for arrival in arrivals}))
        superseded_here: dict[str, list[bytes]] = {}  # by this batch: the database does not know of these yet
        rows: list[dict[str, Any]] = []
        replaced: list[dict[str, Any]] = []
        new = 0
        for arrival in arrivals:
            record = arrival.record
            following = sequence + len(rows) + 1
            superseded_by = CURRENT
            if (current := known.get(record.record_id)) is None:
                new += 1
            else:
                ours = self._store.codec.decompress(current.compressed)
                here = superseded_here.setdefault(record.record_id, [])
                verdict = judge(record, ours, chain(here, self._superseded(connection, org, record.record_id)))
                if verdict is Verdict.DUPLICATE:
                    continue
                if verdict is Verdict.KEPT_AS_OLDER:
                    superseded_by = following  # by itself: visible at no snapshot
                elif current.sequence > sequence:  # a row of this batch
                    rows[current.sequence - sequence - 1]["superseded_by"] = following
                else:
                    replaced.append({"of_org": org, "of_sequence": current.sequence, "by": following})
                here.append(ours if verdict is Verdict.REPLACES else record.raw)
            if superseded_by == CURRENT:
                known[record.record_id] = _Current(following, arrival.compressed)
            report_at = stored_at if record.report_at is None else record.report_at
            rows.append(
                {
                    "org": org,
                    "sequence": following,
                    "record_id": record.record_id,
                    "stored_at": stored_at,
                    "report_at": report_at,
                    "start_at": report_at if record.start_at is None else record.start_at,
                    "superseded_by": superseded_by,
                    "location": record.location,
                    "wire_keys": record.wire_keys,
                    "raw": arrival.compressed,
                }
            )
        if replaced:  # first, or the unique index would see two current versions
            connection.execute(_SUPERSEDE, replaced)
        if rows:
            connection.execute(insert(records), rows)
        return Appended(new=new, revised=len(rows) - new, duplicate=len(arrivals) - len(rows))

    def _superseded(self, connection: Connection, org: UUID, record_id: str) -> Iterator[bytes]:
        statement = select(records.c.raw).where(records.c.org == org, records.c.record_id == record_id, _IS_SUPERSEDED)
        for row in connection.execute(statement):
            yield self._store.codec.decompress(row.raw)

    def newest(self, org: UUID) -> int:
        """See `Ledger.newest`."""
        with self._store.read() as connection:
            statement = select(org_counters.c.last_sequence).where(org_counters.c.org == org)
            sequence: int | None = connection.execute(statement).scalar()
            return sequence or 0

    def newest_of_all(self) -> dict[UUID, int]:
        """See `Ledger.newest_of_all`."""
        statement = select(org_counters.c.org, org_counters.c.last_sequence).where(org_counters.c.last_sequence > 0)
        with self._store.read() as connection:
            return {row.org: row.last_sequence for row in connection.execute(statement)}

    def page(
        self, window: Window, *, snapshot: int, limit: int, begin: Position | None = None, as_came: bool = False
    ) -> Page:
        """See `Ledger.page`."""
        axis = _AXES[window.axis]
        start = Position(window.start, 0)
        begin = start if begin is None else max(begin, start)
        # The one lower bound: with a second, on the time alone, SQLite would seek to that and read up to the first.
        from_here = tuple_(axis, records.c.sequence) >= tuple_(begin.at, begin.sequence)
        columns = select(axis.label("at"), records.c.sequence, records.c.wire_keys, records.c.raw)
        statement = (
            _selected(columns.where(from_here), window, snapshot).order_by(axis, records.c.sequence).limit(limit + 1)
        )
        with self._store.read() as connection:
            rows = connection.execute(statement).all()
        decompress = self._store.codec.decompress

        def read(wire_keys: int, compressed: bytes) -> bytes:
            record = decompress(compressed)
            return record if as_came else as_cdr(record, wire_keys, window.org)

        found = [read(wire_keys, raw) for _, _, wire_keys, raw in rows[: min(limit, MIN_CUT_PAGE)]]
        size = sum(map(len, found))
        for _, _, wire_keys, raw in rows[MIN_CUT_PAGE:limit]:
            if size > MAX_PAGE_BYTES:
                break
            found.append(read(wire_keys, raw))
            size += len(found[-1])
        following = rows[len(found)] if len(found) < len(rows) else None
        return Page(found, None if following is None else Position(following.at, following.sequence))

    def count(self, window: Window, *, snapshot: int) -> int:
        """See `Ledger.count`."""
        with self._store.read() as connection:
            statement = _selected(select(func.count()).where(_AXES[window.axis] >= window.start), window, snapshot)
            count: int = connection.execute(statement).scalar_one()
            return count

    def after(self, org: UUID, sequence: int, limit: int) -> Sequence[StoredRecord]:
        """See `Ledger.after`."""
        statement = (
            select(*_STORED)
            .where(records.c.org == org, records.c.sequence > sequence, _IS_CURRENT)
            .order_by(records.c.sequence)
            .limit(limit)
        )
        with self._store.read() as connection:
            return self._stored(org, connection.execute(statement))

    def current(self, org: UUID, record_ids: Sequence[str]) -> Sequence[StoredRecord]:
        """See `Ledger.current`."""
        found: list[StoredRecord] = []
        with self._store.read() as connection:
            for begin in range(0, len(record_ids), _MAX_IDS):
                some = record_ids[begin : begin + _MAX_IDS]
                statement = select(*_STORED).where(records.c.org == org, records.c.record_id.in_(some), _IS_CURRENT)
                found += self._stored(org, connection.execute(statement))
        return found

    def first_versions(self, org: UUID, record_ids: Sequence[str]) -> dict[str, Version]:
        """See `Ledger.first_versions`."""
        found: dict[str, Version] = {}
        columns = select(records.c.record_id, records.c.sequence, records.c.start_at)
        columns = columns.where(records.c.org == org, _IS_SUPERSEDED)
        with self._store.read() as connection:
            for begin in range(0, len(record_ids), _MAX_IDS):
                some = record_ids[begin : begin + _MAX_IDS]
                for row in connection.execute(columns.where(records.c.record_id.in_(some))):
                    known = found.get(row.record_id)
                    if known is None or row.sequence < known.sequence:
                        found[row.record_id] = Version(row.sequence, row.start_at)
        return found

    def versions(self, org: UUID, record_id: str) -> Sequence[StoredRecord]:
        """See `Ledger.versions`."""
        statement = select(*_STORED).where(records.c.org == org, records.c.record_id == record_id)
        with self._store.read() as connection:
            current = connection.execute(statement.where(_IS_CURRENT)).all()
            older = connection.execute(statement.where(_IS_SUPERSEDED)).all()
        # Sorted here: told to sort, SQLite reads through the whole org by sequence instead.
        older = sorted(older, key=lambda row: row.sequence, reverse=True)
        return self._stored(org, (*current, *older))

    def _stored(self, org: UUID, rows: Iterable[Any]) -> list[StoredRecord]:
        """Versions out of rows with `_STORED`."""
        decompress = self._store.codec.decompress
        return [
            StoredRecord(
                Record(
                    org=org,
                    record_id=record_id,
                    raw=decompress(raw),
                    report_at=report_at,
                    start_at=start_at,
                    location=location,
                    wire_keys=wire_keys,
                ),
                sequence,
                stored_at,
                None if superseded_by == CURRENT else superseded_by,
            )
            for record_id, raw, report_at, start_at, location, wire_keys, sequence, stored_at, superseded_by in rows
        ]

    def summaries(self) -> Sequence[OrgSummary]:
        """See `Ledger.summaries`."""
        with self._store.read() as connection:
            counters = connection.execute(select(org_counters).order_by(org_counters.c.org)).all()
            return [_summary(connection, counter) for counter in counters]

    def quarantine(self, *, limit: int = 100) -> Sequence[QuarantinedEntry]:
        """See `Ledger.quarantine`."""
        statement = select(quarantine).order_by(quarantine.c.stored_at.desc(), quarantine.c.id.desc()).limit(limit)
        with self._store.read() as connection:
            rows = connection.execute(statement).all()
        return [
            QuarantinedEntry(
                row.id,
                row.stored_at,
                Quarantined(row.raw, row.reason, row.source, None if row.org == NO_ORG else row.org),
            )
            for row in rows
        ]


class _Arrival(msgspec.Struct, frozen=True):
    record: Record
    compressed: bytes


class _Current(msgspec.Struct, frozen=True):
    sequence: int
    compressed: bytes


_STORED = tuple(
    records.c[name]
    for name in (
        *("record_id", "raw", "report_at", "start_at", "location", "wire_keys"),
        *("sequence", "stored_at", "superseded_by"),
    )
)
"""The columns of a version, but for its org, which who asks knows."""

_SUPERSEDE = (
    update(records)
    .where(records.c.org == bindparam("of_org"), records.c.sequence == bindparam("of_sequence"))
    .values(superseded_by=bindparam("by"))
)


def _lock_counter(connection: Connection, org: UUID, now: int) -> tuple[int, int]:
    """Lock the org's counter row until the commit, which makes commit order sequence order.

    Returns:
        the last sequence number used, and the stored time for this commit: never before that of the one before.
    """
    counters = org_counters.c
    connection.execute(
        insert(org_counters)
        .values(org=org, last_sequence=0, last_stored_at=now, records=0, revisions=0, quarantined=0)
        .on_conflict_do_nothing()
    )
    row = connection.execute(
        update(org_counters)
        .where(counters.org == org)
        .values(last_stored_at=case((counters.last_stored_at < now, now), else_=counters.last_stored_at))
        .returning(counters.last_sequence, counters.last_stored_at)
    ).one()
    return row.last_sequence, row.last_stored_at


def _current_versions(connection: Connection, org: UUID, ids: list[str]) -> dict[str, _Current]:
    found: dict[str, _Current] = {}
    for begin in range(0, len(ids), _MAX_IDS):
        statement = select(records.c.record_id, records.c.sequence, records.c.raw).where(
            records.c.org == org, records.c.record_id.in_(ids[begin : begin + _MAX_IDS]), _IS_CURRENT
        )
        found.update({row.record_id: _Current(row.sequence, row.raw) for row in connection.execute(statement)})
    return found


def _quarantine(connection: Connection, org: UUID, items: list[Quarantined], stored_at: int) -> int:
    """Keep items, each distinct one once.

    Returns:
        how many were not there before.
    """
    added = 0
    for item in items:
        values = {
            "org": org,
            "id": hashlib.blake2b(item.raw, digest_size=16).hexdigest(),
            "stored_at": stored_at,
            "source": item.source,
            "reason": item.reason,
            "raw": item.raw,
        }
        statement = insert(quarantine).values(values).on_conflict_do_nothing().returning(quarantine.c.id)
        added += len(connection.execute(statement).all())
    return added


def _selected(statement: Select[Any], window: Window, snapshot: int) -> Select[Any]:
    """Restrict to the window and the snapshot; the window's start is left to the caller."""
    statement = statement.where(
        records.c.org == window.org,
        _AXES[window.axis] < window.end,
        records.c.sequence <= snapshot,
        records.c.superseded_by > snapshot,
    )
    return statement.where(records.c.location.in_(window.locations)) if window.locations else statement


def _summary(connection: Connection, counter: Row[Any]) -> OrgSummary:
    current = (records.c.org == counter.org, records.c.superseded_by > counter.last_sequence)
    first = select(records.c.report_at).where(*current).order_by(records.c.report_at).limit(1)
    last = select(records.c.report_at).where(*current).order_by(records.c.report_at.desc()).limit(1)
    newest = select(records.c.stored_at).where(
        records.c.org == counter.org, records.c.sequence == counter.last_sequence
    )
    return OrgSummary(
        org=counter.org,
        records=counter.records,
        revisions=counter.revisions,
        quarantined=counter.quarantined,
        first_report_at=connection.execute(first).scalar(),
        last_report_at=connection.execute(last).scalar(),
        last_stored_at=connection.execute(newest).scalar(),
    )
