"""A process that makes sessions is killed, again and again: nothing is left out, and nothing is told twice."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from factories import Clock
from integration.projections import projecting
from integration.projections.office import Office, facts, record_of, set_clock, told_session, wire
from ringback.projections.outbox import EventKind
from ringback.simulator import Rates, Simulation, in_arrival_order

ROUNDS = 12
START = datetime(2026, 3, 2, 9, tzinfo=UTC)

# Every change of a session that users can see, noted by the database itself, in the transaction that makes it.
_SEEN = ("type", "direction", "disposition", "start_at", "end_at", "number", "search", "body")
_NOTE = (
    "CREATE TABLE noted (session BLOB)",
    "CREATE TRIGGER note_new AFTER INSERT ON sessions BEGIN INSERT INTO noted VALUES (new.id); END",
    "CREATE TRIGGER note_changed AFTER UPDATE ON sessions "
    f"WHEN {' OR '.join(f'new.{name} IS NOT old.{name}' for name in _SEEN)} "
    "BEGIN INSERT INTO noted VALUES (new.id); END",
)


def run_until_killed(directory: Path, begin: int, seconds: float) -> None:
    """Make sessions in a process that is killed at some moment after it has begun."""
    process = subprocess.Popen(
        [sys.executable, projecting.__file__, str(directory), str(begin)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(seconds)
    process.kill()
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_kill_while_making_sessions(tmp_path: Path, empty_store: Path, clock: Clock) -> None:
    """After many kills the sessions are those of a run that nobody disturbed, with one event for each change."""
    rng = random.Random()
    simulation = Simulation(
        seed=rng.randrange(1000),
        start=START,
        end=START + timedelta(hours=4),
        calls_per_day=2000,
        users=20,
        round_the_clock=0.1,
        rates=Rates(late=0.1, redelivered=0.1, revised=0.1),
    )
    org = simulation.orgs[0].uuid
    deliveries = list(in_arrival_order(simulation.calls()))
    set_clock(clock, START + timedelta(days=1))
    directory = Path(shutil.copytree(empty_store, tmp_path / "killed"))
    with Office(directory, clock) as office:
        for statement in _NOTE:
            office.run(statement)
        part = len(deliveries) // ROUNDS + 1
        for turn in range(ROUNDS):
            office.ledger.append([record_of(each) for each in deliveries[turn * part : (turn + 1) * part]])
            clock.now += 60_000  # the lease of whoever was killed has run out
            run_until_killed(directory, clock.now, rng.uniform(0, 0.3))
        assert office.checkpoint(org).sequence > 0
        clock.now += 60_000
        office.catch_up()
        rows = office.rows()
        events = office.events(org)
        with office.store.read() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
            noted = Counter(row.session for row in connection.execute(text("SELECT session FROM noted")))
        entries = [
            entry for user in {row["user_id"] for row in rows.values()} for entry in office.entries(user, org=org)
        ]
        last = {told_session(event)["id"]: told_session(event) for event in events}
        assert last == {str(entry.id): wire(entry) for entry in entries}
    assert {event.kind for event in events} <= {EventKind.RECENT, EventKind.LEGACY}
    told = Counter(told_session(event)["id"] for event in events)
    assert told == {str(next(one for one in rows if one.bytes == raw)): count for raw, count in noted.items()}
    assert sum(told.values()) > len(rows) > 500

    with Office(Path(shutil.copytree(empty_store, tmp_path / "undisturbed")), clock) as undisturbed:
        undisturbed.append(deliveries)
        undisturbed.catch_up()
        assert facts(undisturbed.rows()) == facts(rows)
