"""What a client is given to bring back as it is, such as the place in a window that a link carries: signed.

A next page is asked for without the limits on age and span, which were checked on the first. So a client must not be
able to make up a link. What is signed are the values of the query, not its text: clients decode and encode again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Generic, TypeVar

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from ringback.ledger import Position, Window
from ringback.store import Store, schema

_MAX_LENGTH = 200
_SIGNATURE_BYTES = 16
T = TypeVar("T")


class SigningKey:
    """A key of the store, made when it is first asked for. Every web process has the same.

    Args:
        name: tells it from other keys, so that what is signed for one purpose is worth nothing for another.
    """

    def __init__(self, store: Store, name: str) -> None:
        with store.write() as connection:
            made = insert(schema.secrets).values(name=name, value=secrets.token_bytes(32))
            connection.execute(made.on_conflict_do_nothing())
            value: bytes = connection.execute(
                select(schema.secrets.c.value).where(schema.secrets.c.name == name)
            ).scalar_one()
        self._key = value

    def signature(self, *values: object) -> str:
        """The signature over some values; safe in a URL as it is."""
        digest = hmac.new(self._key, msgspec.json.encode(values), hashlib.sha256).digest()[:_SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def signed(self, signature: str, *values: object) -> bool:
        """Whether this is the signature over these values."""
        return hmac.compare_digest(signature.encode(), self.signature(*values).encode())


class SignedValues(Generic[T]):
    """Values as texts that nobody can make up or change. They can be read, though: they are no secrets."""

    def __init__(self, store: Store, name: str, of: type[T]) -> None:
        self._key = SigningKey(store, name)
        self._decoder = msgspec.json.Decoder(of)

    def sign(self, value: T, *about: object) -> str:
        """The text of a value; safe in a URL as it is.

        Args:
            about: whatever else must be the same when the text comes back.
        """
        payload = base64.urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")
        return f"{payload}.{self._key.signature(payload, *about)}"

    def check(self, text: str, *about: object) -> T | None:
        """The value of a text, or None if it is not one of ours for just this."""
        payload, _, signature = text.partition(".")
        if not self._key.signed(signature, payload, *about):
            return None
        return self._decoder.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class Cursor(msgspec.Struct, frozen=True):
    """Where the next page of a window begins, and the snapshot that all its pages are read at.

    Attributes:
        position: of the first record of the page.
        snapshot: sequence number the window is read at; later records and revisions are not in it.
        total: records in the whole window.
    """

    position: Position
    snapshot: int
    total: int


class CursorSigner:
    """Signs and checks cursors with a key of the store, so that every web process takes those of the others."""

    def __init__(self, store: Store) -> None:
        self._key = SigningKey(store, "page-cursor")

    def sign(self, cursor: Cursor, path: str, window: Window, page_size: int) -> str:
        """The text of a cursor for a link; safe in a URL as it is."""
        signature = self._key.signature(cursor, path, window, page_size)
        return f"{cursor.position.sequence}.{cursor.snapshot}.{signature}"

    def check(self, text: str, *, at: int, total: int, path: str, window: Window, page_size: int) -> Cursor | None:
        """The cursor of a link, or None if it is not one of ours for just this request.

        Args:
            text: what `sign` gave.
            at, total, path, window, page_size: the other values of the query.
        """
        parts = text.split(".") if len(text) <= _MAX_LENGTH else []
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts[:2]):
            return None
        cursor = Cursor(Position(at, int(parts[0])), int(parts[1]), total)
        return cursor if self._key.signed(parts[2], cursor, path, window, page_size) else None
