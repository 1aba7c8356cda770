"""The ledger written out as NDJSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from factories import NOON, ORG, OTHER_ORG, Clock, wire_record
from ringback.ledger import Ledger, MemoryLedger, TimeAxis, Window
from ringback.ledger.export import csv_rows, ndjson
from ringback.records.decode import decode
from ringback.records.fields import FIELDS

CSV_COLUMNS = [field.csv for field in FIELDS if field.csv is not None]


def ledger_of(*raws: bytes) -> MemoryLedger:
    """A ledger to which these records came in this order, one by one."""
    ledger = MemoryLedger(Clock())
    for raw in raws:
        ledger.append([decode(raw, ORG).record])
    return ledger


def everything(org: UUID = ORG, locations: tuple[str, ...] = ()) -> Window:
    """A window with all records of an org."""
    return Window(org, TimeAxis.REPORT, 0, 2**53, locations)


def table(ledger: MemoryLedger, window: Window) -> Sequence[dict[str, str]]:
    """The CSV as a program reads it that knows nothing of ringback."""
    text = b"".join(csv_rows(ledger, window)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_ndjson_is_the_records_as_they_came() -> None:
    """Each line of NDJSON is a record byte for byte: its spacing, order, unknown keys and odd values."""
    odd = (
        rb'{ "Report ID":"odd", "Report time" : "2026-03-02T11:00:00.000Z",  "Mood":{"of":["caller"]}, "Duration":"na"}'
    )
    full = wire_record("full", report_time=NOON)
    assert list(ndjson(ledger_of(odd, full), everything())) == [odd + b"\n", full + b"\n"]


def test_ndjson_has_one_line_for_each_record() -> None:
    """A record that came over several lines is one line, of the same length and the same meaning."""
    record = b'{\r\n  "Report ID": "r",\n  "User": "two\\nlines"\n}'
    (line,) = ndjson(ledger_of(record), everything())
    assert line.count(b"\n") == 1
    assert b"\r" not in line
    assert len(line) == len(record) + 1
    assert json.loads(line) == json.loads(record)


@pytest.mark.parametrize("write", [ndjson, csv_rows])
def test_only_current_versions_are_written(write: Callable[[Ledger, Window], Iterator[bytes]]) -> None:
    """Of a record that was revised, the newest version is written, and no other."""
    newest = wire_record("r", report_time=NOON + timedelta(hours=1), User="corrected")
    ledger = ledger_of(wire_record("r", User="first"), newest)
    text = b"".join(write(ledger, everything()))
    assert b"corrected" in text
    assert b"first" not in text


def test_records_are_in_order_of_report_time() -> None:
    """Whatever the order of arrival, the order of the lines is that of the Report times."""
    hours = [5, 1, 4, 0, 3, 2]
    ledger = ledger_of(*(wire_record(f"r{hour}", report_time=NOON + timedelta(hours=hour)) for hour in hours))
    assert [json.loads(line)["Report ID"] for line in ndjson(ledger, everything())] == [f"r{n}" for n in range(6)]


def test_more_records_than_one_page_of_the_ledger() -> None:
    """All records are written, once, when they are far more than are read at a time."""
    ledger = MemoryLedger(Clock())
    ledger.append([decode(wire_record(f"r{number}")).record for number in range(4500)])
    written = [json.loads(line)["Report ID"] for line in ndjson(ledger, everything())]
    assert len(written) == len(set(written)) == 4500


def test_records_that_come_meanwhile_are_left_out() -> None:
    """An export shows the ledger as it was when it began."""
    ledger = ledger_of(wire_record("before"))
    lines = ndjson(ledger, everything())
    first = next(lines)
    ledger.append([decode(wire_record("meanwhile", report_time=NOON + timedelta(hours=1))).record])
    assert [json.loads(line)["Report ID"] for line in (first, *lines)] == ["before"]


def test_window_selects() -> None:
    """Org, time and location restrict what is written; the start of the time range is in it, the end is not."""
    ledger = ledger_of(
        wire_record("early", report_time=NOON - timedelta(milliseconds=1)),
        wire_record("first"),
        wire_record("elsewhere", location="Oslo"),
        wire_record("end", report_time=NOON + timedelta(minutes=1)),
        wire_record("other", org=OTHER_ORG),
    )
    noon = 1_772_452_800_000
    window = Window(ORG, TimeAxis.REPORT, noon, noon + 60_000, ("Berlin",))
    assert [json.loads(line)["Report ID"] for line in ndjson(ledger, window)] == ["first"]
    assert [row["Report ID"] for row in table(ledger, window)] == ["first"]


def test_csv_has_the_columns_of_control_hub() -> None:
    """The header has the 83 columns of Control Hub's report, also if there is no record."""
    header, *rows = csv_rows(ledger_of(), everything())
    assert next(csv.reader([header.decode()])) == CSV_COLUMNS
    assert len(CSV_COLUMNS) == 83
    assert rows == []


def test_csv_cells_are_the_values() -> None:
    """A cell has the value of the record, whatever commas, quotes, line breaks or letters it has."""
    user = 'Zoë "Zo", O\'Neil; 佐藤\r\nsecond line'
    (row,) = table(ledger_of(wire_record("r", User=user, Duration=36, Answered="true")), everything())
    assert (row["User"], row["Duration"], row["Report ID"]) == (user, "36", "r")
    assert row["Answered"] == "TRUE", "as Control Hub writes it"
    assert row["Location"] == "Berlin"
    assert row["Answer time"] == ""


def test_csv_of_records_in_other_spellings_and_with_fewer_keys() -> None:
    """Whatever the spelling and number of its keys, a record has its values in the columns they belong to."""
    (row,) = table(ledger_of(b'{"report  ID":"r","DEVICE MAC":"02005E100001","User":null}'), everything())
    assert {column: cell for column, cell in row.items() if cell} == {"Report ID": "r", "Device Mac": "02005E100001"}


def test_csv_of_odd_values() -> None:
    """A value of a type that no cell can have is written as JSON, and no record is left out because of it."""
    raw = b'{"Report ID":"r","Model":["Cisco 8875",{"port":2}],"Duration":12.5,"User":true}'
    (row,) = table(ledger_of(raw), everything())
    assert (row["Model"], row["Duration"], row["User"]) == ('["Cisco 8875",{"port":2}]', "12.5", "true")
