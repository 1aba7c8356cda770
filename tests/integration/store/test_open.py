"""Opening a store: who can read it, what is refused and how, and what a second opening finds."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from factories import ORG, Clock, make_record
from ringback.ledger import SqlLedger
from ringback.store import Store, StoreError
from ringback.store.schema import VERSION
from ringback.store.store import DATABASE_NAME


def mode(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_read_a_store(tmp_path: Path) -> None:
    """The directory, the database and its write-ahead log can be read by their owner only, whatever the umask."""
    directory = tmp_path / "deep" / "store"
    before = os.umask(0)
    try:
        store = Store.open(directory)
        SqlLedger(store, Clock()).append([make_record()])
    finally:
        os.umask(before)
    assert mode(directory) == 0o700
    files = {path.name: mode(path) for path in directory.iterdir()}
    assert files == {DATABASE_NAME + end: 0o600 for end in ("", "-wal", "-shm")}
    store.close()


def test_a_store_is_found_again(tmp_path: Path) -> None:
    """What was stored is there when the store is opened again, also without permission to make one."""
    store = Store.open(tmp_path)
    SqlLedger(store, Clock()).append([make_record("r")])
    store.close()
    again = Store.open(tmp_path, create=False)
    assert [stored.record for stored in SqlLedger(again, Clock()).after(ORG, 0, 10)] == [make_record("r")]
    again.close()


def test_closing_leaves_one_file(tmp_path: Path) -> None:
    """After the last connection is closed the database is one file that can be copied, and `size` is its size."""
    store = Store.open(tmp_path)
    SqlLedger(store, Clock()).append([make_record()])
    assert store.size > (tmp_path / DATABASE_NAME).stat().st_size
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [DATABASE_NAME]
    assert store.size == (tmp_path / DATABASE_NAME).stat().st_size


@pytest.mark.parametrize("there", [True, False], ids=["empty directory", "no directory"])
def test_a_store_is_not_made_unasked(tmp_path: Path, there: bool) -> None:
    """A command that only reads does not make a store where there is none, and says how to get one."""
    directory = tmp_path if there else tmp_path / "store"
    with pytest.raises(StoreError, match=r"no store in .* --data"):
        Store.open(directory, create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/store", "file/full", "file/locked", "file/malformed"])
def test_a_file_is_not_a_directory(tmp_path: Path, place: str) -> None:
    """A file where the directory should be is named as the cause, whatever words are in the path."""
    (tmp_path / "file").write_text("something")
    with pytest.raises(StoreError, match=r"is not a directory\. Name a directory with --data"):
        Store.open(tmp_path / place)


def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    """A database of another program is refused, and nothing is added to it."""
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name)")
    with pytest.raises(StoreError, match="not made by ringback"):
        Store.open(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("recipes",)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file that is no database is not touched, and the message says what to do with it."""
    (tmp_path / DATABASE_NAME).write_bytes(b"call history, but on paper " * 100)
    with pytest.raises(StoreError, match=r"cannot be read .* restore it from a copy"):
        Store.open(tmp_path)
    assert (tmp_path / DATABASE_NAME).read_bytes() == b"call history, but on paper " * 100


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A store that a newer version has changed is refused, because an older one could break it."""
    Store.open(tmp_path).close()
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"schema 9999.* newer ringback"):
        Store.open(tmp_path)


def test_check_tells_a_broken_store(tmp_path: Path) -> None:
    """A check of a store that can no longer be read says so, and one of a sound store says nothing."""
    store = Store.open(tmp_path)
    store.check()
    store.close()
    (tmp_path / DATABASE_NAME).write_bytes(b"overwritten by accident " * 400)
    with pytest.raises(StoreError, match="cannot be read"):
        store.check()
    store.close()


OPEN = """
import sys
from pathlib import Path
from ringback.store import Store, migrate
print("ready", flush=True)
sys.stdin.readline()
Store.open(Path(sys.argv[1])).close()
"""


def test_processes_that_make_a_store_at_once(tmp_path: Path) -> None:
    """Several processes may open a store that is not there yet at the same moment; one makes it, all can use it."""
    for turn in range(2):
        directory = tmp_path / str(turn)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", OPEN, str(directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ends = [process.communicate(timeout=60)[0] for process in processes]
        assert [(process.returncode, end) for process, end in zip(processes, ends, strict=True)] == [(0, "")] * 3
        with contextlib.closing(sqlite3.connect(directory / DATABASE_NAME)) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(VERSION,)]
            assert connection.execute("SELECT id FROM dictionaries").fetchall() == [(1,)]


def test_an_unfinished_start_is_taken_up(tmp_path: Path) -> None:
    """A database file that is empty, because the process that made it was killed, becomes a store."""
    (tmp_path / DATABASE_NAME).touch()
    store = Store.open(tmp_path)
    store.check()
    store.close()


IMPORTS = """
import sys
from pathlib import Path
from ringback.store import Store
Store.open(Path(sys.argv[1])).close()
print([name for name in sys.modules if name.split(".")[0] in ("alembic", "mako")])
"""


def test_opening_an_up_to_date_store_is_quick(tmp_path: Path) -> None:
    """A store that needs no migration is opened without importing Alembic; that keeps commands quick."""
    imported = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", IMPORTS, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
        )
        imported.append(done.stdout.strip())
    assert "alembic" in imported[0]
    assert imported[1] == "[]"
