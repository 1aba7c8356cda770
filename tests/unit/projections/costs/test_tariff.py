"""What calls cost, against a plain evaluation of the same rules in whole numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, ORG
from rating import rate, tariff
from ringback.projections.costs.outgoing import OutgoingCall
from ringback.projections.costs.tariff import PLACES, Charge, Rate, Unbilled
from ringback.settings.billing import RateSettings

NANO = 10**9
"""Amounts in settings have at most 9 places, so they are whole numbers of these."""

amounts = st.integers(0, 20 * NANO) | st.sampled_from([0, 1, NANO // 2, NANO])
times = st.integers(0, 400)
intervals = st.integers(1, 90) | st.sampled_from([1, 6, 30, 60])


def call(dialled: str | None = "+4930123456", seconds: int = 60, start: datetime = NOON, **fields: Any) -> OutgoingCall:
    """A call of user u1."""
    given: dict[str, Any] = {"user": "u1"} | fields
    return OutgoingCall(org=ORG, record_id="call", dialled=dialled, start=start, seconds=seconds, **given)


def text(nanos: int) -> str:
    """An amount as it stands in a setting."""
    return f"{nanos // NANO}.{nanos % NANO:09}"


@st.composite
def plain_rates(draw: st.DrawFn) -> dict[str, int]:
    """A rate in whole numbers: money and the surcharge in billionths, times in seconds."""
    return {
        "connect_fee": draw(amounts),
        "price": draw(amounts),
        "interval": draw(intervals),
        "next_price": draw(amounts),
        "next_interval": draw(intervals),
        "free_seconds": draw(times),
        "grace_seconds": draw(st.integers(0, 30)),
        "surcharge": draw(st.integers(0, NANO) | st.just(0)),
    }


def rate_of(plain: dict[str, int]) -> Rate:
    """The same rate as it is configured."""
    money = ("connect_fee", "price", "next_price", "surcharge")
    values: dict[str, Any] = {name: text(value) if name in money else value for name, value in plain.items()}
    return Rate.of(RateSettings(name="a rate", prefix="", **values))


def plainly(plain: dict[str, int], seconds: int) -> int:
    """What a call costs, in millionths: told step by step, and rounded by hand."""
    if seconds < plain["grace_seconds"]:
        return 0
    cost = plain["connect_fee"] * 60 + plain["price"] * plain["interval"]  # in sixtieths of billionths
    talked = plain["interval"] + plain["free_seconds"]
    while talked < seconds:
        cost += plain["next_price"] * plain["next_interval"]
        talked += plain["next_interval"]
    cost *= NANO + plain["surcharge"]
    millionth = 60 * NANO * NANO // 1_000_000
    whole, rest = divmod(cost, millionth)
    return whole + (2 * rest >= millionth)


@given(plain_rates(), st.integers(0, 2000))
def test_amounts_are_those_of_a_plain_evaluation(plain: dict[str, int], seconds: int) -> None:
    """Whatever the rate, a call costs exactly what the rules say, to the last place."""
    amount = rate_of(plain).amount(seconds)
    assert amount * 10**PLACES == plainly(plain, seconds)
    assert amount == round(amount, PLACES)


@given(plain_rates(), st.integers(0, 2000), st.integers(0, 500))
def test_a_longer_call_never_costs_less(plain: dict[str, int], seconds: int, more: int) -> None:
    """No call costs less than nothing, and none costs less than a shorter one."""
    rate = rate_of(plain)
    assert 0 <= rate.amount(seconds) <= rate.amount(seconds + more)


def test_amounts_of_absurd_calls_are_exact() -> None:
    """A call of a billion years, which a broken PBX may report, is rated exactly at any price."""
    one = Rate.of(rate("", "999999999.999999999", interval=1, surcharge="0.999999999"))
    seconds = 10**18 - 1
    exact = Fraction(NANO**2 - 1, NANO) * seconds / 60 * Fraction(2 * NANO - 1, NANO)
    assert Fraction(one.amount(seconds)) == Fraction(floor(exact * 10**PLACES + Fraction(1, 2)), 10**PLACES)


@pytest.mark.parametrize(
    ("fields", "costs"),
    [
        ({}, {0: "0.12", 1: "0.12", 60: "0.12", 61: "0.24", 120: "0.24", 121: "0.36"}),
        ({"interval": 1}, {0: "0.002", 1: "0.002", 7: "0.014", 60: "0.12"}),
        ({"interval": 30, "next_interval": 6}, {1: "0.06", 30: "0.06", 31: "0.072", 60: "0.12"}),
        ({"next_price": "0.01"}, {60: "0.12", 61: "0.13", 180: "0.14"}),
        ({"connect_fee": "0.05"}, {0: "0.17", 61: "0.29"}),
        ({"free_seconds": 60}, {60: "0.12", 120: "0.12", 121: "0.24"}),
        ({"grace_seconds": 10, "connect_fee": "1"}, {0: "0", 9: "0", 10: "1.12"}),
        ({"surcharge": "0.5"}, {1: "0.18", 61: "0.36"}),
        ({"interval": 1, "next_price": "0.0001"}, {1: "0.002", 2: "0.002002", 3: "0.002003", 4: "0.002005"}),
    ],
)
def test_costs_by_one_parameter_each(fields: dict[str, Any], costs: dict[int, str]) -> None:
    """A price of 0.12 a minute, with one parameter of a rate changed at a time."""
    one = Rate.of(rate("", "0.12", **fields))
    assert {seconds: one.amount(seconds) for seconds in costs} == {
        seconds: Decimal(amount) for seconds, amount in costs.items()
    }


def test_the_longest_prefix_wins() -> None:
    """A number has the rate of the longest prefix that it begins with, and that for all others if there is none."""
    rates = tariff(rate("", "1"), rate("49", "2"), rate("+4930", "3"), rate("4915", "4"))
    found = {
        number: rates.rate(call(number))
        for number in ("+4930123456", "+4940123456", "+4915123456789", "+12025550143", "030123456", "+4931234567")
    }
    assert {number: charge.tariff for number, charge in found.items() if isinstance(charge, Charge)} == {
        "+4930123456": "+4930",
        "+4940123456": "49",
        "+4915123456789": "4915",
        "+12025550143": "others",
        "030123456": "+4930",
        "+4931234567": "49",
    }


moments = st.integers(-3, 3).map(lambda days: NOON + timedelta(days=days))


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "4", "49", "493", "4930", "4930123456"]), st.none() | moments),
        unique=True,
        min_size=1,
    ),
    moments,
)
def test_the_rate_of_a_number_at_a_time(versions: list[tuple[str, datetime | None]], start: datetime) -> None:
    """Of the rates that hold when the call begins, that of the longest prefix counts, and of those the newest."""
    rates = tariff(*(rate(prefix, "1", name=f"{prefix}/{since}", since=since) for prefix, since in versions))
    begun = [(prefix, since) for prefix, since in versions if since is None or since <= start]
    wanted = max(
        begun, key=lambda version: (len(version[0]), version[1] or datetime.min.replace(tzinfo=UTC)), default=None
    )
    found = rates.rate(call(start=start))
    assert (found.tariff if isinstance(found, Charge) else found) == (
        Unbilled.NO_RATE if wanted is None else f"{wanted[0]}/{wanted[1]}"
    )


def test_a_new_price_keeps_the_past() -> None:
    """A call that began a moment before a new price has the old one, and one that began at that moment the new one."""
    rates = tariff(rate("49", "0.10"), rate("49", "0.20", since=NOON))
    before, then = (rates.rate(call(start=NOON - timedelta(microseconds=passed))) for passed in (1, 0))
    assert isinstance(before, Charge)
    assert isinstance(then, Charge)
    assert (before.amount, then.amount) == (Decimal("0.1"), Decimal("0.2"))
    assert [rates.holds(one, NOON) for one in rates.rates] == [False, True]


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (call(own_cost=True), Unbilled.OWN_COST),
        (call("110", own_cost=True), Unbilled.OWN_COST),
        (call("110"), Unbilled.EMERGENCY),
        (call("+49112"), Unbilled.EMERGENCY),
        (call("0112"), Unbilled.EMERGENCY),
        (call(emergency=True), Unbilled.EMERGENCY),
        (call(None), Unbilled.NO_NUMBER),
        (call("room@meet.example.com"), Unbilled.NO_NUMBER),
        (call("+12025550143"), Unbilled.NO_RATE),
    ],
)
def test_what_is_never_billed(one: OutgoingCall, why: Unbilled) -> None:
    """Emergency calls are never billed, nor is what has a cost of its own, no number, or no rate."""
    assert tariff(rate("49", "0.12"), emergency=("0112",)).rate(one) is why


@pytest.mark.parametrize(
    ("account", "user", "billed"),
    [("user", "101@pbx", "101@pbx"), ("user", None, str(ORG)), ("Example Ltd", "101@pbx", "Example Ltd")],
)
def test_who_pays(account: str, user: str | None, billed: str) -> None:
    """A call is billed to the user who called, to the organization if there is none, or always to the tenant."""
    charge = tariff(rate("", "0.12"), account=account).rate(call(user=user))
    assert charge == Charge(Decimal("0.12"), "EUR", billed, "others")
