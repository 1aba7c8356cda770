"""What every ledger promises, whatever it keeps its records in.

The promises, each a test in `tests/integration/ledger`:

- `append` is durable when it returns, or nothing of it happened. Repeating it is harmless.
- A record (org and record id) is there once. The database itself refuses a second one.
- Sequence numbers begin at 1 for each org and have no gaps. Commit order is sequence order: once a reader has seen N,
  nothing at or below N will ever appear. Stored times never run backwards along the sequence.
- A *revision* (same record, other content) replaces the version we have unless its Report time is older, and gets a
  sequence number of its own, so whoever reads on from a sequence number sees it. The old version is kept. A version
  with an older Report time is kept too, but replaces nothing.
- Content that adds nothing to what we have is a *duplicate*: the bytes of any version we keep, or, with the same Report
  time, a record whose set fields all have the values of ours (a CSV row of a record that came from the API).
- Reading at a *snapshot* (a sequence number) gives the ledger as it was when that number was the newest: records and
  revisions that come later change nothing, so that a reader can page without missing or repeating a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol
from uuid import UUID

import msgspec

from ringback.records.decode import Record


class Quarantined(msgspec.Struct, frozen=True):
    """Something that cannot be a record, kept so that somebody can look at it.

    Attributes:
        raw: its bytes, as they came.
        reason: why it cannot be a record.
        source: where it came from, such as a file and a line.
        org: the organization it was meant for, if that is known.
    """

    raw: bytes
    reason: str
    source: str
    org: UUID | None = None


class QuarantinedEntry(msgspec.Struct, frozen=True):
    """A `Quarantined` as the ledger keeps it: under `id` since `stored_at` (milliseconds since 1970)."""

    id: str
    stored_at: int
    item: Quarantined


class Appended(msgspec.Struct, frozen=True):
    """What became of a batch. The counts add up to its size.

    Attributes:
        new: records not seen before.
        revised: other content for a record we have; whether or not it replaced what we had, it is kept.
        duplicate: content we have already.
        quarantined: items that cannot be records (also if the same item is there already).
    """

    new: int = 0
    revised: int = 0
    duplicate: int = 0
    quarantined: int = 0

    @property
    def total(self) -> int:
        return self.new + self.revised + self.duplicate + self.quarantined

    def __add__(self, other: Appended) -> Appended:
        return Appended(
            self.new + other.new,
            self.revised + other.revised,
            self.duplicate + other.duplicate,
            self.quarantined + other.quarantined,
        )


class StoredRecord(msgspec.Struct, frozen=True):
    """One version of a record as the ledger keeps it.

    Attributes:
        record: the record. Its `report_at` and `start_at` are never None: without a time it gets its stored time.
        sequence: its place in the ledger of its org.
        stored_at: when it was stored, in milliseconds since 1970.
        superseded_by: sequence number of what replaced it; None for the current version.
    """

    record: Record
    sequence: int
    stored_at: int
    superseded_by: int | None


class Version(msgspec.Struct, frozen=True):
    """Which version of a record it is: its sequence number and its start, in milliseconds since 1970."""

    sequence: int
    start_at: int


class TimeAxis(Enum):
    """The time that a window selects and orders records by."""

    REPORT = "report"
    START = "start"
    STORED = "stored"


class Window(msgspec.Struct, frozen=True):
    """A time range of one org's records; start inclusive, end exclusive, in milliseconds since 1970.

    Attributes:
        locations: names of locations; empty for all.
    """

    org: UUID
    axis: TimeAxis
    start: int
    end: int
    locations: tuple[str, ...] = ()


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in the order of a window: the time on its axis, and the sequence number among equal times."""

    at: int
    sequence: int


class Page(msgspec.Struct, frozen=True):
    """Some records of a window in its order.

    Attributes:
        records: their bytes, with all keys of the field table (`ringback.records.wire`) unless asked for as they came.
        next: the position of the first record after this page; None if there is none.
    """

    records: Sequence[bytes]
    next: Position | None


class OrgSummary(msgspec.Struct, frozen=True):
    """What the ledger has of one org. Times are milliseconds since 1970, None if there is no record.

    Attributes:
        records: current records.
        revisions: older versions kept beside them.
        quarantined: items in quarantine.
        first_report_at, last_report_at: the range of the Report times.
        last_stored_at: when the newest was stored.
    """

    org: UUID
    records: int
    revisions: int
    quarantined: int
    first_report_at: int | None
    last_report_at: int | None
    last_stored_at: int | None


NO_ORG = UUID(int=0)
"""The org under which the quarantine keeps items of which no organization is known."""


class Ledger(Protocol):
    """The append-only log of records; see the module for its promises."""

    def append(self, records: Sequence[Record], quarantined: Sequence[Quarantined] = ()) -> Appended:
        """Store a batch, of any orgs, in one durable commit.

        Raises:
            StoreError: it could not be stored (no space, locked for too long). Nothing of it was.
        """
        ...

    def newest(self, org: UUID) -> int:
        """The newest sequence number of an org, 0 if it has none. A snapshot of the ledger as it is now."""
        ...

    def newest_of_all(self) -> dict[UUID, int]:
        """The newest sequence number of each org that has any; cheap, for those who look whether there is more."""
        ...

    def page(
        self, window: Window, *, snapshot: int, limit: int, begin: Position | None = None, as_came: bool = False
    ) -> Page:
        """Up to `limit` records of the window as of the snapshot, in the order of the window.

        A page is cut short, but never below 500 records, when it grows past `MAX_PAGE_BYTES`.

        Args:
            begin: `Page.next` of the page before; None for the first.
            as_came: give the bytes as they came, not completed for the wire.
        """
        ...

    def count(self, window: Window, *, snapshot: int) -> int:
        """How many records the window has as of the snapshot."""
        ...

    def after(self, org: UUID, sequence: int, limit: int) -> Sequence[StoredRecord]:
        """Current records with a sequence number above `sequence`, oldest first. This is what projections read."""
        ...

    def current(self, org: UUID, record_ids: Sequence[str]) -> Sequence[StoredRecord]:
        """The current versions of these records, in any order; unknown ones are left out."""
        ...

    def first_versions(self, org: UUID, record_ids: Sequence[str]) -> dict[str, Version]:
        """The oldest superseded version of those records that have one."""
        ...

    def versions(self, org: UUID, record_id: str) -> Sequence[StoredRecord]:
        """Every version of one record, the current one first, then from newest to oldest; empty if unknown."""
        ...

    def summaries(self) -> Sequence[OrgSummary]:
        """One summary for each org that has a record or a quarantined item."""
        ...

    def quarantine(self, *, limit: int = 100) -> Sequence[QuarantinedEntry]:
        """The newest items in quarantine, newest first."""
        ...


MIN_CUT_PAGE = 500
"""A page with this many records or fewer is never cut because of its size (the cloud's smallest page size)."""

MAX_PAGE_BYTES = 32 * 1024 * 1024
"""A page is cut when its records exceed this, so that a page of 5000 huge records cannot exhaust memory."""
