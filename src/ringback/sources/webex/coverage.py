"""What the windows that were read prove: of which insertion times every record is in the ledger.

The insertion time of a record (when the cloud got it) is not in the record, but the stream selects by it. So a window
of the stream that was read whole proves its own range. A window of the feed selects by another time of the record,
which lies before the insertion, by `Rules.widening` at most; see `ringback.sources.collecting.reads`.

Windows that are too old to matter one by one are folded into one that proves a range by itself. That changes nothing
that is said here of later times (see `settled` and `spent` of the `Outlook`).

Nobody documents whether the bounds of a window are inclusive. Here both are taken as exclusive: a window proves what is
right however the cloud does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringback.ledger.windows import FOLDED, AskedWindow, Ended
from ringback.sources.collecting.intervals import Range, Ranges, clip, subtract, union
from ringback.sources.collecting.reads import Read, needed, proved
from ringback.sources.webex.rules import FEED, HOUR, STREAM, Rules


def stream_proof(rules: Rules, windows: Iterable[AskedWindow]) -> Ranges:
    """The insertion times that windows of the stream prove."""
    return union(
        # One that was asked for too early, by a wrong clock, does not prove what was not ready yet.
        (window.start + 1, min(window.end, window.asked_at - rules.stream_newest))
        for window in windows
        if window.endpoint == STREAM and window.ended is Ended.COMPLETE
    )


def feed_reads(windows: Iterable[AskedWindow]) -> list[Read]:
    """What was read from the feed."""
    return [
        (window.start + 1, window.end, window.asked_at)
        for window in windows
        if window.endpoint == FEED and window.ended is Ended.COMPLETE
    ]


def feed_proof(rules: Rules, reads: Sequence[Read]) -> Ranges:
    """The insertion times that reads of the feed prove."""
    return proved(reads, rules.widening, rules.feed_newest)


def proof(rules: Rules, windows: Sequence[AskedWindow]) -> Ranges:
    """The insertion times of which every record is in the ledger."""
    folded = [(window.start, window.end) for window in windows if window.purpose == FOLDED]
    return union([*folded, *stream_proof(rules, windows), *feed_proof(rules, feed_reads(windows))])


def feed_need(rules: Rules, gap: Range, reads: Sequence[Read], now: int) -> Ranges:
    """What is still to be read from the feed to prove a gap, as far as the feed still has it.

    Args:
        gap: of insertion times.
    """
    need = needed(gap, reads, rules.widening, rules.feed_newest)
    return clip(need, rules.feed_reach(now), rules.feed_edge(now))


def beyond_proof(rules: Rules, gaps: Ranges, reads: Sequence[Read], now: int) -> Ranges:
    """What of some gaps can never be proved: part of what it would take is no longer in the feed, nor was it read."""
    if not gaps or not _unprovable(gaps, reads, rules, rules.feed_reach(now), now):
        return []
    # With what will be out of reach soon, so that a loss is told once and not in many small pieces.
    return _unprovable(gaps, reads, rules, rules.feed_reach(now) + HOUR, now)


def _unprovable(gaps: Ranges, reads: Sequence[Read], rules: Rules, reach: int, now: int) -> Ranges:
    all_that_can_be_read = (reach, now, now + rules.feed_newest)
    return subtract(gaps, feed_proof(rules, [*reads, all_that_can_be_read]))
