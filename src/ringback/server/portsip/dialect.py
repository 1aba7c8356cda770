"""The PortSIP dialect of one web process: its paths, and the threads that its work is done in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from litestar import Request
from litestar.types import ControllerRouterHandler

from ringback.projections.call_logs.query import CallLogs
from ringback.server.accounts import Accounts
from ringback.server.cursor import SignedValues
from ringback.server.events import Patience
from ringback.server.exchange import Call, InThread
from ringback.server.logins import Logins
from ringback.server.portsip.call_logs import CallLogsDialect, ListCursor
from ringback.server.portsip.cdrs import CdrsDialect
from ringback.server.portsip.gate import Gate
from ringback.server.portsip.login import LoginDialect
from ringback.server.portsip.login_routes import login_routes
from ringback.server.portsip.passwords import Passwords
from ringback.server.portsip.routes import call_log_routes
from ringback.server.portsip.sync import SyncDialect, SyncToken
from ringback.server.portsip.watch import CdrWatch
from ringback.server.portsip.wsi import wsi_route
from ringback.server.tokens import Tokens
from ringback.settings import PortsipSettings
from ringback.settings.common import duration
from ringback.store import Store

_QUERY_THREADS = 4
"""Threads that read call logs: a filter that no index helps with may take seconds, and must not hold up all others."""


class PortsipDialect:
    """Makes the handlers and what they need. They are served while it is `running`.

    Args:
        threads: does work in the threads of a pool, or where it may wait for the store's write lock.
        call_of: what a dialect needs of a request, with the body that was sent.
        clock: gives the current time, aware.
    """

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        settings: PortsipSettings,
        threads: Callable[[ThreadPoolExecutor], InThread],
        call_of: Callable[[Request[Any, Any, Any], bytes], Call],
        clock: Callable[[], datetime],
    ) -> None:
        call_logs, accounts = CallLogs(store), Accounts(store, clock)
        cursors = SignedValues(store, "call-log-cursor", ListCursor)
        logins = Logins(
            store,
            clock,
            access_lifetime=duration(settings.access_lifetime),
            refresh_lifetime=duration(settings.refresh_lifetime),
        )
        self._passwords = Passwords(accounts, clock)
        self._queries = ThreadPoolExecutor(_QUERY_THREADS, thread_name_prefix="call-logs")
        self._logins = ThreadPoolExecutor(1, thread_name_prefix="logins")
        # Of its own, so that no filter holds up what is told.
        self._news = ThreadPoolExecutor(1, thread_name_prefix="calls-told")
        self._watch = CdrWatch(call_logs, threads(self._news), clock)
        gate = Gate(self._passwords, accounts, tokens, threads(self._news))
        self.routes: list[ControllerRouterHandler] = [
            *call_log_routes(
                CallLogsDialect(tokens, call_logs, cursors),
                CdrsDialect(tokens, call_logs, cursors),
                SyncDialect(tokens, call_logs, SignedValues(store, "sync-token", SyncToken)),
                threads(self._queries),
                call_of,
            ),
            *login_routes(
                LoginDialect(tokens, accounts, logins, clock), self._passwords, threads(self._logins), call_of
            ),
            wsi_route(gate, self._watch, Patience()),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell those who listen, while this is entered; at its end, end the threads when they are done."""
        async with self._watch.running():
            yield
        self._passwords.close()
        for pool in (self._queries, self._logins, self._news):
            pool.shutdown()
