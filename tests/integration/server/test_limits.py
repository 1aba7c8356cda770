"""What the limits of a token allow: windows by age and span, and requests in a minute."""

from __future__ import annotations

import pytest

from factories import Clock, wire_record
from ringback.settings import ServerSettings
from serving import ALL_TIME, DAY, FEED, HOUR, MINUTE, SECOND, STREAM, Query, Site, SiteMaker, window

# Age and span of windows

BOUNDS = [
    ("documented", FEED, 5 * MINUTE, 30 * DAY, 12 * HOUR),
    ("documented", STREAM, MINUTE, 12 * HOUR, 2 * HOUR),
    ("2023", FEED, 5 * MINUTE, 48 * HOUR, 48 * HOUR),
    ("2023", STREAM, MINUTE, 12 * HOUR, 2 * HOUR),
]
WORDS = {MINUTE: "1 minute", 5 * MINUTE: "5 minutes", 2 * HOUR: "2 hours", 12 * HOUR: "12 hours", 48 * HOUR: "2 days"}
WORDS[30 * DAY] = "30 days"
each_bound = pytest.mark.parametrize(
    ("limits", "path", "newest", "oldest", "span"), BOUNDS, ids=[f"{row[0]}-{row[1][4:]}" for row in BOUNDS]
)


def refusal(site: Site, limits: str, path: str, query: Query) -> str:
    """Why a window is refused; "" if it is not. Each time a new token, so that the rate does not matter."""
    reply = site.ask(path, site.token(limits), query)
    return "" if reply.status == 200 else reply.message


@each_bound
def test_newest_window(site: Site, clock: Clock, limits: str, path: str, newest: int, oldest: int, span: int) -> None:
    """A window may end as lately as documented, and not a millisecond later; the message says what is allowed."""
    start, end = clock.now - newest - HOUR, clock.now - newest
    assert refusal(site, limits, path, window(start, end)) == ""
    message = refusal(site, limits, path, window(start, end + 1))
    assert message.startswith(f"endTime must be between {WORDS[newest]} ago and {WORDS[oldest]} ago: now from ")
    clock.now += 1
    assert refusal(site, limits, path, window(start, end + 1)) == ""


@each_bound
def test_oldest_window(site: Site, clock: Clock, limits: str, path: str, newest: int, oldest: int, span: int) -> None:
    """A window may begin as long ago as documented, and not a millisecond longer."""
    start = clock.now - oldest
    end = min(start + span, clock.now - newest)
    assert refusal(site, limits, path, window(start, end)) == ""
    assert refusal(site, limits, path, window(start - 1, end - 1)).startswith("startTime must be between ")
    clock.now += 1
    assert refusal(site, limits, path, window(start, end)).startswith("startTime must be between ")


@each_bound
def test_longest_window(site: Site, clock: Clock, limits: str, path: str, newest: int, oldest: int, span: int) -> None:
    """A window may be as long as documented, and not a millisecond longer."""
    end = clock.now - newest
    start = max(end - span, clock.now - oldest)
    assert refusal(site, limits, path, window(start, end)) == ""
    message = refusal(site, limits, path, window(end - span - 1, end))
    assert message == f"endTime must be no later than {WORDS[span]} after startTime; ask for shorter windows."


def test_a_window_in_the_future_is_refused(site: Site, clock: Clock) -> None:
    """A documented token cannot ask for what has not happened yet."""
    for path in (FEED, STREAM):
        query = window(clock.now + HOUR, clock.now + 2 * HOUR)
        assert refusal(site, "documented", path, query).startswith("startTime must be between ")


@pytest.mark.parametrize("path", [FEED, STREAM])
def test_no_limits(site: Site, path: str) -> None:
    """A token without limits may ask for all times at once, and as often as it likes."""
    site.append(wire_record("r"))
    token = site.token("none")
    always = {"startTime": "1000-01-01T00:00:00.000Z", "endTime": "9999-12-31T23:59:59.999Z"}
    assert [site.ask(path, token, always).ids for _ in range(25)] == [["r"]] * 25


