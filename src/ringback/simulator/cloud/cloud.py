"""`SimulatedCloud`: the service behind real addresses, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

from ringback.simulator.clock import to_datetime, to_ms
from ringback.simulator.cloud.accounts import Account
from ringback.simulator.cloud.archive import Row, TrueNewest
from ringback.simulator.cloud.audit import Audit
from ringback.simulator.cloud.clock import Clock, RunningClock
from ringback.simulator.cloud.faults import Faults
from ringback.simulator.cloud.http import Mishap, Reply, Request
from ringback.simulator.cloud.listener import Listener
from ringback.simulator.cloud.options import Behaviour, Limits, Region
from ringback.simulator.cloud.script import Script
from ringback.simulator.cloud.service import STRANGE, Service
from ringback.simulator.cloud.stage import Stage
from ringback.simulator.deliveries import Delivery

REGIONS: tuple[Region, ...] = ("us", "eu", "in", "au", "gov")
"""Each has an address of its own."""


class SimulatedCloud:
    """The Webex cloud, as far as call records go, on the loopback interface.

    It serves `GET /v1/cdr_feed`, `GET /v1/cdr_stream` and `POST /v1/access_token`, for several orgs. As a context
    manager it listens between enter and exit. An error of its own in between is raised at the exit.

    Args:
        deliveries: records with the times of their insertion, in any order.
        traffic: the same in order of arrival; taken only as far as the cloud's clock has come, so it may be endless.
        orgs: orgs that exist even if no record has come for them; those of `traffic` must be named here.
        clock: what a good clock shows; None for that of the machine.
        skew: of the cloud's clock against it.
        limits, behaviour, faults: see there.
        regions: where orgs are at home; those not named are in `us`.
        port: of the first region's address; 0 for a free one.
        seed: of the secrets.

    Attributes:
        clock: as given.
        audit: every request, and what was wrong with it.
        accounts: one for each org; more with `add_account`.
    """

    def __init__(
        self,
        deliveries: Iterable[Delivery] = (),
        *,
        traffic: Iterable[Delivery] = (),
        orgs: Iterable[UUID] = (),
        clock: Clock | None = None,
        skew: timedelta = timedelta(0),
        limits: Limits | None = None,
        behaviour: Behaviour | None = None,
        faults: Faults | None = None,
        regions: Mapping[UUID, Region] | None = None,
        port: int = 0,
        seed: int = 0,
    ) -> None:
        self.clock: Clock = clock or RunningClock()
        self._regions = dict(regions or {})
        self._service = Service(
            clock=self.clock,
            skew=skew,
            limits=limits or Limits(),
            behaviour=behaviour or Behaviour(),
            script=Script(faults or Faults()),
            seed=seed,
        )
        self.audit: Audit = self._service.audit
        for org in (*orgs, *self._regions):
            self._service.org(org, self._region(org))
        self.add(deliveries)
        self._service.follow(traffic)
        self._port = port
        self._listeners: dict[Region, Listener] = {}
        self._stage = Stage("simulated-cloud", self.clock, self._adjust, self._shut)

    def _region(self, org: UUID) -> Region:
        return self._regions.get(org, REGIONS[0])

    # Addresses and credentials.

    @property
    def base_url(self) -> str:
        """The address of region `us`, such as `http://127.0.0.1:40123`; paths begin with /v1."""
        return self.url_of("us")

    def url_of(self, region: Region) -> str:
        """The address of a region; of the strange host for `strange`."""
        return self._service.urls[region]

    @property
    def strange_url(self) -> str:
        """The address of a host that must never get a token."""
        return self.url_of(STRANGE)

    @property
    def token_url(self) -> str:
        """Where service apps refresh their access tokens."""
        return f"{self.base_url}/v1/access_token"

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All service apps."""
        return tuple(self._service.accounts.all)

    def account(self, org: UUID) -> Account:
        """The first service app of an org. Raises LookupError if the org is not known."""
        for account in self._service.accounts.all:
            if account.org == org:
                return account
        raise LookupError(f"the simulated cloud has no org {org}")

    def add_account(self, org: UUID) -> Account:
        """One more service app of an org, with a rate of its own."""
        with self._service.lock:
            return self._service.accounts.add(org)

    def issue_token(self, account: Account | None = None, lifetime: timedelta = timedelta(days=365)) -> str:
        """A new access token of an account, by default of the first one, without a refresh."""
        with self._service.lock:
            return self._service.issue(account or self.accounts[0], lifetime)

    def revoke_tokens(self, account: Account) -> None:
        """End all access tokens of an account."""
        with self._service.lock:
            self._service.accounts.revoke_all(account)

    # Records and time.

    def now(self) -> datetime:
        """The cloud's own time."""
        return to_datetime(self._service.now())

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """Insert records, with insertion times in the past or in the future, in any order."""
        batches: dict[UUID, list[Delivery]] = {}
        for delivery in deliveries:
            batches.setdefault(delivery.org, []).append(delivery)
        with self._service.lock:
            for org, batch in batches.items():
                self._service.org(org, self._region(org))
                self._service.archives[org].add(batch)

    def add_rows(self, org: UUID, rows: Iterable[Row]) -> None:
        """The same with rows of the archive; see `filler`."""
        with self._service.lock:
            self._service.org(org, self._region(org))
            self._service.archives[org].add_rows(rows)

    def truth(self, until: datetime | None = None) -> dict[UUID, dict[str, TrueNewest]]:
        """What is true of every record that was inserted up to a time, by org and report id.

        Args:
            until: on the cloud's clock; None for now.
        """
        with self._service.lock:
            known = self._service.now() if until is None else to_ms(until)
            self._service.catch_up(known)
            return {org: archive.truth(known) for org, archive in self._service.archives.items()}

    def missed_by_stream(self, org: UUID, report_id: str) -> bool:
        """Whether `Behaviour.stream_misses` keeps a record out of the stream."""
        return self._service.archives[org].missed(report_id)

    def move(self, org: UUID, region: Region) -> None:
        """Let an org be at home in another region, which must be one that has an address."""
        with self._service.lock:
            self._service.homes[org] = next(name for name in self._service.urls if name == region)

    # Running.

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Begin to listen. Raises OSError if the port is taken."""
        self._service.catch_up(self._service.now())
        for region in (*REGIONS, STRANGE):
            listener = Listener(partial(self._answer, region), port=0 if self._listeners else self._port)
            self._listeners[region] = listener
            self._service.urls[region] = f"http://{listener.address}"
        self._stage.open()

    def close(self) -> None:
        """End all connections, and free the ports. The audit and the truth can still be read."""
        self._stage.close()

    def restart(self) -> None:
        """Start anew, now: connections are reset, and links are forgotten if the cloud behaves so."""
        self._service.restart()
        self._stage.soon(self._drop_connections)

    async def _shut(self) -> None:
        await asyncio.gather(*(listener.close() for listener in self._listeners.values()))

    async def _adjust(self) -> None:
        """Listen or not, and restart, as it is due now."""
        if self._service.script.restarts(self._service.now()):
            self._service.restart()
            self._drop_connections()
        out = self._service.is_out()
        for region, listener in self._listeners.items():
            if out and region != STRANGE:
                listener.go_away()
            else:
                await listener.listen()

    def _drop_connections(self) -> None:
        for region, listener in self._listeners.items():
            if region != STRANGE:
                listener.drop_connections()

    def _answer(self, region: Region, request: Request) -> Reply:
        if region != STRANGE and self._service.is_out():
            return Reply(mishap=Mishap(head=False, reset=True))  # the clock was faster than the listener
        try:
            return self._service.answer(region, self._listeners[region].address, request)
        except Exception as error:
            self._stage.fail(error)
            raise
