"""What can be wrong with a store."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be opened or written; the message says what to do. Nothing was written."""


class TookTooLong(StoreError):
    """A question needed more time than it was given, and was stopped. The store is as it was; ask for less."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The store needs more than {seconds:g} seconds to find this. Ask for less of it.")
