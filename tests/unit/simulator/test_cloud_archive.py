"""What the simulated cloud has of an org at any moment, and how it is cut into pages."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise, permutations
from typing import Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.simulator import Delivery, Rates, Simulation
from ringback.simulator.cloud.archive import Archive, Axis, Bounds, Row, Window
from ringback.simulator.cloud.filler import filler, with_odd_values
from ringback.simulator.cloud.options import Behaviour
from ringback.simulator.cloud.pages import Place, make_page
from ringback.simulator.cloud.query import Query

START = datetime(2026, 3, 2, tzinfo=UTC)
ORG = UUID("11111111-1111-4111-8111-111111111111")
EVER = 2**60
Order = Literal["ascending", "shuffled"]
A_DAY = 24 * 3600 * 1000


def row(name: str, inserted: int, report: int | None = None, content: str = "", location: str = "") -> Row:
    """An insertion whose bytes say what it is."""
    report = inserted if report is None else report
    return Row(inserted, report, report, name, location, f'{{"{name}":"{report} {content}"}}'.encode())


def archive(*rows: Row, missed: float = 0.0) -> Archive:
    """An archive of rows."""
    made = Archive(missed)
    made.add_rows(rows)
    return made


def got(
    found: Archive,
    axis: Axis,
    start: int = 0,
    end: int = EVER,
    bounds: Bounds = "[)",
    known: int = EVER,
    locations: tuple[str, ...] = (),
) -> list[str]:
    """The bytes that a window gives, as texts."""
    window = Window(axis=axis, start=start, end=end, bounds=bounds, locations=locations)
    return [one.decode() for one in found.records(found.select(window, known))]


@pytest.mark.parametrize("axis", ["inserted", "report", "start"])
@pytest.mark.parametrize(("bounds", "names"), [("[)", "ab"), ("[]", "abc"), ("(]", "bc"), ("()", "b")])
def test_each_end_of_a_window_is_in_or_out(axis: Axis, bounds: Bounds, names: str) -> None:
    """Records just at the start and just at the end of a window belong to it as the bounds say, by every time."""
    found = archive(row("a", 100), row("b", 150), row("c", 200), row("d", 201), row("e", 99))
    assert [text[2] for text in got(found, axis, 100, 200, bounds)] == list(names)


def test_only_what_was_inserted_is_known() -> None:
    """A record is neither in the feed nor in the stream before it is inserted, whatever its Report time."""
    found = archive(row("a", 500, report=100))
    for axis in ("inserted", "report"):
        assert got(found, axis, known=499) == []
        assert len(got(found, axis, known=500)) == 1


def test_a_revision_takes_the_place_of_the_older_version_in_the_feed() -> None:
    """The feed gives the old version until the new one is inserted, then only the new one, at its own Report time."""
    found = archive(row("a", 100, content="old"), row("a", 300, report=250, content="new"))
    assert got(found, "report", known=299) == ['{"a":"100 old"}']
    assert got(found, "report", known=300) == ['{"a":"250 new"}']
    assert got(found, "report", 0, 200, known=300) == []


def test_the_stream_gives_every_insertion() -> None:
    """The stream gives each insertion at its time as it was: repetitions, and an old version after the new one."""
    found = archive(
        row("a", 100, content="old"), row("a", 200, report=150, content="new"), row("a", 300, report=100, content="old")
    )
    assert got(found, "inserted") == ['{"a":"100 old"}', '{"a":"150 new"}', '{"a":"100 old"}']
    assert got(found, "report") == ['{"a":"150 new"}']


def test_an_older_version_that_comes_late_changes_nothing_in_the_feed() -> None:
    """A version that is older than what is there never stands in the feed, however often it comes."""
    found = archive(
        row("a", 100, report=90, content="new"),
        row("a", 200, report=50, content="old"),
        row("a", 300, report=50, content="old"),
    )
    assert got(found, "report") == ['{"a":"90 new"}']
    truth = found.truth(EVER)["a"]
    assert (truth.versions, truth.insertions, truth.first_ms, truth.newest_ms) == (2, 3, 100, 100)


def test_of_equal_report_times_the_later_version_counts() -> None:
    """A correction under the same Report time wins, and the first version that comes again after it does not."""
    found = archive(
        row("a", 100, report=90, content="wrong"),
        row("a", 200, report=90, content="right"),
        row("a", 300, report=90, content="wrong"),
    )
    assert got(found, "report", known=150) == ['{"a":"90 wrong"}']
    assert got(found, "report") == ['{"a":"90 right"}']
    assert found.truth(EVER)["a"].digest == sha256(b'{"a":"90 right"}').hexdigest()


def test_truth_is_that_of_a_time() -> None:
    """The truth up to a time has the records that were inserted by then, in the version that was newest then."""
    found = archive(row("a", 100, content="old"), row("b", 150), row("a", 300, report=250, content="new"))
    assert found.truth(99) == {}
    assert found.truth(200).keys() == {"a", "b"}
    assert found.truth(299)["a"].report_ms == 100
    assert found.truth(300)["a"].report_ms == 250
    assert found.truth(300)["a"].digest == sha256(b'{"a":"250 new"}').hexdigest()


def test_rows_may_come_in_any_order() -> None:
    """The same rows give the same archive in whatever order, and in however many parts, they are added."""
    rows = [row("a", 1), row("b", 2, report=9), row("a", 3, content="again"), row("c", 4, report=2)]
    expected = archive(*rows)
    for order in permutations(rows):
        found = Archive()
        for one in order:
            found.add_rows([one])
            found.settle()
        for axis in ("inserted", "report"):
            assert got(found, axis) == got(expected, axis)
        assert found.truth(EVER) == expected.truth(EVER)


def test_locations_choose() -> None:
    """Only records of the named locations are given; without names all are."""
    found = archive(row("a", 1, location="Here"), row("b", 2, location="There"), row("c", 3, location="Here"))
    assert [text[2] for text in got(found, "inserted", locations=("Here", "Nowhere"))] == ["a", "c"]
    assert len(got(found, "report")) == 3


def test_the_stream_can_miss_records() -> None:
    """A share of the records, always the same ones, never comes in the stream, while the feed has all of them."""
    rows = [row(f"{number}", number) for number in range(1000)]
    found = archive(*rows, missed=0.1)
    missed = {f"{number}" for number in range(1000) if found.missed(f"{number}")}
    assert 50 < len(missed) < 200
    assert len(got(found, "inserted")) == 1000 - len(missed)
    assert len(got(found, "report")) == 1000


def test_deliveries_of_a_simulation_agree_with_its_truth() -> None:
    """What the archive takes for the newest version of each simulated record is what the simulator says it is."""
    rates = Rates(late=0.1, redelivered=0.3, revised=0.3)
    simulation = Simulation(
        seed=3, start=START, end=START + timedelta(hours=12), calls_per_day=600, users=20, rates=rates
    )
    calls = list(simulation.calls())
    found = Archive()
    found.add(delivery for call in calls for delivery in call.deliveries)
    truth = found.truth(EVER)
    expected = {record.report_id: record for call in calls for record in call.truth.records}
    assert truth.keys() == expected.keys()
    for report_id, record in expected.items():
        ours = truth[report_id]
        assert (ours.digest, ours.versions, ours.insertions) == (record.digest, record.versions, record.deliveries)


def test_start_time_and_location_are_read_from_the_record() -> None:
    """The feed can select by the Start time in the record; one that cannot be read counts as the Report time."""

    def delivery(name: str, fields: bytes) -> Delivery:
        at = START + timedelta(hours=1)
        return Delivery(
            at=at, org=ORG, report_id=name, report_time=at, record=b'{"Report ID":"%s",%s}' % (b"x", fields)
        )

    found = Archive()
    found.add(
        [
            delivery("early", b'"Start time":"2026-03-02T00:30:00.000Z","Location":"Here"'),
            delivery("odd", b'"Start time":7'),
            delivery("odder", b'"Start time":"soon"'),
        ]
    )
    found.settle()
    hour = 3600 * 1000
    begin = int(START.timestamp() * 1000)
    assert list(found.times("start")) == [begin + hour // 2, begin + hour, begin + hour]
    assert len(got(found, "inserted", locations=("Here",))) == 1


def page_through(found: Archive, size: int, paging: Literal["by_time", "exact"], order: Order) -> list[list[str]]:
    """The ids of all pages of everything, by Report time."""
    behaviour = Behaviour(paging=paging, order=order)
    place: Place | None = Place(0)
    pages = []
    first = True
    while place is not None:
        query = Query(
            endpoint="feed", start=0, end=EVER, size=size, begin=None if first else place.begin, skip=place.skip
        )
        page = make_page(found, query, behaviour, EVER)
        pages.append([next(iter(msgspec.json.decode(one))) for one in page.records])
        place, first = page.next, False
        assert page.total == len(set(found.truth(EVER)))
    return pages


orders: st.SearchStrategy[Order] = st.sampled_from(("ascending", "shuffled"))
times = st.lists(st.integers(0, 12), min_size=1, max_size=40)


@given(times, st.integers(1, 6), orders)
def test_exact_pages_have_each_record_once(moments: list[int], size: int, order: Order) -> None:
    """Exact pages are full but for the last one, and have every record once, whatever ties there are."""
    found = archive(*(row(f"{number}", moment) for number, moment in enumerate(moments)))
    pages = page_through(found, size, "exact", order)
    assert sorted(name for page in pages for name in page) == sorted(f"{number}" for number in range(len(moments)))
    assert all(len(page) == size for page in pages[:-1])
    assert pages[-1]


@given(times, st.integers(1, 6), orders)
def test_pages_by_time_lose_nothing(moments: list[int], size: int, order: Order) -> None:
    """Pages by time repeat only ties at their edge, lose none, always get on, and follow each other in time."""
    found = archive(*(row(f"{number}", moment) for number, moment in enumerate(moments)))
    pages = page_through(found, size, "by_time", order)
    assert {name for page in pages for name in page} == {f"{number}" for number in range(len(moments))}
    for before, after in pairwise(pages):
        edge = min(moments[int(name)] for name in after)
        assert max(moments[int(name)] for name in before) <= edge
        assert all(moments[int(name)] == edge for name in set(before) & set(after))
        assert set(after) - set(before)


def test_descending_pages_still_follow_each_other_in_time() -> None:
    """Descending order is that of the records inside a page; the pages themselves go on in time."""
    found = archive(*(row(f"{number}", number) for number in range(6)))
    query = Query(endpoint="stream", start=0, end=10, size=4)
    page = make_page(found, query, Behaviour(order="descending"), EVER)
    assert [next(iter(msgspec.json.decode(one))) for one in page.records] == ["3", "2", "1", "0"]
    assert page.next == Place(4)


def test_the_filler_makes_what_it_says() -> None:
    """Filled records are even in time, unique, with all keys, some of them of long calls, inserted a little later."""
    rows = list(filler(ORG, start=START, end=START + timedelta(days=1), records=2000))
    assert len({one.report_id for one in rows}) == len({one.report for one in rows}) == 2000
    begin = int(START.timestamp() * 1000)
    assert all(begin <= one.report < begin + A_DAY and one.inserted == one.report + 30_000 for one in rows)
    assert max(one.report - one.start for one in rows) == 3 * 3600 * 1000
    found = Archive()
    found.add_rows(rows)
    records = [msgspec.json.decode(text) for text in got(found, "report")]
    assert {len(record) for record in records} == {87}
    assert [record["Report ID"] for record in records] == [one.report_id for one in rows]
    assert records[0]["Report time"] == "2026-03-02T00:00:00.000Z"
    assert records[0]["Org UUID"] == str(ORG)
    index = bisect_left(rows, begin + A_DAY // 2, key=lambda one: one.report)
    assert records[index]["Report time"] == "2026-03-02T12:00:00.000Z"


def test_odd_values_are_in_the_same_records_each_time() -> None:
    """Of a share of the records every delivery has the same odd value, and all others stay as they are."""
    at = START + timedelta(hours=1)
    plain = [
        Delivery(at=at, org=ORG, report_id=f"id-{number % 500}", report_time=at, record=b'{"Report ID":"x"}')
        for number in range(1000)
    ]
    odd = list(with_odd_values(plain, 0.2))
    changed = [one.report_id for one, other in zip(odd, plain, strict=True) if one.record != other.record]
    assert 50 < len(set(changed)) < 150
    assert len(changed) == 2 * len(set(changed))
    assert len({(one.report_id, one.record) for one in odd}) == 500
    assert len({one.record for one in odd}) > 5
