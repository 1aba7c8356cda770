"""Every request that the simulated cloud got, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from ringback.simulator.clock import to_datetime
from ringback.simulator.cloud.rates import busiest

Endpoint = Literal["feed", "stream", "token", "other"]
Kind = Literal["initial", "page", ""]
Violation = Literal["", "rate", "window", "query", "link", "token"]


class Asked(msgspec.Struct, kw_only=True):
    """One request.

    Attributes:
        number: 1, 2, 3 and so on.
        nanoseconds: when, on the cloud's clock, since 1970.
        listener: the region whose address was asked, or `strange`.
        address: host and port that were asked.
        endpoint: what was asked for.
        kind: `initial` for a first page, `page` for a next one.
        target: path and query.
        account: name of the account; "" without a good token.
        token: name of the token that was shown, good or not; "" if it is none of ours.
        org: the org of the account.
        start, end: the window, if it could be read.
        status: of the answer; 0 if none was sent.
        records: sent, those included that a fault repeated; bad items are not.
        bad: items sent that are no records.
        fault: name of the fault that struck; "" if none did.
        violation: what the request broke: `rate` (too many in a minute), `window` (too new, too old, too long), `query`
            (cannot be read), `link` (a page that no link led to), `token` (none, or none of ours).
        secrets: names of the secrets that the request held, if it went to the strange host.
    """

    number: int
    nanoseconds: int
    listener: str
    address: str
    endpoint: Endpoint = "other"
    kind: Kind = ""
    target: str = ""
    account: str = ""
    token: str = ""
    org: UUID | None = None
    start: datetime | None = None
    end: datetime | None = None
    status: int = 0
    records: int = 0
    bad: int = 0
    fault: str = ""
    violation: Violation = ""
    secrets: tuple[str, ...] = ()

    @property
    def at(self) -> datetime:
        """When, on the cloud's clock, in whole milliseconds."""
        return to_datetime(self.nanoseconds // 1_000_000)


class Audit:
    """All requests in order. Read it from any thread; what it gives are copies of the list, not of the requests."""

    def __init__(self, period: int, limits: tuple[int, int], shared: bool) -> None:
        self._period = period
        self._allowed = dict(zip(("initial", "page"), limits, strict=True))
        self._shared = shared
        self._asked: list[Asked] = []

    def note(self, nanoseconds: int, listener: str, address: str, target: str) -> Asked:
        """A new request, to be filled in while it is answered."""
        asked = Asked(
            number=len(self._asked) + 1, nanoseconds=nanoseconds, listener=listener, address=address, target=target
        )
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
        kind: Kind | None = None,
        status: int | None = None,
        account: str | None = None,
        org: UUID | None = None,
        fault: str | None = None,
    ) -> list[Asked]:
        """The requests for which all that is given holds."""
        wanted = {"endpoint": endpoint, "kind": kind, "status": status, "account": account, "org": org, "fault": fault}
        given = {name: value for name, value in wanted.items() if value is not None}
        return [asked for asked in self if all(getattr(asked, name) == value for name, value in given.items())]

    @property
    def violations(self) -> list[Asked]:
        """Requests that broke a limit of the cloud, or were not made as documented."""
        return [asked for asked in self if asked.violation]

    @property
    def strange(self) -> list[Asked]:
        """Requests to the strange host."""
        return [asked for asked in self if asked.listener == "strange"]

    @property
    def leaks(self) -> list[Asked]:
        """Requests that brought a secret to the strange host."""
        return [asked for asked in self.strange if asked.secrets]

    def tokens_at(self) -> dict[str, set[str]]:
        """For each address (host and port), the names of all tokens and other secrets that were ever sent to it."""
        seen: dict[str, set[str]] = {}
        for asked in self:
            names = seen.setdefault(asked.address, set())
            names.update(asked.secrets)
            if asked.token:
                names.add(asked.token)
        return seen

    def busiest(self, account: str, kind: Kind, endpoint: Endpoint | None = None) -> int:
        """The most requests with a good token of an account within any one period, whatever they were answered."""
        chosen = self.select(account=account, kind=kind, endpoint=endpoint)
        return busiest((asked.nanoseconds for asked in chosen), self._period)

    def problems(self) -> list[str]:
        """All that a client did wrong, in words: requests out of the limits or the rate, and secrets sent astray.

        It does not rely on what was refused: the rate is worked out once more from the times of all requests, refused
        ones and such that a fault struck included.
        """
        found = [f"request {one.number} ({one.target[:120]}): {one.violation}" for one in self.violations]
        found += [f"request {one.number}: the strange host got {', '.join(one.secrets)}" for one in self.leaks]
        for account in sorted({asked.account for asked in self if asked.account}):
            for kind in ("initial", "page"):
                for endpoint in (None,) if self._shared else ("feed", "stream"):
                    most = self.busiest(account, kind, endpoint)
                    if most > self._allowed[kind]:
                        found.append(f"{account}: {most} {kind} requests in a period, {self._allowed[kind]} allowed")
        return found
