"""Whole calls that are put into a store as they are, for those who only read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert

from factories import NOON, ORG
from ringback.projections.calls.correlator import call_id
from ringback.projections.calls.query import WholeCall
from ringback.projections.calls.rows import CallRow, decode_kept, row_of
from ringback.projections.calls.story.model import Party, Story
from ringback.projections.numbers import Numbers
from ringback.records.leg import Leg
from ringback.records.values import to_milliseconds
from ringback.store import Store
from ringback.store.schema import call_legs, call_terms, calls

BEGIN = to_milliseconds(NOON)
"""When a call starts that starts at 0."""


def call_row(
    record: str, start: int = 0, legs: Sequence[Mapping[str, Any]] = (), org: UUID = ORG, **values: Any
) -> CallRow:
    """The row of a call of one record that starts so many milliseconds after noon.

    Args:
        legs: values of its legs, which decide the terms it is found by.
        values: of its story, if not those of an answered call from outside.
    """
    given: dict[str, Any] = {
        "direction": "inbound",
        "first_caller": Party(),
        "dialed": "",
        "final_party": None,
        "answered_by_person": True,
        "outcome": "answered",
        "talk_seconds": 60,
        "ring_seconds": 4,
        "hold_seconds": 0,
        "queue_seconds": 0,
        "pending_links": 0,
        "participants": (),
        "timeline": (),
        "sentence": "",
        "report_ids": (record,),
    }
    story = Story(start=BEGIN + start, end=BEGIN + start + 64_000, **given | values)
    its = [Leg(**{"org": str(org), "record_id": record, "side": None, **leg}) for leg in legs]
    return row_of(call_id(org, record, BEGIN + start), story, its, Numbers(""))


def put(store: Store, rows: Iterable[CallRow], org: UUID = ORG) -> list[WholeCall]:
    """Keep new calls; gives them as they are to be read, the newest first."""
    kept = [(row, decode_kept(row.body).story) for row in rows]
    with store.write() as connection:
        for number, (row, story) in enumerate(kept, 1):
            values = msgspec.structs.asdict(row)
            del values["terms"]
            (record,) = story.report_ids
            id = values["id"] = UUID(bytes=row.id)
            connection.execute(insert(calls).values(org=org, created=number, changed=number, **values))
            leg = {"org": org, "id": id, "record_id": record, "call": id, "first": number, "links": b""}
            connection.execute(insert(call_legs).values(leg))
            for term in row.terms:
                key = {"org": org, "term": term, "start_at": row.start_at, "call": id}
                connection.execute(insert(call_terms).values(key))
    kept.sort(key=lambda each: (each[0].start_at, each[0].id), reverse=True)
    return [WholeCall(UUID(bytes=row.id), story, row.terms) for row, story in kept]
