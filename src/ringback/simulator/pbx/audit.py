"""Every request that the simulated PBX got, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from ringback.simulator.clock import to_datetime
from ringback.simulator.cloud.rates import busiest

Endpoint = Literal[
    "calllogs",
    "calllog",
    "cdrs",
    "cdr",
    "user_cdrs",
    "user_cdr",
    "login",
    "refresh",
    "logout",
    "user",
    "wsi",
    "other",
]
Violation = Literal["", "rate", "top", "query", "token", "expired", "login", "logins", "secret", "path", "id"]

DETAILS: tuple[Endpoint, ...] = ("calllog", "cdr", "user_cdr")


class Asked(msgspec.Struct, kw_only=True):
    """One request.

    Attributes:
        number: 1, 2, 3 and so on.
        nanoseconds: when, on the PBX's clock, since 1970.
        method: such as `GET`.
        endpoint: what was asked for; `calllog`, `cdr` and `user_cdr` are single ones.
        kind: `initial` for a list from its first row on, `page` for one that leaves some out; "" for all else.
        target: path and query, without the values of secrets.
        account: name of the account; "" without a good token or a good login.
        token: name of the token that was shown, good or not; "" if it is none of ours.
        tenant: of the account.
        status: of the answer; 0 if none was sent.
        records: call logs sent, those included that a fault repeated; bad items are not.
        bad: items sent that are no call logs.
        fault: name of the fault that struck; "" if none did.
        violation: what the request broke: `rate` (too many in a minute), `top` (above the largest page, or below 1),
            `query` (options or a body that cannot be read), `token` (none, or none of ours), `expired` (a token that
            the PBX had called no good before), `login` (wrong credentials), `logins` (a login although two tokens were
            got within a minute and never used), `secret` (a password or token in the query), `path` (nothing is
            there), `id` (no list ever gave this id).
    """

    number: int
    nanoseconds: int
    method: str = ""
    endpoint: Endpoint = "other"
    kind: Literal["initial", "page", ""] = ""
    target: str = ""
    account: str = ""
    token: str = ""
    tenant: str = ""
    status: int = 0
    records: int = 0
    bad: int = 0
    fault: str = ""
    violation: Violation = ""

    @property
    def at(self) -> datetime:
        """When, on the PBX's clock, in whole milliseconds."""
        return to_datetime(self.nanoseconds // 1_000_000)


class Audit:
    """All requests in order. Read it from any thread; what it gives are copies of the list, not of the requests."""

    def __init__(self, period: int, requests: int, details: int | None) -> None:
        self._period = period
        self._requests = requests
        self._details = details
        self._asked: list[Asked] = []

    def note(self, nanoseconds: int, method: str, target: str) -> Asked:
        """A new request, to be filled in while it is answered."""
        asked = Asked(number=len(self._asked) + 1, nanoseconds=nanoseconds, method=method, target=target)
        self._asked.append(asked)
        return asked

    def __len__(self) -> int:
        return len(self._asked)

    def __iter__(self) -> Iterator[Asked]:
        return iter(list(self._asked))

    def select(
        self,
        *,
        endpoint: Endpoint | None = None,
        kind: Literal["initial", "page", ""] | None = None,
        status: int | None = None,
        account: str | None = None,
        tenant: str | None = None,
        fault: str | None = None,
    ) -> list[Asked]:
        """The requests for which all that is given holds."""
        wanted = {
            "endpoint": endpoint,
            "kind": kind,
            "status": status,
            "account": account,
            "tenant": tenant,
            "fault": fault,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        return [asked for asked in self if all(getattr(asked, name) == value for name, value in given.items())]

    @property
    def violations(self) -> list[Asked]:
        """Requests that broke a limit of the PBX, or were not made as documented."""
        return [asked for asked in self if asked.violation]

    def busiest(self, *endpoints: Endpoint) -> int:
        """The most requests within any one period, whatever they were answered; of some endpoints, or of all."""
        chosen = (asked.nanoseconds for asked in self if not endpoints or asked.endpoint in endpoints)
        return busiest(chosen, self._period)

    def problems(self) -> list[str]:
        """All that a client did wrong, in words.

        It does not rely on what was refused: the rate is worked out once more from the times of all requests, refused
        ones and such that a fault struck included.
        """
        found = [f"request {one.number} ({one.method} {one.target[:120]}): {one.violation}" for one in self.violations]
        if (most := self.busiest()) > self._requests:
            found.append(f"{most} requests in a period, {self._requests} allowed")
        if self._details is not None and (most := self.busiest(*DETAILS)) > self._details:
            found.append(f"{most} requests for single call logs in a period, {self._details} allowed")
        return found
