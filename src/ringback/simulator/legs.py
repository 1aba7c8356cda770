"""A leg of a simulated call, and the records that Webex would write of it.

A leg joins two parties. Each party that Webex controls has a view of the leg, and each view becomes one record; an
outside party has none. The views of one leg carry each other's call id, and the same network call id.
"""

from __future__ import annotations

from hashlib import md5

from ringback.records.fields import WIRE_KEYS
from ringback.simulator.clock import SECOND, iso
from ringback.simulator.deliveries import Record
from ringback.simulator.parties import Fields, Inside, Outside, Party, Site

_UNKNOWN: Record = {
    "Called line ID": "NA",
    "Calling line ID": "NA",
    "OS type": "na",
    "Public Calling IP Address": "NA",
    "Public Called IP Address": "NA",
    "Auto Attendant Key Pressed": "NA",
    "WxCC consult merge status": "NA",
    "Duration": 0,
    "Hold duration": 0,
}
_BLANK: Record = {key: _UNKNOWN.get(key, "") for key in WIRE_KEYS}


class View:
    """One party's side of a leg.

    Attributes:
        party: whose side; None if Webex does not control it, so that there will be no record.
        endpoint: the phone or app in use.
        local: the Local call ID; it stands in the other side's record even where this side has none.
        start, answered, ended: times in milliseconds; None while they have not come.
        indicator: the value of ``Answer indicator`` once answered.
        released: the value of ``Releasing party``.
        held: whole seconds for which this party held the other one.
        ringing: for how many milliseconds it rang, or heard it ring.
        fields: further keys of the record.
    """

    __slots__ = (
        "answered",
        "ended",
        "endpoint",
        "fields",
        "held",
        "indicator",
        "local",
        "party",
        "released",
        "ringing",
        "start",
    )

    def __init__(self, party: Inside | None, endpoint: Fields, local: str, start: int) -> None:
        self.party = party
        self.endpoint = endpoint
        self.local = local
        self.start = start
        self.answered: int | None = None
        self.ended: int | None = None
        self.indicator = "Yes"
        self.released = "Unknown"
        self.held = 0
        self.ringing = 0
        self.fields: Record = {}


class Leg:
    """Two parties joined, or one trying to reach the other.

    Attributes:
        caller, called: the parties. In an attempt by a service the caller is the service.
        presented: whom the called party sees as the caller: the person behind the service, or the caller itself.
        caller_view, called_view: their sides.
        parent: the leg whose called party made this one, by a service or a redirection; None otherwise.
        origin: where the call was redirected first, and for what reason; None if it was not.
        dialed: the digits as pressed; empty if nobody pressed any.
        correlation, network: ids shared by both views.
        session_caller, session_called: SIP session ids of both sides.
        outcome: the values of ``Call outcome`` and ``Call outcome reason``.
        talking_since: when two persons began to speak over this leg; None while they do not.
        taken_over_by: who speaks in place of the caller after a consultative transfer; None while it is the caller.
    """

    __slots__ = (
        "called",
        "called_view",
        "caller",
        "caller_view",
        "correlation",
        "dialed",
        "network",
        "origin",
        "outcome",
        "parent",
        "presented",
        "session_called",
        "session_caller",
        "taken_over_by",
        "talking_since",
    )

    caller_view: View
    called_view: View
    correlation: str
    network: str
    session_caller: str
    session_called: str

    def __init__(self, caller: Party, called: Party, presented: Party) -> None:
        self.caller = caller
        self.called = called
        self.presented = presented
        self.parent: Leg | None = None
        self.origin: tuple[Inside, str] | None = None
        self.dialed = ""
        self.outcome = ("Success", "Normal")
        self.talking_since: int | None = None
        self.taken_over_by: Party | None = None

    def ancestors(self) -> list[Leg]:
        """The leg this one was made from, the one that was made from, and so on."""
        found = []
        leg = self.parent
        while leg is not None:
            found.append(leg)
            leg = leg.parent
        return found

    def views(self) -> list[tuple[View, View, bool]]:
        """The sides with a record to come: side, other side, and whether it is the caller's."""
        pairs = ((self.caller_view, self.called_view, True), (self.called_view, self.caller_view, False))
        return [pair for pair in pairs if pair[0].party is not None]

    @property
    def answered(self) -> bool:
        """Whether the called party, or somebody it passed the call on to, answered."""
        return self.called_view.answered is not None


