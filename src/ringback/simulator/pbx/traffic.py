"""The traffic of a simulated PBX: sessions from a seed, and when their rows are written."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random

import msgspec

from ringback.simulator.clock import DAY, HOUR, to_datetime, to_ms, weekday
from ringback.simulator.pbx.builder import Session, Tenant, priced
from ringback.simulator.pbx.calls import KINDS
from ringback.simulator.pbx.rows import FIRST_TENANT, Row, Written
from ringback.simulator.traffic import draw_count

_WEIGHTS = (1, 1, 1, 1, 1, 2, 5, 20, 45, 60, 65, 60, 35, 45, 60, 60, 45, 25, 10, 6, 4, 3, 2, 1)  # by hour of UTC
_WEEKEND = 0.15  # of a working day's calls
_PROMPT = 2.0  # seconds from the end of a call until its row is written, at most


class TrafficRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often rows come late or change, and how long calls are. Shares are from 0 to 1.

    Attributes:
        late: share of rows that are written later than 2 seconds after their end, and by how much at most.
        late_by: see `late`.
        costed: share of answered outgoing rows that get a cost and an account.
        cost_after: how long after a row its cost is written, at most.
        updated: share of rows of which something that lists show is written anew.
        updated_after: how long after the row, at most.
        long: share of sessions with a talk of hours.
        longest: how long such a talk is at most; it is an hour at least.
    """

    late: float = 0.0
    late_by: timedelta = timedelta(minutes=10)
    costed: float = 0.3
    cost_after: timedelta = timedelta(minutes=2)
    updated: float = 0.0
    updated_after: timedelta = timedelta(minutes=10)
    long: float = 0.005
    longest: timedelta = timedelta(hours=10)


class Traffic:
    """Calls of some tenants of a PBX. The same arguments give the same rows.

    Args:
        seed: of the chance.
        start: when the first sessions may begin; aware.
        end: before which the last ones begin; None for no end.
        calls_per_day: sessions on a working day, of each tenant.
        tenants: their SIP domains.
        extensions: users of each.
        rates: see there.
    """

    def __init__(
        self,
        seed: int,
        start: datetime,
        end: datetime | None = None,
        *,
        calls_per_day: float = 500,
        tenants: tuple[str, ...] = (FIRST_TENANT,),
        extensions: int = 20,
        rates: TrafficRates | None = None,
    ) -> None:
        self.tenants = tenants
        self._seed = seed
        self._start = to_ms(start)
        self._end = None if end is None else to_ms(end)
        self._calls_per_day = calls_per_day
        self._people = [Tenant(domain, extensions, seed) for domain in tenants]
        self._rates = rates or TrafficRates()

    def writes(self) -> Iterator[Written]:
        """All that is written, in order of time. Without an end it never ends, and may be taken bit by bit."""
        waiting: list[tuple[datetime, int, Written]] = []
        number = 0
        for start, session in self._sessions():
            # Nothing of this session or of a later one is written before it begins.
            while waiting and waiting[0][0] <= start:
                yield heappop(waiting)[2]
            for written in self._written(session):
                number += 1
                heappush(waiting, (written.at, number, written))
        while waiting:
            yield heappop(waiting)[2]

    def _sessions(self) -> Iterator[tuple[datetime, Session]]:
        sequence = itertools.count()
        for hour in itertools.count(self._start // HOUR):
            begin = hour * HOUR
            if self._end is not None and begin >= self._end:
                return
            due = sorted(
                (start, position, number)
                for position in range(len(self._people))
                for number, start in enumerate(self._starts(position, begin))
            )
            for start, position, number in due:
                tenant = self._people[position]
                rng = self._rng("session", tenant.domain, str(hour), str(number))
                long = None
                if rng.random() < self._rates.long:
                    long = rng.uniform(3600, max(3601.0, self._rates.longest.total_seconds()))
                moment = to_datetime(start) + timedelta(microseconds=rng.randrange(1000))
                session = Session(rng, tenant, moment, sequence, long)
                kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
                kind(session)
                yield moment, session

    def _starts(self, position: int, begin: int) -> list[int]:
        rng = self._rng("hour", self._people[position].domain, str(begin // HOUR))
        share = _WEIGHTS[begin % DAY // HOUR] / sum(_WEIGHTS) * (_WEEKEND if weekday(begin) >= 5 else 1)
        starts = sorted(begin + int(rng.random() * HOUR) for _ in range(draw_count(rng, self._calls_per_day * share)))
        return [start for start in starts if self._start <= start and (self._end is None or start < self._end)]

    def _written(self, session: Session) -> list[Written]:
        """What is written of a session: each row when it begins and when it is over, and what changes later."""
        rng, rates, domain = session.rng, self._rates, session.tenant.domain
        done: list[tuple[datetime, Row]] = []
        others: list[Written] = []
        for row in session.rows:
            assert row.ended_at is not None  # noqa: S101 - the builder ends every row
            slow = rates.late_by.total_seconds() if rng.random() < rates.late else _PROMPT
            at = row.ended_at + timedelta(seconds=rng.uniform(0.05, max(0.06, slow)))
            done.append((at, row))
            begun = _begun(row)
            others.append(Written(at=row.started_at + timedelta(milliseconds=10), row=begun, tenant=domain, last=False))
            newest = row
            if rng.random() < rates.updated:
                newest = msgspec.structs.replace(newest, user_data=f"note={rng.randrange(1000)}")
                at = _later(at, rng, rates.updated_after)
                others.append(Written(at=at, row=newest, tenant=domain, last=False))
            if row.answered_at and "OUTBOUND" in row.direction and rng.random() < rates.costed:
                others.append(
                    Written(at=_later(at, rng, rates.cost_after), row=priced(newest), tenant=domain, last=False)
                )
        complete = max(at for at, _ in done)
        others += [Written(at=at, row=row, tenant=domain, last=at == complete) for at, row in done]
        return others

    def _rng(self, *names: str) -> Random:
        return Random("/".join(("pbx/traffic", str(self._seed), *names)))  # noqa: S311 - reproducible chance


def _begun(row: Row) -> Row:
    return msgspec.structs.replace(
        row, rang_at=None, answered_at=None, ended_at=None, end_reason="", status_code=0, duration=0
    )


def _later(at: datetime, rng: Random, most: timedelta) -> datetime:
    return at + timedelta(milliseconds=10) + most * rng.random()
