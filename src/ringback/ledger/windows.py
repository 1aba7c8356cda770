"""The window ledger: every window that was asked of a source, and how it ended.

What is complete, what is missing and what is lost is never guessed: it follows from these rows. They are written by
whoever holds the lease of the source; each write names the epoch of that lease, and is refused once it is stale.

All times are milliseconds since 1970: those of windows by the clock of the source, since that is what it filters by.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from ringback.ledger.leases import Lease, fence
from ringback.store import Store
from ringback.store.schema import backfills, lost_ranges, sources, windows


class Ended(StrEnum):
    """How a window ended.

    Members:
        OPEN: not yet.
        COMPLETE: all its pages are in the ledger.
        INTERRUPTED: the collector stopped or died; the pages up to then are in the ledger.
        FAILED: the source did not give all of it, for the reason beside it.
    """

    OPEN = "open"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Counts(msgspec.Struct, frozen=True):
    """What the reading of a window, or of a part of it, brought and took.

    Attributes:
        pages: stored.
        items: in these pages, as they came.
        new, revised, duplicate, quarantined: what became of the items; see `ringback.ledger.Appended`.
        odd: records with a value that does not fit its field.
        requests: made, failed ones included.
        waits: how often the collector waited, for its pace or before a retry.
        waited: milliseconds of all waits, by the clock of the source.
    """

    pages: int = 0
    items: int = 0
    new: int = 0
    revised: int = 0
    duplicate: int = 0
    quarantined: int = 0
    odd: int = 0
    requests: int = 0
    waits: int = 0
    waited: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class AskedWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One window that was asked of a source.

    Attributes:
        number: counts the windows of a source, from 1; 0 is the folded one, see `FOLDED`.
        endpoint: what was asked, by a name of the source's kind, such as `stream`.
        purpose: why, such as `live` or `audit`.
        start, end: the window; end exclusive.
        asked_at, ended_at: when.
        ended, reason: how, and why it was not complete; a complete one may have a remark.
        total_count: how many records the source said it has; None if it did not say.
        counts: see `Counts`.
    """

    number: int
    endpoint: str
    purpose: str
    start: int
    end: int
    asked_at: int
    ended_at: int | None = None
    ended: Ended = Ended.OPEN
    reason: str = ""
    total_count: int | None = None
    counts: Counts = Counts()


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a source is.

    Attributes:
        kind: such as `webex`.
        begins_at: from when on its records are collected; None if it was never reached.
        complete_up_to: every record that the source had by then is in the ledger; None if nothing is complete yet.
        gaps: how many ranges before the newest are missing, and can still be read.
        asked_at: when the last request was made, by the clock of this machine.
        problem, problem_at: why nothing could be read the last time, and when; "" if it could be read.
        counts: since the source was first collected.
        audited: records that an audit found and nothing before it had brought.
    """

    org: UUID
    source: str
    kind: str
    begins_at: int | None
    complete_up_to: int | None
    gaps: int
    asked_at: int | None
    problem: str
    problem_at: int | None
    counts: Counts
    audited: int


class LostRange(msgspec.Struct, frozen=True):
    """A range that can no longer be completed, since the source keeps no records that old."""

    start: int
    end: int
    noticed_at: int


class Backfill(msgspec.Struct, frozen=True):
    """A range that somebody wants read (again).

    Attributes:
        start, end: the range.
        wanted_at: since when, by the clock of this machine.
        after_window: only windows with a larger number count; clocks may differ, numbers do not.
        done_at: None until it has been read.
    """

    start: int
    end: int
    wanted_at: int
    after_window: int
    done_at: int | None = None


AUDIT = "audit"
"""The purpose of windows that look for what others have missed; what is new in them is counted apart."""

FOLDED = "folded"
"""The purpose of the one window of a source, number 0, that nobody asked: it stands for those that are too old to
matter one by one. In its range nothing is missing but lost ranges, and its counts are the sums of theirs."""

_COUNTS = Counts.__struct_fields__
_OF_SOURCE = tuple(name for name in _COUNTS if name in sources.c)


class WindowLedger:
    """The windows, leases aside, of all sources in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def enrol(self, lease: Lease, source: str, kind: str) -> SourceState:
        """Begin to collect: note the source, and that what a holder before us left open was interrupted."""
        values = dict.fromkeys((*_OF_SOURCE, "gaps", "audited", "last_window"), 0) | {"problem": ""}
        with self._store.write() as connection:
            fence(connection, lease)
            connection.execute(
                insert(sources).values(org=lease.org, source=source, kind=kind, **values).on_conflict_do_nothing()
            )
            row = connection.execute(_select_source(lease.org, source)).one()
            _interrupt(connection, lease, source, row.last_window)
            return _state(row)

    def set_begin(self, lease: Lease, source: str, begins_at: int) -> None:
        """Note from when on the records of a source are collected."""
        self._set(lease, source, begins_at=begins_at)

    def set_asked(self, lease: Lease, source: str, asked_at: int) -> None:
        """Note that a request is about to be made, so that who comes after a crash keeps to the rate."""
        self._set(lease, source, asked_at=asked_at)

    def set_problem(self, lease: Lease, source: str, problem: str, at: int | None) -> None:
        """Note why the source cannot be read; "" if it can."""
        self._set(lease, source, problem=problem, problem_at=at)

    def set_progress(self, lease: Lease, source: str, complete_up_to: int | None, gaps: int) -> None:
        """Note what follows from the windows, for those who cannot work it out, such as the metrics."""
        self._set(lease, source, complete_up_to=complete_up_to, gaps=gaps)

    def _set(self, lease: Lease, source: str, **values: object) -> None:
        with self._store.write() as connection:
            fence(connection, lease)
            connection.execute(update(sources).where(*_this_source(lease.org, source)).values(values))

    def begin(self, lease: Lease, source: str, endpoint: str, purpose: str, start: int, end: int, now: int) -> int:
        """Note that a window is being asked.

        Returns:
            its number.

        Raises:
            LeaseLost: here as in all that takes a lease, somebody else has it. Nothing was written.
        """
        with self._store.write() as connection:
            fence(connection, lease)
            number: int = connection.execute(
                update(sources)
                .where(*_this_source(lease.org, source))
                .values(last_window=sources.c.last_window + 1)
                .returning(sources.c.last_window)
            ).scalar_one()
            _interrupt(connection, lease, source, number - 1)
            window = AskedWindow(number=number, endpoint=endpoint, purpose=purpose, start=start, end=end, asked_at=now)
            connection.execute(insert(windows).values(_row(lease, source, window)))
            return number

    def add(self, lease: Lease, source: str, number: int, counts: Counts) -> None:
        """Add to the counts of a window, once its records are in the ledger."""
        with self._store.write() as connection:
            fence(connection, lease)
            row = connection.execute(
                update(windows)
                .where(*_this_window(lease.org, source, number))
                .values({name: windows.c[name] + getattr(counts, name) for name in _COUNTS})
                .returning(windows.c.purpose)
            ).one()
            more = {name: sources.c[name] + getattr(counts, name) for name in _OF_SOURCE}
            if row.purpose == AUDIT:
                more["audited"] = sources.c.audited + counts.new
            connection.execute(update(sources).where(*_this_source(lease.org, source)).values(more))

    def end(
        self,
        lease: Lease,
        source: str,
        number: int,
        ended: Ended,
        now: int,
        *,
        reason: str = "",
        total_count: int | None = None,
        end: int | None = None,
    ) -> AskedWindow:
        """Note how a window ended. Only what is noted as complete here counts as read.

        Args:
            end: up to where it was read, if that is less than was asked for.
        """
        values = {"ended": ended.value, "ended_at": now, "reason": reason, "total_count": total_count}
        if end is not None:
            values["end_at"] = end
        with self._store.write() as connection:
            fence(connection, lease)
            return _window(
                connection.execute(
                    update(windows).where(*_this_window(lease.org, source, number)).values(values).returning(windows)
                ).one()
            )

    def fold(self, lease: Lease, source: str, numbers: Sequence[int], start: int, end: int) -> AskedWindow:
        """Drop windows that ended, and let the folded one stand for them.

        Args:
            numbers: of the windows; a few, since this is one write.
            start, end: where, by all windows so far, nothing is missing but lost ranges. The folded one only grows.

        Returns:
            the folded one.
        """
        rows = (windows.c.org == lease.org, windows.c.source == source, windows.c.number.in_([0, *numbers]))
        with self._store.write() as connection:
            fence(connection, lease)
            gone = [_window(row) for row in connection.execute(delete(windows).where(*rows).returning(windows))]
            before = [window for window in gone if window.number == 0]
            folded = AskedWindow(
                number=0,
                endpoint="",
                purpose=FOLDED,
                start=min([start, *(window.start for window in before)]),
                end=max([end, *(window.end for window in before)]),
                asked_at=max(window.asked_at for window in gone),
                ended_at=max(window.ended_at or window.asked_at for window in gone),
                ended=Ended.COMPLETE,
                counts=sum((window.counts for window in gone), Counts()),
            )
            connection.execute(insert(windows).values(_row(lease, source, folded)))
        return folded

    def lose(self, lease: Lease, source: str, start: int, end: int, now: int) -> bool:
        """Note that a range can no longer be completed.

        Returns:
            False if that had been noted before.
        """
        values = {"org": lease.org, "source": source, "start_at": start, "end_at": end, "noticed_at": now}
        with self._store.write() as connection:
            fence(connection, lease)
            statement = insert(lost_ranges).values(values).on_conflict_do_nothing().returning(lost_ranges.c.start_at)
            return connection.execute(statement).one_or_none() is not None

    def want(self, org: UUID, source: str, start: int, end: int, now: int) -> None:
        """Note that somebody wants a range read. Whoever holds the lease does it."""
        values = {"org": org, "source": source, "start_at": start, "end_at": end}
        keys = (backfills.c.org, backfills.c.source, backfills.c.start_at, backfills.c.end_at)
        with self._store.write() as connection:
            last = connection.execute(select(sources.c.last_window).where(*_this_source(org, source))).scalar()
            again = {"wanted_at": now, "after_window": last or 0, "done_at": None}
            statement = insert(backfills).values(values | again)
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=again))

    def fulfil(self, lease: Lease, source: str, backfill: Backfill, now: int) -> None:
        """Note that a backfill is done."""
        with self._store.write() as connection:
            fence(connection, lease)
            connection.execute(
                update(backfills)
                .where(
                    backfills.c.org == lease.org,
                    backfills.c.source == source,
                    backfills.c.start_at == backfill.start,
                    backfills.c.end_at == backfill.end,
                    backfills.c.wanted_at == backfill.wanted_at,
                )
                .values(done_at=now)
            )

    def states(self) -> Sequence[SourceState]:
        """All sources that were ever collected."""
        with self._store.read() as connection:
            rows = connection.execute(select(sources).order_by(sources.c.source, sources.c.org)).all()
        return [_state(row) for row in rows]

    def state(self, org: UUID, source: str) -> SourceState | None:
        """One source; None if it was never collected."""
        with self._store.read() as connection:
            row = connection.execute(_select_source(org, source)).one_or_none()
        return None if row is None else _state(row)

    def windows(self, org: UUID, source: str, *, since: int) -> Sequence[AskedWindow]:
        """The windows that end after `since`, in the order they were asked, the folded one first."""
        statement = select(windows).where(windows.c.org == org, windows.c.source == source, windows.c.end_at > since)
        with self._store.read() as connection:
            rows = connection.execute(statement).all()
        return sorted(map(_window, rows), key=lambda window: window.number)

    def last(self, org: UUID, source: str, limit: int) -> Sequence[AskedWindow]:
        """The windows that were asked last, newest first."""
        statement = select(windows).where(windows.c.org == org, windows.c.source == source, windows.c.number > 0)
        with self._store.read() as connection:
            rows = connection.execute(statement.order_by(windows.c.number.desc()).limit(limit)).all()
        return [_window(row) for row in rows]

    def lost(self, org: UUID, source: str) -> Sequence[LostRange]:
        """The ranges that can no longer be completed, oldest first."""
        statement = select(lost_ranges).where(lost_ranges.c.org == org, lost_ranges.c.source == source)
        with self._store.read() as connection:
            rows = connection.execute(statement.order_by(lost_ranges.c.start_at)).all()
        return [LostRange(row.start_at, row.end_at, row.noticed_at) for row in rows]

    def backfills(self, org: UUID, source: str) -> Sequence[Backfill]:
        """What was wanted, done or not, oldest wish first."""
        statement = select(backfills).where(backfills.c.org == org, backfills.c.source == source)
        with self._store.read() as connection:
            rows = connection.execute(statement.order_by(backfills.c.wanted_at)).all()
        return [Backfill(row.start_at, row.end_at, row.wanted_at, row.after_window, row.done_at) for row in rows]


