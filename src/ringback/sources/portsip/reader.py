"""Reading one window of a list, page by page, each stored before the next is asked for.

Pages are cut by `skip`, so rows that come or go while a list is read move all that follow. So pages overlap: what a
page gives is a stretch of the list, and if it has a row that came before, nothing is missing between the two. If it has
none, the reading goes back. Where the list tells how many rows there are, that many must have come in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from ringback.ledger.windows import Counts
from ringback.sources.collecting.intervals import SECOND
from ringback.sources.collecting.kind import PageItems, Sink, Whole, WindowFailed
from ringback.sources.collecting.plan import Task
from ringback.sources.portsip.abilities import Abilities, Axis, axis_of
from ringback.sources.portsip.lists import ORDERS, NotTaken, ask_list, descending, within
from ringback.sources.portsip.rows import Page, Row
from ringback.sources.portsip.session import Session
from ringback.sources.portsip.troubles import SMALLEST

_MOST_ROWS = 3000
"""A window with more rows is asked for again in halves: the longer a reading takes, the more moves meanwhile."""

_OVERLAP, _WIDE_OVERLAP = 5, 25
"""Rows by which pages overlap, and where the order of some of them is not settled."""

_READINGS = 3
_MOST_ATTEMPTS = 3
_STEPS_BACK = 3


class NotHeeded(WindowFailed):
    """The list does not heed what it was found to heed."""


class _Read(msgspec.Struct):
    """One reading of a window.

    Attributes:
        ids: of all rows.
        quiet: of those whose calls ended so long ago that no row of then can still come.
        broken: items that are no rows.
        first_count, last_count: how many rows the list said there are, at the beginning and at the end.
        whole: whether the list was read to its end.
    """

    ids: set[str] = msgspec.field(default_factory=set)
    quiet: set[str] = msgspec.field(default_factory=set)
    broken: set[bytes] = msgspec.field(default_factory=set)
    first_count: int | None = None
    last_count: int | None = None
    whole: bool = True

    def fits(self, count: int) -> bool:
        """Whether a count is that of the rows that came; what is no row may be one for the list."""
        return len(self.ids) <= count <= len(self.ids) + len(self.broken)


class Reader:
    """Reads windows. For one thread.

    Args:
        edge: the time by which a call must have ended for its row to be in the list now.
    """

    def __init__(self, session: Session, edge: Callable[[], int]) -> None:
        self._session = session
        self._edge = edge

    def read(self, task: Task, abilities: Abilities, sink: Sink) -> Whole:
        """Read a window to its end.

        Raises:
            NotHeeded: the list must be probed again.
            WindowFailed, SourceAway: see there. What the sink raises passes through.
        """
        try:
            return _Reading(self._session, self._edge(), task, abilities, sink).run()
        except NotTaken as error:
            raise NotHeeded(f"{error}: it does not take any more what it was found to take") from error


class _Reading:
    def __init__(self, session: Session, quiet_until: int, task: Task, can: Abilities, sink: Sink) -> None:
        self._session = session
        self._quiet_until = quiet_until
        self._task = task
        self._can = can
        self._sink = sink
        axis = axis_of(task.endpoint)
        assert axis is not None  # noqa: S101  # the planner asks lists for windows
        self._axis = axis
        self._stored: dict[str, int] = {}
        self._options = self._usual_options()

    def _usual_options(self) -> dict[str, str]:
        can, task = self._can, self._task
        options = {}
        if self._axis is not Axis.ALL:
            options["filter"] = within(f"{'ended' if self._axis is Axis.ENDED else 'started'}_at", task.start, task.end)
        if can.order:
            options["orderby"] = descending(can.order) if self._axis is Axis.ALL else can.order
        if can.top:
            options["top"] = str(can.page)
        if can.count:
            options["count"] = "true"
        return options

    def run(self) -> Whole:
        before: _Read | None = None
        for _ in range(_READINGS):
            read = self._read()
            count = read.last_count
            if not read.whole:
                return Whole()  # the count is that of the whole list
            if count is None or read.fits(count):
                return Whole(count)
            # While rows come, the count grows away from what was read. They are of calls that have just ended; of those
            # before, two readings that agree have all.
            if before and read.first_count != count and read.quiet == before.quiet:
                return Whole(count)
            before = read
        remark = f"the list says that there are {count} rows, and {len(read.ids)} came"
        if self._task.attempt < _MOST_ATTEMPTS:
            raise WindowFailed(remark)
        return Whole(count, f"{remark}, in {self._task.attempt} attempts; taken as complete")

    def _read(self) -> _Read:
        """Read it once."""
        read = _Read()
        skip = overlap = back = 0
        while True:
            page = ask_list(self._session, self._can, self._options | ({"skip": str(skip)} if skip else {}))
            self._check(page)
            joins = not skip or not read.ids.isdisjoint(page.ids)
            fresh = page.ids - read.ids
            self._store(page)
            if skip == 0:
                read.first_count = page.count if self._can.count else None
            read.last_count = page.count if self._can.count else None
            if not joins and (page.items or overlap):
                back += 1
                if back > _STEPS_BACK:
                    raise WindowFailed("the rows of the list moved while they were read")
                skip = max(0, skip - self._can.page)
                continue
            read.ids |= page.ids
            read.quiet |= {row.id for row in page.rows if row.ended is not None and row.ended < self._quiet_until}
            read.broken |= {raw for raw, _ in page.broken}
            if self._is_last(page, read, fresh=bool(fresh), skip=skip):
                return read
            overlap = self._overlap(page.rows)
            skip += max(len(page.rows) - overlap, 1)

    def _is_last(self, page: Page, read: _Read, *, fresh: bool, skip: int) -> bool:
        count, full = read.last_count, page.items >= self._can.page
        if not page.items:
            return True
        if not page.rows:
            raise WindowFailed(f"no row of a page can be read: {page.broken[0][1]}")
        self._check_size(count, len(read.ids))
        if not self._can.skip:
            if full or (count is not None and count > page.items):
                raise WindowFailed("it has more rows than fit on a page; it is asked for again in halves")
            return True
        if self._axis is Axis.ALL and self._is_before(page.rows):
            read.whole = False
            return True
        if not full and count is not None and len(read.ids) == count:
            return True
        return bool(skip) and not fresh and not full

    def _check(self, page: Page) -> None:
        """See that a page is what was asked for."""
        task, rows = self._task, page.rows
        if self._axis is not Axis.ALL:
            times = [row.ended if self._axis is Axis.ENDED else row.started for row in rows]
            if any(time is not None and not task.start - SECOND <= time < task.end + SECOND for time in times):
                raise NotHeeded("the list gives rows that the filter leaves out")
        starts = [row.started for row in rows if row.started is not None]
        if self._axis is Axis.ALL:
            starts.reverse()
        ordered = self._can.order or (self._axis is Axis.ALL and self._can.newest_first)
        if ordered and any(a > b for a, b in pairwise(starts)):
            raise NotHeeded("the list gives rows in another order than it did")

    def _check_size(self, count: int | None, came: int) -> None:
        task = self._task
        if self._axis is not Axis.ALL and task.end - task.start > SMALLEST and max(count or 0, came) > _MOST_ROWS:
            raise WindowFailed(f"it has {count or came} rows or more; it is asked for again in halves")

    def _is_before(self, rows: Sequence[Row]) -> bool:
        """Whether all calls of a page began before the window, and so those of all pages that follow."""
        ordered = self._can.order or self._can.newest_first
        begin = self._task.start - SECOND
        return bool(ordered) and all(row.started is not None and row.started < begin for row in rows)

    def _overlap(self, rows: Sequence[Row]) -> int:
        """By how many rows the next page is to overlap this one: rows of the same moment may change places."""
        if self._can.order == ORDERS[0]:
            return min(_OVERLAP, len(rows) - 1)
        other = (number for number, row in enumerate(reversed(rows)) if row.started != rows[-1].started)
        return min(next(other, len(rows)) + _WIDE_OVERLAP, len(rows) - 1)

    def _store(self, page: Page) -> None:
        rows = [row for row in page.rows if self._stored.get(row.id) != hash(row.raw)]
        self._stored |= {row.id: hash(row.raw) for row in rows}
        repeated = page.items - len(page.broken) - len(rows)
        took = Counts(pages=1, items=page.items, duplicate=repeated)
        self._sink.store(PageItems([row.raw for row in rows], page.broken, took))
