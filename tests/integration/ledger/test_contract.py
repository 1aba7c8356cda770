"""What every ledger promises of appending. How it is read is in `test_reading`."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from factories import NOON, ORG, OTHER_ORG, Clock, make_record, wire_record
from integration.ledger.reading import NOON_MS, after_noon, ids, page_through, read_all, window
from ringback.ledger import Appended, Ledger, Quarantined
from ringback.ledger.contract import Version
from ringback.records.decode import decode
from ringback.records.values import to_milliseconds

LATER = after_noon(60_000)
EARLIER = after_noon(-60_000)


def arrive(ledger: Ledger, *texts: bytes) -> list[Appended]:
    """Append records one by one, each in a batch of its own."""
    return [ledger.append([decode(text).record]) for text in texts]


NEW = Appended(new=1)
REVISED = Appended(revised=1)
DUPLICATE = Appended(duplicate=1)


# Counting


def test_counts_add_up_to_the_batch(ledger: Ledger) -> None:
    """Every item of a batch is counted once, as new, revised, duplicate or quarantined."""
    ledger.append([make_record("known"), make_record("changed")])
    batch = [
        make_record("unseen"),
        make_record("known"),
        make_record("changed", report_time=LATER),
        make_record("also unseen"),
    ]
    appended = ledger.append(batch, [Quarantined(b"[]", "not an object", "a file")])
    assert appended == Appended(new=2, revised=1, duplicate=1, quarantined=1)
    assert appended.total == len(batch) + 1


def test_an_empty_batch_changes_nothing(ledger: Ledger) -> None:
    """Appending nothing is allowed, and leaves nothing."""
    assert ledger.append([]) == Appended()
    assert ledger.summaries() == []


def test_repeating_a_batch_is_harmless(ledger: Ledger) -> None:
    """A batch that is sent again, because its sender cannot know whether it arrived, adds nothing."""
    batch = [make_record(f"r{n}") for n in range(30)]
    ledger.append(batch)
    assert ledger.append(batch) == Appended(duplicate=30)
    assert read_all(ledger) == [record.raw for record in batch]
    assert ledger.newest(ORG) == 30


# Identity


def test_one_id_in_two_orgs_is_two_records(ledger: Ledger) -> None:
    """A record id belongs to its org: another org's record with the same id is another record."""
    assert ledger.append([make_record("r", org=ORG, location="A")]) == NEW
    assert ledger.append([make_record("r", org=OTHER_ORG, location="B")]) == NEW
    assert read_all(ledger, window(org=ORG)) == [wire_record("r", org=ORG, location="A")]
    assert read_all(ledger, window(org=OTHER_ORG)) == [wire_record("r", org=OTHER_ORG, location="B")]


def test_many_orgs_in_one_batch(ledger: Ledger) -> None:
    """A batch may mix orgs in any order; each gets sequences of its own, from 1."""
    orgs = [UUID(int=number) for number in (9, 2, 7, 4)]
    batch = [make_record(f"r{turn}", org=org) for turn in range(3) for org in orgs]
    assert ledger.append(batch) == Appended(new=12)
    for org in orgs:
        assert [stored.sequence for stored in ledger.after(org, 0, 100)] == [1, 2, 3]
        assert ids(read_all(ledger, window(org=org))) == ["r0", "r1", "r2"]


def test_a_revision_in_the_same_batch(ledger: Ledger) -> None:
    """A record and its revision in one batch are counted and kept as if they had come in two."""
    old, new = make_record("r"), make_record("r", report_time=LATER)
    assert ledger.append([old, make_record("other"), new]) == Appended(new=2, revised=1)
    assert ids(read_all(ledger)) == ["other", "r"]
    assert [stored.record.raw for stored in ledger.versions(ORG, "r")] == [new.raw, old.raw]


