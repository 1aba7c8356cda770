"""What to ask next, and what is complete: against a cloud of a few numbers, under every reading of the documents."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.ledger.windows import FOLDED, AskedWindow, Backfill, Counts, Ended
from ringback.sources.collecting.intervals import subtract
from ringback.sources.collecting.plan import History, Outlook, Task
from ringback.sources.webex.coverage import proof
from ringback.sources.webex.planner import look
from ringback.sources.webex.rules import DAY, FEED, HOUR, MINUTE, SECOND, STREAM, Rules

NOW = 1_772_500_000_000
RULES = Rules()


class Call(msgspec.Struct, frozen=True):
    """A record of the cloud: the times of its call, and when the cloud got it."""

    start: int
    end: int
    inserted: int


class Cloud:
    """The limits of the cloud, and how it may read windows; raises for a window that it would refuse."""

    def __init__(self, calls: list[Call], *, by_start: bool, bounds: str) -> None:
        self.calls = calls
        self._by_start = by_start
        self._bounds = bounds

    def give(self, task: Task, now: int) -> set[Call]:
        """The records of a window."""
        newest, oldest, longest, ready = {
            STREAM: (MINUTE, 12 * HOUR, 2 * HOUR, MINUTE),
            FEED: (5 * MINUTE, 30 * DAY, 12 * HOUR, 5 * MINUTE),
        }[task.endpoint]
        assert now - oldest <= task.start < task.end <= now - newest
        assert task.end - task.start <= longest
        return {call for call in self.calls if call.inserted <= now - ready and self._selects(task, call)}

    def _selects(self, task: Task, call: Call) -> bool:
        at = call.inserted if task.endpoint == STREAM else call.start if self._by_start else call.end
        after = task.start <= at if self._bounds[0] == "[" else task.start < at
        return after and (at <= task.end if self._bounds[1] == "]" else at < task.end)


class Plan:
    """A collector without HTTP, store and threads: it carries out what the planner says, a window a minute."""

    def __init__(self, cloud: Cloud, now: int, begins_at: int) -> None:
        self.cloud = cloud
        self.now = now
        self.history = History(begins_at=begins_at)
        self.has: set[Call] = set()

    def look(self) -> Outlook:
        """What follows now, with what is lost noted."""
        outlook = look(RULES, self.history, self.now)
        self.history.lost = [*self.history.lost, *outlook.lost]
        return outlook

    def step(self, ended: Ended = Ended.COMPLETE) -> Outlook:
        """Ask one window, or wait."""
        outlook = self.look()
        self.carry_out(outlook, ended)
        return outlook

    def carry_out(self, outlook: Outlook, ended: Ended) -> list[AskedWindow]:
        """Do what an outlook says; the window that was asked, if one was."""
        task = outlook.task
        if task is None:
            self.now += max(1, outlook.wait)
            return []
        given = self.cloud.give(task, self.now)
        asked_at = self.now
        self.now += MINUTE
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
            counts=Counts(items=len(given)),
        )
        self.history.windows = [*self.history.windows, window]
        return [window]

    def catch_up(self, most: int = 200) -> int:
        """Ask until caught up; how many windows that took."""
        for number in range(most):
            if self.look().caught_up:
                return number
            self.step()
        raise AssertionError(f"not caught up after {most} windows")

    def check(self) -> None:
        """See that what is said to be complete is."""
        proved = proof(RULES, self.history.windows)
        for call in self.cloud.calls:
            if any(start <= call.inserted < end for start, end in proved):
                assert call in self.has, call


def some_calls(seed: int, begin: int, end: int, number: int = 400) -> list[Call]:
    """Calls of all lengths, whose records are prompt or late, many of them at the times that windows begin and end."""
    random = Random(seed)
    calls = []
    for _ in range(number):
        start = random.randrange(begin, end)
        if random.random() < 0.3:
            start -= start % MINUTE
        length = random.choice([0, 10 * SECOND, 5 * MINUTE, 3 * HOUR, RULES.longest_call])
        late = random.choice([0, 30 * SECOND, 90 * SECOND, HOUR, 20 * HOUR, RULES.latest_record])
        calls.append(Call(start, start + length, start + length + late))
    return calls


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    by_start=st.booleans(),
    bounds=st.sampled_from(["[)", "[]", "(]", "()"]),
    outages=st.lists(st.integers(1, 40 * 60), max_size=3),
    failing=st.floats(0, 0.4),
)
def test_what_is_called_complete_is_complete(
    seed: int, by_start: bool, bounds: str, outages: list[int], failing: float
) -> None:
    """Whatever the feed selects by, whichever bounds are inclusive, after outages of any length up to days and with
    windows that fail or are cut off, every record of a time that is called complete is there, and in the end every time
    is complete: nothing is lost."""
    begin = NOW - 2 * DAY
    cloud = Cloud(some_calls(seed, begin - 2 * DAY, NOW + 6 * DAY), by_start=by_start, bounds=bounds)
    plan = Plan(cloud, NOW, begin)
    random = Random(seed)
    for outage in [0, *outages]:
        plan.now += outage * MINUTE
        for _ in range(12):
            bad = random.choice([Ended.FAILED, Ended.INTERRUPTED])
            plan.step(bad if random.random() < failing else Ended.COMPLETE)
        plan.check()
    plan.catch_up()
    plan.check()
    assert plan.history.lost == []
    complete = plan.look().complete_up_to
    assert complete >= plan.now - 10 * MINUTE
    assert subtract([(begin, complete)], proof(RULES, plan.history.windows)) == []
    assert {call for call in cloud.calls if begin <= call.inserted < complete} <= plan.has


@pytest.mark.parametrize(("hours", "stream", "feed"), [(1, 1, 0), (5, 3, 0), (11.5, 6, 0), (24, 6, 6), (240, 6, 24)])
def test_an_outage_costs_what_is_stated(hours: float, stream: int, feed: int) -> None:
    """An outage of up to 12 hours costs one request of the stream for each 2 hours less the overlap; a longer one also
    one of the feed for each 12 hours of the rest and of the two days by which it is widened, and the newest records
    every 5 minutes meanwhile."""
    plan = Plan(Cloud([], by_start=False, bounds="[)"), NOW, NOW - 30 * MINUTE)
    plan.catch_up()
    before = len(plan.history.windows)
    plan.now += int(hours * HOUR)
    plan.catch_up()
    asked = plan.history.windows[before:]
    asked = [window for window in asked if window.purpose != "audit"]
    read = [window for window in asked if window.endpoint == FEED]
    assert len(read) == feed
    assert len(asked) - feed - stream <= 1 + feed // 4


def test_thirty_days_cost_what_is_stated() -> None:
    """The first collection of 30 days asks the feed for them once, in windows of 12 hours that overlap by a minute."""
    plan = Plan(Cloud([], by_start=False, bounds="[)"), NOW, RULES.first_begin(NOW))
    plan.catch_up()
    read = [window for window in plan.history.windows if window.endpoint == FEED]
    ours = RULES.feed_span - RULES.overlap
    whole = plan.history.windows[0].start - (RULES.first_begin(NOW) - RULES.widening)
    assert len(read) == -(-whole // ours) == 59
    assert plan.look().lost == []
    assert plan.history.lost == []


def test_the_newest_records_are_not_kept_waiting_by_old_ones() -> None:
    """While 30 days are being read, the newest records are asked for every 5 minutes or so."""
    plan = Plan(Cloud([], by_start=False, bounds="[)"), NOW, RULES.first_begin(NOW))
    plan.catch_up()
    live = [window for window in plan.history.windows if window.endpoint == STREAM][6:]
    assert len(live) > 5
    assert all(after.asked_at - before.asked_at <= 7 * MINUTE for before, after in pairwise(live))


def test_what_is_older_than_the_cloud_keeps_is_lost_and_said_once() -> None:
    """After 33 days away, the times that can no longer be proved complete are called lost, once; what the feed still
    has of them is read, and the rest is complete."""
    begin = NOW - DAY
    calls = some_calls(5, NOW - 2 * DAY, NOW + 33 * DAY, 2000)
    plan = Plan(Cloud(calls, by_start=False, bounds="[)"), NOW, begin)
    plan.catch_up()
    plan.now += 33 * DAY
    reach = RULES.feed_reach(plan.now)
    lost = plan.look().lost
    assert len(lost) == 1
    assert lost[0][1] == reach + RULES.widening + HOUR
    assert plan.look().lost == []
    plan.catch_up()
    assert plan.history.lost == list(lost)
    plan.check()
    assert {call for call in calls if reach + HOUR <= call.end and call.inserted < plan.now - HOUR} <= plan.has


def test_a_gap_that_is_lost_as_a_whole_is_still_read() -> None:
    """A gap too old to be proved complete, but not too old to be read, is read."""
    plan = Plan(Cloud([], by_start=False, bounds="[)"), NOW, NOW - HOUR)
    gap = NOW - 29 * DAY - 6 * HOUR, NOW - 29 * DAY
    plan.cloud.calls = [Call(gap[0] + HOUR, gap[0] + 2 * HOUR, gap[0] + 2 * HOUR)]
    plan.history.begins_at = gap[0]
    plan.history.windows = [
        AskedWindow(
            number=1,
            endpoint=STREAM,
            purpose="live",
            start=gap[1] - 1,
            end=NOW - 5 * MINUTE,
            asked_at=NOW,
            ended_at=NOW,
            ended=Ended.COMPLETE,
        )
    ]
    plan.catch_up()
    assert plan.history.lost == [gap]
    assert plan.has == set(plan.cloud.calls)


def test_a_window_that_keeps_failing_does_not_keep_others_waiting() -> None:
    """A window that fails is left alone for longer and longer, and the newest records are read meanwhile."""
    plan = Plan(Cloud([], by_start=False, bounds="[)"), NOW, NOW - 6 * HOUR)
    poison = plan.look().task
    assert poison
    failures = 0
    while plan.now < NOW + 4 * HOUR:
        task = plan.look().task
        bad = task is not None and task.start < poison.start + HOUR and task.endpoint == STREAM
        failures += bad
        plan.step(Ended.FAILED if bad else Ended.COMPLETE)
    assert 4 <= failures <= 9
    outlook = plan.look()
    assert outlook.complete_up_to <= poison.start + RULES.overlap
    assert [gap.start for gap in outlook.gaps] == [outlook.complete_up_to]
    assert max(window.end for window in plan.history.windows) > plan.now - 15 * MINUTE


def test_the_audit_reads_the_last_two_days_once_a_day() -> None:
    """In a day without trouble the feed is read a few times only, over the last two days."""
    plan = Plan(Cloud([], by_start=False, bounds="[)"), NOW, NOW - 3 * DAY)
    plan.catch_up()
    plan.now += 4 * HOUR
    plan.catch_up()
    for _ in range(2 * 24 * 60):
        plan.step()
    audits = [window for window in plan.history.windows if window.purpose == "audit"]
    last_day = [window for window in audits if window.asked_at > plan.now - DAY]
    assert 2 <= len(last_day) <= 6
    assert min(window.start for window in last_day) <= plan.now - 2 * DAY
    assert not plan.look().gaps


def test_a_backfill_is_read_again_widened_by_the_longest_call() -> None:
    """A wish is done when its range, widened at the front, was read from the feed after it was wished."""
    plan = Plan(Cloud([], by_start=True, bounds="[)"), NOW, NOW - 3 * DAY)
    plan.catch_up()
    wish = Backfill(NOW - 2 * DAY, NOW - DAY, plan.now, len(plan.history.windows))
    plan.history.backfills = [wish]
    before = len(plan.history.windows)
    for _ in range(12):
        if plan.step().done:
            break
    assert list(plan.look().done) == [wish]
    again = [window for window in plan.history.windows[before:] if window.purpose == "backfill"]
    assert min(window.start for window in again) <= wish.start - RULES.longest_call
    assert max(window.end for window in again) >= wish.end
    assert len(again) == 4


def test_a_gap_tells_its_cost() -> None:
    """A gap of 10 hours in the stream costs 6 requests and as many minutes; dense traffic costs more pages."""
    plan = Plan(Cloud([], by_start=False, bounds="[)"), NOW, NOW - 10 * HOUR)
    (gap,) = plan.look().gaps
    assert (gap.endpoint, gap.requests, gap.minutes) == (STREAM, 6, 6.0)
    plan.history.windows = [
        AskedWindow(
            number=1,
            endpoint=FEED,
            purpose="x",
            start=0,
            end=HOUR,
            asked_at=1,
            ended_at=1,
            ended=Ended.COMPLETE,
            counts=Counts(items=100_000),
        )
    ]
    (gap,) = plan.look().gaps
    assert gap.requests > 190
    assert gap.minutes > 18


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


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    outages=st.lists(st.integers(1, 6 * 24 * 60), min_size=2, max_size=6),
    failing=st.floats(0, 0.4),
)
def test_folding_changes_nothing(seed: int, outages: list[int], failing: float) -> None:
    """Through outages that lose records and through failures, whatever share of the windows that can be folded is, and
    whenever: what to ask, what is complete, what is missing and what is lost are the same as with all windows."""
    rules = msgspec.structs.replace(
        RULES, feed_oldest=3 * DAY, audit_reach=DAY, longest_call=HOUR, latest_record=HOUR, poll=90 * MINUTE
    )
    plan = Plan(Cloud([], by_start=False, bounds="[)"), NOW, NOW - DAY)
    random = Random(seed)
    folded: list[AskedWindow] = []
    for outage in outages:
        plan.now += outage * MINUTE
        for _ in range(40):
            history = msgspec.structs.replace(plan.history, windows=folded)
            without, outlook = look(rules, plan.history, plan.now), look(rules, history, plan.now)
            assert outlook == without
            plan.history.lost = [*plan.history.lost, *outlook.lost]
            new = plan.carry_out(
                without, random.choice(list(Ended)[2:]) if random.random() < failing else Ended.COMPLETE
            )
            spent = [window for window in folded if window.end <= outlook.spent and window.purpose != FOLDED]
            gone = [window for window in spent if random.random() < 0.7 and window not in folded[-50:]]
            if gone and outlook.settled > history.begins_at:
                folded = fold(folded, gone, history.begins_at, outlook.settled)
            folded = [*folded, *new]
    assert len(folded) <= len(plan.history.windows)
