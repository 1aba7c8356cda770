"""The command for accounts, and tokens for the call-log API."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from factories import ORG, make_record
from processes import Finished, command, environment, ringback
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.server.accounts import Account, Accounts, Role
from ringback.server.logins import Logins
from ringback.server.tokens import CALL_LOGS_SCOPE, Token, Tokens
from ringback.store import Store

PASSWORD = "correct horse battery"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The directory of a store with one record, so with one organization."""
    directory = tmp_path / "data"
    opened = Store.open(directory)
    SqlLedger(opened, utc_now).append([make_record()])
    opened.close()
    return directory


def add(data: Path, *arguments: str, password: str = PASSWORD) -> Finished:
    """`ringback account add`, with the password on standard input."""
    stdin = f"{password}\n".encode()
    return ringback("account", "add", *arguments, "--password-stdin", "--data", data, stdin=stdin)


def names(data: Path) -> list[str]:
    """The names of the accounts of a store."""
    opened = Store.open(data)
    try:
        return [account.name for account in Accounts(opened, utc_now).all()]
    finally:
        opened.close()


def make(data: Path, username: str) -> None:
    """Make an account as the command does, without the time that a process takes."""
    opened = Store.open(data)
    try:
        Accounts(opened, utc_now).create(username, PASSWORD, org=ORG, role=Role.USER)
    finally:
        opened.close()


def verify(data: Path, username: str, password: str = PASSWORD) -> Account | None:
    """What a store says to a name and a password."""
    opened = Store.open(data)
    try:
        return Accounts(opened, utc_now).verify(username, password)
    finally:
        opened.close()