def test_the_same_bytes_twice_in_one_batch(ledger: Ledger) -> None:
    """A record that stands in a batch twice is stored once."""
    assert ledger.append([make_record("r"), make_record("r")]) == Appended(new=1, duplicate=1)
    assert ids(read_all(ledger)) == ["r"]


def test_many_versions_in_one_batch(ledger: Ledger) -> None:
    """Newer, older and repeated versions of one record within a batch are judged in the order they stand in."""
    first, newest = make_record("r"), make_record("r", report_time=LATER)
    oldest = make_record("r", report_time=EARLIER)
    batch = [first, newest, oldest, first, oldest, newest]
    assert ledger.append(batch) == Appended(new=1, revised=2, duplicate=3)
    assert [stored.record.raw for stored in ledger.versions(ORG, "r")] == [newest.raw, oldest.raw, first.raw]
    assert read_all(ledger) == [newest.raw]


# Revisions


def test_a_newer_revision_replaces(ledger: Ledger) -> None:
    """A version with a newer Report time is what readers get from then on; the old one is kept."""
    old, new = wire_record("r", Duration=1), wire_record("r", report_time=LATER, Duration=2)
    assert arrive(ledger, old, new) == [NEW, REVISED]
    assert read_all(ledger) == [new]
    assert [stored.record.raw for stored in ledger.versions(ORG, "r")] == [new, old]


def test_with_equal_report_times_the_later_arrival_wins(ledger: Ledger) -> None:
    """A correction that kept its Report time replaces what was there."""
    first, correction = wire_record("r", Duration=1), wire_record("r", Duration=2)
    assert arrive(ledger, first, correction) == [NEW, REVISED]
    assert read_all(ledger) == [correction]


def test_an_older_version_is_kept_but_not_shown(ledger: Ledger) -> None:
    """A version with an older Report time that comes late replaces nothing, at no snapshot, and is kept."""
    new, old = wire_record("r"), wire_record("r", report_time=EARLIER)
    assert arrive(ledger, new, old) == [NEW, REVISED]
    for snapshot in (1, 2):
        assert read_all(ledger, snapshot=snapshot) == [new]
    assert [stored.sequence for stored in ledger.after(ORG, 0, 10)] == [1]
    assert [stored.record.raw for stored in ledger.versions(ORG, "r")] == [new, old]
    assert ledger.newest(ORG) == 2


@pytest.mark.parametrize("step", [60_000, 0, -60_000], ids=["newer", "equal", "older"])
def test_redelivery_of_any_version_is_a_duplicate(ledger: Ledger, step: int) -> None:
    """A, B, A, B: a version that we have already does not come back, whichever of the two is shown."""
    a, b = wire_record("r", Duration=1), wire_record("r", report_time=after_noon(step), Duration=2)
    assert arrive(ledger, a, b) == [NEW, REVISED]
    shown = read_all(ledger)
    assert arrive(ledger, a, b, a, b) == [DUPLICATE] * 4
    assert read_all(ledger) == shown
    assert ledger.newest(ORG) == 2


def poorer(text: bytes) -> bytes:
    """The same record as a row of a CSV report says it: columns in another order, texts for numbers, some not there."""
    values: dict[str, object] = msgspec.json.decode(text)
    left_out = {"Interaction ID", "Answer reason", "Call outcome reason"}
    row = {key: str(value) for key, value in sorted(values.items()) if key not in left_out}
    return msgspec.json.encode(row | {"Answered": "TRUE", "Report time": str(values["Report time"]).replace("Z", "")})


def test_a_poorer_copy_is_a_duplicate(ledger: Ledger) -> None:
    """A CSV row of a record that came from the API tells nothing new, so the API's record stays."""
    full = wire_record("r", Duration=36)
    assert arrive(ledger, full, poorer(full)) == [NEW, DUPLICATE]
    assert read_all(ledger) == [full]


