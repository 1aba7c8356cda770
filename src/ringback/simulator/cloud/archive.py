"""What one org's records are at any moment: all insertions, in columns that are searched by bisection."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Literal, NamedTuple
from zlib import crc32

import msgspec

from ringback.records.values import OddValue, read_time
from ringback.simulator.clock import to_ms
from ringback.simulator.deliveries import Delivery

Axis = Literal["inserted", "report", "start"]
Bounds = Literal["[)", "[]", "(]", "()"]

_NO_TIME = -1
_END_OF_TIME = 2**62


class TrueNewest(msgspec.Struct, frozen=True, kw_only=True):
    """What a ledger should have of one record that was inserted up to some time.

    Attributes:
        report_id: its id.
        report_ms: Report time of the newest version, milliseconds since 1970.
        first_ms, newest_ms: when the record, and when this version of it, was inserted first.
        versions: how many with different bytes were inserted.
        insertions: how often, all versions together.
        digest: SHA-256 of the bytes of the newest version, in hexadecimal.
    """

    report_id: str
    report_ms: int
    first_ms: int
    newest_ms: int
    versions: int
    insertions: int
    digest: str


class Row(NamedTuple):
    """One insertion: times in milliseconds since 1970, and the bytes, or what makes them when they are asked for."""

    inserted: int
    report: int
    start: int
    report_id: str
    location: str
    record: bytes | Callable[[], bytes]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: a range of one time, in milliseconds, and locations (none for all)."""

    axis: Axis
    start: int
    end: int
    bounds: Bounds
    locations: tuple[str, ...] = ()


