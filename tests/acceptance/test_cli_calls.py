"""`ringback export --calls`: whole calls as lines of JSON."""

from __future__ import annotations

import gzip
import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from processes import command, ringback
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.projections import runner as runner_module
from ringback.projections.calls.projection import CallsProjection
from ringback.projections.numbers import Numbers
from ringback.projections.runner import Runner
from ringback.store import Store

DAY = ("--seed", "7", "--from", "2026-03-02", "--days", "1", "--calls-per-day", "150")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a simulated day of one organization; the truth is beside it."""
    path = tmp_path_factory.mktemp("simulated") / "day.ndjson"
    ringback("simulate", *DAY, "--out", path).ok()
    return path


@pytest.fixture(scope="module")
def store(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a store with the records of that day, which nothing has joined to calls."""
    data = tmp_path_factory.mktemp("imported") / "data"
    ringback("import", simulated, "--data", data).ok()
    return data


@pytest.fixture(scope="module")
def exported(store: Path) -> bytes:
    """The calls of that day, as they are printed."""
    return ringback("export", "--calls", "--data", store).ok().raw


def read(lines: bytes) -> list[dict[str, Any]]:
    """The objects of some lines of JSON."""
    return [json.loads(line) for line in lines.splitlines()]


def test_calls_are_exported(simulated: Path, exported: bytes) -> None:
    """Each call of the day is a line, in order of start, with the ids of its records, participants and timeline."""
    truth = read(simulated.with_name("day.ndjson.truth.ndjson").read_bytes())
    calls = read(exported)
    assert {tuple(sorted(call["report_ids"])) for call in calls} == {
        tuple(sorted(record["report_id"] for record in call["records"])) for call in truth
    }
    assert [call["start"] for call in calls] == sorted(call["start"] for call in calls)
    assert list(calls[0]) == [
        *("id", "start", "end", "direction", "outcome", "first_caller", "dialed", "final_party"),
        *("answered_by_person", "talk_seconds", "ring_seconds", "hold_seconds", "queue_seconds", "pending_links"),
        *("sentence", "participants", "timeline", "report_ids"),
    ]
    assert all(call["participants"] and call["timeline"] and call["sentence"] for call in calls)


def test_an_export_is_the_same_again(store: Path, exported: bytes, tmp_path: Path) -> None:
    """The same store gives the same bytes, on standard output and in a file, compressed or not."""
    out = tmp_path / "calls.ndjson.gz"
    done = ringback("export", "--calls", "--out", out, "--data", store).ok()
    assert f"{len(exported.splitlines()):,} calls in {out}" in done.errors
    assert gzip.decompress(out.read_bytes()) == exported


def test_a_part_of_the_calls(simulated: Path, store: Path, exported: bytes) -> None:
    """--from and --to are about the start of a call, and --location about any of its legs."""
    calls = read(exported)
    records = read(simulated.read_bytes())
    begin, end = calls[len(calls) // 4]["start"], calls[3 * len(calls) // 4]["start"]
    place = records[0]["Location"]
    there = {record["Report ID"] for record in records if record["Location"] == place}
    part = ("--from", begin, "--to", end, "--location", place)
    found = read(ringback("export", "--calls", *part, "--data", store).ok().raw)
    in_time = [call for call in calls if begin <= call["start"] < end]
    assert found == [call for call in in_time if not there.isdisjoint(call["report_ids"])]
    assert 0 < len(found) < len(in_time) < len(calls)


def test_calls_have_one_form(store: Path) -> None:
    """Calls are not written as CSV, and that is said."""
    message = ringback("export", "--calls", "--format", "csv", "--data", store).failed()
    assert "Leave out --calls or --format csv" in message


def test_another_process_makes_the_calls(
    simulated: Path, exported: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a server is making the calls, an export says so and waits, and then it lacks none."""
    data, out = tmp_path / "data", tmp_path / "calls.ndjson"
    ringback("import", simulated, "--data", data).ok()
    store = Store.open(data)
    ledger = SqlLedger(store, utc_now)
    projection = CallsProjection(store, ledger, Numbers(""), utc_now)
    # Its clock is ahead, so that its lease does not run out before the other process has come up.
    server = Runner(store, ledger, [projection], "server", lambda: utc_now() + timedelta(hours=1))
    monkeypatch.setattr(runner_module, "_BATCH", 10)
    try:
        server.step()  # has the lease from now on
        arguments = command("export", "--calls", "--out", out, "--data", data)
        with subprocess.Popen(arguments, stderr=subprocess.PIPE) as export:
            assert export.stderr is not None
            assert b"records are joined to calls" in export.stderr.readline()
            server.catch_up()
            assert b"calls in" in export.stderr.read().splitlines()[-1]
    finally:
        server.stop()
        store.close()
    assert export.returncode == 0
    assert sorted(out.read_bytes().splitlines()) == sorted(exported.splitlines())
