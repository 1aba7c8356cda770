"""Rates the calls of a range of time anew, as when a price was wrong; first only to see what would change.

It works page by page, each page in a commit of its own that compares and writes. If it is cut off, doing it again
finds what is still to be done. It takes no lease, since a busy server never lets go of that of the projection. What
the projection has not read is left to it: nothing behind its checkpoint is looked at, and whether a newer version of a
record has come is asked in the commit itself, while nobody else can write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from ringback.ledger.contract import Ledger, Position, TimeAxis, Window
from ringback.projections.checkpoints import Checkpoint, Checkpoints
from ringback.projections.costs import rows
from ringback.projections.costs.outgoing import OutgoingCall, outgoing_call
from ringback.projections.costs.projection import CostsProjection
from ringback.projections.costs.tariff import Charge, Tariff, Unbilled
from ringback.records.decode import Record
from ringback.records.kinds import decode_any
from ringback.records.values import to_milliseconds
from ringback.store import Store

_PAGE = 1000
_NOTHING = Decimal(0)


class Rerated(msgspec.Struct, frozen=True):
    """What a call cost, and what it costs by the tariff of now.

    Attributes:
        call: None if its record is of no call that could cost something; it was, perhaps.
        after: a charge; why there is none; or None if there is no call.
    """

    record_id: str
    call: OutgoingCall | None
    before: Charge | None
    after: Charge | Unbilled | None

    @property
    def charge(self) -> Charge | None:
        """The charge of now, if there is one."""
        return self.after if isinstance(self.after, Charge) else None

    @property
    def changed(self) -> bool:
        """Whether it is another one than before."""
        return self.before != self.charge

    @property
    def difference(self) -> Decimal:
        """By how much the amount grew. Across currencies it is a number without a meaning, but for how large it is."""
        return (self.charge.amount if self.charge else _NOTHING) - (self.before.amount if self.before else _NOTHING)


class Page(msgspec.Struct, frozen=True):
    """Some of the records of the range.

    Attributes:
        records: how many they are.
        calls: what became of those that cost something, before or now, or that could have.
    """

    records: int
    calls: Sequence[Rerated]


class Rerating:
    """Rates calls of an org anew."""

    def __init__(self, store: Store, ledger: Ledger, tariff: Tariff, clock: Callable[[], datetime]) -> None:
        """
        Args:
            clock: gives the current time, aware.
        """
        self._store = store
        self._ledger = ledger
        self._tariff = tariff
        self._clock = clock

    def rated_up_to(self, org: UUID) -> int:
        """The sequence number up to which calls have been rated; those behind it are rated when they are read."""
        return Checkpoints(self._store, CostsProjection.name).all().get(org, Checkpoint()).sequence

    def window(self, org: UUID, begin: datetime, end: datetime) -> Window:
        """The calls that began in a range of time."""
        return Window(org, TimeAxis.START, to_milliseconds(begin), to_milliseconds(end))

    def pages(self, window: Window, snapshot: int, *, apply: bool) -> Iterator[Page]:
        """Rate all calls of a window anew, some at a time.

        Args:
            snapshot: as of which sequence number; see `rated_up_to`.
            apply: write what changes, each page in one commit, before it is given. Else nothing is written.
        """
        begin: Position | None = None
        while True:
            page = self._ledger.page(window, snapshot=snapshot, limit=_PAGE, begin=begin, as_came=True)
            rated = [self._rate(decode_any(raw, window.org).record) for raw in page.records]
            if apply:
                with self._store.write() as connection:
                    calls = self._compare(connection, window.org, rated, snapshot)
                    self._write(connection, window.org, calls)
            else:
                with self._store.read() as connection:
                    calls = self._compare(connection, window.org, rated, snapshot)
            yield Page(len(rated), calls)
            if page.next is None:
                return
            begin = page.next

    def _rate(self, record: Record) -> Rerated:
        call = outgoing_call(record)
        return Rerated(record.record_id, call, None, None if call is None else self._tariff.rate(call))

    def _compare(self, connection: Connection, org: UUID, rated: Sequence[Rerated], snapshot: int) -> Sequence[Rerated]:
        """Those of which nothing newer has come, with what they cost before; without those that never cost anything."""
        before = rows.load(connection, org, [each.record_id for each in rated])
        calls = [
            msgspec.structs.replace(each, before=before.get(each.record_id))
            for each in rated
            if each.call is not None or each.record_id in before
        ]
        current = self._ledger.current(org, [each.record_id for each in calls])
        unrevised = {each.record.record_id for each in current if each.sequence <= snapshot}
        return [each for each in calls if each.record_id in unrevised]

    def _write(self, connection: Connection, org: UUID, calls: Sequence[Rerated]) -> None:
        changed = [each for each in calls if each.changed]
        charges = {each.record_id: each.charge for each in changed if each.charge is not None}
        rows.put(connection, org, charges, to_milliseconds(self._clock()))
        rows.remove(connection, org, [each.record_id for each in changed if each.charge is None])
