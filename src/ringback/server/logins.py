"""Logins: the two tokens that an account gets for its password, and how they are renewed and ended.

The access token reads call logs, and is short-lived. The refresh token gets a new access token, and a new refresh token
with it; the ones before are then worth nothing. A login keeps its id all the while, which is part of the ids of its two
tokens. So a refresh token that was replaced still says which login it is from, and who shows it ends that login: one of
two who had it must have stolen it (RFC 9700, section 4.14.2).

Tokens of logins that are over are deleted, not marked: there are many of them, and they tell nobody anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from ringback.records.values import to_milliseconds
from ringback.server.accounts import Account, is_current
from ringback.server.tokens import (
    CALL_LOGS_SCOPE,
    REFRESH_SCOPE,
    access_id,
    delete_login,
    hash_secret,
    is_secret,
    login_of,
    make_secret,
    refresh_id,
    split_text,
    token_text,
)
from ringback.store import Store
from ringback.store.schema import tokens

MOST_LOGINS = 100
"""Logins of one account at a time. One more ends the one that was not used for the longest time."""

_TIDIED = 100
"""Expired tokens that a login deletes: many times more than it makes."""

_log = structlog.get_logger("ringback.logins")


class Login(msgspec.Struct, frozen=True):
    """The tokens of a login.

    Attributes:
        access_token, refresh_token: as a client shows them.
        expires_at: when the access token does, aware UTC.
        expires_in: how long that is.
    """

    access_token: str
    refresh_token: str
    expires_at: datetime
    expires_in: timedelta

    def __repr__(self) -> str:
        """Without the tokens, which are secrets."""
        return f"Login(expires_at={self.expires_at!r})"


class Logins:
    """The logins of a store.

    Args:
        clock: gives the current time, aware.
        access_lifetime, refresh_lifetime: of tokens, from when they are made.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        *,
        access_lifetime: timedelta,
        refresh_lifetime: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._access_lifetime = access_lifetime
        self._refresh_lifetime = refresh_lifetime

    def begin(self, account: Account) -> Login | None:
        """Log an account in.

        Args:
            account: as it was when its password was checked.

        Returns:
            None if it was removed since, or has another password.
        """
        with self._store.write() as connection:
            if not is_current(connection, account):
                return None
            self._tidy(connection)
            _make_room(connection, account.name)
            login = secrets.token_hex(8)
            return self._replace(connection, login, account.name, account.org, account.user)

    def renew(self, refresh_token: str) -> Login | None:
        """Replace both tokens of a login by new ones.

        Returns:
            None if it is no refresh token, or one that has expired or was replaced already. In the last case the login
            is over.
        """
        token_id, secret = split_text(refresh_token)
        of_refresh_token = select(tokens).where(tokens.c.id == token_id, tokens.c.scopes == REFRESH_SCOPE)
        with self._store.read() as connection:  # what is none costs no write
            if connection.execute(of_refresh_token).first() is None:
                return None
        with self._store.write() as connection:
            row = connection.execute(of_refresh_token).first()
            if row is None:
                return None
            login = login_of(token_id)
            if not is_secret(secret, row.secret_hash):
                delete_login(connection, login)
                _log.warning("a refresh token came that was replaced; its login is over", account=row.account)
                return None
            if row.expires_at <= to_milliseconds(self._clock()):
                delete_login(connection, login)
                return None
            return self._replace(connection, login, row.account, row.org, row.user_id)

    def end(self, token_id: str) -> None:
        """Log out: end the login that a token is from."""
        with self._store.write() as connection:
            delete_login(connection, login_of(token_id))

    def _replace(self, connection: Connection, login: str, account: str, org: UUID, user: str | None) -> Login:
        delete_login(connection, login)
        now = self._clock()

        def insert_token(token_id: str, scope: str, lifetime: timedelta) -> str:
            secret = make_secret()
            row = {
                "id": token_id,
                "secret_hash": hash_secret(secret),
                "org": org,
                "name": "",
                "scopes": scope,
                "limits": "documented",  # of feed and stream, which neither token may ask for
                "created_at": to_milliseconds(now),
                "expires_at": to_milliseconds(now + lifetime),
                "user_id": user,
                "account": account,
            }
            connection.execute(insert(tokens).values(row))
            return token_text(token_id, secret)

        return Login(
            insert_token(access_id(login), CALL_LOGS_SCOPE, self._access_lifetime),
            insert_token(refresh_id(login), REFRESH_SCOPE, self._refresh_lifetime),
            now + self._access_lifetime,
            self._access_lifetime,
        )

    def _tidy(self, connection: Connection) -> None:
        expired = (
            select(tokens.c.id)
            .where(tokens.c.account.is_not(None), tokens.c.expires_at <= to_milliseconds(self._clock()))
            .limit(_TIDIED)
        )
        connection.execute(delete(tokens).where(tokens.c.id.in_(expired)))


def _make_room(connection: Connection, account: str) -> None:
    newest_first = (
        select(tokens.c.id)
        .where(tokens.c.account == account, tokens.c.scopes == REFRESH_SCOPE)
        .order_by(tokens.c.created_at.desc(), tokens.c.id)
        .offset(MOST_LOGINS - 1)
    )
    for token_id in connection.scalars(newest_first).all():
        delete_login(connection, login_of(token_id))
