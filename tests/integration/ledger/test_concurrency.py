"""Many threads and processes at one store: nothing lost, nothing twice, nothing skipped by whoever reads on."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import Connection, event

from factories import ORG, OTHER_ORG, Clock, make_record
from integration.ledger import appender
from integration.ledger.reading import after_noon, ids, read_all, window
from ringback.ledger import Appended, Ledger, SqlLedger
from ringback.records.decode import Record
from ringback.store import Store

ORGS = (ORG, OTHER_ORG)


class Follower:
    """Reads an org on and on while others write, and keeps what it saw."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.sequences: list[int] = []
        self.current: dict[str, int] = {}

    def read_on(self) -> None:
        """Read on from what was seen last, up to the end as it is now."""
        while found := self._ledger.after(ORG, self.sequences[-1] if self.sequences else 0, 7):
            self.sequences += [stored.sequence for stored in found]
            self.current |= {stored.record.record_id: stored.sequence for stored in found}

    def read_while(self, writing: Callable[[], bool]) -> None:
        """Read on until nobody writes any more, and then once more to the end."""
        while writing():
            self.read_on()
            time.sleep(0.005)  # the writers of this process need time too
        self.read_on()

    def assert_complete(self) -> None:
        """It saw each sequence number once at most, in order, and of each record the version that is current now."""
        assert self.sequences == sorted(set(self.sequences))
        assert self.current == {
            stored.record.record_id: stored.sequence for stored in self._ledger.after(ORG, 0, 1_000_000)
        }


def assert_sequences_have_no_gaps(ledger: Ledger, record_ids: set[str]) -> None:
    """All versions of all records together have the sequence numbers from 1 to the newest, each once."""
    for org in ORGS:
        found = [stored.sequence for name in record_ids for stored in ledger.versions(org, name)]
        assert sorted(found) == list(range(1, ledger.newest(org) + 1))


def version(name: str, number: int) -> list[Record]:
    """A version of a record in both orgs: the higher its number, the newer it is."""
    return [make_record(name, org=org, report_time=after_noon(number), Duration=number) for org in ORGS]


def test_threads_append_overlapping_batches(sql_ledger: SqlLedger) -> None:
    """Threads that append the same records and versions in different orders store each version once, none lost."""
    names, versions, threads = [f"r{number:02}" for number in range(10)], 4, 4
    follower = Follower(sql_ledger)

    def append_all(seed: int) -> Appended:
        rng = random.Random(seed)
        everything = [(name, number) for name in names for number in range(versions)]
        rng.shuffle(everything)
        total = Appended()
        while everything:
            some = [everything.pop() for _ in range(min(len(everything), rng.randint(1, 6)))]
            total += sql_ledger.append([record for name, number in some for record in version(name, number)])
        return total

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(append_all, seed) for seed in range(threads)]
        follower.read_while(lambda: not all(future.done() for future in running))
    total = sum((future.result() for future in running), Appended())
    stored = len(ORGS) * len(names) * versions
    assert total.new == len(ORGS) * len(names)
    assert total.new + total.revised == stored
    assert total.total == threads * stored
    newest = [record.raw for name in names for record in version(name, versions - 1) if record.org == ORG]
    assert sorted(read_all(sql_ledger)) == sorted(newest)
    assert_sequences_have_no_gaps(sql_ledger, set(names))
    follower.assert_complete()


def test_processes_append_overlapping_batches(directory: Path, sql_ledger: SqlLedger) -> None:
    """Processes that append overlapping batches to one store lose nothing, store nothing twice and skip no number."""
    ranges = [(0, 24), (8, 32), (16, 40)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    processes = [
        subprocess.Popen(
            [sys.executable, appender.__file__, str(directory), str(first), str(end)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for first, end in ranges
    ]
    follower = Follower(sql_ledger)
    follower.read_while(lambda: any(process.poll() is None for process in processes))
    for process, (first, end) in zip(processes, ranges, strict=True):
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        assert [int(line) for line in output.split()] == list(range(first, end))
    expected = {name for number in range(40) for name in appender.record_ids(number)}
    found = [name for org in ORGS for name in ids(read_all(sql_ledger, window(org=org)))]
    assert sorted(found) == sorted(expected)
    of_org, of_other = sql_ledger.summaries()
    assert (of_org.revisions, of_org.quarantined, of_other.revisions) == (39, 40, 0)
    assert_sequences_have_no_gaps(sql_ledger, expected)
    follower.assert_complete()


@contextlib.contextmanager
def stalled_before_commit(store: Store) -> Iterator[threading.Event]:
    """Inside the block the next commit of a write waits until the block ends. The event tells that it waits."""
    waiting, go_on = threading.Event(), threading.Event()

    def stall(connection: Connection) -> None:
        if connection.get_execution_options().get("ringback_write") and not waiting.is_set():
            waiting.set()
            go_on.wait(30)

    event.listen(store._engine, "commit", stall)
    try:
        yield waiting
    finally:
        go_on.set()


def test_a_stalled_append_is_not_skipped(directory: Path, store: Store, sql_ledger: SqlLedger, clock: Clock) -> None:
    """While an append has not been committed nobody sees any of it; nothing overtakes it; then a reader gets it all."""
    sql_ledger.append([make_record("before"), make_record("changing")])
    follower = Follower(sql_ledger)
    follower.read_on()
    second_store = Store.open(directory)
    slow = [make_record("slow"), make_record("changing", report_time=after_noon(1))]
    with ThreadPoolExecutor(2) as pool:
        with stalled_before_commit(store) as waiting:
            first = pool.submit(sql_ledger.append, slow)
            assert waiting.wait(30)
            second = pool.submit(SqlLedger(second_store, clock).append, [make_record("fast")])
            for _ in range(20):
                follower.read_on()
                assert (sql_ledger.newest(ORG), follower.sequences) == (2, [1, 2])
                assert ids(read_all(sql_ledger)) == ["before", "changing"]
            assert not first.done()
            assert not second.done()
        assert first.result(30) == Appended(new=1, revised=1)
        assert second.result(30) == Appended(new=1)
    follower.read_on()
    assert follower.sequences == [1, 2, 3, 4, 5]
    assert [stored.record.record_id for stored in sql_ledger.after(ORG, 2, 10)] == ["slow", "changing", "fast"]
    follower.assert_complete()
    second_store.close()


def test_a_snapshot_holds_while_others_write(sql_ledger: SqlLedger) -> None:
    """Readers that page through a snapshot get exactly its records while writers revise and add."""
    sql_ledger.append([make_record(f"r{number:02}", report_time=after_noon(number // 4)) for number in range(40)])
    snapshot = sql_ledger.newest(ORG)
    expected = read_all(sql_ledger, snapshot=snapshot)

    def write() -> None:
        for number in range(40):
            revision = make_record(f"r{number:02}", report_time=after_noon(100 + number))
            sql_ledger.append([revision, make_record(f"late{number}", report_time=after_noon(number // 4))])

    with ThreadPoolExecutor(3) as pool:
        writing = pool.submit(write)
        reads = 0
        while not writing.done() or not reads:
            assert read_all(sql_ledger, snapshot=snapshot, limit=3) == expected
            reads += 1
        writing.result()
    assert len(read_all(sql_ledger)) == 80