def test_a_richer_copy_replaces_a_poorer_one(ledger: Ledger) -> None:
    """What the API tells beyond the CSV row that came first is shown, and the row coming again changes nothing."""
    full = wire_record("r", Duration=36)
    assert arrive(ledger, poorer(full), full, poorer(full)) == [NEW, REVISED, DUPLICATE]
    assert read_all(ledger) == [full]


def test_versions_are_the_current_one_then_newest_first(ledger: Ledger) -> None:
    """All versions of a record can be had: the current one first, then the others by arrival, the newest first."""
    texts = [wire_record("r", report_time=after_noon(step)) for step in (0, 3000, 1000, 2000)]
    arrive(ledger, *texts)
    found = ledger.versions(ORG, "r")
    assert [stored.record.raw for stored in found] == [texts[1], texts[3], texts[2], texts[0]]
    assert [stored.sequence for stored in found] == [2, 4, 3, 1]
    assert found[0].superseded_by is None
    assert all(stored.superseded_by is not None for stored in found[1:])
    assert found[-1].superseded_by == 2
    assert ledger.versions(ORG, "unknown") == []
    assert ledger.versions(OTHER_ORG, "r") == []


def test_the_first_of_several_versions(ledger: Ledger) -> None:
    """Of a record with superseded versions the oldest one is told, also if a stale version came last."""
    ledger.append([make_record(name) for name in ("a", "b", "c")])
    ledger.append([make_record("b", report_time=LATER, start_time=EARLIER), make_record("c", report_time=EARLIER)])
    ledger.append([make_record("b", report_time=EARLIER, start_time=EARLIER)])
    assert ledger.first_versions(ORG, ["a", "b", "c", "unknown"]) == {
        "b": Version(2, NOON_MS),
        "c": Version(5, to_milliseconds(EARLIER)),
    }
    assert ledger.first_versions(ORG, []) == {}
    assert ledger.first_versions(OTHER_ORG, ["b"]) == {}


# Sequence and stored time


def test_sequences_have_no_gaps(ledger: Ledger) -> None:
    """What is kept, also old versions, is numbered from 1 without gaps; duplicates and quarantine use no number."""
    odd = [Quarantined(b"[]", "not an object", "a file", ORG)]
    for turn in range(4):
        ledger.append([make_record("same"), make_record(f"r{turn}")], odd)
        ledger.append([make_record("moving", report_time=after_noon(-turn))])
    found = [f"r{turn}" for turn in range(4)] + ["same", "moving"]
    sequences = [stored.sequence for name in found for stored in ledger.versions(ORG, name)]
    assert sorted(sequences) == list(range(1, 10))
    assert ledger.newest(ORG) == 9


def test_sequences_follow_the_order_of_a_batch(ledger: Ledger) -> None:
    """Within a batch, what stands first gets the smaller sequence number, also among several versions of a record."""
    ledger.append(
        [make_record("b"), make_record("b", report_time=LATER), make_record("a"), make_record("b", report_time=EARLIER)]
    )
    assert [stored.sequence for stored in ledger.versions(ORG, "b")] == [2, 4, 1]
    assert [stored.sequence for stored in ledger.versions(ORG, "a")] == [3]


def test_newest_of_an_unknown_org_is_zero(ledger: Ledger) -> None:
    """An org of which nothing came has no records, and its snapshot is 0."""
    ledger.append([make_record("r")])
    assert ledger.newest(OTHER_ORG) == 0
    assert page_through(ledger, window(org=OTHER_ORG)) == [[]]


def test_newest_of_all(ledger: Ledger) -> None:
    """Each org that has records is there with its newest number, old versions counted; others are not."""
    assert ledger.newest_of_all() == {}
    ledger.append([make_record("r"), make_record("s")], [Quarantined(b"1", "no object", "f", UUID(int=7))])
    ledger.append([make_record("r", report_time=EARLIER), make_record("r", org=OTHER_ORG)])
    assert ledger.newest_of_all() == {ORG: 3, OTHER_ORG: 1}
    assert all(ledger.newest(org) == number for org, number in ledger.newest_of_all().items())


