"""`ringback people`: tell who somebody is, where records do not, or not well enough."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ringback.commands.common import (
    CommandError,
    ConfigOption,
    DataOption,
    open_store,
    parse_org_option,
    the_org,
    utc_now,
)
from ringback.ledger import SqlLedger
from ringback.projections.sessions.giving import give
from ringback.projections.sessions.people_file import COLUMNS, BadPeople, read_people

app = typer.Typer(help="Tell who somebody is, and whose a number is.", no_args_is_help=True)
_SHOWN = 20


@app.command("import", epilog="Example: **ringback people import people.csv**")
def import_people(
    file: Annotated[Path, typer.Argument(help=f"A CSV file with the columns {', '.join(COLUMNS)}.", metavar="FILE")],
    org: Annotated[
        UUID | None,
        typer.Option(parser=parse_org_option, help="Organization. Default: the only one in the store.", metavar="UUID"),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Take names, addresses, numbers and UCM lines from a CSV file. They win over what records say."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            people, bad = read_people(lines)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except BadPeople as error:
        raise CommandError(f"{file}: {error}") from error
    with open_store(config, data, create=org is not None) as store:
        give(store, the_org(SqlLedger(store, utc_now), org), people)
    print(f"{file}: {len(people)} people. The call history is made anew with them, in the background of the server.")
    for row in bad[:_SHOWN]:
        print(f"{file}, line {row.line}: {row.reason}. This row was left out.", file=sys.stderr)
    if len(bad) > _SHOWN:
        print(f"{file}: {len(bad) - _SHOWN} more rows were left out.", file=sys.stderr)
    if bad:
        raise typer.Exit(1)
