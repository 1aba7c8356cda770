"""Mixes of faults and of behaviour of the simulated PBX."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from ringback.simulator.pbx import Behaviour, Fault, Faults

START = datetime(2026, 3, 2, tzinfo=UTC)
SEEDS = range(200)


def test_mixes_have_all_faults_and_end() -> None:
    """Among many mixes each fault occurs; each is by chance, and none strikes for ever."""
    mixes = [Faults.random(seed, since=START, until=START + timedelta(days=1)) for seed in SEEDS]
    assert {type(rule.fault) for mix in mixes for rule in mix.rules} == set(get_args(Fault))
    assert all(rule.share is not None and rule.share <= 0.1 for mix in mixes for rule in mix.rules)
    assert all(mix.in_a_row == 3 for mix in mixes)
    assert any(mix.outages for mix in mixes)
    assert any(mix.restarts for mix in mixes)


def test_mixes_are_the_same_for_the_same_seed() -> None:
    """The same seed gives the same mix, and without a range there are no outages."""
    assert Faults.random(7) == Faults.random(7) != Faults.random(8)
    assert not any(Faults.random(seed).outages for seed in SEEDS)


def test_mixes_can_be_written_down() -> None:
    """A script can be written as JSON and read back."""
    mix = Faults.random(3, since=START, until=START + timedelta(days=1))
    assert msgspec.json.decode(msgspec.json.encode(mix), type=Faults) == mix


@pytest.mark.parametrize(
    "name", [name for name in Behaviour.__struct_fields__ if name not in ("cdrs_options", "refresh_lifetime")]
)
def test_every_choice_is_drawn(name: str) -> None:
    """Each choice takes all its values, or several of them, among many drawn behaviours."""
    drawn = {getattr(Behaviour.random(seed), name) for seed in SEEDS}
    hint = get_type_hints(Behaviour)[name]
    assert drawn == set(get_args(hint)) if get_origin(hint) is Literal else len(drawn) > 1


def test_every_row_can_be_had_under_drawn_behaviour() -> None:
    """One of the two lists heeds options, there is a way in, and rows are found by time or come newest first."""
    for seed in SEEDS:
        drawn = Behaviour.random(seed)
        assert drawn.cdrs_options == "honoured"
        assert set(drawn.logins) - ({"auth"} if drawn.two_factor else set())
        by_time = drawn.filterable in ("all", "no_end")
        assert by_time or drawn.sortable or drawn.default_order == "newest"
        msgspec.convert(msgspec.to_builtins(drawn), Behaviour)


@pytest.mark.parametrize(
    ("behaviour", "readable"),
    [
        (Behaviour(), "calllogs"),
        (Behaviour(calllogs=False), "cdrs"),
        (Behaviour(calllogs_options="ignored"), "cdrs"),
        (Behaviour(calllogs_options="rejected"), "cdrs"),
    ],
)
def test_which_list_can_be_read(behaviour: Behaviour, readable: str) -> None:
    """Call logs can be read where they exist and heed options; elsewhere the sessions can."""
    assert behaviour.readable == readable