def test_the_first_years_can_be_paged(site: Site) -> None:
    """A window from the year 1 on, as some programs write the beginning of time, has next pages like any other."""
    site.append(*[wire_record(f"r{number}") for number in range(3)])
    query: Query = {"startTime": "0001-01-01T00:00:00.000Z", "endTime": "9999-12-31T23:59:59.999Z", "max": 1}
    assert site.read(FEED, site.token(), query) == ["r0", "r1", "r2"]


# Requests in a minute


def recent(clock: Clock) -> Query:
    """A window that every profile allows for both endpoints, with pages of one record."""
    return {**window(clock.now - HOUR, clock.now - 10 * MINUTE), "max": 1}


def fill(site: Site, records: int = 30) -> None:
    """Store records that `recent` has, for both endpoints."""
    site.clock.now -= 30 * MINUTE
    moment = site.clock()
    site.append(*[wire_record(f"r{number:02}", report_time=moment) for number in range(records)])
    site.clock.now += 30 * MINUTE


def wait_of(site: Site, path: str, token: str, query: Query | None = None) -> int:
    """The seconds that the answer asks to wait; 0 if there is no need."""
    reply = site.ask(path, token, query)
    if reply.status == 200:
        assert "retry-after" not in reply.headers
        return 0
    assert reply.status == 429
    assert "The request rate exceeds the limit of " in reply.message
    text = reply.headers["retry-after"]
    assert text.isdigit()
    assert f"Retry after {text} seconds." in reply.message
    return int(text)


@pytest.mark.parametrize("limits", ["documented", "2023"])
@pytest.mark.parametrize("path", [FEED, STREAM])
@pytest.mark.parametrize("later", [0, 1, 999, 1000, 1001, 59_000, 59_001, 59_999])
def test_retry_after_is_true(site: Site, clock: Clock, limits: str, path: str, later: int) -> None:
    """A second first page within a minute is refused; a second before Retry-After is over still, after it no more."""
    token, query = site.token(limits), recent(clock)
    assert wait_of(site, path, token, query) == 0
    clock.now += later
    wait = wait_of(site, path, token, query)
    assert 1 <= wait <= 60
    clock.now += (wait - 1) * SECOND
    assert wait_of(site, path, token, query) == 1
    clock.now += SECOND
    assert wait_of(site, path, token, query) == 0


def test_asking_too_early_does_not_lengthen_the_wait(site: Site, clock: Clock) -> None:
    """Requests that are refused are not counted: who asks every second is answered when the minute is over."""
    token, query = site.token("documented"), recent(clock)
    waits = []
    for _ in range(61):
        waits.append(wait_of(site, FEED, token, query))
        clock.now += SECOND
    assert waits == [0, *range(59, 0, -1), 0]


def test_requests_that_are_wrong_are_not_counted(site: Site, clock: Clock) -> None:
    """A request that is refused for its query leaves the one of this minute free."""
    token, query = site.token("documented"), recent(clock)
    for wrong in ({}, {**query, "max": "many"}, {**query, **window(clock.now - HOUR, clock.now)}):
        assert site.ask(FEED, token, wrong).status == 400
    assert wait_of(site, FEED, token, query) == 0


@pytest.mark.parametrize("path", [FEED, STREAM])
def test_ten_next_pages_a_minute(site: Site, clock: Clock, path: str) -> None:
    """After a first page, ten next pages come at once; the eleventh comes when the first of them is a minute old."""
    fill(site)
    token = site.token("documented")
    following = site.ask(path, token, recent(clock)).next
    for _ in range(10):
        assert following is not None
        clock.now += SECOND
        following = site.ask(following, token).next
    assert following is not None
    assert wait_of(site, following, token) == 51
    clock.now += 50 * SECOND
    assert wait_of(site, following, token) == 1
    clock.now += SECOND
    assert wait_of(site, following, token) == 0
    assert wait_of(site, following, token) == 1, "the one that came second is a minute old a second later"


