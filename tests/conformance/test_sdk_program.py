"""A program written for `wxc_sdk` runs with `ringback.cdr` after its imports are changed, and says the same."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from conformance.conftest import Cloud
from processes import environment

PROGRAM = Path(__file__).with_name("cdr_program.txt")
IMPORT = re.compile(r"^from wxc_sdk(\.\w+)? import", re.MULTILINE)
OVER_HTTP = """
import runpy, sys, warnings
warnings.simplefilter("ignore")
from wxc_sdk.as_rest import AsRestSession
from wxc_sdk.rest import RestSession

def over_http(follow):
    return lambda self, *, url, **rest: follow(self, url=url.replace("https://", "http://", 1), **rest)

for session in (RestSession, AsRestSession):  # the package writes https into the address
    session.follow_pagination = over_http(session.follow_pagination)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def run(arguments: list[str], cloud: Cloud, host: str) -> list[str]:
    """The lines that the program prints about the busy half of the day."""
    variables = {
        "WEBEX_ACCESS_TOKEN": cloud.free,
        "CDR_HOST": host,
        "CDR_START": (cloud.history.begin + timedelta(hours=7)).isoformat(),
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def theirs(cloud: Cloud) -> list[str]:
    """What the program prints with `wxc_sdk`."""
    return run(["-c", OVER_HTTP, str(PROGRAM)], cloud, cloud.server.address.removeprefix("http://"))


def test_only_the_import_changes(cloud: Cloud, theirs: list[str], tmp_path: Path) -> None:
    """The same program, with nothing but the place its names come from changed, prints the same."""
    written = PROGRAM.read_text("utf-8")
    changed = IMPORT.sub("from ringback.cdr import", written)
    before, after = written.splitlines(), changed.splitlines()
    differing = [line for line, other in zip(before, after, strict=True) if line != other]
    assert len(differing) == 4
    assert all(line.startswith("from wxc_sdk") for line in differing)
    program = tmp_path / "program.py"
    program.write_text(changed, "utf-8")
    assert run([str(program)], cloud, cloud.server.address) == theirs


def test_the_program_does_something(theirs: list[str]) -> None:
    """The program reads hundreds of records of both endpoints, and meets an error, so that it proves something."""
    said = dict(line.split(": ", 1) for line in theirs if re.match(r"(records|stream|refused): ", line))
    assert int(said["records"].split()[0]) > 500, "one page"
    assert int(said["stream"].split()[0]) > 50
    assert said["refused"].startswith("401")
