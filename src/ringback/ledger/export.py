"""The ledger written out: NDJSON with the records as they came, CSV with the columns of Control Hub, call logs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator

import msgspec

from ringback.ledger.contract import Ledger, Position, Window
from ringback.records.cdr import CDR
from ringback.records.fields import FIELDS, Kind
from ringback.records.kinds import as_call_log

_PAGE = 2000
_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")


def ndjson(ledger: Ledger, window: Window) -> Iterator[bytes]:
    """One line for each current record of a window: its bytes as they came.

    A record that came over several lines keeps its length: line breaks, which JSON allows between its parts only,
    become spaces.
    """
    for raw in _records(ledger, window, as_came=True):
        yield raw.translate(_ONE_LINE) + b"\n"


def csv_rows(ledger: Ledger, window: Window) -> Iterator[bytes]:
    """The lines of a CSV report: a header with the columns of Control Hub, then one line for each current record.

    Fields without a column there, and keys that ringback does not know, are not in it. NDJSON has everything.
    """
    columns = [field for field in FIELDS if field.csv is not None]
    line = _line_writer()
    yield line([str(field.csv) for field in columns])
    for raw in _records(ledger, window, as_came=False):
        values = CDR(raw).values
        yield line([_cell(values.get(field.wire), upper=field.kind is Kind.BOOLEAN) for field in columns])


def call_logs(ledger: Ledger, window: Window) -> Iterator[bytes]:
    """One line for each current record of a window: a PortSIP call log in JSON, whatever the record is."""
    for raw in _records(ledger, window, as_came=True):
        yield as_call_log(raw, window.org).translate(_ONE_LINE) + b"\n"


def _records(ledger: Ledger, window: Window, *, as_came: bool) -> Iterator[bytes]:
    snapshot = ledger.newest(window.org)
    begin: Position | None = None
    while True:
        page = ledger.page(window, snapshot=snapshot, limit=_PAGE, begin=begin, as_came=as_came)
        yield from page.records
        if page.next is None:
            return
        begin = page.next


def _cell(value: object, *, upper: bool) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()  # a number, or something odd
    return text.upper() if upper else text


def _line_writer() -> Callable[[list[str]], bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)

    def line(cells: list[str]) -> bytes:
        writer.writerow(cells)
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text.encode()

    return line
