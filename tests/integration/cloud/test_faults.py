"""Faults of the simulated cloud as a client meets them."""

from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from integration.cloud.asking import NOW, ORG, START, Answer, Client, Start, send
from ringback.simulator import Delivery
from ringback.simulator.cloud import (
    BadItem,
    Behaviour,
    Cut,
    Duplicates,
    EmptyPage,
    Faults,
    Garbage,
    Hang,
    Limits,
    ManualClock,
    Outage,
    Redirect,
    Refuse,
    RepeatedLink,
    Reset,
    Rule,
    RunningClock,
    SimulatedCloud,
    Slow,
    StrangeLink,
    WrongRegion,
)

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
BUSY = (START + 11 * HOUR, START + 23 * HOUR)
SMALL = Limits(smallest_page=50)


def first(fault: Any, **rule: Any) -> Faults:
    """The first request that fits is struck."""
    return Faults(rules=(Rule(fault=fault, nth=(1,), **rule),))


def struck_and_not(start: Start, fault: Any, **options: Any) -> tuple[Client, Answer, Answer]:
    """The first page of a window with a fault, and the same without."""
    client = start(faults=first(fault), **options)
    answers = []
    for _ in range(2):
        answers.append(client.ask("feed", *BUSY))
        client.tick()
    return client, answers[0], answers[1]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 423, 429, 500, 502, 503, 504])
def test_any_status(start: Start, status: int) -> None:
    """An error status comes with the body of the Webex APIs and without Retry-After; the next request is answered."""
    client, answer, after = struck_and_not(start, Refuse(status=status))
    assert answer.status == status
    body = json.loads(answer.body)
    assert body.keys() == {"message", "errors", "trackingId"}
    assert body["errors"] == [{"description": body["message"]}]
    assert answer.headers["trackingid"] == body["trackingId"]
    assert "retry-after" not in answer.headers
    assert after.items
    assert [asked.fault for asked in client.cloud.audit] == [f"refuse {status}", ""]
    assert client.cloud.audit.problems() == []


@pytest.mark.parametrize(
    ("fault", "header"),
    [
        (Refuse(status=429, retry_after=7), "7"),
        (Refuse(status=423, retry_after=1.5), "2"),
        (Refuse(status=429, retry_after=1.5, form="decimal"), "1.50"),
        (Refuse(status=503, retry_after=90, form="date"), "Tue, 03 Mar 2026 00:01:30 GMT"),
    ],
)
def test_a_status_with_retry_after(start: Start, fault: Refuse, header: str) -> None:
    """Retry-After of a fault has the seconds and the form of the script."""
    _, answer, _ = struck_and_not(start, fault)
    assert (answer.status, answer.headers["retry-after"]) == (fault.status, header)


def test_a_status_as_a_proxy_writes_it(start: Start) -> None:
    """An error can come as a web page."""
    _, answer, _ = struck_and_not(start, Refuse(status=502, html=True))
    assert answer.headers["content-type"] == "text/html"
    assert answer.body.startswith(b"<!doctype html>")


def test_401_ends_the_tokens(start: Start) -> None:
    """After a 401 on purpose the token stays refused until the client refreshes, in the middle of paging too."""
    client = start(faults=first(Refuse(status=401), kind="page"), limits=SMALL)
    link = client.ask("feed", *BUSY, max=50).next
    assert client.get(link).status == 401
    assert client.get(link).status == 401
    client.token = json.loads(client.refresh().body)["access_token"]
    assert client.get(link).status == 200
    assert client.cloud.audit.problems() == []


def test_504_only_above_some_page_size(start: Start) -> None:
    """A 504 can go away when smaller pages are asked for."""
    client = start(faults=Faults(rules=(Rule(fault=Refuse(status=504), above=1000),)))
    statuses = []
    for size in (5000, 1001, 1000, 9999):
        statuses.append(client.ask("feed", *BUSY, max=size).status)
        client.tick()
    assert statuses == [504, 504, 200, 504]


@pytest.mark.parametrize("wording", ["should_go_to", "please_use"])
@pytest.mark.parametrize("what", ["home", "strange", "nobody"])
def test_451_names_a_host(start: Start, what: Any, wording: Any) -> None:
    """A 451 on purpose names the right host, the strange one, or none."""
    client, answer, _ = struck_and_not(start, WrongRegion(what=what, wording=wording))
    named = {"home": client.cloud.base_url[7:], "strange": client.cloud.strange_url[7:]}
    assert answer.status == 451
    assert [name for name, address in named.items() if address in answer.message] == (
        [] if what == "nobody" else [what]
    )


