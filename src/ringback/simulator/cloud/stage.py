"""A thread for what answers, so that any client can ask it: in this process, or in another one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine

from ringback.simulator.cloud.clock import Clock

_TICK = 0.01  # seconds of the machine between looks at the clock


class Stage:
    """Runs an event loop in a thread of its own, and has the clock looked at there again and again.

    Args:
        name: of the thread.
        clock: each step of it by hand is looked at before it returns.
        adjust: does what is due now; never called twice at once.
        shut: ends what `adjust` has begun, when the stage closes.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        adjust: Callable[[], Awaitable[None]],
        shut: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        self._clock = clock
        self._adjust = adjust
        self._shut = shut
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._open = False
        self._gate = threading.Lock()
        self._adjusting = asyncio.Lock()
        self._errors: list[Exception] = []

    def open(self) -> None:
        """Begin, and return when what is due now is done."""
        self._loop = asyncio.new_event_loop()
        self._open = True
        self._thread.start()
        self._look()
        self._clock.watch(self._look)

    def close(self) -> None:
        """End. Raises the first error that was given to `fail`."""
        with self._gate:
            if not self._open:
                return
            self._open = False
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        if self._errors:
            raise self._errors[0]

    def soon(self, action: Callable[[], None]) -> None:
        """Do something in the loop, from any thread."""
        self._loop.call_soon_threadsafe(action)

    def fail(self, error: Exception) -> None:
        """Note an error of our own; without that it would look like one of the faults."""
        self._errors.append(error)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        ticking = self._loop.create_task(self._tick())
        self._loop.run_forever()
        # Not cancelled, or a listener may be left half open.
        self._loop.run_until_complete(ticking)
        self._loop.run_until_complete(self._shut())
        self._loop.close()

    async def _tick(self) -> None:
        while self._open:
            await self._turn()
            await asyncio.sleep(_TICK)

    def _look(self) -> None:
        """Let a step of the clock by hand have its effect before the step returns."""
        with self._gate:  # or the loop might end while it is waited for
            if self._open:
                asyncio.run_coroutine_threadsafe(self._turn(), self._loop).result()

    async def _turn(self) -> None:
        async with self._adjusting:
            await self._adjust()
