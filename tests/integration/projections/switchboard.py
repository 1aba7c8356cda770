"""A store in which records become whole calls, and somebody who keeps a copy of the calls by what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import delete

from factories import NOON, ORG, Clock, make_record
from ringback.ledger import SqlLedger
from ringback.projections.calls.feed import ChangeFeed, ChangeKind, Mark, StartAgain
from ringback.projections.calls.projection import CallsProjection
from ringback.projections.calls.query import Calls, Filter, WholeCall
from ringback.projections.checkpoints import Checkpoints
from ringback.projections.numbers import Numbers
from ringback.projections.runner import Runner
from ringback.records.decode import Record
from ringback.store import Store
from ringback.store.schema import (
    call_counters,
    call_groups,
    call_legs,
    call_names,
    call_terms,
    calls,
    checkpoints,
    merged_calls,
)

_TABLES = (call_counters, call_groups, call_legs, call_names, call_terms, calls, merged_calls, checkpoints)


def leg_record(
    name: str, correlation: str = "", *, at: int = 0, version: int = 0, org: UUID = ORG, **ids: str
) -> Record:
    """A record that starts so many seconds after noon; of a later version, with a later Report time.

    Args:
        ids: other values, with low lines for the blanks of their keys.
    """
    start = NOON + timedelta(seconds=at)
    values = {key.replace("_", " "): value for key, value in ids.items()}
    reported = start + timedelta(minutes=1 + version)
    return make_record(
        name, org=org, report_time=reported, start_time=start, **{"Correlation ID": correlation, **values}
    )


class _Crash(Exception):
    pass


class Switchboard:
    """A store with whole calls. Use it as a context, so that it is closed."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._clock = clock
        self.store = Store.open(directory)
        self.ledger = SqlLedger(self.store, clock)
        self.projection = CallsProjection(self.store, self.ledger, Numbers(""), clock)
        self.calls = Calls(self.store)
        self.feed = ChangeFeed(self.store)
        self._runner = self._new_runner()

    def __enter__(self) -> Switchboard:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.stop()
        self.store.close()

    def _new_runner(self) -> Runner:
        return Runner(self.store, self.ledger, [self.projection], "test", self._clock)

    def add(self, *records: Record) -> None:
        """Store records, and let the calls follow."""
        self.ledger.append(records)
        self.catch_up()

    def catch_up(self) -> None:
        """Let the calls follow all records."""
        self._runner.catch_up()

    def step(self) -> None:
        """Let the calls follow some records."""
        self._runner.step()

    def restart(self) -> None:
        """Let another runner go on."""
        self._runner.stop()
        self._runner = self._new_runner()

    def crash(self, meanwhile: Consumer) -> None:
        """Write what follows from all records, and lose it before it is committed, while somebody asks."""
        stored = self.ledger.after(ORG, 0, 1000)
        change = self.projection.read(ORG, stored, 0)
        with suppress(_Crash), self.store.write() as connection:
            self.projection.write(connection, ORG, change)
            meanwhile.ask()
            raise _Crash

    def read_again(self) -> None:
        """Have all records read again, at the next steps."""
        with self.store.write() as connection:
            Checkpoints(self.store, CallsProjection.name).begin_again(connection, ORG)

    def drop(self) -> None:
        """Drop all that is derived. It is made anew at the next steps."""
        with self.store.write() as connection:
            for table in _TABLES:
                connection.execute(delete(table))

    def listed(self) -> dict[UUID, WholeCall]:
        """All calls, as the list has them."""
        page = self.calls.page(ORG, Filter(), 1000)
        assert page.next is None
        return {call.id: call for call in page.calls}


class Consumer:
    """Somebody who keeps a copy of all calls by applying what has changed.

    Attributes:
        calls: the copy.
        told: what was told, in order.
        mark: how far it has read.
    """

    def __init__(self, feed: ChangeFeed, limit: int = 1000) -> None:
        self._feed = feed
        self.limit = limit
        self.calls: dict[UUID, WholeCall] = {}
        self.told: list[tuple[ChangeKind, UUID]] = []
        self.mark: Mark | None = None

    def ask(self) -> bool:
        """Apply what one answer says; gives whether there is more."""
        try:
            found = self._feed.read(ORG, self.mark, self.limit)
        except StartAgain:
            self.calls.clear()
            self.mark = None
            return True
        assert len(found.items) <= self.limit
        assert not found.more or len(found.items) == self.limit
        for each in found.items:
            self.told.append((each.kind, each.id))
            if each.kind == "merged":
                assert each.into not in (None, each.id)
                self.calls.pop(each.id, None)
            else:
                assert each.call is not None
                assert each.kind == "updated" or each.id not in self.calls, "what is created is new"
                self.calls[each.id] = each.call
        self.mark = found.mark
        return found.more

    def follow(self) -> Sequence[tuple[ChangeKind, UUID]]:
        """Apply everything; gives what was told."""
        begin = len(self.told)
        while self.ask():
            pass
        return self.told[begin:]
