"""What reading a file gives: single items, and errors that say what to do."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ringback.records.decode import MAX_RECORD_BYTES

MAX_KEPT = MAX_RECORD_BYTES
"""How many bytes of a damaged part are kept. No record may be longer, so a part that long is damaged."""


class RawItem(msgspec.Struct, frozen=True):
    """One JSON value where a record should be; whether it is a record, `ringback.records.decode` tells.

    Attributes:
        raw: its bytes. From JSON in UTF-8 the exact part of the file; a CSV row is a JSON object with all fields.
        where: for people, such as `export.zip/part2.csv, line 17`. Several items on a line are counted.
    """

    raw: bytes
    where: str


class BrokenItem(msgspec.Struct, frozen=True):
    """A part of a file that cannot be read as a record.

    Attributes:
        raw: the first `MAX_KEPT` bytes of it.
        where: as in `RawItem`.
        reason: what is wrong with it.
    """

    raw: bytes
    where: str
    reason: str


Item: TypeAlias = RawItem | BrokenItem


class UnreadableFile(Exception):
    """A file, or the rest of it, cannot be read; the message names the file and says what to do.

    What was read before stays good.
    """


class Damaged(Exception):
    """Inside this package: a source of bytes cannot go on. The message is a clause without the file's name."""
