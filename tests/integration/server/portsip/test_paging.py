"""From page to page: every row once, at any depth; and cursors that nobody can make up."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import OTHER_ORG, Clock
from integration.server.portsip.logs import (
    BRUNO,
    CDRS,
    LOGS,
    USER_CDRS,
    administrator,
    append,
    error,
    ids_of,
    log,
    next_of,
    pages,
    user,
)
from ringback.projections.call_logs.query import CallLogs
from ringback.store import Store
from serving import Query, Reply, Site

LONG = "x" * 9000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Site]:
    """Sixty call logs of thirty sessions, with blanks, equal times and very long texts; for tests that only read."""
    store = Store.open(Path(shutil.copytree(empty_store, tmp_path_factory.mktemp("served") / "store")))
    site = Site(store, Clock())
    rows = [
        log(
            f"{number:02}",
            session_id=f"s{number // 2:02}",
            caller=["", "101", "102"][number % 3],
            caller_display_name=["", "Ann", None, "Äbc"][number % 4],
            started_at=None if number % 10 == 9 else f"2026-03-02T08:{number % 7:02}:00.{number % 2}Z",
            answered_at=f"2026-03-02T08:{number % 5:02}:00Z" if number % 2 else None,
            duration=[None, 0, 5, 60][number % 4],
            user_data=["", "a", f"{LONG}{number % 3}"][number % 3],
        )
        for number in range(60)
    ]
    append(site, *rows)
    append(site, log("99", session_id="s-other"), org=OTHER_ORG)
    yield site
    site.close()
    store.close()


def follow(reply: Reply, **changes: str | None) -> str:
    """The link to the next page with some parameters changed, or left out."""
    link = next_of(reply)
    assert link is not None
    query = {**dict(parse_qsl(urlsplit(link).query)), **changes}
    return f"{urlsplit(link).path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


FIELDS = st.sampled_from(["id", "caller", "caller_display_name", "started_at", "answered_at", "duration", "user_data"])
ORDERS = st.lists(st.tuples(FIELDS, st.sampled_from(["", " asc", " desc"])), max_size=3, unique_by=lambda pair: pair[0])


@settings(max_examples=60)
@given(
    orders=ORDERS,
    top=st.integers(1, 70),
    skip=st.integers(0, 5),
    filter=st.sampled_from(["", "caller ne '101'", "duration gt 0 or caller eq null"]),
    target=st.sampled_from([LOGS, CDRS, USER_CDRS]),
    dollar=st.sampled_from(["", "$"]),
)
def test_each_row_comes_once(
    served: Site, orders: list[tuple[str, str]], top: int, skip: int, filter: str, target: str, dollar: str
) -> None:
    """Whatever the order and the size of pages, the links give the rows of one large list, each once, in its order."""
    token = user(served) if target == USER_CDRS else administrator(served)
    query = {f"{dollar}orderby": ",".join(map("".join, orders)), f"{dollar}filter": filter}
    everything = pages(served, target, token, {**query, "top": "100"})
    assert len(everything) == 1
    replies = pages(served, target, token, {**query, f"{dollar}top": str(top), f"{dollar}skip": str(skip)})
    assert ids_of(replies) == ids_of(everything)[skip:]
    assert len(set(ids_of(replies))) == len(ids_of(replies))
    assert {reply.json["count"] for reply in replies} == {len(everything[0].json["items"])}
    assert all(len(reply.json["items"]) == top for reply in replies[:-1])


def test_rows_that_come_meanwhile_shift_nothing(site: Site) -> None:
    """While a client pages, rows are added before and behind; it gets each that was there once, and keeps its count."""
    append(site, *(log(f"{number}", started_at=f"2026-03-02T08:{number}:00Z") for number in range(10, 20)))
    token = administrator(site)
    replies = [site.ask(LOGS, token, {"top": 3})]
    for extra in ("0", "1", "2"):
        append(site, log(f"{extra}-new", started_at=f"2026-03-02T0{7 + int(extra)}:14:30Z"))
        following = next_of(replies[-1])
        assert following
        replies.append(site.ask(following, token))
    found = [id for id in ids_of(replies) if not id.endswith("new")]
    assert found == [str(number) for number in range(10, 20)][: len(found)]
    assert len(found) >= 10
    assert {reply.json["count"] for reply in replies} == {10}


def test_a_link_repeats_what_was_asked(served: Site) -> None:
    """A link has filter, orderby, search, top and count as they came, a cursor, and neither skip nor what is none."""
    query = {
        "$filter": "caller ne 'O''Neil, \"+\" & ü'",
        "orderby": "caller desc",
        "$search": "pbx",
        "top": "7",
        "count": "false",
        "skip": "3",
        "_": "1",
    }
    reply = served.ask(LOGS, administrator(served), query)
    link = next_of(reply)
    assert link is not None
    assert link.startswith("http://cdr.example/api/calllogs?")
    sent = dict(parse_qsl(urlsplit(link).query))
    assert sent.pop("cursor")
    assert sent == {name: value for name, value in query.items() if name not in ("skip", "_")}


def test_top_and_count_may_change_on_the_way(served: Site) -> None:
    """The next page may be of another size, and with the count or without."""
    token = administrator(served)
    first = served.ask(LOGS, token, {"top": 10, "count": "false"})
    second = served.ask(follow(first, top="50", count="true"), token)
    assert second.json["count"] == 60
    assert len({*ids_of([first]), *ids_of([second])}) == 60
    assert next_of(second) is None
    third = served.ask(follow(served.ask(LOGS, token, {"top": 10}), count="false"), token)
    assert list(third.json) == ["items"]


def test_all_rows_are_counted_once(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count is taken with the first page and carried along; a list that is one page needs no counting."""
    counted: list[object] = []
    count = CallLogs.count

    def noted(*args: Any, **kwargs: Any) -> int:
        counted.append(args)
        return count(*args, **kwargs)

    monkeypatch.setattr(CallLogs, "count", noted)
    assert len(pages(served, LOGS, administrator(served), {"top": 10})) == 6
    assert len(counted) == 1
    pages(served, LOGS, administrator(served), {"filter": "caller eq '101'"})
    pages(served, LOGS, administrator(served), {"filter": "id eq 'none'"})
    assert len(counted) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"filter": "caller eq '102'"},
        {"filter": None},
        {"orderby": "caller desc"},
        {"orderby": None},
        {"search": "x"},
        {"$filter": "caller eq '102'", "filter": None},
    ],
)
def test_a_cursor_belongs_to_its_question(served: Site, changes: dict[str, str | None]) -> None:
    """With another filter, order or search, a cursor is refused."""
    token = administrator(served)
    first = served.ask(LOGS, token, {"filter": "caller ne '101'", "orderby": "caller", "top": 2})
    assert served.ask(follow(first), token).status == 200
    refused = error(served.ask(follow(first, **changes), token), 400, "VALIDATE_FAILED")
    assert refused["detail"] == {"option": "cursor"}


