"""How a client of the call history behaves."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum

import httpx2
import msgspec

from ringback.clients.errors import UsageError
from ringback.clients.hosts import Hosts
from ringback.clients.retry import Retries
from ringback.clients.steps import utc_now

_MERCURY_PATH = "/v1/mercury"
_TO_HTTP = {"ws": "http", "wss": "https"}
_TO_WEBSOCKET = {"http": "ws", "https": "wss"}


class CallingBackend(StrEnum):
    """What the user's calls are made with; the values are those of the SDK."""

    WEBEX_CALLING = "WEBEX_CALLING"
    """Asks for the sessions of shared lines too."""
    BROADWORKS_CALLING = "BROADWORKS_CALLING"
    UCM_CALLING = "UCM_CALLING"
    """Adds the number of the line to each session that has a `cucmDN`."""


class HistoryOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How requests are made and the connection is kept. The defaults are those of the SDK where it has any.

    Attributes:
        allow_http: whether the token may be sent without encryption to other machines. To this machine it always may.
        connect_timeout: seconds to connect.
        answer_timeout: seconds until an answer is whole.
        ready_timeout: seconds until the server has said that events come.
        ping_interval: seconds between the answer to one ping and the next ping.
        pong_timeout: seconds that a ping may go unanswered.
        close_timeout: seconds that are waited for the server when the connection is closed.
        reconnect: the waits before the connection is made again; starts anew after one that lasted a `ping_interval`.
        catch_up: the waits when the history cannot be read after a lost connection.
        look_back: how much older than the loss of a connection what was then viewed or deleted may be.
        now: the time.
        timer: seconds on a clock that is never set back.
        random: for the part of waits that is left to chance.
        sleep: waits for some seconds, when awaited.
    """

    allow_http: bool = False
    connect_timeout: float = 10.0
    answer_timeout: float = 60.0
    ready_timeout: float = 10.0
    ping_interval: float = 15.0
    pong_timeout: float = 14.0
    close_timeout: float = 2.0
    reconnect: Retries = Retries(tries=2**31, total=math.inf)
    catch_up: Retries = Retries()
    look_back: timedelta = timedelta(days=7)
    now: Callable[[], datetime] = utc_now
    timer: Callable[[], float] = time.monotonic
    random: random.Random = msgspec.field(default_factory=random.Random)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


def base_address(address: str, options: HistoryOptions) -> httpx2.URL:
    """The address that requests begin with; see `below`.

    Raises:
        UsageError: it is none, or would get the token without encryption.
    """
    return Hosts((), allow_http=options.allow_http).base(address)


def below(base: httpx2.URL, path: str, query: str | None = None) -> httpx2.URL:
    """The address of a path under a base, whether that ends in a slash or not.

    Args:
        path, query: as they are to be sent.
    """
    encoded = None if query is None else query.encode("ascii")
    return base.copy_with(path=base.path.rstrip("/") + path, query=encoded)


def mercury_address(address: str | None, base: httpx2.URL, options: HistoryOptions) -> httpx2.URL:
    """The address of the WebSocket, by default the one that ringback's server has at the host of `base`.

    Args:
        address: with ws or wss, perhaps with a query.

    Raises:
        UsageError: it is none, or would get the token without encryption.
    """
    if address is None:
        return base.copy_with(scheme=_TO_WEBSOCKET[base.scheme], path=_MERCURY_PATH)
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL as error:
        raise UsageError(f"the address {address!r} is no address: {error}") from error
    if url.scheme not in _TO_HTTP:
        raise UsageError(f"the address {address!r} must begin with wss:// or ws://")
    base_address(str(url.copy_with(scheme=_TO_HTTP[url.scheme], query=None)), options)
    return url
