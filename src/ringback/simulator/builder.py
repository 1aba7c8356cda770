"""The vocabulary in which scenarios tell a call: dial, ring, answer, talk, hold, redirect, leave, hang up.

A `CallBuilder` keeps one clock. Each word moves it or not, notes what became true, and keeps the legs; when the story
is over, the legs become records. The truth is noted as things happen and never read back out of legs or records.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from ringback.simulator.clock import SECOND, iso, to_datetime
from ringback.simulator.deliveries import Record
from ringback.simulator.legs import Leg, View, record_of
from ringback.simulator.numbers import Reach, outside_party
from ringback.simulator.parties import Fields, Outside, Party, Person, Service, SimulatedOrg, Site, new_uuid
from ringback.simulator.truth import (
    Direction,
    Outcome,
    Result,
    Span,
    TrueCall,
    TrueParticipant,
    TrueParty,
    TrueRecord,
    seconds_covered,
)

T = TypeVar("T")

IDS_PER_CALL = 64
"""How many Local call IDs are set aside for each call; the largest, a page to a whole group, takes far fewer."""

LONGEST_TALK = 7_200
"""No conversation is longer than this many seconds."""

Why = tuple[str, str]
"""Why a call is passed on: the value of ``Redirect reason``, and that of ``Related reason``."""

UNRECOGNISED = "Unrecognised"
"""The reason where there is none to give. Documents write it with a z; clients of real records expect an s."""

HUNT: Why = ("HuntGroup", "HuntGroup")
QUEUE: Why = ("CallQueue", "CallQueue")
DEFLECTION: Why = ("Deflection", "Deflection")
ALWAYS: Why = ("Unconditional", "CallForwardAlways")
BUSY: Why = ("UserBusy", "CallForwardBusy")
NO_ANSWER: Why = ("NoAnswer", "CallForwardNoAnswer")
TIME_OF_DAY: Why = ("TimeOfDay", "CallForwardSelective")

_NO_ENDPOINT: Fields = {}
_UNLISTED = 0.5  # share of far ends without a record whose call id is left out as well
_WITHHELD = 0.03  # share of outside callers who withhold their number
_RELEASE_UNKNOWN = 0.005  # share of calls of which it is not known who ended them
_RECORDED = 0.06  # share of conversations that are recorded

_GOOD_REPUTATION: tuple[Fields, ...] = tuple(
    {
        "Caller Reputation Score": score,
        "Caller Reputation Service Result": "allow",
        "Caller Reputation Score Reason": "OK",
    }
    for score in ("3.1", "3.8", "4.2", "4.6", "5.0")
)


class Directory:
    """Finds the people and services of one organization by site; shared by all its calls."""

    def __init__(self, org: SimulatedOrg) -> None:
        self.org = org
        self.users = {site: tuple(user for user in org.users if user.site is site) for site in org.sites}
        self.numbered = {
            site: tuple(user for user in users if user.number) or users for site, users in self.users.items()
        }
        self.gateways = {trunk.site: trunk for trunk in org.trunks}
        self.free_from: dict[Person, int] = {}


class CallBuilder:
    """One call in the making.

    Attributes:
        rng: where all chance comes from.
        org, site: whose call it is, and where it happens.
        now: the clock, in milliseconds.
        outcome, final_party, story: the truth so far; a scenario sets what the words below do not.
    """

    def __init__(self, rng: Random, directory: Directory, site: Site, start: int, first_id: int) -> None:
        self.rng = rng
        self.org = directory.org
        self.site = site
        self.now = start
        self.outcome: Outcome | None = None
        self.final_party: Party | None = None
        self.story = ""
        self._start = start
        self._directory = directory
        self._next_id = first_id
        self._legs: list[Leg] = []
        self._results: dict[Party, Result] = {}
        self._picked: set[Party] = set()
        self._outside_numbers: set[str] = set()
        self._talks: list[Span] = []
        self._rings: list[Span] = []
        self._holds: list[Span] = []
        self._queues: list[Span] = []

    # Choosing

    def chance(self, share: float) -> bool:
        """True in that share of cases."""
        return self.rng.random() < share

    def pick(self, choices: Sequence[T]) -> T:
        """One of them, all being equally likely."""
        return choices[int(self.rng.random() * len(choices))]

    def person(self, site: Site | None = None) -> Person:
        """A user of a site (by default the call's) who is not in this call yet, and not in another if that can be."""
        return self._choose(self._directory.users[site or self.site])

    def colleague(self) -> Person:
        """Another user of the organization, mostly at the same site."""
        return self.person(self.site if self.chance(0.8) else self.pick(self.org.sites))

    def pair(self, *, internal: float = 0.3) -> tuple[Party, Person]:
        """A caller, and a user of the site whom the caller can reach directly: from outside, only by a number.

        `internal` is the share of cases in which the caller is a colleague.
        """
        if self.chance(internal):
            return self.colleague(), self.person()
        return self.outside_caller(), self._choose(self._directory.numbered[self.site])

    def _choose(self, users: Sequence[Person]) -> Person:
        if all(user in self._picked for user in users):
            users = self.org.users
        for attempt in range(50):
            user = self.pick(users)
            if user not in self._picked and (attempt > 4 or self.is_free(user)):
                break
        self._picked.add(user)
        return user

    def is_free(self, person: Person) -> bool:
        """Whether the person is in no other call, as far as this hour's calls go."""
        return self._directory.free_from.get(person, 0) <= self.now

    def service(self, services: Sequence[Service]) -> Service:
        """One of the services at the call's site, or anywhere if the site has none."""
        return self.pick([service for service in services if service.site is self.site] or services)

    def outside(self, reach: Reach = "national") -> Outside:
        """Somebody outside who is not in this call yet, as called from the call's site."""
        party = outside_party(self.rng, self.site.country, reach)
        while party.number in self._outside_numbers:
            party = outside_party(self.rng, self.site.country, reach)
        self._outside_numbers.add(party.number)
        return party

    def outside_caller(self) -> Outside:
        """Somebody outside who calls: from the same country, a mobile or abroad, and now and then anonymously."""
        draw = self.rng.random()
        party = self.outside("national" if draw < 0.6 else "mobile" if draw < 0.92 else "international")
        if self.chance(_WITHHELD):
            return Outside(name="", number="", call_type=party.call_type, digits=party.digits)
        return party

    def caller(self) -> Party:
        """Whoever may call a person or a service: mostly somebody outside, sometimes a colleague."""
        return self.outside_caller() if self.chance(0.7) else self.colleague()

    # Time

    def wait(self, low: float, high: float) -> int:
        """Lets time pass, between two numbers of seconds; gives the milliseconds that passed."""
        passed = int((low + self.rng.random() * (high - low)) * SECOND)
        self.now += passed
        return passed

    def talk(self, typical: float = 90) -> None:
        """Lets a conversation take its time: half are shorter than the typical number of seconds, few much longer."""
        self.now += int(min(self.rng.lognormvariate(0, 0.9) * typical + 2, LONGEST_TALK) * SECOND)

    # Telling

    def dial(self, caller: Party, called: Party, *, digits: str | None = None, suffix: str = ":0") -> Leg:
        """Somebody makes a call, in a session of its own; the called side learns of it a moment later.

        `digits` are what was pressed, by default what reaches the called party. `suffix` ends the caller's call id.
        """
        leg = self._leg(caller, called, caller, suffix)
        leg.correlation = new_uuid(self.rng)
        if digits is not None:
            leg.dialed = digits
        elif not isinstance(caller, Outside):
            leg.dialed = called.digits if isinstance(called, Outside) else called.extension
        if isinstance(caller, Outside) and self.site.reputation:
            leg.called_view.fields.update(_GOOD_REPUTATION[int(self.rng.random() * len(_GOOD_REPUTATION))])
        self._appears(caller)
        self._appears(called)
        return leg

    def redirect(self, leg: Leg, to: Party, why: Why, *, by_caller: bool = False) -> Leg:
        """The called party of a leg passes the call on: a service to a member, a person by forward or transfer.

        With `by_caller` it is the calling party that passes on whom it called.
        """
        by, behind, near = (leg.called, leg.presented, leg.called_view)
        if by_caller:
            by, behind, near = (leg.caller, leg.called, leg.caller_view)
        assert not isinstance(by, Outside)  # noqa: S101 - what outside parties do with a call leaves no record
        passed = self._leg(by, to, behind, ":0")
        passed.parent = leg
        passed.correlation = leg.correlation
        passed.origin = leg.origin or (by, why[0])
        redirect_reason, related_reason = why
        redirection: Record = {
            "Original reason": passed.origin[1],
            "Redirect reason": redirect_reason,
            "Redirecting number": by.shown_number,
            "Redirecting party UUID": by.uuid,
            "Original called party UUID": passed.origin[0].uuid,
        }
        passed.called_view.fields.update(redirection)
        passed.caller_view.fields.update(redirection)
        self.relate(passed.caller_view, near, related_reason)
        self._appears(to)
        return passed

    def feature(self, caller: Person, target: Person, code: str, view: View, reason: str) -> Leg:
        """A person joins or takes over a call of another one, by a feature code; only the person has a record of it.

        `view` is the target's side of that call, and `reason` the value of ``Related reason``.
        """
        leg = self.dial(caller, target, digits=code + target.extension)
        leg.called_view.party = None
        self.relate(leg.caller_view, view, reason)
        return leg

    def relate(self, view: View, to: View, reason: str) -> None:
        """Notes in the record of one view that a service made it out of another one."""
        view.fields["Related call ID"] = to.local
        view.fields["Related reason"] = reason

    def ring(self, low: int, high: int, *legs: Leg) -> None:
        """The called phones of the legs ring, all at the same time, for a whole number of seconds between two.

        Whole, because records cannot tell more: so they say exactly what is true.
        """
        since = self.now
        passed = (low + int(self.rng.random() * (high - low + 1))) * SECOND
        self.now += passed
        upstream = {parent for leg in legs for parent in leg.ancestors() if not parent.answered}.difference(legs)
        for leg in (*legs, *upstream):
            leg.caller_view.ringing += passed
            # A person who forwards a call does not hear it ring at its new place.
            if leg not in upstream or isinstance(leg.called, Service):
                leg.called_view.ringing += passed
        if any(not isinstance(leg.called, Service) for leg in legs):
            self._rings.append((since, self.now))

    def answer(self, leg: Leg) -> None:
        """The called party answers. If it is a person, two people talk from now on."""
        leg.caller_view.answered = leg.called_view.answered = self.now
        for parent in leg.ancestors():
            if not parent.answered:
                parent.caller_view.answered = parent.called_view.answered = self.now
                parent.caller_view.indicator = parent.called_view.indicator = "Yes-PostRedirection"
        if isinstance(leg.called, Service):
            return
        self.meet(leg, leg.presented, leg.called)
        self.final_party = leg.called
        if isinstance(leg.called, Person) and self.chance(_RECORDED):
            leg.called_view.fields.update(
                {
                    "Call Recording Platform Name": "Webex",
                    "Call Recording Result": "successful",
                    "Call Recording Trigger": self.pick(("always", "on-demand")),
                }
            )

    def meet(self, leg: Leg, *people: Party) -> None:
        """People talk to each other over a leg from now on, until one side of it leaves."""
        leg.talking_since = self.now
        self.outcome = "answered"
        for person in people:
            if not isinstance(person, Service):
                self._results[person] = "talked"

    def hold(self, view: View, low: int, high: int) -> None:
        """The party of a view holds the other one, for a whole number of seconds between two."""
        since = self.now
        self.held_since(view, since, low + int(self.rng.random() * (high - low)))

    def held_since(self, view: View, since: int, seconds: int) -> None:
        """Notes a hold that began at a time; the clock moves to its end unless it is past it."""
        self.now = max(self.now, since + seconds * SECOND)
        view.held += seconds
        self._holds.append((since, since + seconds * SECOND))

    def queued(self, since: int) -> None:
        """Notes that the caller waited in a queue until now."""
        self._queues.append((since, self.now))

    def leave(self, leg: Leg, view: View) -> None:
        """One side of a leg goes while the other stays, by transferring or parking it."""
        self._end(view, "Local")
        view.fields["Call transfer time"] = iso(self.now)
        self._part(leg)

    def end(self, leg: Leg, by: Party | None = None) -> None:
        """A leg ends. `by` is who ended it: anybody in the call, or None if it cannot be told."""
        if by is None:
            ends = ("Unknown", "Unknown")
        elif by in (leg.caller, leg.presented, leg.taken_over_by):
            ends = ("Local", "Remote")
        else:
            ends = ("Remote", "Local")
        self._end(leg.caller_view, ends[0])
        self._end(leg.called_view, ends[1])
        self._part(leg)

    def hang_up(self, *by: Party) -> None:
        """Everything that is still up ends, by one of these; sometimes it cannot be told by whom."""
        who = None if self.chance(_RELEASE_UNKNOWN) else self.pick(by)
        for leg in self._legs:
            self.end(leg, who)

    def fail(self, leg: Leg, outcome: str, reason: str, result: Result | None = None) -> None:
        """A leg comes to nothing: sets its outcome, and if given the result of both sides, and ends it."""
        leg.outcome = (outcome, reason)
        if result is not None:
            for party in (leg.presented, leg.called):
                if not isinstance(party, Service) and self._results.get(party) != "talked":
                    self._results[party] = result
        self.end(leg, leg.called)

    def connect(self, leg: Leg, *people: Party) -> None:
        """A leg made by `feature` takes effect: these people talk over it from now on."""
        leg.caller_view.answered = leg.called_view.answered = self.now
        self.meet(leg, *people)

    def answered_elsewhere(self, leg: Leg, *, caller_stays: bool = False) -> None:
        """The called phone stops ringing, because the call was answered at another one."""
        leg.called_view.fields["Answered elsewhere"] = "Yes"
        self.result(leg.called, "answered_elsewhere")
        if caller_stays:
            leg.caller_view.answered = self.now
            self._end(leg.called_view, "Remote")
        else:
            self.end(leg, leg.caller)

    def interaction(self, *legs: Leg) -> None:
        """Notes in all records of the legs that they belong to one interaction."""
        interaction = new_uuid(self.rng)
        for leg in legs:
            leg.caller_view.fields["Interaction ID"] = leg.called_view.fields["Interaction ID"] = interaction

    def result(self, party: Party, result: Result) -> None:
        """Sets how the call went for a person."""
        self._results[party] = result

    # Finishing

    def records(self) -> list[tuple[Record, int]]:
        """The records of all legs and when each was released, in order of release."""
        written = []
        for leg in self._legs:
            for view, other, originating in leg.views():
                unlisted = other.party is None and self.chance(_UNLISTED)
                written.append((record_of(leg, view, other, originating, unlisted), view.ended or 0))
        written.sort(key=_released)
        return written

    def truth(self, kind: str, call_id: str, records: tuple[TrueRecord, ...]) -> TrueCall:
        """What happened. Raises RuntimeError if the scenario left the outcome open."""
        if self.outcome is None:
            raise RuntimeError(f"the scenario {kind} does not say how the call ended")
        first = self._legs[0]
        end = self._start
        for leg in self._legs:
            for view in (leg.caller_view, leg.called_view):
                end = max(end, view.ended or 0)
        for party in self._results:
            if isinstance(party, Person):
                self._directory.free_from[party] = end
        return TrueCall(
            id=call_id,
            org=self.org.uuid,
            kind=kind,
            start=to_datetime(self._start),
            end=to_datetime(end),
            direction=_direction(first),
            first_caller=_true_party(first.caller),
            dialed=_dialed(first),
            final_party=None if self.final_party is None else _true_party(self.final_party),
            answered_by_person=self.final_party is not None,
            outcome=self.outcome,
            talk_seconds=seconds_covered(self._talks),
            ring_seconds=seconds_covered(self._rings),
            hold_seconds=seconds_covered(self._holds),
            queue_seconds=seconds_covered(self._queues),
            participants=tuple(_participant(party, result) for party, result in self._results.items()),
            story=self.story,
            records=records,
        )

    # Below the words

    def _appears(self, party: Party) -> None:
        if not isinstance(party, Service):
            self._results.setdefault(party, "missed")

    def _leg(self, caller: Party, called: Party, presented: Party, suffix: str) -> Leg:
        rng = self.rng
        leg = Leg(caller, called, presented)
        leg.caller_view = self._view(caller, called, suffix)
        if isinstance(called, Outside):
            self.wait(0.6, 2.5)
        elif leg.caller_view.party is not None:
            self.wait(0.04, 0.25)
        leg.called_view = self._view(called, caller, ":0")
        draw = rng.getrandbits(32)
        leg.network = f"BW{self.now}{draw:010}@198.51.100.{draw & 63 | 1}"
        leg.session_caller = f"{rng.getrandbits(128):032x}"
        leg.session_called = f"{rng.getrandbits(128):032x}"
        self._legs.append(leg)
        return leg

    def _view(self, party: Party, other: Party, suffix: str) -> View:
        local = f"{self._next_id}{suffix}"
        self._next_id += 1
        if not isinstance(party, Outside):
            return View(party, self.pick(party.endpoints), local, self.now)
        # An outside party has no record, but the local gateway in front of it has.
        gateway = None if isinstance(other, Outside) else self._directory.gateways.get(other.site)
        if gateway is None or party.call_type == "SIP_MEETING":
            return View(None, _NO_ENDPOINT, local, self.now)
        return View(gateway, gateway.endpoints[0], local, self.now)

    def _end(self, view: View, released: str) -> None:
        if view.ended is None:
            view.ended = self.now
            view.released = released

    def _part(self, leg: Leg) -> None:
        if leg.talking_since is not None:
            self._talks.append((leg.talking_since, self.now))
            leg.talking_since = None


def _released(written: tuple[Record, int]) -> int:
    return written[1]


def _direction(first: Leg) -> Direction:
    if isinstance(first.caller, Outside):
        return "inbound"
    return "outbound" if isinstance(first.called, Outside) else "internal"


def _dialed(first: Leg) -> str:
    if isinstance(first.called, Outside):
        return first.called.number
    return first.called.shown_number if isinstance(first.caller, Outside) else first.called.extension


def _identity(party: Party) -> tuple[str, str | None, str]:
    if isinstance(party, Outside):
        return party.name, None, party.number
    return party.name, party.uuid, party.shown_number


def _true_party(party: Party) -> TrueParty:
    name, user_uuid, number = _identity(party)
    return TrueParty(name=name, user_uuid=user_uuid, number=number)


def _participant(party: Party, result: Result) -> TrueParticipant:
    name, user_uuid, number = _identity(party)
    return TrueParticipant(name=name, user_uuid=user_uuid, number=number, result=result)
