"""What the bodies of answers say. They differ from path to path, so each has a reader of its own."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from ringback.clients.errors import Answer, BadAnswer
from ringback.clients.links import next_target
from ringback.records.enums import OpenEnum
from ringback.records.errors import NotARecord
from ringback.records.lazy import decode_object
from ringback.records.portsip.call_log import CallLog, read_call_log


class ChangeType(OpenEnum):
    """What happened to a CDR since a sync token was given."""

    created = "CREATED"
    updated = "UPDATED"
    deleted = "DELETED"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One CDR that is new, changed or gone.

    Attributes:
        id: of the CDR.
        change_type: what happened to it.
        items: what the CDR is now; of the fields of a call log the nine that PortSIP lists, and `id`, which is that of
            the CDR.
    """

    id: str
    change_type: ChangeType
    items: tuple[CallLog, ...] = ()


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What happened since a sync token was given.

    Attributes:
        token: to ask with the next time.
        items: perhaps not all at once: ask again until there are none.
    """

    token: str
    items: tuple[Change, ...] = ()


class Listed(msgspec.Struct, frozen=True):
    """One page of a list as it came.

    Attributes:
        parts: the bytes of its items.
        count: how many items the whole list has; None if the server does not say.
        following: the target of the link to the next page.
    """

    parts: list[bytes]
    count: int | None
    following: str | None


class _Envelope(msgspec.Struct):
    items: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET
    count: Any = None


class _Items(msgspec.Struct):
    items: msgspec.Raw


class _Change(msgspec.Struct):
    id: str | int
    change_type: str
    items: list[msgspec.Raw] | None = None


class _Diff(msgspec.Struct):
    token: str
    items: list[_Change] | None = None


class _SyncToken(msgspec.Struct):
    token: str


_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_Kind = TypeVar("_Kind")


def read_list(answer: Answer) -> Listed:
    """A page of a list: `{"count", "items"}`.

    Raises:
        BadAnswer: the body is no such page.
        PagingError: the link to the next page cannot be read.
    """
    envelope = _decode(answer, _Envelope, "page of call logs")
    count = int(text) if _WHOLE.fullmatch(text := str(envelope.count)) else None
    if envelope.items is msgspec.UNSET and count != 0:
        raise BadAnswer(f"the body ({len(answer.body)} bytes) is no page of call logs: it has no items")
    parts = [bytes(part) for part in envelope.items or ()]
    return Listed(parts, count, next_target(answer.headers.get("link", "")))


def read_count(answer: Answer) -> int:
    """How many items a list has.

    Raises:
        BadAnswer: the page does not say.
    """
    count = read_list(answer).count
    if count is None:
        raise BadAnswer("the server does not say how many call logs there are")
    return count


def read_one(answer: Answer) -> CallLog:
    """A call log by itself: a flat object.

    Raises:
        BadAnswer: the body is none.
    """
    try:
        return read_call_log(bytes(answer.body))
    except NotARecord as error:
        raise BadAnswer(f"the body ({len(answer.body)} bytes) is no call log: {error}") from error


def read_cdr(answer: Answer, cdr_id: str) -> tuple[CallLog, ...]:
    """The rows of a CDR: `{"items": [...]}`, of some versions `{"items": {...}}`. They have no ids of their own.

    Args:
        cdr_id: what the rows get for an id.

    Raises:
        BadAnswer: the body is no CDR.
    """
    items = bytes(_decode(answer, _Items, "CDR").items)
    parts = msgspec.json.decode(items, type=list[msgspec.Raw]) if items.startswith(b"[") else [items]
    return tuple(_row(bytes(part), cdr_id) for part in parts)


def read_user_cdr(answer: Answer, cdr_id: str) -> CallLog:
    """A CDR of the user who asks: the only row of it.

    Raises:
        BadAnswer: the body is none, or has another number of rows.
    """
    rows = read_cdr(answer, cdr_id)
    if len(rows) != 1:
        raise BadAnswer(f"the CDR of a user is one row, but {len(rows)} came")
    return rows[0]


def read_sync_token(answer: Answer) -> str:
    """A new sync token.

    Raises:
        BadAnswer: the body has none.
    """
    return _decode(answer, _SyncToken, "sync token").token


def read_changes(answer: Answer) -> Changes:
    """What happened since a sync token was given.

    Raises:
        BadAnswer: the body does not say it.
    """
    diff = _decode(answer, _Diff, "list of changes")
    return Changes(token=diff.token, items=tuple(_change(each) for each in diff.items or ()))


def read_object(answer: Answer) -> dict[str, Any]:
    """A JSON object.

    Raises:
        BadAnswer: the body is none.
    """
    return _decode(answer, dict[str, Any], "JSON object")


def _change(change: _Change) -> Change:
    change_id = str(change.id)
    rows = tuple(_row(bytes(part), change_id) for part in change.items or ())
    return Change(id=change_id, change_type=ChangeType(change.change_type), items=rows)


def _row(raw: bytes, cdr_id: str) -> CallLog:
    try:
        values = decode_object(raw)
        return read_call_log(msgspec.json.encode(values | {"id": values.get("id") or cdr_id}))
    except NotARecord as error:
        raise BadAnswer(f"a row of a CDR is no call log: {error}") from error


def _decode(answer: Answer, kind: type[_Kind], what: str) -> _Kind:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        content = answer.headers.get("content-type", "no content type")
        raise BadAnswer(f"the body ({len(answer.body)} bytes, {content}) is no {what}: {error}") from error
