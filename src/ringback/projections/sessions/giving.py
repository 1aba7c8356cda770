"""Keeping what administrators give of people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.sqlite import insert

from ringback.projections.checkpoints import Checkpoints
from ringback.projections.sessions.people import digits
from ringback.projections.sessions.people_file import Given
from ringback.projections.sessions.projection import SessionsProjection
from ringback.store import Store
from ringback.store.schema import directory, lines, people


def give(store: Store, org: UUID, given: Sequence[Given]) -> None:
    """Keep these people, with just these numbers and lines, and have the sessions of the org made anew with them.

    People who were given before and are not among these stay as they are.
    """
    with store.write() as connection:
        for person in given:
            _give(connection, org, person)
        Checkpoints(store, SessionsProjection.name).begin_again(connection, org)


def _give(connection: Connection, org: UUID, person: Given) -> None:
    user: dict[str, Any] = {"org": org, "user_id": person.user}
    statement = insert(people)
    connection.execute(
        statement.values(**user, name=person.name, email=person.email, given=1).on_conflict_do_update(
            index_elements=[people.c.org, people.c.user_id],
            set_={"name": person.name, "email": person.email, "given": 1},
        )
    )
    for table, theirs in ((directory, directory.c.given == 1), (lines, lines.c.user_id == person.user)):
        connection.execute(delete(table).where(table.c.org == org, table.c.user_id == person.user, theirs))
    for number in person.numbers:
        holder = {"user_id": person.user, "name": "", "given": 1}
        connection.execute(
            insert(directory)
            .values(org=org, number=digits(number), **holder)
            .on_conflict_do_update(index_elements=[directory.c.org, directory.c.number], set_=holder)
        )
    for line in person.lines:
        values = {"number": line.number, "label": line.label, "model": line.model}
        connection.execute(
            insert(lines)
            .values(**user, device=line.device, position=line.position, **values)
            .on_conflict_do_update(
                index_elements=[lines.c.org, lines.c.user_id, lines.c.device, lines.c.position], set_=values
            )
        )
