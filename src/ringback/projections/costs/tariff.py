"""What a call costs: pure rules, with exact decimals. `docs/tariffs.md` has them in words, with examples.

The parameters are those of the billing rules of a PortSIP PBX, by other names: ConnectFee, Price1 and Interval1, PriceN
and IntervalN, FreeSeconds, GracePeriod, PostCallSurcharge. So is the order in which they count (PortSIP PBX admin
guide, chapter "Billing").
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from enum import Enum

import msgspec

from ringback.projections.costs.outgoing import OutgoingCall
from ringback.projections.numbers import Numbers
from ringback.settings.billing import BillingSettings, RateSettings, decimal

PLACES = 6
"""Places behind the point to which a cost is rounded, once, at the end."""

_USER = "user"
_ALWAYS = datetime.min.replace(tzinfo=UTC)
_UNIT = Decimal(1).scaleb(-PLACES)
# Sums and products of settings and durations have at most 60 digits, so they are exact here, and the one division, by
# 60, comes so near to the true value that it cannot fall on the other side of a half.
_ARITHMETIC = Context(prec=100, rounding=ROUND_HALF_UP)


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What calls to the numbers with a prefix cost. Prices are for a minute, times in seconds; see `RateSettings`."""

    name: str
    prefix: str
    since: datetime | None
    connect_fee: Decimal
    price: Decimal
    interval: int
    next_price: Decimal
    next_interval: int
    free_seconds: int
    grace_seconds: int
    surcharge: Decimal

    @classmethod
    def of(cls, settings: RateSettings) -> Rate:
        """The rate that settings describe."""
        price = decimal(settings.price)
        return cls(
            name=settings.name,
            prefix=settings.digits,
            since=settings.since,
            connect_fee=decimal(settings.connect_fee),
            price=price,
            interval=settings.interval,
            next_price=price if settings.next_price is None else decimal(settings.next_price),
            next_interval=settings.interval if settings.next_interval is None else settings.next_interval,
            free_seconds=settings.free_seconds,
            grace_seconds=settings.grace_seconds,
            surcharge=decimal(settings.surcharge),
        )

    def is_free(self, seconds: int) -> bool:
        """Whether a call is so short that it costs nothing at all."""
        return seconds < self.grace_seconds

    def next_intervals(self, seconds: int) -> int:
        """How many intervals after the first one are billed: those begun after it and after the free seconds."""
        return -(-max(0, seconds - self.interval - self.free_seconds) // self.next_interval)

    def amount(self, seconds: int) -> Decimal:
        """What a call with so many seconds of talk costs, rounded half up to `PLACES`. Never less for a longer one."""
        if self.is_free(seconds):
            return Decimal(0)
        with localcontext(_ARITHMETIC):
            minutes = self.price * self.interval + self.next_price * self.next_interval * self.next_intervals(seconds)
            total = (60 * self.connect_fee + minutes) * (1 + self.surcharge) / 60
            return total.quantize(_UNIT)


class Charge(msgspec.Struct, frozen=True):
    """What a call costs, who pays, and by which rate."""

    amount: Decimal
    currency: str
    account: str
    tariff: str


class Unbilled(Enum):
    """Why a call that went out has no cost from us."""

    OWN_COST = "the PBX gave a cost of its own"
    EMERGENCY = "emergency calls"
    NO_NUMBER = "what was dialled is no telephone number"
    NO_RATE = "no rate for the number at that time"


class Tariff:
    """All rates, and whom they are billed to."""

    def __init__(self, settings: BillingSettings) -> None:
        """
        Args:
            settings: with at least one rate.
        """
        self.currency = settings.currency
        self.rates = tuple(Rate.of(each) for each in settings.rates)
        self._account = settings.account
        self._numbers = Numbers(settings.country, settings.emergency)
        self._by_prefix: dict[str, list[Rate]] = {}
        for rate in sorted(self.rates, key=_since):
            self._by_prefix.setdefault(rate.prefix, []).append(rate)
        self._longest = max(map(len, self._by_prefix), default=0)

    def rate(self, call: OutgoingCall) -> Charge | Unbilled:
        """What a call costs, or why it costs nothing."""
        if call.own_cost:
            return Unbilled.OWN_COST
        if call.emergency:
            return Unbilled.EMERGENCY
        found = self.look_up(call.dialled, call.start)
        if isinstance(found, Unbilled):
            return found
        account = (call.user or str(call.org)) if self._account == _USER else self._account
        return Charge(found.amount(call.seconds), self.currency, account, found.name)

    def look_up(self, dialled: str | None, at: datetime) -> Rate | Unbilled:
        """The rate of a number for calls that begin at a time: that of the longest prefix which has one then."""
        if self._numbers.is_emergency(dialled):
            return Unbilled.EMERGENCY
        number = self._numbers.international(dialled)
        if number is None:
            return Unbilled.NO_NUMBER
        for length in range(min(len(number), self._longest), -1, -1):
            if (rate := _at(self._by_prefix.get(number[:length], ()), at)) is not None:
                return rate
        return Unbilled.NO_RATE

    def international(self, dialled: str) -> str | None:
        """See `Numbers.international`."""
        return self._numbers.international(dialled)

    def holds(self, rate: Rate, at: datetime) -> bool:
        """Whether a rate of this tariff is the one of its prefix for calls that begin at a time."""
        return _at(self._by_prefix[rate.prefix], at) is rate


def _since(rate: Rate) -> datetime:
    return rate.since or _ALWAYS


def _at(versions: Sequence[Rate], at: datetime) -> Rate | None:
    """The newest version of a rate that holds at a time."""
    place = bisect_right(versions, at, key=_since)
    return versions[place - 1] if place else None
