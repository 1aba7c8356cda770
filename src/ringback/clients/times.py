"""The window that is asked for, and the slices it is cut into."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ringback.clients.errors import UsageError

_MILLISECOND = timedelta(milliseconds=1)


def read_moment(name: str, value: datetime | str) -> datetime:
    """An aware UTC time.

    Args:
        name: of the parameter, for the message.
        value: an aware datetime, or ISO 8601 text with a zone.

    Raises:
        UsageError: it is no time, or has no zone; what such a time means would depend on the machine that reads it.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise UsageError(f"{name} is {value!r}, which is no ISO 8601 time such as 2026-03-02T12:00:00Z") from error
    else:
        moment = value
    if moment.tzinfo is None:
        raise UsageError(
            f"{name} is {value!s}, without a time zone. Give one: datetime(..., tzinfo=UTC), datetime.now(UTC), "
            "local.astimezone(), or a text that ends in Z or in an offset such as +01:00"
        )
    return moment.astimezone(UTC)


def cut(
    start: datetime, end: datetime, span: timedelta | None, overlap: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """The slices of a window, oldest first, in whole milliseconds.

    Args:
        start, end: rounded outwards to milliseconds, the resolution of the wire.
        span: how long a slice may be at most; None for any length.
        overlap: by how much each slice begins before the end of the one before it. Whether a server's bounds are
            inclusive is documented nowhere; with a millisecond of overlap no record is dropped even if both are
            exclusive.
    """
    start -= timedelta(microseconds=start.microsecond % 1000)
    end += timedelta(microseconds=-end.microsecond % 1000)
    while span is not None and end - start > span:
        yield start, start + span
        start += span - overlap
    yield start, end


def check_slicing(span: timedelta | None, overlap: timedelta) -> None:
    """See that slices get on.

    Raises:
        UsageError: they are no longer than their overlap, or the overlap is shorter than a millisecond.
    """
    if overlap < _MILLISECOND:
        raise UsageError("slices must overlap by a millisecond at least, or records on their edges may be dropped")
    if span is not None and span <= 2 * overlap:
        raise UsageError(f"slices of {span} are too short for an overlap of {overlap}")
