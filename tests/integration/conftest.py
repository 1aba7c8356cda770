"""What tests of rooms together share: a store of their own, and a clock."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from factories import Clock
from ringback.store import Store


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a new store, to be copied: that is faster than making one for each test."""
    directory = tmp_path_factory.mktemp("empty") / "store"
    Store.open(directory).close()
    return directory


@pytest.fixture
def directory(tmp_path: Path, empty_store: Path) -> Path:
    """The directory of an empty store that nobody else uses."""
    return Path(shutil.copytree(empty_store, tmp_path / "store"))


@pytest.fixture
def clock() -> Clock:
    """The clock that stored times come from."""
    return Clock()
