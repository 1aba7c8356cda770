"""Lists: every call log once, whatever comes or goes while they are read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from ringback.calllogs import PagingError, UntrustedAddress, UsageError
from unit.clients.calllogs.service import Asked, Reader, Reply, Service, World, in_turn, listed, numbers, row

Rows = list[dict[str, Any]]


class Table:
    """A server of a PBX: rows in one order, found by `top` and `skip`.

    Attributes:
        rows: what there is, in the order of the list.
        change: called with these before each page, to change them.
        base: 1 if `skip=100` begins with row number 100.
        largest: the largest page that is given, whatever is asked for.
        skips: whether `skip` is heeded.
        count: `all`, `page` for that of the page alone, or `none`.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.change: Callable[[Rows], None] = lambda _: None
        self.base = 0
        self.largest = 100
        self.skips = True
        self.count = "all"

    def __call__(self, asked: Asked) -> Reply:
        """Answer a request."""
        self.change(self.rows)
        skip = int(asked.query.get("skip", "0"))
        begin = max(0, skip - self.base) if self.skips else 0
        found = self.rows[begin : begin + min(int(asked.query["top"]), self.largest)]
        count = {"all": len(self.rows), "page": len(found)}.get(self.count)
        return Reply(200, {"items": found} | ({} if count is None else {"count": count}))


def rows(count: int) -> Rows:
    """So many rows, oldest first."""
    return [row(number) for number in range(count)]


def test_a_list_is_read_to_its_end(reader: Reader, service: Service) -> None:
    """A list of many pages is read in the default order, a hundred at a time, every call log once."""
    service.answer = Table(rows(250))
    logs = reader.list()
    assert numbers(logs) == list(range(250))
    assert (logs[0].caller, logs[0].duration, logs[0].cost) == ("101", 35, None)
    assert service.asked[0].query == {"orderby": "started_at asc, id asc", "count": "true", "top": "100"}
    assert [asked.query.get("skip") for asked in service.asked] == [None, "99", "198"]


@pytest.mark.parametrize("size", [1, 2, 7, 99, 100])
@pytest.mark.parametrize("count", ["all", "page", "none"])
@pytest.mark.parametrize("base", [0, 1])
def test_pages_of_any_size(reader: Reader, service: Service, size: int, count: str, base: int) -> None:
    """Pages of any size give the same list, whatever the server counts, and from wherever it skips."""
    table = service.answer = Table(rows(23))
    table.count, table.base = count, base
    assert numbers(reader.list(page_size=size)) == list(range(23))


def test_a_server_that_gives_less_than_is_asked_for(reader: Reader, service: Service) -> None:
    """A page that is not full is not taken for the last one."""
    table = service.answer = Table(rows(120))
    table.largest = 50
    assert numbers(reader.list()) == list(range(120))


@pytest.mark.parametrize("count", ["all", "none"])
def test_an_empty_list(reader: Reader, service: Service, count: str) -> None:
    """A list without call logs takes one request, and its one page says how many there are."""
    table = service.answer = Table([])
    table.count = count
    (page,) = reader.pages()
    assert (page.items, page.count) == ((), 0 if count == "all" else None)
    assert reader.list() == []
    assert len(service.asked) == 2


@pytest.mark.parametrize("body", [{"count": 0}, {"count": 0, "items": None}, {"items": None}, {"count": "0"}])
def test_forms_of_an_empty_list(reader: Reader, service: Service, body: dict[str, Any]) -> None:
    """No list, or null in its place, is an empty list if the count does not speak against it."""
    service.answer = lambda _: Reply(200, body)
    assert reader.list() == []


def test_the_end_takes_no_request_of_its_own(reader: Reader, service: Service) -> None:
    """When the count says that all is there, nothing more is asked for."""
    service.answer = Table(rows(42))
    reader.list()
    assert len(service.asked) == 1


