"""Which records are one call: what joins them, and what does not."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.projections.calls.links import NEAR, Links, components, links_of, unresolved
from ringback.records.leg import Leg

HOUR = 3_600_000


def calls(**records: Links) -> list[list[str]]:
    """The components, in order."""
    return sorted(sorted(members) for members in components(records))


def leg(**fields: Any) -> Leg:
    """A leg of which only the ids matter."""
    return Leg(org="o", record_id="r", side="originating", **fields)


def test_links_are_read_from_a_leg() -> None:
    """A leg gives its group ids by kind, its own Local call ID, and those of others that it names."""
    made = leg(
        correlation_id="C",
        interaction_id="I",
        network_call_id="N",
        local_call_id="1:0",
        remote_call_id="2:0",
        related_call_id="3:0",
        transfer_related_call_id="4:0",
    )
    assert links_of([made], 5) == Links(5, ("cC", "iI", "nN"), ("1:0",), ("3:0", "4:0"), ("2:0",))


def test_a_record_of_two_legs_has_the_links_of_both() -> None:
    """What two legs of one record have in common stands in its links once."""
    both = [leg(correlation_id="C", local_call_id="1"), leg(correlation_id="C", local_call_id="2")]
    assert links_of(both, 5) == Links(5, ("cC",), ("1", "2"))


@pytest.mark.parametrize("letter", "cin")
def test_equal_group_ids_join(letter: str) -> None:
    """Records with an equal Correlation, Interaction or Network call ID are one call, however far apart they start."""
    assert calls(a=Links(0, (letter + "X",)), b=Links(90 * 24 * HOUR, (letter + "X",))) == [["a", "b"]]


def test_group_ids_of_different_kinds_do_not_join() -> None:
    """An id that is the Correlation ID of one and the Interaction ID of another is no link."""
    assert calls(a=Links(0, ("cX",)), b=Links(0, ("iX",))) == [["a"], ["b"]]


@pytest.mark.parametrize("kind", ["wanted", "remote"])
def test_naming_the_local_call_id_of_another_joins(kind: str) -> None:
    """One record that names the Local call ID of another is enough, in either order and from either side."""
    naming, named = Links(0, **{kind: ("7:0",)}), Links(HOUR, local=("7:0",))
    assert calls(a=naming, b=named) == calls(a=named, b=naming) == [["a", "b"]]


@pytest.mark.parametrize("kind", ["wanted", "remote"])
def test_a_local_call_id_counts_within_24_hours(kind: str) -> None:
    """A counter that has begun again gives an equal id on another day, which is no link."""
    naming = Links(0, **{kind: ("7:0",)})
    assert calls(a=naming, b=Links(NEAR, local=("7:0",))) == [["a", "b"]]
    assert calls(a=naming, b=Links(-NEAR, local=("7:0",))) == [["a", "b"]]
    assert calls(a=naming, b=Links(NEAR + 1, local=("7:0",))) == [["a"], ["b"]]
    assert calls(a=naming, b=Links(-NEAR - 1, local=("7:0",))) == [["a"], ["b"]]


def test_ids_are_compared_exactly() -> None:
    """`7:0` and `7:0A` are two ids, and so are two that differ in case."""
    assert len(calls(a=Links(0, wanted=("7:0",)), b=Links(0, local=("7:0A",)), c=Links(0, local=("7:0a",)))) == 3


def test_two_that_name_the_same_unknown_call_are_not_joined() -> None:
    """Naming the same id is no link while nobody has it."""
    assert calls(a=Links(0, wanted=("7:0",)), b=Links(0, wanted=("7:0",))) == [["a"], ["b"]]
    joined = calls(a=Links(0, wanted=("7:0",)), b=Links(0, wanted=("7:0",)), c=Links(0, local=("7:0",)))
    assert joined == [["a", "b", "c"]]


def test_equal_local_call_ids_do_not_join() -> None:
    """Two records with an equal Local call ID are not one call for that."""
    assert calls(a=Links(0, local=("7:0",)), b=Links(0, local=("7:0",))) == [["a"], ["b"]]


def test_joining_is_transitive() -> None:
    """A record that names two others makes one call of all three."""
    a, b = Links(0, ("cA",), ("1:0",)), Links(0, ("cB",), ("2:0",))
    assert calls(a=a, b=b) == [["a"], ["b"]]
    assert calls(a=a, b=b, c=Links(0, ("cC",), wanted=("1:0", "2:0"))) == [["a", "b", "c"]]


def test_what_is_named_and_unknown_is_pending_once() -> None:
    """A related id that nobody has is pending, however many records name it; an unknown Remote call ID is not."""
    records = {
        "a": Links(0, local=("1:0",), wanted=("8:0", "1:0"), remote=("9:0",)),
        "b": Links(0, wanted=("8:0",)),
        "c": Links(0, local=("8:0A",)),
    }
    assert unresolved(records) == {"8:0"}


IDS = st.sampled_from("xyz")
LINKS = st.builds(
    Links,
    start_at=st.sampled_from((0, HOUR, NEAR, NEAR + 1, 2 * NEAR + 1)),
    groups=st.lists(st.sampled_from(("cx", "cy", "ix", "nx")), max_size=1).map(tuple),
    local=st.lists(IDS, max_size=1).map(tuple),
    wanted=st.lists(IDS, max_size=2).map(tuple),
    remote=st.lists(IDS, max_size=1).map(tuple),
)


def linked(one: Links, other: Links) -> bool:
    """Whether there is a link between two records, as the rules say it, in either direction."""
    if set(one.groups) & set(other.groups):
        return True
    near = abs(one.start_at - other.start_at) <= NEAR
    return near and bool(set(one.named) & set(other.local) or set(other.named) & set(one.local))


@given(st.dictionaries(st.sampled_from("abcdefgh"), LINKS))
def test_components_are_those_of_the_rules(records: dict[str, Links]) -> None:
    """Records are one call exactly if a chain of links leads from one to the other, in whatever order they come."""
    call = {record: {record} for record in records}
    for one, other in combinations(records, 2):
        if linked(records[one], records[other]) and call[one] is not call[other]:
            call[one] |= call[other]
            for member in call[other]:
                call[member] = call[one]
    expected = sorted({tuple(sorted(members)) for members in call.values()})
    backwards = dict(reversed(records.items()))
    assert [tuple(members) for members in calls(**records)] == expected
    assert [tuple(members) for members in calls(**backwards)] == expected
