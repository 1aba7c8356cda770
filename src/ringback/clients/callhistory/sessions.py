"""Sessions as they come from a server, whatever they look like."""

from __future__ import annotations

import logging
from types import UnionType
from typing import Any, TypeVar, get_args

import msgspec

from ringback.records import user_session

logger = logging.getLogger("ringback.history")

_Struct = TypeVar("_Struct", bound=msgspec.Struct)

_NOTHING: dict[Any, Any] = {str: "", int: 0, bool: False}


class UserSession(user_session.UserSession, kw_only=True, frozen=True):
    """One user's part in one call: the attributes of the record, and all else that the server sent in `raw`.

    A server may send values that the SDK's page does not list; the texts are open. What is missing, or not of its type,
    is "", 0, False or None.

    Attributes:
        raw: as it came. `self.ucmLineNumber` is added by the client, so it is not in there.
    """

    raw: dict[str, Any] = msgspec.field(default_factory=dict)


def read_sessions(items: list[Any]) -> list[UserSession]:
    """The sessions of a list. Only what is no JSON object is left out."""
    sessions = [read_session(item) for item in items if isinstance(item, dict)]
    if len(sessions) < len(items):
        logger.warning("%d of %d sessions are no JSON objects", len(items) - len(sessions), len(items))
    return sessions


def read_session(item: dict[str, Any]) -> UserSession:
    """A session; it may be odd, but it is never lost."""
    try:
        return msgspec.convert(item | {"raw": item}, UserSession)
    except msgspec.ValidationError as error:
        logger.info("a session is odd: %s", error)
        return _read(UserSession, item | {"raw": item})


def _read(kind: type[_Struct], item: dict[str, Any]) -> _Struct:
    """As much of an object as can be read."""
    fields = msgspec.structs.fields(kind)
    return kind(**{field.name: _value(field, item.get(field.encode_name)) for field in fields})


def _value(field: msgspec.structs.FieldInfo, value: Any) -> Any:
    struct = _struct_of(field.type)
    if struct is not None and isinstance(value, dict) and (field.required or _is_whole(struct, value)):
        return _read(struct, value)
    if struct is not None and field.required:
        return _read(struct, {})
    try:
        return msgspec.convert(value, field.type, strict=False)
    except msgspec.ValidationError:
        return _default(field)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return _NOTHING.get(field.type, ()) if field.required else field.default


def _is_whole(struct: type[msgspec.Struct], value: dict[str, Any]) -> bool:
    """Whether an object has the objects that it is there for."""
    needed = [field for field in msgspec.structs.fields(struct) if field.required and _struct_of(field.type)]
    return all(isinstance(value.get(field.encode_name), dict) for field in needed)


def _struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that a type is, alone or with None."""
    for part in get_args(kind) if isinstance(kind, UnionType) else (kind,):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            return part
    return None
