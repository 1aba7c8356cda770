"""Outside parties: who calls an organization, and whom its people call."""

from __future__ import annotations

from random import Random
from typing import Literal

from ringback.simulator import names
from ringback.simulator.parties import Outside
from ringback.simulator.places import COUNTRIES, Country, NumberRange

Reach = Literal["national", "mobile", "toll_free", "international", "short_code"]

_CALL_TYPES: dict[Reach, str] = {
    "national": "SIP_NATIONAL",
    "mobile": "SIP_MOBILE",
    "toll_free": "SIP_TOLLFREE",
    "international": "SIP_INTERNATIONAL",
    "short_code": "SIP_SHORTCODE",
}
_NAMED = 0.6  # share of callers in the United States whose name the network shows; elsewhere it shows none


def outside_party(rng: Random, home: Country, reach: Reach) -> Outside:
    """An outside party as seen from a country. Where the country has no numbers of that kind, a national one."""
    if reach == "short_code" and home.short_codes:
        code = rng.choice(home.short_codes)
        return Outside(name="", number=code, call_type="SIP_SHORTCODE", digits=home.outside_code + code)
    if reach == "international":
        abroad = rng.choice([country for country in COUNTRIES if country is not home])
        number = _number(rng, abroad.landlines + abroad.mobiles)
        digits = f"{home.outside_code}{home.international_prefix}{number[1:]}"
        return Outside(name="", number=number, call_type="SIP_INTERNATIONAL", digits=digits, country=abroad.code)
    ranges = {"mobile": home.mobiles, "toll_free": home.toll_free}.get(reach, ())
    number = _number(rng, ranges or home.landlines)
    name = ""
    if home.code == "US" and rng.random() < _NAMED:
        name = f"{rng.choice(names.FAMILY)} {rng.choice(names.GIVEN)}".upper()[:15]
    return Outside(
        name=name,
        number=number,
        call_type=_CALL_TYPES[reach] if ranges else "SIP_NATIONAL",
        digits=home.outside_code + home.trunk_prefix + number.removeprefix(home.calling_code),
    )


def _number(rng: Random, ranges: tuple[NumberRange, ...]) -> str:
    chosen = rng.choice(ranges)
    return chosen.number(int(rng.random() * chosen.size))