def record_of(leg: Leg, view: View, other: View, originating: bool, hide_remote: bool) -> Record:
    """The record of one side of a leg that has ended.

    `hide_remote` leaves ``Remote call ID`` empty, as happens for far ends that Webex does not control.
    """
    party = view.party
    assert party is not None  # noqa: S101 - only views that leave a record come here
    assert view.ended is not None  # noqa: S101 - a scenario that forgets to hang up is a bug in it
    answered, ended = view.answered, view.ended
    release = iso(ended)

    record = _BLANK.copy()
    record.update(view.endpoint)
    if answered is not None:
        record["Answer time"] = iso(answered)
        record["Answered"] = "true"
        record["Answer indicator"] = view.indicator
        record["Duration"] = (ended - answered) // SECOND
        record["Answer reason"] = "N/A"
    else:
        record["Answered"] = "false"
        record["Answer indicator"] = "No"
    record["Direction"] = "ORIGINATING" if originating else "TERMINATING"
    # Each side has a SIP dialog of its own, so that this is no way to find the other one.
    side = int(view.local.partition(":")[0])
    record["Call ID"] = f"SSE{view.start}{side:010}@192.0.2.{side % 250 + 1}"
    record["Start time"] = iso(view.start)
    record["Correlation ID"] = leg.correlation
    record["Report time"] = release
    record["Release time"] = release
    record["Site timezone"] = party.site.zone.text(view.start)
    record["Releasing party"] = view.released
    record["Local call ID"] = view.local
    record["Remote call ID"] = "" if hide_remote else other.local
    record["Network call ID"] = leg.network
    record["Local SessionID"] = record["Final local SessionID"] = leg.session_caller
    record["Remote SessionID"] = record["Final remote SessionID"] = leg.session_called
    record["Call outcome"], record["Call outcome reason"] = leg.outcome
    record["Ring duration"] = str(view.ringing // SECOND)
    record["Hold duration"] = view.held

    caller, called = (leg.caller if originating else leg.presented), leg.called
    to_outside, from_outside = isinstance(called, Outside), isinstance(leg.caller, Outside)
    record["Calling number"] = _number(caller, as_seen_from_outside=to_outside)
    record["Called number"] = _number(called, as_seen_from_outside=isinstance(caller, Outside))
    record["Calling line ID"] = caller.name or "NA"
    record["Called line ID"] = called.name or "NA"
    if originating:
        record["Dialed digits"] = leg.dialed
    else:
        record["Caller ID number"] = record["Calling number"]
    if isinstance(called, Outside):
        record["Call type"] = called.call_type
        record["International country"] = called.country
    else:
        # A call that a service passes on to a member is an inside call, whoever is behind it.
        record["Call type"] = "SIP_INBOUND" if from_outside else "SIP_ENTERPRISE"
    if from_outside or (to_outside and record["Call type"] != "SIP_MEETING"):
        _add_pstn(record, party.site, to_outside, originating)
        if originating and leg.parent is None and not from_outside:
            record["External caller ID number"] = record["Caller ID number"]
    if view.fields:
        record.update(view.fields)
    record["Report ID"] = _report_id(record)
    return record


def _number(party: Party, *, as_seen_from_outside: bool) -> str:
    if isinstance(party, Outside):
        return party.number
    return party.shown_number if as_seen_from_outside else party.extension


def _add_pstn(record: Record, site: Site, to_outside: bool, originating: bool) -> None:
    record.update(site.pstn.fields)
    if site.pstn.trunk:
        record["Outbound trunk" if to_outside else "Inbound trunk"] = site.pstn.trunk
        if to_outside and originating:
            record["Route group"] = site.pstn.route_group
    # NA but for sites in India.
    record["Public Calling IP Address" if to_outside else "Public Called IP Address"] = site.public_ip


def _report_id(record: Record) -> str:
    """A name-based (version 3) UUID, as published records have it: made of what never changes in a record."""
    name = f"{record['Org UUID']}/{record['Local call ID']}/{record['Start time']}/{record['Direction']}"
    text = md5(name.encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-3{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"
