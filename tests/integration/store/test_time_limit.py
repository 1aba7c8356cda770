"""Reading with a time limit: what takes too long is stopped, and nothing else is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from ringback.store import Store, StoreError, TookTooLong

LIMIT = 0.1
MUCH_LONGER = 20.0
COUNT = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT {} FROM n"
ENDLESS = COUNT.format(10**12, "count(*)")
LONG = COUNT.format(100_000, "count(*)")
"""Long enough to be stopped if its time is over, but it comes to its end."""


@pytest.fixture
def store(directory: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store.open(directory)
    yield opened
    opened.close()


def run(connection: Connection, statement: str) -> int:
    """The one number that a statement gives."""
    number: int = connection.exec_driver_sql(statement).scalar_one()
    return number


def runs_on_all_connections(store: Store) -> None:
    """When every time limit is over, each connection that the store has kept still reads and writes."""
    time.sleep(LIMIT)
    with store.read() as one, store.read() as other:
        assert run(one, LONG) == run(other, LONG) == 100_000
    with store.write() as connection:
        assert run(connection, LONG) == 100_000


def test_what_takes_too_long_is_stopped(store: Store) -> None:
    """A statement without end is stopped soon after the limit, and the error says what to do."""
    began = time.monotonic()
    with pytest.raises(TookTooLong, match=r"more than 0\.1 seconds .* Ask for less"), store.read(time_limit=LIMIT) as c:
        run(c, ENDLESS)
    assert LIMIT <= time.monotonic() - began < MUCH_LONGER
    assert issubclass(TookTooLong, StoreError)


def test_the_connection_is_good_for_the_next_one(store: Store) -> None:
    """After a stop no statement of anybody is limited, and the same statement can be stopped again."""
    for _ in range(3):
        with pytest.raises(TookTooLong), store.read(time_limit=LIMIT) as connection:
            run(connection, ENDLESS)
        runs_on_all_connections(store)


def test_the_limit_ends_with_its_block(store: Store) -> None:
    """Whether the block ends well, with an error of its own or with one of the database: no limit is left behind."""
    with store.read(time_limit=LIMIT) as connection:
        assert run(connection, "SELECT 1") == 1
    runs_on_all_connections(store)
    with pytest.raises(ZeroDivisionError), store.read(time_limit=LIMIT):
        raise ZeroDivisionError
    runs_on_all_connections(store)
    with pytest.raises(StoreError) as error, store.read(time_limit=LIMIT) as connection:
        run(connection, "SELECT nothing FROM nowhere")
    assert not isinstance(error.value, TookTooLong)
    runs_on_all_connections(store)


def test_the_limit_is_for_all_statements_together(store: Store) -> None:
    """Many statements, none of which takes long, are stopped when they do so together."""

    def many(connection: Connection) -> None:
        for _ in range(1000):
            run(connection, COUNT.format(50_000, "count(*)"))

    with pytest.raises(TookTooLong), store.read(time_limit=LIMIT) as connection:
        many(connection)


def test_rows_that_come_one_by_one_are_stopped(store: Store) -> None:
    """The limit also holds while the rows of a statement are fetched."""
    seen: list[int] = []

    def fetch(connection: Connection) -> None:
        rows = connection.execution_options(stream_results=True).exec_driver_sql(COUNT.format(10**12, "i"))
        seen.extend(row.i for row in rows if row.i % 1000 == 0)

    with pytest.raises(TookTooLong), store.read(time_limit=LIMIT) as connection:
        fetch(connection)
    assert seen
    runs_on_all_connections(store)


def test_others_are_not_stopped(store: Store) -> None:
    """While one reader is over its limit, one with more time and one without a limit finish what they do."""
    with store.read() as unlimited, store.read(time_limit=MUCH_LONGER) as patient:
        assert run(unlimited, LONG) == run(patient, LONG) == 100_000
        with pytest.raises(TookTooLong), store.read(time_limit=LIMIT) as connection:
            run(connection, ENDLESS)
        assert run(unlimited, LONG) == run(patient, LONG) == 100_000


def test_within_the_limit_nothing_is_different(store: Store) -> None:
    """What is read in time is what is read without a limit."""
    with store.read(time_limit=MUCH_LONGER) as connection:
        assert run(connection, LONG) == 100_000
