"""The limit that all clients have together."""

from __future__ import annotations

from copy import deepcopy

import pytest

from factories import Clock
from integration.server.portsip.logs import LOGS, administrator, error
from ringback.server.portsip.gateway import AccessLimit
from ringback.settings import PortsipSettings, ServerSettings
from serving import ADDRESS, Site, SiteMaker


@pytest.fixture
def limited(make_site: SiteMaker) -> Site:
    """A site that answers five requests a minute."""
    return make_site(portsip=PortsipSettings(access_limit=5))


def test_more_than_the_limit_is_refused(limited: Site) -> None:
    """After five requests of whatever kind, the sixth is a 429 with the seconds to wait; then one is answered again."""
    token = administrator(limited)
    statuses = [limited.ask(path, given).status for path, given in ((LOGS, token), (LOGS, None), ("/api/x", token)) * 2]
    assert statuses == [200, 401, 404, 200, 401, 429]
    limited.clock.now += 20_000
    reply = limited.ask(LOGS)
    error(reply, 429, "TOO_MANY_REQUESTS")
    wait = int(reply.headers["retry-after"])
    assert 1 <= wait <= 40
    assert limited.ask(LOGS, token, method="HEAD").status == 429
    limited.clock.now += wait * 1000
    assert limited.ask(LOGS, token).status == 200


def test_a_refusal_can_be_read_by_pages_of_other_origins(limited: Site) -> None:
    """The 429 has the headers that a browser needs to show it; what a browser asks before it asks is not counted."""
    preflight = {"origin": "https://phone.example", "access-control-request-method": "GET"}
    for _ in range(10):
        assert limited.ask(LOGS, method="OPTIONS", headers=preflight).status == 204
    for _ in range(5):
        limited.ask(LOGS)
    reply = limited.ask(LOGS, headers={"origin": "https://phone.example"})
    assert reply.status == 429
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "Retry-After" in reply.headers["access-control-expose-headers"]
    assert reply.headers["trackingid"]


def test_other_paths_are_not_limited(limited: Site) -> None:
    """What is not below /api is answered, however often that was asked."""
    for _ in range(9):
        limited.ask(LOGS)
        assert limited.ask("/healthz").status == 200
    assert limited.ask("/apis").status == 404


def test_web_processes_share_the_limit(make_site: SiteMaker) -> None:
    """Each of two web processes takes half of the limit; with more processes than requests, each takes one."""
    half = make_site(ServerSettings(workers=2), portsip=PortsipSettings(access_limit=5))
    assert [half.ask(LOGS).status for _ in range(3)] == [401, 401, 429]
    one = make_site(ServerSettings(workers=4), portsip=PortsipSettings(access_limit=1))
    assert [one.ask(LOGS).status for _ in range(2)] == [401, 429]


@pytest.mark.parametrize("path", [f"{ADDRESS}//api/calllogs", "/%61pi/calllogs", "/api//calllogs", "/api/calllogs/"])
def test_no_spelling_goes_around_the_limit(limited: Site, path: str) -> None:
    """A path that is written in another way is counted, and its errors have the same form."""
    for _ in range(5):
        error(limited.ask(path), 401, "UNAUTHORIZED")
    error(limited.ask(path), 429, "TOO_MANY_REQUESTS")


def test_any_minute_has_no_more() -> None:
    """In every 60 seconds no more requests are taken than allowed, to the second; waiting as told is enough."""
    clock = Clock(now=1_772_500_000_400)
    limit = AccessLimit(3, clock)
    taken = []
    for step in (0, 100, 30_000, 29_000, 1_000, 600, 29_300, 700, 60_000):
        clock.now += step
        later_clock, later = deepcopy((clock, limit))
        if wait := limit.take():
            assert 1 <= wait <= 60
            later_clock.now += wait * 1000
            assert later.take() == 0
        else:
            taken.append(clock.now)
    assert all(fourth - first > 59_000 for first, fourth in zip(taken, taken[3:], strict=False))
    assert len(taken) >= 6


def test_a_clock_that_is_set_back() -> None:
    """If the clock is set back by hours, nobody has to wait for hours."""
    clock = Clock()
    limit = AccessLimit(1, clock)
    assert limit.take() == 0
    assert limit.take() == 60
    clock.now -= 7_200_000
    assert limit.take() == 0
