"""Lists of the simulated PBX: options, order, pages, and all that is left open by the documents."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import chain, pairwise
from typing import Any

import msgspec
import pytest

from integration.pbx.asking import MINUTE, NOW, START, Client, Start, calls, error
from ringback.simulator.pbx import Behaviour, SimulatedPbx, Written, finished_call

FIELDS = [
    *("id", "session_id"),
    *("caller", "caller_domain", "caller_display_name", "callee", "callee_domain", "callee_display_name"),
    *("started_at", "rang_at", "answered_at", "ended_at", "call_id", "direction", "end_reason", "reroute_reason"),
    *("status_code", "destination", "outbound_caller_id", "did_cid", "trunk", "duration"),
    *("service_number", "user_data"),
]


def body(client: Client, path: str = "/calllogs", **options: Any) -> dict[str, Any]:
    """A list as it came."""
    answer = client.get(path, **options)
    assert answer.status == 200, answer
    page: dict[str, Any] = json.loads(answer.body)
    return page


def read_all(client: Client, path: str, overlap: int = 20) -> dict[str, bytes]:
    """All rows of a list that stands still, by pages that overlap; each as canonical JSON."""
    behaviour = client.pbx.behaviour
    prefix = "$" if behaviour.dollar == "dollar" else ""
    method = "POST" if path == "/cdrs" and behaviour.cdrs_verbs == "post" else "GET"
    found: dict[str, bytes] = {}
    skip = 0
    while True:
        options: dict[str, Any] = {f"{prefix}top": 100, f"{prefix}skip": skip}
        if behaviour.sortable:
            options[f"{prefix}orderby"] = "started_at,id"
        items = client.get(path, method=method, **options).items
        found.update((item["id"], json.dumps(item).encode()) for item in items)
        if len(items) <= overlap:
            return found
        skip += len(items) - overlap


def test_a_list_has_the_documented_shape(start: Start) -> None:
    """A list says how many call logs there are, and gives up to a hundred with all 24 keys, in their order."""
    client = start()
    page = body(client)
    assert list(page) == ["count", "items"]
    assert page["count"] == len(client.pbx.truth()) > 100
    assert len(page["items"]) == 100
    assert all(list(item) == FIELDS for item in page["items"])


def test_the_newest_come_first_by_default(start: Start) -> None:
    """Without an order the newest starts come first."""
    starts = [item["started_at"] for item in body(start())["items"]]
    assert all(earlier >= later for earlier, later in pairwise(starts))


def test_pages_by_skip_and_top(start: Start) -> None:
    """Pages follow each other without a gap, and the last one is short."""
    client = start(writes=calls(25))
    pages = [client.ids(top=10, skip=skip, orderby="started_at asc") for skip in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert [*chain(*pages)] == list(client.pbx.truth())


@pytest.mark.parametrize("prefix", ["", "$"])
def test_options_have_two_spellings(start: Start, prefix: str) -> None:
    """All options are understood with a dollar sign and without."""
    client = start(writes=calls(5))
    given = {"filter": "caller eq '101'", "orderby": "id desc", "top": 2, "skip": 1, "search": "101", "count": "true"}
    options: dict[str, Any] = {f"{prefix}{name}": value for name, value in given.items()}
    ids = list(client.pbx.truth())
    page = body(client, **options)
    assert [item["id"] for item in page["items"]] == [ids[3], ids[2]]
    assert page["count"] == 5


@pytest.mark.parametrize(("dollar", "heeded"), [("bare", "top"), ("dollar", "$top")])
def test_one_spelling_may_be_ignored(start: Start, dollar: Any, heeded: str) -> None:
    """A PBX may know one of the spellings only, and ignore the other without a word."""
    client = start(writes=calls(5), behaviour=Behaviour(dollar=dollar))
    two: dict[str, Any] = {"top": 2, "$top": 2}
    sizes = {name: len(client.ids(**{name: size})) for name, size in two.items()}
    assert sizes == {name: 2 if name == heeded else 5 for name in sizes}
    assert len(client.ids(**two)) == 2


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("caller eq '7'", [7]),
        ("caller ne '7' and caller ne '8' and caller lt '9'", [0, 1, 2, 3, 4, 5, 6]),
        ("caller eq '1' or caller eq '2' and callee eq 'nobody'", [1]),
        ("(caller eq '1' or caller eq '2') and callee eq '102'", [1, 2]),
        ("startswith(caller, '9') or endswith(caller,'8')", [8, 9]),
        ("contains(callee_display_name,'O''Hara')", [3]),
        ("started_at ge '2025-07-22T21:56:00Z'", [8, 9]),
        ("started_at lt '2025-07-22T21:49:00Z'", [0]),
        ("ended_at gt '2025-07-22T23:57:05+02:00'", [9]),
        ("answered_at lt '2030-01-01T00:00:00Z' and caller le '4'", [0, 1, 2, 4]),
        ("status_code eq '486'", [3]),
        ("duration ge '61'", [5]),
    ],
)
def test_filters(start: Start, text: str, numbers: list[int]) -> None:
    """Filters compare texts, times and numbers, know three functions, and bind `and` closer than `or`."""
    changed: dict[int, dict[str, Any]] = {
        3: {"callee_display_name": "Molly O'Hara", "talking": None},
        5: {"duration": 61},
    }
    first = NOW - 12 * MINUTE
    rows = [finished_call(first + MINUTE * n, n, caller=str(n), **changed.get(n, {})) for n in range(10)]
    client = start(writes=rows)
    answer = client.get("/calllogs", filter=text, orderby="started_at")
    assert [int(item["caller"]) for item in answer.items] == numbers
    assert json.loads(answer.body)["count"] == len(numbers)


def test_search_looks_into_numbers_and_names(start: Start) -> None:
    """Free text is found in numbers and names, in any case, and is joined to a filter by and."""
    rows = calls(4)
    named = [finished_call(NOW - 5 * MINUTE, 9, caller_display_name="Selma Fernleigh")]
    client = start(writes=rows + named)
    assert len(client.ids(search="FERN")) == 1
    assert len(client.ids(search="101")) == 5
    assert client.ids(search="fern", filter="caller eq 'nobody'") == []


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "caller eq 101"},
        {"filter": "caller is '101'"},
        {"filter": "caller eq '101' and"},
        {"filter": "(caller eq '101'"},
        {"filter": "caller eq '101"},
        {"filter": "colour eq 'red'"},
        {"filter": "cost gt '1'"},
        {"filter": "started_at gt 'yesterday'"},
        {"filter": "started_at gt '2025-07-22T00:00:00'"},
        {"filter": "contains(duration,'1')"},
        {"filter": "duration gt 'long'"},
        {"filter": "id gt 'first'"},
        {"filter": ""},
        {"orderby": "colour"},
        {"orderby": "caller up"},
        {"top": "ten"},
        {"skip": "-1"},
        {"count": "yes"},
        {"limit": "10"},
    ],
)
def test_what_cannot_be_read_is_refused(start: Start, options: dict[str, str]) -> None:
    """Options that the documentation does not allow are a 400, and the audit has them."""
    client = start()
    assert error(client.get("/calllogs", **options)) == (400, "VALIDATE_FAILED")
    assert client.violations() == ["query"]


@pytest.mark.parametrize(("over_top", "expected"), [("rejected", (400, 0)), ("clamped", (200, 100))])
def test_large_pages(start: Start, over_top: Any, expected: tuple[int, int]) -> None:
    """More than a hundred is refused or clamped; it is a violation either way."""
    client = start(behaviour=Behaviour(over_top=over_top))
    answer = client.get("/calllogs", top=101)
    assert (answer.status, len(answer.items) if answer.status == 200 else 0) == expected
    assert client.get("/calllogs", top=0).status == 400
    assert client.violations() == ["top", "top"]


def test_skip_may_count_from_one(start: Start) -> None:
    """Where rows are counted from 1, the page at 10 begins with the last row of the first ten."""
    client = start(writes=calls(25), behaviour=Behaviour(skip_from=1, default_order="oldest"))
    ids = list(client.pbx.truth())
    assert client.ids(top=10) == client.ids(top=10, skip=0) == client.ids(top=10, skip=1) == ids[:10]
    assert client.ids(top=10, skip=10) == ids[9:19]


@pytest.mark.parametrize(
    ("count", "plain", "asked"), [("always", True, True), ("asked", False, True), ("absent", False, False)]
)
def test_a_list_may_not_be_counted(start: Start, count: Any, plain: bool, asked: bool) -> None:
    """The number of all rows comes always, only when asked for, or never."""
    client = start(writes=calls(3), behaviour=Behaviour(count=count))
    assert ("count" in body(client)) is plain
    assert ("count" in body(client, count="true")) is asked


@pytest.mark.parametrize("path", ["/calllogs", "/cdrs"])
def test_options_may_be_ignored(start: Start, path: str) -> None:
    """A list that ignores options gives its first hundred rows, whatever is asked, and counts all."""
    client = start(behaviour=Behaviour(calllogs_options="ignored", cdrs_options="ignored"))
    page = body(client, path, top=3, skip=50, filter="caller eq 'nobody'", orderby="started_at asc")
    assert page == body(client, path)
    assert len(page["items"]) == 100


def test_options_may_be_rejected(start: Start) -> None:
    """A list that takes no options answers 400 to any, which is no fault of the client."""
    client = start(behaviour=Behaviour(calllogs_options="rejected"))
    assert error(client.get("/calllogs", top=10)) == (400, "VALIDATE_FAILED")
    assert client.get("/calllogs").status == 200
    assert client.get("/cdrs", top=10).status == 200
    assert client.violations() == []


@pytest.mark.parametrize(
    ("filterable", "refused"),
    [
        ("all", []),
        ("no_end", ["ended_at"]),
        ("no_times", ["started_at", "ended_at"]),
        ("nothing", ["caller", "started_at", "ended_at"]),
    ],
)
@pytest.mark.parametrize("unfilterable", ["rejected", "ignored"])
def test_some_fields_cannot_be_filtered(start: Start, filterable: Any, refused: list[str], unfilterable: Any) -> None:
    """A filter with a field that this PBX does not filter by is a 400, or ignored; neither is the client's fault."""
    behaviour = Behaviour(filterable=filterable, unfilterable=unfilterable)
    client = start(writes=calls(3), behaviour=behaviour)
    never = {"caller": "nobody", "started_at": "2030-01-01T00:00:00Z", "ended_at": "2030-01-01T00:00:00Z"}
    for field, value in never.items():
        answer = client.get(
            "/calllogs", filter=f"{field} ge '{value}'" if field != "caller" else f"{field} eq '{value}'"
        )
        if field not in refused:
            assert answer.items == []
        elif unfilterable == "rejected":
            assert error(answer) == (400, "VALIDATE_FAILED")
        else:
            assert len(answer.items) == 3
    assert client.violations() == []


