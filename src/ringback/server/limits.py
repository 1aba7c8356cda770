"""What a token may ask for: ages and spans of windows, page sizes, and requests in a minute."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from ringback.store import Store
from ringback.store.schema import token_requests

_MINUTE = 60_000


class WindowLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a window, for one endpoint; None for no bound.

    Attributes:
        newest: how far in the past startTime and endTime must be at least.
        oldest: how far in the past they may be at most.
        span: how long the window may be at most.
        largest_page: what a larger `max` is clamped to, and the default of `max`.
    """

    newest: timedelta | None = None
    oldest: timedelta | None = None
    span: timedelta | None = None
    largest_page: int = 5000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of limits.

    Attributes:
        initial_requests: first pages in any 60 seconds; None for any number.
        page_requests: next pages in any 60 seconds; None for any number.
    """

    name: str
    feed: WindowLimits
    stream: WindowLimits
    initial_requests: int | None
    page_requests: int | None


_STREAM = WindowLimits(newest=timedelta(minutes=1), oldest=timedelta(hours=12), span=timedelta(hours=2))

PROFILES = {
    limits.name: limits
    for limits in (
        # "Reports: Detailed Call History" and "Reports: Live Stream Detailed Call History", 2025 and 2026
        Limits(
            name="documented",
            feed=WindowLimits(newest=timedelta(minutes=5), oldest=timedelta(days=30), span=timedelta(hours=12)),
            stream=_STREAM,
            initial_requests=1,
            page_requests=10,
        ),
        # "Get Detailed Call History", 2023: 48 hours, pages of up to 500, next pages free of the rate limit. There was
        # no stream then; it has today's limits.
        Limits(
            name="2023",
            feed=WindowLimits(
                newest=timedelta(minutes=5), oldest=timedelta(hours=48), span=timedelta(hours=48), largest_page=500
            ),
            stream=_STREAM,
            initial_requests=1,
            page_requests=None,
        ),
        Limits(name="none", feed=WindowLimits(), stream=WindowLimits(), initial_requests=None, page_requests=None),
    )
}
"""The limits a token can have, by name."""


class RateLimiter:
    """Counts requests of tokens in a sliding minute, in the store: all web processes count together, restarts too."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, token: str, bucket: str, allowed: int | None, now: int) -> int:
        """Count a request, if it is allowed.

        Args:
            token: id of the token.
            bucket: what is counted, such as the first pages of the feed.
            allowed: requests in any 60 seconds; None for any number.
            now: milliseconds since 1970.

        Returns:
            0 if the request is allowed; else the seconds after which one will be, from 1 to 60. A request that is not
            allowed is not counted, so asking early does not make the wait longer.
        """
        if allowed is None:
            return 0
        with self._store.read() as connection:  # those who ask too often cost no write
            if wait := _wait(_times(connection, token, bucket), allowed, now):
                return wait
        with self._store.write() as connection:
            times = _times(connection, token, bucket)
            if wait := _wait(times, allowed, now):
                return wait
            text = msgspec.json.encode([*times, now][-allowed:]).decode()
            statement = insert(token_requests).values(token=token, bucket=bucket, times=text)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[token_requests.c.token, token_requests.c.bucket], set_={"times": text}
                )
            )
        return 0


def _times(connection: Connection, token: str, bucket: str) -> list[int]:
    statement = select(token_requests.c.times).where(token_requests.c.token == token, token_requests.c.bucket == bucket)
    text = connection.execute(statement).scalar()
    return msgspec.json.decode(text, type=list[int]) if text else []


def _wait(times: list[int], allowed: int, now: int) -> int:
    if len(times) < allowed:
        return 0
    until = times[-allowed] + _MINUTE - now
    # Beyond a minute: the clock was set back. Nobody waits longer than a minute for that.
    return min(60, -(-until // 1000)) if until > 0 else 0
