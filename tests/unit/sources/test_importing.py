"""From files into the ledger."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from ringback.ledger.contract import Appended, Quarantined
from ringback.ledger.memory import MemoryLedger
from ringback.records.decode import Record
from ringback.sources.files import BrokenItem, Item, RawItem, UnreadableFile, read_file, read_stream
from ringback.sources.importing import Example, ImportReport, ImportStopped, import_items
from ringback.store.errors import StoreError

DATA = Path(__file__).resolve().parents[2] / "data"
ORG = UUID("7d0c9c1e-52a4-4c0e-9d8b-3f1f5a6b7c8d")
OTHER = UUID(int=7)


@pytest.fixture
def ledger() -> MemoryLedger:
    """An empty ledger."""
    return MemoryLedger(lambda: datetime(2026, 9, 15, tzinfo=UTC))


def items(*numbers: int, org: UUID = ORG) -> list[Item]:
    """Records as a file gives them."""
    return [
        RawItem(json.dumps({"Report ID": f"r-{number}", "Org UUID": str(org)}).encode(), f"calls.json, line {number}")
        for number in numbers
    ]


def stored(ledger: MemoryLedger, org: UUID) -> list[str]:
    """The ids of the records of an org, in the order they were stored."""
    return [one.record.record_id for one in ledger.after(org, 0, 1000)]


def test_records_of_many_orgs_go_to_their_orgs(ledger: MemoryLedger) -> None:
    """Each record goes to the organization it names, and the report counts them."""
    report = import_items([*items(1, 2), *items(3, org=OTHER)], ledger)
    assert report == ImportReport(Appended(new=3), Counter(), Counter({ORG: 2, OTHER: 1}), [])
    assert stored(ledger, ORG) == ["r-1", "r-2"]
    assert stored(ledger, OTHER) == ["r-3"]


def test_importing_again_changes_nothing(ledger: MemoryLedger) -> None:
    """The same file a second time is all duplicates, also if it is another spelling of the same report."""
    first = import_items(read_file(DATA / "control-hub-wire.csv"), ledger)
    assert first.appended == Appended(new=3)
    for name in ("control-hub-wire.csv", "control-hub-documented.csv", "control-hub-report.csv"):
        assert import_items(read_file(DATA / name), ledger).appended == Appended(duplicate=3)
    assert ledger.newest(ORG) == 3


def test_documented_page_is_imported(ledger: MemoryLedger) -> None:
    """The sample page of the API documents is one record with nothing odd."""
    report = import_items(read_file(DATA / "documented-page.json"), ledger)
    assert report.appended == Appended(new=1)
    assert report.odd == Counter()
    assert stored(ledger, UUID("408806bc-a013-4a4b-9a24-85e374912102")) == ["0a0c2eb7-f1f6-3326-86f9-565d2e11553d"]


def test_full_record_is_stored_as_it_came(ledger: MemoryLedger) -> None:
    """A record of 2026 is in the ledger byte for byte as in the file, in an array or alone."""
    text = (DATA / "full-record-2026.json").read_bytes()
    assert import_items(read_file(DATA / "full-record-2026.json"), ledger).appended == Appended(new=1)
    [one] = ledger.after(ORG, 0, 10)
    assert one.record.raw == text.strip()


def test_odd_records(ledger: MemoryLedger) -> None:
    """Records with odd values are kept and counted; those that cannot be keyed are quarantined with the reason."""
    report = import_items(read_file(DATA / "odd-records.ndjson"), ledger, default_org=ORG)
    assert stored(ledger, ORG) == [f"odd-{number:02}" for number in (1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 16, 18)]
    assert report.appended == Appended(new=12, quarantined=7)
    assert report.odd == Counter(
        {
            "report_time": 3,
            "site_timezone": 1,
            "model": 1,
            "duration": 1,
            "ring_duration": 1,
            "answered": 1,
            "answer_time": 1,
        }
    )
    reasons = {entry.item.source: entry.item.reason for entry in ledger.quarantine()}
    lines = {line: reasons.get(f"odd-records.ndjson, line {line}", "") for line in range(1, 19)}
    assert "no Report ID" in lines[8]
    assert lines[9] == reasons["odd-records.ndjson, line 9, item 2"] == "not a JSON object but str"
    assert lines[10] == "not a JSON object but str"
    assert "the Report ID is not a text: 14" in lines[14]
    assert "the Org UUID is not a UUID: 'not a UUID'" in lines[15]
    assert "not valid JSON at byte" in lines[17]
    assert {line for line, reason in lines.items() if reason} == {8, 9, 10, 14, 15, 17}
    assert {entry.item.org for entry in ledger.quarantine()} == {ORG}


def test_examples_are_few_and_different(ledger: MemoryLedger) -> None:
    """The report shows the first place of each reason, and no more than five."""
    many: list[Item] = [RawItem(b"{}", f"calls.json, line {number}") for number in range(1, 50)]
    many += [BrokenItem(b"x", f"calls.json, line {number}", f"reason {number}") for number in range(50, 60)]
    report = import_items(many, ledger, default_org=ORG, batch_size=7)
    assert report.first_reasons == [
        Example("calls.json, line 1", "no Report ID, so it cannot be told from other records"),
        *(Example(f"calls.json, line {number}", f"reason {number}") for number in range(50, 54)),
    ]
    assert report.appended.quarantined == 59


def test_record_without_org_needs_one(ledger: MemoryLedger) -> None:
    """A record that names no org goes to the one that is given, and to the quarantine if none is."""
    raw: list[Item] = [RawItem(b'{"Report ID":"r-1"}', "calls.json, line 1")]
    report = import_items(raw, ledger)
    assert report.appended == Appended(quarantined=1)
    assert report.first_reasons[0].reason.endswith("(--org)")
    assert import_items(raw, ledger, default_org=OTHER).orgs == Counter({OTHER: 1})


def test_each_batch_is_one_append_and_one_report(ledger: MemoryLedger) -> None:
    """Batches have the size that was asked for, and progress is reported after each."""
    seen: list[int] = []
    report = import_items(items(*range(7)), ledger, batch_size=3, on_progress=lambda now: seen.append(now.appended.new))
    assert seen == [3, 6, 7]
    assert report.appended == Appended(new=7)


def test_nothing_to_import(ledger: MemoryLedger) -> None:
    """Without items nothing is appended and nothing reported."""
    seen: list[ImportReport] = []
    assert import_items([], ledger, on_progress=seen.append) == ImportReport()
    assert seen == []


def test_what_came_before_an_unreadable_rest_is_kept(ledger: MemoryLedger) -> None:
    """A file that is cut off leaves its whole records in the ledger, its rest in quarantine, and an error."""
    text = b"\n".join(item.raw for item in items(1, 2, 3))
    with pytest.raises(ImportStopped, match=r"calls.json: it ends in the middle, so it was cut off. 2 records") as stop:
        import_items(read_stream(io.BytesIO(text[:-5]), "calls.json"), ledger)
    assert isinstance(stop.value, UnreadableFile)
    assert stop.value.report.appended == Appended(new=2, quarantined=1)
    assert stored(ledger, ORG) == ["r-1", "r-2"]
    [entry] = ledger.quarantine()
    assert entry.item.raw == items(3)[0].raw[:-5]
    assert "the file ends inside this record" in entry.item.reason


class Full(MemoryLedger):
    """A ledger that has room for two batches."""

    batches = 0

    def append(self, records: Sequence[Record], quarantined: Sequence[Quarantined] = ()) -> Appended:
        """As every ledger, twice."""
        self.batches += 1
        if self.batches > 2:
            raise StoreError("no space left; make some")
        return super().append(records, quarantined)


def test_what_was_appended_before_an_error_of_the_ledger_stays() -> None:
    """When the ledger cannot take more, the batches before are there, and the last report says so."""
    ledger = Full(lambda: datetime(2026, 9, 15, tzinfo=UTC))
    seen: list[ImportReport] = []
    with pytest.raises(StoreError, match="make some"):
        import_items(items(*range(10)), ledger, batch_size=2, on_progress=seen.append)
    assert seen[-1].appended == Appended(new=4)
    assert len(stored(ledger, ORG)) == 4


def test_items_are_read_as_they_are_appended(ledger: MemoryLedger) -> None:
    """A file is never read further ahead than one batch, so memory does not grow with it."""
    read = 0

    def counted() -> Iterator[Item]:
        nonlocal read
        for item in items(*range(100)):
            read += 1
            yield item

    ahead: list[int] = []
    import_items(counted(), ledger, batch_size=10, on_progress=lambda now: ahead.append(read - now.appended.total))
    assert set(ahead) == {0}


def test_reports_of_several_files_add_up(ledger: MemoryLedger) -> None:
    """The reports of several files make one."""
    one = import_items(read_file(DATA / "odd-records.ndjson"), ledger, default_org=ORG)
    two = import_items([*items(1), *items(2, org=OTHER)], ledger)
    both = one + two
    assert both.appended == Appended(new=14, quarantined=7)
    assert both.orgs == Counter({ORG: 13, OTHER: 1})
    assert both.odd == one.odd
    assert both.first_reasons == one.first_reasons
