"""A client that does nothing by itself, to ask the simulated PBX with, and a tenant with a day of calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from integration.cloud.asking import Answer, send
from ringback.simulator.pbx import SimulatedPbx, Traffic, TrafficRates, Written, finished_call

START = datetime(2025, 7, 21, 22, tzinfo=UTC)
"""When the traffic begins. Ids grow from 18 to 19 digits within it."""
NOW = START + timedelta(days=1)
"""What the clock shows at first, unless a test says otherwise."""
MINUTE = timedelta(minutes=1)
TENANT = "one.example"

TRAFFIC = Traffic(3, START, NOW, calls_per_day=250, rates=TrafficRates(late=0.1, costed=0.5, updated=0.1))


def calls(number: int, *, every: timedelta = MINUTE, **fields: Any) -> list[Written]:
    """So many calls between two extensions, the last of which ended shortly before NOW."""
    first = NOW - every * number - 2 * MINUTE
    return [finished_call(first + every * index, index, **fields) for index in range(number)]


class Client:
    """Asks a PBX with a token of its first account."""

    def __init__(self, pbx: SimulatedPbx) -> None:
        self.pbx = pbx
        self.token = pbx.issue_token()

    def get(self, path: str, *, method: str = "GET", **options: Any) -> Answer:
        """The answer to a request for a path below `/api`, with options in its query."""
        query = f"?{urlencode(options, quote_via=quote)}" if options else ""
        return send(f"{self.pbx.base_url}{path}{query}", method=method, token=self.token)

    def ids(self, path: str = "/calllogs", **options: Any) -> list[str]:
        """The ids of a list."""
        return [item["id"] for item in self.get(path, **options).items]

    def post(self, path: str, body: object = None, *, form: bool = False) -> Answer:
        """The answer to a body of JSON, or to a form."""
        headers: dict[str, Any] = {"content-type": "application/x-www-form-urlencoded" if form else "application/json"}
        assert not form or isinstance(body, dict)
        text = urlencode(body) if isinstance(body, dict) and form else json.dumps(body) if body is not None else ""
        url = f"{self.pbx.base_url}{path}"
        return send(url, method="POST", token=self.token, body=text, **headers)

    @property
    def credentials(self) -> dict[str, str]:
        """What the first account logs in with."""
        account = self.pbx.accounts[0]
        return {"username": account.username, "password": account.password, "domain": account.tenant}

    def log_in(self) -> dict[str, Any]:
        """The answer to a login of the newest generation; its token is used from now on."""
        answer: dict[str, Any] = json.loads(self.post("/auth/sign_in", self.credentials).body)
        self.token = answer["access_token"]
        return answer

    def violations(self) -> list[str]:
        """What the audit has against the requests so far."""
        return [asked.violation for asked in self.pbx.audit.violations]


class Error(msgspec.Struct, frozen=True):
    """An entry of an error's body."""

    code: str
    message: str


def error(answer: Answer) -> tuple[int, str]:
    """The status and the code of an error in the documented form."""
    (entry,) = msgspec.json.decode(answer.body, type=dict[str, list[Error]])["errors"]
    assert entry.message
    return answer.status, entry.code


Start = Callable[..., Client]
"""Starts a PBX with a day of calls, on a clock by hand that shows NOW; takes the arguments of `SimulatedPbx`."""
