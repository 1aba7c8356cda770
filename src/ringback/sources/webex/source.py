"""A Webex org as a source: the planner and the reader together, made from its settings."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog

from ringback.clients.pace import Pace, RequestKind
from ringback.settings import WebexSourceSettings, duration
from ringback.sources.collecting.clock import MachineTime, SourceClock, Time
from ringback.sources.collecting.kind import Sink, Whole
from ringback.sources.collecting.plan import History, Outlook, Task
from ringback.sources.collecting.secrets import Credentials
from ringback.sources.collecting.worker import Tools, Worker
from ringback.sources.webex.credentials import credentials_of
from ringback.sources.webex.planner import look
from ringback.sources.webex.reader import WebexReader
from ringback.sources.webex.rules import Rules

_MILLISECOND = timedelta(milliseconds=1)
_log = structlog.get_logger("ringback.collect")


def rules_of(settings: WebexSourceSettings) -> Rules:
    """The rules that a source's settings make."""

    def ms(name: str) -> int:
        return duration(getattr(settings, name)) // _MILLISECOND

    same = [name for name in Rules.__struct_fields__ if name not in ("initial", "following", "max_page", "slack")]
    oldest = ms("stream_oldest")
    return Rules(
        **{name: ms(name) for name in same},
        initial=settings.initial_requests,
        following=settings.next_requests,
        max_page=settings.max_page,
        slack=min(Rules().slack, (oldest - ms("stream_newest")) // 10),
    )


def outlook_of(settings: WebexSourceSettings, history: History, now: int) -> Outlook:
    """What follows from the windows of a source, for those who do not collect it."""
    return look(rules_of(settings), history, now)


class WebexSource:
    """A `SourceKind`.

    Args:
        pace: shared by all sources with the same credentials.
    """

    kind = "webex"

    def __init__(self, settings: WebexSourceSettings, credentials: Credentials, pace: Pace, time: Time) -> None:
        self.name: str = settings.name
        self.org: UUID = settings.org
        self.news = threading.Event()
        self.rules = rules_of(settings)
        self._time = time
        self._pace = pace
        self._clock = SourceClock(time)
        self._reader = WebexReader(settings, self.rules, credentials, pace, time, self._clock)

    def now(self) -> int:
        """The time of the cloud; it is asked for if it is not known yet."""
        if not self._clock.known:
            self._reader.ask_the_time()
        return self._clock.now()

    def asked_before(self, milliseconds: int) -> None:
        """Take the whole rate as used up at that time: which requests were made just before is not known."""
        # A request that was on its way when its process died may have been counted a little after it was noted.
        since = max(0.0, milliseconds / 1000 - 1.0) * self._time.speed
        self._pace.use_up(self._time.timer() - since)

    def pause(self) -> float:
        """How long the first page of a window would have to wait, for sources with the same credentials as well."""
        return self._pace.delay(RequestKind.INITIAL, self._time.timer())

    def first_begin(self, now: int) -> int:
        """See `Rules.first_begin`."""
        return self.rules.first_begin(now)

    def look(self, history: History, now: int) -> Outlook:
        """See `ringback.sources.webex.planner`."""
        return look(self.rules, history, now)

    def read(self, task: Task, sink: Sink) -> Whole:
        """See `WebexReader.read`."""
        return self._reader.read(task, sink)

    def close(self) -> None:
        """Give back the connections."""
        self._reader.close()


def webex_workers(
    settings: Sequence[WebexSourceSettings],
    tools: Tools,
    *,
    environment: Mapping[str, str] = os.environ,
    time: Time | None = None,
) -> list[Worker]:
    """A worker for each source. Sources with the same credentials keep to one rate together.

    Args:
        environment: has the secrets that settings name.
        time: of this machine; None for the real one.

    Raises:
        CredentialsError: a secret is not there.
        UsageError: an address cannot be used.
    """
    shared: dict[str, tuple[Credentials, Pace]] = {}
    workers = []
    for each in settings:
        mine = credentials_of(each, environment, partial(_warn, each.name))
        rules = rules_of(each)
        if mine.key not in shared:
            shared[mine.key] = mine, Pace(rules.initial, rules.following, rules.period / 1000)
        credentials, pace = shared[mine.key]
        its_time = time or MachineTime(each.clock_speed)
        workers.append(Worker(WebexSource(each, credentials, pace, its_time), tools, its_time, duration(each.lease)))
    return workers


def _warn(source: str, problem: str) -> None:
    _log.warning("credentials", source=source, problem=problem)
