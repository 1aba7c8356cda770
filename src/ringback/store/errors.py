"""What can be wrong with a store."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be opened or written; the message says what to do. Nothing was written."""
