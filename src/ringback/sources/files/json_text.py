"""JSON text: any sequence of API pages, arrays of records and records, on one line or many, whole or damaged.

The text is read in one pass through a window of bounded size. Where a record should be, the one JSON value that begins
there is taken as it stands; brackets, commas and white space between values are only followed, not insisted on. After
damage, reading goes on with the next thing that is a whole JSON object, so damage costs only the records it hit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from ringback.records.fields import field_of_key
from ringback.sources.files.items import MAX_KEPT, BrokenItem, Damaged, Item, RawItem
from ringback.sources.files.source import Source

_REPORT_ID = field_of_key("Report ID")
_WINDOW = MAX_KEPT
_READ_AHEAD = 1 << 20

_ARRAY, _ARRAY_END, _OBJECT, _OBJECT_END = b"[]{}"

_NOT_BLANK = re.compile(rb"[^ \t\r\n,\xef\xbb\xbf]")  # byte order marks stand inside when files were put together
_AFTER_SCALAR = re.compile(rb"[ \t\r\n,\]}]|\Z")
_MEMBER = re.compile(rb'[ \t\r\n]*+[{,][ \t\r\n]*+"((?:[^"\\]|\\.)*+)"[ \t\r\n]*+:[ \t\r\n]*+')
_END = re.compile(rb"[ \t\r\n]*+\}")

# Where reading can go on after damage: an object on a new line, or `{"` anywhere. Inside a text of valid JSON the quote
# of `{"` would be escaped, so it begins an object nearly always.
_RESUME = re.compile(rb'\n[ \t\r]*+(?=\{)|\{[ \t\r\n]*+"')

_LONGEST_FRAGMENT = 12
"""Damage so near to the end is a value that was cut off, such as `tru`; no record can follow."""

_check = msgspec.json.Decoder(msgspec.Raw).decode
_decode = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


def read(source: Source, name: str) -> Iterator[Item]:
    """The values of a JSON text in UTF-8, and what is broken in it.

    An object with a list under "items" is a page, unless it has a Report ID before that.

    Raises:
        Damaged: the text was cut off.
    """
    return _Reader(source, name).items()


class _Reader:
    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self._name = name
        self._window = b""
        self._at = 0  # in the window
        self._offset = 0  # of the window in the text
        self._ended = False
        self._line = 1
        self._item = 0  # on this line
        self._counted = 0  # the place in the window up to which lines are counted
        self._open = bytearray()  # the brackets we are in: _ARRAY, or _OBJECT for the items of a page
        self._lost = False  # after damage, brackets need not match any more
        self._cut_off = False

    def items(self) -> Iterator[Item]:
        while self._to_next():
            first = self._window[self._at]
            if first == _ARRAY:
                self._open.append(_ARRAY)
                self._at += 1
            elif first == _ARRAY_END and self._open:
                self._at += 1
                if self._open[-1] == _ARRAY or self._through_page():
                    self._open.pop()
            elif first in (_ARRAY_END, _OBJECT_END) and self._lost:
                self._at += 1
            else:
                raw = self._value(self._at)
                # Looking for [ is far cheaper than looking for "items", and few records have one.
                if first == _OBJECT and (raw is None or b"[" in raw) and self._into_page():
                    continue
                if raw is None:
                    yield self._broken()
                else:
                    yield RawItem(raw, self._where())
                    self._at += len(raw)
        if self._cut_off or (self._open and not self._lost):
            raise Damaged("it ends in the middle, so it was cut off")

    def _to_next(self) -> bool:
        """Go to the next value or bracket and have a whole window behind it; False at the end."""
        while True:
            found = _NOT_BLANK.search(self._window, self._at)
            self._at = found.start() if found else len(self._window)
            if self._has_window():
                return found is not None
            self._fill()

    def _has_window(self) -> bool:
        return self._ended or len(self._window) - self._at > _WINDOW

    def _fill(self) -> None:
        self._count_lines()
        parts = [self._window[self._at :]]
        missing = _WINDOW + _READ_AHEAD - len(parts[0])
        while missing > 0:
            part = self._source.read()
            if not part:
                self._ended = True
                break
            parts.append(part)
            missing -= len(part)
        self._window = b"".join(parts)
        self._offset += self._at
        self._at = self._counted = 0

    def _value(self, at: int) -> bytes | None:
        """The whole value that begins there; None if there is none, or a larger one than any record."""
        window = self._window
        if window[at : at + 1] == b"{":
            # Nearly every record is a flat object that ends at its first brace. If the bytes up to there are valid,
            # they are the object: what begins an object and goes on is not valid.
            raw = window[at : window.find(b"}", at, at + _WINDOW) + 1]
            with suppress(msgspec.DecodeError, RecursionError):
                _check(raw)
                return raw
        with suppress(ValueError, RecursionError):
            end = at + _decode(self._text(at))[1]
            if window[at] in (_OBJECT, _ARRAY) or _AFTER_SCALAR.match(window, end):
                return window[at:end]
        return None

    def _text(self, at: int) -> str:
        # Latin-1 makes one character of each byte, so that places in the text are places in the window.
        return self._window[at : at + _WINDOW].decode("latin-1")

    def _into_page(self) -> bool:
        """Go to the first item, if a page begins here."""
        at, is_page = self._members(self._at)
        if is_page:
            self._open.append(_OBJECT)
            self._at = at
        return is_page

    def _through_page(self) -> bool:
        """Go to the end of the page, or False if what follows its items is no such end."""
        at, _ = self._members(self._at)
        end = _END.match(self._window, at)
        if end:
            self._at = end.end()
            return True
        _, self._cut_off = self._problem(inside='{"items":[]')
        if self._cut_off:
            self._at = len(self._window)
        return False

    def _members(self, at: int) -> tuple[int, bool]:
        """Pass the members of an object, from its `{` or a `,` on.

        Returns the place behind the last, or behind the `[` of "items" and True.
        """
        while member := _MEMBER.match(self._window, at):
            if member[1] == b"items" and self._window[member.end() : member.end() + 1] == b"[":
                return member.end() + 1, True
            value = self._value(member.end())
            if value is None or field_of_key(member[1].decode(errors="replace")) is _REPORT_ID:
                break
            at = member.end() + len(value)
        return at, False

    def _broken(self) -> BrokenItem:
        """What is here and no value, up to where reading can go on."""
        where = self._where()
        begin = self._offset + self._at
        kept = self._window[self._at : self._at + MAX_KEPT]
        reason, self._cut_off = self._problem()
        if self._cut_off:
            self._at = len(self._window)
        else:
            self._lost = True
            self._resume()
        return BrokenItem(kept[: self._offset + self._at - begin].rstrip(b" \t\r\n,"), where, reason)

    def _problem(self, inside: str = "") -> tuple[str, bool]:
        """What is wrong here, if that stood before it, and whether it is that the text ends."""
        text = inside + self._text(self._at)
        begin = self._offset + self._at
        is_last = self._ended and len(self._window) - self._at <= _WINDOW
        try:
            _decode(text)
        except json.JSONDecodeError as error:
            if error.pos <= len(text) - _LONGEST_FRAGMENT and not error.msg.startswith("Unterminated string"):
                return f"not valid JSON at byte {begin + error.pos}: {error.msg.removesuffix(' at')}", False
            if is_last:
                return f"the file ends inside this record, which begins at byte {begin}", True
            return f"larger than {_WINDOW} bytes, or damaged, at byte {begin}", False
        except RecursionError:
            return f"objects inside objects at byte {begin}, too deep to be read", False
        return f"not valid JSON at byte {begin}", False

    def _resume(self) -> None:
        """Go on to where a record can be."""
        self._at += 1
        while True:
            if not self._has_window():
                self._fill()
            found = _RESUME.search(self._window, self._at)
            if not found:
                self._at = len(self._window)
                if self._ended:
                    return
                self._at -= _WINDOW  # what is looked for may have begun
                continue
            if found[0].startswith(b"\n"):
                self._at = found.end()
                return
            self._at = found.start()
            if not self._has_window():
                self._fill()
            if self._value(self._at) is not None or self._members(self._at)[1]:
                return
            self._at += 1

    def _where(self) -> str:
        self._count_lines()
        self._item += 1
        place = f"{self._name}, line {self._line}"
        return place if self._item == 1 else f"{place}, item {self._item}"

    def _count_lines(self) -> None:
        lines = self._window.count(b"\n", self._counted, self._at)
        if lines:
            self._line += lines
            self._item = 0
        self._counted = self._at
