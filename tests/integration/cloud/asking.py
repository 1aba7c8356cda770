"""A client that does nothing by itself, to ask the simulated cloud with, and an org with a day of traffic."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from ringback.simulator import Rates, Simulation
from ringback.simulator.cloud import SimulatedCloud

START = datetime(2026, 3, 2, tzinfo=UTC)
"""When the traffic begins."""
NOW = START + timedelta(days=1)
"""What the clock shows at first, unless a test says otherwise: all that was not late has been inserted."""

SIMULATION = Simulation(
    seed=11,
    start=START,
    end=NOW,
    calls_per_day=400,
    users=100,
    rates=Rates(late=0.1, redelivered=0.1, revised=0.1),
)
ORG = SIMULATION.orgs[0].uuid


class Answer(msgspec.Struct, frozen=True):
    """An answer that came whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def items(self) -> list[Any]:
        """The items of the page."""
        assert self.status == 200, (self.status, self.body[:300])
        items: list[Any] = json.loads(self.body)["items"]
        return items

    @property
    def ids(self) -> list[str]:
        """The Report IDs of the page."""
        return [item["Report ID"] for item in self.items]

    @property
    def message(self) -> str:
        """The message of the error."""
        message: str = json.loads(self.body)["message"]
        return message

    @property
    def next(self) -> str:
        """The target of the link, "" if there is none."""
        return self.headers.get("link", "").partition(";")[0].strip("<>")


def wire(moment: datetime) -> str:
    """A time as queries have it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def send(
    url: str, *, method: str = "GET", token: str = "", body: str = "", timeout: float = 10.0, **headers: str
) -> Answer:
    """One request over a connection of its own; errors of the connection are raised."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        connection.request(method, f"{parts.path}?{parts.query}".rstrip("?"), body or None, headers)
        with connection.getresponse() as response:
            body_ = response.read()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body_)
    finally:
        connection.close()


class Client:
    """Asks a cloud with a token of its first account."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self.cloud = cloud
        self.token = cloud.issue_token()

    def url(self, endpoint: str, start: datetime, end: datetime, **parameters: object) -> str:
        """The address of a first page."""
        query = urlencode({"startTime": wire(start), "endTime": wire(end), **parameters}, quote_via=quote)
        return f"{self.cloud.base_url}/v1/cdr_{endpoint}?{query}"

    def get(self, url: str, **options: Any) -> Answer:
        """The answer to a request for a URL."""
        return send(url, token=self.token, **options)

    def ask(self, endpoint: str, start: datetime, end: datetime, **parameters: object) -> Answer:
        """A first page."""
        return self.get(self.url(endpoint, start, end, **parameters))

    def pages(self, endpoint: str, start: datetime, end: datetime, **parameters: object) -> list[Answer]:
        """All pages of a window, a minute between each, so that no rate is in the way."""
        pages = [self.ask(endpoint, start, end, **parameters)]
        while pages[-1].next:
            self.tick()
            pages.append(self.get(pages[-1].next))
        self.tick()
        return pages

    def tick(self) -> None:
        """Let a minute go by on a clock by hand."""
        self.cloud.clock.sleep(60)

    def refresh(self, **changed: str) -> Answer:
        """Ask for a new access token."""
        account = self.cloud.accounts[0]
        form = {
            "grant_type": "refresh_token",
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "refresh_token": account.refresh_token,
        }
        return send(self.cloud.token_url, method="POST", body=urlencode(form | changed))


Start = Callable[..., Client]
"""Starts a cloud with a day of traffic, on a clock by hand that shows NOW; takes the arguments of `SimulatedCloud`."""
