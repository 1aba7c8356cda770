"""The client of the call-log API for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Self, Unpack

import httpx2

from ringback.clients.calllogs.addresses import CALL_LOGS, CDRS, USER_CDRS
from ringback.clients.calllogs.answers import Changes
from ringback.clients.calllogs.calls import Calls, credentials_of
from ringback.clients.calllogs.carriers import AsyncCarrier
from ringback.clients.calllogs.listings import AsyncCallLogIterator
from ringback.clients.calllogs.options import CallLogsOptions, LoginForm
from ringback.clients.calllogs.selection import Selection, Wanted
from ringback.clients.connections import Verify
from ringback.clients.tokens import GivenTokens, Refresh
from ringback.records.portsip.call_log import CallLog


class AsyncCallLogsClient:
    """The methods of `CallLogsClient`, to be awaited; lists are read with `async for`.

    Functions for the token may be coroutine functions. `client` is an `httpx2.AsyncClient`, and `sleep` is awaited; the
    other arguments, and the errors, are those of `CallLogsClient`.
    """

    def __init__(
        self,
        base_url: str,
        token: GivenTokens = None,
        *,
        username: str | None = None,
        password: str | None = None,
        domain: str | None = None,
        login: LoginForm | str | None = None,
        refresh: Refresh | None = None,
        verify: Verify = True,
        options: CallLogsOptions | None = None,
        client: httpx2.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._calls = Calls(base_url, token, refresh, credentials_of(username, password, domain), login, options)
        self._carrier = AsyncCarrier(self._calls.access, self._calls.options, verify, client, sleep)

    def list(self, **wanted: Unpack[Wanted]) -> AsyncCallLogIterator:
        """See `CallLogsClient.list`."""
        return AsyncCallLogIterator(self._calls.pager(CALL_LOGS, wanted), self._carrier)

    def cdrs(self, **wanted: Unpack[Wanted]) -> AsyncCallLogIterator:
        """See `CallLogsClient.cdrs`."""
        return AsyncCallLogIterator(self._calls.pager(CDRS, wanted), self._carrier)

    def user_cdrs(self, **wanted: Unpack[Wanted]) -> AsyncCallLogIterator:
        """See `CallLogsClient.user_cdrs`."""
        return AsyncCallLogIterator(self._calls.pager(USER_CDRS, wanted), self._carrier)

    async def count(self, **selection: Unpack[Selection]) -> int:
        """See `CallLogsClient.count`."""
        return await self._carrier.run(self._calls.count(selection))

    async def get(self, call_log_id: str) -> CallLog:
        """See `CallLogsClient.get`."""
        return await self._carrier.run(self._calls.get(call_log_id))

    async def cdr(self, cdr_id: str) -> tuple[CallLog, ...]:
        """See `CallLogsClient.cdr`."""
        return await self._carrier.run(self._calls.cdr(cdr_id))

    async def user_cdr(self, cdr_id: str) -> CallLog:
        """See `CallLogsClient.user_cdr`."""
        return await self._carrier.run(self._calls.user_cdr(cdr_id))

    async def sync_token(self, date_from: datetime | str | None = None) -> str:
        """See `CallLogsClient.sync_token`."""
        return await self._carrier.run(self._calls.sync_token(date_from))

    async def changes(self, token: str) -> Changes:
        """See `CallLogsClient.changes`."""
        return await self._carrier.run(self._calls.changes(token))

    async def close(self) -> None:
        """Give back the connections."""
        await self._carrier.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
