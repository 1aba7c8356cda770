"""Who may ask: tokens, and accounts that can log in."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, Table, Text

from ringback.store.schema.common import OrgId, metadata

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("org", OrgId, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("user_id", Text),
    Column("account", Text),
    Index("tokens_by_account", "account", "created_at"),
    Index("tokens_by_expiry", "expires_at"),
    comment="bearer tokens; the secret itself is kept nowhere",
)

token_requests = Table(
    "token_requests",
    metadata,
    Column("token", Text, ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
    Column("bucket", Text, nullable=False),
    Column("times", Text, nullable=False),
    PrimaryKeyConstraint("token", "bucket"),
    comment="when a limited token made its last requests: a JSON list of times, oldest first",
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    comment="random keys of this store, such as the one that signs page cursors",
)

accounts = Table(
    "accounts",
    metadata,
    Column("domain", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("org", OrgId, nullable=False),
    Column("role", Text, nullable=False),
    Column("user_id", Text),
    Column("password_hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("domain", "username"),
    comment="who can log in with a password, of which only a slow hash is kept; names are unique over all orgs",
)
