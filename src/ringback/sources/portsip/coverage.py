"""What the windows that were read prove: of which ends of calls every row is in the ledger.

A call's row is in the list at its end, or up to `Rules.latest_row` later. So a window by the end that was read whole
proves its own range, as far as that lay so long ago. A window by the start proves less: a call that began in it may end
later. So the end e is proved if all starts in [e - longest_call, e] were read after e. A list that was read as a whole,
or from its newest call on, is a window by the start.

Nobody documents how a PBX compares times within a second, so a second at both ends of a window does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringback.ledger.windows import FOLDED, AskedWindow, Ended
from ringback.sources.collecting.intervals import SECOND, Ranges, union
from ringback.sources.collecting.reads import Read, proved
from ringback.sources.portsip.abilities import PROBE, Axis, axis_of
from ringback.sources.portsip.rules import Rules


def reads_by_end(rules: Rules, windows: Iterable[AskedWindow]) -> list[Read]:
    """The ranges of ends that were read whole, as far as all rows were there."""
    return [
        (window.start + SECOND, min(window.end - SECOND, window.asked_at - rules.latest_row), window.asked_at)
        for window in windows
        if window.ended is Ended.COMPLETE and axis_of(window.endpoint) is Axis.ENDED
    ]


def reads_by_start(windows: Iterable[AskedWindow]) -> list[Read]:
    """The ranges of starts that were read whole."""
    return [
        (window.start + SECOND, min(window.end - SECOND, window.asked_at), window.asked_at)
        for window in windows
        if window.ended is Ended.COMPLETE and _is_by_start(window)
    ]


def _is_by_start(window: AskedWindow) -> bool:
    if window.endpoint == PROBE:
        return window.total_count == 0
    return axis_of(window.endpoint) in (Axis.STARTED, Axis.ALL)


def proof(rules: Rules, windows: Sequence[AskedWindow]) -> Ranges:
    """The ends of calls of which every row is in the ledger."""
    return proof_of(rules, windows, reads_by_end(rules, windows), reads_by_start(windows))


def proof_of(rules: Rules, windows: Sequence[AskedWindow], by_end: Sequence[Read], by_start: Sequence[Read]) -> Ranges:
    """The same, where the readings among the windows are known."""
    folded = [(window.start, window.end) for window in windows if window.purpose == FOLDED]
    ranges = [(start, end) for start, end, _ in by_end]
    return union([*folded, *ranges, *proved(by_start, rules.longest_call, rules.latest_row)])
