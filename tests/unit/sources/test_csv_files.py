"""CSV files: the report of Control Hub in every spelling, and rows that are broken."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.records.cdr import CDR
from ringback.records.fields import WIRE_KEYS
from ringback.sources.files import BrokenItem, Item, RawItem, UnreadableFile, read_file, read_stream

DATA = Path(__file__).resolve().parents[2] / "data"
REPORTS = ["control-hub-wire.csv", "control-hub-documented.csv", "control-hub-report.csv"]
HEADER = "Report ID,User,Duration,Answered,Mood"


def read(text: str | bytes) -> list[Item]:
    """All items; there must be no error."""
    data = text if isinstance(text, bytes) else text.encode()
    return list(read_stream(io.BytesIO(data), "report.csv"))


def ids(items: list[Item]) -> list[str | None]:
    """The Report IDs of the rows that are not broken."""
    return [CDR(item.raw).report_id for item in items if isinstance(item, RawItem)]


def broken(items: list[Item]) -> list[tuple[bytes, str, str]]:
    """What is broken."""
    return [(item.raw, item.where, item.reason) for item in items if isinstance(item, BrokenItem)]


@pytest.mark.parametrize("name", REPORTS)
def test_report_in_each_spelling_gives_the_same_records(name: str) -> None:
    """The same calls read alike from a report with the columns of the wire, of the documents or of Control Hub."""
    items = list(read_file(DATA / name))
    assert [item.raw for item in items] == [item.raw for item in read_file(DATA / REPORTS[0])]
    cdrs = [CDR(item.raw) for item in items]
    assert [cdr.report_id for cdr in cdrs] == [f"11111111-aaaa-3aaa-8aaa-00000000000{n}" for n in (1, 2, 3)]
    assert [cdr.answered for cdr in cdrs] == [True, False, True]
    assert [cdr.duration for cdr in cdrs] == [187, 0, 62]
    assert [cdr.user for cdr in cdrs] == ["Ana Example", 'Zoë "Zed" Sample, Sales', "Front desk\nRaleigh"]
    assert cdrs[0].device_mac == "02005E100001"
    assert cdrs[1].international_country == "NA"
    assert cdrs[2].queue_type == "Call Queue"
    assert {cdr.odd for cdr in cdrs} == {()}


@pytest.mark.parametrize("name", REPORTS)
def test_rows_become_records_as_on_the_wire(name: str) -> None:
    """A row is a JSON record with all 87 keys in wire order, and values of the types the wire has."""
    for item in read_file(DATA / name):
        values = json.loads(item.raw)
        assert tuple(values) == WIRE_KEYS
        assert type(values["Duration"]) is int
        assert type(values["Ring duration"]) is str
        assert values["Answered"] in ("true", "false")


def test_places_are_lines() -> None:
    """Where a row stands is the line it begins on, also behind a row that has line breaks in a cell."""
    items = list(read_file(DATA / "control-hub-wire.csv"))
    assert [item.where for item in items] == [f"control-hub-wire.csv, line {line}" for line in (2, 3, 4)]
    assert [item.where for item in read('Report ID,User\nr-1,"a\nb\nc"\nr-2,x\n')] == [
        "report.csv, line 2",
        "report.csv, line 5",
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@settings(max_examples=20)
@given(users=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), max_size=4))
def test_what_a_table_writes_is_read(delimiter: str, line_end: str, encoding: str, users: list[str]) -> None:
    """Whatever delimiter, line end and encoding a spreadsheet used, each cell reads as it was written."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(["User", "REPORT ID", "Duration", "Mood; of, caller"])
    for number, user in enumerate(users):
        writer.writerow([user, f"r-{number}", number, user])
    items = read(text.getvalue().encode(encoding))
    assert broken(items) == []
    assert ids(items) == [f"r-{number}" for number in range(len(users))]
    assert [json.loads(item.raw)["User"] for item in items] == users
    assert [json.loads(item.raw)["Mood; of, caller"] for item in items] == users


def test_unknown_columns_are_kept_at_the_end() -> None:
    """A column that no field has, even one without a name, follows the known ones."""
    [item] = read("Mood,,Report ID,\ncheerful,x,r-1,\n")
    assert isinstance(item, RawItem)
    assert list(json.loads(item.raw).items())[87:] == [("Mood", "cheerful"), ("column 2", "x")]


def test_first_column_may_have_no_name() -> None:
    """A header that begins with a delimiter keeps its columns in place."""
    [item] = read("\n\tReport ID\tUser\nx\tr-1\tAna\n")
    assert (CDR(item.raw).report_id, CDR(item.raw).user) == ("r-1", "Ana")


