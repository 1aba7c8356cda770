"""Which line of a phone a session used, for users of a UCM."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ringback.clients.callhistory.sessions import UserSession

logger = logging.getLogger("ringback.history")


class _Line(msgspec.Struct, frozen=True):
    dnorpattern: str | None = None
    index: int | None = None


class _Device(msgspec.Struct, frozen=True):
    lines: list[_Line]


class _Lines(msgspec.Struct, frozen=True):
    devices: list[_Device]


def number_lines(sessions: Sequence[UserSession], answer: Any) -> list[UserSession]:
    """The sessions, with the number of the line where one has exactly their `cucmDN`; the last such line counts.

    Args:
        answer: the body that the request for the lines got. If it is not what it should be, no number is added.
    """
    try:
        devices = msgspec.convert(answer, _Lines).devices
    except msgspec.ValidationError:
        logger.warning("the lines of the user could not be read; sessions have no line numbers")
        return list(sessions)
    numbers = {line.dnorpattern: line.index for device in devices for line in device.lines}
    return [
        replace(session, self=replace(session.self, ucmLineNumber=numbers[session.self.cucmDN]))
        if session.self.cucmDN in numbers
        else session
        for session in sessions
    ]
