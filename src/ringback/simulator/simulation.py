"""The simulation: hour by hour, the calls of every organization."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import accumulate, count
from operator import attrgetter
from random import Random

from ringback.simulator.builder import IDS_PER_CALL, CallBuilder, Directory
from ringback.simulator.clock import HOUR, to_ms
from ringback.simulator.deliveries import Courier, Delivery, Rates, SimulatedCall
from ringback.simulator.orgs import MIN_USERS, build_org
from ringback.simulator.parties import SimulatedOrg, Site, new_uuid
from ringback.simulator.scenarios import ALL, Kind
from ringback.simulator.traffic import BUSIEST, draw_count, expected_calls
from ringback.simulator.truth import TrueRecord

KINDS: tuple[str, ...] = tuple(kind.name for kind in ALL)
"""The names of all kinds of calls."""

_HOURS_UNTIL_REUSE = 7 * 24
"""Local call IDs are used again after a week, so that nobody takes them for unique."""


class Simulation:
    """True-to-life traffic of one or more organizations, with the truth about every call.

    Each hour of each organization has a random generator of its own. So the calls up to a time do not depend on when
    the simulation ends, and those after a time do not depend on when it starts; the rates change deliveries only.

    Args:
        seed: the same arguments give the same bytes.
        start, end: aware datetimes; calls that start in between are made. Without an end they never stop.
        calls_per_day: on an average working day, all organizations together.
        orgs: how many organizations.
        users: how many users each has, at least 10.
        round_the_clock: the share of a working day's calls that each hour has at least, nights and weekends too.
        rates: how many records come late, again, or revised.
        mix: weights by kind of call, in place of the usual ones; kinds left out do not occur.

    Raises:
        ValueError: a naive datetime, an end before the start, an unknown kind, or a number out of its range.
    """

    def __init__(
        self,
        *,
        seed: int,
        start: datetime,
        end: datetime | None = None,
        calls_per_day: int = 5000,
        orgs: int = 1,
        users: int = 200,
        round_the_clock: float = 0.0,
        rates: Rates | None = None,
        mix: Mapping[str, float] | None = None,
    ) -> None:
        self._start = to_ms(start)
        self._end = None if end is None else to_ms(end)
        if self._end is not None and self._end < self._start:
            raise ValueError(f"the simulation ends ({end}) before it starts ({start})")
        if calls_per_day < 1:
            raise ValueError(f"calls_per_day is {calls_per_day}; at least 1 is needed")
        if orgs < 1:
            raise ValueError(f"orgs is {orgs}; at least 1 is needed")
        if users < MIN_USERS:
            raise ValueError(f"users is {users}; an organization needs at least {MIN_USERS}")
        if not 0 <= round_the_clock <= 1:
            raise ValueError(f"round_the_clock is a share of a day's calls, 0 to 1, not {round_the_clock}")
        self._seed = seed
        self._at_least = round_the_clock
        self._rates = Rates() if rates is None else rates
        self._kinds, self._thresholds = _thresholds(mix)
        self._calls_per_day = calls_per_day / orgs
        # Far more than ever happens in an hour; the ids of an hour must not run into those of the next.
        self._calls_per_hour = int(self._calls_per_day * max(BUSIEST, round_the_clock) * 2) + 50
        self.orgs: tuple[SimulatedOrg, ...] = tuple(build_org(seed, index, users) for index in range(orgs))
        """The organizations."""

    def calls(self) -> Iterator[SimulatedCall]:
        """The calls in order of start; without end if the simulation has none. Each iteration begins anew."""
        directories = [Directory(org) for org in self.orgs]
        for hour in count(self._start // HOUR):
            if self._end is not None and hour * HOUR >= self._end:
                return
            streams = [self._hour(index, directory, hour) for index, directory in enumerate(directories)]
            yield from heapq.merge(*streams, key=attrgetter("truth.start"))

    def _hour(self, index: int, directory: Directory, hour: int) -> Iterator[SimulatedCall]:
        """The calls of one organization that start in one hour and within the simulation."""
        org = directory.org
        rng = Random(f"{self._seed}/org/{index}/hour/{hour}")  # noqa: S311 - reproducible traffic, not secrets
        luck = Random(f"{self._seed}/org/{index}/hour/{hour}/deliveries")  # noqa: S311 - as above
        courier = Courier(luck, self._rates, org.uuid)
        # What is known of busy people ends with the hour, or the calls would depend on the start of the simulation.
        directory.free_from.clear()
        first_id = 10_000_000 + hour % _HOURS_UNTIL_REUSE * self._calls_per_hour * IDS_PER_CALL
        for start, site in self._starts(rng, org, hour)[: self._calls_per_hour]:
            if self._end is not None and start >= self._end:
                return
            call = self._call(rng, courier, directory, site, start, first_id)
            first_id += IDS_PER_CALL
            if start >= self._start:
                yield call

    def _starts(self, rng: Random, org: SimulatedOrg, hour: int) -> list[tuple[int, Site]]:
        """When and where calls start in an hour, in order of time."""
        weights = sum(site.weight for site in org.sites)
        starts = []
        for site in org.sites:
            share = self._calls_per_day * site.weight / weights
            number = draw_count(rng, expected_calls(site, hour, share, self._at_least))
            starts += [(hour * HOUR + int(rng.random() * HOUR), site) for _ in range(number)]
        starts.sort(key=_start_of)
        return starts

    def _call(
        self, rng: Random, courier: Courier, directory: Directory, site: Site, start: int, first_id: int
    ) -> SimulatedCall:
        kind = self._kinds[bisect_right(self._thresholds, rng.random())]
        builder = CallBuilder(rng, directory, site, start, first_id)
        kind.tell(builder)
        call_id = new_uuid(rng)
        true_records: list[TrueRecord] = []
        deliveries: list[Delivery] = []
        for record, released in builder.records():
            true_record, sent = courier.deliver(record, released)
            true_records.append(true_record)
            deliveries += sent
        deliveries.sort(key=attrgetter("at"))
        return SimulatedCall(
            truth=builder.truth(kind.name, call_id, tuple(true_records)),
            deliveries=tuple(deliveries),
        )


def _start_of(planned: tuple[int, Site]) -> int:
    return planned[0]


def _thresholds(mix: Mapping[str, float] | None) -> tuple[list[Kind], list[float]]:
    """Kinds that occur, and for each the end of its part of the numbers from 0 to 1."""
    if mix is None:
        weights = {kind.name: kind.weight for kind in ALL}
    else:
        weights = dict(mix)
        unknown = sorted(weights.keys() - set(KINDS))
        if unknown:
            raise ValueError(f"unknown kinds of calls: {', '.join(unknown)}; known are {', '.join(KINDS)}")
        if any(not 0 <= weight < float("inf") for weight in weights.values()) or not any(weights.values()):
            raise ValueError("the weights of a mix must be 0 or more, and one of them more than 0")
    # In the order of ALL, so that a mix means the same in whatever order it is given.
    kinds = [kind for kind in ALL if weights.get(kind.name)]
    total = sum(weights[kind.name] for kind in kinds)
    thresholds = list(accumulate(weights[kind.name] / total for kind in kinds))
    thresholds[-1] = 1.0  # rounding must not leave a gap below 1
    return kinds, thresholds
