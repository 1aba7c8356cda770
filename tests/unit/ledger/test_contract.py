"""The values that a ledger is asked with and answers with."""

from __future__ import annotations

import pytest

from ringback.ledger import Appended, Ledger, MemoryLedger, Position, SqlLedger


def test_what_became_of_batches_adds_up() -> None:
    """The counts of several batches can be added, and `total` is the size of them all."""
    both = Appended(new=1, revised=2, duplicate=3, quarantined=4) + Appended(new=10, revised=20, quarantined=40)
    assert both == Appended(new=11, revised=22, duplicate=3, quarantined=44)
    assert both.total == 80
    assert Appended().total == 0


def test_positions_are_ordered_by_time_first() -> None:
    """A position is before another if its time is earlier, or at equal times if its sequence number is smaller."""
    positions = [Position(2, 1), Position(1, 9), Position(1, 10), Position(2, 0)]
    assert sorted(positions) == [Position(1, 9), Position(1, 10), Position(2, 0), Position(2, 1)]


@pytest.mark.parametrize("implementation", [MemoryLedger, SqlLedger])
def test_implementations_have_no_other_public_names(implementation: type) -> None:
    """A ledger offers what the contract has and nothing else, so that one can stand in for another."""
    assert public(implementation) == public(Ledger)


def public(kind: type) -> set[str]:
    """The public names of a class."""
    return {name for name in vars(kind) if not name.startswith("_")}
