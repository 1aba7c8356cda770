"""`[[sources]]` of kind `webex`."""

from __future__ import annotations

from uuid import UUID

import msgspec

from ringback.settings.common import Region, check_address, check_durations, check_source_name, duration


class WebexSourceSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="webex"
):
    """`[[sources]]` of kind `webex`: an organization in the Webex cloud; see `docs/collecting.md`.

    Secrets never stand in the settings: a setting that ends in `_env` names the environment variable that has it, one
    that ends in `_file` the file. Lengths of time are texts such as `90s`, `5m`, `12h`, `30d`.

    Attributes:
        name: to tell it from others; also in metrics.
        org: the organization whose records come from it. Records of others are quarantined.
        token_env, token_file: an access token. It ends some time; a new one that is put there is found.
        client_id, client_secret_env, client_secret_file, refresh_token_env, refresh_token_file: of a service app,
            whose access tokens are renewed as needed.
        region: where the records of the org live.
        base_url: of the cloud, if it is not that of the region. Plain http is for this machine only.
        known_hosts: hosts that the cloud may send us to with the token.
        token_url: where service apps renew tokens.
        stream_newest, stream_oldest, stream_span: windows of `cdr_stream` end at least so long ago, begin at most so
            long ago, and are at most so long.
        feed_newest, feed_oldest, feed_span: the same for `cdr_feed`.
        initial_requests, next_requests, period: first pages and next pages that a token may ask for in a period.
        max_page: records on a page.
        margin: windows of the stream end so long before the time of the cloud.
        overlap: of windows that follow each other.
        longest_call: a call lasts at most so long.
        latest_record: a record is in the cloud at most so long after the end of its call.
        poll: how often the newest records are asked for.
        busy_poll: the same, while older ones are waiting to be read.
        audit_every: how often the feed is asked for what the stream may have missed; `0s` for never.
        audit_reach: how far back that goes.
        history: how far back the first collection begins.
        lease: a collector that died is replaced after so long.
        clock_speed: how fast the clock of the cloud runs against ours; for test clouds.
    """

    name: str
    org: UUID
    token_env: str = ""
    token_file: str = ""
    client_id: str = ""
    client_secret_env: str = ""
    client_secret_file: str = ""
    refresh_token_env: str = ""
    refresh_token_file: str = ""
    region: Region = "us"
    base_url: str = ""
    known_hosts: tuple[str, ...] = (
        "analytics-calling.webexapis.com",
        "analytics-calling-eu.webexapis.com",
        "analytics-calling-in.webexapis.com",
        "analytics-calling-au.webexapis.com",
        "analytics-calling-gov.webexapis.com",
    )
    token_url: str = "https://webexapis.com/v1/access_token"  # noqa: S105  # an address, not a token
    stream_newest: str = "1m"
    stream_oldest: str = "12h"
    stream_span: str = "2h"
    feed_newest: str = "5m"
    feed_oldest: str = "30d"
    feed_span: str = "12h"
    initial_requests: int = 1
    next_requests: int = 10
    period: str = "1m"
    max_page: int = 5000
    margin: str = "90s"
    overlap: str = "1m"
    longest_call: str = "12h"
    latest_record: str = "36h"
    poll: str = "1m"
    busy_poll: str = "5m"
    audit_every: str = "1d"
    audit_reach: str = "2d"
    history: str = "30d"
    lease: str = "30s"
    clock_speed: float = 1.0

    def __post_init__(self) -> None:
        check_source_name(self.name)
        check_durations(self, TIMES)
        self._check_credentials()
        self._check_times()
        for url in filter(None, (self.base_url, self.token_url)):
            check_address(url)
        if not 1 <= self.initial_requests <= 1000 or not 1 <= self.next_requests <= 1000:
            raise ValueError("initial_requests and next_requests are between 1 and 1000")
        if not 1 <= self.max_page <= 5000:
            raise ValueError("max_page is between 1 and 5000")
        if not self.clock_speed > 0:
            raise ValueError("clock_speed is more than 0")

    def _check_credentials(self) -> None:
        app = [
            bool(self.client_id),
            bool(self.client_secret_env or self.client_secret_file),
            bool(self.refresh_token_env or self.refresh_token_file),
        ]
        token = bool(self.token_env or self.token_file)
        if token == any(app) or any(app) != all(app):
            raise ValueError(
                "a source needs either token_env or token_file, or all three of a service app: client_id, "
                "client_secret_env or client_secret_file, refresh_token_env or refresh_token_file"
            )
        for name in ("token", "client_secret", "refresh_token"):
            if getattr(self, f"{name}_env") and getattr(self, f"{name}_file"):
                raise ValueError(f"give {name}_env or {name}_file, not both")

    def _check_times(self) -> None:
        times = {name: duration(getattr(self, name)) for name in TIMES}
        if times["margin"] < times["stream_newest"]:
            raise ValueError("margin is at least stream_newest, or the cloud would refuse every window")
        if not times["overlap"]:
            raise ValueError("overlap is at least 1ms, or records on the edges of windows may be missed")
        for endpoint in ("stream", "feed"):
            if times[f"{endpoint}_span"] <= 2 * times["overlap"]:
                raise ValueError(f"{endpoint}_span must be more than twice the overlap")
            if times[f"{endpoint}_oldest"] < times[f"{endpoint}_span"]:
                raise ValueError(f"{endpoint}_oldest is at least {endpoint}_span")
        for name in ("period", "poll", "busy_poll", "lease"):
            if not times[name]:
                raise ValueError(f"{name} is longer than nothing")


TIMES = (
    *("stream_newest", "stream_oldest", "stream_span", "feed_newest", "feed_oldest", "feed_span", "period"),
    *("margin", "overlap", "longest_call", "latest_record", "poll", "busy_poll", "audit_every", "audit_reach"),
    *("history", "lease"),
)
"""The settings of a source that are lengths of time."""
