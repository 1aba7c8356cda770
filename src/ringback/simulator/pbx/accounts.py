"""Users of the simulated PBX who can log in, and the tokens they get."""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

import msgspec

Role = Literal["Admin", "QueueManager", "User"]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user with a password.

    Attributes:
        name: for messages and the audit, which have no secrets.
        tenant: SIP domain of the tenant; a login has to name it.
        username, password: what it logs in with.
        role: an `Admin` and a `QueueManager` see the call logs of the whole tenant, a `User` only those of its own.
        extension: the number that is its own; "" for none.
    """

    name: str
    tenant: str
    username: str
    password: str
    role: Role = "Admin"
    extension: str = ""

    def __repr__(self) -> str:
        return f"Account(name={self.name!r}, role={self.role!r})"


class Token(msgspec.Struct, kw_only=True, eq=False):
    """A token. Times are nanoseconds since 1970.

    Attributes:
        account: whose it is.
        name: the account's name and a number, for the audit.
        secret: what a client shows.
        refresh: whether it is for getting others, and not for asking.
        expires: when it ends by itself.
        partner: the token that was given together with it.
        bought: when it was given for a password in an answer that came whole; None if not so.
        revoked: whether it was ended before its time.
        used: whether it was ever shown.
        refused: whether its owner has been told that it is no good.
    """

    account: Account
    name: str
    secret: str
    refresh: bool
    expires: int
    partner: Token | None = None
    bought: int | None = None
    revoked: bool = False
    used: bool = False
    refused: bool = False

    def good(self, now: int) -> bool:
        """Whether it is accepted."""
        return not self.revoked and now < self.expires


class Accounts:
    """All accounts and their tokens. The secrets are the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.all: list[Account] = []
        self._tokens: dict[str, Token] = {}

    def add(self, tenant: str, username: str, role: Role, extension: str) -> Account:
        """A new account. Raises ValueError if the tenant has one with this name."""
        name = f"{username}@{tenant}"
        if any(account.name == name for account in self.all):
            raise ValueError(f"there is an account {name} already")
        account = Account(
            name=name,
            tenant=tenant,
            username=username,
            password=self._secret(name, "password")[:20],
            role=role,
            extension=extension,
        )
        self.all.append(account)
        return account

    def verify(self, username: object, password: object, domain: object) -> Account | None:
        """The account with these credentials."""
        for account in self.all:
            if (account.username, account.password, account.tenant) == (username, password, domain):
                return account
        return None

    def by_extension(self, extension: object, password: object, domain: object) -> Account | None:
        """The account with this extension and password."""
        for account in self.all:
            if account.extension and (account.extension, account.password, account.tenant) == (
                extension,
                password,
                domain,
            ):
                return account
        return None

    def issue(self, account: Account, expires: int, *, refresh: bool = False) -> Token:
        """A new token."""
        what = "refresh" if refresh else "access"
        number = sum(token.account is account for token in self._tokens.values()) + 1
        name = f"{account.name}#{number}"
        token = Token(account=account, name=name, secret=self._secret(name, what), refresh=refresh, expires=expires)
        self._tokens[token.secret] = token
        return token

    def find(self, secret: str, *, refresh: bool = False) -> Token | None:
        """The token of that kind with this secret; None if it was never issued."""
        token = self._tokens.get(secret)
        return token if token is not None and token.refresh == refresh else None

    def named(self, name: str) -> Token | None:
        """The token with this name."""
        return next((token for token in self._tokens.values() if token.name == name), None)

    def revoke(self, account: Account | None = None, *, told: bool = False, refresh: bool = False) -> None:
        """End the access tokens of an account, or of all.

        Args:
            account: whose; None for all.
            told: those in use count as refused already.
            refresh: end the refresh tokens as well.
        """
        for token in self._tokens.values():
            if account in (None, token.account) and (refresh or not token.refresh):
                token.refused = token.refused or (told and token.used and not token.revoked)
                token.revoked = True

    def unused(self, account: Account, now: int, since: int) -> int:
        """How many good access tokens an account got for its password since then, and never used."""
        return sum(
            token.account is account
            and token.bought is not None
            and token.bought > since
            and not token.used
            and token.good(now)
            for token in self._tokens.values()
        )

    def secrets(self) -> list[str]:
        """All passwords and tokens."""
        return [account.password for account in self.all] + list(self._tokens)

    def _secret(self, name: str, what: str) -> str:
        return sha256(f"{self._seed}/pbx/{name}/{what}".encode()).hexdigest()
