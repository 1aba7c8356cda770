"""From the legs of a call to the sessions of all who took part in it. `docs/history.md` has each rule with an example.

The legs of a call are those that share a Correlation ID. A consultation, or a call that somebody picks up, has one of
its own, and is an entry of its own in the history of whoever made it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid5

import msgspec

from ringback.projections.sessions.parties import SERVICES, VIRTUAL, WAYS_OUT
from ringback.projections.sessions.people import Directory, digits
from ringback.records.leg import Leg
from ringback.records.values import to_milliseconds

OWN, SHARED, SPARK = "WEBEXCALLING", "WEBEXCALLING_SHARED", "SPARK"
"""Types of sessions: on the user's own line; on a line of somebody else, or a virtual one; a Webex meeting."""

_CALLS = UUID("7a3c5f0e-5f0e-4f5c-8a55-2f7f8d6c1e01")
_SESSIONS = UUID("4de2a6b1-9a1e-4c02-9d0d-63d2e8a1b702")

_INSIDE = frozenset((None, "SIP_ENTERPRISE"))
_BLOCKED = frozenset(("block", "captcha-block"))
_SHORTEST_EXTENSION = 3


class Party(msgspec.Struct, frozen=True, array_like=True):
    """Somebody or something in a session; empty texts are unknown."""

    id: str = ""
    name: str = ""
    number: str = ""
    email: str = ""


class Redirection(msgspec.Struct, frozen=True, array_like=True):
    """Who passed the call on to the user, and why, such as `CALLQUEUE`."""

    reason: str
    by: Party


class Details(msgspec.Struct, frozen=True, array_like=True):
    """What a session says beside what it is found by.

    Attributes:
        me: the user, with the number that the call used.
        ucm_line: the line at a UCM that the call used, if it did.
        duration: seconds that the user's part lasted after it was answered, by whomever.
        joined: how many of them the user was there.
        participants: persons who spoke to each other, at least 2.
    """

    me: Party
    other: Party
    ucm_line: str
    redirection: Redirection | None
    duration: int
    joined: int
    participants: int
    correlation_id: str
    answered_elsewhere: bool


class Session(msgspec.Struct, frozen=True):
    """One user's part in one call. Times are milliseconds since 1970."""

    id: UUID
    user: str
    call: UUID
    type: str
    direction: str
    disposition: str
    start_at: int
    end_at: int
    details: Details


def call_of(leg: Leg) -> UUID:
    """The key of the call that a leg belongs to."""
    return uuid5(_CALLS, f"{leg.org}/{leg.correlation_id or leg.record_id}")


def sessions_of(call: UUID, legs: Iterable[Leg], directory: Directory) -> list[Session]:
    """The sessions of one call.

    Args:
        call: from `call_of`, for the leg of it that was seen first.
        legs: those of the call that are there, in any order. One without a start time is left out.
    """
    ordered = sorted((leg for leg in legs if leg.start_time), key=_order)
    parts: dict[str, list[Leg]] = {}
    for leg in ordered:
        if leg.user_id and leg.user_type not in SERVICES:
            parts.setdefault(leg.user_id, []).append(leg)
            if leg.device_owner_id and leg.device_owner_id != leg.user_id:
                parts.setdefault(leg.device_owner_id, []).append(leg)
    return [_Part(user, mine, ordered).session(call, directory) for user, mine in parts.items()]


