"""`ringback export`."""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO, cast
from uuid import UUID

import typer

from ringback.commands.common import (
    CommandError,
    ConfigOption,
    DataOption,
    parse_org_option,
    parse_time_option,
    progress,
    settings_for,
    the_org,
    utc_now,
)
from ringback.ledger import Ledger, SqlLedger, TimeAxis, Window
from ringback.ledger.export import call_logs, csv_rows, ndjson
from ringback.projections.calls.export import call_lines
from ringback.projections.calls.projection import CallsProjection
from ringback.projections.calls.query import Calls, Filter
from ringback.projections.checkpoints import Checkpoint, Checkpoints
from ringback.projections.numbers import Numbers
from ringback.projections.runner import Runner
from ringback.records.values import to_milliseconds
from ringback.settings import Settings
from ringback.sources.collecting.collector import this_process
from ringback.store import Store

EXAMPLE = "Example: **ringback export --from 2026-11-01 --to 2026-12-01 --out november.ndjson.gz**"
_FIRST, _LAST = -(2**62), 2**62


class Format(StrEnum):
    """How records are written."""

    NDJSON = "ndjson"
    CSV = "csv"
    CALL_LOGS = "call-logs"


_LINES = {Format.NDJSON: ndjson, Format.CSV: csv_rows, Format.CALL_LOGS: call_logs}
_LOOK_SECONDS = 0.2
"""Between two looks whether another process has made the calls."""


def export(
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", dir_okay=False, help="File; with .gz at the end it is compressed. Default: print."),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="ndjson: every record byte for byte. csv: the columns of Control Hub. call-logs: as of PortSIP.",
        ),
    ] = Format.NDJSON,
    calls: Annotated[
        bool, typer.Option("--calls", help="Whole calls instead of records: one line of JSON for each, by its start.")
    ] = False,
    org: Annotated[
        UUID | None,
        typer.Option(parser=parse_org_option, metavar="UUID", help="Organization. Default: the only one in the store."),
    ] = None,
    begin: Annotated[
        datetime | None,
        typer.Option(
            "--from", parser=parse_time_option, metavar="TIME", help="First Report time (of calls: start), UTC."
        ),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", parser=parse_time_option, metavar="TIME", help="The same, of the first left out; UTC."),
    ] = None,
    location: Annotated[
        list[str] | None, typer.Option(help="Only this location; give it several times for several.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Write records to a file or to standard output, in order of Report time; or whole calls."""
    if calls and format_ is not Format.NDJSON:
        raise CommandError(f"Calls are written as lines of JSON. Leave out --calls or --format {format_.value}.")
    settings = settings_for(config, data)
    with ExitStack() as stack:
        store = Store.open(settings.directory, create=False)
        stack.callback(store.close)
        ledger = SqlLedger(store, utc_now)
        window = Window(
            the_org(ledger, org),
            TimeAxis.REPORT,
            _FIRST if begin is None else to_milliseconds(begin),
            _LAST if end is None else to_milliseconds(end),
            tuple(location or ()),
        )
        report = stack.enter_context(progress("export"))
        lines, total = _calls(store, ledger, settings, window, report) if calls else _records(ledger, window, format_)
        if out is None:
            for line in lines:
                sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            return
        what = "calls" if calls else "records"
        written = -1 if format_ is Format.CSV else 0  # the header of a CSV report is no record
        # Under another name until it is whole: nobody shall take half an export for one.
        partial = out.with_name(out.name + ".partial")
        stack.callback(partial.unlink, missing_ok=True)
        try:
            with _open(partial, compress=out.suffix == ".gz") as file:
                for line in lines:
                    file.write(line)
                    written += 1
                    if written % 1000 == 0:
                        report(written / max(1, total), f"{written:,} {what}")
            partial.replace(out)
        except OSError as error:
            raise CommandError(f"Cannot write {out}: {error.strerror or error}. Choose another file.") from error
    print(f"{written:,} {what} in {out}", file=sys.stderr)


def _records(ledger: Ledger, window: Window, format_: Format) -> tuple[Iterator[bytes], int]:
    """The lines, and how many records they are."""
    return _LINES[format_](ledger, window), ledger.count(window, snapshot=ledger.newest(window.org))


def _calls(
    store: Store, ledger: Ledger, settings: Settings, window: Window, report: Callable[[float | None, str], None]
) -> tuple[Iterator[bytes], int]:
    """The lines, and how many calls there are in that time, when all records of now are in them."""
    numbers = Numbers(settings.server.home_country)
    runner = Runner(store, ledger, [CallsProjection(store, ledger, numbers, utc_now)], this_process(), utc_now)
    checkpoints = Checkpoints(store, CallsProjection.name)
    newest = ledger.newest(window.org)
    try:
        while (read := checkpoints.all().get(window.org, Checkpoint()).sequence) < newest:
            report(read / newest, "records are joined to calls")
            if not runner.step():
                time.sleep(_LOOK_SECONDS)  # a server is at it
    finally:
        runner.stop()
    found = Calls(store, count_seconds=None)
    total = found.count(window.org, Filter(since=window.start, until=window.end))
    return call_lines(found, window.org, window.start, window.end, window.locations), total


def _open(path: Path, *, compress: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "wb", compresslevel=6)) if compress else path.open("wb")