def test_current_versions_by_id(ledger: Ledger) -> None:
    """Asked for by id, each record comes once, in its current version; unknown ones and those of others do not."""
    ledger.append([make_record(name) for name in ("a", "b", "c", "d")])
    ledger.append([make_record("b", report_time=LATER), make_record("c", report_time=EARLIER)])
    ledger.append([make_record("e", org=OTHER_ORG)])
    found = ledger.current(ORG, ["c", "a", "unknown", "b", "e", "a"])
    assert {stored.record.record_id: stored.sequence for stored in found} == {"a": 1, "b": 5, "c": 3}
    assert len(found) == 3
    assert sorted(found, key=lambda stored: stored.sequence) == [
        stored for stored in ledger.after(ORG, 0, 10) if stored.record.record_id in "abc"
    ]
    assert ledger.current(ORG, []) == []


def test_current_versions_of_many_ids(ledger: Ledger) -> None:
    """However many are asked for, all come."""
    records = [make_record(f"r{number}") for number in range(1200)]
    ledger.append(records)
    found = ledger.current(ORG, [record.record_id for record in reversed(records)])
    assert sorted(stored.sequence for stored in found) == list(range(1, 1201))


def test_stored_times_never_run_backwards(ledger: Ledger, clock: Clock) -> None:
    """When the clock is set back, records get the stored time of what came before them, until it has caught up."""
    expected: list[int] = []
    for number, now in enumerate((1_000_000, 999_000, 400, 1_000_001, 5, 2_000_000)):
        clock.now = now
        ledger.append([make_record(f"r{number}")])
        expected.append(max([now, *expected]))
    assert [stored.stored_at for stored in ledger.after(ORG, 0, 10)] == expected


@pytest.mark.parametrize("kind", ["duplicate", "quarantined"])
def test_stored_times_do_not_run_behind_a_batch_without_news(ledger: Ledger, clock: Clock, kind: str) -> None:
    """A batch that stored no record counts too: what comes after it is not stored at a time before it."""
    ledger.append([make_record("r")])
    clock.now += 60_000
    if kind == "duplicate":
        ledger.append([make_record("r")])
    else:
        ledger.append([], [Quarantined(b"[]", "not an object", "a file", ORG)])
    high = clock.now
    clock.now -= 30_000
    ledger.append([make_record("later")])
    assert [stored.stored_at for stored in ledger.after(ORG, 1, 10)] == [high]


def test_stored_times_of_orgs_are_their_own(ledger: Ledger, clock: Clock) -> None:
    """That one org's clock was ahead does not move the stored times of another."""
    clock.now = 9_000_000
    ledger.append([make_record("r", org=OTHER_ORG)])
    clock.now = 5_000_000
    ledger.append([make_record("r", org=ORG)])
    assert [stored.stored_at for stored in ledger.after(ORG, 0, 10)] == [5_000_000]


# Times of records


def test_a_record_without_any_time_has_its_stored_time(ledger: Ledger, clock: Clock) -> None:
    """A record that says nothing of when it was can still be found: by the time it was stored."""
    clock.now = NOON_MS
    timeless = make_record("r", report_time="", start_time="NA")
    assert (timeless.report_at, timeless.start_at) == (None, None)
    ledger.append([timeless])
    (stored,) = ledger.after(ORG, 0, 10)
    assert (stored.record.report_at, stored.record.start_at) == (NOON_MS, NOON_MS)
    assert ids(read_all(ledger, window(NOON_MS, NOON_MS + 1))) == ["r"]
    assert stored.record.raw == timeless.raw


def test_a_start_alone_stands_for_both_times(ledger: Ledger) -> None:
    """A record with only a start is ordered by it on both axes."""
    ledger.append([make_record("r", report_time="", start_time=NOON)])
    (stored,) = ledger.after(ORG, 0, 10)
    assert (stored.record.report_at, stored.record.start_at) == (NOON_MS, NOON_MS)


