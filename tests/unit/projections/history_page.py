"""Reads the examples of `docs/history.md`: tables of records, and the sessions that become of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec

from factories import ORG, make_record
from ringback.projections.sessions.people import Directory, Holder, Person, digits, learn
from ringback.projections.sessions.rows import entry_of, made_of
from ringback.projections.sessions.rules import Session, call_of, sessions_of
from ringback.projections.sessions.wire import user_session
from ringback.records.cdr import CDR
from ringback.records.leg import Leg, leg_of_cdr
from ringback.records.values import read_time, to_wire_time

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "history.md").read_text("utf-8")

Row = dict[str, str]
Wire = dict[str, object]

_DAY = "2026-03-02T"
_TABLE = re.compile(r"^#+ (?P<heading>.+)$|(?P<table>(?:^\|.*\n)+)", re.MULTILINE)
_OUTSIDE = re.compile(r"(\+\d+)(?: \((.+)\))?")
_UUIDS = ("Redirecting party UUID", "Device owner UUID")


class Party(msgspec.Struct, frozen=True):
    """Somebody in the cast of the page."""

    name: str
    user_type: str
    number: str

    @property
    def id(self) -> str:
        """The value of `User UUID`."""
        return str(uuid5(ORG, self.name))


class Example(msgspec.Struct):
    """Records, and the sessions that the page says become of them.

    Attributes:
        heading: of the section that it stands in.
        records: on the wire, in the order of the page.
        given: people, as an administrator gives them.
        sessions: what the page says, a row for each.
        goes_on: the records are those of the example before, and what came later.
    """

    heading: str
    records: list[Wire]
    given: list[Row]
    sessions: list[Row]
    goes_on: bool

    def legs(self) -> list[Leg]:
        """Its records as legs."""
        return [leg_of_wire(record) for record in self.records]

    def made(self) -> dict[str, tuple[UUID, dict[str, Any]]]:
        """What becomes of it, by user and, if a user has several, their number: the session's id and its JSON."""
        legs = self.legs()
        directory = _directory(self.given)
        learn(directory, legs)
        calls: dict[UUID, list[Leg]] = {}
        for leg in legs:
            calls.setdefault(call_of(leg), []).append(leg)
        found = [session for call, its in calls.items() for session in sessions_of(call, its, directory)]
        made: dict[str, tuple[UUID, dict[str, Any]]] = {}
        for session in sorted(found, key=lambda session: session.start_at):
            name = next(name for name, party in CAST.items() if party.id == session.user)
            made[name if name not in made else f"{name} again"] = (session.id, wire_of(session))
        return made


def wire_of(session: Session) -> dict[str, Any]:
    """The session's JSON, after it was a row of the table."""
    row: Any = msgspec.defstruct("Row", [*made_of(session), "id", "read_at", "deleted_at"])(
        **made_of(session), id=session.id, read_at=None, deleted_at=None
    )
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(user_session(entry_of(row))))
    return decoded


def leg_of_wire(values: Mapping[str, object]) -> Leg:
    """The leg of a record."""
    record = make_record(**dict(values))  # type: ignore[arg-type]  # wire keys are not arguments of other types
    return leg_of_cdr(CDR(record.raw), str(record.org), record.record_id)


def shown(session: Mapping[str, Any], path: str) -> str:
    """A value of a session, as the page writes it: times without the day, true, nothing for what is missing."""
    value: Any = session
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else ""
    if path.endswith("Time"):
        return str(value).removeprefix(_DAY).removesuffix(".000Z")
    if path.lower().endswith(".id") or path.endswith("userId"):
        return next((name for name, party in CAST.items() if party.id == value), str(value or ""))
    return "" if value is None else str(value)


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The tables of the page, each under its heading; a table is a list of rows by column."""
    heading = ""
    for found in _TABLE.finditer(PAGE):
        if found["heading"]:
            heading = found["heading"].replace("`", "")
            continue
        head, _, *lines = found["table"].splitlines()
        yield heading, [dict(zip(_cells(head), _cells(line), strict=True)) for line in lines]


def examples() -> list[Example]:
    """All examples, in the order of the page."""
    found: list[Example] = []
    records: dict[str, Wire] = {}
    given: list[Row] = []
    goes_on = False
    for heading, rows in tables():
        first = next(iter(rows[0]))
        if first in ("leg", "later leg"):
            goes_on = first == "later leg"
            if not goes_on:
                records, given = {}, []
            for row in rows:
                record = _record(row, row[first])
                records[str(record["report_id"])] = record
        elif first == "given":
            given = rows
        elif first == "user":
            found.append(Example(heading, list(records.values()), given, rows, goes_on))
    return found


def _cast() -> dict[str, Party]:
    rows = next(rows for _, rows in tables() if "cast" in rows[0])
    return {row["cast"]: Party(row["cast"], row["User type"], row["number"]) for row in rows}


CAST = _cast()
"""Who takes part in the examples, by name."""


def _directory(given: list[Row]) -> Directory:
    people = {CAST[row["given"]].id: Person(row["name"], row.get("email", ""), True) for row in given}
    numbers = {digits(row["number"]): Holder(CAST[row["given"]].id, "", True) for row in given if row["number"]}
    return Directory(people, numbers)


def _ends(cell: str) -> tuple[str, str]:
    """Number and name of a cell that says who calls, or who is called."""
    if party := CAST.get(cell):
        return party.number, party.name
    outside = _OUTSIDE.fullmatch(cell)
    return (outside[1], outside[2] or "NA") if outside else ("" if cell == "withheld" else cell, "NA")


def _time(cell: str) -> datetime:
    return read_time(f"{_DAY}{cell}.000Z")


def _record(row: Row, leg: str) -> Wire:
    party = CAST[row["record of"]]
    (calling, calling_name), (called, called_name) = _ends(row["from"]), _ends(row["to"])
    began, ended = _time(row["start"]), _time(row["end"])
    answered = _time(row["answered"]) if row["answered"] else None
    outside = {"SIP_INBOUND": row["from"] not in CAST, "SIP_NATIONAL": row["to"] not in CAST}
    also: dict[str, str] = {
        key: CAST[value].id if key in _UUIDS else value
        for key, value in (each.strip().split(": ", 1) for each in row["also"].split(";") if each.strip())
    }
    redirecting = next((party.number for party in CAST.values() if party.id == also.get("Redirecting party UUID")), "")
    call = row.get("call", "1")
    return {
        "report_id": f"{call}/{leg}/{row['side']}/{party.name}",
        "start_time": began,
        "report_time": ended,
        "Release time": to_wire_time(ended),
        "Answer time": to_wire_time(answered) if answered else "",
        "Answered": "true" if answered else "false",
        "Answer indicator": "Yes" if answered else "No",
        "Duration": str((ended - answered) // timedelta(seconds=1)) if answered else "0",
        "Ring duration": str(((answered or ended) - began) // timedelta(seconds=1)),
        "Direction": row["side"].upper(),
        "Correlation ID": f"correlation {call}",
        "Network call ID": f"{call}/{leg}",
        "User UUID": party.id,
        "User": party.name,
        "User type": party.user_type,
        "User number": party.number,
        "Calling number": calling,
        "Calling line ID": calling_name,
        "Called number": called,
        "Called line ID": called_name,
        "Redirecting number": redirecting,
        "Call type": next((name for name, is_so in outside.items() if is_so), "SIP_ENTERPRISE"),
        **also,
    }
