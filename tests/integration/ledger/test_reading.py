"""What every ledger promises of reading windows, and of reading on from a sequence number."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from factories import NOON, ORG, OTHER_ORG, Clock, make_record, wire_record
from integration.ledger.reading import NOON_MS, after_noon, ids, page_through, read_all, window
from ringback.ledger import Ledger, Position, TimeAxis
from ringback.ledger.contract import MAX_PAGE_BYTES, MIN_CUT_PAGE
from ringback.records.decode import Record, decode
from ringback.records.fields import WIRE_KEYS

# Windows


@pytest.mark.parametrize("axis", TimeAxis)
def test_start_is_inclusive_and_end_exclusive(ledger: Ledger, clock: Clock, axis: TimeAxis) -> None:
    """A window has what is at its start and not what is at its end, on each axis."""
    far = after_noon(-10_000_000)
    for step in range(5):
        clock.now = NOON_MS + step
        times = {
            TimeAxis.REPORT: (after_noon(step), far),
            TimeAxis.START: (far, after_noon(step)),
            TimeAxis.STORED: (far, far),
        }
        report_time, start_time = times[axis]
        ledger.append([make_record(f"r{step}", report_time=report_time, start_time=start_time)])
    of = window(NOON_MS + 1, NOON_MS + 4, axis=axis)
    assert ids(read_all(ledger, of)) == ["r1", "r2", "r3"]
    assert ledger.count(of, snapshot=ledger.newest(ORG)) == 3


def test_adjoining_windows_neither_repeat_nor_drop(ledger: Ledger) -> None:
    """Windows that follow each other give every record once, wherever the edges between them fall."""
    ledger.append([make_record(f"r{number:02}", report_time=after_noon(number // 3)) for number in range(30)])
    edges = [NOON_MS, NOON_MS + 1, NOON_MS + 4, NOON_MS + 5, NOON_MS + 10]
    found = [ids(read_all(ledger, window(start, end))) for start, end in itertools.pairwise(edges)]
    assert [len(names) for names in found] == [3, 9, 3, 15]
    assert list(itertools.chain.from_iterable(found)) == [f"r{number:02}" for number in range(30)]


def test_an_empty_window_has_one_empty_page(ledger: Ledger) -> None:
    """A window without records gives an empty page with nothing after it, also if its end is before its start."""
    ledger.append([make_record("r")])
    for of in (window(0, NOON_MS), window(NOON_MS, NOON_MS), window(NOON_MS + 1, NOON_MS)):
        assert page_through(ledger, of) == [[]]
        assert ledger.count(of, snapshot=1) == 0


def test_order_is_by_time_and_then_by_sequence(ledger: Ledger) -> None:
    """Records come in the order of their time; those of equal time in the order of arrival."""
    for name, step in (("c", 2), ("x", 1), ("a", 2), ("m", 0), ("b", 2)):
        ledger.append([make_record(name, report_time=after_noon(step))])
    assert ids(read_all(ledger)) == ["m", "x", "c", "a", "b"]


@pytest.mark.parametrize(
    ("locations", "expected"),
    [
        ((), ["r0", "r1", "r2", "r3", "r4"]),
        (("Berlin",), ["r0"]),
        (("Paris, Nord", "Berlin"), ["r0", "r1"]),
        (('O\'Hare \\ "T2" 100%',), ["r2"]),
        (("京都",), ["r3"]),
        (("berlin", "Rome"), []),
        (("",), ["r4"]),
    ],
    ids=["all", "one", "two", "quotes", "not ASCII", "none of these", "without"],
)
def test_locations(ledger: Ledger, locations: tuple[str, ...], expected: list[str]) -> None:
    """A window with names of locations has the records of these only, name for name."""
    names = ["Berlin", "Paris, Nord", 'O\'Hare \\ "T2" 100%', "京都", ""]
    ledger.append([make_record(f"r{number}", location=name) for number, name in enumerate(names)])
    of = window(locations=locations)
    assert ids(read_all(ledger, of)) == expected
    assert ledger.count(of, snapshot=5) == len(expected)


def test_a_window_is_of_one_org(ledger: Ledger) -> None:
    """No record of another org is in a window, on any axis."""
    ledger.append([make_record("mine", org=ORG), make_record("theirs", org=OTHER_ORG)])
    for axis in TimeAxis:
        assert ids(read_all(ledger, window(axis=axis))) == ["mine"]


# Pages


@pytest.mark.parametrize("axis", TimeAxis)
@pytest.mark.parametrize("locations", [(), ("Berlin",)], ids=["all", "Berlin"])
def test_equal_times_at_page_edges(ledger: Ledger, axis: TimeAxis, locations: tuple[str, ...]) -> None:
    """With runs of equal times, pages of any size give every record once, in order; only the last page is short."""
    ledger.append(
        [
            make_record(
                f"r{number:02}", report_time=after_noon(number // 5), location=("Berlin", "Rome")[number % 4 == 3]
            )
            for number in range(24)
        ]
    )
    of = window(axis=axis, locations=locations)
    expected = read_all(ledger, of)
    assert len(expected) == (18 if locations else 24)
    assert ledger.count(of, snapshot=24) == len(expected)
    for limit in range(1, len(expected) + 2):
        pages = page_through(ledger, of, limit=limit)
        assert [raw for page in pages for raw in page] == expected
        assert all(len(page) == limit for page in pages[:-1])


def test_a_full_last_page_has_nothing_after_it(ledger: Ledger) -> None:
    """A page that ends with the last record of its window has no next one, so no client ever gets an empty page."""
    ledger.append([make_record(f"r{number}", report_time=after_noon(number)) for number in range(6)])
    pages = page_through(ledger, window(NOON_MS, NOON_MS + 4), limit=2)
    assert [ids(page) for page in pages] == [["r0", "r1"], ["r2", "r3"]]


def test_next_is_the_position_of_the_first_record_after(ledger: Ledger) -> None:
    """A page's `next` names the record that the following page begins with."""
    ledger.append([make_record(f"r{number}", report_time=after_noon(7 - number)) for number in range(4)])
    page = ledger.page(window(), snapshot=4, limit=3)
    assert page.next == Position(NOON_MS + 7, 1)


