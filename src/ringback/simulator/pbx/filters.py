"""The filters of the simulated PBX: a small language, read by hand and held against rows.

It is what PortSIP's page about query options describes, taken strictly: comparisons by `eq ne gt ge lt le`, the
functions `startswith`, `endswith` and `contains`, joined by `and` and `or`, grouped by parentheses, with every literal
in single quotes. A quote inside a literal is written twice.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, NamedTuple, NoReturn

from ringback.simulator.pbx.rows import Row
from ringback.simulator.pbx.wire import DETAIL_ONLY, Wire

TIMES = frozenset(("started_at", "rang_at", "answered_at", "ended_at"))
LISTED = frozenset(Row.__struct_fields__) - frozenset(DETAIL_ONLY)
_IDS = frozenset(("id", "session_id"))
_NUMBERS = frozenset(("status_code", "duration"))
_TOKEN = re.compile(r"\s*(?:([A-Za-z_][A-Za-z0-9_]*)|'((?:[^']|'')*)'|([(),]))", re.ASCII)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": lambda text, part: part in text,
}

Holds = Callable[[Row], bool]


class BadQuery(ValueError):
    """Options that the documentation does not allow; the message says why."""


class Filter(NamedTuple):
    """A filter that was read.

    Attributes:
        fields: all that it names.
        holds: whether a row fits it. A comparison with a blank time never holds.
    """

    fields: frozenset[str]
    holds: Holds


class _Token(NamedTuple):
    kind: Literal["word", "literal", "sign", "end"]
    text: str
    position: int


def read_filter(text: str, wire: Wire, fields: frozenset[str], id_order: Literal["numeric", "text"]) -> Filter:
    """Read a filter.

    Args:
        text: what the client sent.
        wire: reads ids.
        fields: those that the rows have.
        id_order: how ids compare.

    Raises:
        BadQuery: it is none.
    """
    return _Reader(text, wire, fields, id_order).read()


class _Reader:
    def __init__(self, text: str, wire: Wire, fields: frozenset[str], id_order: str) -> None:
        self._tokens = _tokens(text)
        self._wire = wire
        self._allowed = fields
        self._id_order = id_order
        self._fields: set[str] = set()
        self._next = 0

    def read(self) -> Filter:
        holds = self._any()
        if self._peek().kind != "end":
            self._fail("'and' or 'or'")
        return Filter(frozenset(self._fields), holds)

    def _any(self) -> Holds:
        parts = [self._all()]
        while self._takes("word", "or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _all(self) -> Holds:
        parts = [self._term()]
        while self._takes("word", "and"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _term(self) -> Holds:
        if self._takes("sign", "("):
            holds = self._any()
            self._need("sign", ")")
            return holds
        name = self._need("word")
        if name in _FUNCTIONS:
            self._need("sign", "(")
            field = self._field(self._need("word"))
            self._need("sign", ",")
            part = self._need("literal")
            self._need("sign", ")")
            if field in TIMES | _IDS | _NUMBERS:
                raise BadQuery(f"{name} is for texts, which {field} is not")
            return _function(_FUNCTIONS[name], field, part)
        field = self._field(name)
        compare = _OPERATORS.get(self._need("word"))
        if compare is None:
            raise BadQuery(f"{field} is followed by no operator")
        return self._comparison(field, compare, self._need("literal"))

    def _comparison(self, field: str, compare: Callable[[Any, Any], bool], literal: str) -> Holds:
        if field in TIMES:
            return _times(compare, field, _time(literal))
        if field in _NUMBERS:
            if not re.fullmatch(r"-?\d{1,9}", literal, re.ASCII):
                raise BadQuery(f"{field} is compared with {literal!r}, which is no number")
            return _plainly(compare, field, int(literal))
        if field in _IDS:
            number = self._wire.read_id(literal)
            if number is None:
                raise BadQuery(f"{field} is compared with {literal!r}, which is no id")
            if self._id_order == "text":
                return _digits(compare, field, str(number))
            return _plainly(compare, field, number)
        return _plainly(compare, field, literal)

    def _field(self, name: str) -> str:
        if name not in self._allowed:
            raise BadQuery(f"no field {name!r}")
        self._fields.add(name)
        return name

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _takes(self, kind: str, text: str) -> bool:
        token = self._peek()
        if (token.kind, token.text) != (kind, text):
            return False
        self._next += 1
        return True

    def _need(self, kind: str, text: str | None = None) -> str:
        token = self._peek()
        if token.kind != kind or text not in (None, token.text):
            self._fail(text or f"a {kind}")
        self._next += 1
        return token.text

    def _fail(self, wanted: str) -> NoReturn:
        token = self._peek()
        raise BadQuery(f"the filter needs {wanted} at position {token.position}, not {token.text or 'its end'!r}")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadQuery(f"the filter cannot be read at position {at}")
        word, literal, sign = match.groups()
        if word is not None:
            tokens.append(_Token("word", word, match.start(1)))
        elif sign is not None:
            tokens.append(_Token("sign", sign, match.start(3)))
        else:
            tokens.append(_Token("literal", literal.replace("''", "'"), match.start(2)))
        at = match.end()
    return [*tokens, _Token("end", "", len(text))]


def _time(literal: str) -> datetime:
    try:
        moment = datetime.fromisoformat(literal)
    except ValueError as error:
        raise BadQuery(f"{literal!r} is no time") from error
    if moment.tzinfo is None:
        raise BadQuery(f"{literal!r} is a time without a time zone")
    return moment


def _plainly(compare: Callable[[Any, Any], bool], field: str, wanted: str | int) -> Holds:
    return lambda row: compare(getattr(row, field), wanted)


def _digits(compare: Callable[[Any, Any], bool], field: str, wanted: str) -> Holds:
    return lambda row: compare(str(getattr(row, field)), wanted)


def _times(compare: Callable[[Any, Any], bool], field: str, wanted: datetime) -> Holds:
    def holds(row: Row) -> bool:
        value = getattr(row, field)
        return value is not None and compare(value, wanted)

    return holds


def _function(function: Callable[[str, str], bool], field: str, part: str) -> Holds:
    return lambda row: function(getattr(row, field), part)
