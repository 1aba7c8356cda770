"""The tables: migrations make what the code expects, and the rules hold that let them be distributed by org."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, UniqueConstraint, create_engine

from ringback.store import Store, migrate, schema
from ringback.store.store import DATABASE_NAME


@pytest.fixture
def migrated(tmp_path: Path) -> Iterator[Connection]:
    """A connection to a store that the migrations have made."""
    store = Store.open(tmp_path)
    with store.read() as connection:
        yield connection
    store.close()


def test_migrations_make_the_schema(migrated: Connection) -> None:
    """A store made by the migrations has exactly the tables, columns, types, keys and indexes of the code."""
    context = MigrationContext.configure(migrated, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, schema.metadata) == []


def schema_of(connection: Connection) -> dict[str, str]:
    """The definition of every table and index, without differences of spelling that mean nothing."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {name: " ".join(sql.replace('"', "").split()) for name, sql in rows if name != "alembic_version"}


def test_migrations_make_the_same_statements(migrated: Connection) -> None:
    """Also what Alembic does not compare is the same, such as the condition of a partial index."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        schema.metadata.create_all(connection)
        declared = schema_of(connection)
    engine.dispose()
    assert schema_of(migrated) == declared
    assert f"WHERE superseded_by = {schema.CURRENT}" in declared["records_current"]
    assert f"WHERE superseded_by != {schema.CURRENT}" in declared["records_superseded"]


def test_version_is_the_newest_migration() -> None:
    """The version that the code takes for up to date is that of the last migration, and there is one line of them."""
    assert ScriptDirectory.from_config(migrate.config()).get_heads() == [schema.VERSION]


def test_migrations_can_be_taken_back(tmp_path: Path) -> None:
    """Going down to nothing and up again gives the same store."""
    engine = create_engine(f"sqlite:///{tmp_path / 'up-and-down.db'}")
    with engine.begin() as connection:
        settings = migrate.config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
        first = schema_of(connection)
        command.downgrade(settings, "base")
        assert schema_of(connection) == {}
        command.upgrade(settings, "head")
        assert schema_of(connection) == first
    engine.dispose()


def test_a_failing_migration_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If making the tables fails half way, none of them is there, and the next opening makes them all."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("stopped half way")

    with monkeypatch.context() as patched:
        patched.setattr("alembic.op.create_index", fail)
        with pytest.raises(RuntimeError, match="stopped half way"):
            Store.open(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == []
    Store.open(tmp_path).close()


# Rules of a database that is distributed by org (Citus): its unique keys can only be checked within one org, and only
# tables with an org can be distributed. The other tables are copied to every node, which suits small ones that change
# little. Tokens and accounts are among these although each has an org: a request is known by its token, a login by its
# name, and the org from that.
COPIED_EVERYWHERE = {"accounts", "dictionaries", "projections", "secrets", "tokens", "token_requests"}
DISTRIBUTED = [table for name, table in schema.metadata.tables.items() if name not in COPIED_EVERYWHERE]


@pytest.mark.parametrize("table", DISTRIBUTED, ids=lambda table: str(table.name))
def test_every_unique_key_has_the_org(table: Table) -> None:
    """In a table of an org's own data the org is in the primary key, every unique constraint and every index."""
    keys = [
        table.primary_key.columns,
        *(constraint.columns for constraint in table.constraints if isinstance(constraint, UniqueConstraint)),
        *(index.columns for index in table.indexes),
    ]
    assert all("org" in columns for columns in keys)
    assert not table.c.org.nullable
    assert isinstance(table.c.org.type, schema.OrgId)


@pytest.mark.parametrize("table", DISTRIBUTED, ids=lambda table: str(table.name))
def test_no_number_comes_from_the_database(table: Table) -> None:
    """No column counts by itself: a database's own sequences are not in commit order, and differ between nodes."""
    assert [column.name for column in table.columns if column.autoincrement is True or column.server_default] == []
    assert table.autoincrement_column is None


def test_tables_copied_everywhere_refer_to_no_other(migrated: Connection) -> None:
    """Foreign keys join tables of one kind only, those that are copied, for no other could be checked on one node."""
    joined = {
        (table.name, key.column.table.name) for table in schema.metadata.tables.values() for key in table.foreign_keys
    }
    assert joined == {("token_requests", "tokens")}
