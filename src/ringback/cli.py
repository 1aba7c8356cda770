"""The command line: `ringback COMMAND`."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from ringback import __version__
from ringback.commands import (
    account,
    backfill,
    collect,
    export,
    importing,
    people,
    quarantine,
    serve,
    simulate,
    sources,
    status,
    tariff,
    token,
)
from ringback.commands.common import CommandError
from ringback.server.accounts import AccountError
from ringback.server.run import ServeError
from ringback.server.tokens import TokenError
from ringback.settings import SettingsError
from ringback.sources.files import UnreadableFile
from ringback.store import StoreError

_EXPECTED = (AccountError, CommandError, ServeError, SettingsError, StoreError, TokenError, UnreadableFile)

app = typer.Typer(
    name="ringback",
    help="An organisation's call history: every call detail record exactly once, for ever.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # locals may hold secrets
)
app.command("serve", epilog=serve.EXAMPLE)(serve.serve)
app.command("collect", epilog=collect.EXAMPLE)(collect.collect)
app.command("backfill", epilog=backfill.EXAMPLE)(backfill.backfill)
app.command("sources", epilog=sources.EXAMPLE)(sources.sources)
app.command("import", epilog=importing.EXAMPLE)(importing.import_files)
app.command("export", epilog=export.EXAMPLE)(export.export)
app.command("simulate", epilog=simulate.EXAMPLE)(simulate.simulate)
app.command("status", epilog=status.EXAMPLE)(status.status)
app.command("quarantine", epilog=quarantine.EXAMPLE)(quarantine.quarantine)
app.add_typer(account.app, name="account")
app.add_typer(people.app, name="people")
app.add_typer(tariff.app, name="tariff")
app.add_typer(token.app, name="token")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"ringback {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run a command; what goes wrong in an expected way is one message on standard error, and exit code 1."""
    try:
        app()
    except _EXPECTED as error:
        _fail(str(error))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _fail("There is no space left to write to. Free some, then do it again.")
    finally:
        _flush()


def _fail(message: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"[red]Error:[/red] {escape(message)}")
    sys.exit(1)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError:  # the reader is gone, as in `ringback status | true`, or the disk is full
        # Python flushes again when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
