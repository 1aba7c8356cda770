"""A store with what a PBX writes, and the call logs that are made of it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Table, select

from factories import NOON, ORG, Clock
from ringback.ledger import SqlLedger
from ringback.projections.call_logs.projection import CallLogsProjection
from ringback.projections.call_logs.query import CallLogs, Kind, Place, Wanted
from ringback.projections.checkpoints import Checkpoint, Checkpoints
from ringback.projections.runner import Runner
from ringback.records.decode import Record
from ringback.records.kinds import decode_any
from ringback.records.portsip.call_log import CallLog
from ringback.store import Store
from ringback.store.schema import call_log_users, call_logs, call_summaries, call_summary_users

TABLES = (call_logs, call_summaries, call_log_users, call_summary_users)
EVERYTHING = Wanted()


def at(seconds: float) -> str:
    """A time so many seconds after noon, as a PBX writes it."""
    return (NOON + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def moment(seconds: float) -> datetime:
    """That time."""
    return NOON + timedelta(seconds=seconds)


def microseconds(seconds: float) -> int:
    """That time as it is kept."""
    return int(NOON.timestamp()) * 1_000_000 + round(seconds * 1_000_000)


def call_log(id: str = "1", *, org: UUID = ORG, **values: Any) -> Record:
    """The record of an inbound call to 101 that was answered, unless the values say otherwise; times in seconds."""
    given: dict[str, Any] = {
        "session_id": None,
        "caller": "+12025550143",
        "callee": "101",
        "direction": "INBOUND_CALL",
        "started_at": 0,
        "answered_at": 6,
        "ended_at": 66,
        "end_reason": "CALLER_DISCONNECTED",
        "status_code": 0,
        "duration": 60,
        **values,
    }
    written = {
        name: at(value) if name.endswith("_at") and isinstance(value, (int, float)) else value
        for name, value in given.items()
    }
    return decode_any(msgspec.json.encode({"id": id, **written}), org).record


def some_calls(number: int = 60, seed: int = 1) -> list[Any]:
    """Records with few different values, many of them blank; some share a session."""
    rng = random.Random(seed)
    return [
        call_log(
            f"r{each:03}",
            session_id=rng.choice([None, None, f"s{each // 3}"]),
            caller=rng.choice([None, "101", "102", "+12025550143"]),
            callee=rng.choice(["101", "102", "103"]),
            started_at=rng.choice([None, 0, 1, 2, 3.000001, 3.000002]),
            answered_at=rng.choice([None, 5]),
            ended_at=rng.choice([None, 10, 20]),
            trunk=rng.choice([None, "East", "west"]),
            status_code=rng.choice([None, 0, 486]),
            direction=rng.choice(["EXTENSION_CALL", "INBOUND_CALL"]),
        )
        for each in range(number)
    ]


class Pbx:
    """The store, and what works on it. Use it as a context, so that it is closed."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.store = Store.open(directory)
        self.clock = clock
        self.ledger = SqlLedger(self.store, clock)
        self.call_logs = CallLogs(self.store)
        self._checkpoints = Checkpoints(self.store, CallLogsProjection.name)
        self._runner = self.runner()

    def __enter__(self) -> Pbx:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def runner(self, projection: CallLogsProjection | None = None) -> Runner:
        """A new runner."""
        return Runner(self.store, self.ledger, [projection or CallLogsProjection(self.store)], "test", self.clock)

    def restart(self, *, killed: bool = False) -> None:
        """Have another runner go on; a killed one is waited for until its lease has run out."""
        if killed:
            self.clock.now += 60_000
        else:
            self._runner.stop()
        self._runner = self.runner()

    def add(self, *records: Record) -> int:
        """Store records in one batch, and make the call logs of them; gives the newest sequence."""
        self.ledger.append(records)
        self.catch_up()
        return self.ledger.newest(ORG)

    def catch_up(self) -> int:
        """Make the call logs of all records; gives how many records were read."""
        return self._runner.catch_up()

    def step(self) -> int:
        """Let the runner take one step; gives how many records were read."""
        return self._runner.step()

    def read_again(self, org: UUID = ORG) -> None:
        """Have everything made anew, with the next steps of the runner."""
        with self.store.write() as connection:
            self._checkpoints.begin_again(connection, org)

    def checkpoint(self, org: UUID = ORG) -> Checkpoint:
        """How far call logs are."""
        return self._checkpoints.all().get(org, Checkpoint())

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """All rows of a table, whole, in the order of its key."""
        with self.store.read() as connection:
            statement = select(table).order_by(*table.primary_key)
            return [dict(row._mapping) for row in connection.execute(statement)]

    def all_rows(self) -> dict[str, list[dict[str, Any]]]:
        """All rows of all tables of call logs."""
        return {table.name: self.rows(table) for table in TABLES}

    def all_pages(self, kind: Kind, wanted: Wanted = EVERYTHING, top: int = 100, org: UUID = ORG) -> list[CallLog]:
        """All rows of a list, page by page."""
        found: list[CallLog] = []
        begin: Place | None = None
        while True:
            page = self.call_logs.page(org, kind, wanted, top, begin=begin)
            assert len(page.logs) == top or page.next is None
            found += page.logs
            if (begin := page.next) is None:
                return found

    def logs(self, wanted: Wanted = EVERYTHING, **of: Any) -> list[CallLog]:
        """All call logs, in order."""
        return self.all_pages(Kind.LOGS, wanted, **of)

    def summaries(self, wanted: Wanted = EVERYTHING, **of: Any) -> list[CallLog]:
        """All summaries, in order."""
        return self.all_pages(Kind.SUMMARIES, wanted, **of)


def ids(logs: Iterable[CallLog]) -> Sequence[str]:
    """The ids of some call logs."""
    return [log.id for log in logs]
