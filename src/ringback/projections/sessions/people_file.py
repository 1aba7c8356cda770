"""A list of people that an administrator gives: a CSV file with a row for each person, or for each UCM line of one.

`docs/people.md` describes the columns.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from ringback.projections.sessions.people import Line, digits
from ringback.records.values import user_key

COLUMNS = (
    *("user_id", "name", "email", "number", "extension"),
    *("ucm_number", "ucm_position", "ucm_device", "ucm_model", "ucm_label"),
)
_MAX_TEXT = 256
_TOO_MANY = ""  # the name of no column


class BadPeople(Exception):
    """The file is no list of people; the message says why."""


class Given(msgspec.Struct):
    """A person as the file gives it."""

    user: str
    name: str = ""
    email: str = ""
    numbers: list[str] = []
    lines: list[Line] = []


class BadRow(msgspec.Struct, frozen=True):
    """A row that cannot be used: its line in the file, and why."""

    line: int
    reason: str


def read_people(lines: Iterable[str]) -> tuple[list[Given], list[BadRow]]:
    """The people of a file, and the rows that could not be used.

    Raises:
        BadPeople: the file has no header with `user_id`, or is no CSV.
    """
    people: dict[str, Given] = {}
    holders: dict[str, str] = {}
    bad: list[BadRow] = []
    for number, row in _rows(lines):
        try:
            _add(people, holders, row)
        except ValueError as error:
            bad.append(BadRow(number, str(error)))
    return list(people.values()), bad


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    table = csv.reader(lines, strict=True)
    try:
        header = [name.strip().casefold() for name in next(table, [])]
        if "user_id" not in header:
            raise BadPeople(f"The first line must name the columns, user_id among them. Known: {', '.join(COLUMNS)}.")
        if unknown := [name for name in header if name not in COLUMNS]:
            raise BadPeople(f"Unknown column {unknown[0]!r}. Known: {', '.join(COLUMNS)}.")
        if twice := [name for name in header if header.count(name) > 1]:
            raise BadPeople(f"The column {twice[0]!r} is there twice.")
        for cells in table:
            if any(cell.strip() for cell in cells):
                row = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
                yield table.line_num, row | ({_TOO_MANY: ""} if len(cells) > len(header) else {})
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadPeople(f"This is no CSV file in UTF-8: {error}, near line {table.line_num}.") from error


def _add(people: dict[str, Given], holders: dict[str, str], row: Mapping[str, str]) -> None:
    if _TOO_MANY in row:
        raise ValueError("it has more cells than there are columns; a text with a comma in it needs quotes around it")
    user = user_key(row.get("user_id", ""))
    if not user:
        raise ValueError("user_id is empty")
    for name, text in row.items():
        if len(text) > _MAX_TEXT:
            raise ValueError(f"{name} has more than {_MAX_TEXT} characters")
    numbers = [row[name] for name in ("number", "extension") if row.get(name)]
    for number in numbers:
        if not digits(number):
            raise ValueError(f"{number!r} is no number")
        if holders.get(digits(number), user) != user:
            raise ValueError(f"{number} is already that of {holders[digits(number)]}")
    line = _line(row)
    person = people.setdefault(user, Given(user))
    person.name = row.get("name") or person.name
    person.email = row.get("email") or person.email
    for number in numbers:
        if digits(number) not in holders:
            holders[digits(number)] = user
            person.numbers.append(number)
    if line is not None:
        person.lines.append(line)


def _line(row: Mapping[str, str]) -> Line | None:
    number = row.get("ucm_number")
    if not number:
        return None
    values = {"ucm_position": "1", "ucm_model": "0"}
    for name, default in values.items():
        values[name] = row.get(name) or default
        if not (values[name].isascii() and values[name].isdigit() and len(values[name]) < 6):
            raise ValueError(f"{name} is {values[name]!r}, but must be a whole number")
    return Line(
        device=row.get("ucm_device", ""),
        position=int(values["ucm_position"]),
        number=number,
        label=row.get("ucm_label", ""),
        model=int(values["ucm_model"]),
    )
