"""JSON files: pages, arrays, records and lines, whole and damaged."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ringback.sources.files import MAX_KEPT, BrokenItem, Item, RawItem, UnreadableFile, read_stream

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
# Texts that look like structure are what a reader that jumps from brace to brace could stumble over.
tricky = st.sampled_from(['{"', '"}', "}", "]},{", "\\", '\\"', "a\nb", '"items":[', "\u2028", "é", "\ufeff"])
objects = st.dictionaries(st.text() | st.just("Report ID"), json_values | tricky, max_size=5).filter(
    lambda record: "items" not in record
)


def encode(value: object, *, pretty: bool, ascii_only: bool) -> bytes:
    """A JSON text as programs write them."""
    return json.dumps(value, indent=2 if pretty else None, ensure_ascii=ascii_only).encode("utf-8", "replace")


def page(records: list[bytes]) -> bytes:
    """An API page, as it comes."""
    return b'{"items":[' + b",".join(records) + b"]}"


def array(records: list[bytes]) -> bytes:
    """An array with some white space."""
    return b"[\n  " + b",\n  ".join(records) + b"\n]\n"


def page_with_more(records: list[bytes]) -> bytes:
    """A page with other members around its items."""
    return (
        b'{"meta" : {"items": [], "n": 1}, "items" :\r\n['
        + b" , ".join(records)
        + b'], "total": {"count": [5]}, "more": false }'
    )


LAYOUTS: dict[str, Callable[[list[bytes]], bytes]] = {
    "page": page,
    "array": array,
    "lines": lambda records: b"".join(record + b"\n" for record in records),
    "concatenated": lambda records: b"".join(records),
    "page with more": page_with_more,
    "pages": lambda records: page(records[:2]) + b"\n" + page([]) + page(records[2:]),
    "array of pages": lambda records: b"[" + page(records[:1]) + b"," + page(records[1:]) + b"]",
    "array of arrays": lambda records: b"[" + array(records[:1]) + b"," + array(records[1:]) + b"]",
    "marks inside": lambda records: b"\xef\xbb\xbf" + b"\n\xef\xbb\xbf".join(records),
}


def read(data: bytes) -> list[Item]:
    """All items; there must be no error."""
    return list(read_stream(io.BytesIO(data), "calls.json"))


def read_until_error(data: bytes) -> tuple[list[Item], str]:
    """The items before an error, and its message; "" if there is none."""
    items = []
    try:
        for item in read_stream(io.BytesIO(data), "calls.json"):
            items.append(item)  # noqa: PERF402  what came before the error counts
    except UnreadableFile as error:
        return items, str(error)
    return items, ""


def raws(items: list[Item]) -> list[bytes]:
    """The bytes of what is not broken."""
    return [item.raw for item in items if isinstance(item, RawItem)]


def record(number: int, **more: Any) -> bytes:
    """A small but lifelike record."""
    return json.dumps({"Report ID": f"r-{number}", "User": "Ana Example", "Duration": 36, **more}).encode()


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40)
@given(records=st.lists(objects, max_size=5), pretty=st.booleans(), ascii_only=st.booleans())
def test_every_layout_gives_the_same_byte_slices(
    layout: str, records: list[dict[str, object]], pretty: bool, ascii_only: bool
) -> None:
    """However records are put into a file, each comes out as the bytes that stand in it, in order."""
    encoded = [encode(record, pretty=pretty, ascii_only=ascii_only) for record in records]
    data = LAYOUTS[layout](encoded)
    assume(data.strip(b"\n\xef\xbb\xbf"))
    assert read(data) == [RawItem(item.raw, item.where) for item in read(data)]
    assert raws(read(data)) == encoded


@given(
    records=st.lists(objects, min_size=1, max_size=4),
    layout=st.sampled_from(["page", "array", "lines", "page with more"]),
    pretty=st.booleans(),
    share=st.floats(0, 1),
)
def test_a_cut_off_file_loses_only_its_last_record(
    records: list[dict[str, object]], layout: str, pretty: bool, share: float
) -> None:
    """Wherever a file is cut off, every record that is whole is read, and the rest is one broken item or none."""
    encoded = [encode(record, pretty=pretty, ascii_only=True) for record in records]
    data = LAYOUTS[layout](encoded)
    cut = data[: max(1, int(len(data) * share))]
    ends = []
    end = 0
    for one in encoded:
        end = data.index(one, end) + len(one)
        ends.append(end)
    items, error = read_until_error(cut)
    whole = [one for one, end in zip(encoded, ends, strict=True) if end <= len(cut)]
    assert raws(items) == whole
    broken = [item for item in items if isinstance(item, BrokenItem)]
    assert len(broken) <= 1
    if broken:
        assert broken[0].raw in cut[-len(broken[0].raw) - 10 :]
        assert "so it was cut off" in error
    elif layout != "lines" and cut.strip() != data.strip():
        assert "so it was cut off" in error


def test_places_are_lines_and_items_of_a_line() -> None:
    """Where a record stands is its line, and its number there if the line has several."""
    data = b"\n".join([record(1), page([record(2), record(3)]), b"", record(4)])
    assert [item.where for item in read(data)] == [
        "calls.json, line 1",
        "calls.json, line 2",
        "calls.json, line 2, item 2",
        "calls.json, line 4",
    ]


def test_places_are_right_in_long_files() -> None:
    """Lines are counted right when a file is read in many pieces."""
    data = b"\n".join(record(number, padding="x" * (number % 3000)) for number in range(1, 3000))
    items = read(data)
    assert [item.where for item in items] == [f"calls.json, line {number}" for number in range(1, 3000)]
    assert raws(items) == data.split(b"\n")


def test_values_that_are_no_objects_are_given_out_one_by_one() -> None:
    """Numbers, texts and nulls where records should be are items, so that each is quarantined with its reason."""
    assert raws(read(b'[1, "two", null, {"a": 1}, true, -1.5e3, []]')) == [
        b"1",
        b'"two"',
        b"null",
        b'{"a": 1}',
        b"true",
        b"-1.5e3",
    ]


def test_a_record_with_a_field_called_items_is_a_record() -> None:
    """An object with a Report ID is no page, whatever else is in it."""
    odd = record(1, items=[{"a": 1}, 2])
    assert raws(read(page([odd, record(2)]))) == [odd, record(2)]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"Report ID": "r-2", "User": Ana, "Duration": 36}',
        b'{"Report ID": "r-2, "User": "Ana", "Duration": 36}',
        b'{"Report ID": "r-2", "User": "Ana" "Duration": 36}',
        b'{"Report ID": "r-2", "User": "A',
        b'"Report ID": "r-2", "User": "Ana"}',
        b'{"Report ID": "r-2", "User": "\0\0\0\0\0\0',
        b"\0" * 300,
        b"\xff\xfe\x80 garbage",
        b"2026-09-14 a line of a log",
        b"}",
        b"{",
        b'{"Report ID": "r-2", "User": {"deep": ["Ana"}}',
    ],
)
@pytest.mark.parametrize("layout", ["lines", "array", "page", "pretty page"])
def test_damage_in_the_middle_costs_no_neighbour(damage: bytes, layout: str) -> None:
    """A damaged record is one broken item with a reason and place; the records around it are read."""
    first, last = record(1), record(3, Model="8875")
    if layout == "pretty page":
        first, last = (msgspec.json.format(one, indent=2) for one in (first, last))
        data = b'{\n  "items": [\n' + b",\n".join([first, damage, last]) + b"\n]\n}"
    else:
        data = LAYOUTS[layout]([first, damage, last])
    items, error = read_until_error(data)
    assert raws(items) == [first, last]
    assert error == ""
    [broken] = [item for item in items if isinstance(item, BrokenItem)]
    assert damage.startswith(broken.raw[:20])
    assert broken.where.startswith("calls.json, line ")
    assert broken.reason


def test_a_missing_beginning_costs_no_other_record() -> None:
    """A file that begins in the middle of a record is read from the next one on."""
    rest = b'er": "Ana", "Duration": 36}\n' + record(2) + b"\n" + record(3) + b"\n"
    items = read(rest)
    assert raws(items) == [record(2), record(3)]
    assert isinstance(items[0], BrokenItem)


def test_a_stray_bracket_is_reported_once() -> None:
    """Records whose opening bracket is missing are read, and the closing one is reported."""
    items = read(record(1) + b"," + record(2) + b"]}\n" + record(3))
    assert raws(items) == [record(1), record(2), record(3)]
    assert [item.reason for item in items if isinstance(item, BrokenItem)] == [
        f"not valid JSON at byte {len(record(1) + record(2)) + 1}: Expecting value"
    ]


def test_an_object_larger_than_any_record_is_broken_and_kept_in_part() -> None:
    """Of an object that is too large the first 64 KiB are kept, and reading goes on behind it."""
    huge = record(2, User="x" * 3_000_000)
    [first, broken, last] = read(b"\n".join([record(1), huge, record(3)]))
    assert (first.raw, last.raw) == (record(1), record(3))
    assert isinstance(broken, BrokenItem)
    assert broken.raw == huge[:MAX_KEPT]
    assert broken.reason == "larger than 65536 bytes, or damaged, at byte 60"
    assert last.where == "calls.json, line 3"


def test_a_record_of_the_largest_size_is_read() -> None:
    """A record with exactly as many bytes as one may have is whole, flat or not."""
    for more in ({}, {"Model": ["x"]}):
        largest = record(1, User="", **more)
        largest = largest.replace(b'"User": ""', b'"User": "%s"' % (b"x" * (MAX_KEPT - len(largest))))
        assert len(largest) == MAX_KEPT
        assert raws(read(page([largest, largest]))) == [largest, largest]


def test_deep_nesting_is_broken_not_fatal() -> None:
    """An object so deep that no program reads it is reported, and its neighbours are read."""
    deep = b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}"  # Python 3.11 reads a thousand, 3.13 some more
    items = read(b"\n".join([record(1), deep, record(3)]))
    assert raws(items)[0] == record(1)
    assert raws(items)[-1] == record(3)
    assert any(isinstance(item, BrokenItem) and "too deep" in item.reason for item in items)


class MadeWhenRead(io.RawIOBase):
    """A stream that makes its bytes when they are read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """As much as is there of the piece that is due."""
        self._rest = self._rest or next(self._pieces, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


@pytest.mark.parametrize("kind", ["records", "garbage", "blanks", "one text"])
def test_memory_is_bounded(kind: str) -> None:
    """A document of 60 MB is read in a few MB, whether it holds records, garbage, blanks or one endless text."""
    many = b",".join([record(1, padding="x" * 3000)] * 300)
    piece = {
        "records": many + b",",
        "garbage": b"\0\x80" * 500_000,
        "blanks": b" \n" * 500_000,
        "one text": b"x" * 10**6,
    }
    begin = {"records": b"[", "garbage": b"[", "blanks": b"[", "one text": b'[{"Report ID": "'}[kind]

    def pieces() -> Iterator[bytes]:
        yield begin
        for _ in range(60):
            yield piece[kind]
        yield record(3) + b"]"

    tracemalloc.start()
    try:
        count = len({item.where for item in read_stream(io.BufferedReader(MadeWhenRead(pieces())), "calls.json")})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == {"records": 60 * 300 + 1, "garbage": 2, "blanks": 1, "one text": 2}[kind]
    assert peak < 12_000_000