def test_rows_that_come_in_before_the_place(reader: Reader, service: Service) -> None:
    """Long calls that end while their list is read push rows to the next page; none of them is given twice."""
    table = service.answer = Table([row(10 * number) for number in range(60)])
    late = iter(range(5, 600, 10))

    def hang_up(there: Rows) -> None:
        there.insert(1, row(next(late)))

    table.change = hang_up
    read = numbers(reader.list(page_size=10))
    assert [number for number in read if number % 10 == 0] == list(range(0, 600, 10))
    assert len(read) == len(set(read))


def test_newest_first_while_calls_come_in(reader: Reader, service: Service) -> None:
    """In an order in which new calls come first, those that were there from the beginning are all given, once each."""
    table = service.answer = Table(rows(50)[::-1])
    new = iter(range(50, 1000))

    def ring(there: Rows) -> None:
        there[:0] = [row(next(new)) for _ in range(3)]

    table.change = ring
    read = numbers(reader.list(page_size=10, orderby="started_at desc"))
    assert [number for number in read if number < 50] == list(range(49, -1, -1))
    assert len(read) == len(set(read))
    assert service.asked[0].query["orderby"] == "started_at desc"


@pytest.mark.parametrize(
    ("page", "removed", "rest"),
    [(7, 1, 34), (7, 9, 34), (7, 35, 34), (7, 60, 34), (2, 1, 5), (2, 3, 5), (2, 10, 5), (2, 5, 30), (4, 28, 1)],
)
def test_rows_that_are_removed_meanwhile(reader: Reader, service: Service, page: int, removed: int, rest: int) -> None:
    """When a PBX purges its oldest rows while they are read, none of the others is passed over."""
    there = 10 + 9 * (page - 2) + rest
    table = service.answer = Table(rows(there))

    def purge(there: Rows) -> None:
        if len(service.asked) == page:
            del there[:removed]

    table.change = purge
    assert numbers(reader.list(page_size=10)) == list(range(there))


@pytest.mark.parametrize("seed", range(12))
def test_rows_that_come_and_go_at_any_place(reader: Reader, service: Service, seed: int) -> None:
    """Whatever comes and goes anywhere between pages, each row that stays is given once, and no row twice."""
    rng = Random(seed)
    table = service.answer = Table([row(1000 * number) for number in range(rng.randrange(40, 140))])
    gone: set[str] = set()

    def change(there: Rows) -> None:
        for _ in range(rng.randrange(6)):
            place = rng.randrange(len(there))
            if rng.random() < 0.5:
                gone.add(there.pop(place)["id"])
            else:
                new = {"id": f"new-{rng.random()}", "started_at": there[place]["started_at"]}
                there.insert(place + 1, row(0, **new))

    stayed = {each["id"] for each in table.rows}
    table.change = change
    read = [log.id for log in reader.list(page_size=rng.choice((3, 10, 25)))]
    assert stayed - gone <= set(read)
    assert len(read) == len(set(read))


@pytest.mark.parametrize(
    ("count", "largest"),
    # A count of fifty with fifty rows is not among them: nothing about that would say that there is more.
    [("all", 50), ("all", 100), ("all", 1000), ("page", 100), ("page", 1000), ("none", 50), ("none", 100)],
)
@pytest.mark.parametrize("come", [0, 1, 60])
def test_a_server_that_ignores_skip(reader: Reader, service: Service, count: str, largest: int, come: int) -> None:
    """A server that gives the first rows again and again ends in an error that says so, not in a short list."""
    table = service.answer = Table(rows(130))
    table.skips, table.count, table.largest = False, count, largest
    new = iter(range(130, 10_000))

    def ring(there: Rows) -> None:
        there[:0] = [row(next(new)) for _ in range(come)]

    table.change = ring
    with pytest.raises(PagingError, match="ignore skip"):
        reader.list()


def test_links_are_followed(reader: Reader, service: Service) -> None:
    """The links that a server gives to next pages are followed as they are, and no row is skipped by number."""
    link = "/api/calllogs?cursor=a%2Fb%3D%3D&top=2"
    service.answer = in_turn(
        listed(row(0), row(1), count=5, link=service.base_url + "/calllogs?cursor=1"),
        listed(row(2), row(1), count=5, link=link),
        listed(row(3), count=5),
    )
    assert numbers(reader.list(page_size=2)) == [0, 1, 2, 3]
    assert [asked.target for asked in service.asked[1:]] == ["/api/calllogs?cursor=1", link]
    assert all(asked.token for asked in service.asked)


