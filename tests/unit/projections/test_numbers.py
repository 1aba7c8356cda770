"""Numbers as people dial them: in international form, and those of emergency services."""

from __future__ import annotations

import pytest

from ringback.projections.numbers import Numbers

GERMANY, AMERICA = Numbers("DE", ["0112", "19222", "030999"]), Numbers("US")


@pytest.mark.parametrize(
    ("numbers", "dialled", "international"),
    [
        (GERMANY, "030123456", "4930123456"),
        (GERMANY, "+4930123456", "4930123456"),
        (GERMANY, "004930123456", "4930123456"),
        (GERMANY, "030/123 4-56", "4930123456"),
        (GERMANY, "+49 (0)30 123456", "4930123456"),
        (GERMANY, "0012025550143", "12025550143"),
        (GERMANY, "115", "49115"),
        (AMERICA, "2025550143", "12025550143"),
        (AMERICA, "12025550143", "12025550143"),
        (AMERICA, "(202) 555-0143", "12025550143"),
        (AMERICA, "0114930123456", "4930123456"),
        (AMERICA, "+390612345678", "390612345678"),
        *((GERMANY, text, None) for text in (None, "", "+", "0", "00", "+0112", "-", "ann", "1e5", "*31#030123456")),
        *(
            (GERMANY, text, None)
            for text in ("12345@meet.example.com", "sip:+4930123456@example.com", "room 030123456")
        ),
        (GERMANY, "٠٣٠١٢٣٤٥٦", None),
        (GERMANY, "1" * 30, None),
    ],
)
def test_in_international_form(numbers: Numbers, dialled: str | None, international: str | None) -> None:
    """A number is read as dialled in the country, however it is written; other texts are none."""
    assert numbers.international(dialled) == international


@pytest.mark.parametrize(
    "dialled", ["110", "112", "1 1 2", "+49112", "+49 110", "0112", "19222", "+4919222", "0-112", "+4930999"]
)
def test_emergency_numbers(dialled: str) -> None:
    """The emergency numbers of the country are known, and those that the settings add."""
    assert GERMANY.is_emergency(dialled)


@pytest.mark.parametrize(
    "dialled", [None, "", "911", "115", "1120", "030112", "112345678", "+1911", "+44112", "112@example.com", "help 112"]
)
def test_other_numbers_are_no_emergency(dialled: str | None) -> None:
    """A number that only contains an emergency number, or is one of another country, is none."""
    assert not GERMANY.is_emergency(dialled)


def test_emergency_numbers_are_those_of_the_country() -> None:
    """What is an emergency number depends on the country."""
    assert AMERICA.is_emergency("911")
    assert AMERICA.is_emergency("+1911")
    assert not AMERICA.is_emergency("110")
    assert not AMERICA.is_emergency("9112025550")


@pytest.mark.parametrize(
    ("country", "number", "key"),
    [
        ("", "+1 (202) 555-0143", "12025550143"),
        ("US", "(202) 555-0143", "12025550143"),
        ("", "(202) 555-0143", "2025550143"),
        ("US", "1-202-555-0143", "12025550143"),
        ("GB", "020 7946 0032", "442079460032"),
        ("GB", "101", "101"),
        ("", "911", "911"),
        ("US", "anonymous", ""),
        ("US", "meeting 12345678", ""),
    ],
)
def test_a_number_is_compared_in_one_spelling(country: str, number: str, key: str) -> None:
    """However a number is written, it is compared as E.164; extensions and short numbers by their digits."""
    assert Numbers(country).key(number) == key


@pytest.mark.parametrize("number", ["112", "+112", "00112", "0112", "+49112", "110", "+110"])
def test_emergency_numbers_are_told_whatever_stands_before_them(number: str) -> None:
    """A plus or zeros that a trunk puts before everything do not make a call to the emergency services another one."""
    assert GERMANY.is_emergency(number)


@pytest.mark.parametrize("number", ["+1125550143", "00491101234", "+4911", "1120"])
def test_numbers_that_only_begin_so_are_none(number: str) -> None:
    """A longer number that begins like one of the emergency services is none of them."""
    assert not GERMANY.is_emergency(number)
