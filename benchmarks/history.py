"""The user call history: how fast sessions are made of records, and how fast many are had over HTTP.

One user has a million sessions, others have the rest. The rows are not projected one by one, which would take hours:
they are made in the database, of some thousand sessions that were. They come in the order of their ids, so that what a
user did in a day lies further apart on the disk than it would if it had been stored day by day.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPMessage
from itertools import islice
from pathlib import Path
from statistics import median
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from benchmarks.pages import serving
from benchmarks.records import raw_records
from benchmarks.table import Table, Wrong, percentiles
from ringback.ledger import SqlLedger
from ringback.projections.runner import Runner
from ringback.projections.sessions.projection import SessionsProjection
from ringback.projections.sessions.query import IS_UNREAD
from ringback.records.decode import decode
from ringback.records.values import to_milliseconds, to_wire_time
from ringback.server.janus import SESSIONS
from ringback.server.run import utc_now
from ringback.server.tokens import HISTORY_ADMIN_SCOPE, Tokens
from ringback.store import Store
from ringback.store.schema import events, sessions
from ringback.store.store import DATABASE_NAME

_ORG = UUID("0e5e0000-0000-4000-8000-000000000002")
_USER = "0e5e0000-0000-4000-8000-000000000003"
_OTHER_USER = "0e5e0000-0000-4000-9000-{:012d}"
_OTHER_USERS = 9_973
_SESSIONS_OF_USER = 1_000_000
_YEARS = timedelta(days=5 * 365)
_EXAMPLES = 19_997
"""Sessions that the others are like. This and the number of other users are primes: rows at even distances have all."""

_PROJECTED = 100_000
_EARLIER, _LATER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 10, 1, tzinfo=UTC)
"""Before and long after the records: to the first they all are news, to the second none is."""

_STORING_BATCH = 500
_FILLING_BATCH = 500_000
_SORTING_KIBIBYTES = 512 * 1024
_LEAST_FREE = 10 * 1024**3
"""Bytes that must stay free on the disk."""

_OWN = "/v1/history"
_LIST = f"{_OWN}/sessions"
_PAGE = 50
_DEPTH = 100_000
_STRIDE = 1000
_NOBODY = "nobody is called this"
_REQUESTS = 400
_FEWEST = 3
_SECONDS = 20.0
"""What takes longer than this has fewer requests; the table says how many."""

_TOKEN_LIFETIME = timedelta(hours=8)
_LINK = re.compile(r"<https?://[^/]+([^>]+)>")


def measure_projection(directory: Path, _: list[int]) -> Table:
    """Make sessions of records in the ledger, once as old records, and once as news, with an event for each."""
    table = Table(
        f"Sessions of {_PROJECTED:,} simulated records of a month, one process",
        "what is news",
        "sessions",
        "events",
        "records/s",
    )
    clocks: dict[str, Callable[[], datetime]] = {"nothing": lambda: _LATER, "everything": lambda: _EARLIER}
    for what, clock in clocks.items():
        with closing(_stored(directory / f"projection-{what}")) as store:
            began = time.perf_counter()
            _runner(store, clock).catch_up()
            seconds = time.perf_counter() - began
            with store.read() as connection:
                made, told = (
                    connection.execute(select(func.count()).select_from(each)).scalar_one()
                    for each in (sessions, events)
                )
        table.add(what, f"{made:,}", f"{told:,}", f"{_PROJECTED / seconds:,.0f}")
    return table


def measure(directory: Path, sizes: list[int]) -> Table:
    """Ask a server for the history of the user with a million sessions, in a store of each size.

    Raises:
        Wrong: an answer has not the sessions that it must have, the disk is almost full, or a size is too small.
    """
    if min(sizes) < 2 * _SESSIONS_OF_USER:
        raise Wrong(f"the history needs {2 * _SESSIONS_OF_USER:,} sessions at least: those of the one user, and others")
    table = Table(
        f"The call history of a user with {_SESSIONS_OF_USER:,} sessions",
        "sessions in all",
        "request",
        "requests",
        "ms, p50 / p95 / p99",
        "in the server",
    )
    examples = _examples(directory)
    for size in sizes:
        _measure_one(directory / f"history-{size}", examples, size, table)
    return table


def _stored(path: Path) -> Store:
    """A store with records of which nothing has been made yet."""
    store = Store.open(path)
    ledger = SqlLedger(store, utc_now)
    raws = raw_records(_PROJECTED)
    while batch := [decode(raw).record for raw in islice(raws, _STORING_BATCH)]:
        ledger.append(batch)
    return store


def _runner(store: Store, clock: Callable[[], datetime]) -> Runner:
    ledger = SqlLedger(store, utc_now)
    return Runner(store, ledger, [SessionsProjection(store, ledger, clock)], "benchmark", clock)


_Rows = Sequence[tuple[object, ...]]
_LIKE_EXAMPLE = "type, direction, disposition, number, search, body"
_NAME = 5
"""Where `search` is, after how long the session lasted."""


def _examples(directory: Path) -> _Rows:
    """Of real sessions, what does not tell them apart, and how long each lasted."""
    path = directory / "examples"
    with closing(_stored(path)) as store:
        _runner(store, lambda: _LATER).catch_up()
        with store.read() as connection:
            statement = f"SELECT end_at - start_at, {_LIKE_EXAMPLE} FROM sessions ORDER BY id LIMIT {_EXAMPLES}"
            rows = [tuple(row) for row in connection.exec_driver_sql(statement)]
    shutil.rmtree(path)
    if len(rows) < _EXAMPLES:
        raise Wrong(f"there are {len(rows)} sessions to be examples, not {_EXAMPLES}")
    return rows


_FILL = f"""
WITH RECURSIVE numbers (i) AS (SELECT :first UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :next)
INSERT INTO sessions (org, id, user_id, call, {_LIKE_EXAMPLE}, start_at, end_at, read_at, deleted_at)
SELECT :org, key(i), iif(i % :every = 0 AND i / :every < :his, :user, user(i)), randomblob(16), {_LIKE_EXAMPLE},
       ended - lasted, ended, iif(disposition = 'MISSED' AND i / :every % 2 = 0, ended, NULL),
       iif(i / :every % 20 = 19, ended, NULL)