class Archive:
    """The insertions of one org. Entries are numbered in order of insertion time.

    The version of a record that counts is the one with the newest Report time; of two with the same, the later. The
    stream gives every insertion as it was, at its time, also of a version that is out of date. The feed gives each
    record once: as the newest version that was inserted by then.

    Args:
        missed: share of records, 0 to 1, that the stream never gives.
    """

    def __init__(self, missed: float = 0.0) -> None:
        self._missed_below = int(missed * 2**32)
        self._waiting: list[Row] = []
        self._clear()

    def _clear(self) -> None:
        self._times: dict[Axis, array[int]] = {"inserted": array("q"), "report": array("q"), "start": array("q")}
        # When a newer version takes an entry's place in the feed; _NO_TIME: it never has a place there.
        self._until: array[int] = array("q")
        self._ids: list[str] = []
        self._locations: list[str] = []
        self._records: list[bytes | Callable[[], bytes]] = []
        self._newest: dict[str, int] = {}
        self._older: dict[str, list[int]] = {}
        self._orders: dict[Axis, list[int]] = {"report": [], "start": []}
        self._ordered = 0  # so many entries are in the orders

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """Insert records, in any order."""
        self.add_rows(map(_row, deliveries))

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Insert rows, in any order. Those that are earlier than others from before cost a new sort of all."""
        self._waiting += rows

    def settle(self) -> None:
        """Put what was added where it belongs."""
        if not self._waiting:
            return
        rows = sorted(self._waiting, key=_inserted)
        self._waiting = []
        inserted = self._times["inserted"]
        if inserted and rows[0].inserted < inserted[-1]:
            rows = sorted([*self._rows(), *rows], key=_inserted)  # stable: of equal times, what was there stays first
            self._clear()
        for row in rows:
            self._append(row)
        for axis, order in self._orders.items():
            order += (entry for entry in range(self._ordered, len(self._ids)) if self._until[entry] != _NO_TIME)
            order.sort(key=self._times[axis].__getitem__)
        self._ordered = len(self._ids)

    def _rows(self) -> Iterable[Row]:
        times = self._times
        columns = (times["inserted"], times["report"], times["start"], self._ids, self._locations, self._records)
        return map(Row._make, zip(*columns, strict=True))

    def _append(self, row: Row) -> None:
        entry = len(self._ids)
        self._times["inserted"].append(row.inserted)
        self._times["report"].append(row.report)
        self._times["start"].append(row.start)
        self._until.append(_END_OF_TIME)
        self._ids.append(row.report_id)
        self._locations.append(row.location)
        self._records.append(row.record)
        current = self._newest.setdefault(row.report_id, entry)
        if current == entry:
            return
        known = self._older.setdefault(row.report_id, [])
        if self._version(entry) in map(self._version, (current, *known)):
            self._until[entry] = _NO_TIME
        elif row.report < self._times["report"][current]:
            self._until[entry] = _NO_TIME
            known.append(entry)
        else:
            self._until[current] = row.inserted
            known.append(current)
            self._newest[row.report_id] = entry

    def _version(self, entry: int) -> bytes:
        return self.records([entry])[0]

    def records(self, entries: Iterable[int]) -> list[bytes]:
        """The bytes of entries."""
        return [one if isinstance(one, bytes) else one() for one in map(self._records.__getitem__, entries)]

    def times(self, axis: Axis) -> Sequence[int]:
        """The times of all entries, by number."""
        return self._times[axis]

    def select(self, window: Window, known: int) -> Sequence[int]:
        """The entries of a window in order of its time; of those with equal times, in order of insertion.

        Args:
            known: only what was inserted until then exists, in milliseconds.
        """
        self.settle()
        times = self._times[window.axis]
        inserted = self._times["inserted"]
        before_first = bisect_left if window.bounds[0] == "[" else bisect_right
        after_last = bisect_right if window.bounds[1] == "]" else bisect_left
        found: Sequence[int]
        if window.axis == "inserted":
            last = min(after_last(times, window.end), bisect_right(times, known))
            found = range(before_first(times, window.start), last)
            if self._missed_below:
                found = [entry for entry in found if not self.missed(self._ids[entry])]
        else:
            order = self._orders[window.axis]
            first = before_first(order, window.start, key=times.__getitem__)
            last = after_last(order, window.end, key=times.__getitem__)
            until = self._until
            found = [entry for entry in order[first:last] if inserted[entry] <= known < until[entry]]
        if window.locations:
            found = [entry for entry in found if self._locations[entry] in window.locations]
        return found

    def missed(self, report_id: str) -> bool:
        """Whether the stream never gives this record."""
        return crc32(report_id.encode()) < self._missed_below

    def truth(self, until: int) -> dict[str, TrueNewest]:
        """What is true of each record at a time in milliseconds, by id."""
        self.settle()
        inserted, report = self._times["inserted"], self._times["report"]
        entries: dict[str, list[int]] = {}
        for entry in range(bisect_right(inserted, until)):
            entries.setdefault(self._ids[entry], []).append(entry)
        newest = {}
        for report_id, ours in entries.items():
            # An entry that never had a place in the feed is a repetition, or older than one from before it.
            top = max((entry for entry in ours if self._until[entry] != _NO_TIME), key=lambda one: (report[one], one))
            newest[report_id] = TrueNewest(
                report_id=report_id,
                report_ms=report[top],
                first_ms=inserted[ours[0]],
                newest_ms=inserted[top],
                versions=1 if len(ours) == 1 else len(set(self.records(ours))),
                insertions=len(ours),
                digest=sha256(self._version(top)).hexdigest(),
            )
        return newest


def _inserted(row: Row) -> int:
    return row.inserted


class _Shown(msgspec.Struct):
    """The values of a record that the cloud itself looks at."""

    start: str = msgspec.field(name="Start time", default="")
    location: str = msgspec.field(name="Location", default="")


_show = msgspec.json.Decoder(_Shown).decode


def _row(delivery: Delivery) -> Row:
    report = to_ms(delivery.report_time)
    try:
        shown = _show(delivery.record)
    except msgspec.ValidationError:  # of odd types; the cloud gives such records too
        shown = _Shown()
    try:
        start = to_ms(read_time(shown.start))
    except OddValue:
        start = report
    return Row(to_ms(delivery.at), report, start, delivery.report_id, shown.location, delivery.record)
