"""Builds a simulated organization from a seed: its sites, persons, phones, groups, queues and trunks."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from uuid import UUID

from ringback.simulator import names
from ringback.simulator.parties import Fields, Person, Pstn, Service, SimulatedOrg, Site, new_uuid
from ringback.simulator.places import HOMES, City

MIN_USERS = 10
"""The fewest users per organization: some calls take five people and a queue."""

_CLIENT_VERSIONS = ("46.8.0.33012", "46.9.0.33517", "46.9.1.33590", "46.10.0.34021")
_DID_SHARE = 0.7  # the other users have an extension only
_FIRST_DID = 20  # the numbers before are kept for the main number, groups and queues
_GROUP_SIZE = 6


def build_org(seed: int, index: int, users: int) -> SimulatedOrg:
    """The organization with an index in the simulation of a seed, always the same one."""
    rng = Random(f"{seed}/org/{index}")  # noqa: S311 - reproducible traffic, not secrets
    region, cities = HOMES[index % len(HOMES)]
    cities = cities[: max(1, users // 25)]
    title = names.ORGANIZATIONS[index % len(names.ORGANIZATIONS)]
    name = title if index < len(names.ORGANIZATIONS) else f"{title} {index // len(names.ORGANIZATIONS) + 1}"
    org_uuid = new_uuid(rng)
    sites = [_site(rng, city, position) for position, city in enumerate(cities)]
    staffs = [_Staff(rng, org_uuid, sites[position], city, position) for position, city in enumerate(cities)]
    for staff, headcount in zip(staffs, _shares(users, [site.weight for site in sites]), strict=True):
        staff.hire(headcount)

    return SimulatedOrg(
        uuid=UUID(org_uuid),
        name=name,
        region=region,
        country=cities[0].country.code,
        sites=tuple(sites),
        users=tuple(user for staff in staffs for user in staff.users),
        workspaces=tuple(place for staff in staffs for place in staff.workspaces),
        virtual_lines=tuple(line for staff in staffs for line in staff.virtual_lines),
        hunt_groups=tuple(group for staff in staffs for group in staff.hunt_groups()),
        queues=tuple(queue for staff in staffs for queue in staff.queues()),
        attendants=tuple(staff.service("AutomatedAttendantVideo", "Main menu", 4) for staff in staffs),
        receptionists=tuple(staff.service("AutomatedAttendantVideo", "AI Receptionist", 5) for staff in staffs),
        paging_groups=tuple(staff.paging_group() for staff in staffs),
        voice_portals=tuple(
            staff.service("VoiceMailRetrieval", "Voice Portal Voice Messaging Group", 6) for staff in staffs
        ),
        fax_boxes=tuple(staff.service("VoiceMailGroup", "Fax", 7) for staff in staffs),
        anchors=tuple(staff.service("Anchor", "Contact centre", 8) for staff in staffs),
        trunks=tuple(staff.trunk() for staff in staffs if staff.site.pstn.trunk),
    )


def _shares(total: int, weights: list[float]) -> list[int]:
    """Whole numbers in proportion to the weights, with the given sum."""
    shares = [int(total * weight / sum(weights)) for weight in weights]
    shares[0] += total - sum(shares)
    return shares


def _site(rng: Random, city: City, position: int) -> Site:
    india = city.country.code == "IN"
    return Site(
        name=city.name,
        uuid=new_uuid(rng),
        country=city.country,
        zone=city.zone,
        main_number=city.numbers.number(0),
        pstn=_pstn(rng, city, position),
        public_ip=f"203.0.113.{10 + position}" if india else "NA",
        reputation=city.country.code == "US",
        weight=1 / (position + 1.5),
    )


def _pstn(rng: Random, city: City, position: int) -> Pstn:
    if position % 3 == 2:
        return Pstn(fields={}, trunk=f"LGW {city.name}", route_group=f"RG {city.name}")
    plan = position % 3 == 0
    return Pstn(
        fields={
            "PSTN legal entity": f"Example Calling {city.country.code} LLC" if plan else "",
            "PSTN vendor org ID": new_uuid(rng) if plan else "",
            "PSTN vendor name": "Cisco Calling Plans" if plan else rng.choice(names.PSTN_PARTNERS),
            "PSTN provider ID": new_uuid(rng),
        }
    )


class _Staff:
    """Hands out the uuids, numbers and extensions of one site, and hires its people."""

    def __init__(self, rng: Random, org_uuid: str, site: Site, city: City, position: int) -> None:
        self.site = site
        self.users: list[Person] = []
        self.workspaces: list[Person] = []
        self.virtual_lines: list[Person] = []
        self._rng = rng
        self._org_uuid = org_uuid
        self._city = city
        self._position = position
        self._free_numbers: Iterator[int] = iter(range(_FIRST_DID, city.numbers.size))
        self._departments = {name: new_uuid(rng) for name in names.DEPARTMENTS}

    def hire(self, headcount: int) -> None:
        """Gives the site its users, workspaces and virtual lines."""
        width = len(str(headcount + 99))
        for person in range(headcount):
            name = f"{self._rng.choice(names.GIVEN)} {self._rng.choice(names.FAMILY)}"
            self.users.append(self._person("User", name, f"{person + 100:0{width}}", self._user_endpoints()))
        for room in range(2):
            phone = self._phone(self._rng.choice(names.WORKSPACE_MODELS))
            self.workspaces.append(self._person("Place", f"Meeting room {room + 1}", f"9{room}", (phone,)))
        # A virtual line has no phone of its own: it lives on that of a user.
        line = {**self._phone(self._rng.choice(names.MODELS)), "Device owner UUID": self.users[0].uuid}
        self.virtual_lines.append(self._person("VirtualLine", f"{self.site.name} front desk", "95", (line,)))

    def hunt_groups(self) -> tuple[Service, ...]:
        """One group that rings its members in turn, and one that rings them all at once."""
        return (
            self.service("HuntGroup", "Service desk", 1, self._team(), sequential=True),
            self.service("HuntGroup", "Sales", 2, self._team()),
        )

    def queues(self) -> tuple[Service, ...]:
        """One queue of each type."""
        return (
            self.service("CallCenterPremium", "Customer care", 3, self._team(), queue_type="Customer Assist"),
            self.service("CallCenterStandard", "Order line", 9, self._team(), queue_type="Call Queue"),
        )

    def paging_group(self) -> Service:
        """A group that speaks to all its members at once."""
        return self.service("GroupPaging", "Announcements", 10, self._team())

    def trunk(self) -> Service:
        """The local gateway of the site, as the party that stands for the telephone network in records."""
        return self.service("LocalGateway", self.site.pstn.trunk, 11)

    def service(
        self,
        user_type: str,
        name: str,
        index: int,
        members: tuple[Person, ...] = (),
        *,
        sequential: bool = False,
        queue_type: str = "",
    ) -> Service:
        """A service of the site; its number and extension follow from its index, which is unique within the site."""
        party = self._party(user_type, f"{self.site.name} {name}" if user_type != "LocalGateway" else name)
        # The voice portal has one and the same name everywhere: readers of records know a deposit by it.
        if user_type == "VoiceMailRetrieval":
            party["name"] = name
        number = "" if user_type in ("GroupPaging", "LocalGateway") else self._city.numbers.number(index)
        extension = f"{self._position + 2}0{index:02}"
        return Service(
            **party,
            number=number,
            extension=extension,
            site=self.site,
            endpoints=(self._endpoint(party, number or extension, {}),),
            members=members,
            sequential=sequential,
            queue_type=queue_type,
        )

    def _team(self) -> tuple[Person, ...]:
        return tuple(self._rng.sample(self.users, min(_GROUP_SIZE, len(self.users))))

    def _person(self, user_type: str, name: str, tail: str, endpoints: tuple[Fields, ...]) -> Person:
        party = self._party(user_type, name)
        number = ""
        if self._rng.random() < _DID_SHARE:
            free = next(self._free_numbers, None)
            number = "" if free is None else self._city.numbers.number(free)
        extension = f"{self._position + 2}{tail}"
        department = self._rng.choice(list(self._departments.values())) if user_type == "User" else ""
        own = {"Department ID": department, "Caller ID number": number or self.site.main_number}
        return Person(
            **party,
            number=number,
            extension=extension,
            site=self.site,
            endpoints=tuple(self._endpoint(party, number or extension, {**own, **phone}) for phone in endpoints),
        )

    def _party(self, user_type: str, name: str) -> dict[str, str]:
        return {"name": name, "uuid": new_uuid(self._rng), "user_type": user_type}

    def _endpoint(self, party: dict[str, str], number: str, extra: Fields) -> Fields:
        return {
            "Org UUID": self._org_uuid,
            "Site main number": self.site.main_number,
            "Location": self.site.name,
            "Site UUID": self.site.uuid,
            "User": party["name"],
            "User UUID": party["uuid"],
            "User type": party["user_type"],
            "User number": number,
            **extra,
        }

    def _user_endpoints(self) -> tuple[Fields, ...]:
        draw = self._rng.random()
        if draw < 0.45:
            return (self._phone(self._rng.choice(names.MODELS)), self._app())
        if draw < 0.80:
            return (self._app(),)
        if draw < 0.92:
            return ({**self._app(), "Client type": "TEAMS_WXC_CLIENT"},)
        return ({"Client type": "WXC_THIRD_PARTY", "Device MAC": self._mac()},)

    def _phone(self, model: str) -> Fields:
        return {"Client type": "WXC_DEVICE", "Device MAC": self._mac(), "Model": model}

    def _app(self) -> Fields:
        return {
            "Client type": "WXC_CLIENT",
            "Client version": self._rng.choice(_CLIENT_VERSIONS),
            "OS type": self._rng.choice(("win", "win", "mac", "ios", "android")),
        }

    def _mac(self) -> str:
        # The second bit of the first byte marks a locally administered address: no manufacturer's, so nobody's.
        return f"02{self._rng.getrandbits(40):010X}"
