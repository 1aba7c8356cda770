"""The asynchronous client of a user's call history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

import httpx2
import msgspec
from msgspec.structs import replace

from ringback.clients.callhistory.access import Access
from ringback.clients.callhistory.entries import Entry, read_moment, wire_entries
from ringback.clients.callhistory.errors import ConnectionEnded
from ringback.clients.callhistory.events import EventName
from ringback.clients.callhistory.following import Following
from ringback.clients.callhistory.lines import number_lines
from ringback.clients.callhistory.listeners import Callback, Listeners
from ringback.clients.callhistory.mercury import Mercury
from ringback.clients.callhistory.options import CallingBackend, HistoryOptions, base_address, below, mercury_address
from ringback.clients.callhistory.requests import Reply, Requests, decode
from ringback.clients.callhistory.results import (
    SUCCESS,
    DeleteCallHistoryRecordsResponse,
    JanusResponseEvent,
    UpdateMissedCallsResponse,
    bad_date_result,
    deleted_result,
    read_result,
    sessions_result,
)
from ringback.clients.callhistory.sessions import UserSession
from ringback.clients.errors import UsageError
from ringback.clients.tokens import GivenTokens, Refresh
from ringback.records.values import to_wire_time

logger = logging.getLogger("ringback.history")

_SESSIONS = "/history/userSessions"


class CallHistoryClient:
    """Reads and marks the call history of one user, and listens to it.

    Args:
        janus: address of the API, such as `http://127.0.0.1:8080/janus/api/v1`.
        tokens: the user's token; or an object with the attribute `access_token`, or a function that gives one, called
            again when it is refused; or None to take it from the environment variable WEBEX_ACCESS_TOKEN.
        refresh: gets a token that was refused and gives a new one. Both functions may be coroutine functions.
        mercury: address of the WebSocket; by default `/v1/mercury` at the host of `janus`, where ringback's server has
            it. In Webex it is the `webSocketUrl` of the user's device.
        calling_backend: what the user's calls are made with; None if that is not known.
        ucm_gateway: for `UCM_CALLING`, what the address of the user's lines begins with.
        user_id, org_id: of the user, for `UCM_CALLING`.
        options: timeouts and waits.
        client: an `httpx2.AsyncClient` to use instead of one of its own; it is not closed with this object.

    Raises:
        UsageError: there is no token, an address is none, or would get the token without encryption.
    """

    def __init__(
        self,
        janus: str,
        tokens: GivenTokens = None,
        *,
        refresh: Refresh | None = None,
        mercury: str | None = None,
        calling_backend: CallingBackend | str | None = CallingBackend.WEBEX_CALLING,
        ucm_gateway: str | None = None,
        user_id: str | None = None,
        org_id: str | None = None,
        options: HistoryOptions | None = None,
        client: httpx2.AsyncClient | None = None,
    ) -> None:
        self._options = options or HistoryOptions()
        self._base = base_address(janus, self._options)
        self._shared = calling_backend == CallingBackend.WEBEX_CALLING
        self._lines: httpx2.URL | None = None
        if calling_backend == CallingBackend.UCM_CALLING:
            if not (ucm_gateway and user_id and org_id):
                raise UsageError("a client for UCM_CALLING needs ucm_gateway, user_id and org_id")
            path = f"/v1/uc/config/people/{quote(user_id, safe='')}/lines"
            self._lines = below(base_address(ucm_gateway, self._options), path, f"orgId={quote(org_id, safe='')}")
        access = Access(tokens, refresh)
        self._requests = Requests(access, self._options, client)
        self._listeners = Listeners()
        self._following = Following(self._listeners, self._get, self._options, shared=self._shared)
        address = mercury_address(mercury, self._base, self._options)
        self._mercury = Mercury(address, access, self._options, self._following)
        self._connection: asyncio.Task[None] | None = None
        self._closed = False

    async def get_call_history_data(
        self, days: float = 7, limit: int = 50, sort: str = "DESC", sort_by: str = "endTime"
    ) -> JanusResponseEvent:
        """The sessions of the last days.

        Args:
            days: as many as documented. The published JavaScript client has 10 for its default.
            limit: sessions at most.
            sort: `DESC` for newest first, or `ASC`; anything else is `DESC`.
            sort_by: `endTime`, the order of the server, or `startTime`, for which the sessions that the server gave are
                sorted anew; anything else is `endTime`.

        Raises:
            UsageError: there is no date so many days ago, or the client is closed.
        """
        now = self._options.now()
        try:
            since = now - timedelta(days=days)
        except (OverflowError, ValueError) as error:
            raise UsageError(f"there is no date {days!r} days ago") from error
        result = await self._get(since, limit, "ASC" if sort == "ASC" else "DESC")
        if sort_by == "startTime":
            result = _sorted_by_start(result, descending=sort != "ASC")
        if self._lines is not None and any(session.self.cucmDN for session in result.data.userSessions):
            reply = await self._requests.get(self._lines)
            numbered = number_lines(result.data.userSessions, decode(reply.body) if reply.status == 200 else None)
            result = replace(result, data=replace(result.data, userSessions=numbered))
        return result

    async def update_missed_calls(self, end_time_session_ids: Sequence[Entry]) -> UpdateMissedCallsResponse:
        """Mark sessions as read. An `endTime` that is none is sent as null, as in the SDK.

        Raises:
            UsageError: one of them names no session, or the client is closed.
        """
        body = {"endTimeSessionIds": wire_entries(end_time_session_ids)}
        return read_result(await self._post("setReadState", body))

    async def delete_call_history_records(
        self, delete_session_ids: Sequence[Entry]
    ) -> DeleteCallHistoryRecordsResponse:
        """Delete sessions. If an `endTime` is none, nothing is sent, and the status of the result is 400.

        Raises:
            UsageError: one of them names no session, or the client is closed.
        """
        entries = wire_entries(delete_session_ids)
        if any(entry["endTime"] is None for entry in entries):
            logger.info("nothing is deleted: an endTime is no time")
            return bad_date_result()
        return deleted_result(await self._post("markAsDeleted", {"deleteSessionIds": entries}))

    def on(self, event: EventName, callback: Callback) -> None:
        """Call a function, or coroutine function, for each event of a name, while there is a connection.

        Callbacks are called one after the other in the order of the events. One that fails is logged.

        Args:
            event: `callHistory:user_recent_sessions` (gives a `CallSessionEvent`),
                `callHistory:user_viewed_sessions` (`CallSessionViewedEvent`) or
                `callHistory:user_sessions_deleted` (`CallSessionDeletedEvent`).

        Raises:
            UsageError: there is no such event.
        """
        self._listeners.add(event, callback)

    def off(self, event: EventName, callback: Callback | None = None) -> None:
        """Do not call this function for the event any more; no function, if none is given.

        Raises:
            UsageError: there is no such event.
        """
        self._listeners.remove(event, callback)

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._mercury.ready

    @property
    def last_event_id(self) -> int | None:
        """The number of the newest event that all callbacks have returned from; None if events have no numbers.

        A program that keeps it can go on there after it was started again. It stays where it is while the history could
        not be read though events were missed.
        """
        return self._following.last_event_id

    async def connect(self, last_event_id: int | None = None) -> None:
        """Connect, and stay connected. Returns when there is a connection, however long that takes.

        Args:
            last_event_id: of an earlier client, to be told what has happened since. By default a client goes on where
                it stopped.

        Raises:
            ConnectionEnded: the server does not want it, or `disconnect` was called meanwhile.
            UsageError: the client is closed.
        """
        if self._closed:
            raise UsageError("the client is closed")
        if self._connection is None or self._connection.done():
            self._following.start(last_event_id)
            self._connection = asyncio.create_task(self._mercury.keep())
            self._connection.add_done_callback(_log_end)
        connection = self._connection
        opened = asyncio.create_task(self._mercury.opened.wait())
        try:
            await asyncio.wait((opened, connection), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.disconnect()
            raise
        else:
            if opened.done():
                return
            if connection.cancelled():
                raise ConnectionEnded(1000, "", "the client was disconnected while it was connecting")
            connection.result()
        finally:
            opened.cancel()

    async def disconnect(self) -> None:
        """Close the connection. Events that were not told yet are told after the next `connect`.

        A callback that is running may end; it is not waited for, since it may be the one that disconnects. Other
        callbacks for the same event are called after the next `connect` too.
        """
        self._following.stop()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.cancel()
            await asyncio.wait((connection,))

    async def wait_closed(self) -> None:
        """Wait until the client is disconnected, or the connection has ended for good and all that came is told.

        Raises:
            ConnectionEnded: the server does not want it any more.
        """
        if (connection := self._connection) is not None:
            await asyncio.wait((connection,))
            if not connection.cancelled():
                await self._following.told()
                connection.result()

    async def close(self) -> None:
        """Disconnect, wait for a callback that is running, and give back what the client holds.

        That callback may still make requests, but not connect.
        """
        self._closed = True
        await self.disconnect()
        await self._following.ended()
        await self._requests.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _get(self, since: datetime, limit: int, sort: str) -> JanusResponseEvent:
        query = f"from={to_wire_time(since)}&limit={limit}&includeNewSessionTypes=true&sort={sort}"
        if self._shared:
            query += "&includeSharedSessions=true"
        result = sessions_result(await self._requests.get(below(self._base, _SESSIONS, query)))
        if result.message != SUCCESS:
            logger.warning("the call history could not be read: %s", result.data.error)
        return result

    async def _post(self, action: str, body: dict[str, Any]) -> Reply:
        return await self._requests.post(below(self._base, f"{_SESSIONS}/{action}"), msgspec.json.encode(body))


def _sorted_by_start(result: JanusResponseEvent, *, descending: bool) -> JanusResponseEvent:
    def key(session: UserSession) -> tuple[bool, float]:
        moment = read_moment(session.startTime)
        return moment is None, 0.0 if moment is None else moment.timestamp() * (-1 if descending else 1)

    return replace(result, data=replace(result.data, userSessions=sorted(result.data.userSessions, key=key)))


def _log_end(connection: asyncio.Task[None]) -> None:
    if not connection.cancelled() and (error := connection.exception()) is not None:
        logger.error("the connection has ended: %s", error)