def test_blank_rows_are_skipped() -> None:
    """Empty rows, and rows of nothing but delimiters and spaces, are no records and not broken."""
    items = read(f"\n\n{HEADER}\n\nr-1,Ana,5,TRUE,\n,,,,\n  \n , ,,,\nr-2,Ben,6,FALSE,\n\n")
    assert ids(items) == ["r-1", "r-2"]
    assert broken(items) == []
    assert [item.where for item in items] == ["report.csv, line 5", "report.csv, line 9"]


def test_missing_cells_are_unset() -> None:
    """A row with fewer cells than the header has the others unset."""
    [item] = read(f"{HEADER}\nr-1,Ana\n")
    assert (CDR(item.raw).report_id, CDR(item.raw).user, CDR(item.raw).duration) == ("r-1", "Ana", None)


def test_row_with_too_many_cells_is_broken() -> None:
    """A row with more cells than the header is not guessed at; more empty cells at its end do not count."""
    items = read(f"{HEADER}\nr-1,Ana,5,TRUE,x,,,\nr-2,Sample, Ben,5,TRUE,x\nr-3,Zoe,5,TRUE,x\n")
    assert ids(items) == ["r-1", "r-3"]
    assert broken(items) == [
        (b"r-2,Sample, Ben,5,TRUE,x", "report.csv, line 3", "6 cells, but the header has 5 columns")
    ]


@pytest.mark.parametrize(
    "row",
    ['r-2,"Ana,5,TRUE,x', 'r-2,"Ana" B,5,TRUE,x', '"r-2,Ana,5,TRUE,x', 'r-2,Ana,5,TRUE,"x', 'r-2,"An\u00e9"",5,TRUE,x'],
)
@pytest.mark.parametrize("after", [1, 30, 5000])
def test_a_quote_too_many_costs_one_row(row: str, after: int) -> None:
    """A stray quote breaks the row it stands in, and not those behind it, even if another follows."""
    rest = [f"r-{number},Ben,6,FALSE,calm" for number in range(3, 3 + after)]
    rest[-1] = rest[-1].replace("Ben", '"Ben ""B"" Sample"')
    items = read("\n".join([HEADER, "r-1,Ana,5,TRUE,x", row, *rest]) + "\n")
    assert ids(items) == ["r-1", *(line.split(",")[0] for line in rest)]
    assert [(raw, where) for raw, where, _ in broken(items)] == [(row.encode(), "report.csv, line 3")]


def test_row_that_is_no_utf8_is_broken() -> None:
    """A row in another encoding is not guessed at, and its bytes are kept."""
    items = read(f"{HEADER}\nr-1,Zo\xeb,5,TRUE,x\nr-2,Ana,5,TRUE,x\n".encode("latin-1"))
    assert ids(items) == ["r-2"]
    assert broken(items) == [(b"r-1,Zo\xeb,5,TRUE,x", "report.csv, line 2", "not UTF-8; save the file as 'CSV UTF-8'")]


def test_cut_off_row_is_broken() -> None:
    """The last row, if it ends in the middle, is no record, and the error says that the file was cut off."""
    items = read_stream(io.BytesIO(f"{HEADER}\nr-1,Ana,5,TRUE,x\nr-2,Be".encode()), "report.csv")
    assert CDR(next(items).raw).report_id == "r-1"
    assert next(items) == BrokenItem(b"r-2,Be", "report.csv, line 3", "the file ends inside this row")
    with pytest.raises(UnreadableFile, match=r"report.csv: it ends inside a row, so it was cut off. 1 record before"):
        next(items)


def test_last_row_needs_no_line_end() -> None:
    """A whole last row without a line end is a record."""
    assert ids(read(f"{HEADER}\nr-1,Ana,5,TRUE,x")) == ["r-1"]


def test_header_without_report_id_says_what_was_found() -> None:
    """A table that is no call report is refused with its columns and what to take instead."""
    with pytest.raises(UnreadableFile) as refused:
        read("Name,Number\nAna,5\n")
    assert str(refused.value) == (
        "report.csv is CSV without a column 'Report ID', which tells records from each other; its columns are "
        "Name, Number. Take the Detailed Call History report of Control Hub, with its header."
    )


def test_same_column_twice_is_refused() -> None:
    """Two columns of the same field, in any spelling, are refused, because nobody can know which is right."""
    with pytest.raises(UnreadableFile, match=r"report.csv has 2 columns 'Device MAC'. Only you can know"):
        read("Report ID,Device MAC,Device Mac\nr-1,a,b\n")


def test_header_alone_is_no_error() -> None:
    """A report of a time without calls has no records."""
    assert read(f"{HEADER}\n") == []


def test_table_without_line_ends_is_bounded() -> None:
    """A line longer than any row is broken in parts, not held in memory as a whole."""
    items = list(read_stream(io.BytesIO(f"{HEADER}\nr-1,".encode() + b"x" * 5_000_000), "report.csv"))
    assert ids(items) == []
    assert all(len(raw) <= 65536 for raw, _, _ in broken(items))
    assert len(broken(items)) >= 1