def test_empty_pages_are_not_the_end(reader: Reader, service: Service) -> None:
    """A page without rows, but with a link, is followed by the next page."""
    service.answer = in_turn(
        listed(row(0), link="/api/calllogs?cursor=1"), listed(link="/api/calllogs?cursor=2"), listed(row(1))
    )
    assert [numbers(page.items) for page in reader.pages()] == [[0], [1]]


def test_links_in_a_circle(reader: Reader, service: Service) -> None:
    """Links that lead back to a page that was read end in an error."""
    service.answer = lambda asked: listed(row(0), link=f"/api/calllogs?cursor={1 if 'cursor=2' in asked.target else 2}")
    with pytest.raises(PagingError, match="circle"):
        reader.list()


def test_links_without_end(reader: Reader, service: Service) -> None:
    """Links that always lead to another page without rows end in an error."""
    service.answer = lambda _: listed(link=f"/api/calllogs?cursor={len(service.asked)}")
    with pytest.raises(PagingError, match="without anything new"):
        reader.list()


def test_links_to_elsewhere(reader: Reader, service: Service) -> None:
    """A link to another host is not followed, since the token would go along."""
    service.answer = lambda _: listed(row(0), link="http://127.0.0.1:9/api/calllogs?cursor=1")
    with pytest.raises(UntrustedAddress):
        reader.list()


