"""`ringback sources`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer

from ringback.commands.collecting import kind_of, outlook_of
from ringback.commands.common import ConfigOption, DataOption, open_store, print_table, settings_for, utc_now
from ringback.ledger.leases import Leases
from ringback.ledger.windows import AskedWindow, SourceState, WindowLedger
from ringback.records.values import from_milliseconds, to_milliseconds
from ringback.settings import SourceSettings
from ringback.sources.collecting.plan import Gap, History
from ringback.sources.collecting.worker import job
from ringback.store import Store

EXAMPLE = "Example: **ringback sources --windows 20**"


def sources(
    windows: Annotated[int, typer.Option(min=0, help="How many of the last windows to show.")] = 5,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Show how far each source is: complete up to when, gaps and what they cost, what is lost, the last windows."""
    settings = {(source.org, source.name): source for source in settings_for(config, data).sources}
    with open_store(config, data, create=False) as store:
        states = WindowLedger(store).states()
        for number, state in enumerate(states):
            if number:
                print()
            _show(store, state, settings.get((state.org, state.source)), windows)
    known = {(state.org, state.source) for state in states}
    for key, source in settings.items():
        if key not in known:
            print(f"{source.name} ({kind_of(source)}): not collected yet; start with 'ringback collect'")
    if not states and not settings:
        print("No sources. docs/collecting.md says how to set one up.")


def _show(store: Store, state: SourceState, settings: SourceSettings | None, last: int) -> None:
    ledger = WindowLedger(store)
    now = to_milliseconds(utc_now())
    holder = Leases(store, utc_now).holder(state.org, job(state.source))
    print(f"{state.source} ({state.kind})")
    print(f"  org            {state.org}")
    print(f"  collected by   {holder.holder if holder else 'nobody now'}")
    if state.problem:
        print(f"  problem        {state.problem} (since {_text(state.problem_at)})")
    print(f"  complete       {_complete(state)}")
    if state.complete_up_to is not None:
        print(f"  lag            {_span(now - state.complete_up_to)}")
    counts = state.counts
    print(
        f"  records        {counts.new:,} new, {counts.revised:,} revised, {counts.duplicate:,} duplicate, "
        f"{counts.quarantined:,} quarantined, {counts.odd:,} odd"
    )
    print(f"  audits found   {state.audited:,} that nothing before them had brought")
    print(f"  requests       {counts.requests:,}; {counts.waits:,} waits of {_span(counts.waited)} together")
    for gap in _gaps(ledger, state, settings, now):
        print(f"  gap            {_text(gap.start)} to {_text(gap.end)}: {_cost(gap)}")
    for wish in ledger.backfills(state.org, state.source):
        if wish.done_at is None:
            print(f"  backfill       {_text(wish.start)} to {_text(wish.end)}: still to be done")
    for lost in ledger.lost(state.org, state.source):
        print(f"  lost           {_text(lost.start)} to {_text(lost.end)}: noticed {_text(lost.noticed_at)}")
    _show_windows(ledger.last(state.org, state.source, last))


def _complete(state: SourceState) -> str:
    if state.begins_at is None or state.complete_up_to is None:
        return "nothing yet"
    return f"from {_text(state.begins_at)} up to {_text(state.complete_up_to)}"


def _gaps(ledger: WindowLedger, state: SourceState, settings: SourceSettings | None, now: int) -> Sequence[Gap]:
    """The gaps by the windows as they are now; only the settings tell what the source keeps."""
    if settings is None or state.begins_at is None or settings.clock_speed != 1:
        return []
    history = History(
        begins_at=state.begins_at,
        windows=ledger.windows(state.org, state.source, since=0),
        lost=[(lost.start, lost.end) for lost in ledger.lost(state.org, state.source)],
    )
    return outlook_of(settings, history, now).gaps


def _cost(gap: Gap) -> str:
    return f"will be read from the {gap.endpoint}, with about {gap.requests} requests in {gap.minutes:.0f} minutes"


def _show_windows(windows: Sequence[AskedWindow]) -> None:
    if not windows:
        return
    rows = [
        (
            f"  {_text(window.asked_at)}",
            window.endpoint,
            window.purpose,
            _text(window.start),
            _text(window.end),
            str(window.counts.pages),
            str(window.counts.items),
            str(window.counts.new),
            window.ended.value,
            window.reason,
        )
        for window in windows
    ]
    print_table(("  asked", "of", "for", "from", "to", "pages", "items", "new", "ended", ""), rows)


def _text(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{from_milliseconds(milliseconds):%Y-%m-%d %H:%M:%SZ}"


def _span(milliseconds: int) -> str:
    return str(timedelta(seconds=max(0, milliseconds) // 1000))
