"""How often and how long to try again."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

import msgspec

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_MAX_DOUBLINGS = 30  # far beyond any sensible `longest`; keeps the power from growing without end


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """When a request is made again, and when to give up. Each page starts anew.

    Attributes:
        tries: how often a request is made at most.
        total: seconds waited between tries at most; a longer Retry-After ends in the error at once.
        first: seconds before the second try; doubled for each one after it.
        longest: seconds that this stops growing at.
        when_not_told: seconds to wait after a 429 that has no Retry-After.
        too_many: whether to wait and try again after 429.

    A server's Retry-After is waited in full. Up to half of the other waits, and up to a second on top of a Retry-After,
    is left to chance, so that many clients do not come back at the same moment.
    """

    tries: int = 8
    total: float = 900.0
    first: float = 1.0
    longest: float = 60.0
    when_not_told: float = 60.0
    too_many: bool = True

    def wait(self, *, tries: int, waited: float, told: float | None, random: Random) -> float | None:
        """Seconds to wait before the next try; None to give up.

        Args:
            tries: made so far.
            waited: seconds waited so far.
            told: seconds that the server told to wait.
        """
        if tries >= self.tries:
            return None
        backoff = min(self.longest, self.first * 2.0 ** min(tries - 1, _MAX_DOUBLINGS))
        seconds = backoff * random.uniform(0.5, 1)
        if told is not None:
            seconds = max(seconds, told + random.random())
        return seconds if waited + seconds <= self.total else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that the header Retry-After tells to wait: whole, decimal, or a date (RFC 9110, section 10.2.3).

    Args:
        headers: with names in lower case. A date is compared to the server's own clock, the header Date, if it has one.
        now: what is compared to if it is not.

    Returns:
        None if the header is missing or says nothing.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _http_date(text)
    if until is None:
        return None
    seconds = (until - (_http_date(headers.get("date", "")) or now)).total_seconds()
    return max(0.0, math.ceil(seconds))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