def test_orders(start: Start) -> None:
    """Rows are sorted by several fields, each up or down, with blanks before all else."""
    first = NOW - 10 * MINUTE
    rows = [
        finished_call(first + MINUTE * number, number, caller=caller, talking=talking)
        for number, (caller, talking) in enumerate([("2", 5.0), ("1", None), ("2", None), ("1", 5.0)])
    ]
    client = start(writes=rows)
    ids = list(client.pbx.truth())

    def order(text: str) -> list[int]:
        return [ids.index(one) for one in client.ids(orderby=text)]

    assert order("caller asc, started_at desc") == [3, 1, 2, 0]
    assert order("caller,started_at") == [1, 3, 0, 2]
    assert order("answered_at, id") == [1, 2, 0, 3]
    assert order("answered_at desc, id") == [3, 0, 1, 2]


@pytest.mark.parametrize(
    ("default_order", "expected"),
    [("newest", [2, 1, 0]), ("oldest", [0, 1, 2]), ("id", [1, 0, 2]), ("arrival", [0, 2, 1])],
)
def test_the_default_order_is_open(start: Start, default_order: Any, expected: list[int]) -> None:
    """Rows come by start, by id, or as they arrived; an order that is asked for may be ignored."""
    first = NOW - 20 * MINUTE
    rows = [
        finished_call(first, id=700_000_000_000_000_002),
        finished_call(first + MINUTE, id=700_000_000_000_000_001, written_after=300),
        finished_call(first + 2 * MINUTE, id=700_000_000_000_000_003, talking=None),
    ]
    client = start(writes=rows, behaviour=Behaviour(default_order=default_order, sortable=False))
    numbers = [int(one[-1]) for one in client.ids()]
    place = {2: 0, 1: 1, 3: 2}
    assert [place[number] for number in numbers] == expected
    assert client.ids(orderby="caller") == client.ids()