def test_a_record_comes_back_as_it_went_in(ledger: Ledger) -> None:
    """Bytes, times, location and the count of keys are those of the record that was appended."""
    record = make_record("r", start_time=EARLIER, location="Zürich, Hauptsitz", Surprise=[1, {"a": None}])
    ledger.append([record])
    assert [stored.record for stored in ledger.after(ORG, 0, 1)] == [record]
    assert [stored.record for stored in ledger.versions(ORG, "r")] == [record]


# Quarantine and summaries


def test_quarantine_keeps_what_came(ledger: Ledger, clock: Clock) -> None:
    """An item in quarantine keeps its bytes, also if they are not text, the reason, the source and the org."""
    items = [Quarantined(b"\xff\x00{", "not JSON", "file.json:3", ORG), Quarantined(b"17", "not an object", "f:4")]
    assert ledger.append([], items) == Appended(quarantined=2)
    kept = ledger.quarantine()
    assert {entry.item for entry in kept} == set(items)
    assert {entry.stored_at for entry in kept} == {clock.now}


def test_quarantine_keeps_an_item_once(ledger: Ledger, clock: Clock) -> None:
    """The same bytes again are counted, but there once for each org, with what was known of them first."""
    ledger.append([], [Quarantined(b"17", "not an object", "monday.json", ORG)])
    clock.now += 1000
    again = [Quarantined(b"17", "not an object", "tuesday.json", org) for org in (ORG, ORG, OTHER_ORG, None)]
    assert ledger.append([], again) == Appended(quarantined=4)
    assert sorted((str(entry.item.org), entry.item.source) for entry in ledger.quarantine()) == [
        (str(ORG), "monday.json"),
        (str(OTHER_ORG), "tuesday.json"),
        ("None", "tuesday.json"),
    ]


def test_quarantine_is_newest_first(ledger: Ledger, clock: Clock) -> None:
    """The newest items are listed first, and no more than asked for."""
    for number in range(5):
        clock.now += 1
        ledger.append([], [Quarantined(b"%d" % number, "not an object", "f", UUID(int=number + 1))])
    assert [entry.item.raw for entry in ledger.quarantine(limit=3)] == [b"4", b"3", b"2"]


def test_quarantine_stops_no_record(ledger: Ledger) -> None:
    """The records of a batch are stored whatever else of it went to quarantine."""
    assert ledger.append([make_record("r")], [Quarantined(b"", "empty", "f", ORG)]) == Appended(new=1, quarantined=1)
    assert ids(read_all(ledger)) == ["r"]


def test_summaries(ledger: Ledger, clock: Clock) -> None:
    """Each org has one summary: current records, older versions, quarantine, and the range of what readers get."""
    clock.now = 1_000
    ledger.append([make_record("a", report_time=EARLIER), make_record("b", report_time=NOON)])
    ledger.append([make_record("a", report_time=LATER)], [Quarantined(b"1", "no object", "f", ORG)])
    ledger.append([make_record("b", report_time=EARLIER)])
    clock.now = 2_000
    ledger.append([make_record("a", report_time=LATER)], [Quarantined(b"1", "no object", "f", OTHER_ORG)])
    of_org, of_other = ledger.summaries()
    assert (of_org.org, of_other.org) == (ORG, OTHER_ORG)
    assert (of_org.records, of_org.revisions, of_org.quarantined) == (2, 2, 1)
    assert (of_org.first_report_at, of_org.last_report_at) == (NOON_MS, NOON_MS + 60_000)
    assert of_org.last_stored_at == 1_000
    assert (of_other.records, of_other.revisions, of_other.quarantined) == (0, 0, 1)
    assert (of_other.first_report_at, of_other.last_report_at, of_other.last_stored_at) == (None, None, None)
