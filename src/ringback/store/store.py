"""Opening a store, and the connections to it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from ringback.store import schema
from ringback.store.compression import RecordCodec, train_dictionary
from ringback.store.errors import StoreError, TookTooLong

DATABASE_NAME = "ringback.db"
_BUSY_SECONDS = 30
_CACHE_KIBIBYTES = 128 * 1024
_CHECKPOINT_PAGES = 8 * 1024
_STEPS_BETWEEN_LOOKS = 100_000
"""Steps of SQLite's virtual machine, some milliseconds of work in memory, after which a time limit is looked at."""


class Store:
    """One store: a directory with an SQLite database, safe to use from many threads and processes at once.

    A commit is durable when it returns (write-ahead log, `synchronous=FULL`). Readers never wait for the writer; there
    is one writer at a time, others wait for it up to 30 seconds.
    """

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine = engine
        self._threads = threading.local()
        self.directory = directory

    @classmethod
    def open(cls, directory: Path, *, create: bool = True) -> Store:
        """Open the store in a directory, bringing its schema up to date.

        Args:
            directory: holds the database; made (readable by its owner only) if it is not there.
            create: False refuses to make a new store.

        Raises:
            StoreError: no store there (with `create=False`), not a directory, no permission, not a store of ringback,
                or one made by a newer version.
        """
        path = directory / DATABASE_NAME
        if not create and not path.exists():
            raise StoreError(
                f"There is no store in {directory}. Name the right directory with --data, "
                "or make a store with 'ringback import' or 'ringback serve'."
            )
        engine = create_engine(
            URL.create("sqlite", database=str(path)),
            connect_args={"timeout": _BUSY_SECONDS},
            hide_parameters=True,  # errors are logged, and calls are private
        )
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            with engine.connect() as connection:
                version = _schema_version(connection)
            if version != schema.VERSION:
                from ringback.store import migrate  # Alembic takes long to import; an up-to-date store needs none of it

                migrate.to_newest(engine, version)
            store = cls(engine, directory)
            store._make_dictionary()
        except (OSError, DatabaseError) as error:
            engine.dispose()
            raise StoreError(_explain(error, directory)) from error
        except BaseException:
            engine.dispose()
            raise
        return store

    @contextlib.contextmanager
    def read(self, *, time_limit: float | None = None) -> Iterator[Connection]:
        """A connection in a read transaction: all its statements see the store as it was at the first.

        Args:
            time_limit: seconds after which a statement is stopped, counted from the beginning of the block. One that
                takes a few milliseconds is never stopped.

        Raises:
            TookTooLong: the time limit is over.
            StoreError: the store cannot be read.
        """
        with self._explained(), self._engine.connect() as connection, connection.begin():
            if time_limit is None:
                yield connection
            else:
                with _limited(connection, time_limit):
                    yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a write transaction, committed at the end; rolled back if the block raises.

        Raises:
            StoreError: no space left, another writer did not finish within 30 seconds, or the database is damaged.
        """
        with self._explained(), self._engine.connect() as connection:
            with connection.execution_options(ringback_write=True).begin():
                yield connection

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # the database refused what our own code should not have tried
        except DatabaseError as error:
            raise StoreError(_explain(error, self.directory)) from error

    @property
    def codec(self) -> RecordCodec:
        """The codec of this store, one for each thread."""
        codec: RecordCodec | None = getattr(self._threads, "codec", None)
        if codec is None:
            with self.read() as connection:
                rows = connection.execute(select(schema.dictionaries.c.id, schema.dictionaries.c.content)).all()
            codec = self._threads.codec = RecordCodec({row.id: row.content for row in rows})
        return codec

    def check(self) -> None:
        """Read something.

        Raises:
            StoreError: the store cannot be read.
        """
        with self.read() as connection:
            connection.execute(select(schema.dictionaries.c.id))

    @property
    def size(self) -> int:
        """Bytes on disk, with the write-ahead log."""
        return sum(path.stat().st_size for path in self.directory.glob(DATABASE_NAME + "*"))

    def close(self) -> None:
        """Close all connections. The last one to close moves the write-ahead log into the database."""
        self._engine.dispose()

    def _make_dictionary(self) -> None:
        with self.read() as connection:
            if connection.execute(select(schema.dictionaries.c.id)).first():
                return
        content = train_dictionary(1)
        with self.write() as connection:  # two processes may both have trained one; the first stays
            connection.execute(insert(schema.dictionaries).values(id=1, content=content).on_conflict_do_nothing())


@contextlib.contextmanager
def _limited(connection: Connection, seconds: float) -> Iterator[None]:
    """Stop what the connection does when the time is over. After the block it is as it was, whatever happened."""
    # Not a timer that calls `interrupt`: that does nothing to a statement which begins a moment later.
    driver: Any = connection.connection.driver_connection
    until = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise TookTooLong(seconds) from error
        raise
    finally:
        driver.set_progress_handler(None, 0)


def _configure(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin, not behind our back
    _use_write_ahead_log(connection)
    for pragma in (
        "synchronous=FULL",
        "fullfsync=ON",
        "checkpoint_fullfsync=ON",
        "foreign_keys=ON",
        f"cache_size=-{_CACHE_KIBIBYTES}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # The one statement for which SQLite does not wait: other processes may be making the same store at this moment.
    give_up = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _begin(connection: Connection) -> None:
    # A writer takes the write lock at once: taking it later, after a read, can fail half way.
    write = connection.get_execution_options().get("ringback_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _schema_version(connection: Connection) -> str | None:
    tables = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if "alembic_version" not in tables:
        if tables:
            raise StoreError("The database there was not made by ringback. Name another directory with --data.")
        return None
    version: Any = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return str(version)


def _explain(error: Exception, directory: Path) -> str:
    cause = error.orig if isinstance(error, DatabaseError) and error.orig else error
    # Of an error of the system, its words alone: a path in it may have any word.
    text = cause.strerror or "" if isinstance(cause, OSError) else str(cause)
    if "locked" in text or "busy" in text:
        return (
            f"The store in {directory} was locked by another writer for more than {_BUSY_SECONDS} seconds. "
            "See which ringback process is writing, and try again when it is done."
        )
    if "full" in text or "No space" in text:
        return f"There is no space left for the store in {directory}. Free some, then do it again: nothing is lost."
    if "not a database" in text or "malformed" in text:
        return (
            f"The database in {directory} cannot be read ({text}). Put it aside and restore it from a copy, "
            "or name another directory with --data."
        )
    if isinstance(cause, (NotADirectoryError, FileExistsError)):
        return f"{directory} is not a directory. Name a directory with --data."
    return f"The store in {directory} cannot be used: {text}. Check the directory and its permissions."
