"""The change feed: what has changed among the calls of an org, for those who keep a copy of them.

Every change of a call has a number, above all that were given out before in the org, and a call has the number of its
last one. Commits happen in the order of the numbers. So who has read up to a number has missed nothing at or below it,
and reads of each call only how it is now, however often it has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select

from ringback.projections.calls.query import CALL, WholeCall, call_of
from ringback.store import Store
from ringback.store.schema import call_counters, calls, merged_calls

ChangeKind: TypeAlias = Literal["created", "updated", "merged"]

NOWHERE = UUID(int=0)
"""`Mark.made` of an org that has no calls yet."""


class Mark(msgspec.Struct, frozen=True):
    """How far somebody has read.

    Attributes:
        made: the mark of the tables that were read.
        position: number of the last change that was read, or that there was nothing more to read of.
        begun: number of the newest change when the first page was read.
    """

    made: UUID
    position: int
    begun: int


class CallChange(msgspec.Struct, frozen=True):
    """A call that has changed.

    Attributes:
        kind: `created` if it is new to who asks; `updated` if it has changed since, and for some that are new: those
            that changed again before they were told, and those that were taken apart from another one; `merged` if it
            is none any more, but part of another one.
        into: the call that it is part of.
        call: how it is now.
    """

    kind: ChangeKind
    id: UUID
    into: UUID | None = None
    call: WholeCall | None = None


class Changes(msgspec.Struct, frozen=True):
    """Some changes in their order, how far they lead, and whether there are more already."""

    items: Sequence[CallChange]
    mark: Mark
    more: bool


class StartAgain(Exception):
    """The tables were made anew since, or replaced by older ones: what has changed cannot be told any more."""


class ChangeFeed:
    """Reads the changes of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, org: UUID, since: Mark | None, limit: int) -> Changes:
        """Up to `limit` changes after a mark.

        Who begins with nothing, puts what is created or updated in place of what it has under that id, and removes
        what is merged if it has it, has in the end just the calls that there are.

        Args:
            since: `Changes.mark` of the time before; None for everything.

        Raises:
            StartAgain: forget what you have, and begin without a mark.
        """
        with self._store.read() as connection:
            counter = connection.execute(select(call_counters).where(call_counters.c.org == org)).one_or_none()
            made, newest = (NOWHERE, 0) if counter is None else (counter.made, counter.changed)
            if since is None or since.made == NOWHERE:
                since = Mark(made, 0, newest)
            if since.made != made or max(since.position, since.begun) > newest:
                raise StartAgain
            items = _changes(connection, org, since, limit + 1)
        more = len(items) > limit
        items = items[:limit]
        position = items[-1][0] if more else newest
        return Changes([item for _, item in items], Mark(made, position, since.begun), more)


def _changes(connection: Connection, org: UUID, since: Mark, limit: int) -> list[tuple[int, CallChange]]:
    changed = calls.c.changed
    put = select(changed, calls.c.created, *CALL).where(calls.c.org == org, changed > since.position).order_by(changed)
    found = []
    for row in connection.execute(put.limit(limit)):
        new = row.created > since.position or row.changed <= since.begun
        found.append((row.changed, CallChange("created" if new else "updated", row.id, call=call_of(row))))
    # What was merged before the first page was read, nobody knows who has read only since.
    merged = merged_calls.c
    gone = select(merged.changed, merged.id, merged.into).where(
        merged.org == org, merged.changed > max(since.position, since.begun)
    )
    found += [
        (row.changed, CallChange("merged", row.id, row.into))
        for row in connection.execute(gone.order_by(merged.changed).limit(limit))
    ]
    return sorted(found, key=lambda each: each[0])[:limit]
