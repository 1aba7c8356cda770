"""From the body of a page to its records, each once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from ringback.clients.errors import Answer, BadAnswer
from ringback.clients.model import CDR
from ringback.records.errors import NotARecord
from ringback.records.fields import WIRE_KEYS
from ringback.records.lazy import decode_object

OnInvalid: TypeAlias = Callable[[bytes, Exception], None]
"""Gets what is no record in a page: its bytes, and what is wrong with it."""

_REPORT_ID = b'"Report ID":"'
"""The key and the beginning of its value, on the wire. Quotes inside texts are escaped, so no text has this."""

_BEFORE_REPORT_ID = sum(len(f'"{key}":"",') for key in WIRE_KEYS[: WIRE_KEYS.index("Report ID")])
"""The key cannot stand earlier in a record that has all keys of the wire."""

_BRACE = ord("{")
_BATCH = 250
"""Records made at a time: a few are still in the processor's cache when they are read, a whole page is not."""


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]


class Items(msgspec.Struct, frozen=True):
    """The items of a page, not decoded.

    Attributes:
        parts: their bytes.
        sound: whether each is known to be JSON that can be decoded, if it is UTF-8.
    """

    parts: Sequence[msgspec.Raw | bytes]
    sound: bool


_split = msgspec.json.Decoder(_Page).decode


def split_page(answer: Answer) -> Items:
    """Take a page apart.

    Raises:
        BadAnswer: the body is no page: not JSON, cut short, or without items.
    """
    try:
        # Splitting skips over values without decoding them. Tried with tens of thousands of damaged records, it finds
        # all that decoding finds, except in UTF-8 and in escapes. Pages seldom have a backslash, and looking for one is
        # far cheaper than decoding every record just to be sure that its attributes can be read.
        return Items(_split(answer.body).items, sound=b"\\" not in answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if (parts := _split_by_brackets(answer.body)) is not None:
            return Items(parts, sound=False)
        kind = answer.headers.get("content-type", "no content type")
        raise BadAnswer(f"the body ({len(answer.body)} bytes, {kind}) is no page of records: {error}") from error


_BEGIN = re.compile(rb'\s*\{\s*"items"\s*:\s*\[')
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{},]', re.DOTALL)


def _split_by_brackets(body: bytes | bytearray) -> list[bytes] | None:
    """The items of a page that is no proper JSON, by its brackets alone; None if it does not come to its end.

    So one item that cannot be decoded, such as a text with half a surrogate pair, does not take its whole page along.
    """
    begin = _BEGIN.match(body)
    if begin is None:
        return None
    parts = []
    depth, at = 0, begin.end()
    for token in _TOKEN.finditer(body, begin.end()):
        sign = token[0]
        if sign in (b"[", b"{"):
            depth += 1
        elif sign in (b"]", b"}"):
            depth -= 1
        if depth < 0 or (depth == 0 and sign == b","):
            parts.append(bytes(body[at : token.start()].strip()))
            at = token.end()
        if depth < 0:
            whole = sign == b"]" and body[at:].strip().endswith(b"}")
            return (parts if parts != [b""] else []) if whole else None
    return None


class Recent:
    """The last records that were seen, to tell those that come again at the edge of a page or slice.

    Pages are cut by time, so what comes again does so soon; and memory must not grow with the window. A record that
    comes again in other bytes is a revision, not a repeat: it is handed on, since the newest Report time counts.

    Args:
        size: how many records are remembered at least; at most it is twice as many and two pages.

    Attributes:
        repeated: records that came again just as they were, and were left out.
        revised: records that came again in other bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._newer: dict[bytes, msgspec.Raw | bytes] = {}
        self._older: dict[bytes, msgspec.Raw | bytes] = {}
        self.repeated = 0
        self.revised = 0

    def records(self, items: Items, on_invalid: OnInvalid) -> Iterator[list[CDR]]:
        """The records among the items that are no repeats, some at a time. What is no record goes to `on_invalid`."""
        if len(self._newer) >= self._size:
            self._older, self._newer = self._newer, {}
        for begin in range(0, len(items.parts), _BATCH):
            yield self._batch(items.parts[begin : begin + _BATCH], items.sound, on_invalid)

    def _batch(self, parts: Sequence[msgspec.Raw | bytes], sound: bool, on_invalid: OnInvalid) -> list[CDR]:
        newer, older = self._newer, self._older
        records = []
        for part in parts:  # no function is called here that need not be: this loop decides how fast the SDK is
            raw = bytes(part)
            if not sound or raw[0] != _BRACE or not (raw.isascii() or _is_utf8(raw)):
                try:
                    decode_object(raw)
                except NotARecord as error:
                    on_invalid(raw, error)
                    continue
            at = raw.find(_REPORT_ID, _BEFORE_REPORT_ID) + len(_REPORT_ID)
            key = raw[at : raw.find(b'"', at)] if at >= len(_REPORT_ID) else _key_in_other_place(raw)
            if key and ((known := newer.setdefault(key, part)) is not part or key in older):
                if bytes(older[key] if known is part else known) == raw:
                    self.repeated += 1
                    continue
                self.revised += 1
                newer[key] = part
            records.append(CDR(raw))
        return records


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _key_in_other_place(raw: bytes) -> bytes:
    return (CDR(raw).report_id or "").encode()
