"""Reading filter and orderby: what people may write, and what they are told of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringback.projections.call_logs.expressions import (
    AllOf,
    AnyOf,
    Compare,
    Expression,
    Match,
    Order,
    fields_of,
)
from ringback.records.portsip.fields import CallLogField
from ringback.server.portsip.odata import (
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_ORDERS,
    MAX_TERMS,
    MAX_VALUE_LENGTH,
    ODataError,
    parse_filter,
    parse_orderby,
)
from ringback.store.schema import call_logs, call_summaries

FIELDS = fields_of(call_logs)
NEW_YEAR = 1_640_995_200_000_000
"""The beginning of 2022 in UTC, in microseconds since 1970."""

ANN, BOB, EVE = (Compare("caller", "eq", name) for name in ("ann", "bob", "eve"))


def nested(depth: int) -> str:
    """A comparison in so many parentheses."""
    return "(" * depth + "caller eq 'ann'" + ")" * depth


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # comparisons, and the kinds of values
        ("caller eq '101'", Compare("caller", "eq", "101")),
        ("caller ne ' O''Brien '", Compare("caller", "ne", " O'Brien ")),
        ("caller eq ''''", Compare("caller", "eq", "'")),
        ("caller gt ''", Compare("caller", "gt", "")),
        ("status_code ge '486'", Compare("status_code", "ge", 486)),
        ("status_code le '-9223372036854775808'", Compare("status_code", "le", -(2**63))),
        ("started_at gt '2022-01-01T00:00:00Z'", Compare("started_at", "gt", NEW_YEAR)),
        ("started_at lt '2022-01-01T01:00:00.000001+01:00'", Compare("started_at", "lt", NEW_YEAR + 1)),
        ("started_at gt '1969-12-31T23:59:59.999999Z'", Compare("started_at", "gt", -1)),
        ("direction eq 'SIDEWAYS_CALL'", Compare("direction", "eq", "SIDEWAYS_CALL")),
        ("end_reason eq 'CALLER_DISCONNECT'", Compare("end_reason", "eq", "CALLER_DISCONNECTED")),
        # blank
        ("answered_at eq null", Compare("answered_at", "eq", None)),
        ("answered_at ne ''", Compare("answered_at", "ne", None)),
        ("trunk eq ''", Compare("trunk", "eq", None)),
        ("trunk eq 'null'", Compare("trunk", "eq", "null")),
        # without quotes
        ("duration gt 60", Compare("duration", "gt", 60)),
        ("duration gt -1", Compare("duration", "gt", -1)),
        ("caller eq 0101", Compare("caller", "eq", "0101")),
        ("caller eq +12025550101", Compare("caller", "eq", "+12025550101")),
        ("started_at ge 2022-01-01T00:00:00+00:00", Compare("started_at", "ge", NEW_YEAR)),
        # functions
        ("startswith(caller,'1')", Match("startswith", "caller", "1")),
        ("endswith ( caller , '%_' )", Match("endswith", "caller", "%_")),
        ("contains(direction,'BOUND')", Match("contains", "direction", "BOUND")),
        ("contains(caller,'')", Match("contains", "caller", "")),
        # together
        ("caller eq 'ann' and caller eq 'bob' and caller eq 'eve'", AllOf((ANN, BOB, EVE))),
        ("caller eq 'ann' or caller eq 'bob' and caller eq 'eve'", AnyOf((ANN, AllOf((BOB, EVE))))),
        ("caller eq 'ann' and caller eq 'bob' or caller eq 'eve'", AnyOf((AllOf((ANN, BOB)), EVE))),
        ("caller eq 'ann' and (caller eq 'bob' or caller eq 'eve')", AllOf((ANN, AnyOf((BOB, EVE))))),
        ("((caller eq 'ann'))", ANN),
        # case and white space
        ("caller EQ 'ann' AND (caller Eq 'bob')", AllOf((ANN, BOB))),
        ("StartsWith(caller,'1')", Match("startswith", "caller", "1")),
        ("answered_at eq NULL", Compare("answered_at", "eq", None)),
        ("\tcaller\neq'ann'or(caller eq'bob')\r\n", AnyOf((ANN, BOB))),
    ],
)
def test_filters(text: str, expected: Expression) -> None:
    """A filter is read as it is meant, in all forms that its parts may have."""
    assert parse_filter(text, FIELDS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("caller", (Order("caller"),)),
        ("caller asc, started_at desc", (Order("caller"), Order("started_at", descending=True))),
        (" duration  DESC,id ", (Order("duration", descending=True), Order("id"))),
    ],
)
def test_orders(text: str, expected: tuple[Order, ...]) -> None:
    """An orderby is a list of fields with directions; ascending is the default."""
    assert parse_orderby(text, FIELDS) == expected


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        # something is missing
        ("", 0, "Expected a field or '(', found the end"),
        ("  ", 2, "found the end"),
        ("caller", 6, "Expected an operator (eq, ne, gt, ge, lt, le) or '(', found the end"),
        ("caller eq ", 10, "Expected a value in single quotes, found the end"),
        ("caller eq '1' and", 17, "found the end"),
        ("(caller eq '1'", 14, "Expected ')', found the end"),
        ("contains(caller '1')", 16, "Expected a comma, found a value"),
        ("caller eq '1' callee eq '2'", 14, "Expected 'and', 'or' or the end, found 'callee'"),
        # something is too much
        ("caller eq '1')", 13, "No '(' stands before"),
        ("caller eq eq '1'", 10, "Expected a value in single quotes, found 'eq'"),
        ("caller eq '1' + '2'", 14, "'+' has no meaning here"),
        # unknown words
        ("calle eq '1'", 0, "'calle' is no field. Did you mean caller? There are id, session_id, caller, "),
        ("Caller eq '1'", 0, "Did you mean caller?"),
        ("caller eq '1' or weather eq '2'", 17, "'weather' is no field. There are id, "),
        ("cost eq '1'", 0, "'cost' is no field"),
        ("org eq '1'", 0, "'org' is no field"),
        ("caller equals '1'", 7, "Expected an operator (eq, ne, gt, ge, lt, le) or '(', found 'equals'"),
        ("startwith(caller,'1')", 0, "'startwith' is no function. Did you mean startswith? There are startswith, "),
        ("not (caller eq '1')", 0, "'not' is no function. There are startswith, endswith, contains"),
        ("contains(calle,'1')", 9, "'calle' is no field"),
        # values
        ("caller eq ann", 10, "Expected a value in single quotes, found 'ann'"),
        ('caller eq "ann"', 10, "straight single quotes"),
        ("caller eq \u2018ann\u2019", 10, "straight single quotes"),
        ("caller eq 'O'Brien'", 13, "Expected 'and', 'or' or the end, found 'Brien'"),
        ("caller eq 'ann", 10, "has no end"),
        ("caller eq 'ann''", 10, "has no end"),
        ("caller eq 'a\0b'", 12, "cannot be part of any value"),
        ("caller eq '\ud83d'", 11, "cannot be part of any value"),
        ("duration gt 'soon'", 12, "duration is a whole number"),
        ("duration gt 1.5", 12, "duration is a whole number"),
        ("duration gt '\u0661'", 12, "duration is a whole number"),
        ("duration gt 9223372036854775808", 12, "64 bits"),
        ("duration gt 00000000000000000001", 12, "64 bits"),
        ("duration gt ''", 12, "duration is a whole number"),
        ("duration gt null", 12, "gt needs a value"),
        ("started_at gt 'soon'", 14, "started_at is a time, such as '2026-01-31T08:30:00Z'"),
        ("started_at gt '2022-01-01'", 14, "started_at is a time"),
        ("started_at gt '2022-02-30T00:00:00Z'", 14, "started_at is a time"),
        ("started_at gt '0001-01-01T00:00:00+01:00'", 14, "started_at is a time"),
        ("started_at gt '2022-01-01T00:00:00 01:00'", 14, "started_at is a time"),
        ("startswith(started_at,'2022')", 11, "started_at is no text, so startswith cannot look into it"),
        ("contains(caller,null)", 16, "contains looks for a text"),
        # bounds
        ("x" * (MAX_LENGTH + 1), MAX_LENGTH, "longer than 4096 characters"),
        ("x" * (MAX_LENGTH - 7) + " eq '1'", 0, "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is no field"),
        (f"caller eq '{'x' * (MAX_VALUE_LENGTH + 1)}'", 10, "longer than 1024 characters"),
        (nested(MAX_DEPTH + 1), MAX_DEPTH, "More than 20 parentheses"),
        ("(" * MAX_LENGTH, MAX_DEPTH, "More than 20 parentheses"),
        (" or ".join(["id eq '1'"] * (MAX_TERMS + 1)), 13 * MAX_TERMS - 3, "more than 100 conditions"),
    ],
)
def test_faulty_filters(text: str, position: int, message: str) -> None:
    """Who writes a faulty filter is told where the fault is and what would be right."""
    with pytest.raises(ODataError) as raised:
        parse_filter(text, FIELDS)
    assert (raised.value.position, message in raised.value.message) == (position, True), raised.value.message
    assert str(raised.value) == raised.value.message


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "Expected a field, found the end"),
        ("caller,", 7, "Expected a field, found the end"),
        ("caller up", 7, "Expected 'asc', 'desc', a comma or the end, found 'up'"),
        ("caller a\u017fc", 7, "found 'a'"),
        ("caller asc desc", 11, "Expected a comma or the end, found 'desc'"),
        ("caller eq '1'", 7, "found 'eq'"),
        ("caller, callr desc", 8, "'callr' is no field. Did you mean caller?"),
        ("caller, callee, caller desc", 16, "caller is there twice"),
        (",".join(field.name for field in FIELDS), 115, "more than 10 fields"),
    ],
)
def test_faulty_orders(text: str, position: int, message: str) -> None:
    """Who writes a faulty orderby is told where the fault is and what would be right."""
    with pytest.raises(ODataError) as raised:
        parse_orderby(text, FIELDS)
    assert (raised.value.position, message in raised.value.message) == (position, True), raised.value.message


def test_all_that_the_bounds_allow() -> None:
    """As many terms, parentheses, characters and orders as the bounds say are read."""
    assert parse_filter(nested(MAX_DEPTH), FIELDS) == ANN
    many = parse_filter(" and ".join(["caller eq 'ann'"] * MAX_TERMS), FIELDS)
    assert many == AllOf((ANN,) * MAX_TERMS)
    long = "x" * MAX_VALUE_LENGTH
    assert parse_filter(f"caller eq '{long}'".ljust(MAX_LENGTH), FIELDS) == Compare("caller", "eq", long)
    assert len(parse_orderby(",".join(field.name for field in FIELDS[:MAX_ORDERS]), FIELDS)) == MAX_ORDERS


@pytest.mark.parametrize("field", [field.name for field in FIELDS])
def test_every_field_of_a_list_is_known(field: str) -> None:
    """Every field that lists have can be asked for and ordered by, but summaries have no session_id of their own."""
    assert parse_filter(f"{field} eq ''", FIELDS) == Compare(field, "eq", None)
    assert parse_orderby(field, FIELDS) == (Order(field),)
    summary = fields_of(call_summaries)
    if field == "session_id":
        with pytest.raises(ODataError, match="is no field"):
            parse_filter(f"{field} eq ''", summary)
    else:
        assert parse_filter(f"{field} eq ''", summary) == Compare(field, "eq", None)


def fault(parse: Callable[[str, Iterable[CallLogField]], object], text: str) -> ODataError | None:
    """What is wrong with a text; None if it can be read."""
    try:
        parse(text, FIELDS)
    except ODataError as error:
        return error
    return None


WORDS = ("caller", "duration", "started_at", "startswith", "eq", "ne", "gt", "and", "or", "asc", "desc", "null")
SIGNS = ("(", ")", ",", "'", "''", "12", "-", "2022-01-01T00:00:00Z", "%", "é", "\0")
PARTS = ("contains(", "contains(caller,'a')", "caller eq '1'")


@given(text=st.text(st.characters()) | st.lists(st.sampled_from(WORDS + SIGNS + PARTS), max_size=30).map(" ".join))
@example("caller eq '" + "''" * 2000)
@example("((" * 9 + "caller eq '1'" + "))" * 2000)
def test_no_text_does_harm(text: str) -> None:
    """Whatever the text, it is read or refused at a place within it."""
    for parse in (parse_filter, parse_orderby):
        if error := fault(parse, text):
            assert 0 <= error.position <= len(text)
            assert error.message.endswith(".")