def test_redirects_lead_to_the_strange_host(start: Start) -> None:
    """A redirect keeps the path and the query and names the strange host, for tokens as well."""
    client, answer, _ = struck_and_not(start, Redirect(status=302))
    assert answer.status == 302
    assert answer.headers["location"].startswith(f"{client.cloud.strange_url}/v1/cdr_feed?startTime=")
    client = start(faults=first(Redirect(), endpoint="token"))
    answer = client.refresh()
    assert (answer.status, answer.headers["location"]) == (307, f"{client.cloud.strange_url}/v1/access_token")
    assert client.refresh().status == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Hang(seconds=0.2), http.client.RemoteDisconnected),
        (Reset(when="before"), ConnectionResetError),
        (Reset(when="after_head"), ConnectionResetError),
        (Reset(when="in_body"), ConnectionResetError),
        (Cut(share=0.5), http.client.IncompleteRead),
        (Cut(share=0.0), http.client.IncompleteRead),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_answers_that_do_not_come_whole(start: Start, fault: Any, error: type[Exception], chunked: bool) -> None:
    """No answer, a reset before or within it, and a body cut short are errors of the connection, and then over."""
    client = start(faults=first(fault), behaviour=Behaviour(chunked=chunked))
    with pytest.raises((error, ConnectionResetError)):
        client.ask("feed", *BUSY)
    client.tick()
    assert client.ask("feed", *BUSY).items
    struck, _ = client.cloud.audit
    assert struck.fault == fault.name
    assert struck.status == (0 if fault in (Hang(seconds=0.2), Reset()) else 200)


def test_a_hanging_answer_runs_into_the_timeout_of_the_client(start: Start) -> None:
    """A client that waits less than the cloud hangs gets its timeout, and the cloud can be stopped meanwhile."""
    client = start(faults=first(Hang(seconds=60)))
    with pytest.raises(TimeoutError):
        client.get(client.url("feed", *BUSY), timeout=0.1)


def test_a_slow_body_comes_whole(start: Start) -> None:
    """A slow answer takes its time and is complete."""
    began = time.monotonic()
    _, answer, after = struck_and_not(start, Slow(seconds=0.4))
    assert time.monotonic() - began > 0.4
    ids = set(answer.ids)
    assert answer.ids == [name for name in after.ids if name in ids] != []


@pytest.mark.parametrize("what", ["not_json", "cut_json", "not_a_page", "empty", "wrong_type"])
def test_garbage_under_200(start: Start, what: Any) -> None:
    """A 200 can be a web page, half of the JSON, other JSON, nothing, or the page under a wrong type."""
    _, answer, after = struck_and_not(start, Garbage(what=what))
    assert answer.status == 200
    assert int(answer.headers["content-length"]) == len(answer.body)
    wrong_type = what in ("not_json", "wrong_type")
    assert answer.headers["content-type"] == ("text/html" if wrong_type else "application/json")
    if what == "wrong_type":
        assert answer.items
    else:
        assert b'"items"' not in answer.body or what == "cut_json"
        if what != "not_a_page":
            with pytest.raises(json.JSONDecodeError):
                json.loads(answer.body)
    assert after.items


@pytest.mark.parametrize(
    ("what", "value"),
    [("number", 42), ("text", "record"), ("null", None), ("list", []), ("no_id", {"Report ID": ""})],
)
def test_one_bad_item_in_a_page(start: Start, what: Any, value: Any) -> None:
    """Something that is no record stands in the middle of the page, and all records are there besides."""
    client, answer, after = struck_and_not(start, BadItem(what=what))
    bad = [item for item in answer.items if not (isinstance(item, dict) and item["Report ID"])]
    assert len(bad) == 1
    assert bad[0] == value or bad[0]["Report ID"] == ""
    assert answer.items.index(bad[0]) > 10
    good = [item["Report ID"] for item in answer.items if item != bad[0]]
    known = set(good)
    assert good == [name for name in after.ids if name in known]
    assert (client.cloud.audit.select(kind="initial")[0].bad, len(good)) == (1, len(answer.items) - 1)


def test_records_twice_in_a_page(start: Start) -> None:
    """A share of the records of a page stands in it twice, with the same bytes."""
    _, answer, _ = struck_and_not(start, Duplicates(share=0.25))
    distinct = set(answer.ids)
    assert len(answer.ids) - len(distinct) == round(len(distinct) * 0.25) > 0
    texts = {json.dumps(item) for item in answer.items}
    assert len(texts) == len(distinct)


