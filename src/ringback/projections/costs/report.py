"""What rating calls anew changes, added up for people."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ringback.projections.costs.rerating import Page, Rerated
from ringback.projections.costs.tariff import Charge, Unbilled

_LARGEST = 10


class Sums(msgspec.Struct):
    """Calls that cost something, and the sum of it."""

    calls: int = 0
    amount: Decimal = Decimal(0)

    def add(self, charge: Charge) -> None:
        """Count one more."""
        self.calls += 1
        self.amount += charge.amount


class Report:
    """What rating anew changes, added up.

    Attributes:
        records: how many were looked at.
        calls: how many of them are calls that went out, or cost something before.
        changed: of how many calls the charge is another one.
        before, after: sums by rate and currency.
        unbilled: why calls that went out cost nothing.
    """

    def __init__(self) -> None:
        self.records = 0
        self.calls = 0
        self.changed = 0
        self.before: dict[tuple[str, str], Sums] = {}
        self.after: dict[tuple[str, str], Sums] = {}
        self.unbilled: Counter[Unbilled] = Counter()
        self._largest: list[tuple[Decimal, int, Rerated]] = []

    def add(self, page: Page) -> None:
        """Add up some more."""
        self.records += page.records
        self.calls += len(page.calls)
        for each in page.calls:
            if each.before is not None:
                self.before.setdefault((each.before.tariff, each.before.currency), Sums()).add(each.before)
            if each.charge is not None:
                self.after.setdefault((each.charge.tariff, each.charge.currency), Sums()).add(each.charge)
            if isinstance(each.after, Unbilled):
                self.unbilled[each.after] += 1
            if each.changed:
                self.changed += 1
                entry = (abs(each.difference), -self.changed, each)  # of equal ones, the first found is the larger
                if len(self._largest) < _LARGEST:
                    heapq.heappush(self._largest, entry)
                else:
                    heapq.heappushpop(self._largest, entry)

    @property
    def largest(self) -> Sequence[Rerated]:
        """The calls whose amount changes most, the largest change first."""
        return [each for _, _, each in sorted(self._largest, reverse=True)]

    @property
    def rates(self) -> Sequence[tuple[str, str]]:
        """The names and currencies of all rates of which there were calls, in order."""
        return sorted(self.before.keys() | self.after.keys())

    @property
    def currencies(self) -> Sequence[str]:
        """Those of all sums, in order."""
        return sorted({currency for _, currency in self.rates})
