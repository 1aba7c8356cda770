"""The distributions: what is in them, and that ringback runs from a plain `pip install` of the wheel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from processes import serving

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pythonpath")]

ROOT = Path(__file__).resolve().parents[2]


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
def ringback(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `ringback` command of an environment in which nothing but the wheel was asked for."""
    environment = tmp_path_factory.mktemp("installed")
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", str(wheel)]
    result = subprocess.run(install, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return environment / "bin" / "ringback"


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


def test_installed_command_tells_its_version(ringback: Path, wheel: Path, tmp_path: Path) -> None:
    """`ringback --version` of an installed wheel prints the version of the wheel, wherever it is called."""
    result = subprocess.run([ringback, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert wheel.name.split("-")[1] in result.stdout


def test_installed_command_lists_the_commands(ringback: Path, tmp_path: Path) -> None:
    """`ringback --help` of an installed wheel names the commands."""
    result = subprocess.run([ringback, "--help"], cwd=tmp_path, capture_output=True, text=True)
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
