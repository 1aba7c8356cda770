"""How fast the simulator makes records."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from benchmarks.records import raw_records
from benchmarks.table import Table

_RECORDS = 60_000
_RUNS = 3


def measure(_: Path, __: list[int]) -> Table:
    """Records a second, the median of three runs on one core."""
    table = Table("Simulator", "records", "records/s, median of 3")
    rates = []
    for _run in range(_RUNS):
        began = time.perf_counter()
        number = sum(1 for _raw in raw_records(_RECORDS))
        rates.append(number / (time.perf_counter() - began))
    table.add(f"{_RECORDS:,}", f"{median(rates):,.0f}")
    return table
