"""`CDR` offers what programs use of the model of `wxc_sdk`."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from wxc_sdk.cdr import CDR as TheirCDR

from factories import wire_record
from ringback.cdr import CDR, CDRDirection
from ringback.records.enums import OpenEnum
from ringback.records.fields import FIELDS

FULL = (Path(__file__).resolve().parents[2] / "data" / "full-record-2026.json").read_bytes()
OURS = CDR.model_validate_json(FULL)
THEIRS = TheirCDR.model_validate_json(FULL)


def test_fields_are_theirs() -> None:
    """The model has the attributes of `wxc_sdk`, all and only these."""
    assert set(CDR.model_fields) == set(TheirCDR.model_fields)


def test_dumps_are_theirs() -> None:
    """Dumps have the keys and values of theirs, in each mode."""
    assert OURS.model_dump() == THEIRS.model_dump()
    assert OURS.model_dump(mode="json") == THEIRS.model_dump(mode="json")
    assert OURS.model_dump(by_alias=True) == THEIRS.model_dump(by_alias=True)
    some = {"start_time", "user", "queue_type"}
    assert OURS.model_dump(include=some) == THEIRS.model_dump(include=some)
    assert OURS.model_dump(exclude=some) == THEIRS.model_dump(exclude=some)
    assert json.loads(OURS.model_dump_json()) == json.loads(THEIRS.model_dump_json())
    assert json.loads(OURS.model_dump_json(indent=2, by_alias=False)) == json.loads(
        THEIRS.model_dump_json(by_alias=False)
    )
    assert "\n  " in OURS.model_dump_json(indent=2)


def test_unset_values_in_dumps() -> None:
    """What is unset is None in a dump, and left out if that is asked for, as in theirs."""
    raw = wire_record()
    ours, theirs = CDR(raw), TheirCDR.model_validate_json(raw)
    assert ours.model_dump() == theirs.model_dump()
    assert ours.model_dump(exclude_none=True) == theirs.model_dump(exclude_none=True)
    assert json.loads(ours.model_dump_json()) == json.loads(theirs.model_dump_json())


def test_dumps_have_plain_texts() -> None:
    """Enum values are plain texts in a dump, so that any encoder takes them."""
    assert not any(isinstance(value, OpenEnum) for value in OURS.model_dump().values())


def test_fields_of_the_future() -> None:
    """A field that this version does not know is an attribute all the same, and stands in dumps, as in theirs."""
    new: dict[str, Any] = {"Mood of caller": "cheerful", "Patience": "NA", "Score": 3}
    raw = wire_record(**new)
    ours, theirs = CDR(raw), TheirCDR.model_validate_json(raw)
    assert (ours.mood_of_caller, ours.patience, ours.score) == ("cheerful", None, 3)
    assert ours.model_extra == theirs.model_extra
    assert ours.model_dump(mode="json") == theirs.model_dump(mode="json")
    assert not hasattr(ours, "mood_of_callee")
    with pytest.raises(AttributeError, match="no field 'mood_of_callee'"):
        _ = ours.mood_of_callee


@pytest.mark.parametrize("by_alias", [False, True])
def test_dumps_can_be_read_again(by_alias: bool) -> None:
    """A dump is read again as the same values, also one that names fields by alias."""
    dump = OURS.model_dump(mode="json", by_alias=by_alias)
    for again in (CDR.model_validate(dump), CDR.model_validate_json(json.dumps(dump))):
        assert again.model_dump() == OURS.model_dump()
        assert again.extra == {}


def test_records_of_the_wire_are_kept_as_they_came() -> None:
    """Reading a record from JSON keeps its bytes; reading it from another CDR, too."""
    raw = wire_record()
    assert CDR.model_validate_json(raw).raw == raw
    assert CDR.model_validate_json(raw.decode()).raw == raw
    assert CDR.model_validate(CDR(raw)).raw == raw


def test_copies() -> None:
    """A CDR can be copied and pickled, and stays one."""
    for again in (copy.copy(OURS), copy.deepcopy(OURS), pickle.loads(pickle.dumps(OURS))):  # noqa: S301  our own bytes
        assert again == OURS
        assert type(again) is CDR


def test_enum_values_compare_with_texts() -> None:
    """Values of enums equal the members and their texts, and are printed as texts."""
    assert OURS.direction is not None
    assert OURS.direction == CDRDirection(str(OURS.direction)) == str(OURS.direction)
    assert f"{OURS.direction}" == THEIRS.direction


def test_every_field_has_a_name_of_its_own() -> None:
    """No two fields share a name in dumps."""
    assert len({*OURS.model_dump(by_alias=True)}) == len(FIELDS)
