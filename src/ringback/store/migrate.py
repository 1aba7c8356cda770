"""Bringing a store's schema up to date with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from ringback.store.errors import StoreError

_MIGRATIONS = Path(__file__).parent / "migrations"


def config() -> Config:
    """The Alembic configuration; there is no alembic.ini."""
    settings = Config()
    settings.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return settings


def to_newest(engine: Engine, version: str | None) -> None:
    """Run every migration the store lacks, in one transaction.

    Args:
        version: the schema version found in the store; None for an empty one.

    Raises:
        StoreError: the store was made by a newer version of ringback.
    """
    settings = config()
    known = {script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()}
    if version is not None and version not in known:
        raise StoreError(
            f"The store has schema {version}, which this version of ringback does not know. "
            "It was made by a newer ringback: use that one."
        )
    # The write lock is taken first. A second process waits here, and then finds nothing left to do.
    with engine.connect().execution_options(ringback_write=True) as connection, connection.begin():
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
