"""How the simulated PBX writes ids, call logs and errors."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

import msgspec

from ringback.simulator.cloud.answers import JSON, PAGE_OF_A_PROXY, retry_after
from ringback.simulator.cloud.faults import BadItem, Refuse
from ringback.simulator.cloud.http import Reply
from ringback.simulator.pbx.options import Behaviour
from ringback.simulator.pbx.rows import Row, Value

DETAIL_ONLY = ("cost", "billed_account")
"""The two fields that lists do not have."""
_LISTED = tuple(name for name in Row.__struct_fields__ if name not in DETAIL_ONLY)
_IDS = ("id", "session_id")
_SHORT = {"CALLER_DISCONNECTED": "CALLER_DISCONNECT", "CALLEE_DISCONNECTED": "CALLEE_DISCONNECT"}
_BAD_ITEMS = {
    "no_id": b'{"caller":"101","started_at":"soon","duration":"short"}',
    "number": b"42",
    "text": b'"call log"',
    "null": b"null",
    "list": b"[]",
}


class Wire:
    """Writes as a `Behaviour` says."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def id(self, number: int) -> str:
        """The text of an id."""
        digits = str(number)
        return b64encode(digits.encode()).decode() if self._behaviour.ids == "base64" else digits

    def read_id(self, text: str) -> int | None:
        """The number of an id's text; None if it is no such text."""
        if self._behaviour.ids == "base64":
            try:
                text = b64decode(text, validate=True).decode("ascii")
            except (Error, ValueError):
                return None
        return int(text) if text.isascii() and text.isdecimal() else None

    def listed(self, row: Row, without: Collection[str] = ()) -> bytes:
        """A row as lists have it."""
        return self._write(row, [name for name in _LISTED if name not in without])

    def detailed(self, row: Row, without: Collection[str] = ()) -> bytes:
        """A row with all that is known of it."""
        return self._write(row, [name for name in Row.__struct_fields__ if name not in without])

    def _write(self, row: Row, names: list[str]) -> bytes:
        values = {name: self._value(name, getattr(row, name)) for name in names}
        if self._behaviour.blanks == "absent":
            values = {name: value for name, value in values.items() if value is not None}
        elif self._behaviour.blanks == "empty":
            values = {name: "" if value is None else value for name, value in values.items()}
        return msgspec.json.encode(values)

    def _value(self, name: str, value: Value) -> str | int | float | None:
        if value is None or value == "":
            return None
        if isinstance(value, datetime):
            return self.time(value)
        if isinstance(value, str):
            short = name == "end_reason" and self._behaviour.end_reasons == "short"
            return _SHORT.get(value, value) if short else value
        if name in _IDS and isinstance(value, int):
            return self.id(value)
        if self._behaviour.numbers == "text":
            return str(value)
        return float(value) if isinstance(value, Decimal) else value

    def time(self, moment: datetime) -> str:
        """The text of a time."""
        exactly = self._behaviour.timestamps == "microseconds"
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if exactly else "%Y-%m-%dT%H:%M:%SZ")

    def error(self, status: int, code: str, message: str) -> Reply:
        """An error with the documented body, or with none."""
        if self._behaviour.errors == "bare":
            return Reply(status=status)
        body = {"errors": [{"code": code, "message": message}]}
        return Reply(status=status, headers={"content-type": JSON}, body=msgspec.json.encode(body))

    def refusal(self, fault: Refuse, now: int) -> Reply:
        """The answer of a `Refuse`; `now` is in milliseconds since 1970."""
        reply = self.error(fault.status, "UNKNOWN", f"The simulated PBX answers {fault.status} on purpose")
        if fault.html:
            reply.headers["content-type"] = "text/html"
            reply.body = PAGE_OF_A_PROXY
        if fault.retry_after is not None:
            reply.headers["retry-after"] = retry_after(fault.form, fault.retry_after, now)
        return reply


def json(value: object, status: int = 200) -> Reply:
    """An answer with a body of JSON."""
    return Reply(status=status, headers={"content-type": JSON}, body=msgspec.json.encode(value))


def bad_item(fault: BadItem) -> bytes:
    """Something that is no call log."""
    return _BAD_ITEMS[fault.what]


def page(items: list[bytes], count: int | None) -> Reply:
    """A list."""
    body = b'"items":[' + b",".join(items) + b"]}"
    start = b"{" if count is None else b'{"count":%d,' % count
    return Reply(headers={"content-type": JSON}, body=start + body)
