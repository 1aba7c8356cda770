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
from ringback.sources.collecting.worker import job
from ringback.sources.webex.rules import MINUTE
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
    """Read a range once more from the feed, whatever was read before.

    If the source is being collected by another process, that one is asked to do it, and this command waits.
    """
    settings = settings_for(config, data)
    sources = chosen(settings, source)
    if end <= begin:
        raise typer.BadParameter("--to must be later than --from")
    now = to_milliseconds(utc_now())
    start_at, end_at = to_milliseconds(begin), to_milliseconds(end)
    for each in sources:
        rules = rules_of(each)
        if each.clock_speed == 1 and start_at < rules.feed_reach(now):
            raise CommandError(
                f"The source {each.name} keeps records for {each.feed_oldest} only, so nothing before "
                f"{_text(rules.feed_reach(now) + MINUTE)} can be read. Older ones can be imported from reports of "
                "Control Hub ('ringback import')."
            )
    configure_logs(log_level)
    stop = stop_on_signals()
    store = Store.open(settings.directory)
    try:
        windows = WindowLedger(store)
        before = {each.name: windows.state(each.org, each.name) for each in sources}
        leases = Leases(store, utc_now)
        for each in sources:
            windows.want(each.org, each.name, start_at, end_at, now)
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


def _text(milliseconds: int) -> str:
    return f"{from_milliseconds(milliseconds):%Y-%m-%d %H:%M} UTC"
