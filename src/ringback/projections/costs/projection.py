"""Rates each call once, when its record arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from ringback.ledger.contract import StoredRecord
from ringback.projections.costs import rows
from ringback.projections.costs.outgoing import outgoing_call
from ringback.projections.costs.tariff import Charge, Tariff
from ringback.records.values import to_milliseconds


class Change(msgspec.Struct, frozen=True):
    """What follows from some records.

    Attributes:
        rated: what new and revised calls cost.
        unrated: new and revised records that cost nothing; they did once, perhaps.
        again: what calls cost that were read before. They keep the cost that they have, if they have one.
    """

    rated: dict[str, Charge]
    unrated: list[str]
    again: dict[str, Charge]


class CostsProjection:
    """The costs of calls as a projection; see `ringback.projections.runner.Projection`.

    A call that was rated stays as it was rated, also when all is read again and the tariff is another one. Only a
    revision of its record, or somebody who rates it anew (`ringback.projections.costs.rerating`), changes that.
    """

    name = "costs"

    def __init__(self, tariff: Tariff, clock: Callable[[], datetime]) -> None:
        """
        Args:
            clock: gives the current time, aware.
        """
        self._tariff = tariff
        self._clock = clock

    def read(self, org: UUID, stored: Sequence[StoredRecord], told: int) -> Change:
        """What follows from these records; see `Projection.read`."""
        change = Change({}, [], {})
        for each in stored:
            call = outgoing_call(each.record)
            charge = None if call is None else self._tariff.rate(call)
            record_id = each.record.record_id
            new = each.sequence > told
            if isinstance(charge, Charge):
                (change.rated if new else change.again)[record_id] = charge
            elif new:
                change.unrated.append(record_id)
        return change

    def write(self, connection: Connection, org: UUID, change: Change) -> None:
        """Write it; see `Projection.write`."""
        now = to_milliseconds(self._clock())
        rows.put(connection, org, change.rated, now)
        rows.put(connection, org, change.again, now, replace=False)
        rows.remove(connection, org, change.unrated)