@pytest.mark.parametrize("limit", [0, 1, 5, 10, 11, 25, 1000])
def test_limit(reader: Reader, service: Service, limit: int) -> None:
    """With a limit, the first so many call logs are given, and no request is made that is not needed for them."""
    service.answer = Table(rows(25))
    assert numbers(reader.list(limit=limit, page_size=10)) == list(range(min(limit, 25)))
    assert len(service.asked) <= -(-min(limit, 25) // 10)
    if limit:
        assert service.asked[0].query["top"] == str(min(10, limit))


def test_one_page_at_a_time(reader: Reader, service: Service) -> None:
    """Pages are asked for when their call logs are taken, not before."""
    service.answer = Table(rows(30))
    logs = reader.client.list(page_size=10)
    before = (logs.count, len(service.asked))
    assert numbers([reader.first(logs) for _ in range(7)]) == list(range(7))
    assert (before, (logs.count, len(service.asked))) == ((None, 0), (30, 1))
    assert [len(page.items) for page in reader.rest(logs.pages())] == [3, 10, 10]


def test_pages_have_the_count(reader: Reader, service: Service) -> None:
    """Each page says how many call logs the list has."""
    service.answer = Table(rows(25))
    assert [(len(page.items), page.count) for page in reader.pages(page_size=10)] == [(10, 25), (10, 25), (5, 25)]


def test_without_counting(reader: Reader, service: Service) -> None:
    """A list that is not to be counted is asked for without its count, and is read to its end all the same."""
    table = service.answer = Table(rows(25))
    table.count = "none"
    assert numbers(reader.list(counted=False, page_size=10)) == list(range(25))
    assert {asked.query["count"] for asked in service.asked} == {"false"}


def test_no_order_of_ours(reader: Reader, service: Service) -> None:
    """With an empty orderby none is sent, for a PBX that takes none."""
    service.answer = Table(rows(1))
    reader.list(orderby="")
    assert "orderby" not in service.asked[0].query


def test_repeats_that_are_far_apart(reader_with: Callable[..., Reader], service: Service, world: World) -> None:
    """Repeats are found among as many of the last call logs as the options say; others are given again."""
    first = listed(*rows(80), link="/api/calllogs?cursor=1")
    service.answer = in_turn(first, listed(*rows(150)[80:], row(60), row(0)))
    read = numbers(reader_with(options=world.options(remember=100)).list())
    assert read == [*range(150), 0]


def test_rows_that_are_no_call_logs(reader: Reader, service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """What is no call log does not take its page along: it goes to the function that is given, or into the log."""
    table = service.answer = Table([*rows(3), {"caller": "101"}, *rows(6)[3:]])
    invalid: list[bytes] = []
    assert numbers(reader.list(page_size=2, on_invalid=lambda raw, _: invalid.append(raw))) == list(range(6))
    assert invalid == [b'{"caller":"101"}']
    with caplog.at_level(logging.WARNING, "ringback.calllogs"):
        assert len(reader.list()) == 6
    assert "no call log" in caplog.text
    assert "101" not in caplog.text
    table.rows = [{"id": None}]
    assert reader.list() == []


def test_pages_with_repeats_and_with_junk(reader: Reader, service: Service) -> None:
    """Rows that are twice in a page, and things between them that are no rows, cost no other row."""
    table = Table(rows(95))
    rng = Random(3)

    def answer(asked: Asked) -> Reply:
        reply = table(asked)
        items: list[Any] = list(reply.body["items"])
        for _ in range(rng.randrange(4) if items else 0):
            junk = rng.choice((items[0], items[-1], rng.random(), {"id": "", "caller": rng.random()}))
            items.insert(rng.randrange(len(items) + 1), junk)
        return Reply(200, {"count": reply.body["count"], "items": items})

    service.answer = answer
    invalid: list[bytes] = []
    read = numbers(reader.list(page_size=10, on_invalid=lambda raw, _: invalid.append(raw)))
    assert sorted(read) == list(range(95))
    assert len(invalid) > 5


@pytest.mark.parametrize("page_size", [0, 101, -1])
def test_page_sizes_that_there_are_not(reader: Reader, service: Service, page_size: int) -> None:
    """A page has 1 to 100 call logs; anything else is refused before anything is sent."""
    with pytest.raises(UsageError, match="1 to 100"):
        reader.client.list(page_size=page_size)
    with pytest.raises(UsageError, match="negative"):
        reader.client.list(limit=-1)
    assert service.asked == []


def test_an_error_ends_the_list(reader: Reader, service: Service) -> None:
    """After an error a list has no more call logs, so that none is passed over unseen."""
    service.answer = in_turn(listed(row(0), link="/api/calllogs?cursor=1"), Reply(400, {}))
    read = reader.client.list()
    with pytest.raises(Exception, match="HTTP 400"):
        reader.rest(read)
    assert reader.rest(read) == []


@pytest.mark.parametrize(("method", "path"), [("cdrs", "/cdrs"), ("user_cdrs", "/user/cdrs")])
def test_lists_of_cdrs(reader: Reader, service: Service, method: str, path: str) -> None:
    """CDRs are listed like call logs, each at its own path; what a row does not have is blank."""
    given = [{key: value for key, value in each.items() if key != "session_id"} for each in rows(3)]
    service.answer = Table(given)
    logs: Sequence[Any] = reader.list(method, page_size=2)
    assert numbers(logs) == [0, 1, 2]
    assert {log.session_id for log in logs} == {None}
    assert service.lines == [f"GET {path}", f"GET {path}"]


def test_a_server_that_wants_posts_for_cdrs(reader: Reader, service: Service) -> None:
    """Where CDRs can only be had by POST, as one page of PortSIP's documentation has it, they are asked for so."""
    table = Table(rows(3))
    service.answer = lambda asked: Reply(405) if asked.method == "GET" else table(asked)
    assert numbers(reader.list("cdrs", page_size=2)) == [0, 1, 2]
    assert service.lines == ["GET /cdrs", "POST /cdrs", "POST /cdrs"]


def test_options_with_a_dollar(reader_with: Callable[..., Reader], service: Service, world: World) -> None:
    """The options of lists can be written with a dollar sign, as in the other half of PortSIP's documentation."""
    reader = reader_with(options=world.options(dollar=True))
    service.answer = lambda _: listed(row(0))
    reader.list(caller="101")
    assert reader.call("count", caller="101") == 1
    assert [set(asked.query) for asked in service.asked] == [
        {"$filter", "$orderby", "$count", "$top"},
        {"$filter", "$count", "$top"},
    ]
