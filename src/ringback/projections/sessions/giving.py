"""Keeping what administrators give of people."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Table, case, delete
from sqlalchemy.dialects.sqlite import Insert, insert

from ringback.projections.checkpoints import Checkpoints
from ringback.projections.sessions.people import digits
from ringback.projections.sessions.people_file import Given
from ringback.projections.sessions.projection import SessionsProjection
from ringback.store import Store
from ringback.store.schema import directory, lines, people

_AT_ONCE = 500
"""People in one commit, so that others need not wait long to write."""


def give(store: Store, org: UUID, given: Sequence[Given]) -> None:
    """Keep these people, with just these numbers and lines, and have the sessions of the org made anew with them.

    A name or an address that is empty leaves what is known. People who are not among these stay as they are. If this
    is cut off, doing it again mends it.
    """
    for begin in range(0, len(given), _AT_ONCE):
        with store.write() as connection:
            _give(connection, org, given[begin : begin + _AT_ONCE])
            if begin + _AT_ONCE >= len(given):
                Checkpoints(store, SessionsProjection.name).begin_again(connection, org)


def _give(connection: Connection, org: UUID, given: Sequence[Given]) -> None:
    users = [person.user for person in given]
    theirs = (directory.c.org == org, directory.c.user_id.in_(users), directory.c.given == 1)
    connection.execute(delete(directory).where(*theirs))
    connection.execute(delete(lines).where(lines.c.org == org, lines.c.user_id.in_(users)))
    named = [
        {
            "org": org,
            "user_id": person.user,
            "name": person.name,
            "email": person.email,
            "given": int(bool(person.name)),
        }
        for person in given
    ]
    held = [
        {"org": org, "number": digits(number), "user_id": person.user, "name": "", "given": 1}
        for person in given
        for number in person.numbers
    ]
    phones = [
        {"org": org, "user_id": person.user, **msgspec.structs.asdict(line)}
        for person in given
        for line in person.lines
    ]
    for statement, rows in ((_PEOPLE, named), (_HOLDERS, held), (_LINES, phones)):
        if rows:
            connection.execute(statement, rows)


def _people() -> Insert:
    statement = insert(people)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[people.c.org, people.c.user_id],
        set_={
            "name": case((new.name != "", new.name), else_=people.c.name),
            "email": case((new.email != "", new.email), else_=people.c.email),
            "given": case((new.name != "", 1), else_=people.c.given),
        },
    )


def _upsert(table: Table, *keys: str) -> Insert:
    """Insert rows; one with these keys that is there already is overwritten."""
    statement = insert(table)
    values = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=[table.c[key] for key in keys], set_=values)


_PEOPLE = _people()
_HOLDERS = _upsert(directory, "org", "number")
_LINES = _upsert(lines, "org", "user_id", "device", "position")
