"""`ringback serve` is killed again and again while clients read: they lose no record, and no page goes astray."""

from __future__ import annotations

import contextlib
import http.client
import random
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from processes import (
    ALL_TIME,
    Server,
    ask,
    command,
    current_records,
    environment,
    make_token,
    ringback,
    serving,
    stored_versions,
)

pytestmark = pytest.mark.slow

KILLS = 3


class Reader:
    """A client that reads a window page by page, over and over.

    Attributes:
        shown: the Report IDs of all pages it has got.
    """

    def __init__(self, path: str, token: str, page_size: int) -> None:
        self.shown: set[str] = set()
        self._path = path
        self._token = token
        self._page_size = page_size
        self._walk: list[str] = []
        self._next: str | None = None

    def read_until(self, gone: threading.Event, address: str) -> None:
        """Read until the server is gone; remember how far it came."""
        while not gone.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._read_page(address)

    def finish(self, address: str) -> None:
        """Read the rest of the window that it was in when the server went away."""
        while self._next:
            self._read_page(address)

    def _read_page(self, address: str) -> None:
        if self._next:
            page = ask(self._next, self._token)
        else:
            page = ask(address + self._path, self._token, **ALL_TIME, max=self._page_size)
            self._walk = []
        self._walk += page.ids
        self.shown.update(page.ids)
        last, self._next = self._next, page.next
        if last and not self._next:  # the link said how many records all pages have together
            (total,) = parse_qs(urlsplit(last).query)["totalCount"]
            assert len(self._walk) == len(set(self._walk)) == int(total)


def wait_until_free(port: int) -> None:
    """Wait until nobody listens on a port any more."""
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("web processes go on after the death of the first process")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A file of another organization for each kill."""
    directory = tmp_path_factory.mktemp("files")
    whole = directory / "whole.ndjson"
    ringback("simulate", "--seed", "9", "--days", "1", "--calls-per-day", "1500", "--out", whole).ok()
    lines = whole.read_bytes().splitlines(keepends=True)
    parts = [directory / f"part-{number}.ndjson" for number in range(KILLS)]
    for number, part in enumerate(parts):
        part.write_bytes(b"".join(lines[number::KILLS]))
    return parts


@pytest.mark.parametrize("workers", [1, 2])
def test_serving_survives_being_killed(workers: int, files: list[Path], tmp_path: Path) -> None:
    """Killed while it fills its store, answers clients and another process imports, a server starts again with every
    record that anybody was shown, and the links to next pages that it had given still lead to the rest."""
    rng = random.Random(workers)
    data = tmp_path / "data"
    options = ("--demo", "--workers", str(workers), "--log-level", "warning")

    filling = Server(data, *options)
    time.sleep(rng.uniform(1.0, 3.0))
    filling.kill()

    readers: list[Reader] = []
    seen = port = 0
    for file in files:
        assert stored_versions(data) >= seen
        with serving(data, *options, port=port) as server:
            port = server.port  # links name it
            if not readers:
                org = re.findall(r"org +(\S+)", server.output)[0]
                token = make_token(data, org)
                readers = [Reader("/v1/cdr_feed", token, 300), Reader("/v1/cdr_stream", token, 500)]
            for reader in readers:
                reader.finish(server.address)
            gone = threading.Event()
            threads = [threading.Thread(target=reader.read_until, args=(gone, server.address)) for reader in readers]
            for thread in threads:
                thread.start()
            importing = subprocess.Popen(
                command("import", file, "--data", data), stdout=subprocess.PIPE, env=environment()
            )
            time.sleep(rng.uniform(0.8, 2.0))
            seen = stored_versions(data)
            if workers == 1:
                server.kill()
            else:
                server.process.send_signal(signal.SIGKILL)  # the first process alone; the others must not stay behind
                server.process.wait()
            gone.set()
            for thread in threads:
                thread.join()
            assert b" quarantined" in importing.communicate(timeout=60)[0]
            assert importing.returncode == 0
            wait_until_free(port)

    with serving(data, *options, port=port) as server:
        for reader in readers:
            reader.finish(server.address)
        assert server.stop() == 0
    records = current_records(data)
    for reader in readers:
        assert len(reader.shown) > 1000
        assert reader.shown <= records.keys()
    for file in files:
        assert set(re.findall(r'"Report ID":"([^"]+)"', file.read_text())) <= records.keys()
