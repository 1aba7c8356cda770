"""The ids of whole calls."""

from __future__ import annotations

from uuid import UUID

from factories import NOON, ORG
from ringback.ledger import Ledger
from ringback.projections.calls.correlator import call_id
from ringback.records.values import to_milliseconds


def call_uuid(record: str, org: UUID = ORG, start_at: int = to_milliseconds(NOON)) -> UUID:
    """The id of the call that begins with a record, whose first version starts at noon if no other time is given."""
    return UUID(bytes=call_id(org, record, start_at))


def first_call(ledger: Ledger, record: str, org: UUID = ORG) -> UUID:
    """The id of the call that begins with a record of a ledger."""
    first = min(ledger.versions(org, record), key=lambda each: each.sequence)
    assert first.record.start_at is not None
    return call_uuid(record, org, first.record.start_at)
