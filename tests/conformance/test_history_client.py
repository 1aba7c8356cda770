"""What our client of the call history can do with our server and the JavaScript one cannot: miss nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from conformance.javascript.client import WEBEX_CALLING
from conformance.javascript.office import Office, Service, both
from conformance.javascript.sessions import ids, recent
from conformance.python_client import PythonClient
from processes import serving
from ringback.history import (
    CallHistoryClient,
    CallHistoryEvent,
    CallSessionDeletedEvent,
    CallSessionEvent,
    CallSessionViewedEvent,
)
from ringback.store import Store

pytestmark = pytest.mark.slow

RECENT_EVENT = "callHistory:user_recent_sessions"


def test_nothing_is_missed_while_the_server_is_gone(tmp_path: Path) -> None:
    """A server is killed, calls are stored while it is gone: the client comes back by itself and tells of each once."""
    data = tmp_path / "data"
    store = Store.open(data)
    try:
        with serving(data) as server:
            office = Office(Service(server, data, store), 7, ["internal"])
            user = office.busiest()
            first, *others = office.calls_of(user)
            port = server.port
            with PythonClient(server.address, office.token(user), WEBEX_CALLING, user, str(office.org)) as client:
                client.connect()
                office.report(first)
                told = [recent(client.expect(RECENT_EVENT))]
                server.kill()
                office.report(*others)
                with serving(data, port=port):
                    told += [recent(client.expect(RECENT_EVENT)) for _ in others]
                    history = client.call("getCallHistoryData", 3, 1000)["data"]["userSessions"]
        assert sorted(ids(told)) == sorted(ids(history))
        assert len(set(ids(told))) == len(others) + 1
    finally:
        store.close()


def test_asynchronous_client(tmp_path: Path) -> None:
    """The asynchronous client reads, marks and deletes a session that it was told of, and is told of all that, too."""
    data = tmp_path / "data"
    store = Store.open(data)

    async def use(address: str, token: str, office: Office) -> None:
        told: asyncio.Queue[CallHistoryEvent] = asyncio.Queue()
        async with CallHistoryClient(f"{address}/janus/api/v1", token) as client:
            client.on("callHistory:user_recent_sessions", told.put)
            client.on("callHistory:user_viewed_sessions", told.put)
            client.on("callHistory:user_sessions_deleted", told.put)
            await client.connect()
            await asyncio.to_thread(office.report, office.between_users("unanswered_internal"))
            event = await told.get()
            assert isinstance(event, CallSessionEvent)
            (session,) = event.data.userSessions.userSessions
            assert session.disposition == "MISSED"
            assert (await client.update_missed_calls([session])).message == "SUCCESS"
            assert isinstance(await told.get(), CallSessionViewedEvent)
            (read,) = (await client.get_call_history_data(days=3)).data.userSessions
            assert read.isRead
            assert (await client.delete_call_history_records([read])).message == "SUCCESS"
            assert isinstance(await told.get(), CallSessionDeletedEvent)
            assert (await client.get_call_history_data(days=3)).data.userSessions == []

    try:
        with serving(data) as server:
            office = Office(Service(server, data, store), 7, ["unanswered_internal"])
            user = both(office.between_users("unanswered_internal"))[1]
            asyncio.run(asyncio.wait_for(use(server.address, office.token(user), office), 60))
    finally:
        store.close()
