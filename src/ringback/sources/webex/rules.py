"""What the cloud allows and how careful we are, in milliseconds; each is a setting."""

from __future__ import annotations

import msgspec

from ringback.sources.collecting.intervals import DAY as DAY
from ringback.sources.collecting.intervals import HOUR as HOUR
from ringback.sources.collecting.intervals import MINUTE as MINUTE
from ringback.sources.collecting.intervals import SECOND as SECOND

STREAM = "stream"
FEED = "feed"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The constants by which a Webex source is read; see `docs/collecting.md`.

    Attributes:
        stream_newest, stream_oldest, stream_span: how old a window of the stream must and may be, and how long.
        feed_newest, feed_oldest, feed_span: the same for the feed.
        initial, following, period: first pages and next pages that a token may ask for in a period.
        max_page: records on a page.
        margin: windows of the stream end so long ago, by the clock of the cloud.
        overlap: by how much windows that follow each other overlap.
        longest_call: a call lasts so long at most.
        latest_record: its record, in the newest revision, is in the cloud so long after its end at the latest.
        poll: how often the newest records are asked for.
        busy_poll: the same, while older ones are waiting to be read.
        audit_every: how often the feed is asked for what the stream may have missed; 0 for never.
        audit_reach: how far back.
        history: how far back the collection begins.
        slack: what is this close to falling out of reach counts as out of reach. It covers the time until a request is
            made, and a clock that is not known yet.
    """

    stream_newest: int = MINUTE
    stream_oldest: int = 12 * HOUR
    stream_span: int = 2 * HOUR
    feed_newest: int = 5 * MINUTE
    feed_oldest: int = 30 * DAY
    feed_span: int = 12 * HOUR
    initial: int = 1
    following: int = 10
    period: int = MINUTE
    max_page: int = 5000
    margin: int = 90 * SECOND
    overlap: int = MINUTE
    longest_call: int = 12 * HOUR
    latest_record: int = 36 * HOUR
    poll: int = MINUTE
    busy_poll: int = 5 * MINUTE
    audit_every: int = DAY
    audit_reach: int = 2 * DAY
    history: int = 30 * DAY
    slack: int = 10 * MINUTE

    @property
    def widening(self) -> int:
        """How long before its insertion a record may lie on the time axis of the feed, whichever that is.

        Public documents disagree whether the feed selects by Report time (about the end of the call) or by Start time.
        """
        return self.longest_call + self.latest_record

    def stream_edge(self, now: int) -> int:
        """Where the newest window of the stream may end."""
        return now - max(self.margin, self.stream_newest)

    def stream_reach(self, now: int) -> int:
        """Where the oldest one may begin."""
        return now - self.stream_oldest + self.slack

    def feed_edge(self, now: int) -> int:
        """Where the newest window of the feed may end."""
        return now - self.feed_newest

    def feed_reach(self, now: int) -> int:
        """Where the oldest one may begin."""
        return now - self.feed_oldest + self.slack

    def first_begin(self, now: int) -> int:
        """From when on to collect an org that was never collected: no earlier than can be proved complete."""
        return max(now - self.history, self.feed_reach(now) + self.widening + HOUR)
