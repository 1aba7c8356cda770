"""The published client library `wxc_sdk`, as its users call it, pointed at a server of ours."""

from __future__ import annotations

import asyncio
import functools
import warnings
from collections.abc import Callable
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the package's own, of how it inherits from aiohttp's session
    from wxc_sdk import WebexSimpleApi
    from wxc_sdk.as_api import AsWebexSimpleApi
    from wxc_sdk.cdr import CDR

Read = Callable[..., list[CDR]]
"""Reads a window to its end: `read(address, token, start, end, **options of get_cdr_history)`."""


def over_http(session: Any) -> None:
    """Let a session speak http: the package writes https into the first address, and takes next links as they are."""
    follow = session.follow_pagination

    @functools.wraps(follow)
    def follow_pagination(*, url: str, **rest: Any) -> Any:
        return follow(url=url.replace("https://", "http://", 1), **rest)

    session.follow_pagination = follow_pagination


def read_sync(address: str, token: str, start: Any, end: Any, *, retry_429: bool = True, **options: Any) -> list[CDR]:
    """All records of a window, by the generator of the synchronous API."""
    with WebexSimpleApi(tokens=token, retry_429=retry_429) as api:
        over_http(api.session)
        return list(api.cdr.get_cdr_history(start, end, host=_host(address), **options))


def read_async(address: str, token: str, start: Any, end: Any, *, retry_429: bool = True, **options: Any) -> list[CDR]:
    """The same by the asynchronous API, which gives a list."""

    async def read() -> list[CDR]:
        async with AsWebexSimpleApi(tokens=token, retry_429=retry_429) as api:
            over_http(api.session)
            return list(await api.cdr.get_cdr_history(start, end, host=_host(address), **options))

    return asyncio.run(read())


def read_async_generator(address: str, token: str, start: Any, end: Any, **options: Any) -> list[CDR]:
    """The same by the asynchronous generator."""

    async def read() -> list[CDR]:
        async with AsWebexSimpleApi(tokens=token) as api:
            over_http(api.session)
            return [cdr async for cdr in api.cdr.get_cdr_history_gen(start, end, host=_host(address), **options)]

    return asyncio.run(read())


def _host(address: str) -> str:
    return address.removeprefix("http://")
