"""Windows and their pages: what a window has, the link to the next page, and what happens while a client pages."""

from __future__ import annotations

import itertools
from datetime import timedelta
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import pytest

from factories import NOON, ORG, OTHER_ORG, Clock, wire_record
from ringback.records.values import to_milliseconds
from ringback.settings import ServerSettings
from ringback.store import Store
from serving import ALL_TIME, DAY, FEED, HOUR, MINUTE, STREAM, Query, Site, SiteMaker, window, wire

NOON_MS = to_milliseconds(NOON)
AXES = ["report", "start", "stored"]
"""What a window can select by: the feed by default, the feed if so set, and the stream."""


def site_of(axis: str, make_site: SiteMaker) -> tuple[Site, str]:
    """The site and the path that select by this time."""
    return make_site(
        ServerSettings(feed_time="start") if axis == "start" else None
    ), STREAM if axis == "stored" else FEED


def put(site: Site, axis: str, at: int, *names: str, location: str = "Berlin") -> None:
    """Store records with this time, in milliseconds since 1970, and other times elsewhere in the past."""
    elsewhere = NOON - timedelta(days=3)
    times = {"report_time": elsewhere, "start_time": elsewhere}
    if axis == "stored":
        site.clock.now = at
    else:
        times[f"{axis}_time"] = NOON + timedelta(milliseconds=at - NOON_MS)
    site.append(*[wire_record(name, location=location, **times) for name in names])  # type: ignore[arg-type]  # two of many


# What a window has


@pytest.mark.parametrize("axis", AXES)
def test_start_is_inclusive_and_end_is_exclusive(make_site: SiteMaker, axis: str) -> None:
    """A record at the very start of a window is in it; one at the very end is not."""
    site, path = site_of(axis, make_site)
    for name, at in (("before", -1), ("start", 0), ("middle", 5), ("last", 9), ("end", 10), ("after", 11)):
        put(site, axis, NOON_MS + at, name)
    assert site.read(path, site.token(), window(NOON_MS, NOON_MS + 10)) == ["start", "middle", "last"]


@pytest.mark.parametrize("axis", AXES)
def test_adjoining_windows_neither_repeat_nor_drop(make_site: SiteMaker, axis: str) -> None:
    """Wherever a period is cut in two, the two windows together have each of its records once."""
    site, path = site_of(axis, make_site)
    for at in range(0, 12, 2):
        put(site, axis, NOON_MS + at, f"{at}a", f"{at}b")
    token = site.token()
    whole = site.read(path, token, window(NOON_MS, NOON_MS + 12))
    assert len(whole) == 12
    for cut in range(1, 12):
        halves = [window(NOON_MS, NOON_MS + cut), window(NOON_MS + cut, NOON_MS + 12)]
        assert [name for half in halves for name in site.read(path, token, half)] == whole


def test_late_records_come_in_the_stream(site: Site, clock: Clock) -> None:
    """A record of a call long ago that is stored today is in the stream of today, and in the feed of long ago."""
    site.append(wire_record("late", report_time=NOON - timedelta(days=20)))
    token = site.token()
    today, then = window(clock.now, clock.now + 1), window(NOON_MS - 20 * DAY, NOON_MS - 20 * DAY + 1)
    assert site.read(STREAM, token, today) == site.read(FEED, token, then) == ["late"]
    assert site.read(STREAM, token, then) == site.read(FEED, token, today) == []


def test_the_feed_can_select_by_start_time(make_site: SiteMaker) -> None:
    """A long call is in the window of its end by default, and in the window of its beginning if so set."""
    by_report, by_start = make_site(), make_site(ServerSettings(feed_time="start"))
    by_report.append(wire_record("long", report_time=NOON, start_time=NOON - timedelta(hours=3)))
    token = by_report.token()
    end, begin = window(NOON_MS, NOON_MS + 1), window(NOON_MS - 3 * HOUR, NOON_MS - 3 * HOUR + 1)
    assert (by_report.read(FEED, token, end), by_report.read(FEED, token, begin)) == (["long"], [])
    assert (by_start.read(FEED, token, end), by_start.read(FEED, token, begin)) == ([], ["long"])