def test_first_and_next_pages_are_counted_apart(site: Site, clock: Clock) -> None:
    """Next pages can be had in a minute whose first page is used up, and do not use up the next first page."""
    fill(site)
    token, query = site.token("documented"), recent(clock)
    following = str(site.ask(FEED, token, query).next)
    assert wait_of(site, FEED, token, query) == 60
    clock.now += 59 * SECOND
    assert wait_of(site, following, token) == 0
    clock.now += SECOND
    assert wait_of(site, FEED, token, query) == 0


def test_next_pages_of_2023_are_free(site: Site) -> None:
    """With the limits of 2023 all next pages come at once."""
    fill(site)
    assert len(site.read(FEED, site.token("2023"), recent(site.clock))) == 30


def test_each_token_has_its_own_minute(site: Site, clock: Clock) -> None:
    """What one token has asked for does not count for another of the same org."""
    assert [wait_of(site, FEED, site.token("documented"), recent(clock)) for _ in range(3)] == [0, 0, 0]


def test_feed_and_stream_are_counted_apart(site: Site, clock: Clock) -> None:
    """By default, one first page of the feed and one of the stream can be had in a minute."""
    token, query = site.token("documented"), recent(clock)
    assert [wait_of(site, path, token, query) for path in (FEED, STREAM, FEED, STREAM)] == [0, 0, 60, 60]


def test_feed_and_stream_can_be_counted_together(make_site: SiteMaker, clock: Clock) -> None:
    """With the setting shared_rate, a token has one first page and ten next pages a minute for both together."""
    site = make_site(ServerSettings(shared_rate=True))
    fill(site)
    token, query = site.token("documented"), recent(clock)
    feed = str(site.ask(FEED, token, query).next)
    assert wait_of(site, STREAM, token, query) == 60
    clock.now += MINUTE
    stream = str(site.ask(STREAM, token, query).next)
    assert wait_of(site, FEED, token, query) == 60
    assert [wait_of(site, address, token) for address in [feed, stream] * 5] == [0] * 10
    assert [wait_of(site, address, token) for address in (feed, stream)] == [60, 60]


def test_the_count_survives_a_restart(make_site: SiteMaker, clock: Clock) -> None:
    """A server that is started again still knows who has asked."""
    before = make_site()
    token, query = before.token("documented"), recent(clock)
    assert wait_of(before, FEED, token, query) == 0
    before.store.close()
    after = make_site()
    assert wait_of(after, FEED, token, query) == 60
    clock.now += MINUTE
    assert wait_of(after, FEED, token, query) == 0


def test_web_processes_count_together(make_site: SiteMaker, clock: Clock) -> None:
    """Whichever web process answers, a token has one first page and ten next pages a minute."""
    one, other = make_site(), make_site()
    fill(one)
    token, query = one.token("documented"), recent(clock)
    following = str(one.ask(FEED, token, query).next)
    assert wait_of(other, FEED, token, query) == 60
    assert [wait_of(site, following, token) for site in [one, other] * 6] == [0] * 10 + [60, 60]


def test_a_clock_that_is_set_back(site: Site, clock: Clock) -> None:
    """Nobody is told to wait longer than a minute, even if the clock of the server went back by a day."""
    token = site.token("documented")
    assert wait_of(site, FEED, token, recent(clock)) == 0
    clock.now -= DAY
    assert wait_of(site, FEED, token, recent(clock)) == 60


def test_a_limited_token_without_a_window(site: Site) -> None:
    """All of history at once is refused to a token with limits: the span is what is said first."""
    reply = site.ask(FEED, site.token("documented"), ALL_TIME)
    assert (reply.status, reply.message[:40]) == (400, "endTime must be no later than 12 hours a")
