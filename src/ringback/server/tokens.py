"""Bearer tokens: who may ask, for which org, what for, and within which limits.

A token reads `rb_<id>_<secret>`. The id finds the row; of the secret, 256 random bits, only a SHA-256 hash is kept (a
slow hash protects guessable passwords, and nobody guesses this one). The secret is shown once, when it is made.

A login has two tokens, see `ringback.server.logins`. Both carry the name of the account, and they are deleted together.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from ringback.records.values import from_milliseconds, to_milliseconds, user_key
from ringback.server.limits import PROFILES, Limits
from ringback.store import Store
from ringback.store.schema import tokens

CDR_SCOPE = "spark-admin:calling_cdr_read"
"""The scope that the documents of `cdr_feed` and `cdr_stream` name."""

HISTORY_SCOPE = "spark:calls_read"
"""To read one's own call history; the cloud's name for reading one's own calls."""

HISTORY_WRITE_SCOPE = "spark:calls_write"
"""To mark entries of one's own call history as read, and to delete them."""

HISTORY_ADMIN_SCOPE = "spark-admin:calls_read"
"""To read the call history of every user of the organization."""

CALL_LOGS_SCOPE = "calllogs:read"
"""To read call logs: all of the organization with a token of an administrator, one's own with that of a user."""

REFRESH_SCOPE = "refresh"
"""Of a refresh token, which has no other: to get a new access token, and nothing else."""

ADMIN_SCOPES = (CDR_SCOPE, HISTORY_ADMIN_SCOPE, CALL_LOGS_SCOPE)
"""What a token of an administrator may do."""

USER_SCOPES = (HISTORY_SCOPE, HISTORY_WRITE_SCOPE, CALL_LOGS_SCOPE)
"""What a token of a user may do."""

_PREFIX = "rb"
MAX_LENGTH = 200
"""Characters of a token, at most."""


class TokenError(Exception):
    """A token cannot be made or found; the message says what to do."""


class Token(msgspec.Struct, frozen=True):
    """What is known of a token. Times are aware UTC; None for never."""

    id: str
    org: UUID
    name: str
    scopes: tuple[str, ...]
    limits: Limits
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    user: str | None = None
    """Id of the user whose token it is; None for an administrator's."""
    account: str | None = None
    """Name of the account that logged in; None for a token that was made by a command."""

    def valid_at(self, now: datetime) -> bool:
        """True unless it is expired or revoked."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Tokens:
    """The tokens of a store."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def create(
        self,
        org: UUID,
        *,
        name: str = "",
        user: str | None = None,
        scopes: Sequence[str] | None = None,
        limits: str = "documented",
        lifetime: timedelta | None = None,
    ) -> tuple[str, Token]:
        """Make a token.

        Args:
            org: the only organization whose records it may read.
            name: for people, to tell it from others.
            user: id of the only user whose calls it may see; None for an administrator's token.
            scopes: what it may do; None for `USER_SCOPES` with a user, and for `CDR_SCOPE` without.
            limits: name of a profile in `ringback.server.limits.PROFILES`.
            lifetime: until it expires; None for never.

        Returns:
            the token text, which cannot be had again, and what is known of it.

        Raises:
            TokenError: an unknown scope or profile.
        """
        whose, known = ("an administrator", ADMIN_SCOPES) if user is None else ("a user", USER_SCOPES)
        if scopes is None:
            scopes = (CDR_SCOPE,) if user is None else USER_SCOPES
        if unknown := [scope for scope in scopes if scope not in known]:
            raise TokenError(f"Unknown scope {unknown[0]!r} for a token of {whose}. Known: {', '.join(known)}.")
        user = None if user is None else user_key(user)
        if limits not in PROFILES:
            raise TokenError(f"Unknown limits {limits!r}. Known: {', '.join(PROFILES)}.")
        now = self._clock()
        token_id, secret = secrets.token_hex(6), make_secret()
        expires_at = None if lifetime is None else now + lifetime
        with self._store.write() as connection:
            connection.execute(
                insert(tokens).values(
                    id=token_id,
                    secret_hash=hash_secret(secret),
                    org=org,
                    name=name,
                    scopes=" ".join(scopes),
                    limits=limits,
                    created_at=to_milliseconds(now),
                    expires_at=None if expires_at is None else to_milliseconds(expires_at),
                    user_id=user,
                )
            )
        token = Token(token_id, org, name, tuple(scopes), PROFILES[limits], now, expires_at, None, user)
        return token_text(token_id, secret), token

    def authenticate(self, text: str) -> Token | None:
        """The token that a text is, or None if it is none, is expired or revoked, or is a refresh token."""
        token_id, secret = split_text(text)
        if not secret:
            return None
        with self._store.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == token_id)).first()
        if row is None or not is_secret(secret, row.secret_hash):
            return None
        token = _token(row)
        return token if token.valid_at(self._clock()) and REFRESH_SCOPE not in token.scopes else None

    def revoke(self, token_id: str) -> None:
        """Make a token invalid from now on. One from a login ends the login, with both its tokens.

        Raises:
            TokenError: there is no such token.
        """
        now = to_milliseconds(self._clock())
        statement = update(tokens).where(tokens.c.id == token_id).values(revoked_at=now).returning(tokens.c.account)
        with self._store.write() as connection:
            row = connection.execute(statement).first()
            if row is None:
                raise TokenError(f"There is no token {token_id!r}. 'ringback token list' shows them.")
            if row.account is not None:
                delete_login(connection, login_of(token_id))

    def all(self) -> Sequence[Token]:
        """All tokens, oldest first."""
        with self._store.read() as connection:
            return [_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.created_at))]


def make_secret() -> str:
    """A new secret: 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def is_secret(secret: str, secret_hash: bytes) -> bool:
    """Whether this is the secret of which a hash is stored. It takes the same time wherever they differ."""
    return hmac.compare_digest(secret_hash, hash_secret(secret))


def token_text(token_id: str, secret: str) -> str:
    """The token, as a client shows it."""
    return f"{_PREFIX}_{token_id}_{secret}"


def split_text(text: str) -> tuple[str, str]:
    """The id and the secret of a token; two empty texts if it is none."""
    prefix, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    if prefix != _PREFIX or not secret or len(text) > MAX_LENGTH:
        return "", ""
    return token_id, secret


def access_id(login: str) -> str:
    """The id of the access token of a login."""
    return f"{login}a"


def refresh_id(login: str) -> str:
    """The id of the refresh token of a login."""
    return f"{login}r"


def login_of(token_id: str) -> str:
    """The login that a token with this id is from."""
    return token_id[:-1]


def delete_login(connection: Connection, login: str) -> None:
    """Delete both tokens of a login, so that it is over."""
    connection.execute(delete(tokens).where(tokens.c.id.in_((access_id(login), refresh_id(login)))))


def delete_logins_of(connection: Connection, account: str) -> None:
    """Delete the tokens of all logins of an account."""
    connection.execute(delete(tokens).where(tokens.c.account == account))


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        id=row.id,
        org=row.org,
        name=row.name,
        scopes=tuple(row.scopes.split()),
        limits=PROFILES[row.limits],
        created_at=from_milliseconds(row.created_at),
        expires_at=None if row.expires_at is None else from_milliseconds(row.expires_at),
        revoked_at=None if row.revoked_at is None else from_milliseconds(row.revoked_at),
        user=row.user_id,
        account=row.account,
    )