@pytest.mark.parametrize("paging", ["by_time", "exact"])
@pytest.mark.parametrize("kind", ["initial", "page"])
@pytest.mark.parametrize("fault", [EmptyPage(), RepeatedLink()])
def test_detours_lead_to_all_records(start: Start, fault: Any, kind: Any, paging: Any) -> None:
    """An empty page with a link, and a link to the same page again, lose nothing to a client that follows them."""
    behaviour = Behaviour(paging=paging)
    plain = start(limits=SMALL, behaviour=behaviour)
    expected = {name for page in plain.pages("feed", *BUSY, max=50) for name in page.ids}
    client = start(limits=SMALL, behaviour=behaviour, faults=first(fault, kind=kind))
    pages = client.pages("feed", *BUSY, max=50)
    number = 0 if kind == "initial" else 1
    if isinstance(fault, EmptyPage):
        assert pages[number].items == []
        assert pages[number].next not in [page.next for page in pages[:number]]
    else:
        assert pages[number].ids == pages[number + 1].ids != []
        assert kind == "initial" or pages[number].next == pages[number - 1].next
    assert {name for page in pages for name in page.ids} >= expected
    assert client.cloud.audit.problems() == []


def test_a_link_to_the_strange_host(start: Start) -> None:
    """A link can lead to the strange host, whatever the form of links is; the page itself is right."""
    for links in ("absolute", "relative"):
        client, answer, after = struck_and_not(start, StrangeLink(), behaviour=Behaviour(links=links))
        assert answer.next.startswith(f"{client.cloud.strange_url}/v1/cdr_feed?")
        assert set(answer.ids) <= set(after.ids)


def test_faults_count_against_the_rate_unless_told(start: Start) -> None:
    """A request that a fault struck counts against the rate, or not if only those served count."""
    for limits, status in ((Limits(), 429), (Limits(counts="served"), 200)):
        client = start(faults=first(Refuse(status=500)), limits=limits)
        assert client.ask("feed", *BUSY).status == 500
        assert client.ask("feed", *BUSY).status == status


def test_faults_can_be_bound_to_a_time(start: Start) -> None:
    """A rule holds from its start until its end on the cloud's clock, skew included."""
    rule = Rule(fault=Refuse(status=503), since=NOW + MINUTE, until=NOW + 3 * MINUTE)
    client = start(faults=Faults(rules=(rule,)), skew=MINUTE)
    statuses = []
    for _ in range(3):
        statuses.append(client.ask("feed", *BUSY).status)
        client.tick()
    assert statuses == [503, 503, 200]


@pytest.mark.parametrize("fault", [Refuse(status=500), Reset(), Garbage(), Hang(seconds=0.1)])
def test_the_token_endpoint_fails_too(start: Start, fault: Any) -> None:
    """Faults can strike refreshes, and the next one works."""
    client = start(faults=first(fault, endpoint="token"))
    try:
        answer = client.refresh()
    except OSError:
        assert isinstance(fault, Reset | Hang)
    else:
        assert b"access_token" not in answer.body
    assert json.loads(client.refresh().body)["access_token"]
    assert [asked.fault for asked in client.cloud.audit] == [fault.name, ""]


# Outages and restarts


def refused(client: Client) -> bool:
    """Whether connections are refused."""
    try:
        client.ask("feed", *BUSY)
    except ConnectionRefusedError:
        return True
    return False


def test_an_outage_refuses_connections(start: Start) -> None:
    """From the start of an outage connections are refused at every region, until its end, at the same address."""
    outage = Outage(since=NOW + MINUTE, until=NOW + 2 * MINUTE)
    client = start(faults=Faults(outages=(outage,)))
    seen = []
    for step in (59.999, 0.001, 59.999, 0.001):
        client.cloud.clock.sleep(step)
        seen.append(refused(client))
    assert seen == [False, True, True, False]
    assert len(client.cloud.audit) == 2


def test_an_outage_resets_what_is_going_on(start: Start) -> None:
    """An answer that is under way when an outage begins is never finished, and the strange host stays."""
    outage = Outage(since=NOW + MINUTE, until=NOW + 2 * MINUTE)
    client = start(faults=Faults(outages=(outage,)))
    address = client.cloud.base_url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=5) as connection:
        connection.sendall(b"GET /v1/cdr_feed HTTP/1.1\r\nHost: here\r\n")
        time.sleep(0.05)
        client.cloud.clock.sleep(60)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert send(client.cloud.strange_url).status == 200


