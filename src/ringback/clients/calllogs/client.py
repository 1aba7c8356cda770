"""The client of the call-log API for programs without asyncio; `asynchronous` has its twin."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Self, Unpack

import httpx2

from ringback.clients.calllogs.addresses import CALL_LOGS, CDRS, USER_CDRS
from ringback.clients.calllogs.answers import Changes
from ringback.clients.calllogs.calls import Calls, credentials_of
from ringback.clients.calllogs.carriers import Carrier
from ringback.clients.calllogs.listings import CallLogIterator
from ringback.clients.calllogs.options import CallLogsOptions, LoginForm
from ringback.clients.calllogs.selection import Selection, Wanted
from ringback.clients.connections import Verify
from ringback.clients.tokens import GivenTokens, Refresh
from ringback.records.portsip.call_log import CallLog


class CallLogsClient:
    """Reads call logs from a PortSIP PBX, or from ringback's server. Safe to use from several threads.

    Args:
        base_url: address of the API, such as `https://pbx.example:8887/api`.
        token: a token; or an object with the attribute `access_token`, or a function that gives one, called again when
            it is refused.
        username, password, domain: instead of a token, who logs in. The domain is the SIP domain of the tenant; without
            one it is the administrator of the whole PBX. The first request logs in; the token is refreshed before it
            ends, and when it is refused.
        login: the form of the login; by default all are tried, newest first, and the first that the server has is kept.
        refresh: gets a token that was refused and gives a new one.
        verify: False, a file or directory of certificates, or an SSL context; for a PBX whose certificate no public
            authority has signed.
        options: how requests are made.
        client: an `httpx2.Client` to use instead of one of its own; it is not closed with this object.
        sleep: waits for some seconds.

    Raises:
        UsageError: there is neither token nor login, or an address is none, or would get them without encryption.

    All methods raise `ApiError`, `NoAnswer`, `BadAnswer` and `UntrustedAddress`, and `UsageError` for what cannot be
    asked; see `ringback.clients.calllogs.errors`.
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
        client: httpx2.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calls = Calls(base_url, token, refresh, credentials_of(username, password, domain), login, options)
        self._carrier = Carrier(self._calls.access, self._calls.options, verify, client, sleep)

    def list(self, **wanted: Unpack[Wanted]) -> CallLogIterator:
        """The call logs that are selected, with the 24 fields of a list: all but `cost` and `billed_account`.

        Args:
            wanted: see `Wanted` and `Selection`.

        Raises:
            UsageError: at once, if this cannot be asked.
            FilterIgnored: while call logs are taken: one came that is not selected.
            PagingError: while call logs are taken: the pages do not get on.
        """
        return CallLogIterator(self._calls.pager(CALL_LOGS, wanted), self._carrier)

    def cdrs(self, **wanted: Unpack[Wanted]) -> CallLogIterator:
        """The CDRs that are selected: one for each call, which may have several call logs. Its `session_id` is blank.

        Arguments and errors are those of `list`.
        """
        return CallLogIterator(self._calls.pager(CDRS, wanted), self._carrier)

    def user_cdrs(self, **wanted: Unpack[Wanted]) -> CallLogIterator:
        """The CDRs of the user who asks; PortSIP's have fewer fields than those of `cdrs`.

        Arguments and errors are those of `list`.
        """
        return CallLogIterator(self._calls.pager(USER_CDRS, wanted), self._carrier)

    def count(self, **selection: Unpack[Selection]) -> int:
        """How many call logs are selected.

        Args:
            selection: see `Selection`.
        """
        return self._carrier.run(self._calls.count(selection))

    def get(self, call_log_id: str) -> CallLog:
        """One call log with all 26 fields.

        Raises:
            NotFound: there is none with this id.
        """
        return self._carrier.run(self._calls.get(call_log_id))

    def cdr(self, cdr_id: str) -> tuple[CallLog, ...]:
        """The rows of one CDR: who was called in the course of the call. As they have no ids, `id` is that of the CDR.

        Raises:
            NotFound: there is none with this id.
        """
        return self._carrier.run(self._calls.cdr(cdr_id))

    def user_cdr(self, cdr_id: str) -> CallLog:
        """One CDR of the user who asks.

        Raises:
            NotFound: there is none with this id.
        """
        return self._carrier.run(self._calls.user_cdr(cdr_id))

    def sync_token(self, date_from: datetime | str | None = None) -> str:
        """A token to ask for changes of the user's CDRs with, from now on.

        Args:
            date_from: only calls that began at this time or later; an aware datetime, or ISO 8601 text with a zone.
        """
        return self._carrier.run(self._calls.sync_token(date_from))

    def changes(self, token: str) -> Changes:
        """What happened to the user's CDRs since a sync token was given, and the token to go on with.

        Raises:
            SyncTokenUnknown: the server does not know the token any more; read all CDRs anew.
        """
        return self._carrier.run(self._calls.changes(token))

    def close(self) -> None:
        """Give back the connections."""
        self._carrier.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