@pytest.mark.parametrize("axis", AXES)
def test_pages_are_in_the_order_of_time(make_site: SiteMaker, axis: str) -> None:
    """Records come by the time that the window selects by, and those of equal times as they were stored."""
    site, path = site_of(axis, make_site)
    put(site, axis, NOON_MS, "b", "a")
    put(site, axis, NOON_MS + 2, "d")
    put(site, axis, NOON_MS + 1, "c", "e")  # a clock that went back does not turn the stream round
    expected = ["b", "a", "d", "c", "e"] if axis == "stored" else ["b", "a", "c", "e", "d"]
    for size in range(1, 7):
        assert site.read(path, site.token(), {**ALL_TIME, "max": size}) == expected


# The link


def test_the_link_has_the_documented_form(site: Site) -> None:
    """The link is an absolute URL with the documented parameters first and in their order, and times as they are."""
    put(site, "report", NOON_MS, "a", "b", "c")
    reply = site.ask(FEED, site.token(), {**window(NOON_MS - HOUR, NOON_MS + HOUR), "max": 2})
    beginning = (
        f"<http://cdr.example/v1/cdr_feed?endTime=2026-03-02T13:00:00.000Z&startTime=2026-03-02T11:00:00.000Z"
        f"&startTimeForNextFetch={NOON_MS}&totalCount=3&max=2&orgId={ORG}&cursor="
    )
    link = reply.headers["link"]
    assert link.startswith(beginning)
    assert link.endswith('>;rel="next"')
    assert (
        link[len(beginning) :].removesuffix('>;rel="next"').replace(".", "").replace("-", "").replace("_", "").isalnum()
    )


def test_the_link_carries_the_locations(site: Site) -> None:
    """The link asks for the same locations, in whatever signs and with commas in their names."""
    names = ["Köln", "A&B=C+D", "100% Mitte", "São Paulo, Centro", "%2F"]
    for name in (*names, "elsewhere"):
        put(site, "report", NOON_MS, *(f"{name} {n}" for n in range(3)), location=name)
    listed = ",".join(name.replace(",", "%2C") for name in names)
    replies = site.pages(FEED, site.token(), {**ALL_TIME, "max": 2, "locations": listed})
    assert [name for reply in replies for name in reply.ids] == [f"{name} {n}" for name in names for n in range(3)]
    carried = dict(parse_qsl(urlsplit(str(replies[0].next)).query))
    assert carried["locations"] == listed
    assert list(carried)[-2:] == ["locations", "cursor"]


@pytest.mark.parametrize("path", [FEED, STREAM])
@pytest.mark.parametrize(
    "host",
    ["cdr.example.com", "cdr.example.com:8443", "127.0.0.1:8080", "[::1]:8080", "my_host", "xn--kln-sna.example"],
)
def test_the_link_begins_with_what_the_client_asked_for(site: Site, path: str, host: str) -> None:
    """The link leads to the host and port that the client used."""
    put(site, "report", NOON_MS, "a", "b")
    reply = site.ask(path, site.token(), {**ALL_TIME, "max": 1}, headers={"host": host})
    assert str(reply.next).startswith(f"http://{host}{path}?endTime=")


@pytest.mark.parametrize(
    "host", ["a b", 'x>;rel="next", <http://elsewhere', "a/b", "a:port", "user@a", "a,b", "a\\b", "[x]", "a:1:2"]
)
def test_a_host_that_is_none_is_refused(site: Site, host: str) -> None:
    """What a client claims to have asked must be a host and nothing else, since links are made of it."""
    reply = site.ask(FEED, site.token(), ALL_TIME, headers={"host": host})
    assert reply.status == 400
    assert "host" in reply.message.lower()


