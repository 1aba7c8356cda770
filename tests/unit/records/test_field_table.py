"""The table of fields, and what is made from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import wxc_sdk.cdr
from hypothesis import given
from hypothesis import strategies as st

from ringback.records import enums
from ringback.records.fields import CSV_COLUMNS, FIELDS, UNSET, WIRE_KEYS, Field, Kind, field_of_key

ROOT = Path(__file__).resolve().parents[3]


def test_there_are_87_fields_and_each_has_its_own_attribute() -> None:
    """A record has 87 fields, and no two share a key or an attribute."""
    assert len(FIELDS) == len(set(WIRE_KEYS)) == len({field.attribute for field in FIELDS}) == 87


def test_attributes_are_those_of_wxc_sdk() -> None:
    """Whoever knows `wxc_sdk.cdr.CDR` finds every attribute of it under the same name, and no other."""
    assert {field.attribute for field in FIELDS} == set(wxc_sdk.cdr.CDR.model_fields)


def test_wire_order_begins_and_ends_as_published() -> None:
    """The order is that of the published records: 70 keys of 2025 and 17 appended in 2026."""
    assert WIRE_KEYS[:3] == ("Answer time", "Answered", "Direction")
    assert WIRE_KEYS[69] == "Call Recording Trigger"
    assert WIRE_KEYS[70] == "Original called party UUID"
    assert WIRE_KEYS[-1] == "Answer reason"
    assert [field.since for field in FIELDS] == sorted(field.since for field in FIELDS)


def test_control_hub_report_has_83_columns() -> None:
    """Four fields of the wire have no column in the report of Control Hub."""
    assert set(WIRE_KEYS) - {field.wire for field in FIELDS if field.csv} == {
        "External customer ID",
        "Transfer type",
        "Transfer type context",
        "Answer reason",
    }
    assert len(CSV_COLUMNS) == 83


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.attribute)
def test_every_spelling_names_its_field(field: Field) -> None:
    """The key of the wire, of the documents and of the CSV report name the same field, in any case."""
    for spelling in filter(None, (field.wire, field.documented, field.csv)):
        for key in (spelling, spelling.upper(), spelling.lower(), f" {spelling.replace(' ', '  ')} "):
            assert field_of_key(key) is field


@given(st.text().filter(lambda key: " ".join(key.casefold().split()) not in {wire.casefold() for wire in WIRE_KEYS}))
def test_other_keys_name_no_field(key: str) -> None:
    """A key that is no spelling of any field is not guessed to be one."""
    assert field_of_key(key) is None


def test_only_three_fields_give_a_meaning_to_an_unset_text() -> None:
    """NA is Namibia, NA is no consultation, N/A is an answer by hand; everywhere else these texts are unset."""
    meaning = {field.wire: set(field.means) for field in FIELDS if field.means}
    assert meaning == {
        "International country": {"NA"},
        "WxCC consult merge status": {"NA"},
        "Answer reason": {"N/A"},
    }
    assert set.union(*meaning.values()) <= UNSET


def test_only_two_fields_are_numbers_on_the_wire() -> None:
    """Duration and Hold duration are JSON numbers, and Ring duration is a number in a text."""
    assert [field.wire for field in FIELDS if field.number] == ["Duration", "Hold duration"]
    integers = [field.wire for field in FIELDS if field.kind is Kind.INTEGER]
    assert integers == ["Duration", "Ring duration", "Hold duration"]


def test_every_enum_field_has_its_enum() -> None:
    """A field of kind ENUM names an open enum, and no other field does."""
    for field in FIELDS:
        assert (field.kind is Kind.ENUM) == bool(field.enum)
        if field.enum:
            assert issubclass(getattr(enums, field.enum), enums.OpenEnum)


def test_generated_files_are_what_the_table_says() -> None:
    """The attributes of CDR and docs/records.md are made from the table as it is now."""
    check = subprocess.run(
        [sys.executable, ROOT / "script" / "generate", "--check"], capture_output=True, text=True, check=False
    )
    assert (check.stdout + check.stderr, check.returncode) == ("", 0)