def test_equal_rows_may_change_places(start: Start) -> None:
    """Where ties are not settled, rows of the same start come in another order each time, but never out of it."""
    rows = [finished_call(NOW - 5 * MINUTE, number) for number in range(30)]
    client = start(writes=rows, behaviour=Behaviour(ties="changing"))
    orders = [client.ids(orderby="started_at") for _ in range(3)]
    assert len({tuple(order) for order in orders}) == 3
    assert len({tuple(client.ids(orderby="started_at,id")) for _ in range(3)}) == 1
    steady = start(writes=rows)
    assert len({tuple(steady.ids(orderby="started_at")) for _ in range(3)}) == 1


def test_ids_of_18_and_19_digits(start: Start) -> None:
    """Ids have 19 digits from 11:22:59 on 22 July 2025; where they compare as texts, the older ones come last."""
    client = start()
    ids = client.ids(
        filter="started_at ge '2025-07-22T11:00:00Z' and started_at lt '2025-07-22T12:00:00Z'", orderby="id"
    )
    assert {len(one) for one in ids} == {18, 19}
    assert ids == sorted(ids, key=int)
    as_texts = start(behaviour=Behaviour(id_order="text"))
    wrong = as_texts.ids(
        filter="started_at ge '2025-07-22T11:00:00Z' and started_at lt '2025-07-22T12:00:00Z'", orderby="id"
    )
    assert wrong == sorted(ids) != ids
    older = next(one for one in ids if len(one) == 18)
    assert older in client.ids(filter=f"id lt '{ids[-1]}' and id ge '{older}'")
    assert as_texts.ids(filter=f"id lt '{ids[-1]}' and id ge '{older}'") == []


