"""The options `filter` and `orderby`, read into expressions.

The language is what PortSIP's public REST documentation ("Query Options Overview") takes from OData: comparisons, three
functions on texts, `and`, `or`, parentheses. All values stand in single quotes there, numbers and times too. We also
take `null` for blank, values without quotes if they begin like a number, and all words but fields in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Any, cast, get_args

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args
from lark.lark import PostLex

from ringback.projections.call_logs.expressions import (
    AllOf,
    AnyOf,
    Compare,
    Comparison,
    Expression,
    Function,
    Match,
    Order,
    Value,
)
from ringback.records.portsip.fields import CallLogField, CallLogKind
from ringback.records.values import OddValue, read_time

MAX_LENGTH = 4096
"""Characters of a filter, or of an orderby."""

MAX_TERMS = 100
"""Comparisons and functions in a filter."""

MAX_DEPTH = 20
"""Parentheses within parentheses, those of functions included."""

MAX_VALUE_LENGTH = 1024
"""Characters of a value: as many as the longest field may have."""

MAX_ORDERS = 10
"""Fields in an orderby."""

# A text may not end before a quote: of an odd number of quotes, the first one is at fault.
_GRAMMAR = r"""
?any_of: all_of (_OR all_of)*
?all_of: term (_AND term)*
?term: field OPERATOR literal                      -> compare
     | function _OPEN field _COMMA literal _CLOSE  -> match
     | _OPEN any_of _CLOSE
orderby: order (_COMMA order)*
order: field [DIRECTION]
field: NAME
function: NAME
?literal: TEXT | BARE | NULL

