"""Telephone numbers in one spelling, and which of them are those of the emergency services."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    country_code_for_region,
    format_number,
    is_emergency_number,
    national_significant_number,
    parse,
)

# The library finds numbers in longer texts too, such as in the name of a meeting. A text with letters is none for us.
_NUMBER = re.compile(r"\+?[0-9 ()./-]*[0-9][0-9 ()./-]*", re.ASCII)


_SHORTEST = 7
"""Digits of a number that is no extension and no short number."""

_REMEMBERED = 50_000


class Numbers:
    """Reads numbers as they are dialled in one country.

    Attributes:
        country: its code, empty if it is not known.
    """

    def __init__(self, country: str, emergency: Iterable[str] = ()) -> None:
        """
        Args:
            country: its code of ISO 3166-1; empty if it is not known. Then a number without a country calling code is
                taken as it is.
            emergency: further emergency numbers, digits as dialled.
        """
        self.country = country
        self._code = country_code_for_region(country) if country else 0
        self._emergency = {form for number in emergency for form in self._forms(number)}
        self.key = lru_cache(_REMEMBERED)(self._key)
        """What a number is compared by, however it is written: E.164 without the plus if it can be read so, else its
        digits, as of an extension. An empty text for what is no number."""

    def international(self, dialled: str | None) -> str | None:
        """The digits of the number with its country calling code in front (E.164 without the plus).

        A short number, such as that of a directory service, gets the code of the country too. Nothing is said of
        whether anybody has that number.

        Returns:
            None if it is not a telephone number.
        """
        number = self._parse(dialled)
        return None if number is None else format_number(number, PhoneNumberFormat.E164).removeprefix("+")

    def is_emergency(self, dialled: str | None) -> bool:
        """Whether it is an emergency number of the country, or one of the further ones, however it is written."""
        return any(form in self._emergency or is_emergency_number(form, self.country) for form in self._forms(dialled))

    def _forms(self, dialled: str | None) -> set[str]:
        """The digits of a number as it may be dialled within the country; none if it cannot be."""
        if not dialled or not _NUMBER.fullmatch(dialled):
            return set()
        digits = re.sub("[^0-9]", "", dialled)
        # Some trunks put a plus, or its zeros, before everything, also before 112.
        forms = {digits, digits.removeprefix("00")}
        number = self._parse(dialled)
        if number is not None and number.country_code == self._code:
            forms.add(national_significant_number(number))
        return forms

    def _key(self, number: str) -> str:
        digits = re.sub("[^0-9]", "", number) if _NUMBER.fullmatch(number) else ""
        if number.startswith("+") or len(digits) >= _SHORTEST:
            return self.international(number) or digits
        return digits

    def _parse(self, dialled: str | None) -> PhoneNumber | None:
        if not dialled or not _NUMBER.fullmatch(dialled):
            return None
        try:
            return parse(dialled, self.country or None)
        except NumberParseException:
            return None
