"""The records of a page: all keys of the wire, and the bytes that came."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from factories import ORG, wire_record
from ringback.records.decode import decode
from ringback.records.fields import FIELDS, WIRE_KEYS
from ringback.records.wire import complete
from serving import ALL_TIME, FEED, STREAM, Site

DATA = Path(__file__).parents[2] / "data"


def page_of(site: Site, path: str) -> bytes:
    """The body of the page with everything."""
    reply = site.ask(path, site.token(), ALL_TIME)
    assert reply.status == 200
    return reply.body


def wire_with(name: str, values: Mapping[str, object]) -> bytes:
    """A record with other values by wire key; keys that are not in the field table stand at its end."""
    return msgspec.json.encode(msgspec.json.decode(wire_record(name)) | values)


def keys_of(record: bytes) -> list[str]:
    """The keys of a record in their order."""
    return list(msgspec.json.decode(record, type=dict[str, msgspec.Raw]))


@pytest.mark.parametrize("path", [FEED, STREAM])
def test_complete_records_go_out_as_they_came(site: Site, path: str) -> None:
    """Records with all keys go out byte for byte: spaces, escapes, odd values and unknown keys at the end included."""
    plain = wire_record("a", User='Ünïcode "quoted"')
    spaced = msgspec.json.format(wire_record("b", User="b"), indent=1)
    escaped = wire_record("c", User="x").replace(b'"User":"x"', rb'"User":"\u00e9\/\ud83d\ude00"')
    odd = wire_with("d", {"Duration": "na", "Site timezone": 60, "Ring duration": 1.50, "Model": ["x", {"y": None}]})
    later = wire_with("e", {"Key of 2027": "new", "Another": {"deep": [1, 2.0]}})
    site.append(plain, spaced, escaped, odd, later)
    assert page_of(site, path) == b'{"items":[' + b",".join([plain, spaced, escaped, odd, later]) + b"]}"


def test_there_are_87_keys_in_wire_order(site: Site) -> None:
    """Each record has the 87 keys, in the order of the wire, from Answer time to Answer reason."""
    site.append(wire_record("a"))
    (record,) = msgspec.json.decode(page_of(site, FEED), type=dict[str, list[msgspec.Raw]])["items"]
    assert len(keys_of(bytes(record))) == 87
    assert keys_of(bytes(record)) == list(WIRE_KEYS)
    assert (WIRE_KEYS[0], WIRE_KEYS[69], WIRE_KEYS[86]) == ("Answer time", "Call Recording Trigger", "Answer reason")


def test_records_of_2025_are_completed(site: Site) -> None:
    """A record with the 70 keys of 2025 goes out with its bytes and the 17 keys that came later, unset."""
    old = wire_record("a", without=WIRE_KEYS[70:])
    site.append(old)
    added = b"".join(b',"%s":""' % key.encode() for key in WIRE_KEYS[70:])
    assert page_of(site, FEED) == b'{"items":[' + old[:-1] + added + b"}]}"


def test_csv_rows_are_completed(site: Site) -> None:
    """The row of a CSV report goes out with all keys in wire spelling and order, and with the types of the wire."""
    with (DATA / "control-hub-report.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    site.ledger.append([decode(msgspec.json.encode(row), ORG).record for row in rows])
    items = site.ask(FEED, site.token(org=decode(msgspec.json.encode(rows[0]), ORG).record.org), ALL_TIME).json["items"]
    assert items
    columns = {(field.csv or "").casefold(): field for field in FIELDS}
    for item in items:
        assert list(item) == list(WIRE_KEYS)
        row = next(row for row in rows if row["Report ID"] == item["Report ID"])
        for column, text in row.items():
            value = item[columns[column.casefold()].wire]
            assert str(value).casefold() == text.casefold()
        assert item["Answered"] in ("true", "false")
        assert type(item["Duration"]) is int
        assert type(item["Ring duration"]) is str
        assert item["Transfer type"] == item["External customer ID"] == ""


def test_other_spellings_and_orders_are_put_right(site: Site) -> None:
    """Keys in another spelling or order go out in those of the wire, with unknown keys at the end as they came."""
    given: dict[str, object] = {
        "zz unknown": [1],
        "report id": "a",
        "Call transfer Time": "",
        "ORG UUID": str(ORG),
        "Report time": "NA",
    }
    given["Start time"] = "2026-03-02 12:00:00.000"
    site.append(msgspec.json.encode(given))
    (item,) = site.ask(FEED, site.token(), ALL_TIME).json["items"]
    assert list(item) == [*WIRE_KEYS, "zz unknown"]
    assert (item["Report ID"], item["zz unknown"], item["Report time"]) == ("a", [1], "NA")
    assert item["Start time"] == "2026-03-02 12:00:00.000"


@pytest.mark.parametrize("path", [FEED, STREAM])
def test_the_published_records(site: Site, path: str) -> None:
    """The record of the documents and a full one of 2026 go out with all their values."""
    documented = msgspec.json.decode((DATA / "documented-page.json").read_bytes())["items"]
    full = msgspec.json.decode((DATA / "full-record-2026.json").read_bytes())
    for came in (*documented, full):
        record = decode(msgspec.json.encode(came), ORG).record
        site.ledger.append([record])
        reply = site.ask(path, site.token(org=record.org), ALL_TIME)
        item = next(item for item in reply.json["items"] if item["Report ID"] == came["Report ID"])
        assert list(item) == list(WIRE_KEYS)
        folded = {key.casefold(): value for key, value in item.items()}
        # The example of the documents has a number here; the wire has a text.
        expected = came | {"Ring duration": str(came["Ring duration"])}
        assert {key: folded[key.casefold()] for key in came} == expected


def test_records_without_times_are_served(site: Site) -> None:
    """A record without any time can be had at the time it was stored."""
    raw = wire_record("a", report_time="", start_time="na")
    site.append(raw)
    for path in (FEED, STREAM):
        assert page_of(site, path) == b'{"items":[' + complete(raw) + b"]}"
