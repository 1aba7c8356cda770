"""Who may come in at `/wsi`, and whether they still may."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec

from ringback.server.accounts import Accounts
from ringback.server.errors import ApiError
from ringback.server.exchange import InThread
from ringback.server.portsip.passwords import Passwords
from ringback.server.portsip.viewer import portsip_viewer
from ringback.server.tokens import Tokens


class Guest(msgspec.Struct, frozen=True):
    """Somebody who was let in.

    Attributes:
        name: the account, or the token.
        org: the only organization.
        user: the only user; None for somebody who may see the calls of all.
        may_stay: whether this is still so; blocking.
    """

    name: str
    org: UUID
    user: str | None
    may_stay: Callable[[], bool]


class Gate:
    """Lets people in, by a password or by an access token.

    Args:
        in_thread: where tokens and accounts are read.
    """

    def __init__(self, passwords: Passwords, accounts: Accounts, tokens: Tokens, in_thread: InThread) -> None:
        self._passwords = passwords
        self._accounts = accounts
        self._tokens = tokens
        self._in_thread = in_thread

    async def by_password(self, username: str, password: str, domain: str) -> Guest:
        """Let an account in.

        Raises:
            ApiError: 400, 429 or 503; see `Passwords.check`.
            StoreError: the accounts cannot be read.
        """
        account = await self._passwords.check(username, password, domain)

        def may_stay() -> bool:
            return self._accounts.find(account.username, account.domain) == account

        return Guest(account.name, account.org, account.user, may_stay)

    async def by_token(self, access_token: str) -> Guest:
        """Let the owner of a token in.

        Raises:
            ApiError: 401 or 403; see `portsip_viewer`.
            StoreError: the tokens cannot be read.
        """
        authorization = f"Bearer {access_token}"
        viewer = await self._in_thread(lambda: portsip_viewer(self._tokens, authorization))

        def may_stay() -> bool:
            try:
                portsip_viewer(self._tokens, authorization)
            except ApiError:
                return False
            return True

        # One name for all tokens of a user: a client that logs in again and again has no more room for that.
        return Guest(f"token of {viewer.org}/{viewer.user or ''}", viewer.org, viewer.user, may_stay)

    async def may_stay(self, guest: Guest) -> bool:
        """Whether somebody who was let in still may be here."""
        may: bool = await self._in_thread(guest.may_stay)
        return may