FROM (SELECT i, :newest - i * 2654435761 % :size * :step AS ended FROM numbers)
CROSS JOIN examples ON examples.rowid = 1 + i * 7919 % {_EXAMPLES}
"""
_FILL_MARKS = """
INSERT INTO session_marks (org, session, read_at, deleted_at) SELECT org, id, read_at, deleted_at FROM sessions
WHERE rowid > :first AND rowid <= :next AND (read_at IS NOT NULL OR deleted_at IS NOT NULL)
"""


def _fill(path: Path, examples: _Rows, size: int) -> None:
    """Make a store with so many sessions, a million of them of one user."""
    Store.open(path).close()
    os.environ["SQLITE_TMPDIR"] = str(path)  # indexes are sorted in files that may not fit elsewhere
    connection = sqlite3.connect(path / DATABASE_NAME, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_SORTING_KIBIBYTES}"):
        connection.execute(f"PRAGMA {pragma}")
    distance = 2**64 // size
    connection.create_function("key", 1, lambda i: (i * distance).to_bytes(8) + os.urandom(8))
    connection.create_function("user", 1, lambda i: _OTHER_USER.format(i * 7919 % _OTHER_USERS), deterministic=True)
    connection.execute(f"CREATE TEMP TABLE examples (lasted, {_LIKE_EXAMPLE})")
    connection.executemany("INSERT INTO examples VALUES (?, ?, ?, ?, ?, ?, ?)", examples)
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'sessions' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    values = {
        "org": _ORG.bytes,
        "user": _USER,
        "his": _SESSIONS_OF_USER,
        "every": size // _SESSIONS_OF_USER,
        "newest": to_milliseconds(utc_now()),
        "step": _YEARS // timedelta(milliseconds=1) // size,
        "size": size,
    }
    for first in range(0, size, _FILLING_BATCH):
        bounds = {"first": first, "next": min(first + _FILLING_BATCH, size)}
        connection.execute(_FILL, values | bounds)
        connection.execute(_FILL_MARKS, bounds)
        _check_space(path)
    for _, sql in indexes:
        connection.execute(sql)
        _check_space(path)
    connection.close()


def _check_space(path: Path) -> None:
    if shutil.disk_usage(path).free < _LEAST_FREE:
        raise Wrong(f"less than {_LEAST_FREE / 1024**3:.0f} GiB are free: use a smaller size, or another --directory")


class _Client:
    """One connection that is kept open, and remembers how long each request took."""

    def __init__(self, address: str, token: str) -> None:
        self._http = HTTPConnection(urlsplit(address).netloc)
        self._token = token
        self.seconds: list[float] = []

    def get(self, target: str, sessions: int | None = None, token: str = "") -> str | None:
        """Ask for something.

        Args:
            sessions: how many the answer must have; None if it does not matter.
            token: if it is not the client's own.

        Returns:
            the path of the next page, if there is one.
        """
        headers, body = self._ask("GET", target, token=token)
        if sessions is not None and sessions != (found := body.count(b'"sessionId":')):
            raise Wrong(f"{target} gave {found} sessions, not {sessions}")
        link = _LINK.match(headers.get("link") or "")
        return link[1] if link else None

    def post(self, path: str, body: object) -> None:
        """Change something."""
        self._ask("POST", path, msgspec.json.encode(body))

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _ask(self, method: str, target: str, body: bytes | None = None, token: str = "") -> tuple[HTTPMessage, bytes]:
        began = time.perf_counter()
        self._http.request(method, target, body, {"Authorization": f"Bearer {token or self._token}"})
        response = self._http.getresponse()
        answer = response.read()
        self.seconds.append(time.perf_counter() - began)
        if response.status != 200:
            raise Wrong(f"{method} {target} gave {response.status}: {answer.decode()}")
        return response.headers, answer


def _measure_one(path: Path, examples: _Rows, size: int, table: Table) -> None:
    began = time.perf_counter()
    _fill(path, examples, size)
    minutes = (time.perf_counter() - began) / 60
    store = Store.open(path)
    print(f"{size:,} sessions take {store.size / 1024**3:.1f} GiB; they were made in {minutes:.1f} minutes", flush=True)
    tokens = Tokens(store, utc_now)
    token, _ = tokens.create(_ORG, user=_USER, lifetime=_TOKEN_LIFETIME)
    admin, _ = tokens.create(_ORG, scopes=[HISTORY_ADMIN_SCOPE], lifetime=_TOKEN_LIFETIME)
    unread = _unread(store)
    store.close()
    _forget(path / DATABASE_NAME)
    log = path / "serve.log"
    asked: list[tuple[str, slice]] = []
    with serving(path, 1, log) as address, closing(_Client(address, token)) as client:
        for what, steps in _cases(client, admin, unread, examples):
            begin = len(client.seconds)
            until = time.perf_counter() + _SECONDS
            for done, _ in enumerate(steps, 1):
                if done == _REQUESTS or (done >= _FEWEST and time.perf_counter() > until):
                    break
            asked.append((what, slice(begin, len(client.seconds))))
            print(f"asked: {what}", flush=True)
    in_server = _seconds_of(log)
    for what, these in asked:
        taken = client.seconds[these]
        table.add(f"{size:,}", what, f"{len(taken)}", _told(taken), _told(in_server[these]))
    shutil.rmtree(path)


def _cases(
    client: _Client, admin: str, unread: Sequence[str], examples: _Rows
) -> Iterator[tuple[str, Iterator[object]]]:
    """What is asked, and an iterator that asks it once with each step."""

    def again(target: str, sessions: int | None = _PAGE) -> Iterator[object]:
        while True:
            yield client.get(target, sessions)

    def first(sessions: int | None = _PAGE, **query: str) -> Iterator[object]:
        return again(f"{_LIST}?{urlencode({'limit': _PAGE, **query})}", sessions)

    def following(target: str | None, sessions: int = _PAGE) -> Iterator[object]:
        while target:
            target = client.get(target, sessions)
            yield target

    def post(path: str, bodies: Iterable[object]) -> Iterator[object]:
        for body in bodies:
            client.post(path, body)
            yield body

    others = map(_OTHER_USER.format, range(_REQUESTS))
    yield (
        f"the first {_PAGE} of another user each time, nothing in memory",
        (client.get(f"{_LIST}?limit={_PAGE}&user={user}", _PAGE, admin) for user in others),
    )
    since = to_wire_time(utc_now() - timedelta(days=10))
    types = "includeNewSessionTypes=true&includeSharedSessions=true"
    yield f"`userSessions`, the first {_PAGE}", again(f"{SESSIONS}?from={since}&limit={_PAGE}&sort=DESC&{types}")
    yield f"`sessions`, the first {_PAGE}", first()

    link: str | None = f"{_LIST}?limit={_STRIDE}"
    for _ in range(_DEPTH // _STRIDE):
        link = client.get(link or "", _STRIDE)
    deep = (link or "").replace(f"limit={_STRIDE}", f"limit={_PAGE}")
    yield f"`sessions`, {_PAGE} after {_DEPTH:,}, the same each time", again(deep)
    yield f"`sessions`, {_PAGE} after {_DEPTH:,}, and on from there", following(deep)

    yield "the first with `disposition=MISSED`", first(disposition="MISSED")
    yield "the first with `unread=true`", first(unread="true")
    yield "the first with `sort=ASC`", first(sort="ASC")
    yield "the first with `disposition=INITIATED`, which none has", first(0, disposition="INITIATED")
    name = str(examples[0][_NAME]).partition("\n")[0]
    share = sum(name in str(example[_NAME]) for example in examples) / len(examples)
    yield f"the first with `text=` a name that {share:.2%} have", first(None, text=name)
    yield "the first with `text=` a name that nobody has", first(0, text=_NOBODY)
    yield "the same, and on from there to the end", following(f"{_LIST}?{urlencode({'text': _NOBODY})}", 0)
    yield "the first with `number=` a number that nobody has", first(0, number="00000000000000")
    yield "`unread`", again(f"{_OWN}/unread", None)
    named = [[{"sessionId": session, "endTime": 0}] for session in unread]
    read = ({"endTimeSessionIds": each} for each in named[:_REQUESTS])
    yield "`setReadState`, a session each time", post(f"{SESSIONS}/setReadState", read)
    deleted = ({"deleteSessionIds": each} for each in named[_REQUESTS:])
    yield "`markAsDeleted`, a session each time", post(f"{SESSIONS}/markAsDeleted", deleted)
    yield "`readAll`, once", post(f"{_OWN}/readAll", [{}])


def _told(seconds: Sequence[float]) -> str:
    if len(seconds) == _REQUESTS:
        return percentiles(seconds)
    return f"{median(seconds) * 1000:,.0f}, at most {max(seconds) * 1000:,.0f}"


def _unread(store: Store) -> Sequence[str]:
    """Ids of the newest missed calls that the user has not seen."""
    statement = (
        select(sessions.c.id)
        .where(sessions.c.org == _ORG, sessions.c.user_id == _USER, IS_UNREAD)
        .order_by(sessions.c.end_at.desc())
        .limit(2 * _REQUESTS)
    )
    with store.read() as connection:
        return [str(row.id) for row in connection.execute(statement)]


def _forget(path: Path) -> None:
    """Have the system forget what it has in memory of a file, as it has after a restart."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _seconds_of(log: Path) -> list[float]:
    """How long the server took for each request of the history, in order, by its own log."""
    entries = map(json.loads, log.read_text("utf-8").splitlines())
    return [entry["milliseconds"] / 1000 for entry in entries if "/history/" in entry.get("path", "")]
