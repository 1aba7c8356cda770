"""What the generators that decide ask of a session: the steps, and the options and totals they work with."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import msgspec

from ringback.clients.errors import Answer
from ringback.clients.hosts import KNOWN_HOSTS
from ringback.clients.model import CDR
from ringback.clients.retry import Retries


class Ask(msgspec.Struct, frozen=True):
    """Make a GET request. Send back an `Answer`, or a `Broken` if none came whole."""

    url: str
    headers: Mapping[str, str]


class Broken(msgspec.Struct, frozen=True):
    """No whole answer came, for this reason."""

    error: Exception


class Wait(msgspec.Struct, frozen=True):
    """Let so many seconds pass."""

    seconds: float


class GetToken(msgspec.Struct, frozen=True):
    """Send back the access token; a new one if the one given here was refused."""

    refused: str | None = None


class Records(msgspec.Struct, frozen=True):
    """Hand these records to whoever reads."""

    records: list[CDR]


Step: TypeAlias = Ask | Wait | GetToken | Records
Steps: TypeAlias = Generator[Step, Any, None]
"""What is sent back depends on the step: an `Answer` or `Broken`, a token, or nothing."""

Outcome: TypeAlias = Answer | Broken


def utc_now() -> datetime:
    """The time of the machine."""
    return datetime.now(UTC)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How windows are read. The defaults are right for the Webex cloud.

    Attributes:
        retries: when to try again.
        known_hosts: hosts that a 451 or a next link may lead to, besides the one that is asked.
        allow_http: whether the token may be sent without encryption to other machines. To this machine it always may.
        feed_span: the longest window the feed is asked for; None for any. Documented are 12 hours.
        stream_span: the longest window the stream is asked for; None for any. Documented are 2 hours.
        overlap: of the slices a longer window is cut into.
        remember: the number of recent records among which repeats are found.
        connect_timeout: seconds to connect, and to wait for a free connection.
        read_timeout: seconds without any byte of an answer.
        answer_timeout: seconds until an answer is whole.
        now: the time; for default windows and for a Retry-After with a date.
        timer: seconds on a clock that is never set back; for pace and timeouts.
        random: for the part of waits that is left to chance.
    """

    retries: Retries = Retries()
    known_hosts: tuple[str, ...] = KNOWN_HOSTS
    allow_http: bool = False
    feed_span: timedelta | None = timedelta(hours=12)
    stream_span: timedelta | None = timedelta(hours=2)
    overlap: timedelta = timedelta(milliseconds=1)
    remember: int = 5000
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    answer_timeout: float = 300.0
    now: Callable[[], datetime] = utc_now
    timer: Callable[[], float] = time.monotonic
    random: random.Random = msgspec.field(default_factory=random.Random)


class Totals(msgspec.Struct, kw_only=True):
    """How far the reading of a window has come, and what it took.

    Attributes:
        slices: into which the window is cut.
        slices_done: of these.
        pages: read, empty ones included.
        records: handed out.
        repeated: records that came a second time just as they were, and were left out.
        revised: records that came a second time in other bytes. They were handed out: the newest Report time counts.
        invalid: items of pages that were no records.
        requests: made, failed ones included.
        retries: requests made again after a failure.
        waits: how often it waited, for its pace or before a retry.
        waited: seconds of all waits.
        total_count: the `totalCount` of all slices that had one, None if none had. Slices of one page have none.
        missing: records that `totalCount` announced and that did not come.
        complete: whether the window was read to its end.
    """

    slices: int = 0
    slices_done: int = 0
    pages: int = 0
    records: int = 0
    repeated: int = 0
    revised: int = 0
    invalid: int = 0
    requests: int = 0
    retries: int = 0
    waits: int = 0
    waited: float = 0.0
    total_count: int | None = None
    missing: int = 0
    complete: bool = False


OnProgress: TypeAlias = Callable[[Totals], None]
"""Gets a copy of the totals after the records of each page were handed out, and once more at the end."""