class _Part:
    """One user's part in a call, worked out step by step."""

    def __init__(self, user: str, mine: list[Leg], legs: list[Leg]) -> None:
        self.user = user
        self.legs = legs
        # What a user, or a rule of theirs, passed on to others is no call of their own.
        self.own = [leg for leg in mine if not _passed_on(leg)] or mine
        self.passed_on = any(map(_passed_on, mine))
        self.first = self.own[0]
        self.outgoing = self.first.side == "originating" and not _passed_on(self.first)
        self.joined = [leg for leg in self.own if _answered_here(leg) and self._was_there(leg)]
        self.elsewhere = not self.outgoing and not self.joined and self._others_answered()

    def session(self, call: UUID, directory: Directory) -> Session:
        """The session that tells of it."""
        start = to_milliseconds(_start(self.first))
        disposition = self._disposition()
        answered = [leg for leg in self.own if leg.answered] if disposition == "ANSWERED" else []
        details = Details(
            me=self._me(directory),
            other=self._other(directory),
            ucm_line=self._ucm_line(directory),
            redirection=self._redirection(directory),
            duration=_seconds(map(_talk, answered)),
            joined=_seconds(map(_talk, self.joined)),
            participants=max(2, 1 + len({_who(leg) for leg in self.legs if _a_person_answered(leg)})),
            correlation_id=self.first.correlation_id or "",
            answered_elsewhere=self.elsewhere,
        )
        return Session(
            id=uuid5(_SESSIONS, f"{call}/{self.user}"),
            user=self.user,
            call=call,
            type=self._type(),
            direction="OUTGOING" if self.outgoing else "INCOMING",
            disposition=disposition,
            start_at=start,
            end_at=max(start, *(to_milliseconds(_end(leg)) for leg in self.own)),
            details=details,
        )

    def _type(self) -> str:
        if all(leg.call_type == "SIP_MEETING" for leg in self.own):
            return SPARK
        on_own_line = any(leg.user_id == self.user and leg.user_type not in VIRTUAL for leg in self.own)
        return OWN if on_own_line else SHARED

    def _was_there(self, leg: Leg) -> bool:
        """Whether it was this user, and not somebody at another phone that has the same line."""
        return (leg.device_owner_id or leg.user_id) == self.user or leg.user_type in VIRTUAL

    def _disposition(self) -> str:
        if self.outgoing:
            known = [leg.answered for leg in self.own if leg.answered is not None]
            return ("ANSWERED" if any(known) else "CANCELED") if known else "INITIATED"
        if self.joined:
            return "ANSWERED"
        if any(map(_declined, self.own)):
            return "REJECTED"
        if self.elsewhere:
            return "ANSWERED"
        return "MISSED" if any(map(self._could_be_answered, self.own)) else "CANCELED"

    def _could_be_answered(self, leg: Leg) -> bool:
        """Whether a phone of the user rang, as far as can be told; sources round short rings down to nothing."""
        if leg.ring_duration:
            return True
        in_vain = leg.outcome in ("Refusal", "Failure") and leg.outcome_reason != "NoAnswerFromUser"
        in_vain = in_vain or leg.outcome_reason == "UserBusy"
        return not (in_vain or leg.answered or self.passed_on)

    def _others_answered(self) -> bool:
        """Whether somebody answered for the user: since the call came to them, for what was before was not for them."""
        came = _start(self.first)
        return any(leg.answered_elsewhere for leg in self.own) or any(
            _a_person_answered(leg) and (leg.answer_time or _start(leg)) >= came for leg in self.legs
        )

    def _me(self, directory: Directory) -> Party:
        person = directory.person(self.user)
        name = person.name if person else ""
        if not name and self.first.user_id == self.user:
            name = self.first.user_name or ""
        return Party(self.user, name, self.first.user_number or self._near_number)

    @property
    def _near_number(self) -> str:
        leg = self.first
        return (leg.calling_number if leg.side == "originating" else leg.called_number) or ""

    def _other(self, directory: Directory) -> Party:
        first = self.first
        if self.outgoing:
            number, name, far = first.called_number, first.called_name, self._far_end()
        else:
            number, name, far = first.calling_number, first.calling_name, self._caller()
        if not number and not self.outgoing:
            return Party()  # withheld, so that nobody can find out by searching for a name either
        number = number or ""
        holder = directory.whose(number)
        user = (far.user_id if far else holder.user if holder else "") or ""
        person = directory.person(user)
        if person and person.given and person.name:
            name = person.name
        elif holder and holder.given and holder.name:
            name = holder.name
        else:
            name = (far.user_name if far else None) or name
        name = name or (person.name if person else "") or (holder.name if holder else "")
        return Party(user, name, number, person.email if person else "")

    def _far_end(self) -> Leg | None:
        """The called side of the user's own call, if it is one of the org: a person, or a service."""
        first = self.first
        for leg in self.legs:
            if leg.side == "terminating" and leg.user_id and leg.user_type not in WAYS_OUT and _same_leg(first, leg):
                return leg
        return None

    def _caller(self) -> Leg | None:
        """The side of whoever called, if it is a person of the org, whatever the call went through on its way."""
        for leg in self.legs:
            if leg.side == "originating" and leg.user_id and leg.user_type not in SERVICES and not _passed_on(leg):
                shown = {digits(leg.calling_number), digits(leg.user_number)} - {""}
                if leg.user_id != self.user and digits(self.first.calling_number) in shown:
                    return leg
        return None

    def _redirection(self, directory: Directory) -> Redirection | None:
        came = (leg for leg in self.own if leg.side != "originating")
        leg = next((leg for leg in came if leg.redirect_reason and leg.redirecting_user_id != self.user), None)
        if self.outgoing or leg is None:
            return None
        by = leg.redirecting_user_id or ""
        person = directory.person(by)
        names = (one.user_name for one in self.legs if one.user_id == by and one.user_name)
        name = (person.name if person else "") or next(names, "")
        return Redirection((leg.redirect_reason or "").upper(), Party(by, name, leg.redirecting_number or ""))

    def _ucm_line(self, directory: Directory) -> str:
        used = [digits(self.first.user_number), digits(self._near_number)]
        for line in directory.lines(self.user):
            number = digits(line.number)
            if len(number) >= _SHORTEST_EXTENSION and any(each.endswith(number) for each in used):
                return line.number
        return ""


