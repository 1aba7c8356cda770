"""Bearer tokens: who may ask, for which org, what for, and within which limits.

A token reads `rb_<id>_<secret>`. The id finds the row; of the secret, 256 random bits, only a SHA-256 hash is kept (a
slow hash protects guessable passwords, and nobody guesses this one). The secret is shown once, when it is made.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import Row, select, update
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

ADMIN_SCOPES = (CDR_SCOPE, HISTORY_ADMIN_SCOPE)
"""What a token of an administrator may do."""

USER_SCOPES = (HISTORY_SCOPE, HISTORY_WRITE_SCOPE)
"""What a token of a user may do."""

_PREFIX = "rb"
_MAX_LENGTH = 200


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
    """UUID of the user whose token it is; None for an administrator's."""

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
            user: UUID of the only user whose call history it may see; None for an administrator's token.
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
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        expires_at = None if lifetime is None else now + lifetime
        with self._store.write() as connection:
            connection.execute(
                insert(tokens).values(
                    id=token_id,
                    secret_hash=_hash(secret),
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
        return f"{_PREFIX}_{token_id}_{secret}", token

    def authenticate(self, text: str) -> Token | None:
        """The token that a text is, or None if it is none, or is expired or revoked."""
        prefix, _, rest = text.partition("_")
        token_id, _, secret = rest.partition("_")
        if prefix != _PREFIX or not secret or len(text) > _MAX_LENGTH:
            return None
        with self._store.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == token_id)).first()
        if row is None or not hmac.compare_digest(row.secret_hash, _hash(secret)):
            return None
        token = _token(row)
        return token if token.valid_at(self._clock()) else None

    def revoke(self, token_id: str) -> None:
        """Make a token invalid from now on.

        Raises:
            TokenError: there is no such token.
        """
        now = to_milliseconds(self._clock())
        statement = update(tokens).where(tokens.c.id == token_id).values(revoked_at=now).returning(tokens.c.id)
        with self._store.write() as connection:
            if not connection.execute(statement).first():
                raise TokenError(f"There is no token {token_id!r}. 'ringback token list' shows them.")

    def all(self) -> Sequence[Token]:
        """All tokens, oldest first."""
        with self._store.read() as connection:
            return [_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.created_at))]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


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
    )
