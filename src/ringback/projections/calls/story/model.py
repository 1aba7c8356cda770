"""What is told of a call. Each word is defined in `docs/calls.md`, with an example."""

from __future__ import annotations

from typing import Literal

import msgspec

Direction = Literal["inbound", "outbound", "internal"]
"""By the first leg: from outside, to outside, or neither. A later transfer does not change it."""

Outcome = Literal["answered", "missed", "abandoned_in_queue", "voicemail", "busy", "rejected", "failed", "cancelled"]
"""How the call ended as a whole."""

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
"""How the call went for one person."""


What = Literal[
    "called",
    "rang",
    "missed",
    "busy",
    "rejected",
    "blocked",
    "failed",
    "answered",
    "held",
    "queued",
    "left_queue",
    "forwarded",
    "transferred",
    "parked",
    "retrieved",
    "recalled",
    "picked_up",
    "barged_in",
    "voicemail",
    "released",
]
"""What a step of the timeline is."""


class Party(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A person: inside the org, with a user id, or outside, without one. Empty texts are unknown."""

    name: str = ""
    user_id: str | None = None
    number: str = ""


class Participant(Party, frozen=True, kw_only=True, array_like=True):
    """A person who called or was called. Services are no participants, but steps of the timeline."""

    result: Result


class Step(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Something that happened in a call.

    Attributes:
        at: milliseconds since 1970.
        what: what it is.
        who: who did it, or to whom it happened, by name, else number; empty if unknown or withheld.
        to: whom else it concerns, such as the target of a transfer; likewise.
        seconds: how long it lasted, of what takes time.
    """

    at: int
    what: What
    who: str
    to: str = ""
    seconds: int = 0


class Story(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is told of one call. Times are milliseconds since 1970, lengths whole seconds.

    Attributes:
        start, end: from the start of the first leg to the last release.
        first_caller: who made the call.
        dialed: what was called first.
        final_party: the person the caller ended with; None if no person answered, or it is unknown who.
        answered_by_person: whether a person answered, and not only a service.
        talk_seconds, ring_seconds, queue_seconds: lengths of unions of spans of time.
        hold_seconds: lengths of all holds, added up.
        pending_links: related ids that its records name and that no record has.
        participants: in order of appearance.
        timeline: in order of time.
        sentence: the call in one sentence.
        report_ids: ids of its records, in order of release.
    """

    start: int
    end: int
    direction: Direction
    first_caller: Party
    dialed: str
    final_party: Party | None
    answered_by_person: bool
    outcome: Outcome
    talk_seconds: int
    ring_seconds: int
    hold_seconds: int
    queue_seconds: int
    pending_links: int
    participants: tuple[Participant, ...]
    timeline: tuple[Step, ...]
    sentence: str
    report_ids: tuple[str, ...]