def test_an_outage_comes_by_itself_on_a_running_clock(deliveries: list[Delivery]) -> None:
    """On a running clock the listener goes and comes back without anybody asking."""
    outage = Outage(since=NOW + 10 * MINUTE, until=NOW + 40 * MINUTE)
    clock = RunningClock(NOW, speed=3600)
    with SimulatedCloud(deliveries, clock=clock, faults=Faults(outages=(outage,))) as cloud:
        client = Client(cloud)
        went = came = False
        give_up = time.monotonic() + 20
        while not (went and came) and time.monotonic() < give_up:
            try:
                send(cloud.base_url)
                came = went
            except OSError:
                went = True
            time.sleep(0.01)
        assert went
        assert came
        assert client.ask("feed", *BUSY).items


@pytest.mark.parametrize("survive", [True, False])
def test_links_may_or_may_not_survive_a_restart(start: Start, survive: bool) -> None:
    """After a restart a link from before still works, or gives 400 without being the client's fault; tokens work."""
    behaviour = Behaviour(links_survive=survive)
    client = start(limits=SMALL, behaviour=behaviour, faults=Faults(restarts=(NOW + MINUTE,)))
    link = client.ask("feed", *BUSY, max=50).next
    assert client.get(link).status == 200
    client.tick()
    assert client.get(link).status == (200 if survive else 400)
    assert client.ask("feed", *BUSY).status == 200
    assert client.cloud.audit.problems() == []


def test_a_restart_by_hand_resets_connections(start: Start) -> None:
    """A restart can be made at any time, and breaks the connections that are open."""
    client = start(behaviour=Behaviour(links_survive=False), limits=SMALL)
    link = client.ask("feed", *BUSY, max=50).next
    host, _, port = client.cloud.base_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /")
        time.sleep(0.05)
        client.cloud.restart()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert client.get(link).status == 400


# Mixes


def read_all(client: Client, begin: Any, end: Any) -> set[str]:
    """Read a window by the feed as a stubborn client does: follow links, and begin again after anything odd."""
    allowed = client.cloud.base_url
    for _ in range(400):
        ids: set[str] = set()
        url, seen = client.url("feed", begin, end, max=50), set[str]()
        while url:
            seen.add(url)
            client.tick()
            try:
                answer = client.get(url)
                if answer.status == 401:
                    client.token = json.loads(client.refresh().body)["access_token"]
                if answer.status != 200:
                    if answer.status == 404 and "No CDRs" in answer.message:
                        return ids
                    break
                ids |= {item["Report ID"] for item in json.loads(answer.body)["items"] if isinstance(item, dict)}
            except (OSError, http.client.HTTPException, ValueError, KeyError):
                break
            url = answer.next
            url = allowed + url if url.startswith("/") else url
            if url in seen or (url and not url.startswith(allowed)):
                break
        else:
            return ids - {""}
    pytest.fail("not read to its end in 400 tries")


@pytest.mark.parametrize("seed", range(6))
def test_random_mixes_are_survived_by_trying_again(start: Start, deliveries: list[Delivery], seed: int) -> None:
    """Under any random mix and behaviour, a client that begins again after each oddity gets all records in the end."""
    faults = Faults.random(seed, since=NOW, until=NOW + 6 * HOUR, hang=0.05)
    client = start(limits=SMALL, behaviour=Behaviour.random(seed), faults=faults)
    begin, end = START + 14 * HOUR, START + 18 * HOUR
    ids = read_all(client, begin, end)
    truth = client.cloud.truth()[ORG]
    expected = set()
    for one in deliveries:
        began = datetime.fromisoformat(json.loads(one.record)["Start time"])
        # In the window by either time; and there, in one version, before the reading began.
        if begin < began and one.report_time < end and one.at < NOW - HOUR and truth[one.report_id].versions == 1:
            expected.add(one.report_id)
    assert len(expected) > 50
    assert expected <= ids
    assert client.cloud.audit.leaks == []
    assert [problem for problem in client.cloud.audit.problems() if "rate" in problem or "strange" in problem] == []


def test_a_mix_does_the_same_each_time(start: Start) -> None:
    """The same script does the same to the same requests, fault by fault."""

    def names() -> list[tuple[str, int]]:
        faults = Faults.random(5, hang=0.01)
        client = start(faults=faults, clock=ManualClock(NOW))
        for _ in range(60):
            client.token = client.cloud.issue_token()
            with suppress(OSError, http.client.HTTPException):
                client.ask("feed", *BUSY)
            client.tick()
        return [(asked.fault, asked.status) for asked in client.cloud.audit]

    first_time = names()
    assert first_time == names()
    assert len({fault for fault, _ in first_time}) > 3
