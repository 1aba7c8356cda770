"""The one runner that drives all projections: reads on where each stopped, one commit at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy import Connection

from ringback.ledger.contract import Ledger, StoredRecord
from ringback.ledger.leases import Lease, LeaseLost, Leases, fence
from ringback.projections.checkpoints import Checkpoint, CheckpointMoved, Checkpoints
from ringback.projections.outbox import Outbox
from ringback.store import Store, StoreError

EVENTS_KEPT = timedelta(days=7)
"""How long events are kept for listeners who are away."""

_BATCH = 2000
_POLL_SECONDS = 0.1
_AFTER_ERROR_SECONDS = 5.0
_LEASE = timedelta(seconds=10)
_RENEW = timedelta(seconds=3)
_TIDY = timedelta(hours=1)
_AFTER_FAILURE = timedelta(seconds=5)
_ATTEMPTS = 3
_log = structlog.get_logger("ringback.projections")


class Projection(Protocol):
    """Something that is derived from the ledger.

    Attributes:
        name: the same for ever; checkpoints and leases stand under it.
    """

    @property
    def name(self) -> str: ...

    def read(self, org: UUID, stored: Sequence[StoredRecord], told: int) -> Any:
        """Work out what follows from some records. Writes nothing, so that the store is not locked meanwhile.

        Args:
            told: what has a sequence number up to this was read before, so nobody needs to be told of it.
        """
        ...

    def write(self, connection: Connection, org: UUID, change: Any) -> None:
        """Write what `read` worked out, in the caller's transaction. Doing it twice is harmless."""
        ...


class Runner:
    """Drives projections in a thread of its own.

    Of each org and projection only one runner of all processes is at work: it holds a lease, and each of its commits
    checks that it still does. The others look on, and take over when it is gone.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        projections: Sequence[Projection],
        holder: str,
        clock: Callable[[], datetime],
    ) -> None:
        """
        Args:
            holder: tells people which process it is, such as `host:pid`.
            clock: gives the current time, aware.
        """
        self._store = store
        self._ledger = ledger
        self._projections = projections
        self._holder = holder
        self._clock = clock
        self._leases = Leases(store, clock)
        self._held: dict[tuple[UUID, str], tuple[Lease, datetime]] = {}
        self._failed: dict[tuple[UUID, str], datetime] = {}
        self._stuck: dict[tuple[UUID, str], tuple[int, int]] = {}
        self._outbox = Outbox(store)
        self._tidied: datetime | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projections", daemon=True)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the commit under way, and let others go on."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        with suppress(StoreError):  # then they run out by themselves, soon
            for lease, _ in self._held.values():
                self._leases.release(lease)
        self._held.clear()

    def catch_up(self) -> int:
        """Read on until everything is up to date, as far as this runner holds the leases.

        Returns:
            how many records were read, those that several projections read counted for each.
        """
        total = 0
        while done := self.step():
            total += done
        return total

    def step(self) -> int:
        """Let each projection that is behind read some records of each org: what is new, or else what it reads again.

        Returns:
            how many were read.
        """
        newest = self._ledger.newest_of_all()
        done = 0
        for projection in self._projections:
            known = Checkpoints(self._store, projection.name).all()
            for org, sequence in newest.items():
                if not self._stop.is_set():
                    done += self._try(projection, org, known.get(org, Checkpoint()), sequence)
        return done

    def _try(self, projection: Projection, org: UUID, checkpoint: Checkpoint, newest: int) -> int:
        """Advance one projection of one org. Whatever is wrong with it does not hold up the others."""
        if checkpoint.sequence >= newest and checkpoint.again is None:
            return 0
        this = org, projection.name
        since = self._failed.get(this)
        if since is not None and since <= self._clock() < since + _AFTER_FAILURE:  # not if the clock was set back
            return 0
        try:
            return self._advance(projection, org, checkpoint, newest)
        except LeaseLost:
            self._held.pop(this, None)
        except CheckpointMoved:
            pass  # it was read before the lease was taken, and moved in between; the next step begins where it is
        except StoreError:
            raise
        except Exception:
            _log.exception("a projection failed", projection=projection.name, org=str(org))
            self._failed[this] = self._clock()
        return 0

    def _advance(self, projection: Projection, org: UUID, checkpoint: Checkpoint, newest: int) -> int:
        lease = self._lease(org, projection.name)
        if lease is None:
            return 0
        checkpoints = Checkpoints(self._store, projection.name)
        new = checkpoint.sequence < newest
        after, end = (checkpoint.sequence, newest) if new else (max(checkpoint.again or 0, 0), checkpoint.sequence)
        stored = self._ledger.after(org, after, _BATCH)
        # Behind the last of fewer there is nothing but what is superseded, which is never read.
        last = stored[-1].sequence if len(stored) == _BATCH else max(end, *(each.sequence for each in stored), after)
        read, change = self._read(projection, org, stored, checkpoint.sequence)
        if read < len(stored):
            last = stored[read - 1].sequence
        with self._store.write() as connection:
            fence(connection, lease)
            if change is not None:
                projection.write(connection, org, change)
            if new:
                checkpoints.move(connection, org, checkpoint, last)
            else:
                checkpoints.move_again(connection, org, checkpoint, last)
        return read

    def _read(
        self, projection: Projection, org: UUID, stored: Sequence[StoredRecord], told: int
    ) -> tuple[int, Any | None]:
        """What follows from as many records, from the first on, as can be read together.

        Returns:
            how many they are, and what follows; None if it is a single one that cannot be read at all, and is left out.
        """
        while True:
            try:
                return len(stored), projection.read(org, stored, told)
            except StoreError:
                raise
            except Exception:
                if len(stored) > 1:
                    stored = stored[: len(stored) // 2]
                    continue
                if not stored or not self._hopeless(projection.name, org, stored[0].sequence):
                    raise
                record_id = stored[0].record.record_id
                _log.exception("a record is left out", projection=projection.name, org=str(org), record=record_id)
                return 1, None

    def _hopeless(self, projection: str, org: UUID, sequence: int) -> bool:
        """Count an attempt in vain. After some, with pauses between them, it is the record, and not the moment."""
        at, attempts = self._stuck.get((org, projection), (0, 0))
        attempts = attempts + 1 if at == sequence else 1
        self._stuck[org, projection] = sequence, attempts
        return attempts >= _ATTEMPTS

    def _lease(self, org: UUID, job: str) -> Lease | None:
        now = self._clock()
        held = self._held.get((org, job))
        try:
            if held is not None:
                lease, renewed_at = held
                if not renewed_at <= now < renewed_at + _RENEW:
                    self._leases.renew(lease, _LEASE)
                    self._held[org, job] = lease, now
                return lease
        except LeaseLost:
            del self._held[org, job]
        taken = self._leases.take(org, job, self._holder, _LEASE)
        if not isinstance(taken, Lease):
            return None
        self._held[org, job] = taken, now
        return taken

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._tidy()
                if not self.step():
                    self._stop.wait(_POLL_SECONDS)
            except StoreError as error:
                _log.warning("projections wait", reason=str(error))
                self._stop.wait(_AFTER_ERROR_SECONDS)
            except Exception:  # a fault of ours must not end the thread in silence
                _log.exception("projections failed")
                self._stop.wait(_AFTER_ERROR_SECONDS)

    def _tidy(self) -> None:
        now = self._clock()
        if self._tidied is not None and now - self._tidied < _TIDY:
            return
        self._tidied = now
        self._outbox.forget_all(now - EVENTS_KEPT)