def test_rows_that_arrive_move_the_pages(start: Start) -> None:
    """A row that arrives between two pages shifts those that follow, as it does on a real PBX."""
    client = start(writes=calls(20))
    first = client.ids(top=10)
    client.pbx.add([finished_call(NOW - 3 * MINUTE, 99)])
    second = client.ids(top=10, skip=10)
    assert first[-1] == second[0]


def test_long_calls_surface_when_they_end(start: Start) -> None:
    """A call of three hours is not there while it lasts, and then among those that began three hours ago."""
    long = finished_call(NOW - timedelta(hours=2), 77, talking=3 * 3600.0)
    client = start(writes=[*calls(3), long])
    assert len(client.ids()) == 3
    client.pbx.clock.sleep(3599)
    assert len(client.ids()) == 3
    client.pbx.clock.sleep(10)
    assert len(client.ids(filter="started_at lt '2025-07-22T20:00:01Z'")) == 1


def test_calls_in_progress_may_be_listed(start: Start) -> None:
    """On a PBX that behaves so, a call is listed from its start, without an end, and completed later."""
    over = finished_call(NOW - MINUTE, talking=600)
    begun = msgspec.structs.replace(over.row, answered_at=None, ended_at=None, end_reason="", duration=0)
    rows = [Written(at=NOW - MINUTE, row=begun, last=False), over]
    client = start(writes=rows, behaviour=Behaviour(in_progress=True))
    assert start(writes=rows).ids() == []
    (before,) = client.get("/calllogs").items
    assert (before["ended_at"], before["duration"], client.ids("/cdrs")) == (None, 0, [before["session_id"]])
    client.pbx.clock.sleep(600)
    (after,) = client.get("/calllogs").items
    assert (after["id"], after["ended_at"], after["duration"]) == (before["id"], "2025-07-22T22:09:05.000000Z", 600)


