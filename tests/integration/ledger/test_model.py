"""Whatever arrives in whatever order: the ledgers agree with each other, and paging gives a snapshot's records once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import ORG, OTHER_ORG, Clock, make_record
from integration.ledger.reading import NOON_MS, after_noon, window
from ringback.ledger import (
    Ledger,
    MemoryLedger,
    Page,
    Position,
    Quarantined,
    SqlLedger,
    StoredRecord,
    TimeAxis,
    Window,
)
from ringback.records.decode import Record
from ringback.store import Store

ORGS = (ORG, OTHER_ORG)
IDS = tuple("abcdef")
LOCATIONS = ("", "Berlin", "Rome")
STEPS = st.integers(0, 4)  # few times, so that many are equal


class Arrive(msgspec.Struct, frozen=True):
    """A batch is appended."""

    records: list[Record]
    odd: list[Quarantined]


class SetClock(msgspec.Struct, frozen=True):
    """The clock is set, forward or back."""

    step: int


class BeginPaging(msgspec.Struct, frozen=True):
    """Somebody begins to page through a window at the newest snapshot."""

    window: Window
    limit: int


class TurnPage(msgspec.Struct, frozen=True):
    """One of those who are paging gets their next page."""

    who: int


class Paging:
    """Somebody who pages through a window, and what they must have got in the end."""

    def __init__(self, ledger: Ledger, of: BeginPaging) -> None:
        self.of = of
        self.snapshot = ledger.newest(of.window.org)
        self.expected = expected(ledger.after(of.window.org, 0, 1000), of.window)
        self.got: list[bytes] = []
        self.begin: Position | None = None
        self.done = False

    def turn(self, ledgers: Sequence[Ledger]) -> None:
        """Get the next page; it is the same from every ledger."""
        pages = [self._page(ledger) for ledger in ledgers]
        assert all(page == pages[0] for page in pages)
        page = pages[0]
        assert len(page.records) == self.of.limit or page.next is None
        self.got += page.records
        self.begin = page.next
        self.done = page.next is None

    def _page(self, ledger: Ledger) -> Page:
        return ledger.page(self.of.window, snapshot=self.snapshot, limit=self.of.limit, begin=self.begin, as_came=True)


def expected(current: Sequence[StoredRecord], of: Window) -> list[bytes]:
    """The records of a window in order, worked out from everything that is current."""
    found = []
    for stored in current:
        at = {
            TimeAxis.REPORT: stored.record.report_at,
            TimeAxis.START: stored.record.start_at,
            TimeAxis.STORED: stored.stored_at,
        }[of.axis]
        assert at is not None
        if of.start <= at < of.end and (not of.locations or stored.record.location in of.locations):
            found.append((at, stored.sequence, stored.record.raw))
    return [raw for _, _, raw in sorted(found)]


@st.composite
def records(draw: st.DrawFn) -> Record:
    """One of few records, in one of many versions: newer, older, of equal time, poorer, or without times."""
    step = draw(st.none() | STEPS)
    start = draw(st.none() | STEPS)
    return make_record(
        draw(st.sampled_from(IDS)),
        org=draw(st.sampled_from(ORGS)),
        report_time="" if step is None else after_noon(step),
        start_time="" if start is None else after_noon(start),
        location=draw(st.sampled_from(LOCATIONS)),
        without=draw(st.sampled_from([(), ("Answered", "Direction")])),
        Duration=draw(st.integers(0, 1)),
    )


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """A window that cuts through the times of `records`, or has them all."""
    start, end = draw(st.sampled_from([(0, 2**53), (NOON_MS, NOON_MS + 3), (NOON_MS + 1, NOON_MS + 5)]))
    return window(
        start,
        end,
        axis=draw(st.sampled_from(TimeAxis)),
        locations=draw(st.sampled_from([(), ("Berlin",), ("Berlin", "Rome"), ("Nowhere",)])),
        org=draw(st.sampled_from(ORGS)),
    )


def quarantined() -> st.SearchStrategy[Quarantined]:
    """One of few things that are no records."""
    orgs: list[UUID | None] = [*ORGS, None]
    return st.builds(Quarantined, st.sampled_from([b"", b"17"]), st.just("odd"), st.just("f"), st.sampled_from(orgs))


STEPS_OF_A_STORY = st.lists(
    st.one_of(
        st.builds(Arrive, st.lists(records(), max_size=8), st.lists(quarantined(), max_size=1)),
        st.builds(SetClock, st.integers(-2, 4)),
        st.builds(BeginPaging, windows(), st.integers(1, 7)),
        st.builds(TurnPage, st.integers(0, 9)),
    ),
    min_size=5,
    max_size=25,
)


def assert_alike(ledgers: Sequence[Ledger]) -> None:
    """Nothing that can be asked of the ledgers tells one from the other, and the sequences have no gaps."""
    first, second = ledgers
    assert first.summaries() == second.summaries()
    assert first.quarantine() == second.quarantine()
    for org in ORGS:
        assert first.newest(org) == second.newest(org)
        assert first.after(org, 0, 1000) == second.after(org, 0, 1000)
        assert first.after(org, 3, 2) == second.after(org, 3, 2)
        versions = [first.versions(org, record_id) for record_id in IDS]
        assert versions == [second.versions(org, record_id) for record_id in IDS]
        by_sequence = sorted((stored for found in versions for stored in found), key=lambda stored: stored.sequence)
        assert [stored.sequence for stored in by_sequence] == list(range(1, first.newest(org) + 1))
        times = [stored.stored_at for stored in by_sequence]
        assert times == sorted(times)
        for axis in TimeAxis:
            of = window(axis=axis, org=org)
            for snapshot in (first.newest(org), first.newest(org) - 1, first.newest(org) // 2):
                page = first.page(of, snapshot=snapshot, limit=1000)
                assert page == second.page(of, snapshot=snapshot, limit=1000)
                assert {first.count(of, snapshot=snapshot), second.count(of, snapshot=snapshot)} == {len(page.records)}


@settings(max_examples=60)
@given(story=STEPS_OF_A_STORY)
def test_ledgers_agree_and_paging_is_exact(empty_store: Path, story: list[object]) -> None:
    """After any story both ledgers show the same, and everybody who paged got their snapshot's records once each."""
    with tempfile.TemporaryDirectory() as scratch:
        store = Store.open(Path(shutil.copytree(empty_store, Path(scratch) / "store")))
        clock = Clock(NOON_MS)
        ledgers: list[Ledger] = [MemoryLedger(clock), SqlLedger(store, clock)]
        paging: list[Paging] = []
        for step in story:
            match step:
                case Arrive(batch, odd):
                    first, second = (ledger.append(batch, odd) for ledger in ledgers)
                    assert first == second
                    assert first.total == len(batch) + len(odd)
                    assert_alike(ledgers)
                case SetClock(move):
                    clock.now += move
                case BeginPaging(of):
                    paging.append(Paging(ledgers[0], step))
                    counts = {ledger.count(of, snapshot=paging[-1].snapshot) for ledger in ledgers}
                    assert counts == {len(paging[-1].expected)}
                case TurnPage(who):
                    waiting = [one for one in paging if not one.done]
                    if waiting:
                        waiting[who % len(waiting)].turn(ledgers)
        for one in paging:
            while not one.done:
                one.turn(ledgers)
            assert one.got == one.expected
        store.close()
