"""Who takes part in a call: persons and services, each once, however many legs tell of them."""

from __future__ import annotations

from ringback.projections.calls.story.model import Party
from ringback.projections.sessions.parties import SERVICES, WAYS_OUT
from ringback.records.leg import Leg

VOICEMAIL = frozenset(("VoiceMailRetrieval", "VoiceMailGroup"))
"""Services that take messages and faxes."""

QUEUES = frozenset(("CallCenterStandard", "CallCenterPremium"))
"""Services in which callers wait for an agent."""

_PORTAL = "Voice Portal Voice Messaging Group"
"""What Webex calls its voicemail in English: a message may be left there without a record of the portal's own."""


class Actor:
    """Somebody or something that calls or is called.

    Attributes:
        user_id: of a person or service of the org; None outside of it, and where no leg of theirs is there.
        name: empty if unknown.
        number: empty if unknown or withheld.
        service: the user type of a service; empty for a person.
        outside: on the telephone network, or in a meeting.
    """

    __slots__ = ("name", "number", "outside", "service", "user_id")

    def __init__(self, user_id: str | None, name: str | None, number: str | None, service: str, outside: bool) -> None:
        self.user_id = user_id
        self.name = name or ""
        self.number = number or ""
        self.service = service
        self.outside = outside

    @property
    def label(self) -> str:
        """The actor in a text: name, else number, else nothing."""
        return self.name or self.number

    def party(self) -> Party:
        """The actor as the story shows it."""
        return Party(name=self.name, user_id=None if self.service else self.user_id, number=self.number)


class Cast:
    """All who take part in one call."""

    def __init__(self) -> None:
        self._users: dict[str, Actor] = {}
        self._outside: dict[str, Actor] = {}
        self._numbers: dict[str, Actor] = {}

    def user(self, leg: Leg, near: str | None) -> Actor:
        """Whose leg it is.

        Args:
            near: the number that the leg has for them; None if it may be that of somebody else.
        """
        number = leg.user_number or near
        # No id of a user has a line end in it.
        key = leg.user_id or f"\n{number or leg.user_name or leg.record_id}"
        actor = self._users.get(key)
        if actor is None:
            service = leg.user_type if leg.user_type in SERVICES else None
            actor = self._users[key] = Actor(leg.user_id, leg.user_name, number, service or "", False)
        else:
            actor.name = actor.name or leg.user_name or ""
            actor.number = actor.number or number or ""
        for known in (leg.user_number, near):
            if known:
                self._numbers.setdefault(known, actor)
        return actor

    def outsider(self, number: str | None, name: str | None) -> Actor:
        """Somebody outside. Who withholds the number is taken for one and the same throughout a call."""
        actor = self._outside.get(number or "")
        if actor is None:
            actor = self._outside[number or ""] = Actor(None, name, number, "", True)
        elif name and not actor.name:
            actor.name = name
        return actor

    def insider(self, number: str | None, name: str | None) -> Actor:
        """Somebody of the org whose leg may be missing: then no more is known than what others' legs say."""
        key = number or f"\n{name or ''}"
        actor = self._numbers.get(key)
        if actor is None:
            service = "VoiceMailRetrieval" if name == _PORTAL else ""
            actor = self._numbers[key] = Actor(None, name, number, service, False)
        return actor

    def of_id(self, user_id: str | None) -> Actor | None:
        """The user or service with an id, if a leg of theirs is there."""
        return self._users.get(user_id) if user_id else None

    def of_number(self, number: str | None) -> Actor | None:
        """Who has a number, or withholds it, among those that are known."""
        return self._numbers.get(number or "") or self._outside.get(number or "")


def is_way_out(leg: Leg) -> bool:
    """Whether the leg is that of a gateway or the like, behind which is somebody outside."""
    return leg.user_type in WAYS_OUT
