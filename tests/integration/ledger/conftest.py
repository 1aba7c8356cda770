"""The ledgers that the contract is tested on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factories import Clock
from ringback.ledger import Ledger, MemoryLedger, SqlLedger
from ringback.store import Store


@pytest.fixture
def store(directory: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store.open(directory)
    yield opened
    opened.close()


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
