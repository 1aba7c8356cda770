"""CSV text: the Detailed Call History report of Control Hub, and what spreadsheets make of it."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator, Sequence

import msgspec

from ringback.records.fields import field_of_key
from ringback.records.wire import complete
from ringback.sources.files.items import MAX_KEPT, BrokenItem, Damaged, Item, RawItem, UnreadableFile
from ringback.sources.files.source import Source

HEAD = 64 * 1024
"""The header ends within so many bytes."""

_DELIMITERS = (",", ";", "\t")
_MAX_LINE = 1 << 20
_encode = msgspec.json.Encoder().encode


def columns(head: bytes) -> list[str]:
    """The names in the first line, of a text that has more than white space."""
    return _header(head)[1]


def has_report_id(columns: Sequence[str]) -> bool:
    """Whether these are columns of call records."""
    return "Report ID" in map(_wire_key, columns)


def read(source: Source, name: str) -> Iterator[Item]:
    """The rows of a CSV text in UTF-8 as JSON records with all fields, and the rows that are broken.

    A broken row costs only its first line: the lines after it are read again as rows, so that a quote too many does not
    swallow the neighbours.

    Raises:
        UnreadableFile: two columns are the same.
        Damaged: the last row is cut off.
    """
    delimiter, columns = _header(source.peek(HEAD))
    for column, count in Counter(map(_wire_key, columns)).items():
        if count > 1:
            raise UnreadableFile(f"{name} has {count} columns {column!r}. Only you can know which is right: keep one.")
    lines = _Lines(source)
    while not next(lines).strip():
        pass
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        where = f"{name}, line {lines.begin_row()}"
        try:
            cells = next(rows, None)
            if cells is None:
                return
            if not any(map(str.strip, cells)):
                continue
            if lines.cut_off and (len(cells) < len(columns) or source.damage):
                yield BrokenItem(lines.only_first(), where, "the file ends inside this row")
                raise Damaged("it ends inside a row, so it was cut off")
            yield RawItem(_record(columns, cells, lines.taken), where)
        except _BrokenRow as problem:
            yield BrokenItem(lines.only_first(), where, str(problem))
        except csv.Error as error:
            yield BrokenItem(lines.only_first(), where, f"not a CSV row: {error}")
        except UnicodeEncodeError:
            yield BrokenItem(lines.only_first(), where, "not UTF-8; save the file as 'CSV UTF-8'")


class _BrokenRow(Exception):
    """The message is the reason."""


def _record(columns: Sequence[str], cells: Sequence[str], lines: int) -> bytes:
    if any(cells[len(columns) :]):
        raise _BrokenRow(f"{len(cells)} cells, but the header has {len(columns)} columns")
    if len(cells) < len(columns) and lines > 1:
        raise _BrokenRow("a quote is opened and not closed where it should be")
    return complete(_encode(dict(zip(columns, cells, strict=False))))


def _header(head: bytes) -> tuple[str, list[str]]:
    """The delimiter and the columns, taking the delimiter that finds a Report ID, else the most columns."""
    line = next(line for line in head.splitlines() if line.strip()).decode(errors="replace")
    choices = [(delimiter, _names(line, delimiter)) for delimiter in _DELIMITERS]
    return max(choices, key=lambda choice: (has_report_id(choice[1]), len(choice[1])))


def _names(line: str, delimiter: str) -> list[str]:
    names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    while names and not names[-1]:
        names.pop()
    return [name or f"column {number}" for number, name in enumerate(names, 1)]


def _wire_key(column: str) -> str:
    field = field_of_key(column)
    return field.wire if field else column


class _Lines:
    """The lines of a text, counted, with those of the row that is being read.

    Attributes:
        taken: how many lines the row has so far.
        cut_off: whether the last line taken has no line end, which only the last of a file can lack.
    """

    def __init__(self, source: Source) -> None:
        self._fresh = _lines(source)
        self._again: deque[bytes] = deque()
        self._row: list[bytes] = []
        self._next_number = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._fresh)
        self._row.append(line)
        self._next_number += 1
        # Bytes that are no UTF-8 become lone surrogates, which cannot be encoded again: that tells the row.
        return line.decode(errors="surrogateescape")

    @property
    def taken(self) -> int:
        return len(self._row)

    @property
    def cut_off(self) -> bool:
        return not self._row[-1].endswith((b"\n", b"\r"))

    def begin_row(self) -> int:
        """Forget the lines taken; the number of the line that comes next."""
        self._row.clear()
        return self._next_number

    def only_first(self) -> bytes:
        """The first `MAX_KEPT` bytes of the first line taken; the others will come again."""
        first, *others = self._row
        self._again.extendleft(reversed(others))
        self._next_number -= len(others)
        del self._row[1:]
        return first.rstrip(b"\r\n")[:MAX_KEPT]


def _lines(source: Source) -> Iterator[bytes]:
    rest = b""
    while piece := source.read():
        # The last line may go on in the next piece, or its \r be followed by a \n there.
        *whole, rest = (rest + piece).splitlines(keepends=True)
        yield from whole
        if len(rest) > _MAX_LINE:  # no line of a table: hand it out in parts, so that memory stays bounded
            yield rest
            rest = b""
    if rest:
        yield rest
