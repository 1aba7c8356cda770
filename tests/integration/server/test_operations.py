"""What those who run the server look at: health and metrics."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

import ringback
from factories import OTHER_ORG, Clock, make_record, wire_record
from processes import serving
from rating import rate
from ringback.ledger import Quarantined
from ringback.server.app import create_app
from ringback.settings import Settings
from ringback.settings.billing import BillingSettings
from serving import ADDRESS, ALL_TIME, FEED, STREAM, Site, ask, in_process


def metrics_of(site: Site) -> dict[tuple[str, ...], float]:
    """All samples: the name and the values of its labels, in the order of the labels' names."""
    reply = site.ask("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


def test_health(site: Site) -> None:
    """Without a token, /healthz says that the server can read its store, and which version it is."""
    for method in ("GET", "HEAD"):
        assert site.ask("/healthz", method=method).status == 200
    assert site.ask("/healthz").json == {"status": "ok", "version": ringback.__version__}


def test_health_of_a_broken_store(site: Site) -> None:
    """When the database cannot be read, /healthz answers 503."""
    site.store.close()
    for path in site.store.directory.iterdir():
        path.write_bytes(b"This is not a database, whatever its name says." * 100)
    reply = site.ask("/healthz")
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    assert reply.message == "The store cannot be used at the moment. Try again later."


def test_requests_are_counted(site: Site) -> None:
    """Requests are counted by path, method and status; paths and methods that do not exist are counted together."""
    token = site.token()
    for path, query in ((FEED, ALL_TIME), (FEED, ALL_TIME), (STREAM, ALL_TIME), (FEED, {})):
        site.ask(path, token, query)
    site.ask(FEED, token, ALL_TIME, method="HEAD")
    site.ask(STREAM)
    for number in range(5):
        site.ask(f"/made-up-{number}", method="BREW")
    found = metrics_of(site)
    counts = {key[1:]: value for key, value in found.items() if key[0] == "ringback_http_requests_total"}
    assert counts == {
        ("GET", FEED, "200"): 2,
        ("GET", FEED, "400"): 1,
        ("HEAD", FEED, "200"): 1,
        ("GET", STREAM, "200"): 1,
        ("GET", STREAM, "401"): 1,
        ("other", "other", "404"): 5,
    }
    assert found["ringback_http_request_seconds_count", FEED] == 4
    assert metrics_of(site)["ringback_http_requests_total", "GET", "/metrics", "200"] == 1


def test_the_ledger_is_measured(site: Site, clock: Clock) -> None:
    """The metrics tell what the ledger has over all orgs, when the newest record came, and the size of the store."""
    before = metrics_of(site)
    names = ("orgs", "ledger_records", "ledger_revisions", "ledger_quarantined", "ledger_last_stored_seconds")
    assert [before[f"ringback_{name}",] for name in names] == [0] * 5
    site.append(wire_record("a"), wire_record("b"), wire_record("a", org=OTHER_ORG))
    clock.now += 1500
    site.ledger.append([make_record("a", User="revised")], [Quarantined(b"17", "not an object", "test")])
    found = metrics_of(site)
    assert [found[f"ringback_{name}",] for name in names[1:]] == [3, 1, 1, clock.now / 1000]
    assert found["ringback_store_bytes",] == pytest.approx(site.store.size)


def test_it_is_told_how_far_behind_the_call_history_is(site: Site) -> None:
    """The metrics tell how many records the user call history has still to read; none when it is up to date."""
    behind = ("ringback_projection_behind_records", "sessions")
    site.append(wire_record("a"), wire_record("b"), wire_record("a", org=OTHER_ORG))
    assert metrics_of(site)[behind] == 3
    site.project()
    assert metrics_of(site)[behind] == 0


def test_it_is_told_how_far_behind_the_costs_are(site: Site) -> None:
    """With a tariff, the metrics tell how many records are still to be rated; without one there is nothing to rate."""
    site.append(wire_record("a"))
    assert ("ringback_projection_behind_records", "costs") not in metrics_of(site)
    settings = Settings(billing=BillingSettings(currency="EUR", country="DE", rates=(rate("49", "0.1"),)))

    async def metrics() -> str:
        app = create_app(site.store, settings, site.clock)
        async with httpx2.AsyncClient(transport=in_process(app), base_url=ADDRESS) as client:
            return (await ask(client, "/metrics")).body.decode()

    assert 'ringback_projection_behind_records{projection="costs"} 1.0' in asyncio.run(metrics())


def test_metrics_name_no_org(site: Site) -> None:
    """The metrics, which need no token, name no org and nothing of its records."""
    site.append(wire_record("a", org=OTHER_ORG, location="Atlantis"))
    site.ask(FEED, site.token(org=OTHER_ORG), {**ALL_TIME, "locations": "Atlantis"})
    text = site.ask("/metrics").body.decode()
    assert str(OTHER_ORG) not in text
    assert OTHER_ORG.hex not in text
    assert "Atlantis" not in text


def test_web_processes_count_together(directory: Path) -> None:
    """With several web processes, /metrics tells the requests of all, whichever of them is asked."""
    with serving(directory, "--workers", "2") as server:
        for _ in range(40):
            with httpx2.Client(base_url=server.address) as client:  # a new connection, so any process
                assert client.get(FEED).status_code == 401
        text = httpx2.get(f"{server.address}/metrics").text
    found = {
        sample.labels["path"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "ringback_http_requests_total" and sample.labels["status"] == "401"
    }
    assert found == {FEED: 40}
