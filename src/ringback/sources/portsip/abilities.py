"""What the lists of a PBX can do, and what its windows are called by it."""

from __future__ import annotations

from enum import Enum
from typing import Literal

import msgspec

ListName = Literal["calllogs", "cdrs"]


class Axis(Enum):
    """What the windows of a list are asked by.

    Members:
        ENDED: the end of calls.
        STARTED: the start of calls.
        ALL: nothing; the list is read from its newest call on, or as a whole.
    """

    ENDED = "end"
    STARTED = "start"
    ALL = "all"


PROBE = "probe"
"""The endpoint of the window in which a PBX is probed. If it says there are 0 rows, it is a reading of all of them."""

DETAILS = "details"
"""The endpoint of windows that ask for single rows; their range is one of stored times."""


def endpoint(name: str, axis: Axis) -> str:
    """What the windows of a list are called, such as `calllogs by end`."""
    return name if axis is Axis.ALL else f"{name} by {axis.value}"


def axis_of(endpoint: str) -> Axis | None:
    """What a window was asked by; None if it was of no list."""
    return _AXES.get(endpoint)


def list_of(endpoint: str) -> ListName | None:
    """The list that a window was asked of; None if it was of none."""
    return _LISTS.get(endpoint)


_NAMES: tuple[ListName, ...] = ("calllogs", "cdrs")
_AXES = {endpoint(name, axis): axis for name in _NAMES for axis in Axis}
_LISTS = {endpoint(name, axis): name for name in _NAMES for axis in Axis}


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What one list heeds, as comparing its answers has shown.

    Attributes:
        list: its name.
        post: whether it takes POST only.
        dollar: whether options are spelled with a dollar sign.
        top, skip: whether these options are heeded.
        page: rows on a page: what to ask for, or what comes without asking.
        order: the fields for `orderby` that order it for good, "" if none do.
        ended, started: whether it can be filtered by these times.
        count: whether its count is that of all rows that the filter lets through.
        newest_first: whether it begins with the newest call if no order is asked for.
    """

    list: ListName
    post: bool = False
    dollar: bool = False
    top: bool = False
    skip: bool = False
    page: int = 100
    order: str = ""
    ended: bool = False
    started: bool = False
    count: bool = False
    newest_first: bool = False

    @property
    def axis(self) -> Axis:
        """What its windows are asked by."""
        return Axis.ENDED if self.ended else Axis.STARTED if self.started else Axis.ALL

    @property
    def audit_axis(self) -> Axis:
        """What windows are asked by that look for what the others missed: another way, if there is one."""
        return Axis.STARTED if self.started else self.axis

    @property
    def newest_known(self) -> bool:
        """Whether its newest calls can be had without reading the whole list."""
        return self.axis is not Axis.ALL or bool(self.order) or self.newest_first

    @property
    def usable(self) -> bool:
        """Whether all of it can be read: page by page, or in windows that are cut until each fits on a page."""
        return self.skip or self.axis is not Axis.ALL
