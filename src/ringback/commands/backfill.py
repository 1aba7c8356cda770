"""`ringback backfill`."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer

from ringback.commands.collect import LogLevel, configure_logs, stop_on_signals
from ringback.commands.collecting import chosen, collector_for
from ringback.commands.common import CommandError, ConfigOption, DataOption, parse_time_option, settings_for, utc_now
from ringback.ledger.leases import Leases
from ringback.ledger.windows import WindowLedger
from ringback.records.values import from_milliseconds, to_milliseconds
from ringback.settings import PortsipSourceSettings, SourceSettings, WebexSourceSettings
from ringback.sources.collecting.intervals import MINUTE
from ringback.sources.collecting.worker import job
from ringback.sources.webex.source import rules_of
from ringback.store import Store

EXAMPLE = "Example: **ringback backfill --from 2026-11-01 --to 2026-11-03**"


def backfill(
    begin: Annotated[
        datetime, typer.Option("--from", parser=parse_time_option, metavar="TIME", help="First time, inclusive; UTC.")
    ],
    end: Annotated[
        datetime, typer.Option("--to", parser=parse_time_option, metavar="TIME", help="Last time, exclusive; UTC.")
    ],
    source: Annotated[
        list[str] | None, typer.Option(help="Only this source; give it several times for several.")
    ] = None,
    log_level: LogLevel = "warning",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Read a range once more, whatever was read before: of Webex from the feed, of a PBX by the end of the calls.

    If the source is being collected by another process, that one is asked to do it, and this command waits.
    """
    settings = settings_for(config, data)
    sources = chosen(settings, source)
    if end <= begin:
        raise typer.BadParameter("--to must be later than --from")
    now = to_milliseconds(utc_now())
    start_at, end_at = to_milliseconds(begin), to_milliseconds(end)
    for each in sources:
        _check_reach(each, start_at, now)
    configure_logs(log_level)
    stop = stop_on_signals()
    store = Store.open(settings.directory)
    try:
        windows = WindowLedger(store)
        before = {each.name: windows.state(each.org, each.name) for each in sources}
        leases = Leases(store, utc_now)
        for each in sources:
            windows.want(each.org, each.name, start_at, _until(each, end_at, now), now)
            if taken := leases.holder(each.org, job(each.name)):
                print(f"{each.name} is being collected by {taken.holder}, which does it now", file=sys.stderr)
        # Where another process has the lease this one waits for it, and finds nothing left to do.
        collector = collector_for(sources, store, only_backfills=True)
        collector.start()

        def left() -> list[str]:
            wishes = [(each.name, wish) for each in sources for wish in windows.backfills(each.org, each.name)]
            return [name for name, wish in wishes if wish.done_at is None and wish.wanted_at == now]

        try:
            while left() and collector.running() and not stop.wait(0.5):
                pass
        finally:
            collector.stop()
        for each in sources:
            state, old = windows.state(each.org, each.name), before[each.name]
            new = (state.counts.new if state else 0) - (old.counts.new if old else 0)
            revised = (state.counts.revised if state else 0) - (old.counts.revised if old else 0)
            done = "not done yet; it goes on with the next 'ringback collect'" if each.name in left() else "done"
            print(f"{each.name}: {done}; {new:,} new, {revised:,} revised")
        if left():
            raise typer.Exit(1)
    finally:
        store.close()


def _check_reach(source: SourceSettings, start: int, now: int) -> None:
    """See that a source still keeps what is wanted. How long a PBX keeps its rows is not known."""
    if not isinstance(source, WebexSourceSettings) or source.clock_speed != 1:
        return
    rules = rules_of(source)
    if start < rules.feed_reach(now):
        raise CommandError(
            f"The source {source.name} keeps records for {source.feed_oldest} only, so nothing before "
            f"{_text(rules.feed_reach(now) + MINUTE)} can be read. Older ones can be imported from reports of "
            "Control Hub ('ringback import')."
        )


def _until(source: SourceSettings, end: int, now: int) -> int:
    """The end of what is wanted; of a PBX no later than now, or it would be done only when that time has come."""
    return min(end, now) if isinstance(source, PortsipSourceSettings) and source.clock_speed == 1 else end


def _text(milliseconds: int) -> str:
    return f"{from_milliseconds(milliseconds):%Y-%m-%d %H:%M} UTC"
