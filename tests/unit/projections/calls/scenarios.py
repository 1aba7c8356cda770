"""Reads `tests/scenarios`: records, and the calls that they must become. The README there says how one is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid5

import msgspec

from factories import NOON, ORG, make_record
from ringback.projections.calls.links import Links, components, links_of, unresolved
from ringback.projections.calls.story.model import Party, Story
from ringback.projections.calls.story.rules import story_of
from ringback.records.decode import Record
from ringback.records.kinds import decode_any, legs_of
from ringback.records.leg import Leg
from ringback.records.values import to_milliseconds, to_wire_time

FOLDER = Path(__file__).resolve().parents[3] / "scenarios"
FILES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")

Row = dict[str, str]

_TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
_FACT = re.compile(r"^ {4}(\w+): (.*)$", re.MULTILINE)
_MOMENT = re.compile(r"(?:(\d+)d )?(\d+(?:\.\d+)?)")
_OUTSIDE = re.compile(r"(\+\d+|\S+@\S+)(?: \((.+)\))?")
_UUIDS = ("Device owner UUID",)
_OF_A_WEBEX_RECORD = frozenset(
    ("record", "leg", "of", "side", "from", "to", "by", "why", "start", "answered", "left", "end", "also")
)
_TIMES = ("started_at", "rang_at", "answered_at", "ended_at")
_DOMAIN = "pbx.example.com"


class Member(msgspec.Struct, frozen=True):
    """One of the cast."""

    name: str
    user_type: str
    number: str

    @property
    def id(self) -> str:
        """The value of `User UUID`."""
        return str(uuid5(ORG, self.name))


class Call(msgspec.Struct, frozen=True):
    """A call as a scenario has it: its facts, and its timeline, if that is there."""

    facts: Row
    timeline: list[Row] | None

    @property
    def records(self) -> list[str]:
        """Ids of its records; none if they are all of the scenario."""
        return [each.strip() for each in self.facts.get("records", "").split(",") if each.strip()]


class Scenario(msgspec.Struct, frozen=True):
    """Records, each with its legs, and the calls that they must become."""

    legs: dict[str, list[Leg]]
    calls: list[Call]

    def links(self) -> dict[str, Links]:
        """What joins the records, by record id."""
        found = {}
        for record, legs in self.legs.items():
            start = min(leg.start_time for leg in legs if leg.start_time)
            found[record] = links_of(legs, to_milliseconds(start))
        return found

    def stories(self) -> list[Story]:
        """The story of each call that the records become, in order of start."""
        links = self.links()
        stories = []
        for records in components(links):
            pending = unresolved({record: links[record] for record in records})
            legs = [leg for record in records for leg in self.legs[record]]
            stories.append(story_of(legs, len(pending)))
        return sorted(stories, key=lambda story: (story.start, story.report_ids))


def read(path: Path) -> Scenario:
    """The scenario in a file."""
    before, *sections = path.read_text("utf-8").split("\n## Call\n")
    records = [record for rows in tables(before) for record in _records(rows)]
    calls = []
    for section in sections:
        timeline = next(tables(section), None)
        calls.append(Call(dict(_FACT.findall(section)), timeline))
    return Scenario({record.record_id: legs_of(record) for record in records}, calls)


def tables(text: str) -> Iterator[list[Row]]:
    """The tables of a Markdown text, each as its rows by column."""
    for table in _TABLE.findall(text):
        header, _, *rows = [
            [cell.strip().replace("`", "") for cell in line.strip("|\n").split("|")] for line in table.splitlines()
        ]
        yield [dict(zip(header, row, strict=True)) for row in rows]


def _cast() -> dict[str, Member]:
    (rows,) = (rows for rows in tables((FOLDER / "README.md").read_text("utf-8")) if "cast" in rows[0])
    return {row["cast"]: Member(row["cast"], row["User type"], row["number"]) for row in rows}


CAST = _cast()
"""Who takes part in the scenarios of Webex, by name."""


def told(story: Story, name: str) -> str:
    """A fact of a story, as a scenario writes it."""
    value = getattr(story, name)
    if name == "participants":
        return ", ".join(f"{_shown(each)} {each.result}" for each in story.participants)
    if name in ("first_caller", "final_party"):
        return "nobody" if value is None else _shown(value)
    return str(value)


def timeline(story: Story) -> list[Row]:
    """The timeline, as a scenario writes it."""
    return [
        {
            "at": f"{(step.at - to_milliseconds(NOON)) / 1000:g}",
            "what": step.what,
            "who": step.who,
            "to": step.to,
            "seconds": str(step.seconds or ""),
        }
        for step in story.timeline
    ]


def _shown(party: Party) -> str:
    return party.name or party.number or "withheld"


def _records(rows: Sequence[Row]) -> Iterable[Record]:
    if "record" in rows[0]:
        return [_webex(row) for row in rows]
    return [_portsip(row) for row in rows]


def _moment(cell: str) -> datetime | None:
    if not cell:
        return None
    found = _MOMENT.fullmatch(cell)
    assert found, f"no time: {cell}"
    return NOON + timedelta(days=int(found[1] or 0), seconds=float(found[2]))


def _end(cell: str) -> tuple[str, str]:
    """Number and name of who calls or is called."""
    if member := CAST.get(cell):
        return member.number, member.name
    found = _OUTSIDE.fullmatch(cell)
    assert found or cell in ("withheld", ""), f"neither of the cast nor a number: {cell}"
    return (found[1], found[2] or "NA") if found else ("", "NA")


def _webex(row: Row) -> Record:
    member = CAST[row["of"]]
    (calling, calling_name), (called, called_name) = _end(row.get("from", "")), _end(row.get("to", ""))
    start, answered, end = (_moment(row.get(name, "")) for name in ("start", "answered", "end"))
    assert end is not None
    start = start or NOON
    left = _moment(row.get("left", ""))
    by = CAST.get(row.get("by", ""))
    call_type = "SIP_NATIONAL" if row["to"] not in CAST else "SIP_ENTERPRISE"
    if row["from"] not in CAST and by is None:
        call_type = "SIP_INBOUND"
    wire: dict[str, object] = {
        "Release time": to_wire_time(end),
        "Answer time": to_wire_time(answered) if answered else "",
        "Call transfer time": to_wire_time(left) if left else "",
        "Answered": "true" if answered else "false",
        "Answer indicator": "Yes" if answered else "No",
        "Duration": (end - answered) // timedelta(seconds=1) if answered else 0,
        "Ring duration": str(((answered or end) - start) // timedelta(seconds=1)),
        "Direction": {"out": "ORIGINATING", "in": "TERMINATING"}[row["side"]],
        "Correlation ID": "correlation",
        "Network call ID": f"network {row['leg']}" if row.get("leg") else "",
        "User": member.name,
        "User UUID": member.id,
        "User number": member.number,
        "User type": member.user_type,
        "Calling number": calling,
        "Calling line ID": calling_name,
        "Called number": called,
        "Called line ID": called_name,
        "Call type": call_type,
        "Redirecting party UUID": by.id if by else "",
        "Redirecting number": by.number if by else "",
        "Redirect reason": row.get("why", ""),
    }
    wire |= {key: value for key, value in row.items() if key not in _OF_A_WEBEX_RECORD}
    for each in filter(None, row.get("also", "").split(";")):
        key, value = each.strip().split(": ", 1)
        wire[key] = CAST[value].id if key in _UUIDS else value
    return make_record(row["record"], start_time=start, report_time=end, **wire)  # type: ignore[arg-type]


def _portsip(row: Row) -> Record:
    times = {key: to_wire_time(moment) for key in _TIMES if (moment := _moment(row.get(key, "")))}
    values = {key: value for key, value in row.items() if key != "call log" and key not in _TIMES}
    domains = {"caller_domain": _DOMAIN, "callee_domain": _DOMAIN}
    log = {"id": row["call log"], "session_id": "session", **domains, **values, **times}
    return decode_any(msgspec.json.encode(log), ORG).record
