"""Leases: who works on what, so that two processes never do the same job at once.

A lease is a row, not a lock of a connection: a lock vanishes with its connection while its holder may believe to have
it still. Here the holder names the *epoch* of its lease in every write that the job guards; once somebody else has
taken the lease, its epoch has grown, and the late write is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from ringback.records.values import to_milliseconds
from ringback.store import Store
from ringback.store.schema import leases

_MILLISECOND = timedelta(milliseconds=1)


class LeaseLost(Exception):
    """Somebody else has taken the lease, so nothing was written. Who held it must stop."""


class Lease(msgspec.Struct, frozen=True):
    """The right to do a job of an org, until it expires and somebody else takes it.

    Attributes:
        holder: tells people who it is, such as `host:pid`.
        epoch: grows with each new holder.
    """

    org: UUID
    job: str
    holder: str
    epoch: int


class Taken(msgspec.Struct, frozen=True):
    """Somebody holds the lease, until `expires_at` (milliseconds since 1970) unless it is renewed."""

    holder: str
    expires_at: int


class Leases:
    """The leases of a store."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        """
        Args:
            clock: gives the current time, aware. Between machines it may differ by less than a lease lasts.
        """
        self._store = store
        self._clock = clock

    def take(self, org: UUID, job: str, holder: str, lifetime: timedelta) -> Lease | Taken:
        """Take the lease if nobody holds it, or if whoever held it has let it expire.

        Returns:
            the lease, in an epoch of its own; or who has it.
        """
        now = to_milliseconds(self._clock())
        expires_at = now + lifetime // _MILLISECOND
        this = (leases.c.org == org, leases.c.job == job)
        with self._store.write() as connection:
            first = {"org": org, "job": job, "holder": "", "epoch": 0, "expires_at": 0}
            connection.execute(insert(leases).values(first).on_conflict_do_nothing())
            taken = (
                update(leases)
                .where(*this, leases.c.expires_at <= now)
                .values(holder=holder, epoch=leases.c.epoch + 1, expires_at=expires_at)
                .returning(leases.c.epoch)
            )
            if (epoch := connection.execute(taken).scalar()) is not None:
                return Lease(org, job, holder, epoch)
            row = connection.execute(select(leases.c.holder, leases.c.expires_at).where(*this)).one()
            return Taken(row.holder, row.expires_at)

    def renew(self, lease: Lease, lifetime: timedelta) -> None:
        """Make it last for `lifetime` from now on. One that has expired is renewed if nobody has taken it.

        Raises:
            LeaseLost: somebody has.
        """
        with self._store.write() as connection:
            self._set(connection, lease, to_milliseconds(self._clock()) + lifetime // _MILLISECOND)

    def release(self, lease: Lease) -> None:
        """Let others take it at once. Harmless if they have."""
        with self._store.write() as connection:
            try:
                self._set(connection, lease, 0)
            except LeaseLost:
                return

    def holder(self, org: UUID, job: str) -> Taken | None:
        """Who holds it now; None if nobody does."""
        statement = select(leases.c.holder, leases.c.expires_at).where(leases.c.org == org, leases.c.job == job)
        with self._store.read() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None or row.expires_at <= to_milliseconds(self._clock()):
            return None
        return Taken(row.holder, row.expires_at)

    def _set(self, connection: Connection, lease: Lease, expires_at: int) -> None:
        fence(connection, lease)
        connection.execute(
            update(leases).where(leases.c.org == lease.org, leases.c.job == lease.job).values(expires_at=expires_at)
        )


def fence(connection: Connection, lease: Lease) -> None:
    """See that a lease has not been taken over, and keep it so until the transaction ends.

    Raises:
        LeaseLost: it has been.
    """
    held = (
        update(leases)  # not a select: this locks the row, so that nobody takes it before we commit
        .where(leases.c.org == lease.org, leases.c.job == lease.job, leases.c.epoch == lease.epoch)
        .values(holder=lease.holder)
        .returning(leases.c.epoch)
    )
    if connection.execute(held).one_or_none() is None:
        raise LeaseLost(f"{lease.holder} has lost the lease for {lease.job}: somebody else has taken it")
