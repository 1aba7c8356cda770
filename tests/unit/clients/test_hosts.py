"""The token goes to hosts that are known, and nowhere else."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2
import pytest

from factories import NOON, wire_record
from ringback.cdr import KNOWN_HOSTS, UntrustedAddress, UsageError, WrongRegion
from unit.clients.cloud import EUROPE, HOST, HOUR, Way, World, ids, in_turn, no_pace, page, refusal

STRANGE = [
    "https://evil.example/v1/cdr_feed?page=2",
    "//evil.example/v1/cdr_feed?page=2",
    "https://analytics-calling.webexapis.com.evil.example/v1/cdr_feed",
    "https://analytics-calling.webexapis.com@evil.example/v1/cdr_feed",
    "https://evil.example\\@analytics-calling.webexapis.com/v1/cdr_feed",
    "https://analytics-calling.webexapis.com:8443/v1/cdr_feed",
    "http://analytics-calling.webexapis.com/v1/cdr_feed",
    "https://analytics-calling-xx.webexapis.com/v1/cdr_feed",
    "ftp://analytics-calling.webexapis.com/v1/cdr_feed",
    "https://[broken/",
]


def hosts_of(world: World) -> list[str]:
    """Where requests went."""
    return [request.url.host for request in world.requests]


@pytest.mark.parametrize(
    "message",
    [
        f'The request should go to URL: "https://{EUROPE}"',
        f"Wrong region. Please use {EUROPE}.",
        f"please use HTTPS://{EUROPE.upper()}/v1/cdr_feed",
        f"Not analytics-calling.webexapis.com but {EUROPE}",
        f"analytics-calling-eu.webexapis.com.evil.example evil-{EUROPE} {EUROPE}",
    ],
)
def test_another_region(way: Way, world: World, message: str) -> None:
    """After 451 the host that the body names is asked, in whatever words it does."""
    assert ids(way.read(in_turn(refusal(451, message), page(wire_record("r1"))), session=no_pace())) == ["r1"]
    assert hosts_of(world) == [urlsplit(HOST).hostname, EUROPE]
    assert world.requests[0].url.query == world.requests[1].url.query


def test_the_region_is_remembered(way: Way, world: World) -> None:
    """Later slices and later windows of the session go to the right region at once."""
    serve = in_turn(refusal(451, EUROPE), page(), page(), page())
    way.read_each(serve, [((NOON - 20 * HOUR, NOON), {}), ((NOON - HOUR, NOON), {})], session=no_pace())
    assert hosts_of(world)[1:] == [EUROPE] * 3


@pytest.mark.parametrize(
    "message",
    ["", "Please use evil.example", f"Please use {EUROPE}.evil.example", f"Please use x.{EUROPE}", f"use x{EUROPE}"],
)
def test_unknown_hosts_are_not_asked(way: Way, world: World, message: str) -> None:
    """A 451 that names no known host is an error; what it names is not asked."""
    with pytest.raises(WrongRegion):
        way.read(in_turn(refusal(451, message)), session=no_pace())


def test_regions_that_point_at_each_other(way: Way, world: World) -> None:
    """Each region is asked once, so regions that point at each other end in an error."""

    def serve(request: httpx2.Request) -> httpx2.Response:
        return refusal(451, next(host for host in KNOWN_HOSTS[:2] if host != request.url.host))

    with pytest.raises(WrongRegion):
        way.read(serve, session=no_pace())
    assert hosts_of(world) == list(KNOWN_HOSTS[:2])


def test_known_hosts_can_be_set(way: Way, world: World) -> None:
    """Another cloud's hosts can be made known instead."""
    serve = in_turn(refusal(451, "go to cdr.other.example:8443"), page(wire_record("r1")))
    options = {"known_hosts": ("https://cdr.other.example:8443",)}
    assert ids(way.read(serve, host="cdr.one.example", session=no_pace(), options=options)) == ["r1"]
    assert hosts_of(world) == ["cdr.one.example", "cdr.other.example"]


@pytest.mark.parametrize("link", STRANGE)
def test_strange_links_are_not_followed(way: Way, world: World, link: str) -> None:
    """A next link to another host, port or scheme is an error, and no request goes there."""
    with pytest.raises(UntrustedAddress):
        way.read(in_turn(page(wire_record(), link=link)), session=no_pace())


def test_links_to_known_hosts_are_followed(way: Way, world: World) -> None:
    """A next link may lead to another host of the same cloud."""
    serve = in_turn(page(wire_record("r1"), link=f"https://{EUROPE}/2"), page(wire_record("r2"), link="/3"), page())
    assert ids(way.read(serve, session=no_pace())) == ["r1", "r2"]
    assert hosts_of(world)[1:] == [EUROPE] * 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("location", ["https://evil.example/", "/elsewhere"])
def test_redirects_are_not_followed(way: Way, world: World, status: int, location: str) -> None:
    """A redirect is an error that says where it leads; the token does not go along."""
    with pytest.raises(UntrustedAddress, match="redirects.*" + location):
        way.read(in_turn(httpx2.Response(status, headers={"location": location})), session=no_pace())


@pytest.mark.parametrize(
    ("host", "first"),
    [
        ("cdr.example.com", "https://cdr.example.com/v1/cdr_feed"),
        ("cdr.example.com:8443", "https://cdr.example.com:8443/v1/cdr_feed"),
        ("https://cdr.example.com/prefix/", "https://cdr.example.com/prefix/v1/cdr_feed"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/cdr_feed"),
        ("http://[::1]:8080", "http://[::1]:8080/v1/cdr_feed"),
        ("http://localhost:8080", "http://localhost:8080/v1/cdr_feed"),
    ],
)
def test_forms_of_hosts(way: Way, world: World, host: str, first: str) -> None:
    """A host is a name for https, or an address; without encryption the token goes only to this machine."""
    way.read(lambda _: page(), host=host)
    assert world.urls[0].partition("?")[0] == first


@pytest.mark.parametrize(
    "host",
    [
        "http://cdr.example.com",
        "http://127.0.0.1.evil.example",
        "ftp://cdr.example.com",
        "https://a@b",
        "https://ann:secret@cdr.example.com",
        "ann:secret@cdr.example.com:port",
        "https://",
        "a/?x",
    ],
)
def test_hosts_that_are_refused(way: Way, world: World, host: str) -> None:
    """Http to another machine, and what is no address, is refused before anything is sent; no password is shown."""
    with pytest.raises(UsageError) as caught:
        way.read(lambda _: page(), host=host)
    assert "secret" not in str(caught.value)
    assert world.requests == []


def test_http_can_be_allowed(way: Way, world: World) -> None:
    """Who knows that the way to a host is safe can allow http to it."""
    way.read(lambda _: page(), host="http://cdr.example.com", options={"allow_http": True})
    assert world.urls[0].startswith("http://cdr.example.com/")
