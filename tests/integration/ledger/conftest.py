"""The ledgers that the contract is tested on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factories import Clock
from ringback.ledger import Ledger, MemoryLedger, SqlLedger
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
def store(directory: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store.open(directory)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    """The clock of `ledger` and `sql_ledger`."""
    return Clock()


@pytest.fixture
def sql_ledger(store: Store, clock: Clock) -> SqlLedger:
    """An empty ledger in a store."""
    return SqlLedger(store, clock)


@pytest.fixture(params=["memory", "sql"])
def ledger(request: pytest.FixtureRequest, clock: Clock) -> Ledger:
    """An empty ledger of each kind in turn; whatever a test proves of it, the contract promises."""
    made: dict[str, Callable[[], Ledger]] = {
        "memory": lambda: MemoryLedger(clock),
        "sql": lambda: SqlLedger(request.getfixturevalue("store"), clock),
    }
    return made[request.param]()
