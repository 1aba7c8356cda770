"""What feed and stream of the simulated cloud give, and which windows they refuse."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from integration.cloud.asking import NOW, ORG, START, Start, wire
from ringback.simulator import Delivery
from ringback.simulator.cloud import Behaviour, Limits, ManualClock, RunningClock, SimulatedCloud
from ringback.simulator.cloud.filler import filler

MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
BUSY = (START + 11 * HOUR, START + 23 * HOUR)
"""Hours in which people of the org work."""


def test_the_stream_gives_insertions_as_they_were(start: Start, deliveries: list[Delivery]) -> None:
    """Windows side by side give every delivery that was inserted in them, byte for byte, repetitions included."""
    client = start()
    got = [
        page.body
        for hour in range(14, 22, 2)
        for page in client.pages("stream", START + hour * HOUR, START + (hour + 2) * HOUR)
    ]
    expected = [one for one in deliveries if START + 14 * HOUR <= one.at < START + 22 * HOUR]
    expected.sort(key=lambda one: one.at)
    assert len(expected) > 200
    text = b"".join(got)
    position = 0
    for one in expected:
        position = text.index(one.record, position) + len(one.record)
    assert sum(page.count(b'"Report ID"') for page in got) == len(expected)


def test_the_feed_gives_the_newest_versions(start: Start, deliveries: list[Delivery]) -> None:
    """The whole feed is the truth: each record once, in its newest version, if it was inserted five minutes ago."""
    client = start(clock=ManualClock(NOW))
    bodies = b""
    for half in range(2):
        for page in client.pages(
            "feed", START + half * 12 * HOUR, min(START + (half + 1) * 12 * HOUR, NOW - 5 * MINUTE)
        ):
            bodies += page.body
    truth = client.cloud.truth(NOW - 5 * MINUTE)[ORG]
    newest = {
        one.report_id: one for one in sorted(deliveries, key=lambda one: one.report_time) if one.at <= NOW - 5 * MINUTE
    }
    assert truth.keys() == newest.keys()
    expected = [one for one in newest.values() if START <= one.report_time < NOW - 5 * MINUTE]
    assert len(expected) > 300
    assert all(one.record in bodies for one in expected)
    assert bodies.count(b'"Report ID"') == len(expected)


def test_records_come_when_they_are_ready(start: Start) -> None:
    """A late record is in no answer before its insertion: in the stream a minute after it, in the feed five."""
    made = Delivery(
        at=NOW, org=ORG, report_id="late", report_time=NOW - HOUR, record=b'{"Report ID":"late","Start time":""}'
    )
    client = start(deliveries=[made])
    clock = client.cloud.clock
    clock.sleep(299)
    assert client.ask("feed", NOW - 2 * HOUR, NOW - MINUTE).ids == []
    clock.sleep(61)
    assert client.ask("feed", NOW - 2 * HOUR, NOW - MINUTE).ids == ["late"]
    clock.sleep(60)
    assert client.ask("stream", NOW, NOW + MINUTE).ids == ["late"]


def test_the_feed_can_select_by_start_time(start: Start) -> None:
    """With the other reading of the documents, the feed gives a record in the window in which its call began."""
    made = Delivery(
        at=START + 3 * HOUR,
        org=ORG,
        report_id="long",
        report_time=START + 3 * HOUR,
        record=b'{"Report ID":"long","Start time":"2026-03-02T01:00:00.000Z"}',
    )
    for behaviour, expected in ((Behaviour(feed_time="report"), [3]), (Behaviour(feed_time="start"), [1])):
        client = start(deliveries=[made], behaviour=behaviour)
        hours = []
        for hour in range(5):
            (page,) = client.pages("feed", START + hour * HOUR, START + (hour + 1) * HOUR)
            hours += [hour] * len(page.items)
        assert hours == expected


FEED = {"newest": 5 * MINUTE, "oldest": timedelta(days=30), "longest": 12 * HOUR}
STREAM = {"newest": MINUTE, "oldest": 12 * HOUR, "longest": 2 * HOUR}


@pytest.mark.parametrize(("endpoint", "limits"), [("feed", FEED), ("stream", STREAM)])
def test_windows_are_refused_beyond_the_documented_limits(
    start: Start, endpoint: str, limits: dict[str, timedelta]
) -> None:
    """A window just within the documented ages and span is answered; one millisecond more is refused and audited."""
    client = start()
    newest, oldest, longest = limits["newest"], limits["oldest"], limits["longest"]
    windows: list[tuple[datetime, datetime, int]] = [
        (NOW - newest - HOUR, NOW - newest, 200),
        (NOW - newest - HOUR, NOW - newest + MS, 400),
        (NOW - oldest, NOW - oldest + HOUR, 200),
        (NOW - oldest - MS, NOW - oldest + HOUR, 400),
        (NOW - newest - longest, NOW - newest, 200),
        (NOW - newest - longest - MS, NOW - newest, 400),
        (NOW - newest - HOUR, NOW - newest - HOUR + MS, 200),
        (NOW - newest - HOUR, NOW - newest - HOUR, 400),
        (NOW - newest, NOW - newest - HOUR, 400),
    ]
    for begin, end, status in windows:
        passed = client.cloud.clock.now() - NOW
        answer = client.ask(endpoint, begin + passed, end + passed)
        assert answer.status == status, (begin, end, answer.body[:300])
        client.tick()
    refused = [asked for asked in client.cloud.audit if asked.status == 400]
    assert [asked.violation for asked in refused] == ["window"] * 5
    assert client.cloud.audit.violations == refused


@pytest.mark.parametrize(
    "query",
    [
        "",
        "startTime=2026-03-02T20:00:00.000Z",
        "startTime=2026-03-02T20:00:00.000Z&endTime=2026-03-02T21:00:00Z",
        "startTime=2026-03-02T20:00:00.000&endTime=2026-03-02T21:00:00.000Z",
        "startTime=2026-03-02T20:00:00.000Z&endTime=2026-02-31T21:00:00.000Z",
        "startTime=2026-03-02T20:00:00.000Z&endTime=2026-03-02T21:00:00.000Z&max=many",
        "startTime=2026-03-02T20:00:00.000Z&endTime=2026-03-02T21:00:00.000Z&max=500&max=600",
        "startTime=2026-03-02T20:00:00.000Z&endTime=2026-03-02T21:00:00.000Z&locations=" + ",".join("abcdefghijk"),
        "startTime=2026-03-02T20:00:00.000Z&endTime=2026-03-02T21:00:00.000Z&locations=",
    ],
)
def test_queries_that_cannot_be_read_are_refused(start: Start, query: str) -> None:
    """Times of another form, numbers that are none, doubled parameters and too many locations give 400."""
    client = start()
    answer = client.get(f"{client.cloud.base_url}/v1/cdr_feed?{query}")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.message
    assert [asked.violation for asked in client.cloud.audit] == ["query"]


@pytest.mark.parametrize(("asked", "given"), [(None, 5000), (1, 500), (700, 700), (6000, 5000), (-3, 500)])
def test_max_is_moved_into_its_range(start: Start, asked: int | None, given: int) -> None:
    """`max` beyond the documented range counts as the end of the range, without a word; the default is the largest."""
    client = start(deliveries=[])
    client.cloud.add_rows(ORG, filler(ORG, start=START, end=START + HOUR, records=5100))
    page = client.ask("feed", START, START + HOUR, **({} if asked is None else {"max": asked}))
    assert len(page.items) == given
    assert f"max={given}&" in page.next


def test_locations_choose_records_on_all_pages(start: Start, deliveries: list[Delivery]) -> None:
    """Only records of the named locations come, on next pages too, since the link carries the names."""
    client = start(limits=Limits(smallest_page=10))
    everything = client.pages("feed", *BUSY)
    names = sorted({item["Location"] for page in everything for item in page.items})
    assert len(names) > 1
    pages = client.pages("feed", *BUSY, locations=f"{names[0]},Nowhere", max=10)
    assert len(pages) > 2
    got = [item for page in pages for item in page.items]
    assert {item["Location"] for item in got} == {names[0]}
    assert {item["Report ID"] for item in got} == {
        item["Report ID"] for page in everything for item in page.items if item["Location"] == names[0]
    }


def test_a_link_is_as_documented(start: Start) -> None:
    """A link has the documented names in the documented order, plain times, and no space after the semicolon."""
    client = start(limits=Limits(smallest_page=10))
    page = client.ask("stream", NOW - 3 * HOUR, NOW - HOUR, max=10)
    prefix = (
        f"<{client.cloud.base_url}/v1/cdr_stream?endTime={wire(NOW - HOUR)}&startTime={wire(NOW - 3 * HOUR)}"
        "&startTimeForNextFetch="
    )
    link = page.headers["link"]
    assert link.startswith(prefix)
    assert link.endswith(f'&max=10&orgId={ORG}>;rel="next"')


def test_total_count_is_that_of_the_window(start: Start) -> None:
    """`totalCount` in each link is the number of records in the window, and can be left out."""
    client = start(limits=Limits(smallest_page=10), behaviour=Behaviour(paging="exact"))
    pages = client.pages("feed", *BUSY, max=10)
    total = len({name for page in pages for name in page.ids})
    assert len(pages) > 3
    assert all(f"&totalCount={total}&" in page.next for page in pages[:-1])
    without = start(behaviour=Behaviour(total_count=False), limits=Limits(smallest_page=10))
    page = without.ask("feed", *BUSY, max=10)
    assert page.next
    assert "totalCount" not in page.next


@pytest.mark.parametrize(("paging", "bounds"), [*product(["by_time", "exact"], ["[)", "[]", "(]", "()"])])
def test_pages_of_many_ties_lose_nothing(start: Start, paging: Any, bounds: Any) -> None:
    """Whatever ties there are, all records of a window come; with exact paging none of them twice."""
    made = [
        Delivery(at=at, org=ORG, report_id=f"{number}", report_time=at, record=b'{"Report ID":"%d"}' % number)
        for number in range(100)
        for at in [START + HOUR + number // 7 * MS]
    ]
    behaviour = Behaviour(paging=paging, bounds=bounds, order="shuffled")
    client = start(deliveries=made, behaviour=behaviour, limits=Limits(smallest_page=4, largest_page=4))
    begin, end = START + HOUR + MS, START + HOUR + 13 * MS
    got = [name for page in client.pages("feed", begin, end) for name in page.ids]
    first = 7 if bounds[0] == "[" else 14
    last = 98 if bounds[1] == "]" else 91
    assert set(got) == {f"{number}" for number in range(first, last)}
    if paging == "exact":
        assert len(got) == len(set(got))


def test_exact_pages_are_of_one_moment(start: Start) -> None:
    """With exact paging a record that is inserted while a window is read is not in its later pages; by time it is."""

    def made(name: str, minute: int) -> Delivery:
        at = START + minute * MINUTE
        return Delivery(at=at, org=ORG, report_id=name, report_time=at, record=b'{"Report ID":"%s"}' % name.encode())

    readings = ((Behaviour(paging="exact"), ["b", "c"]), (Behaviour(paging="by_time"), ["b", "late", "c"]))
    for behaviour, expected in readings:
        client = start(
            deliveries=[made("a", 10), made("b", 20), made("c", 30)],
            behaviour=behaviour,
            limits=Limits(smallest_page=1, largest_page=1),
        )
        page = client.ask("feed", START, START + HOUR)
        late = made("late", 25)
        client.cloud.add(
            [Delivery(at=NOW, org=ORG, report_id="late", report_time=late.report_time, record=late.record)]
        )
        client.cloud.clock.sleep(600)
        got = []
        while page.next:
            page = client.get(page.next)
            got += page.ids
            client.tick()
        assert got == expected


@pytest.mark.parametrize("links", ["relative", "doubled"])
def test_links_can_be_written_in_other_ways(start: Start, links: Any) -> None:
    """Links can have no host, or doubled brackets as the documentation prints them, and lead on all the same."""
    client = start(behaviour=Behaviour(links=links), limits=Limits(smallest_page=10))
    link = client.ask("feed", *BUSY, max=10).headers["link"]
    assert link.startswith("</v1/" if links == "relative" else f"<<{client.cloud.base_url}/v1/")
    assert link.endswith('>;rel="next"' if links == "relative" else '>>;rel="next"')
    target = link.partition(";")[0].strip("<>")
    assert client.get(target if links == "doubled" else client.cloud.base_url + target).status == 200


def test_only_links_of_the_cloud_lead_to_next_pages(start: Start) -> None:
    """A link still works with another `max` and encoding, but not with any other parameter changed, nor made up."""
    client = start(limits=Limits(smallest_page=10))
    link = client.ask("feed", *BUSY, max=20).next
    assert len(client.get(link.replace("max=20", "max=10").replace(":00.000Z", "%3A00.000Z")).items) == 10
    begin, _, rest = link.partition("startTimeForNextFetch=")
    for changed in (
        link.replace("orgId=", "orgId=0"),
        begin + "startTimeForNextFetch=1" + rest,
        link.replace("cdr_feed", "cdr_stream"),
    ):
        assert client.get(changed).status == 400
    assert [asked.violation for asked in client.cloud.audit.violations] == ["link"] * 3


def test_an_empty_window_can_be_an_error(start: Start) -> None:
    """A window without records is an empty page without a link, or a 404 that says so; one with records is a page."""
    begin, end = START - 3 * HOUR, START - HOUR
    page = start().ask("feed", begin, end)
    assert (page.status, page.body, page.next) == (200, b'{"items":[]}', "")
    client = start(behaviour=Behaviour(empty_window="404"))
    answer = client.ask("feed", begin, end)
    assert answer.status == 404
    assert b'"errorCode":404' in answer.body
    assert "No CDRs" in answer.message
    client.tick()
    assert client.ask("feed", *BUSY).items


def test_chunked_answers_say_the_same(start: Start) -> None:
    """An answer in chunks has no length and the same body."""
    whole = start().ask("feed", *BUSY)
    chunked = start(behaviour=Behaviour(chunked=True)).ask("feed", *BUSY)
    assert chunked.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in chunked.headers
    assert chunked.items == whole.items != []


def test_traffic_comes_with_the_clock(deliveries: list[Delivery]) -> None:
    """Endless traffic is taken as far as the clock has come, and the truth with it."""
    taken = []

    def traffic() -> Any:
        for number, delivery in enumerate(sorted(deliveries, key=lambda one: one.at)):
            taken.append(number)
            yield delivery

    clock = ManualClock(START + 6 * HOUR)
    with SimulatedCloud(traffic=traffic(), orgs=[ORG], clock=clock) as cloud:
        early = sum(one.at <= START + 6 * HOUR for one in deliveries)
        assert len(taken) == early + 1
        assert sum(one.insertions for one in cloud.truth()[ORG].values()) == early
        clock.advance(6 * HOUR)
        later = sum(one.insertions for one in cloud.truth()[ORG].values())
        assert later == sum(one.at <= START + 12 * HOUR for one in deliveries) > early


def test_limits_can_be_shrunk(start: Start) -> None:
    """On shrunk limits hours become seconds: ages, spans, readiness and the minute of the rate."""
    client = start(limits=Limits().shrunk(3600), deliveries=[])
    second = timedelta(seconds=1)
    assert client.ask("stream", NOW - 2 * second, NOW - MS * 17).status == 200
    client.cloud.clock.sleep(0.016)
    assert client.ask("stream", NOW - second, NOW - MS * 17).status == 429
    client.cloud.clock.sleep(0.001)
    assert client.ask("stream", NOW - 3 * second, NOW - MS * 17).status == 400


def test_the_clock_of_the_cloud_can_be_wrong(start: Start) -> None:
    """A skew shows in the header Date and moves the limits; without Date there is nothing to see it by."""
    for seconds in (-90, 90):
        client = start(skew=timedelta(seconds=seconds))
        answer = client.ask("stream", NOW - HOUR, NOW + timedelta(seconds=seconds - 60))
        assert answer.status == 200
        assert answer.headers["date"] == f"{NOW + timedelta(seconds=seconds):%a, %d %b %Y %H:%M:%S} GMT"
        client.tick()
        assert client.ask("stream", NOW - HOUR, NOW + timedelta(seconds=seconds) + MS).status == 400
        assert client.cloud.now() == client.cloud.clock.now() + timedelta(seconds=seconds)
    assert "date" not in start(behaviour=Behaviour(date=False)).ask("stream", NOW - HOUR, NOW - MINUTE).headers


def test_a_cloud_runs_at_speed(deliveries: list[Delivery]) -> None:
    """On a running clock at high speed records become visible by themselves."""
    clock = RunningClock(START + 12 * HOUR, speed=36_000)
    with SimulatedCloud(deliveries, clock=clock) as cloud:
        before = len(cloud.truth()[ORG])
        clock.sleep(6 * 3600)
        assert len(cloud.truth()[ORG]) > before
        assert cloud.now() >= START + 18 * HOUR
