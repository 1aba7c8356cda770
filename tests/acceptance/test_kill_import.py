"""`ringback import` is killed again and again, at any moment: nothing that was stored is lost, and nothing doubles."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from factories import NOON
from processes import command, current_records, environment, ringback, stored_versions
from ringback.records.decode import decode
from ringback.simulator import Rates, Simulation, in_arrival_order

pytestmark = pytest.mark.slow

EARLY_KILLS = 3
LATER_KILLS = 5
A_FILE = 800


class Files(NamedTuple):
    """Files to import.

    Attributes:
        contents: the records of each file.
        newest: the newest version of every record, by Report ID.
        versions: how many different versions of records there are.
    """

    contents: dict[Path, list[bytes]]
    newest: dict[str, bytes]
    versions: int


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A simulated day of two organizations, with revisions and redeliveries, in many files."""
    directory = tmp_path_factory.mktemp("files")
    simulation = Simulation(
        seed=5,
        start=NOON,
        end=NOON + timedelta(days=1),
        calls_per_day=4000,
        orgs=2,
        rates=Rates(late=0.05, redelivered=0.1, revised=0.1),
    )
    calls = list(simulation.calls())
    deliveries = list(in_arrival_order(calls))
    digests = {record.digest for call in calls for record in call.truth.records}
    contents = {}
    for at in range(0, len(deliveries), A_FILE):
        path = directory / f"part-{at // A_FILE:02}.ndjson"
        contents[path] = [delivery.record for delivery in deliveries[at : at + A_FILE]]
        path.write_bytes(b"\n".join(contents[path]))
    newest = {each.report_id: each.record for each in deliveries if sha256(each.record).hexdigest() in digests}
    return Files(contents, newest, len({each.record for each in deliveries}))


def import_and_kill(files: Files, data: Path, wait: Callable[[], object]) -> tuple[int, list[Path]]:
    """Import all files, and kill the process after a wait.

    Returns:
        how many versions could be seen before, and the files that it had reported as done.
    """
    process = subprocess.Popen(
        command("import", *files.contents, "--data", data),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    wait()
    seen = stored_versions(data)
    process.kill()
    output = process.communicate(timeout=30)[0].decode()
    assert process.returncode == -signal.SIGKILL, "it was done before it was killed"
    reported = [line.partition(":")[0] for line in output.splitlines(keepends=True) if line.endswith("quarantined\n")]
    return seen, [Path(name) for name in reported]


def check(files: Files, data: Path, seen: int, reported: list[Path]) -> None:
    """The store is sound, and has everything that was seen or reported before."""
    assert stored_versions(data) >= seen
    if not stored_versions(data):
        return
    records = current_records(data)
    missing = [
        path.name
        for path in reported
        if any(decode(raw).record.record_id not in records for raw in files.contents[path])
    ]
    assert missing == []


def test_import_survives_being_killed(files: Files, tmp_path: Path) -> None:
    """Killed at any moment and started again until it is done, an import leaves each record once, in its newest
    version; whatever it had stored at a kill is still there."""
    rng = random.Random(20260302)
    data = tmp_path / "data"
    for _ in range(EARLY_KILLS):  # in the middle of starting, making the store, or the first batches
        seen, reported = import_and_kill(files, data, lambda: time.sleep(rng.uniform(0.1, 1.5)))
        check(files, data, seen, reported)
    for _ in range(LATER_KILLS):  # in the middle of storing
        enough = stored_versions(data) + rng.randrange(1, 1000)

        def wait(enough: int = enough) -> None:
            give_up = time.monotonic() + 60
            while stored_versions(data) < enough and time.monotonic() < give_up:
                time.sleep(rng.uniform(0, 0.02))

        seen, reported = import_and_kill(files, data, wait)
        assert seen >= enough
        check(files, data, seen, reported)

    last = ringback("import", *files.contents, "--data", data).ok().text.splitlines()[-1]
    assert "0 quarantined" in last
    assert current_records(data) == files.newest
    assert stored_versions(data) == files.versions

    again = ringback("import", *files.contents, "--data", data).ok().text.splitlines()[-1]
    total = sum(map(len, files.contents.values()))
    assert again == f"all files: 0 new, 0 revised, {total:,} duplicate, 0 quarantined"
    status = ringback("status", "--data", data).ok().text
    assert f"{len(files.newest):,} ({files.versions - len(files.newest):,} older versions kept beside them)" in status
