"""`script/bench [WHAT ...] [--records N ...]`."""

from __future__ import annotations

import argparse
import platform
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from benchmarks import append, backfill, call_logs, call_pages, calls, events, history, pages, sdk, simulate
from benchmarks.table import Table, Wrong

MEASUREMENTS = {
    "simulate": simulate.measure,
    "append": append.measure,
    "pages": pages.measure,
    "sdk": sdk.measure,
    "backfill": backfill.measure,
    "projection": history.measure_projection,
    "events": events.measure,
    "history": history.measure,
    "call-logs-projection": call_logs.measure_projection,
    "call-logs": call_logs.measure,
    "calls": calls.measure_truth,
    "calls-projection": calls.measure,
    "calls-pages": call_pages.measure,
}
_SIZES = [100_000, 2_000_000]
_OTHER_SIZES = {
    "backfill": [1_000_000],
    "history": [5_000_000],
    "call-logs": [1_000_000],
    "calls-projection": [200_000],
    "calls-pages": [200_000],
}


def main() -> None:
    """Measure and print tables in Markdown."""
    parser = argparse.ArgumentParser(prog="script/bench", description=main.__doc__)
    parser.add_argument(
        "what", nargs="*", metavar="WHAT", help=f"what to measure: {', '.join(MEASUREMENTS)} (default: all)"
    )
    parser.add_argument(
        "--records",
        type=int,
        nargs="+",
        help="sizes of the store (default: 100000 2000000; for calls-projection and calls-pages 200000, for backfill "
        "and call-logs 1000000, for history 5000000)",
    )
    parser.add_argument("--directory", type=Path, help="where the stores are made (default: a temporary directory)")
    arguments = parser.parse_args()
    if unknown := set(arguments.what) - set(MEASUREMENTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}. Known: {', '.join(MEASUREMENTS)}")
    directory = Path(tempfile.mkdtemp(prefix="ringback-bench-", dir=arguments.directory))
    try:
        print(
            f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.machine()}\n", flush=True
        )
        for name in arguments.what or MEASUREMENTS:
            sizes = arguments.records or _OTHER_SIZES.get(name, _SIZES)
            table: Table = MEASUREMENTS[name](directory, sorted(sizes))
            print(table.markdown(), flush=True)
    except Wrong as error:
        sys.exit(f"wrong: {error}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
