"""What can be wrong with a record."""

from __future__ import annotations


class NotARecord(ValueError):
    """Bytes that cannot be kept as a record; the message is the reason, fit to be shown to the person who sent them."""
