"""`ringback quarantine`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ringback.commands.common import CommandError, ConfigOption, DataOption, open_store, utc_now
from ringback.ledger import SqlLedger
from ringback.records.values import from_milliseconds

EXAMPLE = "Example: **ringback quarantine --show 3f2a**"
_SHOWN = 10_000


def quarantine(
    show: Annotated[str | None, typer.Option(help="Print the bytes of the item whose id begins so.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many items to list, newest first.")] = 50,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Show what could not be kept as a record: where it came from, and why."""
    with open_store(config, data, create=False) as store:
        entries = SqlLedger(store, utc_now).quarantine(limit=limit if show is None else _SHOWN)
    if show is not None:
        found = [entry for entry in entries if entry.id.startswith(show)]
        if not found:
            raise CommandError(f"No item in quarantine has an id that begins with {show!r}.")
        sys.stdout.buffer.write(found[0].item.raw)
        return
    for entry in entries:
        print(f"{entry.id[:12]}  {from_milliseconds(entry.stored_at):%Y-%m-%d %H:%M:%SZ}  {entry.item.source}")
        print(f"              {entry.item.reason}")
    if not entries:
        print("The quarantine is empty.")