def _passed_on(leg: Leg) -> bool:
    return leg.side == "originating" and leg.redirecting_user_id is not None


def _answered_here(leg: Leg) -> bool:
    """Answered by the party of the leg, not by whoever it was passed on to."""
    return bool(leg.answered) and leg.answer_indicator != "Yes-PostRedirection"


def _a_person_answered(leg: Leg) -> bool:
    if not _answered_here(leg):
        return False
    if leg.side == "originating":  # only the answer of somebody outside is told by nobody else
        return _passed_on(leg) and leg.call_type not in _INSIDE
    return leg.user_type in WAYS_OUT or leg.user_type not in SERVICES


def _who(leg: Leg) -> str:
    """Tells apart the persons who answered. One outside may have two records: who called out, and the gateway's."""
    outside = leg.side == "originating" or leg.user_type in WAYS_OUT
    return (digits(leg.called_number) if outside else leg.user_id) or leg.record_id


def _declined(leg: Leg) -> bool:
    return leg.outcome_reason == "CallRejected" and not leg.answered and leg.reputation_result not in _BLOCKED


def _same_leg(one: Leg, other: Leg) -> bool:
    if one.network_call_id and one.network_call_id == other.network_call_id:
        return True
    return bool(one.remote_call_id) and one.remote_call_id == other.local_call_id


def _order(leg: Leg) -> tuple[datetime, bool, str]:
    return _start(leg), leg.side == "originating", leg.record_id


def _start(leg: Leg) -> datetime:
    return cast(datetime, leg.start_time)  # `sessions_of` leaves out the others


def _end(leg: Leg) -> datetime:
    if known := leg.transfer_time or leg.release_time or leg.report_time:
        return known
    begin = leg.answer_time or _start(leg)
    try:
        return begin + timedelta(seconds=leg.duration or 0)
    except OverflowError:  # an odd duration of ages must not stop the history of everybody
        return begin


def _talk(leg: Leg) -> tuple[datetime, datetime]:
    return leg.answer_time or _start(leg), _end(leg)


def _seconds(spans: Iterable[tuple[datetime, datetime]]) -> int:
    """Length of the union of some spans, in whole seconds."""
    covered = timedelta()
    reached: datetime | None = None
    for begin, end in sorted(spans):
        if reached is not None:
            begin = max(begin, reached)
        if end > begin:
            covered += end - begin
            reached = end
    return covered // timedelta(seconds=1)
