"""`ringback import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ringback.commands.common import ConfigOption, DataOption, open_store, parse_org_option, progress, utc_now
from ringback.ledger import Ledger, SqlLedger
from ringback.sources.files import read_file, read_stream
from ringback.sources.importing import ImportReport, ImportStopped, import_items

EXAMPLE = "Example: **ringback import november.zip page.json.gz**"
_STANDARD_INPUT = Path("-")


def import_files(
    files: Annotated[list[Path], typer.Argument(help="Files, or - for standard input.", metavar="FILE...")],
    org: Annotated[
        UUID | None,
        typer.Option(parser=parse_org_option, metavar="UUID", help="Organization of records that name none."),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Import records from files: API pages, JSON arrays, NDJSON, Control Hub CSV; also in .gz and .zip.

    Importing a file again does no harm: what is there already is counted as duplicate.
    """
    failed = False
    total = ImportReport()
    with open_store(config, data, create=True) as store:
        ledger = SqlLedger(store, utc_now)
        for file in files:
            try:
                done = _import_one(file, ledger, org)
            except ImportStopped as stopped:
                print(stopped, file=sys.stderr)
                done, failed = stopped.report, True
                if not done.appended.total:
                    continue
            print(f"{file}: {_counts(done)}", flush=True)
            total += done
    if len(files) > 1:
        print(f"all files: {_counts(total)}")
    _tell(total)
    if failed:
        raise typer.Exit(1)


def _import_one(file: Path, ledger: Ledger, org: UUID | None) -> ImportReport:
    with progress(str(file)) as report:
        read = 0
        size = 0 if file == _STANDARD_INPUT or not file.is_file() else file.stat().st_size

        def count_bytes(number: int) -> None:
            nonlocal read
            read += number

        def on_progress(done: ImportReport) -> None:
            report(min(1.0, read / size) if size else None, f"{done.appended.total:,} records")

        if file == _STANDARD_INPUT:
            items = read_stream(sys.stdin.buffer, "standard input")
        else:
            items = read_file(file, count_bytes)
        return import_items(items, ledger, default_org=org, on_progress=on_progress)


def _counts(report: ImportReport) -> str:
    done = report.appended
    return f"{done.new:,} new, {done.revised:,} revised, {done.duplicate:,} duplicate, {done.quarantined:,} quarantined"


def _tell(report: ImportReport) -> None:
    """What somebody should look at, on standard error."""
    for attribute, number in report.odd.most_common():
        records = "1 record" if number == 1 else f"{number:,} records"
        print(f"odd value: {attribute} is unset in {records} (each record is kept as it came)", file=sys.stderr)
    for example in report.first_reasons:
        print(f"quarantined: {example.where}: {example.reason}", file=sys.stderr)
    if report.appended.quarantined:
        print("'ringback quarantine' shows what was quarantined, with its bytes.", file=sys.stderr)
