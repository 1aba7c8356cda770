"""What really happened in a simulated call: known because it was made so, never worked out from records.

The words and their definitions are in `docs/simulator.md`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from ringback.simulator.clock import iso, to_ms

Direction = Literal["inbound", "outbound", "internal"]

Outcome = Literal["answered", "missed", "abandoned_in_queue", "voicemail", "busy", "rejected", "failed", "cancelled"]

Result = Literal[
    "talked",
    "missed",
    "answered_elsewhere",
    "busy",
    "rejected",
    "blocked",
    "forwarded",
    "transferred_away",
    "barged_in",
    "failed",
]


class TrueParty(msgspec.Struct, frozen=True, kw_only=True):
    """A person: inside the organization (`user_uuid` set) or outside of it (None).

    Attributes:
        name: as shown; empty for an outside party without a name.
        user_uuid: the value of ``User UUID``; None for an outside party.
        number: E.164, or the extension of a person without a number; empty for an outside caller who withheld it.
    """

    name: str
    user_uuid: str | None
    number: str


class TrueParticipant(TrueParty, frozen=True, kw_only=True):
    """A person who called or was called, and how the call went for that person."""

    result: Result


class TrueRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the call, so that a ledger can be compared with it.

    Attributes:
        report_id: its id.
        report_time: ``Report time`` of its newest version, as it stands there.
        versions: how many versions with different content are sent: 1, or 2 if it is revised.
        deliveries: how many times it is sent, all versions together.
        digest: SHA-256 of the bytes of its newest version, in hexadecimal.
    """

    report_id: str
    report_time: str
    versions: int
    deliveries: int
    digest: str


class TrueCall(msgspec.Struct, frozen=True, kw_only=True):
    """One whole call.

    Attributes:
        id: a UUID; stands in no record.
        org: the organization whose call it is.
        kind: one of `KINDS`.
        start, end: from the first leg's start to the last release, aware UTC, in milliseconds.
        direction: by the first leg.
        first_caller: who made the call.
        dialed: the number that was called first: E.164, extension, short code, or feature code.
        final_party: the person the call ended with on the other side; None if no person answered.
        answered_by_person: whether any person answered.
        outcome: how the call ended as a whole.
        talk_seconds, ring_seconds, hold_seconds, queue_seconds: lengths of unions of time spans, whole seconds.
        participants: all persons, in order of appearance.
        story: the call in one sentence.
        records: in order of release.
    """

    id: str
    org: UUID
    kind: str
    start: datetime
    end: datetime
    direction: Direction
    first_caller: TrueParty
    dialed: str
    final_party: TrueParty | None
    answered_by_person: bool
    outcome: Outcome
    talk_seconds: int
    ring_seconds: int
    hold_seconds: int
    queue_seconds: int
    participants: tuple[TrueParticipant, ...]
    story: str
    records: tuple[TrueRecord, ...]

    def to_json(self) -> bytes:
        """One line of the truth file, without its line end; times are written as in records."""
        fields = msgspec.structs.asdict(self)
        fields["start"] = iso(to_ms(self.start))
        fields["end"] = iso(to_ms(self.end))
        return msgspec.json.encode(fields)


Span = tuple[int, int]
"""A stretch of time, in milliseconds: start and end."""


def seconds_covered(spans: list[Span]) -> int:
    """Length of the union of time spans, in whole seconds, rounded down."""
    covered = 0
    reached = 0
    for start, end in sorted(spans):
        start = max(start, reached)
        if end > start:
            covered += end - start
            reached = end
    return covered // 1_000
