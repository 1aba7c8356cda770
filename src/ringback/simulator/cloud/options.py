"""What the simulated cloud allows, and how it behaves where documents leave a choice."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Literal, get_args, get_type_hints

import msgspec

Region = str
"""A name of a region, such as `us`; each has an address of its own."""


class EndpointLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a window of one endpoint may be. A value just at a limit is allowed.

    Attributes:
        newest: both times are at least so long ago.
        oldest: both times are at most so long ago.
        longest: the window is at most so long.
        ready: a record is given out so long after its insertion.
    """

    newest: timedelta
    oldest: timedelta
    longest: timedelta
    ready: timedelta


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The documented limits, from "Reports: Detailed Call History" and "Reports: Live Stream Detailed Call History".

    Attributes:
        feed, stream: what their windows may be.
        smallest_page, largest_page: `max` is moved into this range without a word; the larger one is the default.
        most_locations: names in `locations`.
        initial, following: first pages, and next pages, in any `period`, for one user (all tokens of an account).
        period: the length of a minute.
        shared: whether feed and stream are counted together. It is not documented; true is the stricter reading.
        counts: which requests count against the rate. `reached`: all that had a good token, except those refused by the
            rate itself. `served`: of these only what no fault struck. `all`: also those that the rate refuses, so that
            a client which does not wait is never let in.
    """

    feed: EndpointLimits = EndpointLimits(
        newest=timedelta(minutes=5), oldest=timedelta(days=30), longest=timedelta(hours=12), ready=timedelta(minutes=5)
    )
    stream: EndpointLimits = EndpointLimits(
        newest=timedelta(minutes=1), oldest=timedelta(hours=12), longest=timedelta(hours=2), ready=timedelta(minutes=1)
    )
    smallest_page: int = 500
    largest_page: int = 5000
    most_locations: int = 10
    initial: int = 1
    following: int = 10
    period: timedelta = timedelta(minutes=1)
    shared: bool = True
    counts: Literal["reached", "served", "all"] = "reached"

    def shrunk(self, factor: float) -> Limits:
        """The same with all times divided by a factor: an hour of limits in a few seconds, on a clock at any speed."""

        def shrink(limits: EndpointLimits) -> EndpointLimits:
            return EndpointLimits(**{name: span / factor for name, span in msgspec.structs.asdict(limits).items()})

        return msgspec.structs.replace(
            self, feed=shrink(self.feed), stream=shrink(self.stream), period=self.period / factor
        )


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """Choices where documents disagree or say nothing. A client should be right under all of them.

    Attributes:
        feed_time: what the window of the feed selects by. The stream always selects by insertion time.
        bounds: which ends of a window belong to it.
        order: of the records inside a page. Pages always follow each other in time.
        paging: `by_time`: links have the documented names only; the next page begins with the first record that was not
            sent, and with those of the same millisecond that were. Each page is of its own moment. `exact`: links have
            one more parameter, `position`; all pages are of the moment of the first, and nothing repeats.
        links: `absolute`; `relative`: path and query only; `doubled`: two brackets on both sides, as documented.
        total_count: whether links have `totalCount`.
        empty_window: answered by a page without items, or by an error 404 that says there are no CDRs.
        wording: of the error 451; two are known.
        retry_after: the form of the header on 429; `absent` leaves it out.
        wait_in: whether Retry-After counts seconds of the cloud, or of the machine it runs on. They differ on a clock
            with another speed than 1.
        date: whether answers have the header Date.
        chunked: answer in chunks, without Content-Length.
        token_lifetime: of an access token that was got by refresh.
        refresh_revokes: whether a refresh ends the tokens from before.
        stream_misses: share of records, 0 to 1, that never come in the stream; the feed has them.
        links_survive: whether links from before a restart still work.
    """

    feed_time: Literal["report", "start"] = "report"
    bounds: Literal["[)", "[]", "(]", "()"] = "[)"
    order: Literal["ascending", "descending", "shuffled"] = "ascending"
    paging: Literal["by_time", "exact"] = "by_time"
    links: Literal["absolute", "relative", "doubled"] = "absolute"
    total_count: bool = True
    empty_window: Literal["page", "404"] = "page"
    wording: Literal["should_go_to", "please_use"] = "should_go_to"
    retry_after: Literal["seconds", "decimal", "date", "absent"] = "seconds"
    wait_in: Literal["cloud", "machine"] = "cloud"
    date: bool = True
    chunked: bool = False
    token_lifetime: timedelta = timedelta(days=14)
    refresh_revokes: bool = False
    stream_misses: float = 0.0
    links_survive: bool = True

    @classmethod
    def random(cls, seed: int) -> Behaviour:
        """Any of the choices of the documents, and a lifetime of tokens that may end while a window is read."""
        rng = Random(f"behaviour/{seed}")  # noqa: S311 - reproducible chance, not secrets
        hints = get_type_hints(cls)
        chosen = {name: rng.choice(get_args(hints[name])) for name in _OPEN_TEXTS}
        chosen |= {name: rng.random() < 0.5 for name in _OPEN_SWITCHES}
        lifetime = timedelta(minutes=rng.choice((10, 60, 12 * 60, 14 * 24 * 60)))
        return cls(token_lifetime=lifetime, **chosen)


_OPEN_TEXTS = ("feed_time", "bounds", "order", "paging", "links", "empty_window", "wording", "retry_after")
_OPEN_SWITCHES = ("total_count", "date", "chunked", "refresh_revokes", "links_survive")
