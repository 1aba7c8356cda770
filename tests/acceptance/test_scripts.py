"""The front door: what a person does first, in a fresh copy of the repository on a machine that has only Python."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from processes import Server, serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 240  # usually 20; a slow network is no failure


def copy(files: Sequence[Path], to: Path) -> Path:
    """Copies files of the repository, with their run bits."""
    for path in files:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, to / path)
    return to


@pytest.fixture(scope="module")
def checkout(repository_files: Sequence[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, in a folder with a space in its name. The first test that starts it installs it."""
    return copy(repository_files, tmp_path_factory.mktemp("fresh clone"))


def bootstrap(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run script/bootstrap with these environment variables besides those that are set."""
    command = [str(checkout / "script" / "bootstrap"), "run"]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, timeout=READY_SECONDS)


def curl_line(output: str) -> str:
    """The command that the demo prints to try it out, with its continuation lines."""
    lines = iter(output.splitlines())
    command = next(line.strip() for line in lines if line.lstrip().startswith("curl "))
    while command.endswith("\\"):
        command += "\n" + next(lines).strip()
    return command


def answer(command: str) -> Any:
    """What the server answers to the curl line. Where there is no curl, the same request is made without it."""
    if shutil.which("curl"):
        result = subprocess.run(command, shell=True, capture_output=True, check=True)  # noqa: S602  it is a shell line
        return json.loads(result.stdout.rpartition(b"\r\n\r\n")[2])  # the line may ask for the headers too
    words = shlex.split(command.replace("\\\n", ""))
    (url,) = (word for word in words if word.startswith("http"))
    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word in ("-H", "--header"))
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
        return json.load(response)


def test_the_server_script_is_all_that_is_needed(checkout: Path, tmp_path: Path) -> None:
    """In a fresh copy, `script/server` installs, starts, and prints an address, a token and a curl line that works."""
    script = [checkout / "script" / "server"]
    with serving(tmp_path / "history", cwd=tmp_path, program=script, ready_seconds=READY_SECONDS) as demo:
        command = curl_line(demo.output)
        assert "Authorization: Bearer " in command
        assert answer(command)["items"]
        assert demo.stop() == 0, demo.errors


def test_bootstrap_only_looks_when_nothing_changed(checkout: Path) -> None:
    """The second `script/bootstrap` says nothing and touches nothing."""
    assert bootstrap(checkout).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in (checkout / ".venv").iterdir()}
    result = bootstrap(checkout)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert {path: path.stat().st_mtime_ns for path in (checkout / ".venv").iterdir()} == before


def test_a_port_in_use_is_said_plainly(checkout: Path, tmp_path: Path) -> None:
    """When another program has the port, the message names it and how to take another one."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = Server(tmp_path / "data", port=port, program=[checkout / "script" / "server"])
        assert server.process.wait(READY_SECONDS) != 0
    assert str(port) in server.errors
    assert "in use" in server.errors
    assert "--port" in server.errors
    assert "Traceback" not in server.errors


def test_bootstrap_repairs_what_was_interrupted(repository_files: Sequence[Path], tmp_path: Path) -> None:
    """A bootstrap that was killed half way is made good by the next, even by two at the same time."""
    checkout = copy(repository_files, tmp_path / "checkout")
    command = [str(checkout / "script" / "bootstrap"), "run"]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    while not (checkout / ".venv" / "bin" / "python").exists():
        assert first.poll() is None
        time.sleep(0.01)
    os.killpg(first.pid, 9)
    first.wait()
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    messages = [process.communicate(timeout=READY_SECONDS)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], messages
    assert sum("Installing" in message for message in messages) == 1, messages
    subprocess.run([checkout / ".venv" / "bin" / "python", "-I", "-c", "import ringback"], check=True)


def test_bootstrap_without_python_says_what_to_install(tmp_path: Path) -> None:
    """On a machine without Python the message names the version that is needed and how to get it."""
    fresh = copy([Path("script/bootstrap")], tmp_path)
    for tool in ("sh", "dirname", "cat", "cmp"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    result = bootstrap(fresh, PATH=str(tmp_path), PYTHON="")
    assert result.returncode == 1
    assert "Python 3.11 or later" in result.stderr
    assert "apt install" in result.stderr


def test_bootstrap_without_network_says_what_to_check(repository_files: Sequence[Path], tmp_path: Path) -> None:
    """When pip cannot reach its index, the message says so, and names the settings for a proxy and another index."""
    checkout = copy(repository_files, tmp_path / "checkout")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}
    alone = {"PIP_CONFIG_FILE": os.devnull, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PYTHON": sys.executable}
    result = bootstrap(checkout, **nowhere, **alone)
    assert result.returncode == 1
    assert "cannot reach its package index" in result.stderr
    assert "HTTPS_PROXY" in result.stderr
    assert "PIP_INDEX_URL" in result.stderr
