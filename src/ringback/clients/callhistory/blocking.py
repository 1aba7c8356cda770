"""The client for programs without asyncio: the asynchronous one, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ParamSpec, Self, TypeVar

from ringback.clients.callhistory.client import CallHistoryClient
from ringback.clients.callhistory.entries import Entry
from ringback.clients.callhistory.events import EventName
from ringback.clients.callhistory.listeners import Callback
from ringback.clients.callhistory.options import CallingBackend, HistoryOptions
from ringback.clients.callhistory.results import (
    DeleteCallHistoryRecordsResponse,
    JanusResponseEvent,
    UpdateMissedCallsResponse,
)
from ringback.clients.errors import UsageError
from ringback.clients.tokens import GivenTokens, Refresh

_P = ParamSpec("_P")
_T = TypeVar("_T")


class SyncCallHistoryClient:
    """The methods of `CallHistoryClient`, blocking, and safe to use from several threads.

    Callbacks are plain functions. They are called one after the other in a thread that is there for nothing else, so
    they may take their time, and may call the methods of the client except `close`. One that raises is logged, also if
    it calls `sys.exit`. The arguments are those of `CallHistoryClient`. Close the client after use: its threads live
    until then.

    Raises:
        UsageError: as for `CallHistoryClient`; methods raise it too when the client is closed.
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
    ) -> None:
        self._client = CallHistoryClient(
            janus,
            tokens,
            refresh=refresh,
            mercury=mercury,
            calling_backend=calling_backend,
            ucm_gateway=ucm_gateway,
            user_id=user_id,
            org_id=org_id,
            options=options,
        )
        self._closing = threading.Lock()  # held by the thread that closes the client, until it is closed
        self._handing_over = threading.Lock()  # held while the loop is given work, or is to be given no more
        self._closed = False
        self._stopping = False
        self._in_callback = threading.local()
        self._callbacks = ThreadPoolExecutor(1, "ringback-callbacks", initializer=self._enter_callbacks)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="ringback-history", daemon=True)
        self._thread.start()

    def get_call_history_data(
        self, days: float = 7, limit: int = 50, sort: str = "DESC", sort_by: str = "endTime"
    ) -> JanusResponseEvent:
        """See `CallHistoryClient.get_call_history_data`."""
        return self._wait(self._client.get_call_history_data, days, limit, sort, sort_by)

    def update_missed_calls(self, end_time_session_ids: Sequence[Entry]) -> UpdateMissedCallsResponse:
        """See `CallHistoryClient.update_missed_calls`."""
        return self._wait(self._client.update_missed_calls, end_time_session_ids)

    def delete_call_history_records(self, delete_session_ids: Sequence[Entry]) -> DeleteCallHistoryRecordsResponse:
        """See `CallHistoryClient.delete_call_history_records`."""
        return self._wait(self._client.delete_call_history_records, delete_session_ids)

    def on(self, event: EventName, callback: Callback) -> None:
        """Call a function for each event of a name; see `CallHistoryClient.on`.

        Raises:
            UsageError: there is no such event, or the function is a coroutine function.
        """
        if inspect.iscoroutinefunction(callback):
            raise UsageError("a coroutine function cannot be called here; use CallHistoryClient with it")
        self._client.on(event, _InThread(callback, self._callbacks))

    def off(self, event: EventName, callback: Callback | None = None) -> None:
        """See `CallHistoryClient.off`."""
        self._client.off(event, None if callback is None else _InThread(callback, self._callbacks))

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client.connected

    @property
    def last_event_id(self) -> int | None:
        """See `CallHistoryClient.last_event_id`."""
        return self._client.last_event_id

    def connect(self, last_event_id: int | None = None, timeout: float | None = None) -> None:
        """Connect, and stay connected; see `CallHistoryClient.connect`.

        Args:
            timeout: seconds to wait for the connection; None for however long it takes.

        Raises:
            ConnectionEnded: the server does not want it.
            TimeoutError: there was no connection in time; the client has stopped trying.
        """
        self._wait(_within, timeout, self._client.connect, last_event_id)

    def disconnect(self) -> None:
        """See `CallHistoryClient.disconnect`."""
        self._wait(self._client.disconnect)

    def wait_closed(self, timeout: float | None = None) -> None:
        """Wait until the client is disconnected, or the connection has ended; see `CallHistoryClient.wait_closed`.

        Args:
            timeout: seconds to wait at most.

        Raises:
            ConnectionEnded: the server does not want it any more.
            TimeoutError: the client is still connected, or trying to be.
        """
        self._wait(_within, timeout, self._client.wait_closed)

    def close(self) -> None:
        """Disconnect, wait for a callback that is running, and end the threads. Closing again does nothing.

        Other threads that close the client meanwhile wait until it is closed; their other calls are refused. Requests
        that were sent end as ones without an answer.

        Raises:
            UsageError: called from a callback, which would wait for itself.
        """
        if self._called_back():
            raise UsageError("a callback cannot close the client that calls it; disconnect() can be called there")
        with self._closing:
            if self._loop.is_closed():
                return
            with self._handing_over:
                self._closed = True
            _result(asyncio.run_coroutine_threadsafe(self._client.close(), self._loop))
            self._callbacks.shutdown()
            self._stopping = True
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _enter_callbacks(self) -> None:
        self._in_callback.yes = True

    def _called_back(self) -> bool:
        return getattr(self._in_callback, "yes", False)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._stopping:
            # asyncio stops a loop in which these are raised, as a function that gives the token may do. Whoever waits
            # for the token gets them; the others go on.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    def _wait(self, method: Callable[_P, Coroutine[Any, Any, _T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with self._handing_over:
            # The callback that `close` waits for may still use the client.
            if self._closed and not self._called_back():
                raise UsageError("the client is closed")
            future = asyncio.run_coroutine_threadsafe(method(*args, **kwargs), self._loop)
        return _result(future)


@dataclass(frozen=True)
class _InThread:
    """A callback that is called in a thread. Two of the same callback are equal, so that it can be taken off again."""

    callback: Callable[[Any], object]
    thread: ThreadPoolExecutor

    async def __call__(self, event: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self.thread, self._call, event)

    def _call(self, event: Any) -> None:
        try:
            self.callback(event)
        except BaseException as error:
            # Not all can be passed on to the loop: a SystemExit would end it, a StopIteration never arrives.
            raise RuntimeError(f"a callback raised {type(error).__name__}") from error


async def _within(seconds: float | None, method: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
    async with asyncio.timeout(seconds):
        await method(*args)


def _result(future: Future[_T]) -> _T:
    try:
        return future.result()
    except CancelledError:
        raise UsageError("the client was closed meanwhile") from None
    except BaseException:  # also a Ctrl-C while waiting: nobody will fetch the result
        future.cancel()
        raise