def test_begin_can_be_any_position(ledger: Ledger) -> None:
    """Reading begins at the first record at or after the position, whether or not a record is there."""
    ledger.append([make_record(f"r{number}", report_time=after_noon(number // 2 * 10)) for number in range(6)])

    def begin_at(at: int, sequence: int) -> list[str]:
        page = ledger.page(window(), snapshot=6, limit=10, begin=Position(NOON_MS + at, sequence), as_came=True)
        return ids(page.records)

    assert begin_at(10, 0) == ["r2", "r3", "r4", "r5"]
    assert begin_at(10, 4) == ["r3", "r4", "r5"]
    assert begin_at(10, 5) == ["r4", "r5"]
    assert begin_at(5, 99) == ["r2", "r3", "r4", "r5"]
    assert begin_at(21, 0) == []


def test_begin_does_not_widen_the_window(ledger: Ledger) -> None:
    """A position before the window's start gives no record from before it."""
    ledger.append([make_record(f"r{number}", report_time=after_noon(number)) for number in range(4)])
    of = window(NOON_MS + 2, NOON_MS + 3)
    assert ids(ledger.page(of, snapshot=4, limit=10, begin=Position(0, 0), as_came=True).records) == ["r2"]


@pytest.mark.parametrize("limit", [5000, MIN_CUT_PAGE, MIN_CUT_PAGE - 1])
def test_huge_pages_are_cut_but_not_below_500(ledger: Ledger, limit: int) -> None:
    """A page too large for memory ends early, with 500 records at least; the next one goes on without a gap."""
    filling = b" " * (MAX_PAGE_BYTES // 400)
    batch = [Record(ORG, str(number), b"{}" + filling, number, number, "", 87) for number in range(620)]
    ledger.append(batch)
    first = ledger.page(window(), snapshot=620, limit=limit)
    assert len(first.records) == min(limit, MIN_CUT_PAGE)
    assert first.next == Position(len(first.records), len(first.records) + 1)
    second = ledger.page(window(), snapshot=620, limit=limit, begin=first.next)
    assert len(first.records) + len(second.records) == 620
    assert second.next is None


@pytest.mark.parametrize("limit", [MIN_CUT_PAGE, MIN_CUT_PAGE + 1, 619, 620, 621])
def test_large_pages_are_as_large_as_asked_for(ledger: Ledger, limit: int) -> None:
    """Pages of records of the usual size have as many as asked for, also when that is more than 500."""
    ledger.append([Record(ORG, str(number), b"%d" % number, number, number, "", 87) for number in range(620)])
    pages = page_through(ledger, window(), limit=limit)
    assert [len(page) for page in pages] == ([limit, 620 - limit] if limit < 620 else [620])
    assert [int(raw) for page in pages for raw in page] == list(range(620))


def test_pages_are_as_they_came_or_completed(ledger: Ledger) -> None:
    """A page has its records with all keys of the field table in wire order, or byte for byte as they came."""
    complete = wire_record("complete")
    older = wire_record("older", without=WIRE_KEYS[53:])
    shuffled = msgspec.json.encode(dict(reversed(msgspec.json.decode(wire_record("shuffled")).items())) | {"New": 1})
    came = [complete, older, shuffled]
    ledger.append([decode(raw).record for raw in came])
    assert list(ledger.page(window(), snapshot=3, limit=10, as_came=True).records) == came
    on_the_wire = ledger.page(window(), snapshot=3, limit=10).records
    assert on_the_wire[0] == complete
    assert [tuple(msgspec.json.decode(raw)) for raw in on_the_wire] == [WIRE_KEYS, WIRE_KEYS, (*WIRE_KEYS, "New")]
    assert ids(on_the_wire) == ["complete", "older", "shuffled"]


# Snapshots


def test_paging_is_not_disturbed_by_what_arrives(ledger: Ledger) -> None:
    """What arrives while a client pages makes it neither miss nor repeat any record, whatever its page size."""
    ledger.append([make_record(f"r{number:02}", report_time=after_noon(number // 3)) for number in range(20)])
    arrivals = itertools.count()

    def arrive() -> None:
        number = next(arrivals)
        ledger.append(
            [
                make_record(f"late{number}", report_time=after_noon(number % 7)),
                make_record(f"r{number % 20:02}", report_time=after_noon(1000 + number)),  # moves behind the client
                make_record(f"r{19 - number % 20:02}", report_time=after_noon(-1000 - number)),  # older: kept unseen
            ]
        )

    for limit in (1, 2, 3, 7, 19, 20):
        snapshot = ledger.newest(ORG)
        expected = read_all(ledger, snapshot=snapshot)
        count = ledger.count(window(), snapshot=snapshot)
        pages = page_through(ledger, window(), snapshot=snapshot, limit=limit, between=arrive)
        assert [raw for page in pages for raw in page] == expected
        assert len(expected) == count == ledger.count(window(), snapshot=snapshot)
    assert len(read_all(ledger)) > 20


def test_an_old_snapshot_shows_the_old_version(ledger: Ledger) -> None:
    """Every snapshot gives for ever what was current at it, at the time and place it then had."""
    old = wire_record("r", location="Berlin")
    new = wire_record("r", report_time=after_noon(5), location="Rome")
    ledger.append([decode(old).record])
    ledger.append([decode(new).record])
    assert [read_all(ledger, snapshot=snapshot) for snapshot in (0, 1, 2, 99)] == [[], [old], [new], [new]]
    assert read_all(ledger, window(NOON_MS, NOON_MS + 1), snapshot=1) == [old]
    assert read_all(ledger, window(NOON_MS, NOON_MS + 1), snapshot=2) == []
    assert ledger.count(window(locations=("Rome",)), snapshot=1) == 0
    assert ledger.count(window(locations=("Rome",)), snapshot=2) == 1


# Reading on


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_reading_on_gives_each_current_record_once(ledger: Ledger, limit: int) -> None:
    """Whoever reads on from the last sequence number it saw gets every current record once, oldest first."""
    ledger.append([make_record(f"r{number}") for number in range(7)])
    ledger.append([make_record("r2", report_time=after_noon(1)), make_record("r4", report_time=after_noon(-1))])
    seen: list[tuple[int, str]] = []
    while found := ledger.after(ORG, seen[-1][0] if seen else 0, limit):
        assert len(found) <= limit
        seen += [(stored.sequence, stored.record.record_id) for stored in found]
    assert seen == [(1, "r0"), (2, "r1"), (4, "r3"), (5, "r4"), (6, "r5"), (7, "r6"), (8, "r2")]


def test_reading_on_sees_a_revision(ledger: Ledger) -> None:
    """A reader that has the old version gets the revision when it reads on, and nothing else."""
    ledger.append([make_record("a"), make_record("b")])
    seen = ledger.newest(ORG)
    assert ledger.after(ORG, seen, 10) == []
    ledger.append([make_record("a"), make_record("b", report_time=after_noon(1), Duration=9)])
    (stored,) = ledger.after(ORG, seen, 10)
    assert (stored.record.record_id, stored.sequence, stored.superseded_by) == ("b", 3, None)


def test_reading_on_is_of_one_org(ledger: Ledger) -> None:
    """Reading on in one org sees nothing of another, though their sequence numbers are alike."""
    ledger.append([make_record("mine", report_time=NOON), make_record("theirs", org=OTHER_ORG)])
    assert [stored.record.record_id for stored in ledger.after(ORG, 0, 10)] == ["mine"]
    assert ledger.after(OTHER_ORG, 1, 10) == []
