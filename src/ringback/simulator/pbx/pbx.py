"""`SimulatedPbx`: the service behind a real address, in a thread of its own."""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from ringback.simulator.clock import to_datetime
from ringback.simulator.cloud.clock import Clock, RunningClock
from ringback.simulator.cloud.http import Mishap, Reply, Request
from ringback.simulator.cloud.listener import Listener
from ringback.simulator.cloud.stage import Stage
from ringback.simulator.pbx.accounts import Account, Role
from ringback.simulator.pbx.audit import Audit
from ringback.simulator.pbx.faults import Faults
from ringback.simulator.pbx.options import Behaviour, Limits
from ringback.simulator.pbx.rows import FIRST_TENANT, Written
from ringback.simulator.pbx.service import BASE, Service
from ringback.simulator.pbx.table import Kind, TrueCallLog
from ringback.simulator.pbx.wsi import Wsi


class SimulatedPbx:
    """A PortSIP PBX, as far as call logs go, on the loopback interface.

    It serves logins, `/calllogs`, `/cdrs` and `/user/cdrs` under `base_url`, and the WebSocket at `wsi_url`, for
    several tenants. As a context manager it listens between enter and exit. An error of its own in between is raised at
    the exit.

    Args:
        writes: rows with the times they are written at, in any order.
        traffic: the same in order of time; taken only as far as the PBX's clock has come, so it may be endless.
        tenants: their SIP domains; each has an administrator named `admin`.
        clock: what a good clock shows; None for that of the machine.
        skew: of the PBX's clock against it.
        limits, behaviour, faults: see there.
        port: of the address; 0 for a free one.
        seed: of the secrets.

    Attributes:
        clock: as given.
        behaviour: as given.
        audit: every request, and what was wrong with it.
    """

    def __init__(
        self,
        writes: Iterable[Written] = (),
        *,
        traffic: Iterable[Written] = (),
        tenants: Sequence[str] = (FIRST_TENANT,),
        clock: Clock | None = None,
        skew: timedelta = timedelta(0),
        limits: Limits | None = None,
        behaviour: Behaviour | None = None,
        faults: Faults | None = None,
        port: int = 0,
        seed: int = 0,
    ) -> None:
        self.clock: Clock = clock or RunningClock()
        self.behaviour = behaviour or Behaviour()
        self._service = Service(
            tenants=tenants,
            clock=self.clock,
            skew=skew,
            limits=limits or Limits(),
            behaviour=self.behaviour,
            faults=faults or Faults(),
            seed=seed,
        )
        self.audit: Audit = self._service.audit
        self._first = tenants[0]
        self._service.add(writes)
        self._service.follow(traffic)
        self._wsi = Wsi(self._service, seed)
        self._port = port
        self._listener: Listener
        self._stage = Stage("simulated-pbx", self.clock, self._adjust, self._shut)

    # Addresses and credentials.

    @property
    def base_url(self) -> str:
        """Where the paths begin, such as `http://127.0.0.1:40123/api`."""
        return f"http://{self._listener.address}{BASE}"

    @property
    def wsi_url(self) -> str:
        """The WebSocket, such as `ws://127.0.0.1:40123/wsi`; it is at the same port."""
        return f"ws://{self._listener.address}/wsi"

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All users who can log in."""
        return tuple(self._service.accounts.all)

    def account(self, tenant: str | None = None) -> Account:
        """The first account of a tenant, which is an administrator; None for the first tenant.

        Raises:
            LookupError: the tenant is not known.
        """
        for account in self.accounts:
            if account.tenant == (tenant or self._first):
                return account
        raise LookupError(f"the simulated PBX has no tenant {tenant}")

    def add_account(self, tenant: str, username: str, role: Role = "User", extension: str = "") -> Account:
        """One more account. Raises ValueError if there is one with this name."""
        with self._service.lock:
            return self._service.accounts.add(tenant, username, role, extension)

    def issue_token(self, account: Account | None = None, lifetime: timedelta = timedelta(days=365)) -> str:
        """A new access token of an account, by default of the first one, without a login."""
        with self._service.lock:
            expires = self._service.nanoseconds() + lifetime // timedelta(microseconds=1) * 1000
            return self._service.accounts.issue(account or self.accounts[0], expires).secret

    def revoke_tokens(self, account: Account | None = None) -> None:
        """End all access tokens of an account, or of all; refresh tokens stay good."""
        with self._service.lock:
            self._service.accounts.revoke(account)

    # Rows and time.

    def now(self) -> datetime:
        """The PBX's own time, in whole milliseconds."""
        return to_datetime(self._service.now())

    def add(self, writes: Iterable[Written]) -> None:
        """Write rows: at once those whose time is past, and the others when it comes.

        Raises:
            LookupError: a tenant is not known.
        """
        with self._service.lock:
            self._service.add(writes)
            self._service.catch_up()

    def truth(
        self, until: datetime | None = None, *, tenant: str | None = None, of: Kind = "calllogs"
    ) -> dict[str, TrueCallLog]:
        """What a tenant's list has, row by row, by the text of its id.

        Args:
            until: as of this time of the PBX's clock, which is not in the future; None for now.
            tenant: None for the first one.
            of: which list.
        """
        with self._service.lock:
            self._service.catch_up()
            table = self._service.tables[tenant or self._first]
            return table.truth(of, self._service.moment() if until is None else until)

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
        self._listener = Listener(self._answer, port=self._port, upgrade=self._talk)
        self._stage.open()

    def close(self) -> None:
        """End all connections, and free the port. The audit and the truth can still be read."""
        self._stage.close()

    def restart(self) -> None:
        """Start anew, now: connections are reset, and tokens are forgotten if the PBX behaves so."""
        self._service.restart()
        self._stage.soon(self._listener.drop_connections)

    async def _shut(self) -> None:
        await self._listener.close()

    async def _adjust(self) -> None:
        """Listen or not, restart, and write and tell what is due now."""
        service = self._service
        if service.strikes.restarts(service.now()):
            service.restart()
            self._listener.drop_connections()
        if service.is_out():
            self._listener.go_away()
        else:
            await self._listener.listen()
        with service.lock:
            service.catch_up()
            events, service.events = service.events, []
        self._wsi.tell(events)

    async def _talk(self, request: Request, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await self._wsi.serve(request, reader, writer)
        except OSError:
            raise  # the connection was lost
        except Exception as error:
            self._stage.fail(error)
            raise

    def _answer(self, request: Request) -> Reply:
        if self._service.is_out():
            return Reply(mishap=Mishap(head=False, reset=True))  # the clock was faster than the listener
        try:
            return self._service.answer(request)
        except Exception as error:
            self._stage.fail(error)
            raise
