"""`[billing]`: the tariff, by which calls to the telephone network are rated."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

Amount = str | float
"""Money or a fraction as it stands in a setting. Only the text is right; see `decimal`, which reads it."""

_AMOUNT = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_PREFIX = re.compile(r"(\+?[1-9]\d{0,14})?", re.ASCII)
_EMERGENCY = re.compile(r"\d{2,15}", re.ASCII)
_LONGEST = 86_400
_NAME_LENGTH = 64


def decimal(value: Amount) -> Decimal:
    """The number that a setting such as `"0.05"` is, exactly.

    Raises:
        ValueError: it is none, is below 0, or is not a text: a TOML number is binary, and 0.1 is none of those.
    """
    if not isinstance(value, str):
        raise ValueError(f'a number with a point is not exact; write it as a text, in quotes, such as "{value}"')
    if not _AMOUNT.fullmatch(value):
        raise ValueError(f'"{value}" is no amount such as "0.05", with at most 9 digits on each side of the point')
    return Decimal(value)


class RateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[billing.rates]]`: what calls to some numbers cost; see `docs/tariffs.md`.

    Money is a decimal as a text, such as `"0.05"`. Prices are for a minute, intervals and other times in seconds.

    Attributes:
        name: tells people which rate it is. Several may have the same one, and are added up under it.
        prefix: what the number begins with, in international form, such as `4930` or `+4930`. The longest wins; ""
            is for all numbers that no other one is for.
        price, interval: of the first interval, which is billed whole.
        next_price, next_interval: of those that follow, each billed whole; None for the same as the first.
        connect_fee: for each answered call.
        free_seconds: so many after the first interval cost nothing.
        grace_seconds: a shorter call costs nothing at all.
        surcharge: a fraction of all this, added to it.
        since: calls that begin earlier have the rate that was before; None for always.
    """

    name: str
    prefix: str
    price: Amount
    interval: int = 60
    next_price: Amount | None = None
    next_interval: int | None = None
    connect_fee: Amount = "0"
    free_seconds: int = 0
    grace_seconds: int = 0
    surcharge: Amount = "0"
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > _NAME_LENGTH or not self.name.isprintable():
            raise ValueError(f"the name of a rate has 1 to {_NAME_LENGTH} characters")
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(
                f'prefix "{self.prefix}" is not how an international number begins, such as "49" or "+4930": '
                'up to 15 digits, the first of which is not 0; "" is for all numbers'
            )
        for name in ("price", "next_price", "connect_fee", "surcharge"):
            value = getattr(self, name)
            try:
                amount = Decimal(0) if value is None else decimal(value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
            if name == "surcharge" and amount > 1:
                raise ValueError('surcharge is a fraction from 0 to 1: "0.05" adds 5 in 100')
        for name in ("interval", "next_interval"):
            seconds = getattr(self, name)
            if seconds is not None and not 1 <= seconds <= _LONGEST:
                raise ValueError(f"{name} is between 1 and {_LONGEST} seconds")
        for name in ("free_seconds", "grace_seconds"):
            if not 0 <= getattr(self, name) <= _LONGEST:
                raise ValueError(f"{name} is between 0 and {_LONGEST}")

    @property
    def digits(self) -> str:
        """The prefix without its plus."""
        return self.prefix.removeprefix("+")


class BillingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[billing]`: whether, and how, calls are rated. Without rates they are not.

    Attributes:
        currency: of all rates, by its code of ISO 4217, such as `EUR`.
        country: in which national numbers and emergency numbers are dialled, by its code of ISO 3166-1, such as `DE`.
        emergency: numbers that are never billed, besides the emergency numbers of the country. Digits, as dialled.
        account: what `billed_account` is: `user` for the user who called, anything else is the name of the tenant.
        rates: see `RateSettings`.
    """

    currency: str = ""
    country: str = ""
    emergency: tuple[str, ...] = ()
    account: str = "user"
    rates: tuple[RateSettings, ...] = ()

    def __post_init__(self) -> None:
        if self.rates and not (self.currency and self.country):
            raise ValueError("rates need a currency and a country")
        if self.currency and not re.fullmatch("[A-Z]{3}", self.currency):
            raise ValueError("currency is a code of three capital letters, such as EUR")
        if self.country:
            from phonenumbers import SUPPORTED_REGIONS  # only who bills needs it

            if self.country not in SUPPORTED_REGIONS:
                raise ValueError("country is a code of two capital letters, such as DE")
        for number in self.emergency:
            if not _EMERGENCY.fullmatch(number):
                raise ValueError(f'emergency: "{number}" is no number of 2 to 15 digits')
        if not self.account.strip() or not self.account.isprintable():
            raise ValueError('account is "user", or the name of the tenant that all calls are billed to')
        known: set[tuple[str, datetime | None]] = set()
        for rate in self.rates:
            if (rate.digits, rate.since) in known:
                when = "without a since" if rate.since is None else f"since {rate.since.isoformat()}"
                raise ValueError(f'there are two rates for the prefix "{rate.prefix}" {when}')
            known.add((rate.digits, rate.since))
