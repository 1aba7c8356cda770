"""A program that makes sessions of what is in a store, until it is killed.

Arguments: the directory of the store, and the time at which its clock begins, in milliseconds since 1970.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ringback.ledger import SqlLedger
from ringback.projections import runner
from ringback.projections.sessions.projection import SessionsProjection
from ringback.store import Store


def main(directory: Path, begin: int) -> None:
    """Run, and say so."""
    began = time.monotonic()

    def clock() -> datetime:
        return datetime.fromtimestamp(begin / 1000, UTC) + timedelta(seconds=time.monotonic() - began)

    store = Store.open(directory)
    ledger = SqlLedger(store, clock)
    runner._BATCH = 5  # many small commits, so that a kill hits the middle of something
    working = runner.Runner(store, ledger, [SessionsProjection(store, ledger, clock)], f"from {begin}", clock)
    print("ready", flush=True)
    while True:
        if not working.step():
            time.sleep(0.001)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
