"""Asking for rows alone, which is the only way to their cost and billed account, within a budget of requests.

Which rows are to be asked for follows from the ledger: those that came in a range of stored times, are current, and do
not have the two. So each version of a row is asked for once; what was done is in the window ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote
from uuid import UUID

import msgspec
import structlog

from ringback.clients.pace import Pace, RequestKind
from ringback.clients.retry import Retries
from ringback.ledger.contract import Ledger, TimeAxis, Window
from ringback.ledger.windows import Counts
from ringback.records.errors import NotARecord
from ringback.records.lazy import decode_object
from ringback.records.portsip.call_log import read_call_log
from ringback.records.portsip.decode import is_call_log
from ringback.sources.collecting.kind import PageItems, Sink, SourceAway, Whole, WindowFailed
from ringback.sources.collecting.plan import Task
from ringback.sources.portsip.gateway import Answer, Request
from ringback.sources.portsip.session import BadBody, Session

_ONLY_ALONE = ("cost", "billed_account")
_ROWS = 100
_SECONDS = 15.0
"""No task takes longer, so that lists are asked in time."""

_RETRIES = Retries(tries=2, total=10.0)
_GIVEN_UP_AFTER = 3
_GONE = frozenset({400, 404, 410})
_REMEMBERED = 100_000

_log = structlog.get_logger("ringback.collect")


class _Asked(msgspec.Struct):
    """What became of the rows of a page.

    Attributes:
        requests: made.
        good: of these, answered.
        details: the answers that are rows.
        failed: id, bytes from the list, and reason of those that were not answered.
        in_a_row: how many of the last ones were not.
    """

    requests: int = 0
    good: int = 0
    details: list[bytes] = []
    failed: list[tuple[str, bytes, str]] = []
    in_a_row: int = 0


class Details:
    """Asks for rows alone. For one thread.

    Args:
        budget: requests in a minute; half of it in one task.
        pace: of these requests.
        timer: seconds on a clock that is never set back.

    Attributes:
        left: whether rows may be left that should be asked for now.
    """

    def __init__(
        self,
        org: UUID,
        source: str,
        ledger: Ledger,
        session: Session,
        budget: int,
        pace: Pace,
        timer: Callable[[], float],
    ) -> None:
        self.left = True
        self._org = org
        self._ledger = ledger
        self._session = session
        self._at_once = max(1, budget // 2)
        self._pace = pace
        self._timer = timer
        self._asked: set[tuple[str, int]] = set()
        self._failures: dict[str, int] = {}
        self._log = _log.bind(source=source)

    def read(self, task: Task, sink: Sink) -> Whole:
        """Ask for the rows that came in the task's range of stored times, as far as the budget goes.

        Raises:
            WindowFailed: the PBX does not give some or all of them; it is tried again later.
        """
        until, left = self._timer() + _SECONDS, self._at_once
        window = Window(self._org, TimeAxis.STORED, task.start, task.end)
        snapshot = self._ledger.newest(self._org)
        begin = None
        while True:
            page = self._ledger.page(window, snapshot=snapshot, limit=_ROWS, begin=begin, as_came=True)
            asked = _Asked()
            try:
                for raw in page.records:
                    if (record_id := _to_ask(raw)) is None or (record_id, hash(raw)) in self._asked:
                        continue
                    if asked.requests >= left or self._timer() > until or self._must_wait():
                        self.left = True
                        # The rows of one moment may be on two pages. Those that were asked for are remembered.
                        return Whole(end=task.start if begin is None else begin.at)
                    self._ask(record_id, raw, asked)
            finally:
                if asked.requests:
                    took = Counts(pages=1, items=len(asked.details))
                    sink.store(PageItems(asked.details, (), took))
            self._give_up_or_fail(asked)
            left -= asked.requests
            begin = page.next
            if begin is None:
                self.left = False
                self._asked.clear()
                return Whole()

    def _must_wait(self) -> bool:
        return self._pace.delay(RequestKind.INITIAL, self._timer()) > 0

    def _ask(self, record_id: str, raw: bytes, asked: _Asked) -> None:
        """Ask for a row. One that the PBX does not have, or never gives, is as good as asked for."""
        asked.requests += 1
        slot = self._pace.book(RequestKind.INITIAL)
        slot.wait(self._timer())
        try:
            detail = self._session.ask(
                Request(path=f"/calllogs/{quote(record_id, safe='')}"),
                lambda answer: _detail(record_id, answer),
                _RETRIES,
            )
        except (SourceAway, WindowFailed) as error:
            asked.failed.append((record_id, raw, str(error)))
            asked.in_a_row += 1
            if asked.in_a_row > 1:  # it is not this row
                raise WindowFailed(str(error)) from error
            return
        finally:
            slot.settle(self._timer())
        asked.in_a_row = 0
        asked.good += 1
        if detail is not None:
            asked.details.append(detail)
        self._remember(record_id, raw)

    def _give_up_or_fail(self, asked: _Asked) -> None:
        """See whether rows failed. One that fails again and again while others do not is not asked for any more."""
        again = ""
        for record_id, raw, reason in asked.failed:
            failures = self._failures[record_id] = self._failures.get(record_id, 0) + bool(asked.good)
            if failures < _GIVEN_UP_AFTER:
                again = reason
            else:
                self._log.warning("a row cannot be had alone", id=record_id, reason=reason)
                del self._failures[record_id]
                self._remember(record_id, raw)
        if again:
            raise WindowFailed(again)

    def _remember(self, record_id: str, raw: bytes) -> None:
        if len(self._asked) >= _REMEMBERED:
            self._asked.clear()
        self._asked.add((record_id, hash(raw)))


def _to_ask(raw: bytes) -> str | None:
    """The id of a row to be asked for: a call log of a call that is over, from a list."""
    values = decode_object(raw)
    if not is_call_log(values) or any(key in values for key in _ONLY_ALONE):
        return None
    log = read_call_log(raw)
    return None if log.ended_at is None else log.id


def _detail(record_id: str, answer: Answer) -> bytes | None:
    if answer.status in _GONE:
        return None
    if answer.status != 200:
        raise BadBody(f"/calllogs/{record_id}: {answer.summary()}")
    try:
        if read_call_log(answer.body).id == record_id:
            return answer.body.strip()
    except NotARecord as error:
        raise BadBody(f"/calllogs/{record_id}: {error}") from error
    raise BadBody(f"/calllogs/{record_id}: the answer is about another row")
