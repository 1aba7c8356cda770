"""What commands share: the store and its errors, options, and progress."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ringback.ledger import Ledger
from ringback.records.values import OddValue, read_time
from ringback.settings import Settings, load
from ringback.store import Store

_PLAIN_SECONDS = 5.0

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", envvar="RINGBACK_CONFIG", help="Settings file. Default: ringback.toml, if it is there."),
]
DataOption = Annotated[
    str | None, typer.Option("--data", help="Directory of the store. Default: ringback-data.", show_default=False)
]


class CommandError(Exception):
    """A command cannot go on; the message says what to do."""


def utc_now() -> datetime:
    """The clock of all commands."""
    return datetime.now(UTC)


def settings_for(config: Path | None, data: str | None) -> Settings:
    """The settings for a command: its own options, then the environment, then the file."""
    environment = dict(os.environ)
    if data is not None:
        environment["RINGBACK_DATA"] = data
    return load(config, environment)


@contextmanager
def open_store(config: Path | None, data: str | None, *, create: bool) -> Iterator[Store]:
    """The store that a command's options name."""
    store = Store.open(settings_for(config, data).directory, create=create)
    try:
        yield store
    finally:
        store.close()


def parse_org_option(text: str) -> UUID:
    """An organization from the command line."""
    try:
        return UUID(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not the UUID of an organization") from error


def parse_time_option(text: str) -> datetime:
    """A time from the command line: a date, or a time in ISO 8601; UTC if it names no zone."""
    try:
        return read_time(text if len(text) > 10 else f"{text}T00:00:00")
    except OddValue as error:
        raise typer.BadParameter(f"{text!r} is not a time such as 2026-11-20 or 2026-11-20T08:30:00Z") from error


def the_org(ledger: Ledger, given: UUID | None) -> UUID:
    """The organization that was given, or the only one there is.

    Raises:
        CommandError: none was given, and there is none or more than one.
    """
    if given is not None:
        return given
    orgs = [str(summary.org) for summary in ledger.summaries() if summary.records]
    if len(orgs) == 1:
        return UUID(orgs[0])
    raise CommandError(
        f"Name an organization with --org. The store has: {', '.join(orgs)}."
        if orgs
        else "Name an organization with --org. The store has no records yet."
    )


@contextmanager
def progress(what: str) -> Iterator[Callable[[float | None, str], None]]:
    """A progress bar on a terminal; elsewhere a plain line every few seconds. Both on standard error.

    Yields:
        a function to call with the share that is done (0 to 1, None if it cannot be known) and a text.
    """
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=1.0, text="")
            yield lambda share, text: bar.update(
                task, completed=share or 0.0, total=None if share is None else 1.0, text=text
            )
        return
    last = time.monotonic()

    def line(share: float | None, text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _PLAIN_SECONDS:
            last = time.monotonic()
            print(f"{what}: {text}" + ("" if share is None else f", {share:.0%}"), file=sys.stderr, flush=True)

    yield line


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header, in columns as wide as they need; nothing is ever cut."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
