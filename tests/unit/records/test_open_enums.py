"""Open enums."""

from __future__ import annotations

import ast
import inspect
import pickle
from enum import Enum

import pytest
import wxc_sdk.cdr
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.records import enums
from ringback.records.enums import CDRCallType, CDRUserType, OpenEnum

OURS = [enum for enum in vars(enums).values() if isinstance(enum, type) and issubclass(enum, OpenEnum)]
THEIRS = [
    enum
    for enum in vars(wxc_sdk.cdr).values()
    if isinstance(enum, type) and issubclass(enum, Enum) and enum.__name__.startswith("CDR")
]


def test_all_enums_of_wxc_sdk_are_compared() -> None:
    """There are seven enums of CDR values in wxc_sdk."""
    assert len(THEIRS) == 7


def written_members(enum: type[Enum]) -> dict[str, str]:
    """The members in the source of an enum: wxc_sdk adds what it meets at run time, perhaps in another test."""
    [definition] = ast.parse(inspect.getsource(enum)).body
    assert isinstance(definition, ast.ClassDef)
    return {
        target.id: ast.literal_eval(line.value)
        for line in definition.body
        if isinstance(line, ast.Assign) and isinstance(target := line.targets[0], ast.Name)
    }


@pytest.mark.parametrize("theirs", THEIRS, ids=lambda enum: enum.__name__)
def test_members_of_wxc_sdk_have_the_same_name_and_value(theirs: type[Enum]) -> None:
    """Every member of an enum of wxc_sdk is a member of ours, with the same name and value."""
    written = written_members(theirs)
    ours = getattr(enums, theirs.__name__).__members__
    assert len(written) >= 2
    assert written == {name: ours[name].value for name in written if name in ours}


@pytest.mark.parametrize("enum", [enum for enum in OURS if enum is not OpenEnum], ids=lambda enum: enum.__name__)
@settings(max_examples=20)
@given(value=st.text())
def test_unknown_value_is_kept_as_itself(enum: type[OpenEnum], value: str) -> None:
    """Any text is a value: equal to its text, hashed like it, and the class learns nothing from strangers."""
    members = list(enum)
    kept = enum(value)
    assert isinstance(kept, enum)
    assert kept == value
    assert value == kept
    assert str(kept) == kept.value == value
    assert {value: 1}[kept] == 1
    assert kept.is_known is (value in {member.value for member in members})
    assert list(enum) == members
    assert enum(value) == kept


def test_known_value_is_the_member() -> None:
    """A documented value is the member itself, so that `is` and match work."""
    assert CDRCallType("SIP_NATIONAL") is CDRCallType.sip_national
    assert CDRCallType.sip_national.is_known
    assert CDRUserType("CallCenterPremium").is_known


def test_a_value_that_is_no_text_is_refused() -> None:
    """Only texts can be values."""
    with pytest.raises(ValueError, match="5 is not a valid CDRCallType"):
        CDRCallType(5)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("value", ["SIP_NATIONAL", "SIP_TELEPATHY", ""])
def test_values_survive_pickling(value: str) -> None:
    """Known and unknown values can be sent to another process."""
    sent = pickle.loads(pickle.dumps(CDRCallType(value)))  # noqa: S301  made in this line
    assert isinstance(sent, CDRCallType)
    assert sent == value
    assert sent.is_known is CDRCallType(value).is_known
