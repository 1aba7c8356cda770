"""What to ask next of a PBX, and what is complete: against a PBX of a few numbers, whatever it can be filtered by."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ringback.ledger.windows import AUDIT, FOLDED, AskedWindow, Backfill, Counts, Ended
from ringback.sources.collecting.intervals import DAY, HOUR, MINUTE, SECOND, subtract
from ringback.sources.collecting.plan import HINTED, History, Outlook, Task
from ringback.sources.portsip.abilities import DETAILS, PROBE, Abilities, Axis, axis_of, list_of
from ringback.sources.portsip.coverage import proof
from ringback.sources.portsip.planner import LIVE, REREAD, Present, look
from ringback.sources.portsip.rules import Rules
from ringback.sources.portsip.troubles import SMALLEST

NOW = 1_772_500_000_000
RULES = Rules(longest_call=3 * HOUR, history=2 * DAY)
BY_END = Abilities(list="calllogs", top=True, skip=True, ended=True, started=True, order="started_at asc", count=True)
BY_START = msgspec.structs.replace(BY_END, ended=False)
NEWEST_FIRST = msgspec.structs.replace(BY_START, started=False)
WHOLE = msgspec.structs.replace(NEWEST_FIRST, order="")
ALL_KINDS = [BY_END, BY_START, NEWEST_FIRST, WHOLE]
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""Each example takes a long time; a smaller one would be no clearer."""

NAMES = ["end", "start", "newest first", "whole"]


class Call(msgspec.Struct, frozen=True):
    """A row of the PBX: the times of its call, and since when it is in the list."""

    start: int
    end: int
    listed: int


class Plan:
    """A collector without HTTP, store and threads: it carries out what the planner says, a window in two seconds."""

    def __init__(self, abilities: Abilities, calls: Sequence[Call] = (), *, rules: Rules = RULES) -> None:
        self.abilities = abilities
        self.rules = rules
        self.calls = list(calls)
        self.now = NOW
        self.probed_at: int | None = None
        self.history = History(begins_at=NOW - rules.history)
        self.has: set[Call] = set()

    def look(self, **values: Any) -> Outlook:
        """What follows now."""
        known = self.abilities if self.probed_at is not None else None
        present = Present(now=self.now, abilities=known, probed_at=self.probed_at)
        return look(self.rules, self.history, msgspec.structs.replace(present, **values))

    def give(self, task: Task) -> set[Call]:
        """The rows of a window that are in the list now, without those within a second of its bounds."""
        axis = axis_of(task.endpoint)
        start, end = task.start + SECOND, task.end - SECOND
        listed = [call for call in self.calls if call.listed <= self.now]
        if axis is Axis.ENDED:
            return {call for call in listed if start <= call.end < end}
        return {call for call in listed if start <= call.start < end}

    def step(self, ended: Ended = Ended.COMPLETE) -> Outlook:
        """Ask one window, or wait."""
        outlook = self.look()
        self.carry_out(outlook, ended)
        return outlook

    def carry_out(self, outlook: Outlook, ended: Ended = Ended.COMPLETE) -> list[AskedWindow]:
        """Do what an outlook says; the window that was asked, if one was."""
        task = outlook.task
        if task is None:
            assert outlook.wait > 0
            self.now += outlook.wait
            return []
        assert task.start < task.end
        assert task.start % SECOND == task.end % SECOND == 0
        given = self.give(task) if list_of(task.endpoint) else set()
        asked_at = self.now
        self.now += 2 * SECOND
        if task.endpoint == PROBE:
            ended = Ended.COMPLETE
            self.probed_at = asked_at
        if ended is Ended.COMPLETE:
            self.has |= given
        window = AskedWindow(
            number=len(self.history.windows) + 1,
            endpoint=task.endpoint,
            purpose=task.purpose,
            start=task.start,
            end=task.end,
            asked_at=asked_at,
            ended_at=self.now,
            ended=ended,
            counts=Counts(items=len(given), pages=1),
        )
        self.history.windows = [*self.history.windows, window]
        return [window]

    def run(self, span: int, most: int = 2000) -> list[AskedWindow]:
        """Go on for so long; the windows that were asked."""
        until, before = self.now + span, len(self.history.windows)
        while self.now < until:
            self.step()
            assert len(self.history.windows) - before < most
        return list(self.history.windows[before:])

    def catch_up(self, most: int = 400) -> int:
        """Ask until caught up; how many windows that took."""
        for number in range(most):
            if self.look().caught_up:
                return number
            self.step()
        raise AssertionError(f"not caught up after {most} windows")

    def check(self) -> None:
        """See that what is said to be complete is."""
        proved = proof(self.rules, self.history.windows)
        for call in self.calls:
            if any(start <= call.end < end for start, end in proved):
                assert call in self.has, call