@pytest.mark.parametrize(
    "public_url", ["https://cdr.example.com", "https://cdr.example.com/", "https://example.com/cdr"]
)
def test_the_link_begins_with_the_public_url(make_site: SiteMaker, public_url: str) -> None:
    """Behind a proxy, links begin with the setting public_url, whatever the proxy asks for."""
    site = make_site(ServerSettings(public_url=public_url))
    put(site, "report", NOON_MS, "a", "b")
    reply = site.ask(FEED, site.token(), {**ALL_TIME, "max": 1}, headers={"host": "inside:8080"})
    assert str(reply.next).startswith(f"{public_url.rstrip('/')}/v1/cdr_feed?endTime=")


def test_the_last_page_has_no_link(site: Site) -> None:
    """A page that is full but the last one has no link, so that no client is led to an empty page."""
    put(site, "report", NOON_MS, *"abcdef")
    for size in range(1, 8):
        replies = site.pages(FEED, site.token(), {**ALL_TIME, "max": size})
        assert [len(reply.ids) for reply in replies] == [size] * (6 // size) + [6 % size] * (6 % size > 0)


def test_an_empty_window_is_an_empty_page(site: Site) -> None:
    """A window without records is answered with 200, no items and no link; also for an org without any record."""
    put(site, "report", NOON_MS, "a")
    for path, org in itertools.product((FEED, STREAM), (ORG, OTHER_ORG)):
        reply = site.ask(path, site.token(org=org), window(NOON_MS - DAY, NOON_MS - HOUR))
        assert (reply.status, reply.body, reply.next) == (200, b'{"items":[]}', None)


@pytest.mark.parametrize("axis", AXES)
def test_equal_times_at_the_edges_of_pages(make_site: SiteMaker, axis: str) -> None:
    """Records of equal times neither repeat nor get lost, wherever the edges of the pages fall."""
    site, path = site_of(axis, make_site)
    names = [f"r{number:02}" for number in range(14)]
    put(site, axis, NOON_MS, *names[:1])
    put(site, axis, NOON_MS + 1, *names[1:11])
    put(site, axis, NOON_MS + 2, *names[11:])
    token = site.token()
    for size in range(1, 16):
        replies = site.pages(path, token, {**ALL_TIME, "max": size})
        assert [name for reply in replies for name in reply.ids] == names
        totals = [dict(parse_qsl(urlsplit(reply.next).query))["totalCount"] for reply in replies if reply.next]
        assert totals == ["14"] * (len(replies) - 1)


def test_big_records_cut_a_page_late(site: Site) -> None:
    """A page of up to 500 records is never cut, however big they are; a longer one may be, and then goes on."""
    names = [f"r{number:03}" for number in range(560)]
    for batch in (names[:280], names[280:]):
        put_big = [wire_record(name, User="x" * 62_000) for name in batch]
        site.append(*put_big)
    token = site.token()
    assert site.ask(FEED, token, {**ALL_TIME, "max": 500}).ids == names[:500]
    replies = site.pages(FEED, token, {**ALL_TIME, "max": 5000})
    assert [len(reply.ids) >= 500 for reply in replies] == [True, False]
    assert [name for reply in replies for name in reply.ids] == names


# What happens while a client pages


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_arrivals_do_not_disturb(make_site: SiteMaker, axis: str, size: int) -> None:
    """Records, revisions and repetitions that arrive between two pages make a client neither miss nor repeat any."""
    site, path = site_of(axis, make_site)
    names = [f"r{number}" for number in range(9)]
    for number, name in enumerate(names):
        put(site, axis, NOON_MS + number // 3, name)
    token = site.token()
    reply = site.ask(path, token, {**ALL_TIME, "max": size})
    versions = list(reply.json["items"])
    arrival = 0
    while (following := reply.next) is not None:
        assert dict(parse_qsl(urlsplit(following).query))["totalCount"] == "9"
        arrival += 1
        assert arrival < len(names), "more pages than there were records"
        early, late = NOON + timedelta(milliseconds=-1), NOON + timedelta(milliseconds=1)
        for name in names:  # all are replaced: to the front and to the back of the window
            moved = (early if arrival % 2 else late) + timedelta(seconds=arrival)
            site.append(wire_record(name, report_time=moved, start_time=moved, User=f"revision {arrival}"))
        site.append(
            *(wire_record(f"new {arrival} {n}", report_time=when) for n, when in enumerate((early, NOON, late)))
        )
        site.append(
            wire_record(names[0], report_time=early, User="older"), wire_record(f"new {arrival} 0", User="again")
        )
        reply = site.ask(following, token)
        versions += reply.json["items"]
    assert [item["Report ID"] for item in versions] == names
    assert {item["User"] for item in versions} == {""}, "each as it was when the first page was read"


def test_a_revision_is_in_the_window_once(site: Site, clock: Clock) -> None:
    """After a revision the feed and the stream have the newer one only, under its newer times."""
    site.append(wire_record("r", report_time=NOON))
    first_stored = clock.now
    clock.now += HOUR
    site.append(wire_record("r", report_time=NOON + timedelta(minutes=1), User="revised"))
    token = site.token()
    for path in (FEED, STREAM):
        (item,) = site.ask(path, token, ALL_TIME).json["items"]
        assert item["User"] == "revised"
    assert site.read(FEED, token, window(NOON_MS, NOON_MS + 1)) == []
    assert site.read(STREAM, token, window(first_stored, first_stored + 1)) == []
    assert site.read(STREAM, token, window(clock.now, clock.now + 1)) == ["r"]


# Links in the hands of clients


@pytest.fixture
def link(site: Site) -> str:
    """A link to the second page of a window, within the documented limits when it is given."""
    put(site, "report", NOON_MS, *"abc", location="Köln")
    query: Query = {**window(NOON_MS - HOUR, NOON_MS + HOUR), "max": 2, "locations": "Köln,Bonn"}
    return str(site.ask(FEED, site.token("documented"), query).next)


def test_a_link_that_was_encoded_again(site: Site, link: str) -> None:
    """A client may decode and encode the link, and may change the order of its parameters: it stays the same link."""
    address, _, query = link.partition("?")
    pairs = parse_qsl(query)
    forms = [
        urlencode(pairs),
        urlencode(pairs[::-1], safe=":,"),
        unquote(query),
        query.replace("-", "%2D").replace(".", "%2e"),
        f"{query}&added=later",
    ]
    assert "%3A" in forms[0]
    assert len(set(forms)) == len(forms)
    for form in forms:
        assert site.ask(f"{address}?{form}", site.token()).ids == ["c"], form


def test_a_link_that_was_changed(site: Site, link: str) -> None:
    """A link is refused when any of its parameters has another value, or is missing."""
    address, _, query = link.partition("?")
    pairs = dict(parse_qsl(query))
    sequence, snapshot, signature = pairs["cursor"].split(".")
    first, last = ("A" if character != "A" else "B" for character in (signature[0], signature[-1]))
    changes = {
        "endTime": [wire(NOON_MS + HOUR + 1), wire(NOON_MS + 2 * DAY)],
        "startTime": [wire(NOON_MS - HOUR - 1), wire(0)],
        "startTimeForNextFetch": [str(NOON_MS - 1), str(NOON_MS + 1), "", "x", "-1", "9" * 19],
        "totalCount": ["2", "4", "", "03x", "9" * 19],
        "max": ["1", "3", "5000"],
        "orgId": [str(OTHER_ORG), str(ORG).replace("1", "2", 1), "", str(ORG).replace("-", "")],
        "locations": ["Köln", "Bonn,Köln", "Köln,Bonn,Aachen", "Köln,bonn"],
        "cursor": [
            "",
            "..",
            sequence,
            f"{sequence}.{snapshot}",
            f"{sequence}.{snapshot}.",
            f"{int(sequence) - 1}.{snapshot}.{signature}",
            f"{sequence}.{int(snapshot) + 1}.{signature}",
            f"{sequence}.{snapshot}.{signature[:-1]}",
            f"{sequence}.{snapshot}.{signature}=",
            f"{sequence}.{snapshot}.{first}{signature[1:]}",
            f"{sequence}.{snapshot}.{signature[:-1]}{last}",
            f"{sequence}.{snapshot}.{signature}.1",
            f"{sequence}.{snapshot}.é{signature}",
            f"-{sequence}.{snapshot}.{signature}",
            f"{'9' * 60}.{'9' * 60}.{signature}",
            f"٣.{snapshot}.{signature}",
            "x" * 5000,
        ],
    }
    assert set(changes) == set(pairs)
    token = site.token()
    for name, values in changes.items():
        for value in values:
            reply = site.ask(f"{address}?{urlencode(pairs | {name: value})}", token)
            assert reply.status == 400, (name, value)
            assert "This is no link to a next page of ours." in reply.message
        without = urlencode({key: value for key, value in pairs.items() if key != name})
        assert site.ask(f"{address}?{without}", token).status == 400, name


def test_a_link_is_for_one_path_and_one_org(site: Site, link: str) -> None:
    """A link of the feed is refused by the stream, and by any token of another org."""
    assert site.ask(link.replace(FEED, STREAM), site.token()).status == 400
    assert site.ask(link, site.token(org=OTHER_ORG)).status == 400
    forged = link.replace(str(ORG), str(OTHER_ORG))
    assert site.ask(forged, site.token(org=OTHER_ORG)).status == 400
    assert site.ask(link, site.token()).status == 200


def test_a_link_stays_good(site: Site, make_site: SiteMaker, clock: Clock, link: str) -> None:
    """A link works later than its window may be asked for, after a restart, and with another token of the org."""
    clock.now += 40 * DAY
    expired_window = window(NOON_MS - HOUR, NOON_MS + HOUR)
    assert site.ask(FEED, site.token("documented"), expired_window).status == 400
    for limits in ("documented", "none"):
        assert site.ask(link, site.token(limits)).ids == ["c"]
    again = make_site()
    assert again.ask(link, again.token("documented")).ids == ["c"]
    assert [again.ask(link, again.token()).ids for _ in range(3)] == [["c"]] * 3, "and as often as one likes"


def test_a_link_needs_a_token(site: Site, link: str) -> None:
    """A link alone opens nothing: without a token it is answered with 401."""
    assert site.ask(link).status == 401


def test_links_of_another_store_are_refused(site: Site, link: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each store signs with a key of its own, so a link that another one gave is none."""
    store = Store.open(tmp_path_factory.mktemp("another"))
    other = Site(store, Clock())
    try:
        assert other.ask(link, other.token()).status == 400
    finally:
        other.close()
        store.close()


def test_pages_of_a_minute_ago(site: Site, clock: Clock) -> None:
    """With the documented limits, a window of up to eleven pages is had within a minute, and more with waiting."""
    put(site, "report", clock.now - 10 * MINUTE, *(f"r{number}" for number in range(12)))
    token = site.token("documented")
    replies = [site.ask(FEED, token, {**window(clock.now - HOUR, clock.now - 5 * MINUTE), "max": 1})]
    while len(replies) < 11:
        replies.append(site.ask(str(replies[-1].next), token))
    assert site.ask(str(replies[-1].next), token).status == 429
    clock.now += MINUTE
    replies.append(site.ask(str(replies[-1].next), token))
    assert [reply.ids for reply in replies] == [[f"r{number}"] for number in range(12)]
