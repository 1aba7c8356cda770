"""From new records to the calls they belong to, looking at nothing but the calls they touch.

Every call is named after the record of it that the ledger got first: its id is made of that record's id. So a call has
the same id however often all is made anew, the older id survives when two calls become one, and an id that was given
out once is for ever that of a record, whose call it leads to.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from ringback.projections.calls.bulk import Deleting, Finding, Inserting
from ringback.projections.calls.links import Links, components, unresolved
from ringback.store.schema import call_groups, call_legs, call_names

_CALLS = UUID("5f2c9d5e-0a9b-4d0c-9f43-0f8a8d1b6c02")
_DAY = 24 * 60 * 60 * 1000
_LEG = ("id", "record_id", "call", "first", "links")
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Links).decode

_leg_by_id = Finding(select(*call_legs.c[_LEG]), call_legs.c.id)
_leg_by_call = Finding(select(*call_legs.c[_LEG]), call_legs.c.call)
_call_of_leg = Finding(select(call_legs.c.call), call_legs.c.id)
_leg_of_group = Finding(select(call_groups.c.leg), call_groups.c.key)
_leg_of_name = Finding(select(call_names.c.leg), call_names.c.name, call_names.c.day)

_legs = insert(call_legs)
_put_legs = Inserting(
    _legs.on_conflict_do_update(
        index_elements=[call_legs.c.org, call_legs.c.id],
        set_={"call": _legs.excluded.call, "links": _legs.excluded.links},
    )
)
_groups = insert(call_groups)
_put_groups = Inserting(
    _groups.on_conflict_do_update(
        index_elements=[call_groups.c.org, call_groups.c.key],
        set_={"leg": _groups.excluded.leg},
        where=call_groups.c.leg != _groups.excluded.leg,
    )
)
_forget_groups = Deleting(call_groups.c.org, call_groups.c.key)
_put_names = Inserting(insert(call_names).on_conflict_do_nothing())
_forget_names = Deleting(*call_names.c)


class NewRecord(msgspec.Struct, frozen=True):
    """A record that came, or came in a new revision.

    Attributes:
        first: sequence number of its first version.
    """

    record_id: str
    first: int
    links: Links


class Member(msgspec.Struct, frozen=True):
    """A record of a call.

    Attributes:
        id: the id of the call that it would begin.
        call: the call it was in; None if it is new.
        first: sequence number of its first version.
    """

    id: UUID
    record_id: str
    call: UUID | None
    first: int
    links: Links


class FoundCall(msgspec.Struct, frozen=True):
    """A call as it is now.

    Attributes:
        pending: related ids that its records name and that no record has.
    """

    id: UUID
    members: Sequence[Member]
    pending: int


class Correlation(msgspec.Struct, frozen=True):
    """What some new records change.

    Attributes:
        calls: that have changed, or may have.
        merged: ids of calls that are none any more, each with the call that it is part of.
        before: the changed records as they were, for those that were known.
        changed: ids (`Member.id`) of the records that came.
    """

    calls: Sequence[FoundCall]
    merged: Mapping[UUID, UUID]
    before: Mapping[UUID, Member]
    changed: frozenset[UUID]


def call_id(org: UUID, record_id: str) -> UUID:
    """The id of the call that a record begins."""
    return uuid5(_CALLS, f"{org}/{record_id}")


def correlate(connection: Connection, org: UUID, records: Sequence[NewRecord]) -> Correlation:
    """Find the calls that some records belong to, and how those change. Writes nothing."""
    came = {call_id(org, record.record_id): record for record in records}
    before = _members(_leg_by_id(connection, [key.bytes for key in came], org.bytes))
    touched = {member.call.bytes for member in before.values() if member.call} | _reached(connection, org, records)
    members = _members(_leg_by_call(connection, touched, org.bytes))
    former = {member.call for member in members.values()}
    for key, record in came.items():
        old = before.get(key)
        first, call = (old.first, old.call) if old else (record.first, None)
        members[key] = Member(key, record.record_id, call, first, record.links)
    by_record = {member.record_id: member for member in members.values()}
    links = {member.record_id: member.links for member in members.values()}
    found = []
    now: dict[UUID, UUID] = {}
    for component in components(links):
        together = sorted((by_record[record_id] for record_id in component), key=lambda each: each.first)
        now |= dict.fromkeys((member.id for member in together), together[0].id)
        pending = unresolved({member.record_id: member.links for member in together})
        found.append(FoundCall(together[0].id, together, len(pending)))
    left = {member.call for member in members.values() if member.call != now[member.id]}
    found = [call for call in found if call.id in left or any(_is_new(member, call, came) for member in call.members)]
    roots = set(now.values())
    merged = {call: now[call] for call in former if call is not None and call not in roots}
    return Correlation(found, merged, before, frozenset(came))


def _is_new(member: Member, call: FoundCall, came: Container[UUID]) -> bool:
    return member.id in came or member.call != call.id


def keep(connection: Connection, org: UUID, correlation: Correlation) -> None:
    """Write which record is in which call, and what joins it to others, in the caller's transaction."""
    changed = correlation.changed
    rows = [
        (org.bytes, member.id.bytes, member.record_id, call.id.bytes, member.first, _encode(member.links))
        for call in correlation.calls
        for member in call.members
        if member.id in changed or member.call != call.id
    ]
    _put_legs(connection, rows)
    _keep_names(connection, org, correlation)
    _keep_groups(connection, org, correlation)


