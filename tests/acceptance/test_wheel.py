"""The distributions: what is in them, and what a `pip install` of the wheel gives, alone and with its extra."""

from __future__ import annotations

import email
import os
import re
import signal
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from factories import wire_record
from processes import ALL_TIME, serving

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pythonpath")]

ROOT = Path(__file__).resolve().parents[2]

IMPORT_THE_SDK = """
import importlib, pkgutil
for room in map(importlib.import_module, ("ringback.cdr", "ringback.history", "ringback.clients", "ringback.records")):
    for module in pkgutil.iter_modules(getattr(room, "__path__", ()), f"{room.__name__}."):
        print(importlib.import_module(module.name).__name__)
"""

READ_WITH_THE_SDK = """
import sys
from ringback.cdr import Options, Pace, Retries, WebexSimpleApi
host, token, start, end = sys.argv[1:]
options = Options(feed_span=None, stream_span=None, retries=Retries(tries=1))
with WebexSimpleApi(tokens=token, pace=Pace.unlimited(), options=options) as api:
    for cdr in api.cdr.get_cdr_history(start, end, host=host):
        print(cdr.report_id)
"""

START_WITHOUT_A_MODULE = """
import sys
from ringback.__main__ import main
sys.modules[sys.argv.pop(1)] = None  # as if it were not there
main()
"""


@pytest.fixture(scope="module")
def no_pythonpath() -> None:
    """A PYTHONPATH that leads to the source tree would make an incomplete wheel look complete."""
    os.environ.pop("PYTHONPATH", None)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and with the wheel that was built from it."""
    directory = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), str(ROOT)]
    result = subprocess.run(build, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return directory


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The wheel."""
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def sdk(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment in which nothing but the wheel was asked for."""
    return install(str(wheel), tmp_path_factory.mktemp("sdk"))


@pytest.fixture(scope="module")
def ringback(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `ringback` command of an environment in which the wheel with its extra `server` was asked for."""
    return install(f"{wheel}[server]", tmp_path_factory.mktemp("server")) / "ringback"


def install(requirement: str, environment: Path) -> Path:
    """Makes an environment with what pip installs for a requirement, and gives its bin directory."""
    venv.create(environment, symlinks=True)
    programs = environment / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet", requirement]
    result = subprocess.run(pip, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return programs


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def python(programs: Path, code: str, *arguments: str, cwd: Path) -> list[str]:
    """The lines that a Python program prints in an environment. A warning is an error."""
    result = run(programs / "python", "-W", "error", "-c", code, *arguments, cwd=cwd)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_wheel_has_everything_the_package_needs(wheel: Path, repository_files: Sequence[Path]) -> None:
    """The wheel has every file of src, so also the type marker and the migrations, and the licence."""
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {path.relative_to("src").as_posix() for path in repository_files if path.parts[0] == "src"}
    assert "ringback/py.typed" in package
    assert any(name.startswith("ringback/store/migrations/versions/") for name in package)
    assert package - names == set()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_sdist_has_what_a_packager_needs(dist: Path) -> None:
    """The sdist has sources, tests, scripts, docs and the licence."""
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"LICENSE", "README.md", "pyproject.toml", "script/test", "src/ringback/py.typed", "tests/conftest.py"}
    assert needed - names == set()


# The wheel alone


def test_wheel_alone_brings_nothing_of_the_server(sdk: Path, wheel: Path, tmp_path: Path) -> None:
    """None of the packages that the extra `server` asks for comes with the wheel alone."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        required = email.message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])
    extra = {normal(text) for text in required if "extra == 'server'" in text}
    listing = "import importlib.metadata as m; print(*(d.name for d in m.distributions()), sep='\\n')"
    installed = {normal(name) for name in python(sdk, listing, cwd=tmp_path)}
    assert {"litestar", "sqlalchemy", "typer"} <= extra
    assert "ringback" in installed
    assert extra & installed == set()


def normal(requirement: str) -> str:
    """The name of a requirement, as it is compared."""
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


def test_wheel_alone_imports_the_sdk(sdk: Path, tmp_path: Path) -> None:
    """Every module of the SDK can be imported where only the wheel is installed."""
    assert {"ringback.clients.api", "ringback.records.cdr"} <= set(python(sdk, IMPORT_THE_SDK, cwd=tmp_path))


def test_wheel_alone_reads_records(sdk: Path, ringback: Path, tmp_path: Path) -> None:
    """The SDK of the wheel alone reads the records that a server from the wheel with its extra has."""
    file, data = tmp_path / "two.ndjson", tmp_path / "data"
    file.write_bytes(b"\n".join(wire_record(report_id) for report_id in ("first", "second")))
    imported = run(ringback, "import", file, "--data", data, cwd=tmp_path)
    assert imported.returncode == 0, imported.stderr
    created = run(ringback, "token", "create", "--limits", "none", "--data", data, cwd=tmp_path)
    assert created.returncode == 0, created.stderr
    with serving(data, cwd=tmp_path, program=(ringback, "serve")) as server:
        arguments = (server.address, created.stdout.strip(), *ALL_TIME.values())
        assert sorted(python(sdk, READ_WITH_THE_SDK, *arguments, cwd=tmp_path)) == ["first", "second"]


@pytest.mark.parametrize("words", [("ringback", "--version"), ("ringback", "serve"), ("python", "-m", "ringback")])
def test_wheel_alone_says_what_the_command_needs(sdk: Path, words: Sequence[str], tmp_path: Path) -> None:
    """Where only the wheel is installed, the command ends with exit code 1 and one line that says what to install."""
    result = run(sdk / words[0], *words[1:], cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert "pip install 'ringback[server]'" in line


# The wheel with its extra


@pytest.mark.parametrize("module", ["ringback.store", "sqlite3"])
def test_broken_installation_is_not_taken_for_a_missing_extra(ringback: Path, module: str, tmp_path: Path) -> None:
    """When a part of ringback or of Python itself is missing, the error tells that, and not to install the extra."""
    result = run(ringback.with_name("python"), "-c", START_WITHOUT_A_MODULE, module, cwd=tmp_path)
    assert result.returncode == 1
    assert f"ModuleNotFoundError: import of {module} halted" in result.stderr
    assert "pip install" not in result.stderr


def test_package_runs_as_a_module(ringback: Path, tmp_path: Path) -> None:
    """`python -m ringback` does what `ringback` does."""
    result = run(ringback.with_name("python"), "-m", "ringback", "--version", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == run(ringback, "--version", cwd=tmp_path).stdout


def test_installed_command_tells_its_version(ringback: Path, wheel: Path, tmp_path: Path) -> None:
    """`ringback --version` of an installed wheel prints the version of the wheel, wherever it is called."""
    result = run(ringback, "--version", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert wheel.name.split("-")[1] in result.stdout


def test_installed_command_lists_the_commands(ringback: Path, tmp_path: Path) -> None:
    """`ringback --help` of an installed wheel names the commands."""
    result = run(ringback, "--help", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert {"serve", "import", "export", "simulate", "token", "status"} <= set(result.stdout.split())


@pytest.mark.parametrize(("stop", "workers"), [(signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGTERM, 2)])
def test_installed_server_starts_and_stops_when_told(
    ringback: Path, tmp_path: Path, stop: signal.Signals, workers: int
) -> None:
    """A server from an installed wheel makes its store, gets ready, and ends with exit code 0 when it is told to."""
    program = (ringback, "serve")
    with serving(tmp_path / "data", "--workers", str(workers), cwd=tmp_path, program=program) as server:
        assert server.stop(stop) == 0, server.errors
    assert any((tmp_path / "data").iterdir())
