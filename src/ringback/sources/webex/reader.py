"""Reading one window from the cloud with the SDK, page by page, each stored before the next is asked for."""

from __future__ import annotations

from random import Random

import httpx2

import ringback
from ringback.clients.errors import (
    BadAnswer,
    CdrError,
    NotAllowed,
    PagingError,
    RestError,
    TooManyRequests,
    Unavailable,
    UntrustedAddress,
    UsageError,
    WrongRegion,
)
from ringback.clients.history import Reader, Window
from ringback.clients.hosts import DEFAULT_HOST
from ringback.clients.model import CDR
from ringback.clients.pace import Pace
from ringback.clients.retry import Retries
from ringback.clients.session import RestSession
from ringback.clients.steps import Options, Totals
from ringback.ledger.windows import Counts
from ringback.records.values import from_milliseconds
from ringback.settings import WebexSourceSettings
from ringback.sources.collecting.clock import SourceClock, Time
from ringback.sources.collecting.kind import PageItems, Sink, SourceAway, Whole, WindowFailed
from ringback.sources.collecting.plan import Task
from ringback.sources.collecting.secrets import Credentials, CredentialsError
from ringback.sources.webex.rules import STREAM, Rules

_RETRIES = Retries(tries=4, total=300.0)
"""For one page. What does not pass is tried again by the window, after a pause."""

_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_ANSWER_SECONDS = 300.0
_MOST_ATTEMPTS = 3
_SMALLER_PAGES = 0.61
_SMALLEST_PAGE = 500
_KEPT_ATTEMPTS = 4
_SHARED = (TooManyRequests, Unavailable, WrongRegion, NotAllowed)
"""Answers that are about the whole source, and not about a window."""


def host_of(settings: WebexSourceSettings) -> str:
    """The host of a source's region, or the address that its settings name."""
    if settings.base_url:
        return settings.base_url
    return DEFAULT_HOST if settings.region == "us" else DEFAULT_HOST.replace(".", f"-{settings.region}.", 1)


class WebexReader:
    """Reads windows. For one thread.

    Args:
        pace: of the token, shared by all that use it.
        clock: learns the time of the cloud from each answer.
    """

    def __init__(
        self,
        settings: WebexSourceSettings,
        rules: Rules,
        credentials: Credentials,
        pace: Pace,
        time: Time,
        clock: SourceClock,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._sink: Sink | None = None
        self._client = httpx2.Client(
            headers={"user-agent": f"ringback/{ringback.__version__}"},
            timeout=_TIMEOUT,
            event_hooks={"request": [self._asking], "response": [self._answered]},
        )
        options = Options(
            retries=_RETRIES,
            known_hosts=settings.known_hosts,
            feed_span=None,  # the planner cuts, so that each window is noted on its own
            stream_span=None,
            answer_timeout=_ANSWER_SECONDS * time.speed,
            now=lambda: from_milliseconds(clock.now()),
            timer=time.timer,
            random=Random(),  # noqa: S311  # for waits, not for secrets
        )
        self._session = RestSession(
            tokens=credentials.token,
            refresh=credentials.renewed,
            pace=pace,
            options=options,
            client=self._client,
            sleep=self._wait,
        )
        self._base = self._session.hosts.base(host_of(settings))
        self._attempts: dict[tuple[str, int, int], set[str]] = {}

    def ask_the_time(self) -> None:
        """Ask the cloud for nothing, without the token, to see the header Date of its answer."""
        try:
            self._client.get(self._base, follow_redirects=False)
        except httpx2.HTTPError:
            return  # the clock of this machine has to do

    def read(self, task: Task, sink: Sink) -> Whole:
        """Read a window to its end.

        Raises:
            WindowFailed, SourceAway: see there. What the sink raises passes through.
        """
        self._sink = sink
        try:
            return self._read(task, sink)
        except (BadAnswer, PagingError, UntrustedAddress) as error:
            raise WindowFailed(str(error)) from error
        except NotAllowed as error:
            raise SourceAway(
                f"{error}. See whether the token is good, has the scope spark-admin:calling_cdr_read, and whether its "
                "user has the role; docs/collecting.md says how"
            ) from error
        except RestError as error:
            raise (SourceAway if isinstance(error, _SHARED) else WindowFailed)(str(error)) from error
        except UsageError:
            raise
        except CdrError as error:
            raise SourceAway(str(error)) from error
        except CredentialsError as error:
            raise SourceAway(str(error)) from error
        finally:
            self._sink = None

    def _read(self, task: Task, sink: Sink) -> Whole:
        seen = self._seen(task)
        window = Window(
            base=self._base,
            stream=task.endpoint == STREAM,
            start=from_milliseconds(task.start),
            end=from_milliseconds(task.end),
            parameters={"max": self._page_size(task.attempt)},
        )
        reading = _Reading(sink, seen)
        session = self._session
        steps = Reader(
            window,
            session.options,
            session.pace,
            session.hosts,
            on_invalid=reading.broken,
            on_progress=reading.page,
        ).steps()
        for records in session.run(steps):
            reading.add(records)
        total = reading.totals.total_count
        if total is None or len(seen) >= total:
            self._attempts.pop(_key(task), None)
            return Whole(total)
        missing = f"the cloud announced {total} records, and {len(seen)} different ones came"
        if task.attempt < _MOST_ATTEMPTS:
            raise WindowFailed(missing)
        self._attempts.pop(_key(task), None)
        # Nobody documents what the number means. Three readings, with pages cut at other places, said the same.
        return Whole(total, f"{missing}, in {task.attempt} readings; taken as complete")

    def _seen(self, task: Task) -> set[str]:
        """The records of this window that came in earlier attempts: together they may be all."""
        key = _key(task)
        seen = self._attempts.setdefault(key, set())
        while len(self._attempts) > _KEPT_ATTEMPTS:
            del self._attempts[next(iter(self._attempts))]
        return seen

    def _page_size(self, attempt: int) -> int:
        # Pages follow each other by time, so records of one millisecond may be cut off at the edge of a page. Pages of
        # another size have their edges elsewhere.
        size = round(self._rules.max_page * _SMALLER_PAGES ** (attempt - 1))
        return max(size, min(_SMALLEST_PAGE, self._rules.max_page))

    def _asking(self, _: httpx2.Request) -> None:
        if self._sink:
            self._sink.asking()

    def _answered(self, response: httpx2.Response) -> None:
        self._clock.observe(response.headers.get("date"))

    def _wait(self, seconds: float) -> None:
        if self._sink:
            self._sink.wait(seconds)

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()


class _Reading:
    """What came of a window so far, and what of it is stored."""

    def __init__(self, sink: Sink, seen: set[str]) -> None:
        self.totals = Totals()
        self._sink = sink
        self._seen = seen
        self._raws: list[bytes] = []
        self._broken: list[tuple[bytes, str]] = []

    def add(self, records: list[CDR]) -> None:
        self._raws += [record.raw for record in records]

    def broken(self, raw: bytes, error: Exception) -> None:
        self._broken.append((raw, str(error)))

    def page(self, totals: Totals) -> None:
        """A page is at its end: store it, before the next one is asked for."""
        before, self.totals = self.totals, totals
        repeated = totals.repeated - before.repeated
        took = Counts(
            pages=totals.pages - before.pages,
            items=len(self._raws) + len(self._broken) + repeated,
            duplicate=repeated,
        )
        if took != Counts():
            self._seen.update(self._sink.store(PageItems(self._raws, self._broken, took)))
        self._raws, self._broken = [], []


def _key(task: Task) -> tuple[str, int, int]:
    return task.endpoint, task.start, task.end
