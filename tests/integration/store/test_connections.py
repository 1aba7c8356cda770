"""The connections of a store: durable, isolated, and all set up alike."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from ringback.store import Store
from ringback.store.schema import secrets, token_requests

SETTINGS = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL
    "fullfsync": 1,
    "checkpoint_fullfsync": 1,
    "foreign_keys": 1,
    "temp_store": 2,  # memory
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A new store."""
    opened = Store.open(tmp_path)
    yield opened
    opened.close()


def test_every_connection_is_durable(store: Store) -> None:
    """Each of many connections at once has the write-ahead log, syncs every commit, and checks foreign keys."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(store.read()) for _ in range(7)]
        connections.append(stack.enter_context(store.write()))
        for connection in connections:
            found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in SETTINGS}
            assert found == SETTINGS


def test_connections_after_closing_are_durable_too(store: Store) -> None:
    """A store that was closed can be used on, with connections set up as the first ones were."""
    store.close()
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == SETTINGS["synchronous"]


def test_a_write_that_raises_leaves_nothing(store: Store) -> None:
    """If the block of a write raises, nothing of it is stored, and the error comes out as it is."""

    def write_and_fail() -> None:
        with store.write() as connection:
            connection.execute(insert(secrets).values(name="half", value=b""))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with store.read() as connection:
        assert connection.execute(select(secrets)).all() == []


def test_a_read_sees_one_moment(store: Store) -> None:
    """All statements of one read see the store as it was at the first, whatever is committed meanwhile."""
    with store.read() as reading:
        assert reading.execute(select(secrets)).all() == []
        with store.write() as writing:
            writing.execute(insert(secrets).values(name="new", value=b""))
        assert reading.execute(select(secrets)).all() == []
    with store.read() as reading:
        assert len(reading.execute(select(secrets)).all()) == 1


def test_foreign_keys_are_checked(store: Store) -> None:
    """A row that refers to a token which is not there is refused."""
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(insert(token_requests).values(token="nobody", bucket="feed", times="[]"))
