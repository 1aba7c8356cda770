"""Keeps call logs and their summaries up to date with the ledger.

Everything is told from the rows themselves, so that a batch costs what its own sessions cost, however much there is.

The numbers in `created` and `changed` are ledger sequences: of the first record that came, and of the last one that
came, changed or left. So what is read a second time changes none, and nobody who has seen all up to a number is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from ringback.ledger.contract import StoredRecord
from ringback.projections.call_logs.rows import (
    MOST_OF_SESSION,
    Kept,
    chunks,
    first_of,
    kept_in,
    made_of,
    search_of,
    session_of,
    users_of,
)
from ringback.projections.call_logs.summary import summary_of
from ringback.records.kinds import call_log_of
from ringback.records.values import user_key
from ringback.store import Store
from ringback.store.schema import call_log_users, call_logs, call_summaries, call_summary_users

Row = dict[str, Any]


class Change(msgspec.Struct, frozen=True):
    """What follows from some records: rows of each table to be written, and keys of rows to be deleted.

    Attributes:
        users_gone: ids of call logs, each with a user whose it is no more.
        summaries_gone: sessions that no call log names any more.
    """

    logs: Sequence[Row]
    users: Sequence[Row]
    users_gone: Sequence[tuple[str, str]]
    summaries: Sequence[Row]
    summaries_gone: Sequence[str]
    summary_users: Sequence[Row]


class CallLogsProjection:
    """Call logs as a projection; see `ringback.projections.runner.Projection`."""

    name = "call_logs"

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, org: UUID, stored: Sequence[StoredRecord], told: int) -> Change:
        """What follows from these records; see `Projection.read`."""
        with self._store.read() as connection:
            return _Batch(connection, org, stored).change()

    def write(self, connection: Connection, org: UUID, change: Change) -> None:
        """Write it; see `Projection.write`."""
        _put(connection, org, call_logs, change.logs)
        _put(connection, org, call_log_users, change.users)
        if change.users_gone:
            gone = [{"of_org": org, "of_id": id, "of_user": user} for id, user in change.users_gone]
            connection.execute(_DELETE_USER, gone)
        _put(connection, org, call_summaries, change.summaries)
        for some in chunks(change.summaries_gone):
            these = call_summaries.c.id.in_(some)
            connection.execute(delete(call_summaries).where(call_summaries.c.org == org, these))
        _put(connection, org, call_summary_users, change.summary_users)


_DELETE_USER = delete(call_log_users).where(
    call_log_users.c.org == bindparam("of_org"),
    call_log_users.c.user_id == bindparam("of_user"),
    call_log_users.c.id == bindparam("of_id"),
)


class _Batch:
    """Some records, and what is kept of all that they touch."""

    def __init__(self, connection: Connection, org: UUID, stored: Sequence[StoredRecord]) -> None:
        ids = [each.record.record_id for each in stored]
        self._before = _rows(connection, org, call_logs, ids)
        self._logs: dict[str, Kept] = {}
        self._users: dict[str, set[str]] = {}
        self._news: dict[str, list[int]] = defaultdict(list)
        """Of each session that is touched, the sequences of the records that touch it."""
        for each in stored:
            before = self._before.get(each.record.record_id)
            if before is not None and before.changed > each.sequence:
                continue  # a newer version is there already
            log, legs = call_log_of(each.record)
            self._logs[log.id] = Kept(log, each.sequence)
            self._users[log.id] = {user_key(leg.user_id) for leg in legs if leg.user_id}
            for session in {session_of(log), session_of(log) if before is None else before.session_id or before.id}:
                self._news[session].append(each.sequence)
        self._sessions = self._load(connection, org)
        others = (kept.log.id for rows in self._sessions.values() for kept in rows)
        self._users_before = users_of(connection, org, {*ids, *others})
        self._summaries_before = _rows(connection, org, call_summaries, self._news)
        self._summary_users_before = _summary_users(connection, org, self._news)

    def _load(self, connection: Connection, org: UUID) -> dict[str, list[Kept]]:
        """All rows of the sessions that are touched, as they are now; of a very large one some more than counted."""
        found = kept_in(connection, org, self._news, MOST_OF_SESSION + len(self._logs))
        sessions = {
            session: [kept for kept in found.get(session, ()) if kept.log.id not in self._logs]
            for session in self._news
        }
        for kept in self._logs.values():
            sessions[session_of(kept.log)].append(kept)
        return sessions

    def change(self) -> Change:
        """What follows."""
        summaries: list[Row] = []
        summary_users: list[Row] = []
        for session, kept in self._sessions.items():
            made = self._summary(session, kept) if kept else None
            if made is not None and _differs(made, self._summaries_before.get(session)):
                summaries.append(made)
            summary_users += self._users_of_summary(session, made["started_at"] if made else None)
        pairs = {(id, user) for id, users in self._users.items() for user in users}
        before = {(id, user) for id in self._users for user in self._users_before.get(id, ())}
        rows = {id: self._row(kept) for id, kept in self._logs.items()}
        written = {id for id, row in rows.items() if _differs(row, self._before.get(id))}
        return Change(
            logs=[rows[id] for id in sorted(written)],
            users=[
                {"user_id": user, "id": id, "started_at": rows[id]["started_at"]}
                for id, user in sorted(pairs)
                if id in written or (id, user) not in before
            ],
            users_gone=sorted(before - pairs),
            summaries=summaries,
            summaries_gone=[
                session for session, kept in self._sessions.items() if not kept and session in self._summaries_before
            ],
            summary_users=summary_users,
        )

    def _row(self, kept: Kept) -> Row:
        return {**made_of(kept.log, call_logs), "search": search_of([kept.log]), "changed": kept.changed}

    def _summary(self, session: str, kept: list[Kept]) -> Row:
        logs = [each.log for each in first_of(kept, MOST_OF_SESSION)]
        before = self._summaries_before.get(session)
        news = self._news[session]
        return {
            **made_of(summary_of(session, logs), call_summaries),
            "search": search_of(logs),
            "created": min(news if before is None else (before.created, *news)),
            "changed": max(news if before is None else (before.changed, *news)),
        }

    def _users_of_summary(self, session: str, started_at: int | None) -> Iterable[Row]:
        """The rows of the users of a summary that change, also of those whose it is no more.

        Args:
            started_at: of the summary.
        """
        kept, before = self._sessions[session], self._summary_users_before.get(session, {})
        now: set[str] = set()
        for each in kept:
            users = self._users if each.log.id in self._users else self._users_before
            now |= users.get(each.log.id, set())
        if len(kept) > MOST_OF_SESSION:  # not all are looked at, so nobody can be said to be in none of them
            now |= {user for user, row in before.items() if not row.removed}
        news = max(self._news[session])
        for user in sorted(now | before.keys()):
            row = before.get(user)
            removed = user not in now
            if row is not None and removed and row.removed:
                continue
            values = {
                "id": session,
                "user_id": user,
                "started_at": started_at,
                "created": news if row is None else row.created,
                "changed": news if row is None else max(row.changed, news),
                "removed": int(removed),
            }
            if _differs(values, row):
                yield values


def _differs(made: Mapping[str, Any], row: Any | None) -> bool:
    return row is None or any(getattr(row, name) != value for name, value in made.items())


def _rows(connection: Connection, org: UUID, table: Table, ids: Iterable[str]) -> dict[str, Any]:
    """The rows of a table with these ids."""
    rows = select(*table.c).where(table.c.org == org)
    return {row.id: row for some in chunks(ids) for row in connection.execute(rows.where(table.c.id.in_(some)))}


def _summary_users(connection: Connection, org: UUID, sessions: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The rows of users of some summaries, by session and user."""
    users = call_summary_users.c
    found: dict[str, dict[str, Any]] = {}
    for some in chunks(sessions):
        for row in connection.execute(select(*users).where(users.org == org, users.id.in_(some))):
            found.setdefault(row.id, {})[row.user_id] = row
    return found


def _put(connection: Connection, org: UUID, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, or update those that are there."""
    if not rows:
        return
    key = [column.name for column in table.primary_key]
    statement = insert(table)
    updated = {name: statement.excluded[name] for name in rows[0] if name not in key}
    merged = (
        statement.on_conflict_do_update(index_elements=key, set_=updated)
        if updated
        else statement.on_conflict_do_nothing(index_elements=key)
    )
    connection.execute(merged, [{"org": org, **row} for row in rows])
