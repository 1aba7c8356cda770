"""Every setting: typed, documented, from one TOML file and from RINGBACK_* variables.

A setting `[server] port` of the file is the variable `RINGBACK_SERVER_PORT`; variables win over the file, options of
a command win over both. A name or a value that does not fit is refused with the place it stands in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

DEFAULT_FILE = Path("ringback.toml")
Region = Literal["us", "eu", "in", "au", "gov"]


class SettingsError(Exception):
    """A setting is wrong; the message says which, and what it may be."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[server]`: how the server listens and answers.

    Attributes:
        host: address to listen on. Only this machine can reach the default.
        port: TCP port; 0 takes a free one.
        workers: web processes; one for each core is the most that helps.
        public_url: how clients reach the server, such as `https://cdr.example.com`, if it is behind a proxy. Links to
            next pages begin with it. Without it they begin with what the client asked for.
        region: the region this server answers for; an organization in another one gets 451.
        feed_time: what the window of `cdr_feed` selects by. Public sources disagree; see `docs/cdr-api.md`.
        shared_rate: count feed and stream requests of a token together. The cloud does not document whether it does.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    public_url: str = ""
    region: Region = "us"
    feed_time: Literal["report", "start"] = "report"
    shared_rate: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError("a port is between 0 and 65535")
        if not 1 <= self.workers <= 64:
            raise ValueError("there can be 1 to 64 workers")
        if self.public_url and not self.public_url.startswith(("http://", "https://")):
            raise ValueError("public_url begins with http:// or https://")


class OrgSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[orgs."<uuid>"]`: what holds for one organization.

    Attributes:
        region: where its records live; None for this server's own region.
    """

    region: Region | None = None


_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)", re.ASCII)


def duration(text: str) -> timedelta:
    """The length of time of a setting such as `90s`, `5m`, `12h`, `30d` or `250ms`.

    Raises:
        ValueError: it is none.
    """
    if not (match := _DURATION.fullmatch(text)):
        raise ValueError(f"{text!r} is no length of time such as 90s, 5m, 12h or 30d")
    return timedelta(milliseconds=int(match[1]) * _UNITS[match[2]])


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[sources]]`: a place that records are collected from; see `docs/collecting.md`.

    Secrets never stand in the settings: a setting that ends in `_env` names the environment variable that has it, one
    that ends in `_file` the file. Lengths of time are texts such as `90s`, `5m`, `12h`, `30d`.

    Attributes:
        name: to tell it from others; also in metrics.
        org: the organization whose records come from it. Records of others are quarantined.
        kind: `webex`.
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
    kind: Literal["webex"] = "webex"
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
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", self.name):
            raise ValueError("the name of a source has 1 to 63 letters, digits, dots, dashes and underscores")
        for name in TIMES:
            try:
                duration(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        self._check_credentials()
        self._check_times()
        for url in filter(None, (self.base_url, self.token_url)):
            _check_address(url)
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


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{url} is no address such as https://analytics-calling.webexapis.com")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(f"{url} would get secrets without encryption; plain http is for this machine only. Use https")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    Attributes:
        data: directory of the store.
        server: see `ServerSettings`.
        orgs: see `OrgSettings`.
        sources: see `SourceSettings`.
    """

    data: str = "ringback-data"
    server: ServerSettings = msgspec.field(default_factory=ServerSettings)
    orgs: dict[UUID, OrgSettings] = {}
    sources: tuple[SourceSettings, ...] = ()

    def __post_init__(self) -> None:
        names = [source.name for source in self.sources]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two sources are called {min(twice)}; each needs a name of its own")

    @property
    def directory(self) -> Path:
        """The directory of the store."""
        return Path(self.data)


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """Settings from a file and from the environment.

    Args:
        file: a TOML file; None takes `ringback.toml` in the current directory if it is there.
        environment: such as `os.environ`; only RINGBACK_* variables count.

    Raises:
        SettingsError: the file cannot be read, or a setting is unknown or ill-typed.
    """
    values: dict[str, Any] = {}
    if file is not None or DEFAULT_FILE.exists():
        values = _read(file or DEFAULT_FILE)
    _overlay(values, environment)
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"Settings: {error}. See 'ringback serve --help' and docs/settings.md.") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {file} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {file} is not valid TOML: {error}.") from error


def _overlay(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    for name, text in environment.items():
        if not name.startswith("RINGBACK_") or name in ("RINGBACK_CONFIG", WORKER_VARIABLE):
            continue
        section, _, key = name.removeprefix("RINGBACK_").lower().partition("_")
        if section == "server" and key in ServerSettings.__struct_fields__:
            if isinstance(values.setdefault("server", {}), dict):  # if not, the conversion refuses it
                values["server"][key] = text
        elif section == "data" and not key:
            values["data"] = text
        else:
            raise SettingsError(
                f"The environment variable {name} names no setting. "
                f"Known: RINGBACK_DATA, RINGBACK_CONFIG, {', '.join(_server_variables())}."
            )


def _server_variables() -> list[str]:
    return [f"RINGBACK_SERVER_{field.upper()}" for field in ServerSettings.__struct_fields__]


WORKER_VARIABLE = "RINGBACK_WORKER"
"""Hands the settings of `ringback serve` to its web processes; not for users."""