def test_a_cursor_belongs_to_its_path_and_viewer(served: Site) -> None:
    """A cursor of another path, user or organization is refused; that of another token of the same user is taken."""
    first = served.ask(CDRS, user(served), {"top": 2})
    cursor = dict(parse_qsl(urlsplit(next_of(first) or "").query))["cursor"]
    query: Query = {"top": 2, "cursor": cursor}
    assert served.ask(CDRS, user(served), query).status == 200
    assert served.ask(USER_CDRS, user(served), query).status == 200, "the same list by another name"
    for target, token in (
        (LOGS, user(served)),
        (CDRS, user(served, BRUNO)),
        (CDRS, administrator(served)),
        (CDRS, user(served, org=OTHER_ORG)),
        (CDRS, administrator(served, OTHER_ORG)),
    ):
        error(served.ask(target, token, query), 400, "VALIDATE_FAILED")


CURSORS = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
    st.tuples(st.text(max_size=20), st.text(max_size=20)).map(".".join),
)


@settings(max_examples=150)
@given(made_up=CURSORS, cut=st.integers(0, 200), put=st.characters(), target=st.sampled_from([LOGS, CDRS]))
def test_a_cursor_that_was_made_up_is_refused(served: Site, made_up: str, cut: int, put: str, target: str) -> None:
    """No text but one of ours is a cursor, and no change of one is: 400, never a failure, never other rows."""
    token = administrator(served)
    query = dict(parse_qsl(urlsplit(next_of(served.ask(target, token, {"top": 2})) or "").query))
    real = query["cursor"]
    place = cut % len(real)
    changed = f"{real[:place]}{put}{real[place + 1 :]}"
    for cursor in (made_up, changed, real[:place], real + made_up):
        reply = served.ask(target, token, {**query, "cursor": cursor})
        if cursor == real or not cursor.strip():  # an empty one counts as absent
            assert reply.status == 200
        else:
            assert error(reply, 400, "VALIDATE_FAILED")["detail"] == {"option": "cursor"}


def test_a_page_without_rows_has_no_link(site: Site) -> None:
    """An empty list, and a skip beyond the end, are answered with no rows and no link."""
    token = administrator(site)
    assert pages(site, LOGS, token)[0].json == {"count": 0, "items": []}
    append(site, log("1"))
    (only,) = pages(site, LOGS, token, {"skip": 1})
    assert only.json == {"count": 1, "items": []}


@pytest.mark.parametrize("top", [1, 7])
def test_long_values_do_not_stop_a_client(served: Site, top: int) -> None:
    """Ordered by texts that are longer than any link may be, the pages have all rows once, by links of bounded size."""
    replies = pages(served, LOGS, administrator(served), {"orderby": "user_data desc", "top": top})
    assert len(set(ids_of(replies))) == len(ids_of(replies)) == 60
    assert max(len(reply.headers.get("link", "")) for reply in replies) < 9000


def test_a_long_place_that_is_gone(site: Site) -> None:
    """Where a link names a row by its id, and that row is the user's no more, the client is told to begin again."""
    append(site, log("1", user_data=f"a{LONG}"), log("2", user_data=f"b{LONG}"))
    first = site.ask(LOGS, user(site), {"orderby": "user_data", "top": 1})
    assert ids_of([site.ask(follow(first), user(site))]) == ["2"]
    append(site, log("1", callee="102", ended_at="2026-03-02T08:16:00Z"))
    refused = error(site.ask(follow(first), user(site)), 400, "VALIDATE_FAILED")
    assert "first page" in refused["message"]
