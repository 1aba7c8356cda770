"""The settings of billing: what a tariff may be, and what is said of one that is wrong."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from ringback.settings import BillingSettings, RateSettings, Settings, SettingsError, load
from ringback.settings.billing import decimal

BEGIN = '[billing]\ncurrency = "EUR"\ncountry = "DE"\n'
RATE = '[[billing.rates]]\nname = "Germany"\nprefix = "49"\nprice = "0.12"\n'
WHOLE = (
    BEGIN
    + 'emergency = ["0112"]\naccount = "Example Ltd"\n'
    + '[[billing.rates]]\nname = "Germany"\nprefix = "+49"\nprice = "0.12"\ninterval = 60\nnext_price = "0.06"\n'
    + 'next_interval = 10\nconnect_fee = "0.05"\nfree_seconds = 30\ngrace_seconds = 3\nsurcharge = "0.1"\n'
    + "since = 2026-07-01T00:00:00+02:00\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where settings are written."""
    return tmp_path / "settings.toml"


def refused(file: Path, text: str) -> str:
    """What is said of settings that are wrong."""
    file.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as raised:
        load(file, {})
    return str(raised.value)


def test_without_a_tariff_nothing_is_rated() -> None:
    """There is no tariff unless somebody makes one."""
    assert load(None, {}).billing == BillingSettings() == BillingSettings(account="user", rates=())


def test_a_whole_tariff(file: Path) -> None:
    """Every setting of a tariff can stand in the file, and reaches the web processes as it is."""
    file.write_text(WHOLE, "utf-8")
    settings = load(file, {})
    summer = datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=2)))
    rate = RateSettings(
        name="Germany",
        prefix="+49",
        price="0.12",
        interval=60,
        next_price="0.06",
        next_interval=10,
        connect_fee="0.05",
        free_seconds=30,
        grace_seconds=3,
        surcharge="0.1",
        since=summer,
    )
    assert settings.billing == BillingSettings(
        currency="EUR", country="DE", emergency=("0112",), account="Example Ltd", rates=(rate,)
    )
    written = tomllib.loads(WHOLE)["billing"]
    assert set(written) == set(BillingSettings.__struct_fields__)
    assert set(written["rates"][0]) == set(RateSettings.__struct_fields__)
    assert rate.digits == "49"
    assert msgspec.json.decode(msgspec.json.encode(settings), type=Settings) == settings


def test_money_is_exact() -> None:
    """An amount is the decimal that is written, with all its places."""
    assert decimal("0.1") * 3 == Decimal("0.3")
    assert str(decimal("123456789.123456789")) == "123456789.123456789"


@pytest.mark.parametrize("setting", ["price", "next_price", "connect_fee", "surcharge"])
@pytest.mark.parametrize("number", ["0.1", "1", "1e-3", "nan"])
def test_money_in_binary_is_refused(file: Path, setting: str, number: str) -> None:
    """An amount without quotes is no decimal, and the message says to write it in quotes."""
    rate = RATE.replace('price = "0.12"\n', "") if setting == "price" else RATE
    said = refused(file, f"{BEGIN}{rate}{setting} = {number}\n")
    assert said.startswith(f"Settings: {setting}: a number with a point is not exact; write it as a text, in quotes,")
    assert "`$.billing.rates[0]`" in said


@pytest.mark.parametrize("setting", ["price", "next_price", "connect_fee", "surcharge"])
@pytest.mark.parametrize(
    "text", ["", "-0.1", "+1", "0,1", ".1", "1.", "1e3", " 1", "free", "NaN", "1" * 10, "0." + "1" * 10]
)
def test_what_is_no_amount_is_refused(file: Path, setting: str, text: str) -> None:
    """An amount has digits, and a point if need be; none is negative."""
    rate = RATE.replace('price = "0.12"\n', "") if setting == "price" else RATE
    assert f'{setting}: "{text}" is no amount such as "0.05"' in refused(file, f'{BEGIN}{rate}{setting} = "{text}"\n')


