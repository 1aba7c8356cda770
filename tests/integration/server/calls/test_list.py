"""Lists of whole calls: pages, filters, counts, CSV."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from factories import Clock
from integration.server.calls.reception import ANNA, BRUNO, CALLER, CHANGES, LIST, Reception, one
from ringback.projections.calls.feed import ChangeFeed
from ringback.projections.calls.query import Calls
from ringback.projections.numbers import Numbers
from ringback.server.calls import CallsDialect
from ringback.server.errors import ApiError
from ringback.server.exchange import Call
from ringback.store import Store
from serving import Site, wire

QUEUE = {"User type": "CallCenterPremium", "User": "Service desk", "User UUID": "eeeeeeee-0000-4000-8000-000000000005"}


def fill(here: Reception) -> None:
    """Five calls: a and b to Anna, c to Bruno, d out of the house by Bruno, and e to a queue; e is the newest."""
    inside = {"Call type": "SIP_ENTERPRISE"}
    out = {"Direction": "ORIGINATING", "Call type": "SIP_INTERNATIONAL", "International country": "DE"}
    here.add(
        here.incoming("a", 50, {"Location": "Rome", "Inbound trunk": "East"}),
        here.missed("b", 40),
        here.incoming("c", 30, {**inside, "Calling number": "101", "Department ID": "sales"}, user=BRUNO),
        here.incoming("d", 20, {**out, "Called number": "+4930233000", "Outbound trunk": "East"}, user=BRUNO),
        here.incoming("e", 10, {**QUEUE, "Calling line ID": "Éva 100%_Kovács"}),
    )


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Reception]:
    """A site with those calls, for tests that only read."""
    store = Store.open(Path(shutil.copytree(empty_store, tmp_path_factory.mktemp("busy") / "store")))
    here = Reception(Site(store, Clock()))
    fill(here)
    yield here
    here.site.close()
    store.close()


def test_a_page(busy: Reception) -> None:
    """Without parameters the newest calls come, each with its story, participants, timeline, and records."""
    reply = busy.ask(LIST)
    page = reply.json
    assert list(page) == ["items", "has_more", "next"]
    assert [call["id"] for call in page["items"]] == busy.of("e", "d", "c", "b", "a")
    assert (page["has_more"], page["next"], "link" in reply.headers) == (False, None, False)
    assert reply.headers["cache-control"] == "no-store"
    first = page["items"][-1]
    assert first | {"participants": [], "timeline": []} == {
        "id": busy.of("a")[0],
        "start": wire(busy.site.clock.now - 50 * 60_000),
        "end": wire(busy.site.clock.now - 50 * 60_000 + 40_000),
        "direction": "inbound",
        "outcome": "answered",
        "first_caller": {"name": "", "user_id": None, "number": CALLER},
        "dialed": "+12025550101",
        "final_party": {"name": "Anna Lind", "user_id": ANNA, "number": "+12025550101"},
        "answered_by_person": True,
        "talk_seconds": 30,
        "ring_seconds": 4,
        "hold_seconds": 0,
        "queue_seconds": 0,
        "pending_links": 0,
        "sentence": f"{CALLER} called Anna Lind, who answered.",
        "participants": [],
        "timeline": [],
        "report_ids": ["a"],
    }
    assert [each["result"] for each in first["participants"]] == ["talked", "talked"]
    assert [(step["what"], step["who"]) for step in first["timeline"]][:2] == [
        ("called", CALLER),
        ("rang", "Anna Lind"),
    ]


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_have_every_call_once(here: Reception, limit: int) -> None:
    """Following the links, or asking with the cursors, gives each call once, also if calls come in meanwhile."""
    fill(here)
    everything = here.of("e", "d", "c", "b", "a")
    assert here.ids(limit=limit) == everything
    first = here.ask(LIST, limit=limit).json
    found = [call["id"] for call in first["items"]]
    here.add(here.incoming("new", 1))
    cursor = first["next"]
    while cursor is not None:
        page = here.ask(LIST, limit=limit, cursor=cursor).json
        found += [call["id"] for call in page["items"]]
        cursor = page["next"]
    assert found == everything


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"number": "+1 (202) 555-0199"}, "edba"),
        ({"number": "12025550199"}, "edba"),
        ({"number": "101"}, "c"),
        ({"number": "+49 30 233000"}, "d"),
        ({"number": "555"}, ""),
        ({"user": ANNA}, "ba"),
        ({"user": BRUNO.upper()}, "dc"),
        ({"location": "Rome"}, "a"),
        ({"location": "rome"}, ""),
        ({"department": "sales"}, "c"),
        ({"direction": "outbound"}, "d"),
        ({"direction": "inbound"}, "eba"),
        ({"direction": "internal"}, "c"),
        ({"outcome": "missed"}, "b"),
        ({"queue": "Service desk"}, "e"),
        ({"queue": QUEUE["User UUID"].upper()}, "e"),
        ({"trunk": "East"}, "da"),
        ({"country": "DE"}, "d"),
        ({"min_duration": "1"}, "dca"),
        ({"max_duration": "0"}, "eb"),
        ({"min_duration": "30", "max_duration": "30"}, "dca"),
        ({"text": "ANNA lind"}, "ba"),
        ({"text": "100%_"}, "e"),
        ({"text": "100__"}, ""),
        ({"user": ANNA, "number": CALLER, "outcome": "missed", "text": "anna"}, "b"),
        ({"user": BRUNO, "location": "Berlin", "trunk": "East"}, "d"),
        ({"user": "", "number": "", "direction": "", "text": ""}, "edcba"),
        ({"somethingNew": "x"}, "edcba"),
    ],
    ids=str,
)
def test_filters_leave_what_fits(busy: Reception, query: dict[str, str], names: str) -> None:
    """Each filter, and several of them together; the count is that of all pages, and is told only if asked for."""
    assert busy.ids(**query) == busy.of(*names)
    pages = busy.pages(limit=1, count="true", **query)
    assert [reply.json["count"] for reply in pages] == [len(names)] * len(pages)


def test_times_bound_what_comes(busy: Reception) -> None:
    """`from` is inclusive and `to` exclusive, by the start of the call."""
    start = {call["id"]: call["start"] for call in busy.ask(LIST).json["items"]}
    b, d = (start[id] for id in busy.of("b", "d"))
    assert busy.ids(**{"from": b, "to": d}) == busy.of("c", "b")
    assert busy.ids(**{"from": b, "to": d, "limit": 1}) == busy.of("c", "b")
    assert busy.ids(**{"from": b, "to": b}) == []


def test_a_plus_that_was_not_encoded(busy: Reception) -> None:
    """A plus in a query means a blank; before a number it is taken for what was meant."""
    assert [call["id"] for call in busy.ask(f"{LIST}?number=+4930233000").json["items"]] == busy.of("d")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"limit": "0"}, "1 item at least"),
        ({"limit": "1001"}, "to 1000"),
        ({"from": "yesterday"}, "from is 'yesterday'"),
        ({"direction": "up"}, "inbound, outbound, internal"),
        ({"outcome": "lost"}, "voicemail"),
        ({"number": "Anna"}, "use text"),
        ({"min_duration": "-1"}, "0 or more"),
        ({"max_duration": "9999999999"}, "0 or more"),
        ({"text": "x" * 101}, "100 characters"),
        ({"location": "x" * 257}, "256 characters"),
        ({"user": "x\0"}, "NUL"),
        ({"count": "perhaps"}, "TRUE, FALSE"),
        ({"cursor": "nonsense"}, "Link header"),
        ({"cursor": ""}, "Link header"),
    ],
    ids=str,
)
def test_a_wrong_question_is_explained(busy: Reception, query: dict[str, str], says: str) -> None:
    """A parameter that is wrong is a 400 that says what it may be."""
    reply = busy.ask(LIST, **query)
    assert (reply.status, says in reply.message) == (400, True), reply.message


def test_a_count_that_takes_too_long(busy: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count that is not found in time is a 400 that says how to ask for less."""
    monkeypatch.setattr("ringback.store.store._STEPS_BETWEEN_LOOKS", 10)
    site = busy.site
    hasty = Calls(site.store, count_seconds=0.0)
    dialect = CallsDialect(site.tokens, hasty, ChangeFeed(site.store), site.ledger, Numbers(""))
    asked = Call(path=LIST, query=b"text=anna&count=true", base_url="", authorization=f"Bearer {busy.admin}")
    with pytest.raises(ApiError, match="Narrow them") as refused:
        dialect.calls(asked)
    assert refused.value.status == 400


