"""Reading the body of a list, as tolerantly as it can be done without guessing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ringback.sources.portsip.lists import before, within
from ringback.sources.portsip.rows import Page, read_page
from ringback.sources.portsip.session import BadBody


def page(**body: Any) -> Page:
    """The page that a body is."""
    return read_page(msgspec.json.encode(body), {"content-type": "application/json"})


@pytest.mark.parametrize("number", ["700551909773148160", "1034567890123456789"])
def test_an_id_is_its_digits(number: str) -> None:
    """An id of 18 or 19 digits is read as its digits, whether it comes as a text or as a number."""
    as_text, as_number = page(items=[{"id": number}]), page(items=[{"id": int(number)}])
    assert as_text.ids == as_number.ids == {number}
    assert as_number.rows[0].raw == b'{"id":%s}' % number.encode()


def test_times_and_blanks() -> None:
    """Times have any fraction; null, an empty text and no key at all are blank."""
    times = {"started_at": "2026-03-02T12:00:00.123456Z", "ended_at": "2026-03-02T12:00:01Z"}
    (row,) = page(items=[{"id": "a", **times}]).rows
    assert (row.started, row.ended) == (1_772_452_800_123, 1_772_452_801_000)
    for blank in ({"ended_at": None}, {"ended_at": ""}, {}):
        assert page(items=[{"id": "a", **blank}]).rows[0].ended is None


@pytest.mark.parametrize(("count", "read"), [(7, 7), ("7", 7), (None, None), ("many", None), (True, None), (7.5, None)])
def test_counts(count: Any, read: int | None) -> None:
    """A count is a number or its text; anything else is none."""
    assert page(items=[], count=count).count == read


def test_a_row_that_stands_there_twice_is_one() -> None:
    """A row that stands on a page twice is one row; what is no row is told apart with the reason."""
    read = page(items=[{"id": "a"}, {"id": "b"}, {"id": "a"}, 42, {"caller": "101"}, None])
    assert [row.id for row in read.rows] == ["a", "b"]
    assert read.items == 6
    assert [reason[:20] for _, reason in read.broken] == [
        "not a JSON object bu",
        "no id, so it cannot ",
        "not a JSON object bu",
    ]


def test_an_empty_list_may_be_null() -> None:
    """A list without rows may be an empty list or null."""
    assert page(items=None, count=0).rows == page(items=[], count=0).rows == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"count":0}', b'{"items":[{"id":', b'{"items":7}', b"\xff"])
def test_what_is_no_list(body: bytes) -> None:
    """A body that is no list is refused."""
    with pytest.raises(BadBody, match="is no list of call logs"):
        read_page(body, {})


def test_filters() -> None:
    """Filters are written as PortSIP's examples are: all literals in quotes, times in whole seconds with a Z."""
    assert within("ended_at", 1_772_452_800_000, 1_772_452_801_000) == (
        "ended_at ge '2026-03-02T12:00:00Z' and ended_at lt '2026-03-02T12:00:01Z'"
    )
    assert before("started_at", 1_772_452_800_000) == "started_at lt '2026-03-02T12:00:00Z'"
