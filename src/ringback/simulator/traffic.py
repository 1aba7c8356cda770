"""When calls are made: office hours at each site, a dip at lunch, quiet nights and weekends."""

from __future__ import annotations

import math
from random import Random

from ringback.simulator.clock import HOUR, MINUTE, weekday
from ringback.simulator.parties import Site

_OFFICE = (2, 1, 1, 1, 2, 4, 10, 35, 80, 120, 130, 118, 62, 84, 122, 118, 92, 52, 22, 12, 8, 6, 4, 3)
_SHARES = tuple(weight / sum(_OFFICE) for weight in _OFFICE)  # of a working day's calls, per hour of the day
_DAYS = (1.06, 1.03, 1.0, 0.99, 0.92, 0.12, 0.07)  # Monday to Sunday, against an average working day

BUSIEST = max(_SHARES) * max(_DAYS)
"""The largest share of a working day's calls that an hour can have on average."""


def expected_calls(site: Site, hour: int, calls_per_day: float, at_least: float = 0.0) -> float:
    """How many calls a site makes on average in an hour, given as hours since 1970 UTC.

    Args:
        at_least: the share of a working day's calls that no hour falls below.
    """
    begin = hour * HOUR
    local = begin + site.zone.offset(begin) * MINUTE
    # An hour of UTC lies across two hours of the day where the offset has half hours.
    at, past = divmod(local, HOUR)
    later = past / HOUR
    return calls_per_day * max(at_least, (1 - later) * _share(at) + later * _share(at + 1))


def _share(local_hour: int) -> float:
    return _SHARES[local_hour % 24] * _DAYS[weekday(local_hour * HOUR)]


def draw_count(rng: Random, expected: float) -> int:
    """A random number of calls with that average (Poisson's distribution; a normal one where it is large)."""
    if expected > 30:
        return max(0, round(rng.normalvariate(expected, math.sqrt(expected))))
    limit = math.exp(-expected)
    count, product = 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
