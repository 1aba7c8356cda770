"""The loop that collects one source: take the lease, look, ask a window, store its pages, note how it ended."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import msgspec
import structlog

from ringback.ledger.contract import Ledger, Quarantined
from ringback.ledger.leases import Lease, LeaseLost, Leases
from ringback.ledger.windows import FOLDED, AskedWindow, Backfill, Counts, Ended, WindowLedger
from ringback.records.decode import Record
from ringback.records.errors import NotARecord
from ringback.records.kinds import decode_any
from ringback.records.values import from_milliseconds, to_milliseconds
from ringback.sources.collecting.clock import Stopped, Time
from ringback.sources.collecting.kind import PageItems, SourceAway, SourceKind, Whole, WindowFailed
from ringback.sources.collecting.plan import HINTED, History, Outlook, Task
from ringback.store import StoreError

_LONGEST_IDLE = 60_000
"""Milliseconds of the source after which wishes are looked for, also while there is nothing to ask."""

_FOLDED_AT_ONCE = 100
"""So many of the windows that can be folded are, in one write, and as many are left for people to look at."""

_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 15.0, 300.0
_log = structlog.get_logger("ringback.collect")


class Tools(msgspec.Struct, frozen=True):
    """What all workers of a process share.

    Attributes:
        holder: names this process in leases.
        once: end as soon as nothing but what is coming is left to be read.
        only_backfills: end as soon as no backfill is left.
    """

    ledger: Ledger
    windows: WindowLedger
    leases: Leases
    holder: str
    once: bool = False
    only_backfills: bool = False


def job(source: str) -> str:
    """What the lease of a source is called."""
    return f"source {source}"


class Worker:
    """Collects one source until it is told to stop.

    Args:
        lifetime: of the lease.
        time: of this machine.
    """

    def __init__(self, kind: SourceKind, tools: Tools, time: Time, lifetime: timedelta) -> None:
        self.kind = kind
        self.stop = threading.Event()
        self._tools = tools
        self._time = time
        self._lifetime = lifetime
        self._lease: Lease | None = None
        self._log = _log.bind(source=kind.name)

    def run(self) -> None:
        """Collect. Whatever goes wrong is logged and tried again; only `stop` and `once` end it."""
        back_off = _FIRST_BACK_OFF
        try:
            while not self.stop.is_set():
                try:
                    if (lease := self._take()) is not None:
                        _Collecting(self, lease, self._tools, self._time).run()
                    break
                except Stopped:
                    break
                except LeaseLost:
                    self._log.warning("lease lost", advice="another collector has taken this source over")
                except StoreError as error:
                    self._log.error("the store cannot be written", reason=str(error))
                except Exception:
                    self._log.exception("collecting failed")
                self._time.wait(back_off, self.stop)
                back_off = min(2 * back_off, _LONGEST_BACK_OFF)
        finally:
            self.release()
            self.kind.close()

    def end(self) -> None:
        """Tell it to stop, also if it waits for news."""
        self.stop.set()
        self.kind.news.set()

    def _take(self) -> Lease | None:
        told = ""
        while not self.stop.is_set():
            lease = self._tools.leases.take(self.kind.org, job(self.kind.name), self._tools.holder, self._lifetime)
            if isinstance(lease, Lease):
                self._lease = lease
                return lease
            if told != lease.holder:
                told = lease.holder
                self._log.warning(
                    "waiting for the lease",
                    holder=lease.holder,
                    until=_text(lease.expires_at),
                    advice="another process collects this source; if it has died, its lease ends by itself",
                )
            self.stop.wait(min(1.0, self._lifetime.total_seconds() / 4))
        return None

    def renew(self) -> None:
        """Renew the lease, if there is one. Somebody else calls this all the time."""
        if lease := self._lease:
            try:
                self._tools.leases.renew(lease, self._lifetime)
            except LeaseLost:
                self._lease = None  # the next write is refused, and ends the collecting
            except StoreError as error:
                self._log.warning("the lease could not be renewed", reason=str(error))

    def release(self) -> None:
        """Give the lease back, so that others need not wait until it ends."""
        lease, self._lease = self._lease, None
        if lease:
            try:
                self._tools.leases.release(lease)
            except StoreError as error:
                self._log.warning("the lease could not be released", reason=str(error))


class _Collecting:
    """The work under one lease."""

    def __init__(self, worker: Worker, lease: Lease, tools: Tools, time: Time) -> None:
        self._worker = worker
        self._kind = worker.kind
        self._lease = lease
        self._tools = tools
        self._windows = tools.windows
        self._time = time
        self._log = _log.bind(source=worker.kind.name)
        self._problem = ""
        self._failures = 0
        self._known: list[AskedWindow] = []
        self._hinted_at: int | None = None
        self._took = Counts()
        self._progress: tuple[int, int] | None = None

    def run(self) -> None:
        kind, lease = self._kind, self._lease
        state = self._windows.enrol(lease, kind.name, kind.kind)
        self._problem = state.problem
        if state.asked_at is not None:
            kind.asked_before(to_milliseconds(self._time.now()) - state.asked_at)
        begins_at = state.begins_at
        if begins_at is None:
            begins_at = kind.first_begin(kind.now())
            if not self._tools.only_backfills:
                self._windows.set_begin(lease, kind.name, begins_at)
        self._known = list(self._windows.windows(lease.org, kind.name, since=0))
        self._log.info("collecting", org=str(lease.org), epoch=lease.epoch, begins=_text(begins_at))
        while True:
            self._wait(kind.pause())
            self._heed_news()
            now = kind.now()
            outlook = kind.look(self._history(begins_at), now)
            self._note(outlook, now)
            self._fold(outlook, begins_at)
            if self._finished(outlook):
                return
            if outlook.task is None:
                self._time.wait(min(outlook.wait, _LONGEST_IDLE) / 1000, kind.news)
                continue
            self._ask(outlook.task)

    def _history(self, begins_at: int) -> History:
        name, org = self._kind.name, self._lease.org
        return History(
            begins_at=begins_at,
            windows=self._known,
            lost=[(lost.start, lost.end) for lost in self._windows.lost(org, name)],
            backfills=self._wanted(),
            only_backfills=self._tools.only_backfills,
            hinted_at=self._hinted_at,
        )

    def _wanted(self) -> list[Backfill]:
        return [wish for wish in self._windows.backfills(self._lease.org, self._kind.name) if wish.done_at is None]

    def _finished(self, outlook: Outlook) -> bool:
        if self._tools.only_backfills:
            return not self._wanted()
        return self._tools.once and outlook.caught_up

    def _note(self, outlook: Outlook, now: int) -> None:
        lease, name = self._lease, self._kind.name
        for start, end in () if self._tools.only_backfills else outlook.lost:
            if self._windows.lose(lease, name, start, end, now):
                self._log.error(
                    "records may be lost for ever",
                    start=_text(start),
                    end=_text(end),
                    advice="the source no longer has all records of this range; see 'What is lost' in "
                    "docs/collecting.md",
                )
        for wish in outlook.done:
            self._windows.fulfil(lease, name, wish, now)
            self._log.info("backfill done", start=_text(wish.start), end=_text(wish.end))
        progress = outlook.complete_up_to, len(outlook.gaps)
        if progress != self._progress and not self._tools.only_backfills:
            self._windows.set_progress(lease, name, *progress)
            self._progress = progress

    def _fold(self, outlook: Outlook, begins_at: int) -> None:
        spent = [window for window in self._known if window.end <= outlook.spent and window.purpose != FOLDED]
        if len(spent) < 2 * _FOLDED_AT_ONCE or outlook.settled <= begins_at or self._tools.only_backfills:
            return
        numbers = {window.number for window in spent[:_FOLDED_AT_ONCE]}
        folded = self._windows.fold(self._lease, self._kind.name, sorted(numbers), begins_at, outlook.settled)
        kept = [window for window in self._known if window.number not in numbers and window.purpose != FOLDED]
        self._known = [folded, *kept]

    def _ask(self, task: Task) -> None:
        lease, name = self._lease, self._kind.name
        if task.purpose == HINTED:
            self._hinted_at = None
        number = self._windows.begin(lease, name, task.endpoint, task.purpose, task.start, task.end, self._kind.now())
        sink = _Sink(self, number)
        whole = Whole()
        try:
            whole = self._kind.read(task, sink)
            ended, reason = Ended.COMPLETE, whole.remark
        except WindowFailed as error:
            ended, reason = Ended.FAILED, str(error)
        except SourceAway as error:
            ended, reason = Ended.INTERRUPTED, str(error)
        except Stopped:
            self._end(number, Ended.INTERRUPTED, "the collector was stopped", whole)
            raise
        self._end(number, ended, reason, whole)
        away = ended is Ended.INTERRUPTED
        self._tell_problem(reason if away else "")
        if away:
            self._failures += 1
            seconds = min(_FIRST_BACK_OFF * 2.0 ** min(self._failures - 1, 10), _LONGEST_BACK_OFF)
            self._wait(seconds)
        else:
            self._failures = 0

    def _end(self, number: int, ended: Ended, reason: str, whole: Whole) -> None:
        took, self._took = self._took, Counts()
        if took != Counts():  # since the last page, or without any
            self._windows.add(self._lease, self._kind.name, number, took)
        window = self._windows.end(
            self._lease,
            self._kind.name,
            number,
            ended,
            self._kind.now(),
            reason=reason,
            total_count=whole.total_count,
            end=whole.end,
        )
        self._known.append(window)
        log = self._log.info if ended is Ended.COMPLETE and not reason else self._log.warning
        log("window", **_facts(window))

    def _tell_problem(self, problem: str) -> None:
        if problem == self._problem:
            return
        at = to_milliseconds(self._time.now()) if problem else None
        self._windows.set_problem(self._lease, self._kind.name, problem, at)
        if problem:
            self._log.error("the source cannot be read", reason=problem)
        else:
            self._log.info("the source can be read again")
        self._problem = problem

    def _check(self) -> None:
        if self._worker.stop.is_set():
            raise Stopped

    def _wait(self, seconds: float) -> None:
        self._time.wait(seconds, self._worker.stop)
        self._check()

    def _heed_news(self) -> None:
        news = self._kind.news
        if news.is_set():
            news.clear()
            self._hinted_at = self._kind.now() if self._hinted_at is None else self._hinted_at

    def asking(self) -> None:
        self._check()
        self._windows.set_asked(self._lease, self._kind.name, to_milliseconds(self._time.now()))
        self._took += Counts(requests=1)

    def wait(self, seconds: float) -> None:
        self._took += Counts(waits=1, waited=round(seconds * 1000))
        self._wait(seconds)

    def store(self, number: int, items: PageItems) -> Sequence[str]:
        org, name = self._lease.org, self._kind.name
        records: list[Record] = []
        quarantined = [Quarantined(raw, reason, f"source {name}", org) for raw, reason in items.broken]
        odd = 0
        for raw in items.raws:
            try:
                decoded = decode_any(raw, org)
                if decoded.record.org != org:
                    raise NotARecord(f"it belongs to org {decoded.record.org}, and this source is for {org}")
            except NotARecord as error:
                quarantined.append(Quarantined(raw, str(error), f"source {name}", org))
                continue
            records.append(decoded.record)
            odd += bool(decoded.odd)
        done = self._tools.ledger.append(records, quarantined) if records or quarantined else None
        counts, self._took = items.took + self._took, Counts()
        if done:
            counts += Counts(
                new=done.new,
                revised=done.revised,
                duplicate=done.duplicate,
                quarantined=done.quarantined,
                odd=odd,
            )
        if quarantined:
            self._log.warning("quarantined", items=len(quarantined), reason=quarantined[0].reason)
        self._windows.add(self._lease, name, number, counts)
        return [record.record_id for record in records] + [_digest(each.raw) for each in quarantined]


class _Sink:
    """A `Sink` for one window."""

    def __init__(self, collecting: _Collecting, number: int) -> None:
        self._collecting = collecting
        self._number = number

    def asking(self) -> None:
        self._collecting.asking()

    def store(self, items: PageItems) -> Sequence[str]:
        return self._collecting.store(self._number, items)

    def wait(self, seconds: float) -> None:
        self._collecting.wait(seconds)


def _digest(raw: bytes) -> str:
    return blake2b(raw, digest_size=16).hexdigest()


def _facts(window: AskedWindow) -> dict[str, Any]:
    counts = {name: number for name in Counts.__struct_fields__ if (number := getattr(window.counts, name))}
    facts = {
        "endpoint": window.endpoint,
        "purpose": window.purpose,
        "start": _text(window.start),
        "end": _text(window.end),
        "ended": window.ended.value,
    }
    if window.total_count is not None:
        facts["total_count"] = str(window.total_count)
    if window.reason:
        facts["reason"] = window.reason
    return facts | counts


def _text(milliseconds: int) -> str:
    return f"{from_milliseconds(milliseconds):%Y-%m-%dT%H:%M:%SZ}"
