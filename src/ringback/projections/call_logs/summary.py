"""All call logs of a session as one row: what PortSIP's `/cdrs` lists. `docs/mapping.md` has the rules in words.

PortSIP does not say what its own PBX does, so the rules are our reading: of one row, that row; of more, what somebody
who asks for a list of calls wants to see of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from ringback.records.portsip.call_log import CallLog

_SECOND = timedelta(seconds=1)
_NEVER = datetime.max.replace(tzinfo=UTC)


def summary_of(session: str, logs: Sequence[CallLog]) -> CallLog:
    """The summary of a session, in the form of a call log whose id is that of the session.

    - The call is that of its first row: who called, whom, in which direction and by which way.
    - It rang and was answered when any row first did.
    - It ended with the row that ended last. While the row that began last has no end, it is not over.
    - How it ended is told by the answered row that ended last; if there is none, by the row that began last.
    - Its duration is the time in which anybody talked, in seconds, rounded up as PortSIP's sample is.

    A row begins at the first time that it has. Rows of the same moment stand in the order of their ids; those without
    any time only count if no row has one. What a row cost is no part of it.

    Args:
        logs: one or more, in any order. A single one is given back, as it is but for its ids and its cost.
    """
    timed = sorted((log for log in logs if _begin(log)), key=_place) or sorted(logs, key=_place)
    first, last = timed[0], timed[-1]
    answered = [log for log in timed if log.answered_at is not None]
    told_by = max(answered, key=_end) if answered else last
    return msgspec.structs.replace(
        first,
        id=session,
        session_id=None,
        started_at=_earliest(log.started_at for log in timed),
        rang_at=_earliest(log.rang_at for log in timed),
        answered_at=_earliest(log.answered_at for log in timed),
        ended_at=last.ended_at and max(log.ended_at for log in timed if log.ended_at),
        end_reason=told_by.end_reason,
        status_code=told_by.status_code,
        duration=first.duration if len(timed) == 1 else _talk_seconds(timed),
        cost=None,
        billed_account=None,
        odd=(),
    )


def _begin(log: CallLog) -> datetime | None:
    return log.started_at or log.rang_at or log.answered_at or log.ended_at


def _place(log: CallLog) -> tuple[datetime, str]:
    return _begin(log) or _NEVER, log.id


def _end(log: CallLog) -> tuple[datetime, datetime, str]:
    return log.ended_at or _NEVER, *_place(log)


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _talk_seconds(logs: Sequence[CallLog]) -> int | None:
    """Seconds in which at least one row was answered and not yet over; if none was, the longest that a row tells."""
    talks = sorted(
        (log.answered_at, log.ended_at)
        for log in logs
        if log.answered_at is not None and log.ended_at is not None and log.answered_at <= log.ended_at
    )
    if not talks:
        return max((log.duration for log in logs if log.duration is not None), default=None)
    total, until = timedelta(), talks[0][0]
    for begin, end in talks:
        if end > until:
            total += end - max(begin, until)
            until = end
    return -(-total // _SECOND)