def some_calls(seed: int, begin: int, end: int, number: int = 400, rules: Rules = RULES) -> list[Call]:
    """Calls of all lengths, whose rows are prompt or late, many of them at the times that windows begin and end."""
    random = Random(seed)
    calls = []
    for _ in range(number):
        start = random.randrange(begin, end)
        if random.random() < 0.3:
            start -= start % MINUTE
        long = random.choice([0, 10 * SECOND, 5 * MINUTE, HOUR, rules.longest_call])
        late = random.choice([0, SECOND, 30 * SECOND, rules.latest_row])
        calls.append(Call(start, start + long, start + long + late))
    return calls


@settings(max_examples=120, phases=NO_SHRINKING)
@given(
    seed=st.integers(0, 10**6),
    abilities=st.sampled_from(ALL_KINDS),
    outages=st.lists(st.integers(1, 30 * 60), max_size=3),
    failing=st.floats(0, 0.4),
)
def test_what_is_called_complete_is_complete(
    seed: int, abilities: Abilities, outages: list[int], failing: float
) -> None:
    """Whatever the list can be filtered by, after outages of any length, with windows that fail or are cut off, and
    with hints, every row of a time that is called complete is there, and in the end every time is."""
    begin = NOW - RULES.history
    plan = Plan(abilities, some_calls(seed, begin - RULES.longest_call, NOW + 3 * DAY, 1500))
    random = Random(seed)
    for outage in [0, *outages]:
        plan.now += outage * MINUTE
        for _ in range(15):
            bad = random.choice([Ended.FAILED, Ended.INTERRUPTED])
            plan.history.hinted_at = plan.now - MINUTE if random.random() < 0.2 else None
            plan.step(bad if random.random() < failing else Ended.COMPLETE)
        plan.check()
    plan.history.hinted_at = None
    plan.catch_up()
    plan.check()
    complete = plan.look().complete_up_to
    assert complete >= plan.now - 45 * MINUTE
    assert subtract([(begin, complete)], proof(RULES, plan.history.windows)) == []
    assert {call for call in plan.calls if begin <= call.end < complete} <= plan.has


@settings(max_examples=10, phases=NO_SHRINKING)
@given(seed=st.integers(0, 10**6), abilities=st.sampled_from([BY_END, BY_START]), poison=st.integers(0, 2 * DAY))
def test_a_window_that_keeps_failing_keeps_nothing_else_waiting(seed: int, abilities: Abilities, poison: int) -> None:
    """Of a range that never comes whole, smaller and smaller pieces are asked for, until all but a few seconds of it is
    read; the newest rows are read meanwhile."""
    plan = Plan(abilities, some_calls(seed, NOW - 3 * DAY, NOW + DAY))
    bad = NOW - RULES.history + poison
    name = BY_END.list + (" by end" if abilities.ended else " by start")
    for _ in range(300):
        task = plan.look().task
        fails = task is not None and task.endpoint == name and task.start <= bad < task.end
        plan.step(Ended.FAILED if fails else Ended.COMPLETE)
        if plan.now > NOW + 3 * HOUR:
            break
    plan.check()
    failed = [window for window in plan.history.windows if window.ended is Ended.FAILED]
    assert failed
    assert min(window.end - window.start for window in failed) <= SMALLEST + 2 * SECOND
    assert len(failed) < 150
    axis = "end" if abilities.ended else "start"
    lost = {
        call
        for call in plan.calls
        if NOW - RULES.history <= call.end < plan.now - HOUR and abs(getattr(call, axis) - bad) > 20 * SECOND
    } - plan.has
    assert lost == set()
    # Of ends nothing else is in doubt; a start is in doubt for as long as a call may last.
    doubt = 30 * SECOND if abilities.ended else RULES.longest_call + 30 * SECOND
    missing = subtract([(NOW - RULES.history, plan.now - HOUR)], proof(RULES, plan.history.windows))
    assert all(bad - doubt <= start and end <= bad + doubt for start, end in missing)


