"""The demo: simulated traffic of a made-up organization, in the store as if it had been collected all along."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlencode
from uuid import UUID

import structlog

from ringback.ledger import SqlLedger, TimeAxis, Window
from ringback.records.decode import Record, decode
from ringback.records.values import from_milliseconds, to_milliseconds, to_wire_time
from ringback.server.tokens import ADMIN_SCOPES, Tokens
from ringback.simulator import Simulation, in_arrival_order
from ringback.simulator.parties import Person
from ringback.store import Store, StoreError

_SEED = 1
_CALLS_PER_DAY = 3000
_ROUND_THE_CLOCK = 0.02
"""One call a minute at the least: who tries the demo at night wants to see traffic too."""

_HISTORY = timedelta(days=3)
_LATEST_ARRIVAL = timedelta(days=2)
"""All records of a call have arrived by then, so a simulation that begins this much earlier misses none."""

_BATCH = timedelta(minutes=10)
_OVERLAP = timedelta(minutes=1)
_POLL_SECONDS = 2.0
_TOKEN_LIFETIME = timedelta(days=7)
_CURL_SPAN = timedelta(hours=12)
_log = structlog.get_logger("ringback.demo")


class Demo:
    """Fills a store with simulated traffic, and keeps it coming.

    The organization and its calls are the same at each start, so going on after a stop is storing the calls since: what
    is there already is a duplicate.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        """
        Args:
            clock: gives the current time, aware.
        """
        self._store = store
        self._clock = clock
        now = clock()
        self._simulated_org = _simulation(now).orgs[0]
        self.org: UUID = self._simulated_org.uuid
        stored = (each.last_stored_at for each in SqlLedger(store, clock).summaries() if each.org == self.org)
        last_stored_at = next(stored, None)
        self._begin = begin = now - _HISTORY
        if last_stored_at is not None and (last := from_milliseconds(last_stored_at)) > begin:
            begin, self._begin = max(begin, last - _LATEST_ARRIVAL), last - _OVERLAP
        self._deliveries = in_arrival_order(_simulation(begin).calls())
        self._next = next(delivery for delivery in self._deliveries if delivery.at >= self._begin)
        self._due: list[Record] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_coming, name="demo", daemon=True)

    def fill(self, on_progress: Callable[[float], None]) -> int:
        """Store what has arrived up to now, each batch with the stored time it would have had.

        Args:
            on_progress: told the share that is done, 0 to 1.

        Returns:
            how many records are new.
        """
        now, new = self._clock(), 0
        until = self._begin
        while until < now:
            until = min(until + _BATCH, now)
            new += self._store_due(SqlLedger(self._store, partial(_the_time, until)), until)
            on_progress((until - self._begin) / (now - self._begin))
        return new

    def start(self) -> None:
        """Keep the traffic coming, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the traffic; what is stored stays."""
        self._stop.set()
        self._thread.join()

    def _keep_coming(self) -> None:
        ledger = SqlLedger(self._store, self._clock)
        while not self._stop.wait(_POLL_SECONDS):
            try:
                self._store_due(ledger, self._clock())
            except StoreError as error:
                _log.warning("simulated records wait", reason=str(error))

    def _store_due(self, ledger: SqlLedger, until: datetime) -> int:
        while self._next.at <= until:
            self._due.append(decode(self._next.record).record)
            self._next = next(self._deliveries)
        if not self._due:
            return 0
        stored = ledger.append(self._due)
        self._due = []  # only now: if the store could not take them, they are tried again
        return stored.new

    def introduction(self, address: str) -> str:
        """What to tell the user: the address, tokens and a command that returns real pages."""
        tokens = Tokens(self._store, self._clock)
        for old in tokens.all():
            if old.name.startswith("demo ") and old.valid_at(self._clock()):
                tokens.revoke(old.id)
        user = self._talker
        own, _ = tokens.create(self.org, user=user.uuid, name="demo user", lifetime=_TOKEN_LIFETIME)
        free, _ = tokens.create(
            self.org, name="demo without limits", scopes=ADMIN_SCOPES, limits="none", lifetime=_TOKEN_LIFETIME
        )
        strict, _ = tokens.create(self.org, name="demo as documented", lifetime=_TOKEN_LIFETIME)
        start = self._busiest()
        query = urlencode(
            {"startTime": to_wire_time(start), "endTime": to_wire_time(start + _CURL_SPAN), "max": 10}, safe=":"
        )
        return f"""\
  address    {address}
  org        {self.org} (simulated; more traffic comes all the time)
  token      {free}
             for everything, without limits on age, span and rate
  token      {strict}
             with the limits of the real cloud: 1 first page and 10 next pages a minute,
             feed from 5 minutes to 30 days ago, stream from 1 minute to 12 hours ago
  try it     (of the headers, Link leads to the next page)

    curl -s -D /dev/stderr -H 'Authorization: Bearer {free}' \\
      '{address}/v1/cdr_feed?{query}'

    curl -s -H 'Authorization: Bearer {free}' \\
      '{address}/v1/calls?outcome=missed&limit=3'

    curl -s -H 'Authorization: Bearer {free}' \\
      '{address}/api/calllogs?orderby=started_at%20desc&top=3'

  user       {user.name}, {user.uuid}
  token      {own}
             of this user, for the user call history and its live events
  try it

    curl -s -H 'Authorization: Bearer {own}' \\
      '{address}/v1/history/sessions?limit=3'
"""

    @property
    def _talker(self) -> Person:
        """A user to show the call history of: one in a group has most to show."""
        return self._simulated_org.hunt_groups[0].members[0]

    def _busiest(self) -> datetime:
        """Begin of the busiest window of the curl command: nights and weekends would have little to show."""
        ledger = SqlLedger(self._store, self._clock)
        snapshot = ledger.newest(self.org)
        last = (self._clock() - _CURL_SPAN).replace(minute=0, second=0, microsecond=0)
        starts = [last - timedelta(hours=hours) for hours in range(1, int(_HISTORY / timedelta(hours=1)))]

        def records(start: datetime) -> int:
            window = Window(self.org, TimeAxis.REPORT, to_milliseconds(start), to_milliseconds(start + _CURL_SPAN))
            return ledger.count(window, snapshot=snapshot)

        return max(starts, key=records)


def _simulation(start: datetime) -> Simulation:
    return Simulation(seed=_SEED, start=start, calls_per_day=_CALLS_PER_DAY, round_the_clock=_ROUND_THE_CLOCK)


def _the_time(moment: datetime) -> datetime:
    return moment