@pytest.mark.parametrize("prefix", ["0049", "030", "+", "49 30", "49-30", "+049", "abc", "1" * 16])
def test_what_is_no_prefix_is_refused(file: Path, prefix: str) -> None:
    """A prefix is the beginning of an international number, which never begins with 0."""
    said = refused(file, BEGIN + RATE.replace('"49"', f'"{prefix}"'))
    assert f'prefix "{prefix}" is not how an international number begins' in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (RATE, "rates need a currency and a country"),
        ('[billing]\ncurrency = "EUR"\n' + RATE, "rates need a currency and a country"),
        ('[billing]\ncurrency = "euro"\n', "currency is a code of three capital letters"),
        ('[billing]\ncountry = "de"\n', "country is a code of two capital letters"),
        ('[billing]\ncountry = "XX"\n', "country is a code of two capital letters"),
        ('[billing]\nemergency = ["+49112"]\n', 'emergency: "+49112" is no number of 2 to 15 digits'),
        ('[billing]\naccount = " "\n', 'account is "user", or the name of the tenant'),
        ("[billing]\ncurency = 1\n", "unknown field `curency` - at `$.billing`"),
        (BEGIN + RATE + "free = 1\n", "unknown field `free` - at `$.billing.rates[0]`"),
        (BEGIN + RATE.replace('prefix = "49"\n', ""), "missing required field `prefix`"),
        (BEGIN + RATE.replace('price = "0.12"\n', ""), "missing required field `price`"),
        (BEGIN + RATE.replace('"Germany"', '" "'), "the name of a rate has 1 to 64 characters"),
        (BEGIN + RATE.replace('"Germany"', f'"{"x" * 65}"'), "the name of a rate has 1 to 64 characters"),
        (BEGIN + RATE + "interval = 0\n", "interval is between 1 and 86400 seconds"),
        (BEGIN + RATE + "next_interval = -1\n", "next_interval is between 1 and 86400 seconds"),
        (BEGIN + RATE + "interval = 1.5\n", "Expected `int`, got `float`"),
        (BEGIN + RATE + "free_seconds = -1\n", "free_seconds is between 0 and 86400"),
        (BEGIN + RATE + "grace_seconds = 86401\n", "grace_seconds is between 0 and 86400"),
        (BEGIN + RATE + 'surcharge = "5"\n', "surcharge is a fraction from 0 to 1"),
        (BEGIN + RATE + "since = 2026-07-01\n", "Expected `datetime | null`, got `date`"),
        (BEGIN + RATE + "since = 2026-07-01T00:00:00\n", "Expected `datetime` with a timezone component"),
        (BEGIN + RATE + RATE.replace('"49"', '"+49"'), 'two rates for the prefix "+49" without a since'),
        (
            BEGIN + RATE + "since = 2026-07-01T00:00:00+02:00\n" + RATE + "since = 2026-06-30T22:00:00Z\n",
            'two rates for the prefix "49" since 2026-06-30T22:00:00+00:00',
        ),
    ],
)
def test_what_is_wrong_with_a_tariff(file: Path, text: str, says: str) -> None:
    """A tariff that is wrong is refused, with the setting and what it may be."""
    assert says in refused(file, text)


def test_a_prefix_may_have_a_rate_for_each_time(file: Path) -> None:
    """Rates with the same prefix may follow each other, and several rates may have the same name."""
    later = RATE + "since = 2027-01-01T00:00:00Z\n"
    file.write_text(BEGIN + RATE + later + RATE.replace('"49"', '"4915"'), "utf-8")
    assert [rate.digits for rate in load(file, {}).billing.rates] == ["49", "49", "4915"]


def test_a_tariff_stands_in_the_file_only() -> None:
    """A variable for a setting of billing is refused like any unknown one."""
    with pytest.raises(SettingsError, match="RINGBACK_BILLING_CURRENCY names no setting"):
        load(None, {"RINGBACK_BILLING_CURRENCY": "EUR"})
