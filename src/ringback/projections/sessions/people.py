"""The directory: who somebody is, and whose a number is. Learned from records, and given by administrators.

What an administrator gives wins over what records say. Of what records say, the newest name wins; a number that they
give to two users is nobody's, since an extension may exist at two locations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from ringback.projections.sessions.parties import WAYS_OUT
from ringback.records.leg import Leg
from ringback.store.schema import directory, lines, people

_MAX_KEYS = 5000
"""Keys asked for in one statement; databases bound the number of parameters."""


def digits(number: str | None) -> str:
    """A number as the directory keeps it: its digits. An address such as a SIP URI has none of interest."""
    if not number or "@" in number:
        return ""
    return "".join(character for character in number if character.isascii() and character.isdigit())


class Person(msgspec.Struct, frozen=True):
    """A user or a service of an org. `given`: by an administrator."""

    name: str
    email: str = ""
    given: bool = False


class Holder(msgspec.Struct, frozen=True):
    """Whose a number is. Without `user` somebody outside of the org; without `name` as well, it is not known."""

    user: str
    name: str
    given: bool = False


class Line(msgspec.Struct, frozen=True):
    """A line of a phone at a UCM.

    Attributes:
        position: its place on the phone, from 1.
        number: as the UCM has it, which is how clients compare it.
        model: the number that the UCM gives to the model of the phone.
    """

    device: str
    position: int
    number: str
    label: str = ""
    model: int = 0


class Directory:
    """What is known of some people and numbers of one org."""

    def __init__(
        self,
        people: dict[str, Person] | None = None,
        numbers: dict[str, Holder] | None = None,
        lines: dict[str, list[Line]] | None = None,
    ) -> None:
        self.people = people or {}
        self.numbers = numbers or {}
        self._lines = lines or {}

    def person(self, user: str) -> Person | None:
        """What is known of a user or a service."""
        return self.people.get(user)

    def whose(self, number: str) -> Holder | None:
        """Whose a number is, in any spelling."""
        return self.numbers.get(digits(number))

    def lines(self, user: str) -> Sequence[Line]:
        """The UCM lines of a user."""
        return self._lines.get(user, ())


def load(connection: Connection, org: UUID, legs: Iterable[Leg]) -> Directory:
    """What is known of everybody in these legs."""
    users: set[str] = set()
    numbers: set[str] = set()
    for leg in legs:
        users.update(filter(None, (leg.user_id, leg.device_owner_id, leg.redirecting_user_id)))
        numbers.update(map(digits, (leg.user_number, leg.calling_number, leg.called_number)))
    numbers.discard("")
    holders = {
        row.number: Holder(row.user_id, row.name, bool(row.given))
        for row in _rows(connection, directory, directory.c.number, org, numbers)
    }
    users.update(holder.user for holder in holders.values() if holder.user)
    known = {
        row.user_id: Person(row.name, row.email, bool(row.given))
        for row in _rows(connection, people, people.c.user_id, org, users)
    }
    phones: dict[str, list[Line]] = {}
    for row in _rows(connection, lines, lines.c.user_id, org, users):
        phones.setdefault(row.user_id, []).append(_line(row))
    return Directory(known, holders, phones)


def lines_of(connection: Connection, org: UUID, user: str) -> Sequence[Line]:
    """The UCM lines of a user, by device and place."""
    statement = select(lines).where(lines.c.org == org, lines.c.user_id == user)
    return [_line(row) for row in connection.execute(statement.order_by(lines.c.device, lines.c.position))]


def learn(known: Directory, legs: Iterable[Leg]) -> tuple[dict[str, Person], dict[str, Holder]]:
    """Add what these legs tell to what is known.

    Returns:
        what changed: people by id, and holders by number.
    """
    new_people: dict[str, Person] = {}
    new_holders: dict[str, Holder] = {}

    def holds(number: str | None, holder: Holder) -> None:
        key = digits(number)
        before = known.numbers.get(key)
        if not key or (before and (before.given or before == holder)):
            return
        if before and not holder.user and (before.user or not before.name):
            return  # that of a user, or of two: a name that the network shows says less
        if before and holder.user and (before.user or not before.name):
            holder = Holder("", "")
        if holder != before:
            known.numbers[key] = new_holders[key] = holder

    for leg in legs:
        if leg.user_id and leg.user_type not in WAYS_OUT:
            person = Person(leg.user_name or "")
            before = known.people.get(leg.user_id)
            if person.name and (before is None or not (before.given or before.name == person.name)):
                known.people[leg.user_id] = new_people[leg.user_id] = person
            holder = Holder(leg.user_id, "")
            holds(leg.user_number, holder)
            if leg.side == "originating" and not leg.redirecting_user_id and not leg.device_owner_id:
                holds(leg.calling_number, holder)
        if leg.side == "terminating" and leg.call_type == "SIP_INBOUND" and leg.calling_name:
            holds(leg.calling_number, Holder("", leg.calling_name))
    return new_people, new_holders


def keep(connection: Connection, org: UUID, new_people: dict[str, Person], new_holders: dict[str, Holder]) -> None:
    """Write what `learn` found, except over what has been given meanwhile."""
    rows = [
        {"org": org, "user_id": user, "name": person.name, "email": "", "given": 0}
        for user, person in new_people.items()
    ]
    if rows:
        statement = insert(people)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[people.c.org, people.c.user_id],
                set_={"name": statement.excluded.name},
                where=people.c.given == 0,
            ),
            rows,
        )
    rows = [
        {"org": org, "number": number, "user_id": holder.user, "name": holder.name, "given": 0}
        for number, holder in new_holders.items()
    ]
    if rows:
        statement = insert(directory)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[directory.c.org, directory.c.number],
                set_={"user_id": statement.excluded.user_id, "name": statement.excluded.name},
                where=directory.c.given == 0,
            ),
            rows,
        )


def _rows(connection: Connection, table: Any, key: Any, org: UUID, keys: set[str]) -> Iterable[Any]:
    wanted = sorted(keys)
    for begin in range(0, len(wanted), _MAX_KEYS):
        statement = select(table).where(table.c.org == org, key.in_(wanted[begin : begin + _MAX_KEYS]))
        yield from connection.execute(statement)


def _line(row: Any) -> Line:
    return Line(row.device, row.position, row.number, row.label, row.model)
