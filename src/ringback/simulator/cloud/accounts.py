"""Service apps of the simulated cloud: their credentials, and the access tokens they get."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

import msgspec

SCOPE = "spark-admin:calling_cdr_read"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A service app that may read the records of one org. Its tokens share one rate.

    Attributes:
        name: for messages and the audit, which have no secrets.
        org: whose records it reads.
        client_id, client_secret, refresh_token: what access tokens are got with.
    """

    name: str
    org: UUID
    client_id: str
    client_secret: str
    refresh_token: str

    def __repr__(self) -> str:
        return f"Account(name={self.name!r}, org={self.org})"


class Issued(msgspec.Struct, kw_only=True):
    """An access token.

    Attributes:
        account: whose it is.
        name: the account's name and a number, for the audit.
        expires: nanoseconds since 1970.
        revoked: whether it was ended before.
    """

    account: Account
    name: str
    expires: int
    revoked: bool = False

    def good(self, now: int) -> bool:
        """Whether it is accepted."""
        return not self.revoked and now < self.expires


class Accounts:
    """All accounts and their tokens. The secrets are the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.all: list[Account] = []
        self._issued: dict[str, Issued] = {}

    def add(self, org: UUID) -> Account:
        """A new account for an org."""
        number = len(self.all) + 1
        name = f"app-{number}"
        account = Account(
            name=name,
            org=org,
            client_id=f"C{self._secret(name, 'id')[:24]}",
            client_secret=self._secret(name, "secret"),
            refresh_token=self._secret(name, "refresh"),
        )
        self.all.append(account)
        return account

    def issue(self, account: Account, expires: int) -> str:
        """A new access token, good until `expires` (nanoseconds since 1970)."""
        name = f"{account.name}#{sum(issued.account is account for issued in self._issued.values()) + 1}"
        token = self._secret(name, "access")
        self._issued[token] = Issued(account=account, name=name, expires=expires)
        return token

    def find(self, token: str) -> Issued | None:
        """What is known of a token; None if it was never issued."""
        return self._issued.get(token)

    def revoke_all(self, account: Account) -> None:
        """End all tokens of an account; it has to refresh."""
        for issued in self._issued.values():
            if issued.account is account:
                issued.revoked = True

    def by_refresh(self, client_id: str, client_secret: str, refresh_token: str) -> Account | None:
        """The account with these credentials."""
        for account in self.all:
            if (account.client_id, account.client_secret, account.refresh_token) == (
                client_id,
                client_secret,
                refresh_token,
            ):
                return account
        return None

    def secrets_in(self, data: bytes) -> list[str]:
        """Names of the secrets that stand in some bytes."""
        known = [(issued.name, token) for token, issued in self._issued.items()]
        for account in self.all:
            known.append((f"{account.name} client secret", account.client_secret))
            known.append((f"{account.name} refresh token", account.refresh_token))
        return [name for name, secret in known if secret.encode() in data]

    def _secret(self, name: str, what: str) -> str:
        return sha256(f"{self._seed}/{name}/{what}".encode()).hexdigest()
