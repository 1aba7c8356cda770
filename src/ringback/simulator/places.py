"""Countries and cities the simulated organizations live in, with numbers that belong to nobody where such exist.

Reserved for fiction by the national regulators, and used here: United States (555-0100 to 555-0199 in every area
code), United Kingdom (Ofcom's numbers for drama), Germany (Bundesnetzagentur), France (ARCEP), Sweden (PTS) and
Australia (ACMA). India, Japan, Brazil and Namibia reserve none that
we know of: their numbers are made up, and look plausible.
"""

from __future__ import annotations

import msgspec

from ringback.simulator.clock import Zone, summer_au, summer_eu, summer_us

EASTERN = Zone("America/New_York", -300, summer_us)
CENTRAL = Zone("America/Chicago", -360, summer_us)
MOUNTAIN = Zone("America/Denver", -420, summer_us)
PACIFIC = Zone("America/Los_Angeles", -480, summer_us)
LONDON = Zone("Europe/London", 0, summer_eu)
BERLIN = Zone("Europe/Berlin", 60, summer_eu)
PARIS = Zone("Europe/Paris", 60, summer_eu)
INDIA = Zone("Asia/Kolkata", 330)
PERTH = Zone("Australia/Perth", 480)
SYDNEY = Zone("Australia/Sydney", 600, summer_au)
MELBOURNE = Zone("Australia/Melbourne", 600, summer_au)

ZONES = (EASTERN, CENTRAL, MOUNTAIN, PACIFIC, LONDON, BERLIN, PARIS, INDIA, PERTH, SYDNEY, MELBOURNE)


class NumberRange(msgspec.Struct, frozen=True):
    """Numbers with a common beginning in E.164 and a fixed count of free digits at the end."""

    prefix: str
    digits: int

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return int(10**self.digits)

    def number(self, index: int) -> str:
        """The number at an index; raises IndexError past the end."""
        if not 0 <= index < self.size:
            raise IndexError(f"{self.prefix} has {self.size} numbers, not {index + 1}")
        return f"{self.prefix}{index:0{self.digits}}"


def _ranges(digits: int, *prefixes: str) -> tuple[NumberRange, ...]:
    return tuple(NumberRange(prefix, digits) for prefix in prefixes)


