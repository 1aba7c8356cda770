"""A PortSIP PBX as a source: the probe, the planner and the readers together, made from its settings."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from ringback.clients.pace import Pace, RequestKind
from ringback.clients.retry import Retries
from ringback.ledger.contract import Ledger
from ringback.ledger.windows import Ended
from ringback.records.values import from_milliseconds, to_milliseconds
from ringback.settings import PortsipSourceSettings, duration
from ringback.sources.collecting.clock import MachineTime, SourceClock, Time
from ringback.sources.collecting.kind import Sink, SourceAway, Whole, WindowFailed
from ringback.sources.collecting.plan import History, Outlook, Task
from ringback.sources.collecting.worker import Tools, Worker
from ringback.sources.portsip.abilities import DETAILS, PROBE, Abilities, Axis, ListName, list_of
from ringback.sources.portsip.details import Details
from ringback.sources.portsip.events import Events
from ringback.sources.portsip.gateway import Gateway, Request
from ringback.sources.portsip.login import GivenToken, Login
from ringback.sources.portsip.planner import Present, look
from ringback.sources.portsip.probe import NoRows, NotReadable, Probe
from ringback.sources.portsip.reader import NotHeeded, Reader
from ringback.sources.portsip.rules import Rules, whole_second
from ringback.sources.portsip.session import Session

_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = 60.0
_ONCE = Retries(tries=1)
_log = structlog.get_logger("ringback.collect")


def rules_of(settings: PortsipSourceSettings) -> Rules:
    """The rules that a source's settings make."""

    def ms(name: str) -> int:
        return duration(getattr(settings, name)) // _MILLISECOND

    numbers = ("requests", "page", "details")
    return Rules(
        **{name: ms(name) for name in Rules.__struct_fields__ if name not in numbers},
        requests=settings.requests_per_minute,
        page=settings.top,
        details=settings.details_per_minute if settings.details else 0,
    )


def outlook_of(settings: PortsipSourceSettings, history: History, now: int) -> Outlook:
    """What follows from the windows of a source, for those who do not collect it."""
    return look(rules_of(settings), history, Present(now=now, abilities=None))


