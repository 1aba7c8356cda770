"""A program that was made from the published text of PortSIP's call logs works against `ringback serve`, as it is."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from factories import NOON, ORG, wire_record
from processes import Server, environment, ringback, serving
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.records.kinds import decode_any
from ringback.records.portsip.fields import CallLogDirection, EndReason, RerouteReason
from ringback.store import Store

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "seed_program.py"
FULL = msgspec.json.decode((HERE.parent / "data" / "call-log-detail.json").read_bytes())
WORDS = [
    *({"direction": str(word)} for word in CallLogDirection),
    *({"end_reason": str(word)} for word in EndReason),
    # The text is older than the others, and has these two.
    *({"reroute_reason": str(word)} for word in (RerouteReason.transfer, RerouteReason.overflow)),
]
BLANK = {"id": "MTAwMDU1MTkwOTc3MzE0ODE2MA==", "session_id": None, "caller": "", "started_at": "2026-01-05T10:00:00Z"}
WEBEX = "webex"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with call logs that have every field and every documented word, a blank one, and a Webex record."""
    directory = tmp_path_factory.mktemp("served") / "data"
    logs = [BLANK, FULL, *({**FULL, "id": f"word-{number}", **word} for number, word in enumerate(WORDS))]
    store = Store.open(directory)
    raws = [*map(msgspec.json.encode, logs), wire_record(WEBEX, start_time=NOON)]
    SqlLedger(store, utc_now).append([decode_any(raw, ORG).record for raw in raws])
    store.close()
    return directory


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Server]:
    """A server on it."""
    with serving(data) as started:
        yield started


@pytest.fixture(scope="module")
def token(data: Path) -> str:
    """A token as an administrator makes it."""
    return ringback("token", "create", "--scope", "calllogs:read", "--data", data).ok().text.strip()


def run(server: Server, token: str) -> subprocess.CompletedProcess[str]:
    """The program, run as a person runs it."""
    command = [sys.executable, "-I", str(PROGRAM), f"{server.address}/api", token]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60)


def test_the_program_works(server: Server, token: str) -> None:
    """It lists all call logs, finds each by its id, and everything is as the text says."""
    expected = len(WORDS) + 3
    give_up = time.monotonic() + 30
    while not server.ask("/api/calllogs", token, top=1).body.startswith(b'{"count":%d,' % expected):
        assert time.monotonic() < give_up, "the rows are not made"
        time.sleep(0.1)
    done = run(server, token)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"{expected} call logs"
    assert "+12025550143 -> 101" in done.stdout
    assert "0.35" in done.stdout


def test_the_program_is_refused_without_a_valid_token(server: Server) -> None:
    """With a token that is none, it ends with what the server answered."""
    done = run(server, "nonsense")
    assert done.returncode == 1
    assert "401" in done.stderr
