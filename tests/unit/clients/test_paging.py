"""From page to page, to the end of the window and no further."""

from __future__ import annotations

import httpx2
import pytest

from factories import NOON, wire_record
from ringback.cdr import PagingError, RestError, RestSession, WebexSimpleApi
from unit.clients.cloud import HOST, HOUR, Cloud, Way, World, ids, in_turn, no_pace, page, refusal

ONE, TWO, THREE = (wire_record(f"r{n}") for n in (1, 2, 3))


@pytest.mark.parametrize(
    "link",
    [
        '<{next}>;rel="next"',
        "<{next}>; rel=next",
        '<<{next}>>;rel="next"',
        '<{next}>; title="a, b"; REL="prev Next"',
        '<{host}/1>;rel="first", <{next}>;rel="next", <{host}/9>;rel="last"',
        '</2?a=1,2>;rel="next"',
        '<2?a=1,2>;rel="next"',
    ],
)
def test_forms_of_links(way: Way, world: World, link: str) -> None:
    """The next link is found in all forms that are documented or allowed: doubled brackets, relative, among others."""
    header = link.format(next=f"{HOST}/2?a=1,2", host=HOST)
    assert ids(way.read(in_turn(with_link(header), page(TWO)))) == ["r1", "r2"]
    assert world.requests[1].url.path in ("/2", "/v1/2")
    assert world.requests[1].url.query == b"a=1,2"


def with_link(header: str) -> httpx2.Response:
    """A page with a header Link just as given."""
    response = page(ONE)
    response.headers["link"] = header
    return response


@pytest.mark.parametrize("header", ['<>;rel="next"', 'https://x/2; rel="next"', "<https://x/2; rel=next"])
def test_links_that_cannot_be_read(way: Way, header: str) -> None:
    """A next link without a target is an error: to take it as the end would lose records without a word."""
    with pytest.raises(PagingError, match="cannot be read"):
        way.read(in_turn(with_link(header)))


@pytest.mark.parametrize("header", ['<https://x/2>;rel="prev"', "", "<https://x/2>"])
def test_no_next_link_is_the_end(way: Way, header: str) -> None:
    """Links of other relations lead nowhere."""
    assert ids(way.read(in_turn(with_link(header)))) == ["r1"]


def test_an_empty_page_with_a_link(way: Way) -> None:
    """An empty page in the middle does not end the window."""
    serve = in_turn(page(ONE, link=f"{HOST}/2"), page(link=f"{HOST}/3"), page(link=f"{HOST}/4"), page(TWO))
    assert ids(way.read(serve)) == ["r1", "r2"]


@pytest.mark.parametrize(
    "answer",
    [
        refusal(404, "No CDRs for requested time range and filters"),
        httpx2.Response(400, json={"errorCode": 404, "message": "No CDRs for requested time range and filters"}),
        httpx2.Response(404, json={"errors": [{"description": "no CDRs", "errorCode": "404"}]}),
    ],
    ids=["status", "errorCode", "in errors"],
)
def test_no_cdrs_is_an_empty_window(way: Way, world: World, answer: httpx2.Response) -> None:
    """The error "no CDRs" is an empty slice, and the slices after it are read."""
    assert ids(way.read(in_turn(answer, page(ONE)), NOON - 20 * HOUR, NOON, session=no_pace())) == ["r1"]
    assert world.totals[-1].complete


@pytest.mark.parametrize(
    "answer",
    [refusal(404, "Not found"), httpx2.Response(404, text="<html>no such page"), refusal(400, "no cdrs")],
    ids=["other words", "html", "other status"],
)
def test_another_404_is_an_error(way: Way, answer: httpx2.Response) -> None:
    """A wrong address is not taken for a window without records."""
    with pytest.raises(RestError):
        way.read(in_turn(answer))


@pytest.mark.parametrize("circle", [1, 3])
def test_pages_in_a_circle(way: Way, world: World, circle: int) -> None:
    """A link that was followed before is an error, not an endless loop."""

    def serve(_: httpx2.Request) -> httpx2.Response:
        return page(ONE, link=f"{HOST}/{len(world.requests) % circle}")

    with pytest.raises(PagingError, match="circle"):
        way.read(serve, session=no_pace())
    assert len(world.requests) == circle + 1


def test_endless_empty_pages(way: Way, world: World) -> None:
    """Empty pages that always lead to another one are an error in the end."""
    with pytest.raises(PagingError, match="empty"):
        way.read(lambda _: page(link=f"{HOST}/{len(world.requests)}"), session=no_pace())
    assert len(world.requests) < 200


def test_totals(way: Way, world: World) -> None:
    """The progress callback is told what was read after each page, and at the end that it is complete."""
    cloud = Cloud(world, [NOON - n * HOUR for n in range(1, 24)], page_size=5)
    way.read(cloud, NOON - 23 * HOUR, NOON)
    assert [total.pages for total in world.totals] == [1, 2, 3, 4, 5, 6, 6]
    assert [total.records for total in world.totals] == [5, 10, 13, 17, 22, 23, 23]
    assert [total.complete for total in world.totals] == [False] * 6 + [True]
    last = world.totals[-1]
    assert (last.slices, last.slices_done, last.requests) == (2, 2, 6)
    assert (last.total_count, last.missing, last.repeated) == (24, 0, 1)


def test_missing_records_are_counted(way: Way, world: World, caplog: pytest.LogCaptureFixture) -> None:
    """If fewer records come than `totalCount` announced, that is counted and logged."""
    way.read(in_turn(page(ONE, link=f"{HOST}/2?totalCount=5"), page(TWO)))
    assert (world.totals[-1].total_count, world.totals[-1].missing) == (5, 3)
    assert "announced 5 records" in caplog.text


def test_pages_are_asked_for_as_records_are_taken(world: World) -> None:
    """Records are handed out before the next page is asked for, so who stops early asks for no more."""
    asked = []

    def serve(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return page(ONE, TWO, link=f"{HOST}/{len(asked)}")

    session = RestSession(tokens="x", client=httpx2.Client(transport=httpx2.MockTransport(serve)), **no_pace())
    records = WebexSimpleApi(session=session).cdr.get_cdr_history(NOON - HOUR, NOON)
    assert asked == []
    assert ids([next(records), next(records)]) == ["r1", "r2"]
    assert len(asked) == 1
    records.close()