class PortsipSource:
    """A `SourceKind`.

    Raises:
        CredentialsError: a secret is not there.
    """

    kind = "portsip"

    def __init__(
        self, settings: PortsipSourceSettings, environment: Mapping[str, str], ledger: Ledger, time: Time
    ) -> None:
        self.name: str = settings.name
        self.org: UUID = settings.org
        self.news = threading.Event()
        self.rules = rules_of(settings)
        self._time = time
        self._clock = SourceClock(time)
        self._pace = Pace(self.rules.requests, None, _MINUTE)
        self._details_pace = Pace(max(self.rules.details, 1), None, _MINUTE)
        self._gateway = Gateway(settings.base_url, self._pace, time, self._clock)
        self._tokens = (
            Login(settings, environment, self._gateway, time.timer)
            if settings.username
            else GivenToken(settings, environment, time.timer)
        )
        self._session = session = Session(self._gateway, self._tokens, lambda: from_milliseconds(self._clock.now()))
        self._probe = Probe(session, self._gateway, settings.top)
        self._reader = Reader(session, lambda: self.rules.edge(self._clock.now()))
        self._details = Details(
            self.org, self.name, ledger, session, self.rules.details, self._details_pace, time.timer
        )
        self._events = Events(settings, environment, self.news) if settings.wsi else None
        self._chosen: ListName | None = None if settings.list == "auto" else settings.list
        self._used: ListName | None = None
        self._abilities: Abilities | None = None
        self._probed_at: int | None = None
        self._asked_the_time = False
        self._log = _log.bind(source=self.name)

    def now(self) -> int:
        """The time of the PBX; the first time it is asked for. That of this machine, put back a little, if it does not
        tell."""
        if not (self._clock.known or self._asked_the_time or self.pause()):
            self._asked_the_time = True
            with contextlib.suppress(SourceAway):
                if isinstance(self._tokens, Login):
                    self._tokens.token()  # the answer to the login tells it
                else:
                    self._session.ask(Request(path=f"/{self._chosen or 'calllogs'}"), lambda answer: None, _ONCE)
        return self._clock.now()

    def asked_before(self, milliseconds: int) -> None:
        """Take the whole rate as used up at that time: which requests were made just before is not known."""
        # A request that was on its way when its process died may have been counted a little after it was noted.
        since = self._time.timer() - max(0.0, milliseconds / 1000 - 1.0) * self._time.speed
        self._pace.use_up(since)
        self._details_pace.use_up(since)

    def pause(self) -> float:
        """How long a request would have to wait."""
        return self._pace.delay(RequestKind.INITIAL, self._time.timer())

    def first_begin(self, now: int) -> int:
        """As far back as the settings say."""
        return whole_second(now - self.rules.history)

    def look(self, history: History, now: int) -> Outlook:
        """See `ringback.sources.portsip.planner`."""
        complete = (window for window in reversed(history.windows) if window.ended is Ended.COMPLETE)
        self._used = next((name for window in complete if (name := list_of(window.endpoint))), None)
        after = self.rules.detail_after / self._time.speed
        present = Present(
            now=now,
            abilities=self._abilities,
            probed_at=self._probed_at,
            details_until=int(to_milliseconds(self._time.now()) - after),
            details_left=self._details.left,
        )
        return look(self.rules, history, present)

    def read(self, task: Task, sink: Sink) -> Whole:
        """Probe, ask for rows alone, or read a window of a list."""
        self._gateway.sink = sink
        try:
            if task.endpoint == PROBE:
                return self._find_out()
            if task.endpoint == DETAILS:
                return self._details.read(task, sink)
            assert self._abilities is not None  # noqa: S101  # the planner asks for nothing else before
            return self._reader.read(task, self._abilities, sink)
        except NotHeeded:
            self._abilities = self._probed_at = None
            raise
        finally:
            self._gateway.sink = None

    def _find_out(self) -> Whole:
        """Probe the PBX. A list that was read before is kept to: the ids of the other one are others."""
        now = self._clock.now()
        kept = self._chosen or self._used
        try:
            found = self._probe.run([kept] if kept else ["calllogs", "cdrs"])
        except NoRows as nothing:
            self._abilities, self._probed_at = None, now
            return Whole(total_count=0 if nothing.empty else None)
        except (SourceAway, WindowFailed) as error:
            if self._abilities:  # it was only to be seen whether it has learned something
                self._probed_at = now
                return Whole(remark=f"not probed again: {error}")
            kept_to = isinstance(error, NotReadable) and self._used and not self._chosen
            hint = f". Its list /{self._used} was read until now; see docs/collecting.md" if kept_to else ""
            raise SourceAway(f"{error}{hint}") from error
        self._abilities, self._probed_at = found, self._clock.now()
        if self._events:
            self._events.start()
        self._log.info("the list to be read", list=found.list, asked_by=found.axis.value, order=found.order)
        return Whole(remark=_remark(found))

    def close(self) -> None:
        """Stop listening, and give back the connections."""
        if self._events:
            self._events.close()
        self._gateway.close()


def portsip_workers(
    settings: Sequence[PortsipSourceSettings],
    tools: Tools,
    *,
    environment: Mapping[str, str] = os.environ,
    time: Time | None = None,
) -> list[Worker]:
    """A worker for each source.

    Args:
        environment: has the secrets that settings name.
        time: of this machine; None for the real one.

    Raises:
        CredentialsError: a secret is not there.
    """
    workers = []
    for each in settings:
        its_time = time or MachineTime(each.clock_speed)
        source = PortsipSource(each, environment, tools.ledger, its_time)
        workers.append(Worker(source, tools, its_time, duration(each.lease)))
    return workers


def _remark(found: Abilities) -> str:
    """What makes reading a list dearer or less sure than it could be; "" for nothing."""
    missing = {
        "a filter by ended_at": found.ended,
        "a filter by started_at": found.axis is not Axis.ALL,
        "orderby": bool(found.order),
        "top": found.top,
        "skip": found.skip,
        "a count": found.count,
    }
    lacks = [name for name, there in missing.items() if not there]
    return f"/{found.list} is read; it does not heed or have {', '.join(lacks)}" if lacks else ""
