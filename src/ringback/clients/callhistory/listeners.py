"""Who wants to be told of events."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from ringback.clients.callhistory.events import EVENT_NAMES, CallHistoryEvent, EventName, name_of
from ringback.clients.errors import UsageError

logger = logging.getLogger("ringback.history")

Callback: TypeAlias = Callable[[Any], object]
"""Gets the event. If it gives something that can be awaited, that is awaited."""


class Listeners:
    """The callbacks of a client, by the name of the event."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callback]] = {name: [] for name in EVENT_NAMES}

    def add(self, name: EventName, callback: Callback) -> None:
        """Call this for each event of the name; once, however often it is added.

        Raises:
            UsageError: there is no such event.
        """
        if callback not in (callbacks := self._of(name)):
            callbacks.append(callback)

    def remove(self, name: EventName, callback: Callback | None) -> None:
        """Do not call this any more; nothing is called if it is None.

        Raises:
            UsageError: there is no such event.
        """
        callbacks = self._of(name)
        callbacks[:] = [one for one in callbacks if callback is not None and one != callback]

    def of(self, event: CallHistoryEvent) -> list[Callback]:
        """All that listen to such events, in the order in which they were added."""
        return list(self._of(name_of(event)))

    async def call(self, callback: Callback, event: CallHistoryEvent) -> None:
        """Call one, unless it does not listen any more. That it fails is logged."""
        name = name_of(event)
        if callback not in self._of(name):
            return
        try:
            result = callback(event)
            if inspect.isawaitable(result):
                await result
        except (Exception, asyncio.CancelledError):
            # What a callback awaits may be cancelled; that is not this task being cancelled.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            logger.exception("a callback for %s failed", name)

    def _of(self, name: str) -> list[Callback]:
        try:
            return self._callbacks[name]
        except KeyError:
            raise UsageError(f"there is no event {name!r}; there are {', '.join(EVENT_NAMES)}") from None
