"""Who takes part in calls: persons and services of a simulated organization, and parties outside of it."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from uuid import UUID

import msgspec

from ringback.simulator.clock import Zone
from ringback.simulator.places import Country

Fields = Mapping[str, str | int]
"""Some keys of a record, with their values as the wire has them."""


def new_uuid(rng: Random) -> str:
    """The text of a random (version 4) UUID, drawn from a seeded generator."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"


class Pstn(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """How a site reaches the telephone network: a calling plan, a partner, or its own local gateway.

    Attributes:
        fields: the PSTN keys of a record of a call over it; empty for a local gateway.
        trunk: name of the trunk, for a local gateway; empty otherwise.
        route_group: name of the route group its outgoing calls take; empty otherwise.
    """

    fields: Fields
    trunk: str = ""
    route_group: str = ""


class Site(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A location of an organization.

    Attributes:
        name: as Control Hub shows it; also the value of ``Location``.
        uuid: the value of ``Site UUID``.
        zone: time zone of everybody here.
        main_number: E.164.
        pstn: how calls leave and enter.
        public_ip: address that phones here are seen from, or ``NA`` (only Indian sites report it).
        reputation: whether a caller reputation service judges incoming calls.
        weight: share of the organization's users and traffic, relative to its other sites.
    """

    name: str
    uuid: str
    country: Country
    zone: Zone
    main_number: str
    pstn: Pstn
    public_ip: str
    reputation: bool
    weight: float


class Inside(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A party that Webex controls, and that therefore has a record of each of its legs: a person or a service.

    Attributes:
        name: the value of ``User``.
        uuid: the value of ``User UUID``.
        user_type: the value of ``User type``.
        number: E.164, or empty if it has only an extension.
        extension: what others in the organization dial.
        site: where it is.
        endpoints: per phone or app that it uses, the keys of a record that are the same in all its calls there.
    """

    name: str
    uuid: str
    user_type: str
    number: str
    extension: str
    site: Site
    endpoints: tuple[Fields, ...]

    @property
    def shown_number(self) -> str:
        """The number that outside parties see and records give as the user's: E.164 if there is one."""
        return self.number or self.extension


class Person(Inside, frozen=True, kw_only=True, eq=False):
    """A user, a workspace, or a virtual line: somebody may pick up there."""


class Service(Inside, frozen=True, kw_only=True, eq=False):
    """A hunt group, queue, attendant, paging group, voicemail portal, anchor or gateway: never a person.

    Attributes:
        members: the persons it rings, in order.
        sequential: whether it rings them one after the other; otherwise all at once.
        queue_type: the value of ``Queue type``; empty for all but queues.
    """

    members: tuple[Person, ...] = ()
    sequential: bool = False
    queue_type: str = ""


class Outside(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A party that Webex does not control, and that leaves no record: a telephone out there, or a meeting.

    Attributes:
        name: the name the network shows for it; empty if none.
        number: E.164, a short code or an address; empty if the caller withheld it.
        call_type: the value of ``Call type`` when it is called from `home`.
        country: ISO code if it lies in a country other than the site's; empty otherwise.
        digits: what a person at the site dials to reach it.
    """

    name: str
    number: str
    call_type: str
    digits: str
    country: str = ""


Party = Person | Service | Outside


class SimulatedOrg(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One organization: who and what exists in it. All of it follows from the seed and the org's index.

    Attributes:
        uuid: the value of ``Org UUID``.
        name: made up.
        region: short name of the Webex region it is at home in: us, eu, in, au.
        country: ISO code of its first site.
        sites: the largest first.
        users, workspaces, virtual_lines: persons, all sites together.
        hunt_groups, queues, attendants, receptionists, paging_groups, voice_portals, fax_boxes, anchors: services.
        trunks: the local gateways, one per site that has one.
    """

    uuid: UUID
    name: str
    region: str
    country: str
    sites: tuple[Site, ...]
    users: tuple[Person, ...]
    workspaces: tuple[Person, ...]
    virtual_lines: tuple[Person, ...]
    hunt_groups: tuple[Service, ...]
    queues: tuple[Service, ...]
    attendants: tuple[Service, ...]
    receptionists: tuple[Service, ...]
    paging_groups: tuple[Service, ...]
    voice_portals: tuple[Service, ...]
    fax_boxes: tuple[Service, ...]
    anchors: tuple[Service, ...]
    trunks: tuple[Service, ...]

    @property
    def services(self) -> tuple[Service, ...]:
        """All services, of every type."""
        return (
            self.hunt_groups
            + self.queues
            + self.attendants
            + self.receptionists
            + self.paging_groups
            + self.voice_portals
            + self.fax_boxes
            + self.anchors
            + self.trunks
        )
