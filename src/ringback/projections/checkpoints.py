"""How far projections have read the ledger.

A projection that is told to begin again does not go back: it goes on with what is new, and reads what it had read
before once more beside that. So who waits for a call that has just ended does not wait for a rebuild of years.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, case, select, update
from sqlalchemy.dialects.sqlite import insert

from ringback.store import Store
from ringback.store.schema import checkpoints, projections


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a projection of an org has read: up to and with a sequence number.

    Attributes:
        again: how far it has read again; None if nobody has told it to. 0 and below is nothing yet: each time that
            somebody does it is a number that it never was before, so that a reader notices.
    """

    sequence: int = 0
    again: int | None = None

    @property
    def left_again(self) -> int:
        """How many sequence numbers are still to be read again."""
        return 0 if self.again is None else self.sequence - max(self.again, 0)


class CheckpointMoved(Exception):
    """Somebody else has read on since; nothing may be written of what was read here."""


class Checkpoints:
    """The checkpoints of one projection."""

    def __init__(self, store: Store, projection: str) -> None:
        self._store = store
        self._projection = projection

    def all(self) -> dict[UUID, Checkpoint]:
        """Those of all orgs that it has read anything of."""
        columns = select(checkpoints.c.org, checkpoints.c.sequence, checkpoints.c.again)
        with self._store.read() as connection:
            rows = connection.execute(columns.where(checkpoints.c.projection == self._projection))
            return {row.org: Checkpoint(row.sequence, row.again) for row in rows}

    def behind(self, newest: Mapping[UUID, int]) -> int:
        """How many sequence numbers are still to be read, once or again, of all orgs.

        Args:
            newest: of each org, see `Ledger.newest_of_all`.
        """
        done = self.all()
        known = {org: done.get(org, Checkpoint()) for org in newest}
        return sum(newest[org] - known[org].sequence + known[org].left_again for org in newest)

    def move(self, connection: Connection, org: UUID, before: Checkpoint, sequence: int) -> None:
        """Note, in the caller's transaction, that everything up to a sequence number is read.

        Raises:
            CheckpointMoved: it is not where it was before: somebody else had the lease meanwhile.
        """
        self._make(connection, org)
        same = checkpoints.c.sequence == before.sequence
        moved = update(checkpoints).where(*self._this(org), same).values(sequence=sequence)
        if connection.execute(moved.returning(checkpoints.c.sequence)).one_or_none() is None:
            raise CheckpointMoved

    def move_again(self, connection: Connection, org: UUID, before: Checkpoint, sequence: int) -> None:
        """Note, in the caller's transaction, that everything up to a sequence number is read again.

        If somebody has told it to begin again since `before`, that stands.
        """
        values = {"again": sequence if sequence < before.sequence else None}
        same = checkpoints.c.again == before.again
        connection.execute(update(checkpoints).where(*self._this(org), same).values(values))

    def begin_again(self, connection: Connection, org: UUID) -> None:
        """Have everything read again, in the caller's transaction."""
        self._make(connection, org)
        again = checkpoints.c.again
        never_was = case((again < 0, again - 1), else_=-1)
        connection.execute(update(checkpoints).where(*self._this(org)).values(again=never_was))

    def make_with(self, made_with: str) -> None:
        """Note what else the projection is made with than records; if it was something else, read everything again.

        Args:
            made_with: settings, and the version of its rules. What was never noted is something else.
        """
        row = {"name": self._projection, "made_with": made_with}
        this = projections.c.name == self._projection
        with self._store.write() as connection:
            if connection.execute(select(projections.c.made_with).where(this)).scalar() == made_with:
                return
            noted = insert(projections).values(row)
            connection.execute(noted.on_conflict_do_update(index_elements=[projections.c.name], set_=row))
            read = select(checkpoints.c.org).where(checkpoints.c.projection == self._projection)
            for org in connection.execute(read).scalars().all():
                self.begin_again(connection, org)

    def _make(self, connection: Connection, org: UUID) -> None:
        row = {"org": org, "projection": self._projection, "sequence": 0, "again": None}
        connection.execute(insert(checkpoints).values(row).on_conflict_do_nothing())

    def _this(self, org: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return checkpoints.c.org == org, checkpoints.c.projection == self._projection
