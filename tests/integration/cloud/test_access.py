"""Rates, tokens and regions of the simulated cloud, and what its audit tells of those who break them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from integration.cloud.asking import NOW, ORG, START, Client, Start, send, wire
from ringback.simulator.cloud import REGIONS, Behaviour, Limits, ManualClock, RunningClock
from ringback.simulator.cloud.filler import filler

HOUR = timedelta(hours=1)
OTHER = UUID("22222222-2222-4222-8222-222222222222")


def first_page(client: Client, endpoint: str = "stream", token: str = "") -> int:
    """The status of a first page, of a window that is always good."""
    url = client.url(endpoint, NOW - 3 * HOUR, NOW - 2 * HOUR)
    return send(url, token=token or client.token).status


def link_to_more(client: Client) -> str:
    """A link, got from a window of many records."""
    begin = START - timedelta(days=2)  # before the traffic
    client.cloud.add_rows(ORG, filler(ORG, start=begin, end=begin + HOUR, records=600))
    link = client.ask("feed", begin, begin + HOUR, max=500).next
    assert link
    return link


def test_one_first_page_a_minute(start: Start) -> None:
    """A second first page is refused until exactly 60 seconds after the one before, and that is told by Retry-After."""
    client = start()
    clock = client.cloud.clock
    assert first_page(client) == 200
    clock.sleep(20.5)
    refused = client.ask("stream", NOW - 3 * HOUR, NOW - 2 * HOUR)
    assert (refused.status, refused.headers["retry-after"]) == (429, "40")
    clock.sleep(39.499)
    assert first_page(client) == 429
    clock.sleep(0.001)
    assert first_page(client) == 200
    assert [asked.violation for asked in client.cloud.audit] == ["", "rate", "rate", ""]


def test_ten_next_pages_a_minute(start: Start) -> None:
    """Ten next pages are answered in any 60 seconds, besides the first; the eleventh comes when the first is past."""
    client = start()
    link = link_to_more(client)
    statuses = []
    for _ in range(10):
        statuses.append(client.get(link).status)
        client.cloud.clock.sleep(2)
    assert statuses == [200] * 10
    assert client.get(link).status == 429
    client.cloud.clock.sleep(39.999)
    assert client.get(link).headers["retry-after"] == "1"
    client.cloud.clock.sleep(0.001)
    assert client.get(link).status == 200
    assert client.get(link).status == 429
    client.cloud.clock.sleep(2)
    assert client.get(link).status == 200


def test_feed_and_stream_share_a_rate_unless_told(start: Start) -> None:
    """Feed and stream are counted together, or apart if so wished; two accounts are always apart."""
    together = start()
    assert [first_page(together, endpoint) for endpoint in ("feed", "stream")] == [200, 429]
    other = together.cloud.issue_token(together.cloud.add_account(ORG))
    assert [first_page(together, endpoint, other) for endpoint in ("feed", "stream")] == [200, 429]
    apart = start(limits=Limits(shared=False))
    assert [first_page(apart, endpoint) for endpoint in ("feed", "stream", "feed")] == [200, 200, 429]
    assert apart.cloud.audit.problems()[-1] == "app-1: 2 initial requests in a period, 1 allowed"


def test_a_new_token_brings_no_new_rate(start: Start) -> None:
    """The rate is that of the user: after a refresh it goes on as it was."""
    client = start()
    assert first_page(client) == 200
    token = json.loads(client.refresh().body)["access_token"]
    assert first_page(client, token=token) == 429


@pytest.mark.parametrize(
    ("counts", "statuses"),
    [("reached", [200, 429, 200, 400, 429]), ("all", [200, 429, 429, 429, 429])],
)
def test_what_counts_against_the_rate(start: Start, counts: Any, statuses: list[int]) -> None:
    """Refused windows count; requests that the rate refuses do so only if so wished: then who hurries never gets in."""
    client = start(limits=Limits(counts=counts))
    got = [first_page(client)]
    client.cloud.clock.sleep(40)
    got.append(first_page(client))
    client.cloud.clock.sleep(20)
    got.append(first_page(client))
    client.cloud.clock.sleep(60 if counts == "reached" else 30)
    got.append(client.ask("stream", NOW, NOW - HOUR).status)
    got.append(first_page(client))
    assert got == statuses


@pytest.mark.parametrize(
    ("behaviour", "header"),
    [
        (Behaviour(retry_after="seconds"), "46"),
        (Behaviour(retry_after="decimal"), "45.75"),
        (Behaviour(retry_after="date"), "Tue, 03 Mar 2026 00:01:00 GMT"),
        (Behaviour(retry_after="absent"), None),
    ],
)
def test_retry_after_has_any_form(start: Start, behaviour: Behaviour, header: str | None) -> None:
    """Retry-After is a whole or decimal number, a date, or not there."""
    client = start(behaviour=behaviour)
    assert first_page(client) == 200
    client.cloud.clock.sleep(14.25)
    assert client.ask("stream", NOW - 3 * HOUR, NOW - 2 * HOUR).headers.get("retry-after") == header


def test_retry_after_can_be_told_in_seconds_of_the_machine(start: Start) -> None:
    """On a fast clock the time to wait can be told in seconds of the machine, where a minute is less than one."""
    client = start(clock=RunningClock(NOW, speed=120), behaviour=Behaviour(wait_in="machine", retry_after="decimal"))
    assert first_page(client) == 200
    answer = client.ask("stream", NOW - 3 * HOUR, NOW - 2 * HOUR)
    assert answer.status == 429
    assert 0 < float(answer.headers["retry-after"]) <= 0.5


def test_the_audit_works_out_the_rate_by_itself(start: Start) -> None:
    """The audit tells the busiest minute of all requests, refused ones included, and says that it was too busy."""
    client = start()
    for pause in (30, 29, 1, 60, 0):
        first_page(client)
        client.cloud.clock.sleep(pause)
    audit = client.cloud.audit
    assert audit.busiest("app-1", "initial") == 3
    assert audit.busiest("app-1", "page") == 0
    problems = audit.problems()
    assert sum(": rate" in problem for problem in problems) == 2
    assert problems[-1] == "app-1: 3 initial requests in a period, 1 allowed"


def test_a_client_that_keeps_to_everything_has_no_problems(start: Start) -> None:
    """Who asks as documented finds nothing in the audit, and each request noted with its window and its records."""
    client = start()
    page = client.ask("stream", NOW - 3 * HOUR, NOW - HOUR)
    (asked,) = client.cloud.audit
    assert client.cloud.audit.problems() == []
    assert (asked.endpoint, asked.kind, asked.account, asked.token) == ("stream", "initial", "app-1", "app-1#1")
    assert (asked.org, asked.start, asked.end, asked.at) == (ORG, NOW - 3 * HOUR, NOW - HOUR, NOW)
    assert (asked.status, asked.records) == (200, len(page.items))
    assert client.token not in repr(asked)
    assert client.cloud.audit.tokens_at() == {client.cloud.base_url.removeprefix("http://"): {"app-1#1"}}


# Tokens


def test_an_app_gets_access_tokens_by_refresh(start: Start) -> None:
    """The client id, secret and refresh token give an access token in the form of the Webex OAuth endpoint."""
    client = start()
    told = json.loads(client.refresh().body)
    assert told["expires_in"] == 14 * 24 * 3600
    assert told["token_type"] == "Bearer"
    assert told["refresh_token"] == client.cloud.accounts[0].refresh_token
    assert first_page(client, token=told["access_token"]) == 200
    assert client.cloud.audit.select(endpoint="token", account="app-1", status=200)


@pytest.mark.parametrize("name", ["grant_type", "client_id", "client_secret", "refresh_token"])
def test_wrong_credentials_get_no_token(start: Start, name: str) -> None:
    """Each part of the credentials must be right."""
    client = start()
    answer = client.refresh(**{name: "wrong"})
    assert answer.status == 400
    assert "access_token" not in answer.body.decode()
    assert [asked.violation for asked in client.cloud.audit] == ["token"]


def test_a_token_ends_when_its_time_is_over(start: Start) -> None:
    """An access token is refused from the end of its lifetime on, also between two pages; the link goes on working."""
    client = start(behaviour=Behaviour(token_lifetime=timedelta(minutes=30)))
    client.token = json.loads(client.refresh().body)["access_token"]
    link = link_to_more(client)
    client.cloud.clock.sleep(1799.999)
    assert client.get(link).status == 200
    client.cloud.clock.sleep(0.001)
    answer = client.get(link)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    client.token = json.loads(client.refresh().body)["access_token"]
    assert len(client.get(link).items) == 100
    assert client.cloud.audit.problems() == []


def test_a_refresh_may_end_the_tokens_from_before(start: Start) -> None:
    """Older access tokens go on working after a refresh, unless the cloud is told to end them."""
    client = start()
    client.refresh()
    assert first_page(client) == 200
    client = start(behaviour=Behaviour(refresh_revokes=True))
    client.refresh()
    assert first_page(client) == 401


def test_tokens_can_be_ended(start: Start) -> None:
    """All tokens of an account can be ended at once; new ones work."""
    client = start()
    client.cloud.revoke_tokens(client.cloud.account(ORG))
    assert first_page(client) == 401
    client.token = client.cloud.issue_token(client.cloud.account(ORG))
    assert first_page(client) == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer made-up", "Basic {token}", "{token}"])
def test_requests_without_a_good_token_are_refused(start: Start, authorization: str) -> None:
    """Without a token, with one made up, or with another scheme, the answer is 401 and the audit has it."""
    client = start()
    url = client.url("stream", NOW - 2 * HOUR, NOW - HOUR)
    assert send(url, authorization=authorization.format(token=client.token)).status == 401
    assert [asked.violation for asked in client.cloud.audit] == ["token"]


def test_each_account_reads_its_own_org(start: Start) -> None:
    """Two orgs side by side: a token gives the records of its org only, at a rate of its own."""
    client = start(orgs=[ORG, OTHER])
    client.cloud.add_rows(OTHER, filler(OTHER, start=NOW - 3 * HOUR, end=NOW - 2 * HOUR, records=7))
    token = client.cloud.issue_token(client.cloud.account(OTHER))
    assert first_page(client) == 200
    page = send(client.url("stream", NOW - 4 * HOUR, NOW - 2 * HOUR), token=token)
    assert {item["Org UUID"] for item in page.items} == {str(OTHER)}
    assert client.cloud.truth().keys() == {ORG, OTHER}
    with pytest.raises(LookupError, match="no org"):
        client.cloud.account(UUID(int=0))


# Regions


@pytest.mark.parametrize("wording", ["should_go_to", "please_use"])
def test_the_wrong_region_names_the_right_one(start: Start, wording: Any) -> None:
    """An org of another region gets 451 with the right address in one of two wordings; that address answers."""
    client = start(regions={ORG: "eu"}, behaviour=Behaviour(wording=wording))
    answer = client.ask("stream", NOW - 3 * HOUR, NOW - 2 * HOUR)
    home = client.cloud.url_of("eu")
    assert answer.status == 451
    named = f'should go to URL: "{home}"' if wording == "should_go_to" else f"Please use {home[7:]}"
    assert answer.message.endswith(named)
    client.tick()
    url = client.url("stream", NOW - 3 * HOUR, NOW - 2 * HOUR).replace(client.cloud.base_url, home)
    assert client.get(url).status == 200
    assert client.cloud.audit.tokens_at().keys() == {home[7:], client.cloud.base_url[7:]}


def test_an_org_can_move(start: Start) -> None:
    """An org that moves is answered at its new region from then on, and links of the old one still work there."""
    client = start()
    link = link_to_more(client)
    client.cloud.move(ORG, "au")
    assert client.get(link).status == 451
    moved = link.replace(client.cloud.base_url, client.cloud.url_of("au"))
    assert len(client.get(moved).items) == 100
    assert len({client.cloud.url_of(region) for region in (*REGIONS, "strange")}) == 6


def test_the_strange_host_notes_every_secret(start: Start) -> None:
    """Whatever secret is sent to the strange host, in a header, a link or a form, the audit names it as a leak."""
    client = start()
    account = client.cloud.accounts[0]
    strange = client.cloud.strange_url
    answer = send(f"{strange}/v1/cdr_feed")
    assert answer.items == []
    assert client.cloud.audit.leaks == []
    send(f"{strange}/v1/cdr_feed", token=client.token)
    send(f"{strange}/?token={client.token}")
    send(f"{strange}/v1/access_token", method="POST", body=f"client_secret={account.client_secret}")
    assert [asked.secrets for asked in client.cloud.audit.strange] == [
        (),
        ("app-1#1",),
        ("app-1#1",),
        ("app-1 client secret",),
    ]
    assert len(client.cloud.audit.leaks) == 3
    assert client.cloud.audit.problems()[0] == "request 2: the strange host got app-1#1"


def test_other_paths_and_methods_are_not_there(start: Start) -> None:
    """Only the three documented paths answer, each to its own method."""
    client = start()
    base = client.cloud.base_url
    assert client.get(f"{base}/v1/people").status == 404
    assert client.get(f"{base}/v1/cdr_feed", method="POST").status == 405
    assert client.get(f"{base}/v1/access_token").status == 405
    assert client.get(f"{base}/v1/cdr_feed?startTime=%FF&endTime={wire(NOW)}").status == 400


def test_the_same_seed_gives_the_same_secrets(start: Start) -> None:
    """Credentials depend on the seed alone, so that a cloud that is started again is known to its clients."""
    first, again, other = (start(seed=seed, clock=ManualClock(NOW)) for seed in (1, 1, 2))
    assert first.cloud.accounts == again.cloud.accounts
    assert first.token == again.token != other.token
