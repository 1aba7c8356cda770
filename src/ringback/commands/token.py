"""`ringback token`: make, list and revoke bearer tokens."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from ringback.commands.common import (
    CommandError,
    ConfigOption,
    DataOption,
    open_store,
    parse_org_option,
    print_table,
    the_org,
    utc_now,
)
from ringback.ledger import SqlLedger
from ringback.server.limits import PROFILES
from ringback.server.tokens import ADMIN_SCOPES, CDR_SCOPE, USER_SCOPES, Tokens

app = typer.Typer(help="Make, list and revoke the tokens that clients need.", no_args_is_help=True)

_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def _parse_lifetime(text: str) -> timedelta | str:
    """A lifetime such as 90d, 12h or 30m; "never" stays as it is."""
    if text == "never":
        return text
    if not (match := re.fullmatch(r"([1-9]\d{0,5})([dhm])", text)):
        raise typer.BadParameter(f"{text!r} is not a lifetime such as 90d, 12h, 30m or never")
    return int(match[1]) * _UNITS[match[2]]


@app.command("create", epilog="Example: **ringback token create --limits none --expires 30d --name backup**")
def create(
    org: Annotated[
        UUID | None,
        typer.Option(parser=parse_org_option, help="Organization. Default: the only one in the store.", metavar="UUID"),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(help="Id of the user whose calls it is for. Default: a token of an administrator.", metavar="ID"),
    ] = None,
    name: Annotated[str, typer.Option(help="To tell it from others.")] = "",
    limits: Annotated[
        str,
        typer.Option(help=f"{', '.join(PROFILES)}: limits on the age and span of windows and on the rate of requests."),
    ] = "documented",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help=f"What it may do; repeat for several. Of an administrator: {', '.join(ADMIN_SCOPES)} "
            f"(default: {CDR_SCOPE}). Of a user: {', '.join(USER_SCOPES)} (default: all)."
        ),
    ] = None,
    expires: Annotated[
        object, typer.Option(parser=_parse_lifetime, metavar="TIME", help="90d, 12h, 30m or never.")
    ] = "365d",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a token and print it. It is shown this once: only its hash is kept."""
    if user is not None and not (user := user.strip()):
        raise CommandError(
            "--user needs the UUID of a user, as in the User UUID of their records, or extension@domain."
        )
    lifetime = expires if isinstance(expires, timedelta) else None
    with open_store(config, data, create=org is not None) as store:
        owner = the_org(SqlLedger(store, utc_now), org)
        text, token = Tokens(store, utc_now).create(
            owner, user=user, name=name, scopes=scope, limits=limits, lifetime=lifetime
        )
    print(text)
    until = "never expires" if token.expires_at is None else f"expires {token.expires_at:%Y-%m-%d %H:%M} UTC"
    whose = f"user {user} of org {owner}" if user else f"org {owner}"
    print(f"Token {token.id} for {whose}, limits {limits}, {until}.", file=sys.stderr)


@app.command("list", epilog="Example: **ringback token list**")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also those of accounts that have logged in.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the tokens that were made with 'ringback token create', without their secrets."""
    rows = []
    now = utc_now()
    with open_store(config, data, create=False) as store:
        for token in Tokens(store, utc_now).all():
            if token.account is not None and not all_:
                continue
            if token.revoked_at:
                state = f"revoked {token.revoked_at:%Y-%m-%d}"
            elif token.expires_at is None:
                state = "never expires"
            else:
                state = f"{'expires' if token.valid_at(now) else 'expired'} {token.expires_at:%Y-%m-%d}"
            created = f"{token.created_at:%Y-%m-%d}"
            scopes = " ".join(token.scopes)
            name = token.name if token.account is None else f"login of {token.account}"
            rows.append((token.id, name, str(token.org), token.user or "", token.limits.name, scopes, created, state))
    print_table(("id", "name", "org", "user", "limits", "scopes", "created", "state"), rows)


@app.command("revoke", epilog="Example: **ringback token revoke f51140998**")
def revoke(
    token_id: Annotated[str, typer.Argument(help="The id, from 'ringback token list'.")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a token invalid, at once. Who listens to live events with it is cut off within a minute.

    A token of an account that has logged in ends that login; the account can log in again.
    """
    with open_store(config, data, create=False) as store:
        Tokens(store, utc_now).revoke(token_id)
    print(f"revoked {token_id}")
