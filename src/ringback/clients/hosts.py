"""Which hosts the token may be sent to, and the one that an organization's data is at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx2

from ringback.clients.errors import UntrustedAddress, UsageError

DEFAULT_HOST = "analytics-calling.webexapis.com"

KNOWN_HOSTS = (
    DEFAULT_HOST,
    "analytics-calling-eu.webexapis.com",
    "analytics-calling-in.webexapis.com",
    "analytics-calling-au.webexapis.com",
    "analytics-calling-gov.webexapis.com",
)
"""United States and Canada, Europe, India, Australia, Government; see "Reports: Detailed Call History"."""

Origin: TypeAlias = tuple[str, str, int | None]


class Hosts:
    """The hosts of one session. It remembers where a 451 has sent it.

    Args:
        known: hosts that a 451 or a link may name, as names (for https) or addresses.
        allow_http: whether the token may be sent without encryption to other machines.
    """

    def __init__(self, known: Iterable[str] = KNOWN_HOSTS, *, allow_http: bool = False) -> None:
        self._allow_http = allow_http
        self._known = {_pattern(address): self.base(address) for address in known}
        self._moved: dict[Origin, httpx2.URL] = {}

    def base(self, host: str) -> httpx2.URL:
        """The address that requests to a host begin with.

        Args:
            host: a name with an optional port, for https, or an address with http or https and an optional path.

        Raises:
            UsageError: it is no such address, or http to another machine without leave.
        """
        if "@" in host:  # what stands before it is secret, and errors are logged
            raise UsageError(f"a host has no user and password before it; name it as {DEFAULT_HOST}")
        try:
            url = httpx2.URL(host if "://" in host else f"https://{host}")
        except httpx2.InvalidURL as error:
            raise UsageError(f"the host {host!r} is no host: {error}") from error
        if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
            raise UsageError(
                f"the host {host!r} must be a name such as {DEFAULT_HOST}, or an address such as http://127.0.0.1:8080"
            )
        if url.scheme == "http" and not (self._allow_http or is_loopback(url.host)):
            raise UsageError(
                f"{host} would get the token without encryption. Use https, or set allow_http in the options if the "
                "way to that host is safe"
            )
        return url

    def current(self, base: httpx2.URL) -> httpx2.URL:
        """Where a base address is really at, after what was learned from 451."""
        return self._moved.get(origin(base), base)

    def move(self, url: httpx2.URL, body: str, asked: set[Origin]) -> httpx2.URL | None:
        """The same URL at the host that the body of a 451 names, or None if it names none.

        The documented text has changed over time, so the whole body is searched for the hosts we know. No other host is
        ever taken from it.

        Args:
            asked: origins that the request was made to; the new one is added.
        """
        named = [(found.start(), base) for pattern, base in self._known.items() if (found := pattern.search(body))]
        for _, base in sorted(named, key=lambda pair: pair[0]):
            if origin(base) not in asked:
                for old in asked:
                    self._moved[old] = base
                asked.add(origin(base))
                return url.copy_with(scheme=base.scheme, host=base.host, port=base.port)
        return None

    def follow(self, url: httpx2.URL, target: str) -> httpx2.URL:
        """The URL that a link of an answer leads to.

        Args:
            url: of the request that was answered.
            target: absolute or relative.

        Raises:
            UntrustedAddress: it is at another host than the request was, and not at a known one.
        """
        try:
            joined = url.join(target)
        except httpx2.InvalidURL as error:
            raise UntrustedAddress(f"the server's link to the next page is no address: {error}") from error
        trusted = {origin(url)} | {origin(base) for base in self._known.values()}
        if origin(joined) not in trusted or joined.userinfo:
            raise UntrustedAddress(
                f"the server at {url.host} gave a link to {joined.scheme}://{joined.netloc.decode()}, "
                "which is not a host that the token may be sent to. It was not followed"
            )
        return joined


def origin(url: httpx2.URL) -> Origin:
    """What decides who gets a request."""
    return url.scheme, url.host, url.port


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _pattern(address: str) -> re.Pattern[str]:
    name = urlsplit(address).netloc if "://" in address else address
    return re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", re.IGNORECASE | re.ASCII)
