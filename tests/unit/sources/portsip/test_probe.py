"""Finding out what the lists of a PBX heed, however it behaves and however few rows it has."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.simulator.pbx import Behaviour, Limits, Traffic, Written, finished_call
from ringback.sources.collecting.kind import SourceAway
from ringback.sources.portsip.abilities import Abilities, Axis
from ringback.sources.portsip.lists import ORDERS
from ringback.sources.portsip.probe import NoRows
from unit.sources.portsip.direct import NOON, DirectSession

ROWS = list(Traffic(1, NOON - timedelta(hours=9), NOON, calls_per_day=400).writes())


def truth(behaviour: Behaviour) -> Abilities:
    """What the list that can be read heeds."""
    name = behaviour.readable
    return Abilities(
        list=name,
        post=name == "cdrs" and behaviour.cdrs_verbs == "post",
        dollar=behaviour.dollar == "dollar",
        top=True,
        skip=True,
        page=100,
        order=ORDERS[0] if behaviour.sortable else "",
        ended=behaviour.filterable == "all",
        started=behaviour.filterable in ("all", "no_end"),
        count=behaviour.count != "absent",
        newest_first=behaviour.default_order == "newest",
    )


def some_rows(number: int, *, minutes: int = 7) -> list[Written]:
    """A few calls, of one length and some minutes apart."""
    return [finished_call(NOON - timedelta(minutes=20 + minutes * each), each) for each in range(number)]


@settings(max_examples=150)
@given(seed=st.integers(0, 10**6))
def test_a_pbx_with_many_rows_is_understood(seed: int) -> None:
    """With a morning of calls to compare, all that the list heeds is found, and nothing else."""
    behaviour = Behaviour.random(seed)
    pbx = DirectSession(behaviour, ROWS)
    assert pbx.probe() == truth(behaviour)
    assert pbx.service.audit.problems() == []


@settings(max_examples=150)
@given(seed=st.integers(0, 10**6), number=st.integers(1, 4), minutes=st.sampled_from([0, 7]))
def test_nothing_is_believed_that_was_not_shown(seed: int, number: int, minutes: int) -> None:
    """With few rows, or rows that all began at one moment, no filter, page or count is believed that is not heeded."""
    behaviour = Behaviour.random(seed)
    found = DirectSession(behaviour, some_rows(number, minutes=minutes)).probe()
    right = truth(behaviour)
    assert (found.list, found.post) == (right.list, right.post)
    for name in ("top", "skip", "ended", "started", "count"):
        assert getattr(found, name) <= getattr(right, name), name
    if number > 1 and minutes:
        assert found.order == right.order
    assert (found.ended, found.started) == (right.ended, right.started)


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
@pytest.mark.parametrize("options", ["ignored", "rejected"])
def test_a_list_that_heeds_nothing_is_left_for_the_other(rows: int, options: str) -> None:
    """A PBX whose call logs take no options, silently or not, is read from its other list, from the first row on."""
    behaviour = msgspec.convert({"calllogs_options": options}, Behaviour)
    pbx = DirectSession(behaviour, some_rows(rows))
    if rows:
        assert pbx.probe().list == "cdrs"
    else:
        with pytest.raises(NoRows):
            pbx.probe()


def test_a_list_that_heeds_nothing_and_no_other() -> None:
    """If both lists heed nothing, or only one may be read, that is told."""
    neither = Behaviour(calllogs_options="ignored", cdrs_options="rejected")
    with pytest.raises(SourceAway, match="/calllogs heeds neither skip nor a filter by time and /cdrs heeds neither"):
        DirectSession(neither, ROWS).probe()
    with pytest.raises(SourceAway, match="it has no /calllogs"):
        DirectSession(Behaviour(calllogs=False), ROWS).probe(["calllogs"])


def test_without_rows_nothing_is_found() -> None:
    """A PBX without rows, or with calls only that are not over, says nothing of what it heeds."""
    with pytest.raises(NoRows) as raised:
        DirectSession(Behaviour()).probe()
    assert raised.value.empty
    call = finished_call(NOON - timedelta(minutes=5))
    running = msgspec.structs.replace(
        call, at=NOON, row=msgspec.structs.replace(call.row, ended_at=None, answered_at=None)
    )
    with pytest.raises(NoRows) as raised:
        DirectSession(Behaviour(in_progress=True), [running]).probe()
    assert not raised.value.empty


def test_finished_calls_are_found_behind_those_that_are_not() -> None:
    """Where the newest hundred rows are all of calls that are not over, older ones are compared."""
    running = []
    for each in range(150):
        call = finished_call(NOON - timedelta(seconds=each), 100 + each)
        row = msgspec.structs.replace(call.row, ended_at=None, answered_at=None)
        running.append(msgspec.structs.replace(call, at=NOON, row=row))
    found = DirectSession(Behaviour(in_progress=True), [*some_rows(3), *running]).probe()
    assert found.axis is Axis.ENDED


@pytest.mark.parametrize(("over_top", "page"), [("clamped", 100), ("rejected", 50)])
def test_a_smaller_largest_page(over_top: str, page: int) -> None:
    """A PBX with smaller pages than documented is asked for a size that it takes; one that cuts them silently is asked
    for the size we like."""
    behaviour = msgspec.convert({"over_top": over_top}, Behaviour)
    found = DirectSession(behaviour, ROWS, limits=Limits(largest_page=50)).probe()
    assert found.page == page


def test_how_many_requests_it_takes() -> None:
    """A PBX that heeds all is probed with ten requests."""
    pbx = DirectSession(Behaviour(), ROWS)
    pbx.probe()
    assert len(pbx.requests) == 10
