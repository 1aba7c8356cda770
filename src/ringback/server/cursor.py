"""The place in a window that a link to the next page carries, signed so that it can be trusted.

A next page is asked for without the limits on age and span, which were checked on the first. So a client must not be
able to make up a link. What is signed are the values of the query, not its text: clients decode and encode again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from ringback.ledger import Position, Window
from ringback.store import Store, schema

_KEY_NAME = "page-cursor"
_MAX_LENGTH = 200
_SIGNATURE_BYTES = 16


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
        with store.write() as connection:
            made = insert(schema.secrets).values(name=_KEY_NAME, value=secrets.token_bytes(32))
            connection.execute(made.on_conflict_do_nothing())
            value: bytes = connection.execute(
                select(schema.secrets.c.value).where(schema.secrets.c.name == _KEY_NAME)
            ).scalar_one()
        self._key = value

    def sign(self, cursor: Cursor, path: str, window: Window, page_size: int) -> str:
        """The text of a cursor for a link; safe in a URL as it is."""
        return f"{cursor.position.sequence}.{cursor.snapshot}.{self._signature(cursor, path, window, page_size)}"

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
        expected = self._signature(cursor, path, window, page_size)
        return cursor if hmac.compare_digest(parts[2].encode(), expected.encode()) else None

    def _signature(self, cursor: Cursor, path: str, window: Window, page_size: int) -> str:
        signed = msgspec.json.encode([cursor, path, window, page_size])
        digest = hmac.new(self._key, signed, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
