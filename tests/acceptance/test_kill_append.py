"""A process that stores records is killed, again and again: nothing acknowledged is lost, nothing is there twice.

This is about the death of the process. That a commit is on the disk when the machine itself dies rests on the settings
of the database's connections, which `tests/integration/store/test_connections.py` checks.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from factories import ORG, OTHER_ORG
from integration.ledger import appender
from ringback.ledger import SqlLedger
from ringback.store import Store
from ringback.store.schema import CURRENT
from ringback.store.store import DATABASE_NAME

ROUNDS = 20
ORGS = (ORG, OTHER_ORG)


def append_until_killed(directory: Path, first: int, rng: random.Random, *, early: bool) -> list[int]:
    """Append batches from `first` on in a process that is killed at some moment.

    Args:
        early: kill it while it may still be starting or making the store; else after its first batch.

    Returns:
        the numbers of the batches that it acknowledged.
    """
    process = subprocess.Popen(
        [sys.executable, appender.__file__, str(directory), str(first), "1000000"],
        stdout=subprocess.PIPE,
        bufsize=0,  # so that no line waits in a buffer that `communicate` does not look into
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert process.stdout is not None
    acknowledged = b"" if early else process.stdout.readline()
    time.sleep(rng.uniform(0, 0.8 if early else 0.2))
    process.kill()
    acknowledged += process.communicate(timeout=30)[0]
    assert process.returncode == -signal.SIGKILL
    return [int(line) for line in acknowledged.splitlines(keepends=True) if line.endswith(b"\n")]


def stored_batches(directory: Path) -> list[int]:
    """The numbers of the batches that are in a store, each of them whole and once; the store is checked on the way."""
    store = Store.open(directory)
    ledger = SqlLedger(store, lambda: datetime.now(UTC))
    summaries = {summary.org: summary for summary in ledger.summaries()}
    newest = {org: ledger.newest(org) for org in ORGS}
    odd = {entry.item.source for entry in ledger.quarantine(limit=1_000_000)}
    store.close()
    with contextlib.closing(sqlite3.connect(directory / DATABASE_NAME)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT org, sequence, record_id, superseded_by FROM records").fetchall()
    current, revised = set[str](), set[str]()
    for org in ORGS:
        of_org = [row for row in rows if row[0] == org.bytes]
        assert sorted(sequence for _, sequence, _, _ in of_org) == list(range(1, newest[org] + 1))
        shown = [record_id for _, _, record_id, superseded_by in of_org if superseded_by == CURRENT]
        assert len(shown) == len(set(shown))
        current.update(shown)
        revised.update(record_id for _, _, record_id, superseded_by in of_org if superseded_by != CURRENT)
        if summary := summaries.get(org):
            assert (summary.records, summary.revisions) == (len(shown), len(of_org) - len(shown))
            assert summary.quarantined == (len(odd) if org == ORG else 0)

    batches = sorted({int(record_id.split("-")[0]) for record_id in current})
    assert current == {record_id for number in batches for record_id in appender.record_ids(number)}
    assert revised == {appender.record_ids(number - 1)[0] for number in batches if number}
    assert len(rows) == len(current) + len(revised)
    assert odd == {f"batch {number}" for number in batches}
    return batches


def test_kill_while_appending(tmp_path: Path) -> None:
    """After each of many kills every acknowledged batch is there, once, and at most one other, whole."""
    rng = random.Random()
    directory = tmp_path / "store"
    acknowledged = 0  # every batch below this number
    for turn in range(ROUNDS):
        repeated = max(0, acknowledged - rng.randint(0, 3))  # batches that are there already: sent again, harmless
        numbers = append_until_killed(directory, repeated, rng, early=turn % 3 == 0)
        assert numbers == list(range(repeated, repeated + len(numbers)))
        acknowledged = max(acknowledged, repeated + len(numbers))
        stored = stored_batches(directory)
        assert stored in (list(range(acknowledged)), list(range(acknowledged + 1)))
    store = Store.open(directory)
    ledger = SqlLedger(store, lambda: datetime.now(UTC))
    for number in (0, acknowledged // 2, acknowledged - 1):
        for record in appender.batch(number)[0]:
            assert record in [stored.record for stored in ledger.versions(record.org, record.record_id)]
    store.close()
