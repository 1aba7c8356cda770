"""The records of pages: whole, each once, and none stops the others."""

from __future__ import annotations

import logging
from itertools import count
from typing import Any

import httpx2
import pytest

from factories import NOON, wire_record
from ringback.cdr import CDR, NotARecord
from ringback.clients.pages import Items, Recent
from unit.clients.cloud import HOST, HOUR, Way, World, ids, in_turn, no_pace, page

GOOD = wire_record("good")


def test_raw_is_what_came(way: Way) -> None:
    """Every record has the bytes it came in, whatever their spelling and white space."""
    raws = [GOOD, b'{ "report id" : "odd",\n "Mood" : [1, 2] }', '{"Report ID":"ü","User":"Zoë \\"Z\\""}'.encode()]
    records = way.read(in_turn(page(*raws)))
    assert [record.raw for record in records] == raws
    assert [record.report_id for record in records] == ["good", "odd", "ü"]
    assert records[2].user == 'Zoë "Z"'


@pytest.mark.parametrize(
    "bad",
    [b"null", b"17", b'"text"', b"[1]", b'{"User":"\\x"}', b'{"User":"\\ud800"}', b'{"User":"\xff"}', b'{"\xff":1}'],
)
def test_one_bad_record(way: Way, world: World, bad: bytes) -> None:
    """What is no record goes to on_invalid with its bytes and the reason; those around it are handed out."""
    records = way.read(in_turn(page(wire_record("before"), bad, wire_record("after"))))
    assert ids(records) == ["before", "after"]
    assert [(raw, type(error)) for raw, error in world.invalid] == [(bad, NotARecord)]
    assert world.totals[-1].invalid == 1
    assert all(record.values for record in records)


def test_bad_records_are_logged_without_their_content(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    """If nobody asks for what is no record, a line in the log says that there was one, and not what is in it."""
    with caplog.at_level(logging.WARNING):
        assert ids(way.read(in_turn(page(GOOD, b'"+12025550101"')), on_invalid=None)) == ["good"]
    assert "an item of 14 bytes in a page is no record" in caplog.text
    assert "2025550101" not in caplog.text


def test_records_with_odd_values_are_handed_out(way: Way) -> None:
    """A value that does not fit its field, or a missing Report ID, makes no record bad: the rest of it can be read."""
    values: dict[str, Any] = {"Site timezone": [1], "Duration": "soon"}
    odd = wire_record("odd", **values)
    nameless = wire_record(without=["Report ID"])
    records = way.read(in_turn(page(odd, nameless, nameless)))
    assert [record.report_id for record in records] == ["odd", None, None]
    assert records[0].duration is None
    assert records[0].odd == ("duration", "site_timezone")


def test_ties_at_the_edge_of_a_page(way: Way, world: World) -> None:
    """A record that the next page repeats is handed out once."""
    a, b, c = (wire_record(name) for name in "abc")
    assert ids(way.read(in_turn(page(a, b, link=f"{HOST}/2"), page(b, c)))) == ["a", "b", "c"]
    assert (world.totals[-1].repeated, world.totals[-1].records) == (1, 3)


def test_revisions_are_handed_out(way: Way, world: World) -> None:
    """A record that comes again with other content is no repeat: the newest Report time tells which one counts."""
    first, second = wire_record("a", User="Ann"), wire_record("a", User="Anna", report_time=NOON + HOUR)
    records = way.read(in_turn(page(first, link=f"{HOST}/2"), page(second, second)))
    assert [record.user for record in records] == ["Ann", "Anna"]
    assert (world.totals[-1].repeated, world.totals[-1].revised) == (1, 1)


@pytest.mark.parametrize("text", ['", "Report ID":"x', '"Report ID":"x"', "Report ID"])
def test_texts_that_look_like_a_key(way: Way, text: str) -> None:
    """A text that has the key of the Report ID in it is not taken for one."""
    raws = [wire_record(str(n), **{"Answer indicator": text}) for n in range(3)]
    assert ids(way.read(in_turn(page(*raws, *raws)))) == ["0", "1", "2"]


def test_nested_keys_lose_nothing(way: Way) -> None:
    """Records that differ are all handed out, even if a nested value makes them look like one."""
    raws = [b'{"x":{"Report ID":"same"},"Report ID":"%d"}' % n for n in range(3)]
    assert ids(way.read(in_turn(page(*raws)))) == ["0", "1", "2"]


def fail_on_invalid(raw: bytes, error: Exception) -> None:
    """For records that are all good."""
    raise AssertionError(raw) from error


def test_memory_is_bounded() -> None:
    """Repeats are found among the last records, and no more of them are kept."""
    recent = Recent(100)

    def read(n: int) -> list[CDR]:
        items = Items([wire_record(str(n))], sound=True)
        return [record for records in recent.records(items, fail_on_invalid) for record in records]

    for n in range(1000):
        assert len(read(n)) == 1
        assert read(max(0, n - 49)) == []
    assert len(recent._newer) + len(recent._older) <= 200
    assert recent.repeated == 1000


def test_how_many_are_remembered_can_be_set(way: Way) -> None:
    """With a smaller memory, a repeat that comes late is handed out again."""
    numbers = count()

    def serve(_: httpx2.Request) -> httpx2.Response:
        n = next(numbers)
        return page(wire_record(str(n % 5)), link=f"{HOST}/{n}" if n < 9 else "")

    assert len(way.read(serve, session=no_pace(), options={"remember": 2})) == 10
    assert len(way.read(serve, session=no_pace(), options={"remember": 5})) == 1


def test_records_are_those_of_the_sdk(way: Way) -> None:
    """The records are `ringback.cdr.CDR`."""
    assert type(way.read(in_turn(page(GOOD)))[0]) is CDR


@pytest.mark.parametrize("end", [b"", b"]", b"]}x", b'"', b"}", b',{"a":"\\x"}'])
def test_damaged_pages_are_not_taken_for_whole(way: Way, world: World, end: bytes) -> None:
    """A page with a bad record that is cut short as well is asked for again: its end may hold more."""
    broken = b'{"items":[{"User":"\\x"},' + GOOD + end
    serve = in_turn(httpx2.Response(200, content=broken), page(GOOD))
    assert ids(way.read(serve)) == ["good"]
    assert world.totals[-1].retries == 1


def test_brackets_in_texts_split_nothing(way: Way, world: World) -> None:
    """In a page with a bad record, brackets, commas and quotes inside the texts of the others do no harm."""
    raws = [wire_record(str(n), User=text) for n, text in enumerate(("a]}", "[{,", 'x"],"y', "\\"))]
    assert [record.raw for record in way.read(in_turn(page(*raws, b'{"User":"\\ud800"}', GOOD)))] == [*raws, GOOD]
    assert len(world.invalid) == 1
