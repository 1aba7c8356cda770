"""PortSIP call logs in the ledger: kept as they came, given as Webex CDRs, and part of the call history."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import msgspec
import pytest

from factories import NOON, ORG, make_record
from integration.projections.office import Office
from ringback.ledger import Appended, TimeAxis, Window
from ringback.ledger.export import call_logs, csv_rows, ndjson
from ringback.records.errors import NotARecord
from ringback.records.fields import WIRE_KEYS
from ringback.records.kinds import decode_any
from ringback.records.portsip.fields import CALL_LOG_FIELDS
from ringback.sources.files import read_file
from ringback.sources.importing import import_items

DATA = Path(__file__).resolve().parents[2] / "data"
LONG = Window(ORG, TimeAxis.START, 0, 4_000_000_000_000)


@pytest.fixture
def office(office: Office) -> Office:
    """An org with a Webex record and what a PBX gave as one page of call logs."""
    office.ledger.append([make_record("webex", start_time=NOON, **{"User UUID": "u1", "Correlation ID": "c1"})])
    return office


@pytest.fixture
def page() -> list[dict[str, Any]]:
    """The call logs of that page."""
    return list(msgspec.json.decode((DATA / "call-log-page.json").read_bytes())["items"])


def test_a_page_of_call_logs_is_imported(office: Office, page: list[dict[str, Any]]) -> None:
    """Each call log of a saved page becomes a record under its id, once however often it is imported."""
    for again in (False, True):
        done = import_items(read_file(DATA / "call-log-page.json"), office.ledger, default_org=ORG).appended
        assert done == (Appended(duplicate=len(page)) if again else Appended(new=len(page)))
    for log in page:
        (version,) = office.ledger.versions(ORG, str(log["id"]))
        assert msgspec.json.decode(version.record.raw) == log


def test_without_an_organization_nothing_is_guessed(office: Office, page: list[dict[str, Any]]) -> None:
    """A call log names no organization: without --org it is quarantined, with what to do."""
    with pytest.raises(NotARecord, match="--org"):
        decode_any(msgspec.json.encode(page[0]))
    done = import_items(read_file(DATA / "call-log-page.json"), office.ledger).appended
    assert done == Appended(quarantined=len(page))


def test_pages_have_cdrs_of_both_kinds(office: Office, page: list[dict[str, Any]]) -> None:
    """Feed and stream give call logs as Webex CDRs with all keys, among the others; NDJSON has them as they came."""
    office.ledger.append([decode_any(msgspec.json.encode(log), ORG).record for log in page])
    found = office.ledger.page(LONG, snapshot=office.ledger.newest(ORG), limit=100).records
    cdrs = {cdr["Report ID"]: cdr for cdr in map(msgspec.json.decode, found)}
    assert set(cdrs) == {"webex", *(str(log["id"]) for log in page)}
    assert all(tuple(cdr) == WIRE_KEYS and cdr["Org UUID"] == str(ORG) for cdr in cdrs.values())
    assert {cdr["Correlation ID"] for cdr in cdrs.values()} == {"c1", *(str(log.get("session_id", "")) for log in page)}
    lines = [msgspec.json.decode(line) for line in ndjson(office.ledger, LONG)]
    assert all(log in lines for log in page)
    rows = list(csv.DictReader(io.StringIO(b"".join(csv_rows(office.ledger, LONG)).decode())))
    assert {row["Report ID"] for row in rows} == set(cdrs)


def test_both_kinds_are_exported_as_call_logs(office: Office, page: list[dict[str, Any]]) -> None:
    """Exported as call logs, those that are some are as they came, and a CDR has the 26 fields, null where blank."""
    office.ledger.append([decode_any(msgspec.json.encode(log), ORG).record for log in page])
    lines = [msgspec.json.decode(line) for line in call_logs(office.ledger, LONG)]
    assert all(log in lines for log in page)
    (webex,) = [line for line in lines if line["id"] == "webex"]
    assert list(webex) == [field.name for field in CALL_LOG_FIELDS]
    assert (webex["session_id"], webex["started_at"], webex["cost"]) == ("c1", "2026-03-02T12:00:00Z", None)


def test_the_single_call_log_adds_to_that_of_the_list(office: Office, page: list[dict[str, Any]]) -> None:
    """A call log that comes again with a cost is a revision; the one of the list, after that, tells nothing new."""
    plain = decode_any(msgspec.json.encode(page[0]), ORG).record
    whole = decode_any(msgspec.json.encode({**page[0], "cost": 0.25, "billed_account": "7"}), ORG).record
    blank = decode_any(msgspec.json.encode({**page[0], "user_data": None, "trunk": page[0]["trunk"]}), ORG).record
    assert office.ledger.append([plain]) == Appended(new=1)
    assert office.ledger.append([whole]) == Appended(revised=1)
    assert office.ledger.append([plain, blank, whole]) == Appended(duplicate=3)
    assert office.ledger.versions(ORG, plain.record_id)[0].record.raw == whole.raw


def test_call_logs_are_in_the_call_history(office: Office, page: list[dict[str, Any]]) -> None:
    """Each extension in a call log has sessions, by its number and its domain if that is given; nobody else has."""
    office.ledger.append([decode_any(msgspec.json.encode(log), ORG).record for log in page])
    office.catch_up()
    users = {row["user_id"] for row in office.rows().values()}
    assert users == {"u1", "101@pbx.example.com", "102@pbx.example.com", "101"}
    assert [entry.disposition for entry in office.entries("102@pbx.example.com")] == ["MISSED"]
    assert [entry.direction for entry in office.entries("101@pbx.example.com")] == ["OUTGOING", "OUTGOING"]
