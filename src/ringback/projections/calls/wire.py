"""A call as it is given to programs: in JSON, by the API and in exports. `docs/api.md` describes it.

The words are open, and plain texts here: a call may have an outcome, a participant a result, and a timeline a step that
is new.
"""

from __future__ import annotations

import msgspec

from ringback.projections.calls.query import WholeCall
from ringback.projections.calls.story.model import Party
from ringback.records.values import from_milliseconds, to_wire_time


class PartyBody(msgspec.Struct, frozen=True, kw_only=True):
    """A person: inside the organization, with a user id, or outside, without one. Empty texts are unknown."""

    name: str
    user_id: str | None
    number: str


class ParticipantBody(PartyBody, frozen=True, kw_only=True):
    """A person who called or was called, and how the call went for this person."""

    result: str


class StepBody(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in a call; `seconds` says how long it lasted, of what takes time."""

    at: str
    what: str
    who: str
    to: str
    seconds: int


class CallBody(msgspec.Struct, frozen=True, kw_only=True):
    """A call. Keys that are not listed may be added at any time."""

    id: str
    start: str
    end: str
    direction: str
    outcome: str
    first_caller: PartyBody
    dialed: str
    final_party: PartyBody | None
    answered_by_person: bool
    talk_seconds: int
    ring_seconds: int
    hold_seconds: int
    queue_seconds: int
    pending_links: int
    sentence: str
    participants: list[ParticipantBody]
    timeline: list[StepBody]
    report_ids: list[str]


def call_body(call: WholeCall) -> CallBody:
    """A call as it is given out."""
    story = call.story
    return CallBody(
        id=str(call.id),
        start=time_text(story.start),
        end=time_text(story.end),
        direction=story.direction,
        outcome=story.outcome,
        first_caller=_party(story.first_caller),
        dialed=story.dialed,
        final_party=None if story.final_party is None else _party(story.final_party),
        answered_by_person=story.answered_by_person,
        talk_seconds=story.talk_seconds,
        ring_seconds=story.ring_seconds,
        hold_seconds=story.hold_seconds,
        queue_seconds=story.queue_seconds,
        pending_links=story.pending_links,
        sentence=story.sentence,
        participants=[
            ParticipantBody(name=each.name, user_id=each.user_id, number=each.number, result=each.result)
            for each in story.participants
        ],
        timeline=[
            StepBody(at=time_text(each.at), what=each.what, who=each.who, to=each.to, seconds=each.seconds)
            for each in story.timeline
        ],
        report_ids=list(story.report_ids),
    )


def time_text(milliseconds: int) -> str:
    """A time, in milliseconds since 1970, as it is written in JSON."""
    return to_wire_time(from_milliseconds(milliseconds))


def _party(party: Party) -> PartyBody:
    return PartyBody(name=party.name, user_id=party.user_id, number=party.number)
