"""`ringback account`: make, list and remove accounts that can log in with a password."""

from __future__ import annotations

import sys
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
from ringback.server.accounts import Accounts, Role, account_name, check_password, split_name

app = typer.Typer(help="Make, list and remove accounts that can log in to the call-log API.", no_args_is_help=True)

UsernameArgument = Annotated[str, typer.Argument(help="The username, or username@domain.")]
DomainOption = Annotated[str, typer.Option(help="The domain of the account. Default: none.", show_default=False)]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input; nobody is asked for it.")
]


@app.command("add", epilog="Example: **ringback account add 101 --domain pbx.example.com**")
def add(
    username: UsernameArgument,
    domain: DomainOption = "",
    org: Annotated[
        UUID | None,
        typer.Option(parser=parse_org_option, help="Organization. Default: the only one in the store.", metavar="UUID"),
    ] = None,
    role: Annotated[
        Role,
        typer.Option(
            case_sensitive=False,
            metavar="|".join(role.value for role in Role),
            help="Admin and QueueManager see the calls of the whole organization, User their own.",
        ),
    ] = Role.USER,
    user: Annotated[
        str | None,
        typer.Option(
            help="Whose calls a User sees: a User UUID of Webex records, or extension@domain. Default: the account.",
            metavar="USER_ID",
        ),
    ] = None,
    password_stdin: StdinOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an account. Its password is asked for, and not shown; only a slow hash of it is kept."""
    with open_store(config, data, create=org is not None) as store:
        owner = the_org(SqlLedger(store, utc_now), org)
        account = Accounts(store, utc_now).create(
            username, _password(stdin=password_stdin), domain=domain, org=owner, role=role, user=user
        )
    whose = f"user {account.user}" if account.user else "all users"
    print(f"added {account.name}, role {role.value}: the calls of {whose} of org {owner}")


@app.command("list", epilog="Example: **ringback account list**")
def list_(data: DataOption = None, config: ConfigOption = None) -> None:
    """Show all accounts."""
    with open_store(config, data, create=False) as store:
        rows = [
            (
                account.username,
                account.domain,
                str(account.org),
                account.role.value,
                account.user or "",
                f"{account.created_at:%Y-%m-%d}",
            )
            for account in Accounts(store, utc_now).all()
        ]
    print_table(("username", "domain", "org", "role", "user", "created"), rows)


@app.command("password", epilog="Example: **ringback account password 101@pbx.example.com**")
def password(
    username: UsernameArgument,
    domain: DomainOption = "",
    password_stdin: StdinOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Give an account another password. Whoever is logged in with it has to log in again."""
    with open_store(config, data, create=False) as store:
        accounts = Accounts(store, utc_now)
        accounts.get(username, domain)  # before somebody types a password twice for nothing
        accounts.set_password(username, _password(stdin=password_stdin), domain)
    print(f"changed the password of {account_name(*split_name(username, domain))}")


@app.command("remove", epilog="Example: **ringback account remove 101@pbx.example.com**")
def remove(
    username: UsernameArgument, domain: DomainOption = "", data: DataOption = None, config: ConfigOption = None
) -> None:
    """Remove an account. Whoever is logged in with it is so no more, at once."""
    with open_store(config, data, create=False) as store:
        Accounts(store, utc_now).remove(username, domain)
    print(f"removed {account_name(*split_name(username, domain))}")


def _password(*, stdin: bool) -> str:
    if stdin:
        return _first_line()
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for a password on. Give it with --password-stdin.")
    text: str = typer.prompt("Password", hide_input=True, err=True)
    check_password(text)
    if typer.prompt("Once more", hide_input=True, err=True) != text:
        raise CommandError("The two passwords are not the same. Nothing was changed.")
    return text


def _first_line() -> str:
    try:
        return sys.stdin.buffer.readline().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise CommandError("The password on standard input is not UTF-8.") from error
