"""Events as they happen, for those who listen: over a WebSocket that speaks Mercury, and as server-sent events.

What there is to tell stands in the outbox; here it is only brought to people. Nothing in this folder writes to the
store, and nothing keeps an event for longer than it takes to send it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from litestar.handlers import BaseRouteHandler

from ringback.server.events.hub import EventHub
from ringback.server.events.mercury import mercury_route
from ringback.server.events.sse import sse_route
from ringback.server.events.visit import Door, Patience
from ringback.server.tokens import Tokens
from ringback.settings import Settings

__all__ = ["EventHub", "Patience", "event_routes"]


def event_routes(
    hub: EventHub,
    tokens: Tokens,
    settings: Settings,
    clock: Callable[[], datetime],
    patience: Patience | None = None,
) -> list[BaseRouteHandler]:
    """The routes for listeners.

    Args:
        hub: of this process; it must be `running` while they are served.
        clock: gives the current time, aware.
        patience: how long things may take, if not as long as usual.
    """
    door = Door(hub, tokens, settings, clock, patience or Patience())
    return [mercury_route(door), sse_route(door)]