@pytest.mark.parametrize("rules", [RULES, msgspec.structs.replace(RULES, latest_row=0)], ids=["usual", "at once"])
@pytest.mark.parametrize("abilities", ALL_KINDS, ids=NAMES)
def test_a_quiet_time_costs_a_window_a_poll(abilities: Abilities, rules: Rules) -> None:
    """Once caught up, six hours cost one window a minute for the newest rows, and a few for the audit. Where rows
    cannot be found by their end, they cost besides those one or two windows every 15 minutes."""
    plan = Plan(abilities, rules=rules)
    plan.now -= plan.now % DAY  # where all that follows a grid falls together
    plan.catch_up()
    plan.run(2 * HOUR)
    asked = plan.run(6 * HOUR)
    live = [window for window in asked if window.purpose == LIVE]
    assert len(live) <= 370
    assert len(live) >= (0 if abilities is WHOLE else 350)
    rest = [window for window in asked if window.purpose not in (LIVE, REREAD)]
    assert len(rest) <= 16
    reread = [window for window in asked if window.purpose == REREAD]
    assert len(reread) <= (0 if abilities.ended else 24 * 2)
    assert plan.look().complete_up_to > plan.now - (3 * MINUTE if abilities.ended else 20 * MINUTE)


@pytest.mark.parametrize("abilities", ALL_KINDS, ids=NAMES)
def test_the_first_collection_costs_its_arithmetic(abilities: Abilities) -> None:
    """The first collection reads its history once, in windows of 6 hours that overlap by a minute; a list that cannot
    be filtered is read once as a whole."""
    plan = Plan(abilities)
    plan.catch_up()
    asked = [
        window for window in plan.history.windows if window.purpose not in (LIVE, AUDIT) and window.endpoint != PROBE
    ]
    reach = RULES.history + (0 if abilities.ended else RULES.longest_call)
    windows = -(-reach // (RULES.span - RULES.overlap)) if abilities.started else 1
    assert windows - 1 <= len(asked) <= windows + 1


def test_the_newest_rows_are_not_kept_waiting_by_old_ones() -> None:
    """While a year is being read, the newest rows are asked for first, and then every five minutes."""
    rules = msgspec.structs.replace(RULES, history=365 * DAY)
    plan = Plan(BY_END, rules=rules)
    asked = plan.run(30 * MINUTE)
    assert [window.purpose for window in asked[:2]] == [PROBE, LIVE]
    live = [window.asked_at for window in asked if window.purpose == LIVE]
    assert len(live) >= 6
    assert all(after - before <= 6 * MINUTE for before, after in pairwise(live))


def test_dense_rows_are_read_in_short_windows() -> None:
    """Where many rows are, windows are cut so that each has some two thousand."""
    calls = [Call(at, at + MINUTE, at + MINUTE) for at in range(NOW - RULES.history, NOW, 2 * SECOND)]
    plan = Plan(BY_END, calls)
    plan.catch_up()
    rows = [window.counts.items for window in plan.history.windows[4:] if window.purpose != LIVE]
    assert max(rows) <= 2500


def test_a_hint_is_followed_at_once_but_not_all_the_time() -> None:
    """After a hint the rows up to now are asked for within seconds; more hints bring a window every ten seconds."""
    plan = Plan(BY_END)
    plan.catch_up()
    plan.run(5 * MINUTE)
    asked: list[AskedWindow] = []
    begin = plan.now
    while plan.now < begin + 40 * SECOND:
        plan.history.hinted_at = plan.now if plan.history.hinted_at is None else plan.history.hinted_at
        outlook = plan.look()
        if outlook.task and outlook.task.purpose == HINTED:
            plan.history.hinted_at = None
            assert outlook.task.end > plan.now
        asked += plan.carry_out(outlook)
    hinted = [window for window in asked if window.purpose == HINTED]
    assert 2 <= len(hinted) <= 5
    assert hinted[0].asked_at <= begin + 12 * SECOND


def test_a_probe_without_rows_proves_that_there_are_none() -> None:
    """A PBX without rows is complete, and is probed again at each poll; once it has rows, it is read."""
    plan = Plan(BY_END)
    for _ in range(5):
        outlook = plan.look(abilities=None)
        for window in plan.carry_out(outlook):
            assert window.endpoint == PROBE
            empty = msgspec.structs.replace(window, total_count=0)
            plan.history.windows = [*plan.history.windows[:-1], empty]
    after = plan.look(abilities=None)
    assert after.caught_up
    assert after.complete_up_to > plan.now - 4 * MINUTE
    assert len(plan.history.windows) == 3


def test_a_probe_is_made_again_after_a_day() -> None:
    """What a PBX heeds is looked at when a process begins, and again each day: it may have been updated."""
    plan = Plan(BY_END, rules=msgspec.structs.replace(RULES, poll=HOUR))
    asked = plan.run(3 * DAY + HOUR)
    assert len([window for window in asked if window.endpoint == PROBE]) == 4


@pytest.mark.parametrize("abilities", ALL_KINDS, ids=NAMES)
def test_a_backfill_is_read_again(abilities: Abilities) -> None:
    """A wish is done when all calls that ended in its range were read after it was wished."""
    plan = Plan(abilities, some_calls(3, NOW - 4 * DAY, NOW))
    plan.catch_up()
    wish = Backfill(NOW - DAY, NOW - DAY + 10 * HOUR, plan.now, len(plan.history.windows))
    plan.history.backfills = [wish]
    plan.has = set()
    for _ in range(12):
        if plan.step().done:
            break
    assert list(plan.look().done) == [wish]
    assert {call for call in plan.calls if wish.start <= call.end < wish.end} <= plan.has


def test_a_backfill_of_the_future_waits() -> None:
    """A wish whose end is not past yet is done when it is; what was read of it meanwhile is not read again."""
    plan = Plan(BY_END)
    plan.catch_up()
    plan.history.backfills = [Backfill(NOW - HOUR, NOW + HOUR, plan.now, len(plan.history.windows))]
    asked = plan.run(2 * HOUR)
    again = [window for window in asked if window.purpose == "backfill"]
    assert len(again) <= 2
    assert again[0].asked_at >= NOW + HOUR


def test_rows_are_asked_for_alone_when_nothing_else_is_to_do() -> None:
    """Rows that came are asked for alone ten minutes later, from where that ended the last time, and not again if
    nothing came since."""
    rules = msgspec.structs.replace(RULES, details=60)
    plan = Plan(BY_END, rules=rules)

    def run(span: int, came: bool = False) -> list[AskedWindow]:
        until, before = plan.now + span, len(plan.history.windows)
        while plan.now < until:
            asked = plan.carry_out(plan.look(details_until=plan.now - rules.detail_after))
            if came and asked and asked[0].purpose == LIVE:
                with_news = msgspec.structs.replace(asked[0], counts=Counts(items=1, new=1))
                plan.history.windows = [*plan.history.windows[:-1], with_news]
                came = False
        return [window for window in plan.history.windows[before:] if window.endpoint == DETAILS]

    run(HOUR)
    assert run(HOUR) == []
    (once,) = run(HOUR, came=True)
    assert once.asked_at >= plan.now - HOUR + rules.detail_after
    (again,) = run(HOUR, came=True)
    assert again.start == once.end
    assert run(HOUR) == []


def test_a_gap_tells_its_cost() -> None:
    """A gap of 12 hours costs three windows."""
    plan = Plan(BY_END)
    plan.catch_up()
    plan.now += 12 * HOUR
    (gap,) = plan.look().gaps
    assert (gap.endpoint, gap.requests) == ("calllogs by end", 3)


def fold(
    windows: Sequence[AskedWindow], gone: Sequence[AskedWindow], begins_at: int, settled: int
) -> list[AskedWindow]:
    """What the ledger does with windows that are folded."""
    before = [window for window in windows if window.purpose == FOLDED]
    folded = AskedWindow(
        number=0,
        endpoint="",
        purpose=FOLDED,
        start=begins_at,
        end=max([settled, *(window.end for window in before)]),
        asked_at=max(window.asked_at for window in [*before, *gone]),
        ended=Ended.COMPLETE,
    )
    return [folded, *(window for window in windows if window not in before and window not in gone)]


@settings(max_examples=15, phases=NO_SHRINKING)
@given(
    seed=st.integers(0, 10**6),
    abilities=st.sampled_from(ALL_KINDS),
    outages=st.lists(st.integers(1, 4 * 24 * 60), min_size=2, max_size=5),
)
def test_folding_changes_nothing(seed: int, abilities: Abilities, outages: list[int]) -> None:
    """Whatever share of the old windows is folded, and whenever: what to ask, what is complete and what is missing are
    the same as with all windows."""
    rules = msgspec.structs.replace(RULES, longest_call=HOUR, audit_reach=6 * HOUR, poll=90 * MINUTE, history=DAY)
    plan = Plan(abilities, rules=rules)
    random = Random(seed)
    folded: list[AskedWindow] = []
    for outage in outages:
        plan.now += outage * MINUTE
        for _ in range(40):
            without = plan.look()
            whole, plan.history.windows = plan.history.windows, folded
            outlook = plan.look()
            plan.history.windows = whole
            assert outlook == without
            new = plan.carry_out(without)
            spent = [window for window in folded if window.end <= outlook.spent and window.purpose != FOLDED]
            gone = [window for window in spent if random.random() < 0.7 and window not in folded[-60:]]
            if gone and outlook.settled > plan.history.begins_at:
                folded = fold(folded, gone, plan.history.begins_at, outlook.settled)
            folded = [*folded, *new]
    assert len(folded) <= len(plan.history.windows)