def _keep_names(connection: Connection, org: UUID, correlation: Correlation) -> None:
    members = (member for call in correlation.calls for member in call.members if member.id in correlation.changed)
    new = {row for member in members for row in _name_rows(org, member)}
    old = {row for member in correlation.before.values() for row in _name_rows(org, member)}
    _forget_names(connection, old - new)
    # In their order, so that what is written together lies together.
    _put_names(connection, sorted(new - old))


def _keep_groups(connection: Connection, org: UUID, correlation: Correlation) -> None:
    """Let each shared id lead to a record that has it."""
    lost = {group for member in correlation.before.values() for group in member.links.groups}
    having: dict[str, bytes] = {}
    for call in correlation.calls:
        here = {group for member in call.members if member.id in correlation.changed for group in member.links.groups}
        for member in call.members:
            for group in member.links.groups:
                if group in here or group in lost:
                    having.setdefault(group, member.id.bytes)
    _forget_groups(connection, [(org.bytes, _digest(group)) for group in lost - having.keys()])
    _put_groups(connection, [(org.bytes, _digest(group), leg) for group, leg in having.items()])


def _reached(connection: Connection, org: UUID, records: Iterable[NewRecord]) -> set[bytes]:
    """The calls that records which are there already lead to, by what the new ones have in common with them."""
    groups = {_digest(group) for record in records for group in record.links.groups}
    legs = {leg for (leg,) in _leg_of_group(connection, groups, org.bytes)}
    wanted: dict[int, set[str]] = {}
    for record in records:
        links = record.links
        names = [f"l{name}" for name in links.named] + [f"w{name}" for name in links.local]
        day = links.start_at // _DAY
        for near in (day - 1, day, day + 1):
            wanted.setdefault(near, set()).update(names)
    for day, some in wanted.items():
        legs |= {leg for (leg,) in _leg_of_name(connection, some, org.bytes, day)}
    return {call for (call,) in _call_of_leg(connection, legs, org.bytes)}


def _members(rows: Iterable[Sequence[Any]]) -> dict[UUID, Member]:
    found = {}
    for key, record_id, call, first, links in rows:
        leg = UUID(bytes=key)
        found[leg] = Member(leg, record_id, UUID(bytes=call), first, _decode(links))
    return found


def _name_rows(org: UUID, member: Member) -> Iterable[tuple[bytes, int, str, bytes]]:
    links = member.links
    day = links.start_at // _DAY
    names = [f"l{name}" for name in links.local] + [f"w{name}" for name in links.named]
    return [(org.bytes, day, name, member.id.bytes) for name in names]


def _digest(group: str) -> bytes:
    return blake2b(group.encode(), digest_size=16).digest()
