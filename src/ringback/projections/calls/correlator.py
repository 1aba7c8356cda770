"""From new records to the calls they belong to, looking at nothing but the calls they touch.

Every call is named after the record of it that the ledger got first: its id is made of that record's id and start. So
a call has the same id however often all is made anew, the older id survives when two calls become one, and an id that
was given out once is for ever that of a record, whose call it leads to.

In here an id is its 16 bytes: it is compared, hashed and handed to the database a dozen times for each record.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from ringback.projections.calls.bulk import Deleting, Finding, Inserting
from ringback.projections.calls.links import NEAR, Links, components, unresolved
from ringback.store.schema import call_groups, call_legs, call_names

_STRETCH = 2 * NEAR
"""Milliseconds. Names are kept by stretches of time, so long that whatever is near enough is in one of two of them."""

_LAST = 2**48 - 1
"""Milliseconds that fit into an id: until the year 10889."""

_LEG = ("id", "record_id", "call", "first", "links")
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Links).decode

_leg_by_id = Finding(select(*call_legs.c[_LEG]), call_legs.c.id)
_leg_by_call = Finding(select(*call_legs.c[_LEG]), call_legs.c.call)
_call_of_leg = Finding(select(call_legs.c.call), call_legs.c.id)
_leg_of_group = Finding(select(call_groups.c.leg), call_groups.c.key)
_leg_of_name = Finding(select(call_names.c.leg), call_names.c.name, call_names.c.stretch)

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
        id: the id of the call that it would begin.
        first: sequence number of its first version.
    """

    id: bytes
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

    id: bytes
    record_id: str
    call: bytes | None
    first: int
    links: Links


class FoundCall(msgspec.Struct, frozen=True):
    """A call as it is now.

    Attributes:
        pending: related ids that its records name and that no record has.
    """

    id: bytes
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
    merged: Mapping[bytes, bytes]
    before: Mapping[bytes, Member]
    changed: frozenset[bytes]


def call_id(org: UUID, record_id: str, start_at: int) -> bytes:
    """The id of the call that a record begins, a UUID of version 8 (RFC 9562, section 5.8).

    It begins with the time, so that calls of one time lie together in every index: with ids that are all chance, each
    new one would fall into another page of the database.

    Args:
        start_at: start of the first version of the record, milliseconds since 1970.
    """
    made = bytearray(min(max(start_at, 0), _LAST).to_bytes(6, "big"))
    made += blake2b(org.bytes + record_id.encode(), digest_size=10).digest()
    made[6] = 0x80 | made[6] & 0x0F
    made[8] = 0x80 | made[8] & 0x3F
    return bytes(made)


def correlate(connection: Connection, org: UUID, records: Sequence[NewRecord]) -> Correlation:
    """Find the calls that some records belong to, and how those change. Writes nothing."""
    came = {record.id: record for record in records}
    before = _members(_leg_by_id(connection, came, org.bytes))
    touched = {member.call for member in before.values() if member.call} | _reached(connection, org, records)
    members = _members(_leg_by_call(connection, touched, org.bytes))
    former = {member.call for member in members.values()}
    for key, record in came.items():
        old = before.get(key)
        first, call = (old.first, old.call) if old else (record.first, None)
        members[key] = Member(key, record.record_id, call, first, record.links)
    by_record = {member.record_id: member for member in members.values()}
    links = {member.record_id: member.links for member in members.values()}
    found = []
    now: dict[bytes, bytes] = {}
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


def _is_new(member: Member, call: FoundCall, came: Container[bytes]) -> bool:
    return member.id in came or member.call != call.id


def keep(connection: Connection, org: UUID, correlation: Correlation) -> None:
    """Write which record is in which call, and what joins it to others, in the caller's transaction.

    Rows are written in the order of their keys, so that what is written together lies together.
    """
    changed = correlation.changed
    rows = [
        (org.bytes, member.id, member.record_id, call.id, member.first, _encode(member.links))
        for call in correlation.calls
        for member in call.members
        if member.id in changed or member.call != call.id
    ]
    _put_legs(connection, sorted(rows))
    _keep_names(connection, org, correlation)
    _keep_groups(connection, org, correlation)


def _keep_names(connection: Connection, org: UUID, correlation: Correlation) -> None:
    members = (member for call in correlation.calls for member in call.members if member.id in correlation.changed)
    new = {row for member in members for row in _name_rows(org, member)}
    old = {row for member in correlation.before.values() for row in _name_rows(org, member)}
    _forget_names(connection, old - new)
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
                    having.setdefault(group, member.id)
    _forget_groups(connection, [(org.bytes, _digest(group)) for group in lost - having.keys()])
    _put_groups(connection, sorted((org.bytes, _digest(group), leg) for group, leg in having.items()))


def _reached(connection: Connection, org: UUID, records: Iterable[NewRecord]) -> set[bytes]:
    """The calls that records which are there already lead to, by what the new ones have in common with them."""
    groups = {_digest(group) for record in records for group in record.links.groups}
    legs = {leg for (leg,) in _leg_of_group(connection, groups, org.bytes)}
    wanted: dict[int, set[str]] = {}
    for record in records:
        links = record.links
        names = [f"l{name}" for name in links.named] + [f"w{name}" for name in links.local]
        for edge in (links.start_at - NEAR, links.start_at + NEAR):
            wanted.setdefault(edge // _STRETCH, set()).update(names)
    for stretch, some in wanted.items():
        legs |= {leg for (leg,) in _leg_of_name(connection, some, org.bytes, stretch)}
    return {call for (call,) in _call_of_leg(connection, legs, org.bytes)}


def _members(rows: Iterable[Sequence[Any]]) -> dict[bytes, Member]:
    return {leg: Member(leg, record_id, call, first, _decode(links)) for leg, record_id, call, first, links in rows}


def _name_rows(org: UUID, member: Member) -> Iterable[tuple[bytes, int, str, bytes]]:
    links = member.links
    stretch = links.start_at // _STRETCH
    names = [f"l{name}" for name in links.local] + [f"w{name}" for name in links.named]
    return [(org.bytes, stretch, name, member.id) for name in names]


def _digest(group: str) -> bytes:
    return blake2b(group.encode(), digest_size=16).digest()
