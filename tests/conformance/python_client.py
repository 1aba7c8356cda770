"""Our own client of the user call history in the shape of the JavaScript one, for the same tests."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from conformance.javascript.client import BROADWORKS, UCM, UNKNOWN, WEBEX_CALLING, Device, Event
from ringback.history import CallingBackend, ConnectionEnded, JanusResponseEvent, SyncCallHistoryClient

_PATIENCE = 30
_EVENTS = ("callHistory:user_recent_sessions", "callHistory:user_viewed_sessions", "callHistory:user_sessions_deleted")
_CONNECTED = {"mercury:online": True, "mercury:offline.transient": False}
_BACKENDS = (
    (WEBEX_CALLING, CallingBackend.WEBEX_CALLING),
    (BROADWORKS, CallingBackend.BROADWORKS_CALLING),
    (UCM, CallingBackend.UCM_CALLING),
    (UNKNOWN, None),
)


class PythonClient:
    """One `SyncCallHistoryClient`; see `CallingSdk` for the methods. Use it in a with statement."""

    def __init__(self, server: str, token: str, device: Device, user: str, org: str) -> None:
        self._server, self._token, self._user, self._org = server, token, user, org
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._client = self._make(device)

    def __enter__(self) -> PythonClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def start(self) -> PythonClient:
        """Nothing is left to do."""
        return self

    def call(self, method: str, *arguments: Any) -> Any:
        """What the method gives, as JavaScript would write it."""
        client = self._client
        methods: dict[str, Callable[..., Any]] = {
            "getCallHistoryData": client.get_call_history_data,
            "updateMissedCalls": client.update_missed_calls,
            "deleteCallHistoryRecords": client.delete_call_history_records,
        }
        result = methods[method](*arguments)
        if result.data.error is not None:
            data: dict[str, Any] = {"error": result.data.error}
        elif isinstance(result, JanusResponseEvent):
            data = {"userSessions": [_as_written(session) for session in result.data.userSessions]}
        else:
            known = ("readStatusMessage", "deleteStatusMessage")
            data = {name: getattr(result.data, name) for name in known if hasattr(result.data, name)}
        return {"statusCode": result.statusCode, "data": data, "message": result.message}

    def switch(self, device: Device) -> None:
        """Go on with another calling backend."""
        self._client.close()
        self._client = self._make(device)

    def connect(self) -> PythonClient:
        """Connect, and return when the server has let the client in."""
        self._client.connect(timeout=_PATIENCE)
        return self

    def knock(self) -> None:
        """Begin to connect; what comes of it comes as events."""

        def connect() -> None:
            with suppress(ConnectionEnded):
                self._client.connect(timeout=_PATIENCE)

        threading.Thread(target=connect, daemon=True).start()

    def expect(self, name: str) -> Any:
        """What came with the next event, which must be of this name; or wait for a state of the connection."""
        if name in _CONNECTED:
            _wait(lambda: self._client.connected is _CONNECTED[name], name)
            return None
        try:
            event = self._events.get(timeout=_PATIENCE)
        except queue.Empty:
            pytest.fail(f"{name} did not come for {_PATIENCE} seconds")
        assert event.name == name, event
        return event.payload

    def _make(self, device: Device) -> SyncCallHistoryClient:
        backend = next(backend for each, backend in _BACKENDS if each == device)
        client = SyncCallHistoryClient(
            f"{self._server}/janus/api/v1",
            self._token,
            refresh=self._refresh,
            calling_backend=backend,
            ucm_gateway=self._server,
            user_id=self._user,
            org_id=self._org,
        )
        for name in _EVENTS:
            client.on(name, self._hear(name))  # type: ignore[arg-type]  # one of the names, which mypy cannot see
        return client

    def _refresh(self, refused: str) -> str:
        self._events.put(Event("credentials:refresh", None))
        return refused  # there is no other, so the next attempt is refused as well

    def _hear(self, name: str) -> Callable[[Any], None]:
        return lambda event: self._events.put(Event(name, event.raw))


def _as_written(session: Any) -> dict[str, Any]:
    written: dict[str, Any] = dict(session.raw)
    if session.self.ucmLineNumber is not None:
        written["self"] = {**written["self"], "ucmLineNumber": session.self.ucmLineNumber}
    return written


def _wait(reached: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + _PATIENCE
    while not reached():
        assert time.monotonic() < give_up, f"{what} did not come for {_PATIENCE} seconds"
        time.sleep(0.02)
