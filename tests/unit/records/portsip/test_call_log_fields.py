"""The table of fields and words is that of PortSIP's documentation, of the page, and of `CallLog`."""

from __future__ import annotations

import msgspec
import pytest

from ringback.records.enums import OpenEnum
from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.fields import (
    CALL_LOG_FIELDS,
    CallLogDirection,
    CallLogKind,
    EndReason,
    RerouteReason,
)
from unit.records.portsip.mapping_page import table

DOCUMENTED = """
id session_id caller caller_domain caller_display_name callee callee_domain callee_display_name started_at rang_at
answered_at ended_at call_id direction end_reason reroute_reason status_code destination outbound_caller_id did_cid
trunk duration cost billed_account service_number user_data
"""
"""The names as the public REST documentation has them, in its order."""

WORDS: dict[type[OpenEnum], str] = {
    CallLogDirection: "INBOUND_CALL OUTBOUND_CALL EXTENSION_CALL INBOUND_OUTBOUND_CALL",
    EndReason: "CALLER_DISCONNECTED CALLEE_DISCONNECTED BLIND_TRANSFER_COMPLETED CONSULT_TRANSFER_COMPLETED REPLACED "
    "REFERRED REDIRECTED CANCELLED",
    RerouteReason: "TRANSFER OVERFLOW CAPACITY_BLOCKED QUEUE_EXIT QUEUE_ABANDONED REDIRECT FORWARDING_UNCONDITIONAL "
    "FORWARDING_BUSY FORWARDING_NO_ANSWER FORWARDING_NOT_REACHABLE FORWARDING_EXCEPTION FORWARDING_LUNCH "
    "FORWARDING_BUSINESS_TRIP FORWARDING_AWAY FORWARDING_NIGHT_MODE",
}


def test_the_fields_are_the_documented_ones() -> None:
    """There are 26 fields, of which a list has all but the cost and the billed account."""
    assert [field.name for field in CALL_LOG_FIELDS] == DOCUMENTED.split()
    assert [field.name for field in CALL_LOG_FIELDS if not field.in_list] == ["cost", "billed_account"]
    lengths = {field.name: field.max_length for field in CALL_LOG_FIELDS if field.max_length}
    long = dict.fromkeys(("caller_domain", "caller_display_name", "callee_domain", "callee_display_name"), 1024)
    assert lengths == long | {"caller": 256, "callee": 256, "outbound_caller_id": 64}


def test_a_call_log_has_an_attribute_for_each_field() -> None:
    """The attributes of a call log are the fields, in their order and with the types of their kinds."""
    *attributes, odd = msgspec.structs.fields(CallLog)
    assert odd.name == "odd"
    types = {
        CallLogKind.TEXT: "str",
        CallLogKind.TIME: "datetime",
        CallLogKind.INTEGER: "int",
        CallLogKind.MONEY: "Decimal",
    }
    expected = [(field.name, field.enum.__name__ if field.enum else types[field.kind]) for field in CALL_LOG_FIELDS]
    assert [(each.name, CallLog.__annotations__[each.name].removesuffix(" | None")) for each in attributes] == expected


@pytest.mark.parametrize("enum", WORDS, ids=lambda enum: enum.__name__)
def test_the_words_are_the_documented_ones(enum: type[OpenEnum]) -> None:
    """Each documented word is known, and any other is kept and told apart."""
    assert [str(word) for word in enum] == WORDS[enum].split()
    assert all(enum(word).is_known for word in WORDS[enum].split())
    other = enum("FULL_MOON")
    assert (other, other.is_known) == ("FULL_MOON", False)


def test_misspelt_words_are_the_documented_ones() -> None:
    """The sample's CALLER_DISCONNECT, and the word like it, are the documented words with -ED."""
    assert EndReason("CALLER_DISCONNECT") is EndReason.caller_disconnected
    assert EndReason("CALLEE_DISCONNECT") is EndReason.callee_disconnected


def test_the_page_has_the_table_of_fields() -> None:
    """The page about the mapping says of each field what the table says."""
    assert [list(row.values()) for row in table("field", "value")] == [
        [
            field.name,
            field.kind.value,
            str(field.max_length or ""),
            "yes" if field.in_list else "no",
            field.meaning,
        ]
        for field in CALL_LOG_FIELDS
    ]