_AND.1: /and\b/i
_OR.1: /or\b/i
OPERATOR.1: /(eq|ne|gt|ge|lt|le)\b/i
DIRECTION.1: /(asc|desc)\b/i
NULL.1: /null\b/i
NAME: /[a-z_][a-z0-9_]*/i
BARE: /[+-]?[0-9][0-9a-z:.+-]*/i
TEXT: /'[^']*(''[^']*)*'(?!')/
_OPEN: "("
_CLOSE: ")"
_COMMA: ","
%ignore /[ \t\r\n]+/
"""

_COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)
_FUNCTIONS: tuple[Function, ...] = get_args(Function)
_WORDS = {
    "NAME": "a field",
    "OPERATOR": f"an operator ({', '.join(_COMPARISONS)})",
    "TEXT": "a value in single quotes",
    "DIRECTION": "'asc', 'desc'",
    "_AND": "'and'",
    "_OR": "'or'",
    "_OPEN": "'('",
    "_CLOSE": "')'",
    "_COMMA": "a comma",
    "$END": "the end",
}
_TEXTUAL = (CallLogKind.TEXT, CallLogKind.ENUM)
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_LARGEST = 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# No database takes these: NUL, and halves of pairs in UTF-16, which are no characters.
_REFUSED = re.compile("[\0\ud800-\udfff]")
_SHOWN = 40


class ODataError(Exception):
    """What somebody wrote is no filter, or no orderby. The message is for them.

    Attributes:
        message: what is wrong, and what would be right.
        position: where in the text, in characters from 0 on; the length of the text if something is missing at its end.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


def parse_filter(text: str, fields: Iterable[CallLogField]) -> Expression:
    """Read a filter, such as `caller eq '101' and started_at gt '2022-01-01T00:00:00Z'`.

    Args:
        text: as it was sent, after percent-decoding.
        fields: those that may be filtered by; `fields_of` of the table has them.

    Raises:
        ODataError: it is empty, no filter, or beyond one of the bounds.
    """
    return cast(Expression, _parse(text, fields, "any_of"))


def parse_orderby(text: str, fields: Iterable[CallLogField]) -> tuple[Order, ...]:
    """Read an orderby, such as `caller asc, started_at desc`; what has no direction is ascending.

    Args:
        text: as it was sent, after percent-decoding.
        fields: those that may be ordered by; `fields_of` of the table has them.

    Raises:
        ODataError: it is empty, no orderby, names a field twice, or is beyond one of the bounds.
    """
    return cast("tuple[Order, ...]", _parse(text, fields, "orderby"))


def _parse(text: str, fields: Iterable[CallLogField], start: str) -> object:
    if len(text) > MAX_LENGTH:
        raise ODataError(f"The text is longer than {MAX_LENGTH} characters.", MAX_LENGTH)
    if refused := _REFUSED.search(text):
        raise ODataError("This character cannot be part of any value.", refused.start())
    try:
        return _parser(tuple(fields)).parse(text, start)
    except UnexpectedCharacters as error:
        position = error.pos_in_stream or 0
        raise ODataError(_at_character(text[position]), position) from None
    except UnexpectedToken as error:
        raise _at_token(error, len(text)) from None


@cache
def _parser(fields: tuple[CallLogField, ...]) -> Lark:
    return Lark(
        _GRAMMAR,
        parser="lalr",
        lexer="basic",
        start=["any_of", "orderby"],
        transformer=_Reading(fields),
        postlex=_Bounds(),
        g_regex_flags=re.ASCII,  # otherwise other letters, such as the long s, are ours in another case
    )


class _Bounds(PostLex):
    """Looks at the tokens on their way to the parser, and stops it at one too many."""

    always_accept = ()

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        depth, terms = 0, 1
        for token in stream:
            depth += (token.type == "_OPEN") - (token.type == "_CLOSE")
            terms += token.type in ("_AND", "_OR")
            if depth < 0:
                raise _fault("No '(' stands before that this would close.", token)
            if depth > MAX_DEPTH:
                raise _fault(f"More than {MAX_DEPTH} parentheses are open here.", token)
            if terms > MAX_TERMS:
                raise _fault(f"There are more than {MAX_TERMS} conditions.", token)
            yield token


@v_args(inline=True)
class _Reading(Transformer[Token, Any]):
    """Makes expressions of what the parser has found, as it finds it, so that the first fault is the one told."""

    def __init__(self, fields: Sequence[CallLogField]) -> None:
        super().__init__()
        self._fields = {field.name: field for field in fields}

    def any_of(self, *parts: Expression) -> Expression:
        return AnyOf(parts)

    def all_of(self, *parts: Expression) -> Expression:
        return AllOf(parts)

    def compare(self, name: Token, operator: Token, literal: Token) -> Expression:
        comparison = cast(Comparison, operator.lower())
        return Compare(str(name), comparison, _value(self._fields[name], comparison, literal))

    def match(self, function: Token, name: Token, literal: Token) -> Expression:
        if self._fields[name].kind not in _TEXTUAL:
            raise _fault(f"{name} is no text, so {function} cannot look into it.", name)
        text = _text(literal)
        if text is None:
            raise _fault(f"{function} looks for a text, not for null.", literal)
        return Match(cast(Function, function.lower()), str(name), text)

    def orderby(self, *orders: tuple[Token, Order]) -> tuple[Order, ...]:
        there: set[str] = set()
        for name, order in orders:
            if order.field in there:
                raise _fault(f"{name} is there twice.", name)
            if len(there) == MAX_ORDERS:
                raise _fault(f"There are more than {MAX_ORDERS} fields to order by.", name)
            there.add(order.field)
        return tuple(order for _, order in orders)

    def order(self, name: Token, direction: Token | None) -> tuple[Token, Order]:
        return name, Order(str(name), direction is not None and direction.lower() == "desc")

    def field(self, name: Token) -> Token:
        if name not in self._fields:
            raise _unknown("field", name, tuple(self._fields))
        return name

    def function(self, name: Token) -> Token:
        if name.lower() not in _FUNCTIONS:
            raise _unknown("function", name, _FUNCTIONS)
        return name


def _text(literal: Token) -> str | None:
    """What a literal says; None if it is null."""
    if literal.type == "NULL":
        return None
    text = literal[1:-1].replace("''", "'") if literal.type == "TEXT" else str(literal)
    if len(text) > MAX_VALUE_LENGTH:
        raise _fault(f"The value is longer than {MAX_VALUE_LENGTH} characters.", literal)
    return text


def _value(field: CallLogField, comparison: Comparison, literal: Token) -> Value:
    text = _text(literal)
    if comparison in ("eq", "ne"):
        if not text:
            return None
    elif text is None:
        raise _fault(f"{comparison} needs a value; eq and ne tell whether there is one.", literal)
    if field.enum is not None:
        return str(field.enum(text))  # in the spelling that it is kept in
    if field.kind is CallLogKind.INTEGER:
        if not _INTEGER.fullmatch(text) or not -_LARGEST <= int(text) < _LARGEST:
            raise _fault(f"{field.name} is a whole number of 64 bits at most.", literal)
        return int(text)
    if field.kind is CallLogKind.TIME:
        try:
            return (read_time(text) - _EPOCH) // _MICROSECOND
        except OddValue:
            raise _fault(f"{field.name} is a time, such as '2026-01-31T08:30:00Z'.", literal) from None
    return text


def _fault(message: str, token: Token) -> ODataError:
    return ODataError(message, token.start_pos or 0)


def _unknown(kind: str, name: Token, known: Sequence[str]) -> ODataError:
    near = get_close_matches(name.lower(), known, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return _fault(f"{_shown(name)} is no {kind}.{hint} There are {', '.join(known)}.", name)


def _at_token(error: UnexpectedToken, end: int) -> ODataError:
    words = ", ".join(word for name, word in _WORDS.items() if name in error.accepts)
    expected = " or ".join(words.rsplit(", ", 1))
    if error.token.type == "$END":
        return ODataError(f"Expected {expected}, found the end.", end)
    found = "a value" if error.token.type == "TEXT" else _shown(error.token)
    return _fault(f"Expected {expected}, found {found}.", error.token)


def _at_character(character: str) -> str:
    if character == "'":
        return "The value that begins here has no end. A quote within a value is written twice."
    if character in '"\u2018\u2019\u201c\u201d`\u00b4':
        return "Values stand in straight single quotes, as in '101'."
    return f"{character!r} has no meaning here."


def _shown(text: str) -> str:
    return f"'{text[:_SHOWN]}...'" if len(text) > _SHOWN else f"'{text}'"
