"""The body of a list: its rows, with what is needed to put them in order, and its count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ringback.records.errors import NotARecord
from ringback.records.portsip.call_log import read_call_log
from ringback.records.values import to_milliseconds
from ringback.sources.portsip.session import BadBody


class Row(msgspec.Struct, frozen=True):
    """One row.

    Attributes:
        id: its id as a text, whatever it came as.
        raw: its bytes as they came.
        started, ended: milliseconds since 1970; None if blank.
    """

    id: str
    raw: bytes
    started: int | None
    ended: int | None


class Page(msgspec.Struct, frozen=True):
    """A page of a list.

    Attributes:
        rows: each once, in their order.
        broken: what is no row, with the reason.
        items: how many there were of both, repeated ones included.
        count: what the list says of how many rows there are in all; None if it does not say.
    """

    rows: Sequence[Row]
    broken: Sequence[tuple[bytes, str]]
    items: int
    count: int | None

    @property
    def ids(self) -> set[str]:
        """The ids of the rows."""
        return {row.id for row in self.rows}


class _Body(msgspec.Struct):
    items: list[msgspec.Raw] | None
    count: Any = None


_decode = msgspec.json.Decoder(_Body).decode


def read_page(body: bytes, headers: Mapping[str, str]) -> Page:
    """The page that is a body.

    Raises:
        BadBody: it is none.
    """
    try:
        read = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        kind = headers.get("content-type", "no content type")
        raise BadBody(f"the body ({len(body)} bytes, {kind}) is no list of call logs: {error}") from error
    rows: dict[str, Row] = {}
    broken = []
    items = [bytes(item) for item in read.items or ()]
    for raw in items:
        try:
            row = _row(raw)
        except NotARecord as error:
            broken.append((raw, str(error)))
            continue
        rows[row.id] = row
    return Page(list(rows.values()), broken, len(items), _count(read.count))


def _row(raw: bytes) -> Row:
    log = read_call_log(raw)
    return Row(log.id, raw, _milliseconds(log.started_at), _milliseconds(log.ended_at))


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else to_milliseconds(moment)


def _count(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
