"""Accounts: who can log in with a name and a password, for which org, and in which role.

Of a password only an argon2id hash is kept (RFC 9106), with the parameters that argon2-cffi has as its defaults: today
those of the low-memory profile of the RFC, 64 MiB and three passes. The other profile takes 2 GiB, which is too much
to give to any stranger who sends a password. When the defaults change, a hash is made anew at the next login.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from uuid import UUID

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from ringback.records.values import from_milliseconds, to_milliseconds, user_key
from ringback.server.tokens import delete_logins_of
from ringback.store import Store
from ringback.store.schema import accounts

MAX_USERNAME = 256
MAX_DOMAIN = 1024
MAX_PASSWORD = 1024
"""Characters, at most."""

MIN_PASSWORD = 8
"""Characters, at least (NIST SP 800-63B, section 5.1.1.1)."""

_ARGON2_VERSION = 19


class AccountError(Exception):
    """An account cannot be made, changed or found; the message says what to do."""


class Role(Enum):
    """What an account may see. The values are PortSIP's names."""

    ADMIN = "Admin"
    QUEUE_MANAGER = "QueueManager"
    USER = "User"

    @property
    def sees_all(self) -> bool:
        """Whether it sees the calls of all users of the org, and not only its own."""
        return self is not Role.USER


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an account.

    Attributes:
        username, domain: together unique over all orgs, in lower case; the domain may be "".
        org: the only organization whose calls it may see.
        user: id of the user whose calls it sees; None if it sees those of all users of the org.
        created_at: aware UTC.
        version: another one after the password was set, or the account removed and made again. It tells nothing of
            the password.
    """

    username: str
    domain: str
    org: UUID
    role: Role
    user: str | None
    created_at: datetime
    version: bytes

    @property
    def name(self) -> str:
        """`username@domain`, or the username alone."""
        return account_name(self.username, self.domain)


def account_name(username: str, domain: str) -> str:
    """The name of an account, by which its tokens are known."""
    return f"{username}@{domain}" if domain else username


def split_name(username: str, domain: str = "") -> tuple[str, str]:
    """The username and the domain of an account as they are compared: in lower case.

    Args:
        domain: if it is "", the username may have it: `anna@example.com`.
    """
    if not domain and "@" in username:
        username, _, domain = username.rpartition("@")
    return username.lower(), domain.lower()


class Accounts:
    """The accounts of a store. Whatever takes a password is slow on purpose, a tenth of a second or so."""

    def __init__(self, store: Store, clock: Callable[[], datetime], hasher: PasswordHasher | None = None) -> None:
        """
        Args:
            clock: gives the current time, aware.
            hasher: makes and checks hashes, if not with the usual parameters.
        """
        self._store = store
        self._clock = clock
        self._hasher = hasher or PasswordHasher()
        self._nobody = _hash_of_nothing(self._hasher)

    def create(
        self, username: str, password: str, *, domain: str = "", org: UUID, role: Role, user: str | None = None
    ) -> Account:
        """Make an account.

        Args:
            user: for the role User, whose calls it sees; None for the user with the account's name, as
                `extension@domain` is the id of a user of a PBX.

        Raises:
            AccountError: there is one of this name, in whichever org, or the name, the password or the user does not
                fit.
        """
        username, domain = split_name(username, domain)
        _check_name(username, domain)
        check_password(password)
        if user is not None and (role.sees_all or not user.strip()):
            raise AccountError("A user is the id of one, and for the role User. The other roles see the calls of all.")
        row = {
            "domain": domain,
            "username": username,
            "org": org,
            "role": role.value,
            "user_id": None if role.sees_all else user_key(user or account_name(username, domain)),
            "password_hash": self._hash(password),
            "created_at": to_milliseconds(self._clock()),
        }
        made = insert(accounts).values(row).on_conflict_do_nothing().returning(accounts)
        with self._store.write() as connection:
            found = connection.execute(made).first()
        if found is None:
            raise AccountError(f"There is an account {account_name(username, domain)} already.")
        return _account(found)

    def all(self) -> Sequence[Account]:
        """All accounts, by domain and username."""
        with self._store.read() as connection:
            rows = connection.execute(select(accounts).order_by(accounts.c.domain, accounts.c.username))
            return [_account(row) for row in rows]

    def find(self, username: str, domain: str = "") -> Account | None:
        """An account by its name, or None."""
        row = self._row(username, domain)
        return None if row is None else _account(row)

    def get(self, username: str, domain: str = "") -> Account:
        """An account by its name.

        Raises:
            AccountError: there is none.
        """
        if (account := self.find(username, domain)) is None:
            raise _unknown(username, domain)
        return account

    def remove(self, username: str, domain: str = "") -> None:
        """Delete an account; whoever is logged in with it, is not any more.

        Raises:
            AccountError: there is none of this name.
        """
        statement = delete(accounts).where(_is(username, domain)).returning(accounts)
        with self._store.write() as connection:
            self._changed(connection, connection.execute(statement).first(), username, domain)

    def set_password(self, username: str, password: str, domain: str = "") -> None:
        """Give an account another password; whoever is logged in with it, is not any more.

        Raises:
            AccountError: there is none of this name, or the password does not fit.
        """
        check_password(password)
        statement = update(accounts).where(_is(username, domain)).values(password_hash=self._hash(password))
        with self._store.write() as connection:
            row = connection.execute(statement.returning(accounts)).first()
            self._changed(connection, row, username, domain)

    def verify(self, username: str, password: str, domain: str = "") -> Account | None:
        """The account with this name and password, or None.

        To find that there is no such name takes as long as to check a hash with the parameters of today.
        """
        while True:
            row = self._row(username, domain)
            if not self._is_password(self._nobody if row is None else row.password_hash, password) or row is None:
                return None
            if not self._hasher.check_needs_rehash(row.password_hash):
                return _account(row)
            self._replace_hash(row, self._hash(password))
            # Once more: the password may have been set to another one meanwhile.

    def _row(self, username: str, domain: str) -> Row[tuple[object, ...]] | None:
        with self._store.read() as connection:
            return connection.execute(select(accounts).where(_is(username, domain))).first()

    def _replace_hash(self, row: Row[tuple[object, ...]], password_hash: str) -> None:
        same = and_(_is(row.username, row.domain), accounts.c.password_hash == row.password_hash)
        with self._store.write() as connection:
            connection.execute(update(accounts).where(same).values(password_hash=password_hash))

    def _changed(self, connection: Connection, row: Row[tuple[object, ...]] | None, username: str, domain: str) -> None:
        if row is None:
            raise _unknown(username, domain)
        delete_logins_of(connection, _account(row).name)

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_prepared(password))

    def _is_password(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, _prepared(password))
        except VerifyMismatchError:
            return False


def is_current(connection: Connection, account: Account) -> bool:
    """Whether an account is still there, with the password that it had."""
    row = connection.execute(select(accounts).where(_is(account.username, account.domain))).first()
    return row is not None and _account(row) == account


def check_password(password: str) -> None:
    """Refuse what can be no password.

    Raises:
        AccountError: it is too short or too long.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise AccountError(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.")


def _unknown(username: str, domain: str) -> AccountError:
    name = account_name(*split_name(username, domain))
    return AccountError(f"There is no account {name}. 'ringback account list' shows them.")


def _check_name(username: str, domain: str) -> None:
    if not 1 <= len(username) <= MAX_USERNAME or len(domain) > MAX_DOMAIN:
        raise AccountError(f"A username has 1 to {MAX_USERNAME} characters, and a domain at most {MAX_DOMAIN}.")
    for text in (username, domain):
        if "@" in text or " " in text or not text.isprintable():
            raise AccountError(f"{text!r:.80} has characters that no username and no domain has, such as @ or spaces.")


def _is(username: str, domain: str) -> ColumnElement[bool]:
    username, domain = split_name(username, domain)
    return and_(accounts.c.domain == domain, accounts.c.username == username)


def _prepared(password: str) -> bytes:
    # The same characters may come composed or not, as the keyboard likes it (RFC 8265, section 4.2.2).
    return unicodedata.normalize("NFC", password).encode()


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        username=row.username,
        domain=row.domain,
        org=row.org,
        role=Role(row.role),
        user=row.user_id,
        created_at=from_milliseconds(row.created_at),
        version=hashlib.sha256(row.password_hash.encode()).digest(),
    )


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """A hash that no password has, but that takes as long to check. It is made up, since a real one takes time."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={_ARGON2_VERSION}${cost}${salt}${digest}"
