"""`[server]`, `[portsip]` and `[orgs]`: what the server does."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from ringback.settings.common import Region, check_durations, duration


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[server]`: how the server listens and answers.

    Attributes:
        host: address to listen on. Only this machine can reach the default.
        port: TCP port; 0 takes a free one.
        workers: web processes; one for each core is the most that helps.
        public_url: how clients reach the server, such as `https://cdr.example.com`, if it is behind a proxy. Links to
            next pages begin with it. Without it they begin with what the client asked for.
        region: the region this server answers for; an organization in another one gets 451.
        feed_time: what the window of `cdr_feed` selects by. Public sources disagree; see `docs/cdr-api.md`.
        shared_rate: count feed and stream requests of a token together. The cloud does not document whether it does.
        home_country: where telephone numbers that name no country are at home, such as `US` (ISO 3166-1), so that they
            can be compared with others.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    public_url: str = ""
    region: Region = "us"
    feed_time: Literal["report", "start"] = "report"
    shared_rate: bool = False
    home_country: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError("a port is between 0 and 65535")
        if not 1 <= self.workers <= 64:
            raise ValueError("there can be 1 to 64 workers")
        if self.public_url and not self.public_url.startswith(("http://", "https://")):
            raise ValueError("public_url begins with http:// or https://")
        if self.home_country and not re.fullmatch("[A-Z]{2}", self.home_country):
            raise ValueError("home_country is two capital letters, such as US")


class OrgSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[orgs."<uuid>"]`: what holds for one organization.

    Attributes:
        region: where its records live; None for this server's own region.
    """

    region: Region | None = None


class PortsipSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[portsip]`: the PortSIP dialect, the paths under `/api` and `/wsi`.

    Attributes:
        enabled: whether it is served. Its tables take about twice the space of the records themselves.
        access_limit: requests that are answered in a minute, of all clients together. The documents of PortSIP name
            1,000, 5,000 and 10,000, by version.
        access_lifetime: how long an access token from a login is valid.
        refresh_lifetime: how long a refresh token is valid.
    """

    enabled: bool = True
    access_limit: int = 10_000
    access_lifetime: str = "30m"
    refresh_lifetime: str = "30d"

    def __post_init__(self) -> None:
        if not 1 <= self.access_limit <= 10_000_000:
            raise ValueError("access_limit is between 1 and 10000000")
        lifetimes = ("access_lifetime", "refresh_lifetime")
        check_durations(self, lifetimes)
        for name in lifetimes:
            if not duration(getattr(self, name)):
                raise ValueError(f"{name} is longer than nothing")
