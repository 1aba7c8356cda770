"""The in-memory twin of the ledger: the same promises, kept in plain lists; for tests of logic, not for data."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

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


class MemoryLedger:
    """A `Ledger` that forgets everything when it goes."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """
        Args:
            clock: gives the current time, aware; the source of stored times.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._log: dict[UUID, list[StoredRecord]] = {}
        self._last_stored_at: dict[UUID, int] = {}
        self._quarantine: dict[tuple[UUID, str], QuarantinedEntry] = {}

    def append(self, records: Sequence[Record], quarantined: Sequence[Quarantined] = ()) -> Appended:
        """See `Ledger.append`."""
        with self._lock:
            now = to_milliseconds(self._clock())
            total = Appended(quarantined=len(quarantined))
            for record in records:
                total += self._append_one(record, now)
            for item in quarantined:
                org = item.org or NO_ORG
                entry_id = hashlib.blake2b(item.raw, digest_size=16).hexdigest()
                self._quarantine.setdefault(
                    (org, entry_id), QuarantinedEntry(entry_id, self._stored_at(org, now), item)
                )
            return total

    def _stored_at(self, org: UUID, now: int) -> int:
        """The stored time of what arrives now: never before that of anything that arrived for the org."""
        self._last_stored_at[org] = max(now, self._last_stored_at.get(org, now))
        return self._last_stored_at[org]

    def _append_one(self, record: Record, now: int) -> Appended:
        log = self._log.setdefault(record.org, [])
        stored_at = self._stored_at(record.org, now)
        versions = [stored for stored in log if stored.record.record_id == record.record_id]
        current = next((stored for stored in versions if stored.superseded_by is None), None)
        sequence = len(log) + 1
        superseded_by = None
        if current is not None:
            verdict = judge(record, current.record.raw, (version.record.raw for version in versions))
            if verdict is Verdict.DUPLICATE:
                return Appended(duplicate=1)
            if verdict is Verdict.REPLACES:
                log[current.sequence - 1] = msgspec.structs.replace(current, superseded_by=sequence)
            else:
                superseded_by = sequence
        report_at = stored_at if record.report_at is None else record.report_at
        timed = msgspec.structs.replace(
            record, report_at=report_at, start_at=report_at if record.start_at is None else record.start_at
        )
        log.append(StoredRecord(timed, sequence, stored_at, superseded_by))
        return Appended(revised=1) if current is not None else Appended(new=1)

    def newest(self, org: UUID) -> int:
        """See `Ledger.newest`."""
        return len(self._log.get(org, ()))

    def newest_of_all(self) -> dict[UUID, int]:
        """See `Ledger.newest_of_all`."""
        return {org: len(log) for org, log in self._log.items()}

    def page(
        self, window: Window, *, snapshot: int, limit: int, begin: Position | None = None, as_came: bool = False
    ) -> Page:
        """See `Ledger.page`."""
        found = sorted(self._selected(window, snapshot), key=lambda pair: pair[0])
        rest = [pair for pair in found if begin is None or pair[0] >= begin]
        records: list[bytes] = []
        size = 0
        for position, stored in rest:
            if len(records) == limit or (size > MAX_PAGE_BYTES and len(records) >= MIN_CUT_PAGE):
                return Page(records, position)
            record = stored.record
            records.append(record.raw if as_came else as_cdr(record.raw, record.wire_keys, record.org))
            size += len(records[-1])
        return Page(records, None)

    def count(self, window: Window, *, snapshot: int) -> int:
        """See `Ledger.count`."""
        return sum(1 for _ in self._selected(window, snapshot))

    def _selected(self, window: Window, snapshot: int) -> Iterator[tuple[Position, StoredRecord]]:
        for stored in self._log.get(window.org, ()):
            at = {
                TimeAxis.REPORT: stored.record.report_at,
                TimeAxis.START: stored.record.start_at,
                TimeAxis.STORED: stored.stored_at,
            }[window.axis]
            visible = stored.sequence <= snapshot and (stored.superseded_by is None or snapshot < stored.superseded_by)
            here = not window.locations or stored.record.location in window.locations
            if at is not None and window.start <= at < window.end and visible and here:
                yield Position(at, stored.sequence), stored

    def after(self, org: UUID, sequence: int, limit: int) -> Sequence[StoredRecord]:
        """See `Ledger.after`."""
        return [stored for stored in self._log.get(org, ())[sequence:] if stored.superseded_by is None][:limit]

    def current(self, org: UUID, record_ids: Sequence[str]) -> Sequence[StoredRecord]:
        """See `Ledger.current`."""
        wanted = set(record_ids)
        return [
            stored
            for stored in self._log.get(org, ())
            if stored.superseded_by is None and stored.record.record_id in wanted
        ]

    def first_versions(self, org: UUID, record_ids: Sequence[str]) -> dict[str, Version]:
        """See `Ledger.first_versions`."""
        wanted = set(record_ids)
        found: dict[str, Version] = {}
        for stored in self._log.get(org, ()):  # in the order of their numbers
            if stored.superseded_by is not None and stored.record.record_id in wanted:
                version = Version(stored.sequence, stored.record.start_at or 0)
                found.setdefault(stored.record.record_id, version)
        return found

    def versions(self, org: UUID, record_id: str) -> Sequence[StoredRecord]:
        """See `Ledger.versions`."""
        found = [stored for stored in self._log.get(org, ()) if stored.record.record_id == record_id]
        return sorted(found, key=lambda stored: (stored.superseded_by is None, stored.sequence), reverse=True)

    def summaries(self) -> Sequence[OrgSummary]:
        """See `Ledger.summaries`."""
        orgs = sorted({*self._log, *(org for org, _ in self._quarantine)})
        return [self._summary(org) for org in orgs]

    def _summary(self, org: UUID) -> OrgSummary:
        log = self._log.get(org, [])
        current = [stored for stored in log if stored.superseded_by is None]
        times = [stored.record.report_at for stored in current if stored.record.report_at is not None]
        return OrgSummary(
            org=org,
            records=len(current),
            revisions=len(log) - len(current),
            quarantined=sum(1 for of, _ in self._quarantine if of == org),
            first_report_at=min(times, default=None),
            last_report_at=max(times, default=None),
            last_stored_at=log[-1].stored_at if log else None,
        )

    def quarantine(self, *, limit: int = 100) -> Sequence[QuarantinedEntry]:
        """See `Ledger.quarantine`."""
        return sorted(self._quarantine.values(), key=lambda entry: (entry.stored_at, entry.id), reverse=True)[:limit]
