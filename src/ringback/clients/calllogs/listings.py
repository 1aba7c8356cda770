"""Lists as programs read them: call log by call log, or page by page."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Self

from ringback.clients.calllogs.carriers import AsyncCarrier, Carrier
from ringback.clients.calllogs.pages import Page, Pager
from ringback.records.portsip.call_log import CallLog


class CallLogIterator(Iterator[CallLog]):
    """The call logs of a list, one after the other. Pages are asked for as their call logs are taken.

    It is read once, and an error ends it; what came before the error is good.
    """

    def __init__(self, pager: Pager, carrier: Carrier) -> None:
        self._pager = pager
        self._carrier = carrier
        self._waiting: deque[CallLog] = deque()
        self._count: int | None = None

    @property
    def count(self) -> int | None:
        """How many call logs the whole list has, as the server said with the newest page; None if it did not."""
        return self._count

    def pages(self) -> Iterator[Page]:
        """What is left, page by page. The first page comes even if it is empty."""
        if self._waiting:
            waiting = tuple(self._waiting)
            self._waiting.clear()
            yield Page(waiting, self._count)
        while (page := self._next_page()) is not None:
            yield page

    def __next__(self) -> CallLog:
        while not self._waiting:
            page = self._next_page()
            if page is None:
                raise StopIteration
            self._waiting.extend(page.items)
        return self._waiting.popleft()

    def _next_page(self) -> Page | None:
        page = self._carrier.run(self._pager.next())
        if page is not None:
            self._count = page.count
        return page


class AsyncCallLogIterator(AsyncIterator[CallLog]):
    """The same for asyncio."""

    def __init__(self, pager: Pager, carrier: AsyncCarrier) -> None:
        self._pager = pager
        self._carrier = carrier
        self._waiting: deque[CallLog] = deque()
        self._count: int | None = None

    @property
    def count(self) -> int | None:
        """See `CallLogIterator.count`."""
        return self._count

    async def pages(self) -> AsyncIterator[Page]:
        """See `CallLogIterator.pages`."""
        if self._waiting:
            waiting = tuple(self._waiting)
            self._waiting.clear()
            yield Page(waiting, self._count)
        while (page := await self._next_page()) is not None:
            yield page

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> CallLog:
        while not self._waiting:
            page = await self._next_page()
            if page is None:
                raise StopAsyncIteration
            self._waiting.extend(page.items)
        return self._waiting.popleft()

    async def _next_page(self) -> Page | None:
        page = await self._carrier.run(self._pager.next())
        if page is not None:
            self._count = page.count
        return page
