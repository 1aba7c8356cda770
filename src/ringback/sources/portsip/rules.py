"""How careful we are with a PBX, in milliseconds; each is a setting."""

from __future__ import annotations

import msgspec

from ringback.sources.collecting.intervals import DAY, HOUR, MINUTE, SECOND


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The constants by which a PBX is read; see `docs/collecting.md`.

    Attributes:
        requests: for lists, in a minute.
        page: rows asked for on a page.
        span: the longest window.
        overlap: by how much windows that follow each other overlap.
        longest_call: a call lasts so long at most.
        latest_row: its row is in the list so long after its end at the latest.
        poll: how often the newest rows are asked for.
        busy_poll: the same, while older ones are waiting to be read.
        reread: how often calls that began long ago are looked for, where rows cannot be found by their end.
        audit_every: how often the last days are read once more; 0 for never.
        audit_reach: how far back.
        history: how far back the collection begins.
        details: requests for single rows, in a minute; 0 for none.
        detail_after: a row is asked for alone so long after it came.
    """

    requests: int = 200
    page: int = 100
    span: int = 6 * HOUR
    overlap: int = MINUTE
    longest_call: int = 12 * HOUR
    latest_row: int = MINUTE
    poll: int = MINUTE
    busy_poll: int = 5 * MINUTE
    reread: int = 15 * MINUTE
    audit_every: int = 6 * HOUR
    audit_reach: int = 2 * DAY
    history: int = 30 * DAY
    details: int = 0
    detail_after: int = 10 * MINUTE

    def edge(self, now: int) -> int:
        """Up to where the ends of calls can be known: the rows of all that ended before are in the list. Windows may
        end a second later, since their last second does not count."""
        return whole_second(now - self.latest_row) - SECOND


def whole_second(milliseconds: int) -> int:
    """The second that a time is in. Windows begin and end at whole seconds: nobody documents fractions in filters."""
    return milliseconds // SECOND * SECOND