def test_blanks_numbers_times_and_ids_are_open(start: Start) -> None:
    """Blanks are null, empty or absent; numbers may be texts; times may lack their fraction; ids may be base64."""
    rows = [finished_call(NOW - 5 * MINUTE + timedelta(microseconds=123_456), talking=None, id=700551909773148160)]

    def item(**behaviour: Any) -> dict[str, Any]:
        (only,) = start(writes=rows, behaviour=Behaviour(**behaviour)).get("/calllogs").items
        assert isinstance(only, dict)
        return only

    plain = item()
    assert (plain["answered_at"], plain["trunk"], plain["end_reason"]) == (None, None, None)
    assert (plain["started_at"], plain["duration"], plain["status_code"]) == ("2025-07-22T21:55:00.123456Z", 0, 486)
    assert plain["id"] == "700551909773148160"
    empty = item(blanks="empty")
    assert (empty["answered_at"], empty["trunk"], empty.keys()) == ("", "", plain.keys())
    absent = item(blanks="absent")
    assert absent == {name: value for name, value in plain.items() if value is not None}
    assert item(timestamps="seconds")["started_at"] == "2025-07-22T21:55:00Z"
    texts = item(numbers="text")
    assert (texts["duration"], texts["status_code"]) == ("0", "486")
    assert item(ids="base64")["id"] == "NzAwNTUxOTA5NzczMTQ4MTYw"


def test_end_reasons_as_in_the_published_sample(start: Start) -> None:
    """A PBX may say CALLER_DISCONNECT, as PortSIP's own sample does, without the last two letters."""
    client = start(writes=calls(1), behaviour=Behaviour(end_reasons="short"))
    (item,) = client.get("/calllogs").items
    assert item["end_reason"] == "CALLER_DISCONNECT"


def test_one_row_for_each_session(start: Start) -> None:
    """On a PBX that behaves so, each session is one row, with the number that was dialled and the whole talk."""
    many, one = start(), start(behaviour=Behaviour(rows="one"))
    truth, joined = many.pbx.truth(), one.pbx.truth()
    sessions = {row.row.session_id for row in truth.values()}
    assert len(truth) > len(joined) == len(sessions)
    assert {row.row.session_id for row in joined.values()} == sessions
    assert read_all(one, "/calllogs").keys() == joined.keys()


def test_older_versions_have_no_call_logs(start: Start) -> None:
    """Where call logs do not exist, their paths are 404, which is no fault of the client; sessions are still listed."""
    client = start(behaviour=Behaviour(calllogs=False))
    assert client.get("/calllogs").status == client.get("/calllogs/1").status == 404
    assert body(client, "/cdrs")["count"] == len(client.pbx.truth(of="cdrs"))
    assert client.violations() == []


