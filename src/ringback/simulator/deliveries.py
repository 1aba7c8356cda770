"""How records reach the cloud: when, in which version, and how many times."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from random import Random
from uuid import UUID

import msgspec

from ringback.simulator.clock import HOUR, MINUTE, SECOND, iso, to_datetime
from ringback.simulator.truth import TrueCall, TrueRecord

Record = dict[str, str | int]
"""A record before it becomes bytes: all wire keys, in wire order."""

_encode = msgspec.json.Encoder().encode

_PROMPT = (20 * SECOND, 60 * SECOND)  # after the end of the call
_LATE = (5 * MINUTE, 20 * HOUR)  # after the end of the call
_AGAIN = (1 * MINUTE, 6 * HOUR)  # a repetition or revision, after what was sent before


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of records, 0 to 1. Raises ValueError for a share outside of that.

    Attributes:
        late: arrive minutes to 20 hours after the call, instead of within a minute.
        redelivered: arrive once more, the same bytes; of a revised record it may be the old version.
        revised: arrive once more with the same Report ID, a newer Report time, and other content.
    """

    late: float = 0.02
    redelivered: float = 0.01
    revised: float = 0.005

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ValueError(f"the rate {name} is a share of records, 0 to 1, not {share}")


class Delivery(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record on its way into the cloud.

    Attributes:
        at: when the cloud gets it (its insertion time; not in the record).
        org: the organization it belongs to.
        report_id: the record's id.
        report_time: the record's Report time.
        record: the record itself, a JSON object with all 87 keys in wire order, without white space.
    """

    at: datetime
    org: UUID
    report_id: str
    report_time: datetime
    record: bytes


class SimulatedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A whole call: what happened, and the records of it on their way, in order of arrival."""

    truth: TrueCall
    deliveries: tuple[Delivery, ...]


def in_arrival_order(calls: Iterable[SimulatedCall]) -> Iterator[Delivery]:
    """All deliveries of calls, in order of arrival; equal times in order of the calls.

    The calls must come in order of start, as `Simulation.calls` gives them. Nothing of a call arrives before the call
    starts, so whatever is due by the start of the newest call can go out: an endless simulation is held only as far as
    its late records reach.
    """
    waiting: list[tuple[datetime, int, Delivery]] = []
    count = 0
    for call in calls:
        while waiting and waiting[0][0] <= call.truth.start:
            yield heapq.heappop(waiting)[2]
        for delivery in call.deliveries:
            heapq.heappush(waiting, (delivery.at, count, delivery))
            count += 1
    while waiting:
        yield heapq.heappop(waiting)[2]


class Courier:
    """Decides when and how often each record is delivered.

    It draws from a generator of its own, so that other rates give other deliveries of the very same calls.
    """

    def __init__(self, rng: Random, rates: Rates, org: UUID) -> None:
        self._random = rng.random
        self._rates = rates
        self._org = org

    def deliver(self, record: Record, released: int) -> tuple[TrueRecord, list[Delivery]]:
        """The deliveries of a record whose call ended at `released`, and what is true of them."""
        late = self._random() < self._rates.late
        redelivered = self._random() < self._rates.redelivered
        revised = self._random() < self._rates.revised

        report_id = str(record["Report ID"])
        versions: list[tuple[int, bytes]] = []  # Report time and bytes
        at = released + self._between(_LATE if late else _PROMPT)
        arrivals = [(at, 0)]  # when, and which version
        if revised:
            versions.append((released, _encode(self._before_revision(record))))
            at += self._between(_AGAIN)
            # The cloud made the new version a moment before it sent it.
            newest_time = at - self._between(_PROMPT)
            record["Report time"] = iso(newest_time)
            arrivals.append((at, 1))
        else:
            newest_time = released
        newest = _encode(record)
        versions.append((newest_time, newest))
        if redelivered:
            arrivals.append((at + self._between(_AGAIN), int(self._random() * len(versions))))

        deliveries = [
            Delivery(
                at=to_datetime(at),
                org=self._org,
                report_id=report_id,
                report_time=to_datetime(versions[version][0]),
                record=versions[version][1],
            )
            for at, version in arrivals
        ]
        truth = TrueRecord(
            report_id=report_id,
            report_time=str(record["Report time"]),
            versions=len(versions),
            deliveries=len(deliveries),
            digest=sha256(newest).hexdigest(),
        )
        return truth, deliveries

    def _before_revision(self, record: Record) -> Record:
        """What the cloud knew at first: less. The revision completes it, so that only the newest version is true."""
        known = record.copy()
        missing = [key for key in _KNOWN_LATER if record[key]]
        if missing and self._random() < 0.5:
            key = missing[int(self._random() * len(missing))]
            known[key] = 0 if isinstance(record[key], int) else ""
        else:
            known["Releasing party"] = "Unknown" if record["Releasing party"] != "Unknown" else ""
        return known

    def _between(self, limits: tuple[int, int]) -> int:
        low, high = limits
        return low + int(self._random() * (high - low))


_KNOWN_LATER = (
    "Hold duration",
    "Related call ID",
    "Transfer related call ID",
    "Interaction ID",
    "Call Recording Result",
)
"""Keys that a first version may lack."""
