"""`ringback export`."""

from __future__ import annotations

import gzip
import sys
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
    open_store,
    parse_org_option,
    parse_time_option,
    progress,
    the_org,
    utc_now,
)
from ringback.ledger import SqlLedger, TimeAxis, Window
from ringback.ledger.export import call_logs, csv_rows, ndjson
from ringback.records.values import to_milliseconds

EXAMPLE = "Example: **ringback export --from 2026-11-01 --to 2026-12-01 --out november.ndjson.gz**"
_FIRST, _LAST = -(2**62), 2**62


class Format(StrEnum):
    """How records are written."""

    NDJSON = "ndjson"
    CSV = "csv"
    CALL_LOGS = "call-logs"


_LINES = {Format.NDJSON: ndjson, Format.CSV: csv_rows, Format.CALL_LOGS: call_logs}


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
    org: Annotated[
        UUID | None,
        typer.Option(parser=parse_org_option, metavar="UUID", help="Organization. Default: the only one in the store."),
    ] = None,
    begin: Annotated[
        datetime | None,
        typer.Option("--from", parser=parse_time_option, metavar="TIME", help="First Report time, inclusive; UTC."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", parser=parse_time_option, metavar="TIME", help="Last Report time, exclusive; UTC."),
    ] = None,
    location: Annotated[
        list[str] | None, typer.Option(help="Only this location; give it several times for several.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Write records to a file or to standard output, in order of Report time."""
    with ExitStack() as stack:
        ledger = SqlLedger(stack.enter_context(open_store(config, data, create=False)), utc_now)
        window = Window(
            the_org(ledger, org),
            TimeAxis.REPORT,
            _FIRST if begin is None else to_milliseconds(begin),
            _LAST if end is None else to_milliseconds(end),
            tuple(location or ()),
        )
        lines = _LINES[format_](ledger, window)
        total = ledger.count(window, snapshot=ledger.newest(window.org))
        header = 1 if format_ is Format.CSV else 0
        if out is None:
            for line in lines:
                sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            return
        report = stack.enter_context(progress("export"))
        written = -header
        # Under another name until it is whole: nobody shall take half an export for one.
        partial = out.with_name(out.name + ".partial")
        stack.callback(partial.unlink, missing_ok=True)
        try:
            with _open(partial, compress=out.suffix == ".gz") as file:
                for line in lines:
                    file.write(line)
                    written += 1
                    if written % 1000 == 0:
                        report(written / max(1, total), f"{written:,} records")
            partial.replace(out)
        except OSError as error:
            raise CommandError(f"Cannot write {out}: {error.strerror or error}. Choose another file.") from error
    print(f"{written:,} records in {out}", file=sys.stderr)


def _open(path: Path, *, compress: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "wb", compresslevel=6)) if compress else path.open("wb")
