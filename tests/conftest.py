"""What all tests share: a clean environment, the files of the repository, and a way to start a server."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Nothing that a developer has set in the shell may change results."""
    for name in [name for name in os.environ if name.startswith("RINGBACK_")]:
        del os.environ[name]
    # No deadline: a busy machine is no failure. In CI always the same examples: what turns red, the change has done.
    settings.register_profile("ringback", deadline=None, derandomize="CI" in os.environ)
    settings.load_profile("ringback")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests run last, so that the others tell first what is wrong."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def repository_files() -> Sequence[Path]:
    """Every file of the repository, relative to its root: all but what .gitignore names. It needs no git."""
    ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").splitlines())]

    def kept(names: list[str]) -> list[str]:
        return sorted(name for name in names if not any(fnmatch(name, pattern) for pattern in ignored))

    files: list[Path] = []
    for directory, folders, names in os.walk(ROOT):
        folders[:] = kept(folders)
        files += (Path(directory, name).relative_to(ROOT) for name in kept(names))
    return files


class Serving:
    """A server process, and what it has printed so far."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self._log = log

    @property
    def output(self) -> str:
        """Standard output and standard error together."""
        return self._log.read_text()

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Return when `/healthz` answers 200; fail when the server ends, or is not ready in time."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.output}"
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as response:
                    if response.status == 200:
                        return
            except OSError:
                time.sleep(0.05)
        pytest.fail(f"not ready after {seconds} seconds:\n{self.output}")

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(30)


class Serve(Protocol):
    """Start a server in a directory: the command gets `--host` and `--port` of a free port unless one is given."""

    def __call__(self, *command: str | Path, cwd: Path, port: int | None = None) -> Serving: ...


@pytest.fixture
def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def serve(tmp_path: Path, free_port: int) -> Iterator[Serve]:
    """Starts servers, and ends those that are left."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str | Path, cwd: Path, port: int | None = None) -> Serving:
        port = port or free_port
        log = tmp_path / f"server-{len(started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port)],
                cwd=cwd,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that its worker processes can be ended with it
            )
        started.append(process)
        return Serving(process, port, log)

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
