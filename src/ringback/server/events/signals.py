"""Doing something before a server begins to stop."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def first_at_signals(work: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """At SIGINT and SIGTERM, do this first; then call the handlers that are there now. A second signal does not wait.

    Only the main thread can handle signals. In another this does nothing: who runs a server there stops it otherwise.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    handlers: dict[int, Handler] = {}
    under_way: list[asyncio.Task[None]] = []

    async def work_then(handler: Handler, number: int) -> None:
        await work()
        handler(number, None)

    def on_signal(number: int, frame: FrameType | None) -> None:
        if under_way:
            handlers[number](number, frame)
        else:
            loop.call_soon_threadsafe(begin, number)

    def begin(number: int) -> None:
        under_way.append(loop.create_task(work_then(handlers[number], number)))

    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):
            handlers[number] = handler
            signal.signal(number, on_signal)
    try:
        yield
    finally:
        for changed, handler in handlers.items():
            if signal.getsignal(changed) is on_signal:
                signal.signal(changed, handler)