def test_calls_of_a_user(busy: Reception) -> None:
    """The path of a user gives that user's calls, with the same filters and links that lead on."""
    path = f"/v1/users/{ANNA.upper()}/calls"
    assert busy.ids(path) == busy.of("b", "a")
    assert busy.ids(path, limit=1) == busy.of("b", "a")
    assert busy.ids(path, outcome="missed") == busy.of("b")
    assert one(busy.ask(path, outcome="missed")) == one(busy.ask(LIST, outcome="missed"))


def test_a_user_id_that_is_no_uuid(here: Reception) -> None:
    """Links of users with blanks and foreign letters in their ids lead on."""
    user = "ext 101@büro"
    here.add(*(here.incoming(name, minutes, {"User UUID": user}) for name, minutes in (("a", 2), ("b", 1))))
    assert here.ids("/v1/users/ext%20101@b%C3%BCro/calls", limit=1) == here.of("b", "a")


# CSV


def test_csv(busy: Reception) -> None:
    """With `Accept: text/csv` the same page comes as CSV with a header, and its link leads to the next page."""
    reply = busy.site.ask(LIST, busy.admin, {"limit": 3}, headers={"accept": "text/csv"})
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert "accept" in reply.headers["vary"].split(", ")
    rows = list(csv.DictReader(io.StringIO(reply.body.decode(), newline="")))
    assert [row["id"] for row in rows] == busy.of("e", "d", "c")
    assert rows[1] == {
        "id": busy.of("d")[0],
        "start": wire(busy.site.clock.now - 20 * 60_000),
        "end": wire(busy.site.clock.now - 20 * 60_000 + 40_000),
        "direction": "outbound",
        "outcome": "answered",
        "caller": "Bruno Ek",
        "caller_number": "+12025550101",
        "dialed": "+4930233000",
        "final_party": "",
        "final_party_number": "+4930233000",
        "answered_by_person": "true",
        "talk_seconds": "30",
        "ring_seconds": "4",
        "hold_seconds": "0",
        "queue_seconds": "0",
        "sentence": "Bruno Ek called +4930233000, who answered.",
    }
    link = reply.headers["link"].partition(">")[0].removeprefix("<")
    following = busy.site.ask(link, busy.admin, headers={"accept": "text/csv"})
    assert [row["id"] for row in csv.DictReader(io.StringIO(following.body.decode()))] == busy.of("b", "a")
    assert "link" not in following.headers


def test_csv_has_no_formulas(here: Reception) -> None:
    """What callers show comes from the telephone network, and must not run in a spreadsheet."""
    here.add(here.incoming("a", 1, {"Calling line ID": "=1+1", "Calling number": "@evil"}))
    reply = here.site.ask(LIST, here.admin, headers={"accept": "text/csv"})
    (row,) = csv.DictReader(io.StringIO(reply.body.decode()))
    assert (row["caller"], row["caller_number"], row["sentence"][0]) == ("'=1+1", "'@evil", "'")


@pytest.mark.parametrize("path", [LIST, f"/v1/users/{ANNA}/calls", CHANGES])
def test_head(busy: Reception, path: str) -> None:
    """HEAD gives the headers of GET, and no body."""
    asked = busy.site.ask(path, busy.admin)
    headed = busy.site.ask(path, busy.admin, method="HEAD")
    assert (headed.status, headed.body) == (200, b"")
    assert headed.headers["content-length"] == asked.headers["content-length"]
