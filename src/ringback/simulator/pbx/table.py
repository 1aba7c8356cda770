"""What lists of the simulated PBX show: the call logs of a tenant, and its sessions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from ringback.simulator.pbx.options import Behaviour
from ringback.simulator.pbx.rows import Row, Written
from ringback.simulator.pbx.wire import Wire

Kind = Literal["calllogs", "cdrs"]


class TrueCallLog(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of a call log, or of a session.

    Attributes:
        id: as the PBX writes it.
        row: the newest content. Of a session, `id` and `session_id` are the session's.
        listed: the bytes of its JSON in lists.
        detailed: the bytes of the answer to a request for it alone.
        versions: how many different contents it has had.
        first_at: when it was written first.
        newest_at: when its newest content was written.
    """

    id: str
    row: Row
    listed: bytes
    detailed: bytes
    versions: int
    first_at: datetime
    newest_at: datetime


class Entry(msgspec.Struct, kw_only=True):
    """A row that a list shows, and what is known of its past; see `TrueCallLog`."""

    row: Row
    listed: bytes
    versions: int
    first_at: datetime
    newest_at: datetime


class Event(NamedTuple):
    """Something to tell subscribers: a call began, or was finished."""

    tenant: str
    kind: Literal["call_start", "call_cdr"]
    session: Row
    rows: list[Row]


class Table:
    """The call logs of one tenant, as of what was written so far."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._wire = Wire(behaviour)
        self._written: list[Written] = []
        self._sessions: dict[int, dict[int, Row]] = {}
        self._complete: set[int] = set()
        self._entries: dict[Kind, dict[int, Entry]] = {"calllogs": {}, "cdrs": {}}

    def write(self, written: Written) -> Event | None:
        """Take what is written. Returns what there is to tell of it."""
        row = written.row
        if row.ended_at is None and not self._behaviour.in_progress:
            return None
        self._written.append(written)
        new = row.session_id not in self._sessions
        rows = self._sessions.setdefault(row.session_id, {})
        rows[row.id] = row
        done = written.last and row.session_id not in self._complete
        if written.last:
            self._complete.add(row.session_id)
        over = row.session_id in self._complete
        session = summary(rows.values(), over=over)
        if self._behaviour.rows == "many":
            self._show("calllogs", row, written.at)
        if over or self._behaviour.in_progress:
            self._show("cdrs", session, written.at)
            if self._behaviour.rows == "one":
                self._show("calllogs", msgspec.structs.replace(session, id=min(rows)), written.at)
        if not done and not (new and not over):
            return None
        return Event(written.tenant, "call_cdr" if done else "call_start", session, list(rows.values()))

    def entries(self, kind: Kind) -> list[Entry]:
        """All that a list shows, in order of arrival."""
        return list(self._entries[kind].values())

    def one(self, kind: Kind, number: int) -> Row | None:
        """The row with this id."""
        entry = self._entries[kind].get(number)
        return entry.row if entry else None

    def detail(self, kind: Kind, row: Row) -> bytes:
        """The body of the answer to a request for one row alone."""
        if kind == "calllogs":
            return self._wire.detailed(row)
        if self._behaviour.cdr_detail == "object":
            return b'{"items":' + self._wire.detailed(row, ("id",)) + b"}"
        rows = sorted(self._sessions[row.id].values(), key=lambda leg: leg.id)
        return b'{"items":[' + b",".join(self._wire.detailed(leg, ("id",)) for leg in rows) + b"]}"

    def truth(self, kind: Kind, until: datetime) -> dict[str, TrueCallLog]:
        """What was true at a time, by the text of the id."""
        table = Table(self._behaviour)
        for written in self._written:
            if written.at <= until:
                table.write(written)
        return {
            self._wire.id(number): TrueCallLog(
                id=self._wire.id(number),
                row=entry.row,
                listed=entry.listed,
                detailed=table.detail(kind, entry.row),
                versions=entry.versions,
                first_at=entry.first_at,
                newest_at=entry.newest_at,
            )
            for number, entry in table._entries[kind].items()
        }

    def _show(self, kind: Kind, row: Row, at: datetime) -> None:
        before = self._entries[kind].get(row.id)
        if before is not None and before.row == row:
            return
        self._entries[kind][row.id] = Entry(
            row=row,
            listed=self._wire.listed(row, () if kind == "calllogs" else ("session_id",)),
            versions=1 if before is None else before.versions + 1,
            first_at=at if before is None else before.first_at,
            newest_at=at,
        )


def summary(rows: Iterable[Row], *, over: bool) -> Row:
    """All rows of a session as one: its id is the session's.

    It begins as the first row does, and ends as the one does that ended last, or not at all while it is not over. Its
    duration is from the first answer to the end, in seconds rounded up.
    """
    ordered = sorted(rows, key=lambda row: row.id)
    first = ordered[0]
    answered = min((row.answered_at for row in ordered if row.answered_at), default=None)
    ended = max((row.ended_at for row in ordered if row.ended_at), default=None)
    costs = [row.cost for row in ordered if row.cost is not None]
    values = {
        "id": first.session_id,
        "rang_at": min((row.rang_at for row in ordered if row.rang_at), default=None),
        "answered_at": answered,
        "ended_at": None,
        "end_reason": "",
        "reroute_reason": next((row.reroute_reason for row in ordered if row.reroute_reason), ""),
        "status_code": 0,
        "duration": 0,
        "cost": sum(costs, Decimal(0)) if costs else None,
        "billed_account": next((row.billed_account for row in ordered if row.billed_account), ""),
        "service_number": next((row.service_number for row in ordered if row.service_number), ""),
        "user_data": next((row.user_data for row in ordered if row.user_data), ""),
        "trunk": next((row.trunk for row in ordered if row.trunk), ""),
    }
    if over and ended is not None:
        last = max((row for row in ordered if row.ended_at), key=lambda row: (row.ended_at or ended, row.id))
        values |= {"ended_at": ended, "end_reason": last.end_reason}
        if answered is None:
            values["status_code"] = last.status_code
        else:
            values["duration"] = int(-(-(ended - answered).total_seconds() // 1))
    return msgspec.structs.replace(first, **values)
