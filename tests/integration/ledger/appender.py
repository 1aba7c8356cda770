"""A process that appends numbered batches to a store, and says of each when it is durable. Tests run it, and kill it.

    python appender.py DIRECTORY FIRST END

appends the batches FIRST, FIRST + 1 and so on below END. Once `append` has returned, it writes the number on a line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from factories import ORG, OTHER_ORG, make_record
from integration.ledger.reading import after_noon
from ringback.ledger import Quarantined, SqlLedger
from ringback.records.decode import Record
from ringback.store import Store

RECORDS = 24
"""New records of a batch. There is one revision and one item for the quarantine besides."""


def record_ids(number: int) -> list[str]:
    """The ids of the records that are new in a batch."""
    return [f"{number:06}-{index:02}" for index in range(RECORDS)]


def batch(number: int) -> tuple[Sequence[Record], Sequence[Quarantined]]:
    """A batch: the same for the same number. Every fourth record is of another org; the last one is a revision.

    The revision is of the first record of the batch before, one second newer. Batch 0 has none.
    """
    new = [
        make_record(name, org=OTHER_ORG if index % 4 == 3 else ORG, report_time=after_noon(number))
        for index, name in enumerate(record_ids(number))
    ]
    odd = Quarantined(b"%d" % number, "not an object", f"batch {number}", ORG)
    if number == 0:
        return new, [odd]
    return [*new, make_record(record_ids(number - 1)[0], report_time=after_noon(number - 1 + 1000))], [odd]


def main(directory: str, first: str, end: str) -> None:
    """Append the batches from `first` up to, not including, `end`."""
    ledger = SqlLedger(Store.open(Path(directory)), lambda: datetime.now(UTC))
    for number in range(int(first), int(end)):
        ledger.append(*batch(number))
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
