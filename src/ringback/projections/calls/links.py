"""Which records belong to one call: typed links between them, and what they join.

The rules, with their sources, are in `docs/calls.md`. Ids are opaque and compared exactly. Joining is transitive and
does not depend on the order in which records came.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ringback.records.leg import Leg

NEAR = 24 * 60 * 60 * 1000
"""Milliseconds between two starts within which a match on Local call IDs counts. They come from counters that begin
again, so that an equal one on another day is another leg."""


class Links(msgspec.Struct, frozen=True, array_like=True):
    """What joins a record to others of its org.

    Attributes:
        start_at: of the record, milliseconds since 1970.
        groups: ids that all records of a group share, each with a letter before it for what it is: the Correlation ID
            (of a PortSIP call log its session id), the Interaction ID, the Network call ID.
        local: its own Local call ID.
        wanted: Local call IDs of others that it names as related, or as related by a transfer.
        remote: Local call ID of the other view of its leg.
    """

    start_at: int
    groups: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    remote: tuple[str, ...] = ()

    @property
    def named(self) -> Iterator[str]:
        """All Local call IDs of others that it names."""
        yield from self.wanted
        yield from self.remote


def links_of(legs: Iterable[Leg], start_at: int) -> Links:
    """The links of a record.

    Args:
        legs: of the record. One record may tell of both sides of a leg.
        start_at: of the record, milliseconds since 1970.
    """
    groups: dict[str, None] = {}  # sets without chance in their order
    local: dict[str, None] = {}
    wanted: dict[str, None] = {}
    remote: dict[str, None] = {}
    for leg in legs:
        for letter, value in (("c", leg.correlation_id), ("i", leg.interaction_id), ("n", leg.network_call_id)):
            if value:
                groups[letter + value] = None
        for value, into in (
            (leg.local_call_id, local),
            (leg.related_call_id, wanted),
            (leg.transfer_related_call_id, wanted),
            (leg.remote_call_id, remote),
        ):
            if value:
                into[value] = None
    return Links(start_at, tuple(groups), tuple(local), tuple(wanted), tuple(remote))


def components(records: Mapping[str, Links]) -> list[list[str]]:
    """What belongs together of some records of one org: each is in exactly one of the lists.

    Args:
        records: by record id.
    """
    joined = _Joined(records)
    groups: dict[str, str] = {}
    owners = owners_of(records)
    for record, links in records.items():
        for group in links.groups:
            joined.join(record, groups.setdefault(group, record))
        for name in links.named:
            for owner in owners.near(name, links.start_at):
                joined.join(record, owner)
    return joined.components()


def unresolved(records: Mapping[str, Links]) -> set[str]:
    """The related ids that the records of a call name, and that are the Local call ID of no record.

    Args:
        records: all of the call, by record id. If a record with such an id were known, it would be among them.
    """
    if not any(links.wanted for links in records.values()):
        return set()
    owners = owners_of(records)
    return {name for links in records.values() for name in links.wanted if not owners.near(name, links.start_at)}


class Owners:
    """Whose Local call ID it is, and when."""

    def __init__(self, known: Mapping[str, Sequence[tuple[int, str]]]) -> None:
        self._known = known

    def near(self, local: str, start_at: int) -> list[str]:
        """The records with this Local call ID that start within 24 hours of a time."""
        found = self._known.get(local, ())
        first = bisect_left(found, (start_at - NEAR, ""))
        last = bisect_left(found, (start_at + NEAR + 1, ""))
        return [record for _, record in found[first:last]]


def owners_of(records: Mapping[str, Links]) -> Owners:
    """Whose Local call ID each is, among some records."""
    known: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for record, links in records.items():
        for local in links.local:
            known[local].append((links.start_at, record))
    return Owners({local: sorted(found) for local, found in known.items()})


class _Joined:
    """Union-find: by size, halving paths."""

    def __init__(self, members: Iterable[str]) -> None:
        self._parent = {member: member for member in members}
        self._size = dict.fromkeys(self._parent, 1)

    def join(self, one: str, other: str) -> None:
        one, other = self._root(one), self._root(other)
        if one == other:
            return
        if self._size[one] < self._size[other]:
            one, other = other, one
        self._parent[other] = one
        self._size[one] += self._size[other]

    def components(self) -> list[list[str]]:
        together: defaultdict[str, list[str]] = defaultdict(list)
        for member in self._parent:
            together[self._root(member)].append(member)
        return list(together.values())

    def _root(self, member: str) -> str:
        parent = self._parent
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member
