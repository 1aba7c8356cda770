"""What all tests share: a clean environment, and the files of the repository."""

import os
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Nothing that a developer has set in the shell may change results."""
    for name in [name for name in os.environ if name.startswith("RINGBACK_")]:
        del os.environ[name]
    # No deadline: a busy machine is no failure. In CI always the same examples: what turns red, the change has done.
    # They are half as many there, because the same ones find nothing new the next time.
    in_ci = "CI" in os.environ
    settings.register_profile("ringback", deadline=None, derandomize=in_ci, max_examples=50 if in_ci else 100)
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
