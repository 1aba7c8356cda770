"""`ringback collect`."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from ringback.commands.collecting import chosen, collector_for
from ringback.commands.common import ConfigOption, DataOption, settings_for
from ringback.server import logs
from ringback.store import Store

EXAMPLE = "Example: **ringback collect --config ringback.toml**"
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]


def collect(
    source: Annotated[
        list[str] | None, typer.Option(help="Only this source; give it several times for several.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop as soon as everything up to now is there.")] = False,
    log_level: LogLevel = "info",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Collect records from the sources of the settings, until Ctrl-C or SIGTERM."""
    settings = settings_for(config, data)
    sources = chosen(settings, source)
    configure_logs(log_level)
    stop = stop_on_signals()
    store = Store.open(settings.directory)
    try:
        collector = collector_for(sources, store, once=once)
        collector.start()
        try:
            while collector.running() and not stop.wait(0.2):
                pass
        finally:
            collector.stop()
    finally:
        store.close()


def configure_logs(level: str) -> None:
    """Set up logging, for a level from the command line."""
    if level not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter(f"{level!r} is not debug, info, warning or error", param_hint="--log-level")
    logs.configure(level)


def stop_on_signals() -> threading.Event:
    """Set when SIGINT or SIGTERM comes, from now on."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