def _interrupt(connection: Connection, lease: Lease, source: str, number: int) -> None:
    """If this window, the last one, is still open, it was left by somebody who died."""
    connection.execute(
        update(windows)
        .where(*_this_window(lease.org, source, number), windows.c.ended == Ended.OPEN.value)
        .values(ended=Ended.INTERRUPTED.value, reason="the collector ended without a word")
    )


def _this_source(org: UUID, source: str) -> tuple[Any, ...]:
    return sources.c.org == org, sources.c.source == source


def _this_window(org: UUID, source: str, number: int) -> tuple[Any, ...]:
    return windows.c.org == org, windows.c.source == source, windows.c.number == number


def _select_source(org: UUID, source: str) -> Any:
    return select(sources).where(*_this_source(org, source))


def _state(row: Row[Any]) -> SourceState:
    return SourceState(
        org=row.org,
        source=row.source,
        kind=row.kind,
        begins_at=row.begins_at,
        complete_up_to=row.complete_up_to,
        gaps=row.gaps,
        asked_at=row.asked_at,
        problem=row.problem,
        problem_at=row.problem_at,
        counts=Counts(**{name: getattr(row, name) for name in _OF_SOURCE}),
        audited=row.audited,
    )


def _row(lease: Lease, source: str, window: AskedWindow) -> dict[str, Any]:
    counts = {name: getattr(window.counts, name) for name in _COUNTS}
    return counts | {
        "org": lease.org,
        "source": source,
        "number": window.number,
        "epoch": lease.epoch,
        "endpoint": window.endpoint,
        "purpose": window.purpose,
        "start_at": window.start,
        "end_at": window.end,
        "asked_at": window.asked_at,
        "ended_at": window.ended_at,
        "ended": window.ended.value,
        "reason": window.reason,
        "total_count": window.total_count,
    }


def _window(row: Row[Any]) -> AskedWindow:
    return AskedWindow(
        number=row.number,
        endpoint=row.endpoint,
        purpose=row.purpose,
        start=row.start_at,
        end=row.end_at,
        asked_at=row.asked_at,
        ended_at=row.ended_at,
        ended=Ended(row.ended),
        reason=row.reason,
        total_count=row.total_count,
        counts=Counts(**{name: getattr(row, name) for name in _COUNTS}),
    )