def test_sessions_are_listed_as_call_logs_without_a_session(start: Start) -> None:
    """`/cdrs` has a row for each session that is complete, under the session's id and without the key session_id."""
    client = start()
    page = body(client, "/cdrs")
    assert page["count"] == len({row.row.session_id for row in client.pbx.truth().values()})
    assert all(list(item) == [name for name in FIELDS if name != "session_id"] for item in page["items"])
    assert error(client.get("/cdrs", filter="session_id eq '1'")) == (400, "VALIDATE_FAILED")


@pytest.mark.parametrize(("verbs", "statuses"), [("both", [200, 200]), ("get", [200, 405]), ("post", [405, 200])])
def test_sessions_may_be_asked_for_by_post(start: Start, verbs: Any, statuses: list[int]) -> None:
    """The documents know both GET and POST for `/cdrs`; a PBX may take one of them."""
    client = start(behaviour=Behaviour(cdrs_verbs=verbs))
    assert [client.get("/cdrs", method=method).status for method in ("GET", "POST")] == statuses
    assert client.violations() == []


def test_users_have_a_list_of_their_own(start: Start) -> None:
    """A user without rights over the tenant sees the sessions of its extension, and no others."""
    client = start()
    user = client.pbx.add_account("one.example", "vera", "User", "101")
    client.token = client.pbx.issue_token(user)
    assert error(client.get("/calllogs")) == (403, "FORBIDDEN")
    assert error(client.get("/cdrs")) == (403, "FORBIDDEN")
    items = client.get("/user/cdrs").items
    assert items
    assert all("101" in (item["caller"], item["callee"]) for item in items)
    one = json.loads(client.get(f"/user/cdrs/{items[0]['id']}").body)["items"]
    assert one.keys() == items[0].keys() - {"id", "duration"}


def test_tenants_do_not_see_each_other() -> None:
    """Each tenant's administrator sees the tenant's own call logs only."""
    rows = [*calls(2), *calls(3, tenant="two.example")]
    with SimulatedPbx(rows, tenants=("one.example", "two.example")) as pbx:
        client = Client(pbx)
        assert len(client.ids()) == 2
        client.token = pbx.issue_token(pbx.account("two.example"))
        assert set(client.ids()) == set(pbx.truth(tenant="two.example"))
        assert client.get(f"/calllogs/{next(iter(pbx.truth()))}").status == 404


@pytest.mark.parametrize("seed", range(30))
def test_everything_can_be_read_however_it_behaves(start: Start, seed: int) -> None:
    """Under any mix of oddities, a list that stands still can be read to the last byte of what is true."""
    client = start(behaviour=Behaviour.random(seed))
    kind = client.pbx.behaviour.readable
    found = read_all(client, f"/{kind}")
    truth = client.pbx.truth(of=kind)
    assert len(truth) > 100
    assert found == {one: json.dumps(json.loads(true.listed)).encode() for one, true in truth.items()}
    assert client.pbx.audit.problems() == []


def test_the_truth_of_an_earlier_time(start: Start) -> None:
    """The truth as of a time has the rows that were written by then, as they were."""
    row = finished_call(NOW - 10 * MINUTE)
    newer = finished_call(NOW - 10 * MINUTE, user_data="later", written_after=300)
    client = start(writes=[row, newer])
    (before,) = client.pbx.truth(row.at).values()
    (after,) = client.pbx.truth().values()
    assert client.pbx.truth(row.at - timedelta(seconds=1)) == {}
    assert (before.row, before.versions, before.newest_at) == (row.row, 1, row.at)
    assert (after.row, after.versions, after.first_at, after.newest_at) == (newer.row, 2, row.at, newer.at)
    assert json.loads(after.listed)["user_data"] == "later"


def test_traffic_comes_as_the_clock_goes(start: Start, writes: list[Any]) -> None:
    """Endless traffic is taken as far as the clock has come."""
    client = start(writes=(), traffic=iter(writes), clock=None)
    assert len(client.pbx.truth()) == len({one.row.id for one in writes})
    assert min(one.row.started_at for one in client.pbx.truth().values()) > START
