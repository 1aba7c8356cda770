"""Which call logs are asked for: keywords for people, and the filter that they become.

The filter language is the part of OData that PortSIP's "Query Options Overview" describes. All values stand in single
quotes there, numbers and times as well; a quote inside a value is doubled, as in OData.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypedDict, cast

import msgspec

from ringback.clients.calllogs.errors import FilterIgnored
from ringback.clients.errors import UsageError
from ringback.clients.times import read_moment
from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.fields import CALL_LOG_FIELDS

_TOLERANCE = timedelta(seconds=1)  # a server that compares whole seconds filters all the same

Texts: TypeAlias = str | Sequence[str] | None
Moment: TypeAlias = datetime | str | None

OnInvalid: TypeAlias = Callable[[bytes, Exception], None]
"""Gets what is no call log in a page: its bytes, and what is wrong with it."""


class Selection(TypedDict, total=False):
    """Keywords that say which call logs are wanted. All that are given must hold; None is as if it were not given.

    Attributes:
        start, end: the calls that began at `start` or later and before `end`; aware datetimes, or ISO 8601 texts with
            a zone.
        caller, callee: numbers of either side. One text, or several of which one must match; so with all that follow.
        number: of whoever called or was called.
        direction: such as `CallLogDirection.inbound`.
        end_reason: such as `EndReason.cancelled`.
        trunk: name of the trunk.
        did_cid: number that was dialled from outside.
        session_id: of the call. The lists of CDRs have no such field.
        status_code: SIP status.
        filter: an expression of your own, which must hold too.
        search: text for the server's free search.
    """

    start: Moment
    end: Moment
    caller: Texts
    callee: Texts
    number: Texts
    direction: Texts
    end_reason: Texts
    trunk: Texts
    did_cid: Texts
    session_id: Texts
    status_code: int | Sequence[int] | None
    filter: str | None
    search: str | None


class Wanted(Selection, total=False):
    """The keywords of a `Selection`, and how the list is to come.

    Attributes:
        orderby: such as `caller asc, started_at desc`; by default `started_at asc, id asc`, and "" for the order of the
            server.
        page_size: call logs asked for at once, 1 to 100, which is the default.
        limit: call logs at most.
        counted: whether the server is to count how many there are, as it does by default; of a large list that may take
            it long.
        on_invalid: gets the bytes of each item that is no call log, and what is wrong; by default that is logged.
    """

    orderby: str | None
    page_size: int
    limit: int | None
    counted: bool
    on_invalid: OnInvalid | None


_FIELDS: Mapping[str, tuple[str, ...]] = {
    "caller": ("caller",),
    "callee": ("callee",),
    "number": ("caller", "callee"),
    "direction": ("direction",),
    "end_reason": ("end_reason",),
    "trunk": ("trunk",),
    "did_cid": ("did_cid",),
    "session_id": ("session_id",),
    "status_code": ("status_code",),
}
"""The fields of which one must have the value of a keyword."""

_ENUMS = {field.name: field.enum for field in CALL_LOG_FIELDS if field.enum is not None}


class _OneOf(msgspec.Struct, frozen=True):
    """One of these fields has one of these values."""

    fields: tuple[str, ...]
    values: tuple[str, ...]

    def __str__(self) -> str:
        terms = [f"{field} eq {quoted(value)}" for value in self.values for field in self.fields]
        return terms[0] if len(terms) == 1 else f"({' or '.join(terms)})"

    def refutes(self, log: CallLog) -> bool:
        """Whether the fields of a call log say that this does not hold. Blank ones say nothing: lists differ in the
        fields that they have."""
        return not any(
            (found := getattr(log, field)) is None or str(found).casefold() in self._wanted(field)
            for field in self.fields
        )

    def _wanted(self, field: str) -> set[str]:
        enum = _ENUMS.get(field, str)
        return {str(enum(value)).casefold() for value in self.values}


class _Bound(msgspec.Struct, frozen=True):
    """The call began at a time or later, or before it."""

    moment: datetime
    later: bool

    def __str__(self) -> str:
        return f"started_at {'ge' if self.later else 'lt'} {quoted(wire_time(self.moment))}"

    def refutes(self, log: CallLog) -> bool:
        """Whether the call began at another time."""
        if (began := log.started_at) is None:
            return False
        return began < self.moment - _TOLERANCE if self.later else began > self.moment + _TOLERANCE


class Question(msgspec.Struct, frozen=True):
    """What is asked for, as it is sent and as it is checked.

    Attributes:
        parameters: of the query.
        terms: what holds for every call log that is wanted, as far as keywords say it.
    """

    parameters: dict[str, str]
    terms: tuple[_OneOf | _Bound, ...]

    def check(self, log: CallLog) -> None:
        """See that a call log that came is one that was asked for.

        Raises:
            FilterIgnored: it is not.
        """
        for term in self.terms:
            if term.refutes(log):
                fields = " or ".join(term.fields) if isinstance(term, _OneOf) else "started_at"
                # Not the values: they are numbers of people.
                raise FilterIgnored(
                    f"the server does not filter: the {fields} of a call log that came is not what was asked for. "
                    "Leave the keyword away and choose for yourself, or ask for cdrs()"
                )


def ask_for(selection: Selection, *, last: datetime | None = None) -> Question:
    """The question that keywords ask.

    Args:
        last: where a selection with a start ends that has no end; None for no such bound.

    Raises:
        UsageError: they ask for nothing that could be.
    """
    start = _moment("start", selection.get("start"))
    end = _moment("end", selection.get("end"))
    if start and end and end <= start:
        raise UsageError(f"end {end.isoformat()} must be later than start {start.isoformat()}")
    if start and not end and last and last > start:
        end = last
    terms: list[_OneOf | _Bound] = []
    if start:
        terms.append(_Bound(start, later=True))
    if end:
        terms.append(_Bound(end, later=False))
    given = cast(dict[str, Any], selection)
    for name, fields in _FIELDS.items():
        if given.get(name) is not None:
            terms.append(_OneOf(fields, _values(name, given[name])))
    expressions = [str(term) for term in terms]
    if own := selection.get("filter"):
        expressions.append(f"({own})" if expressions else own)
    parameters = {"filter": " and ".join(expressions), "search": selection.get("search") or ""}
    return Question({name: text for name, text in parameters.items() if text}, tuple(terms))


def check_keywords(given: Selection, known: type[Selection]) -> None:
    """See that only keywords are given that there are; a type checker sees it, but not every program has one.

    Raises:
        TypeError: there is no such keyword.
    """
    for name in given:
        if name not in known.__annotations__:
            raise TypeError(f"there is no keyword {name!r}; there are {', '.join(known.__annotations__)}")


def quoted(text: str) -> str:
    """A value as it stands in a filter."""
    return "'" + text.replace("'", "''") + "'"


def wire_time(moment: datetime) -> str:
    """A time as PortSIP writes it: RFC 3339 in UTC, with a fraction only if there is one."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _moment(name: str, value: Moment) -> datetime | None:
    return None if value is None else read_moment(name, value)


def _values(name: str, given: object) -> tuple[str, ...]:
    values = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    if not values:
        raise UsageError(f"{name} is empty, so no call log could be meant; leave it away to ask for all")
    if not all(isinstance(value, (str, int)) and not isinstance(value, bool) for value in values):
        raise UsageError(f"{name} must be a text or several")
    return tuple(str(value) for value in values)
