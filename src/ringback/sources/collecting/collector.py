"""All sources of a process, each in a thread of its own, and their leases kept alive."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from ringback.ledger import SqlLedger
from ringback.ledger.leases import Leases
from ringback.ledger.windows import WindowLedger
from ringback.sources.collecting.worker import Tools, Worker
from ringback.store import Store

_GRACE_SECONDS = 10.0
_RENEWALS = 3
"""How often a lease is renewed while it lasts, so that a slow write or two do not lose it."""


def this_process() -> str:
    """A name for this process that tells people where to look."""
    return f"{socket.gethostname()}:{os.getpid()}"


def tools_for(store: Store, clock: Callable[[], datetime], **options: bool) -> Tools:
    """What workers need, over a store."""
    return Tools(SqlLedger(store, clock), WindowLedger(store), Leases(store, clock), this_process(), **options)


class Collector:
    """Runs workers.

    Args:
        lease_seconds: the shortest lifetime of their leases.
    """

    def __init__(self, workers: Sequence[Worker], lease_seconds: float) -> None:
        self._workers = workers
        self._renewing = threading.Event()
        self._pause = lease_seconds / _RENEWALS
        # Daemons: a request that hangs must not keep the process from ending. What it was reading is asked again.
        self._threads = [
            threading.Thread(target=worker.run, name=f"source {worker.kind.name}", daemon=True) for worker in workers
        ]
        self._heartbeat = threading.Thread(target=self._renew, name="leases", daemon=True)

    def start(self) -> None:
        """Begin to collect."""
        self._heartbeat.start()
        for thread in self._threads:
            thread.start()

    def running(self) -> bool:
        """Whether a source is still being collected."""
        return any(thread.is_alive() for thread in self._threads)

    def stop(self, grace: float = _GRACE_SECONDS) -> None:
        """Stop: pages that have come are stored, and requests under way get `grace` seconds to end."""
        for worker in self._workers:
            worker.end()
        for thread in self._threads:
            thread.join(grace)
        self._renewing.set()
        self._heartbeat.join(grace)
        for worker in self._workers:
            worker.release()

    def _renew(self) -> None:
        while not self._renewing.wait(self._pause):
            for worker in self._workers:
                worker.renew()