def on_a_terminal(data: Path, *arguments: str, typed: list[str]) -> tuple[int, str]:
    """Run `ringback account` on a terminal, and type something at each question. Gives exit code and what is seen."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command("account", *arguments, "--data", data),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(TERM="dumb", COLUMNS="200"),
        start_new_session=True,
    )
    os.close(slave)
    seen, answered = "", 0
    try:
        while piece := os.read(master, 65536):
            seen += piece.decode()
            if answered < len(typed) and len(re.findall(r"(?:Password|Once more): ", seen)) > answered:
                os.write(master, f"{typed[answered]}\n".encode())
                answered += 1
    except OSError:  # how Linux says that the other side has closed
        pass
    os.close(master)
    return process.wait(30), seen


def test_accounts_are_made_and_listed(data: Path) -> None:
    """An account has a role, an org and, for a User, whose calls it sees; the list shows them all, and no password."""
    done = add(data, "101", "--domain", "pbx.example.com").ok()
    assert done.text == f"added 101@pbx.example.com, role User: the calls of user 101@pbx.example.com of org {ORG}\n"
    add(data, "anna", "--user", "7546367F-cadd-4c6b-a395-de7133a63ded").ok()
    done = add(data, "boss@pbx.example.com", "--role", "Admin", "--org", str(ORG)).ok()
    assert done.text == f"added boss@pbx.example.com, role Admin: the calls of all users of org {ORG}\n"
    listed = ringback("account", "list", "--data", data).ok().text
    rows = [re.split(r"  +", line) for line in listed.splitlines()]
    today = f"{utc_now():%Y-%m-%d}"
    assert rows[0] == ["username", "domain", "org", "role", "user", "created"]
    assert rows[1][0::3] == ["anna", "7546367f-cadd-4c6b-a395-de7133a63ded"]
    assert rows[2] == ["101", "pbx.example.com", str(ORG), "User", "101@pbx.example.com", today]
    assert rows[3] == ["boss", "pbx.example.com", str(ORG), "Admin", today]
    assert "$argon2" not in listed
    assert verify(data, "101@pbx.example.com") is not None


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nsecond line\n"])
def test_password_from_standard_input(data: Path, end: str) -> None:
    """With --password-stdin the password is the first line, with its spaces and without its end."""
    stdin = f" {PASSWORD} {end}".encode()
    ringback("account", "add", "anna", "--password-stdin", "--data", data, stdin=stdin).ok()
    assert verify(data, "anna", f" {PASSWORD} ") is not None


def test_password_is_asked_for_twice(data: Path) -> None:
    """On a terminal the password is asked for twice, and never shown."""
    code, seen = on_a_terminal(data, "add", "anna", typed=[PASSWORD, PASSWORD])
    assert code == 0, seen
    assert PASSWORD not in seen
    assert verify(data, "anna") is not None
    code, seen = on_a_terminal(data, "password", "anna", typed=["another password", "another pasword"])
    assert (code, "not the same" in seen) == (1, True)
    assert verify(data, "anna") is not None
    code, seen = on_a_terminal(data, "password", "anna", typed=["short"])
    assert (code, "8 to 1024 characters" in seen) == (1, True)
    code, seen = on_a_terminal(data, "password", "ben", typed=[])
    assert (code, "no account ben" in seen) == (1, True), "nobody types a password for nothing"


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["add", "anna"], b"", "--password-stdin"),
        (["password", "ben"], b"", "--password-stdin"),
        (["add", "anna", "--password-stdin"], b"", "8 to 1024 characters"),
        (["add", "anna", "--password-stdin"], b"caf\xe9 caf\xe9 caf\xe9\n", "not UTF-8"),
        (["add", "ben", "--password-stdin"], b"correct horse battery\n", "There is an account ben already"),
        (["add", "an na", "--password-stdin"], b"correct horse battery\n", "'an na' has characters"),
        (
            ["add", "anna", "--user", "1", "--role", "Admin", "--password-stdin"],
            b"correct horse battery\n",
            "role User",
        ),
        (["password", "anna", "--password-stdin"], b"correct horse battery\n", "no account anna"),
        (["remove", "anna"], b"", "no account anna"),
    ],
)
def test_what_cannot_be_done(data: Path, arguments: list[str], stdin: bytes, words: str) -> None:
    """What is wrong is told in words that say what to do, and changes nothing."""
    make(data, "ben")
    assert words in ringback("account", *arguments, "--data", data, stdin=stdin).failed()
    assert names(data) == ["ben"]
    assert verify(data, "ben") is not None


def test_an_unknown_role(data: Path) -> None:
    """A role that there is not is refused, with those there are."""
    done = add(data, "anna", "--role", "Boss")
    assert done.code == 2
    assert "queuemanager" in done.errors.lower()


def test_a_password_is_no_argument(data: Path) -> None:
    """A password cannot be given on the command line, where others of the machine could see it."""
    assert ringback("account", "add", "anna", PASSWORD, "--data", data).code == 2
    assert ringback("account", "add", "anna", "--password", PASSWORD, "--data", data).code == 2


def test_changing_and_removing(data: Path) -> None:
    """After another password the old one is none; a removed account is gone, and may be made again."""
    make(data, "anna@example.com")
    arguments = ("anna", "--domain", "example.com", "--data", data)
    stdin = b"another password\n"
    done = ringback("account", "password", *arguments, "--password-stdin", stdin=stdin).ok()
    assert done.text == "changed the password of anna@example.com\n"
    assert verify(data, "anna@example.com") is None
    assert verify(data, "anna@example.com", "another password") is not None
    assert ringback("account", "remove", *arguments).ok().text == "removed anna@example.com\n"
    assert verify(data, "anna@example.com", "another password") is None
    add(data, "anna@example.com", "--role", "queuemanager").ok()
    account = verify(data, "anna@example.com")
    assert account is not None
    assert account.role is Role.QUEUE_MANAGER


def test_without_a_store(tmp_path: Path) -> None:
    """Without a store the commands say so and make none; with --org an account makes one, as a token does."""
    for arguments in (["add", "anna"], ["list"], ["password", "anna"], ["remove", "anna"]):
        assert "no store in" in ringback("account", *arguments, "--data", tmp_path / "none").failed()
    assert list(tmp_path.iterdir()) == []
    add(tmp_path / "new", "anna", "--org", str(ORG)).ok()
    assert verify(tmp_path / "new", "anna") is not None


# Tokens


def tokens_of(data: Path, *texts: str) -> list[Token | None]:
    """What a store says of tokens."""
    opened = Store.open(data)
    try:
        tokens = Tokens(opened, utc_now)
        return [tokens.authenticate(text) for text in texts]
    finally:
        opened.close()


def test_tokens_for_the_call_log_api(data: Path) -> None:
    """Administrators and users can have a long-lived token for call logs alone."""
    for user in (None, "101@pbx.example.com"):
        whose = [] if user is None else ["--user", user]
        text = ringback("token", "create", "--scope", CALL_LOGS_SCOPE, *whose, "--data", data).ok().text.strip()
        (token,) = tokens_of(data, text)
        assert token is not None
        assert (token.user, token.scopes, token.account) == (user, (CALL_LOGS_SCOPE,), None)
    refused = ringback("token", "create", "--scope", "refresh", "--data", data).failed()
    assert "Unknown scope" in refused


def test_tokens_of_logins_are_listed_when_wanted(data: Path) -> None:
    """The list shows tokens of logins with --all only, with the account's name; revoking one ends the login."""
    opened = Store.open(data)
    accounts = Accounts(opened, utc_now)
    account = accounts.create("anna", PASSWORD, domain="example.com", org=ORG, role=Role.ADMIN)
    hour = timedelta(hours=1)
    login = Logins(opened, utc_now, access_lifetime=hour, refresh_lifetime=2 * hour).begin(account)
    opened.close()
    assert login is not None
    ringback("token", "create", "--name", "reports", "--data", data).ok()
    usual = ringback("token", "list", "--data", data).ok().text
    assert ("reports" in usual, "anna" in usual) == (True, False)
    rows = ringback("token", "list", "--all", "--data", data).ok().text.splitlines()
    of_login = [row for row in rows if "login of anna@example.com" in row]
    assert len(of_login) == 2
    assert sorted(scope for row in of_login for scope in re.findall(r"calllogs:read|refresh", row)) == [
        "calllogs:read",
        "refresh",
    ]
    assert tokens_of(data, login.access_token) != [None]
    ringback("token", "revoke", login.refresh_token.split("_")[1], "--data", data).ok()
    assert tokens_of(data, login.access_token) == [None]
    assert "anna" not in ringback("token", "list", "--all", "--data", data).ok().text
