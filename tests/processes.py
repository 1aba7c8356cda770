"""ringback as a person runs it: commands that end, and servers as processes of their own that can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import pytest

from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.server.tokens import Tokens
from ringback.store import Store
from ringback.store.schema import CURRENT
from ringback.store.store import DATABASE_NAME

RINGBACK = Path(sys.executable).parent / "ringback"
"""The command, installed beside the Python that runs the tests."""

ALL_TIME = {"startTime": "2000-01-01T00:00:00.000Z", "endTime": "2100-01-01T00:00:00.000Z"}
"""The query of a window with everything, for tokens without limits."""

_READY_SECONDS = 90
_NEXT = re.compile(r'<([^<>]+)>;rel="next"')


class Finished(NamedTuple):
    """A command that has ended."""

    code: int
    raw: bytes
    errors: str

    @property
    def text(self) -> str:
        """What it printed on standard output."""
        return self.raw.decode()

    def ok(self) -> Finished:
        """Itself, if it succeeded."""
        assert self.code == 0, self.errors
        return self

    def failed(self) -> str:
        """The error message, if it failed as a command should: with exit code 1 and words, not with a traceback."""
        assert self.code == 1, (self.code, self.errors)
        assert "Traceback" not in self.errors
        assert self.errors.strip()
        return self.errors


def command(*arguments: str | Path) -> list[str]:
    """The words of a command line."""
    return [str(RINGBACK), *map(str, arguments)]


def environment(**variables: str) -> dict[str, str]:
    """The environment of commands: that of the tests, with the buffering that people have, and these variables."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | variables


def ringback(
    *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Finished:
    """Run a command to its end.

    Args:
        env: variables besides those that are set.
    """
    done = subprocess.run(
        command(*arguments), input=stdin, capture_output=True, cwd=cwd, env=environment(**(env or {})), timeout=120
    )
    return Finished(done.returncode, done.stdout, done.stderr.decode())


def make_token(data: Path, org: UUID | str, limits: str = "none") -> str:
    """A new token of a store, as `ringback token create` makes it, without the time that a process takes."""
    store = Store.open(data)
    try:
        return Tokens(store, utc_now).create(UUID(str(org)), limits=limits)[0]
    finally:
        store.close()


def stored_versions(data: Path) -> int:
    """How many versions of records others can see in a store, also while it is written to, or is not there yet."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{data / DATABASE_NAME}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT COALESCE(SUM(last_sequence), 0) FROM org_counters").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def current_records(data: Path) -> dict[str, bytes]:
    """The bytes of the current versions in a store, by Report ID, after a check that the store is sound.

    Sound is: the database has no damage; in each org, sequence numbers have no gaps, stored times never run backwards,
    each id has one current version, and the counters that `ringback status` shows are true.
    """
    with contextlib.closing(sqlite3.connect(data / DATABASE_NAME)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for org, *counters in database.execute("SELECT org, last_sequence, records, revisions FROM org_counters"):
            rows = database.execute(
                "SELECT sequence, stored_at, record_id, superseded_by FROM records WHERE org = ? ORDER BY sequence",
                (org,),
            ).fetchall()
            current = [row[2] for row in rows if row[3] == CURRENT]
            assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
            assert [row[1] for row in rows] == sorted(row[1] for row in rows)
            assert len(set(current)) == len(current) == len({row[2] for row in rows})
            assert counters == [len(rows), len(current), len(rows) - len(current)]
    store = Store.open(data)
    try:
        ledger = SqlLedger(store, utc_now)
        orgs = [summary.org for summary in ledger.summaries()]
        return {found.record.record_id: found.record.raw for org in orgs for found in ledger.after(org, 0, 10**6)}
    finally:
        store.close()


class Reply(NamedTuple):
    """An answer of a server."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)

    @property
    def ids(self) -> list[str]:
        """The Report IDs of a page."""
        assert self.status == 200, self.body
        return [item["Report ID"] for item in self.json["items"]]

    @property
    def next(self) -> str | None:
        """The address of the next page."""
        found = _NEXT.fullmatch(self.headers.get("link", ""))
        return found[1] if found else None


def ask(url: str, token: str = "", **query: str | int) -> Reply:
    """One request over a connection of its own.

    Raises:
        OSError: the server is not there, or went away before it had answered.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{url}?{urlencode(query)}" if query else url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return _reply(response.status, response.headers.items(), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return _reply(error.code, error.headers.items(), error.read())
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else error from error


def _reply(status: int, headers: list[tuple[str, str]], body: bytes) -> Reply:
    return Reply(status, {name.lower(): value for name, value in headers}, body)


class Server:
    """A `ringback serve` process. It and its web processes are a process group of their own.

    Args:
        data: the directory of the store.
        arguments: besides `--data` and `--port`.
        port: 0 for a free one.
        env: variables besides those that are set.
        program: what is started, if not the `ringback serve` of this environment.
    """

    def __init__(
        self,
        data: Path,
        *arguments: str | Path,
        port: int = 0,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        program: Sequence[str | Path] = (RINGBACK, "serve"),
    ) -> None:
        self._output = data.with_name(f"{data.name}.out")
        self._errors = data.with_name(f"{data.name}.err")
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*map(str, program), "--data", str(data), "--port", str(port), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                cwd=cwd,
                env=environment(**(env or {})),
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """Its standard output so far."""
        return self._output.read_text()

    @property
    def errors(self) -> str:
        """Its standard error so far."""
        return self._errors.read_text()

    @property
    def address(self) -> str:
        """Scheme, host and port, as it prints them."""
        found = re.search(r"address +(http://\S+)", self.output)
        assert found, self.output
        return found[1]

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.address.rpartition(":")[2])

    def wait_until_ready(self, seconds: float = _READY_SECONDS) -> Server:
        """Return when `/healthz` answers; fail if the server ends, or takes longer than that."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.errors}"
            if "Stop with" in self.output:
                with contextlib.suppress(OSError):
                    if ask(f"{self.address}/healthz").status == 200:
                        return self
            time.sleep(0.05)
        pytest.fail(f"not ready after {seconds} seconds: {self.output}{self.errors}")

    def ask(self, path: str, token: str = "", **query: str | int) -> Reply:
        """One request, by path; see `ask`."""
        return ask(f"{self.address}{path}", token, **query)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop, and return its exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(30)

    def kill(self) -> None:
        """End it at once, with all its web processes; harmless if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def serving(
    data: Path,
    *arguments: str | Path,
    port: int = 0,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    program: Sequence[str | Path] = (RINGBACK, "serve"),
    ready_seconds: float = _READY_SECONDS,
) -> Iterator[Server]:
    """A server that answers; killed at the end if it still runs. See `Server`."""
    server = Server(data, *arguments, port=port, cwd=cwd, env=env, program=program)
    try:
        yield server.wait_until_ready(ready_seconds)
    finally:
        server.kill()
