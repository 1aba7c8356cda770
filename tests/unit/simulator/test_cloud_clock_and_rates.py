"""The clocks of the simulated cloud, and its exact rates."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.simulator.cloud import ManualClock, RunningClock
from ringback.simulator.cloud.rates import SlidingRate, busiest

START = datetime(2026, 3, 2, tzinfo=UTC)
PERIOD = 60


def most_in_a_period(times: list[int]) -> int:
    """The plain way: count what each time has in the period that ends with it."""
    return max((sum(last - PERIOD < one <= last for one in times[: number + 1]) for number, last in enumerate(times)))


def test_a_manual_clock_moves_when_told() -> None:
    """A clock by hand stands still, goes on by spans, by seconds and by sleeping, and tells who watches."""
    clock = ManualClock(START)
    seen: list[datetime] = []
    clock.watch(lambda: seen.append(clock.now()))
    clock.advance(timedelta(minutes=1))
    clock.advance(0.25)
    clock.sleep(0.75)
    asyncio.run(clock.sleep_async(9))
    assert seen[-1] == clock.now() == START + timedelta(seconds=70)
    assert len(seen) == 4
    clock.advance_to(START)
    assert clock.timer() == 70


def test_a_manual_clock_is_never_set_back() -> None:
    """To go back is refused, while to sleep less than nothing is to sleep not at all."""
    clock = ManualClock(START)
    with pytest.raises(ValueError, match="never set back"):
        clock.advance(-1)
    clock.sleep(-1)
    assert clock.now() == START


def test_a_running_clock_has_a_speed() -> None:
    """At 1000 times the speed, sleeping 20 seconds takes some milliseconds, and the clock shows 20 seconds more."""
    clock = RunningClock(START, speed=1000)
    began = time.monotonic()
    clock.sleep(20)
    asyncio.run(clock.sleep_async(20))
    assert time.monotonic() - began < 5
    assert START + timedelta(seconds=40) <= clock.now() < START + timedelta(hours=2)


def test_a_running_clock_begins_with_the_time_of_the_machine() -> None:
    """Without a start it shows what the machine shows."""
    assert abs(RunningClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


@given(st.floats(0, 3e6), st.floats(0, 100))
def test_sleep_by_hand_is_never_too_short(before: float, seconds: float) -> None:
    """Who reads the timer, and sleeps until some seconds later, finds them past to the nanosecond."""
    clock = ManualClock(START)
    clock.sleep(before)
    began = clock.nanoseconds()
    until = clock.timer() + seconds
    clock.sleep(until - clock.timer())
    assert clock.nanoseconds() - began >= int(seconds * 1e9) - 1


@pytest.mark.parametrize("speed", [0, -1])
def test_a_clock_that_does_not_run_is_refused(speed: float) -> None:
    """A speed is more than nothing."""
    with pytest.raises(ValueError, match="more than 0"):
        RunningClock(speed=speed)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60), st.integers(1, 5))
def test_the_rate_is_exact_over_any_period(moments: list[int], allowed: int) -> None:
    """Whenever requests come, no period has more of those let in than allowed, and none is refused without need."""
    rate = SlidingRate(PERIOD)
    let_in: list[int] = []
    for now in sorted(moments):
        recent = [one for one in let_in if one > now - PERIOD]
        wait = rate.wait("key", allowed, now)
        if wait:
            assert len(recent) >= allowed
            assert sum(one > now + wait - PERIOD for one in recent) < allowed  # it is enough,
            assert sum(one > now + wait - 1 - PERIOD for one in recent) >= allowed  # and just so
        else:
            assert len(recent) < allowed
            rate.count("key", now)
            let_in.append(now)
    assert most_in_a_period(let_in) <= allowed


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60).map(sorted))
def test_the_busiest_period_is_found(times: list[int]) -> None:
    """The most requests within any period, its end exclusive, are those a plain count finds."""
    assert busiest(times, PERIOD) == most_in_a_period(times)


def test_a_count_can_be_taken_back() -> None:
    """A request that is not to count leaves the rate as it was."""
    rate = SlidingRate(PERIOD)
    rate.count("key", 0)
    assert rate.wait("key", 1, 59) == 1
    rate.forget("key")
    assert rate.wait("key", 1, 59) == 0
    assert rate.wait("other", 1, 59) == 0