class Country(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What the simulator must know of a country.

    Attributes:
        code: ISO 3166 code.
        calling_code: with the plus sign, such as ``+44``.
        outside_code: what an office presses for an outside line, such as ``9``; empty where none is.
        trunk_prefix: what stands before a national number when dialled inside the country.
        international_prefix: what stands before a foreign number.
        emergency: the emergency number.
        landlines, mobiles, toll_free: ranges that outside parties get their numbers from; never a site's range.
        short_codes: national short numbers, such as directory enquiries.
    """

    code: str
    calling_code: str
    outside_code: str = ""
    trunk_prefix: str = "0"
    international_prefix: str = "00"
    emergency: str
    landlines: tuple[NumberRange, ...]
    mobiles: tuple[NumberRange, ...] = ()
    toll_free: tuple[NumberRange, ...] = ()
    short_codes: tuple[str, ...] = ()


_US_AREA_CODES = (
    201,
    206,
    305,
    314,
    404,
    407,
    412,
    415,
    503,
    504,
    512,
    602,
    612,
    617,
    619,
    702,
    713,
    801,
    816,
    901,
    919,
    973,
)

US = Country(
    code="US",
    calling_code="+1",
    outside_code="9",
    trunk_prefix="1",
    international_prefix="011",
    emergency="911",
    landlines=_ranges(2, *(f"+1{area}55501" for area in _US_AREA_CODES)),
    toll_free=_ranges(2, "+180055501", "+188855501"),
    short_codes=("411", "511"),
)
UK = Country(
    code="GB",
    calling_code="+44",
    outside_code="9",
    emergency="999",
    landlines=_ranges(3, "+441134960", "+441144960", "+441154960", "+441214960", "+441614960", "+441632960"),
    mobiles=_ranges(3, "+447700900"),
    toll_free=_ranges(3, "+448081570"),
    short_codes=("101", "111"),
)
GERMANY = Country(
    code="DE",
    calling_code="+49",
    outside_code="0",
    emergency="112",
    landlines=_ranges(3, "+494066969", "+496990009", "+498999998", "+492214710"),
    mobiles=_ranges(2, "+4917139200", "+49176040690"),
    short_codes=("115",),
)
FRANCE = Country(
    code="FR",
    calling_code="+33",
    outside_code="0",
    emergency="112",
    landlines=_ranges(4, "+3326191", "+3335301", "+3346571", "+3353649"),
    mobiles=_ranges(4, "+3363998"),
    short_codes=("3912",),
)
SWEDEN = Country(
    code="SE",
    calling_code="+46",
    emergency="112",
    landlines=_ranges(2, "+463139006", "+464062804"),
)
AUSTRALIA = Country(
    code="AU",
    calling_code="+61",
    outside_code="0",
    international_prefix="0011",
    emergency="000",
    landlines=_ranges(4, "+6127010", "+6137010", "+6177010", "+6187010"),
    mobiles=_ranges(0, "+61491570006", "+61491570156", "+61491570157", "+61491570158", "+61491570159", "+61491570110"),
    short_codes=("1223",),
)
INDIA_COUNTRY = Country(
    code="IN",
    calling_code="+91",
    outside_code="0",
    emergency="112",
    landlines=_ranges(4, "+91115550", "+91445550"),
    mobiles=_ranges(4, "+91555501"),
    short_codes=("139",),
)
JAPAN = Country(code="JP", calling_code="+81", emergency="110", landlines=_ranges(4, "+8135550"))
BRAZIL = Country(code="BR", calling_code="+55", emergency="190", landlines=_ranges(4, "+55115550"))
# Its code is NA, which elsewhere in records means "no value".
NAMIBIA = Country(code="NA", calling_code="+264", emergency="10111", landlines=_ranges(4, "+26461550"))

COUNTRIES = (US, UK, GERMANY, FRANCE, SWEDEN, AUSTRALIA, INDIA_COUNTRY, JAPAN, BRAZIL, NAMIBIA)


class City(msgspec.Struct, frozen=True, eq=False):
    """A place an organization may have a site in, with the range its own numbers come from."""

    name: str
    country: Country
    zone: Zone
    numbers: NumberRange


DALLAS = City("Dallas", US, CENTRAL, NumberRange("+121455501", 2))
NEW_YORK = City("New York", US, EASTERN, NumberRange("+121255501", 2))
DENVER = City("Denver", US, MOUNTAIN, NumberRange("+130355501", 2))
SAN_JOSE = City("San Jose", US, PACIFIC, NumberRange("+140855501", 2))
LONDON_CITY = City("London", UK, LONDON, NumberRange("+442079460", 3))
EDINBURGH = City("Edinburgh", UK, LONDON, NumberRange("+441314960", 3))
BERLIN_CITY = City("Berlin", GERMANY, BERLIN, NumberRange("+493023125", 3))
PARIS_CITY = City("Paris", FRANCE, PARIS, NumberRange("+3319900", 4))
BENGALURU = City("Bengaluru", INDIA_COUNTRY, INDIA, NumberRange("+91805550", 4))
MUMBAI = City("Mumbai", INDIA_COUNTRY, INDIA, NumberRange("+91225550", 4))
SYDNEY_CITY = City("Sydney", AUSTRALIA, SYDNEY, NumberRange("+6125550", 4))
MELBOURNE_CITY = City("Melbourne", AUSTRALIA, MELBOURNE, NumberRange("+6135550", 4))
PERTH_CITY = City("Perth", AUSTRALIA, PERTH, NumberRange("+6185550", 4))

HOMES: tuple[tuple[str, tuple[City, ...]], ...] = (
    ("us", (DALLAS, LONDON_CITY, NEW_YORK, BENGALURU, SAN_JOSE, SYDNEY_CITY, DENVER)),
    ("eu", (BERLIN_CITY, PARIS_CITY, LONDON_CITY, EDINBURGH, MUMBAI, NEW_YORK)),
    ("in", (BENGALURU, MUMBAI, LONDON_CITY, SAN_JOSE)),
    ("au", (SYDNEY_CITY, MELBOURNE_CITY, PERTH_CITY, BENGALURU, DENVER)),
)
"""Per region of the Webex cloud (its short name in the API's host names): the cities of an organization at home there,
the largest site first. Organizations take the regions in turn."""
