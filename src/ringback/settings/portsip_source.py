"""`[[sources]]` of kind `portsip`."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from ringback.settings.common import check_address, check_durations, check_source_name, duration

CallLogList = Literal["auto", "calllogs", "cdrs"]
"""Which list of a PBX is read: `/calllogs`, `/cdrs`, or the better one of those that it has."""

LoginForm = Literal["auto", "login", "oauth", "sign_in"]
"""How to log in: `POST /login`, `POST /login/oauth/token`, `POST /auth/sign_in`, or the newest one that the PBX has."""


class PortsipSourceSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="portsip"
):
    """`[[sources]]` of kind `portsip`: a PortSIP PBX; see `docs/collecting.md`.

    Secrets never stand in the settings: a setting that ends in `_env` names the environment variable that has it, one
    that ends in `_file` the file. Lengths of time are texts such as `90s`, `5m`, `12h`, `30d`.

    Attributes:
        name: to tell it from others; also in metrics.
        org: the organization that the tenant of the PBX is.
        base_url: address of its REST API, such as `https://pbx.example.com:8887/api`. Plain http is for this machine.
        username, password_env, password_file: of a user who may see the call logs of the tenant.
        domain: SIP domain of the tenant; "" for an administrator of the whole PBX.
        login: see `LoginForm`.
        client_id: what the form `oauth` has to name, as PortSIP's documentation of it prints; without it `auto` leaves
            that form out.
        token_env, token_file: an access token that somebody else renews, in place of user and password.
        list: see `CallLogList`.
        requests_per_minute: our share of what the gateway of the PBX lets through.
        top: rows asked for on a page.
        span: the longest window.
        overlap: of windows that follow each other.
        longest_call: a call lasts at most so long.
        latest_row: a row is in the list at most so long after the end of its call.
        poll: how often the newest rows are asked for.
        busy_poll: the same, while older ones are waiting to be read.
        reread: how often calls that began long ago are looked for, where rows cannot be found by their end.
        audit_every: how often the last days are read once more; `0s` for never.
        audit_reach: how far back that goes.
        history: how far back the first collection begins.
        details: whether to ask for each row alone, which is the only way to its cost and billed account.
        details_per_minute: requests for single rows, besides the others.
        detail_after: a row is asked for alone so long after it came, since its cost comes late.
        wsi: whether to be told of calls by the WebSocket of the PBX, and to ask for new rows at once.
        wsi_url: its address, if it is not `/wsi` at the host and port of `base_url`.
        lease: a collector that died is replaced after so long.
        clock_speed: how fast the clock of the PBX runs against ours; for test PBXs.
    """

    name: str
    org: UUID
    base_url: str
    username: str = ""
    password_env: str = ""
    password_file: str = ""
    domain: str = ""
    login: LoginForm = "auto"
    client_id: str = ""
    token_env: str = ""
    token_file: str = ""
    list: CallLogList = "auto"
    requests_per_minute: int = 200
    top: int = 100
    span: str = "6h"
    overlap: str = "1m"
    longest_call: str = "12h"
    latest_row: str = "1m"
    poll: str = "1m"
    busy_poll: str = "5m"
    reread: str = "15m"
    audit_every: str = "6h"
    audit_reach: str = "2d"
    history: str = "30d"
    details: bool = False
    details_per_minute: int = 60
    detail_after: str = "10m"
    wsi: bool = False
    wsi_url: str = ""
    lease: str = "30s"
    clock_speed: float = 1.0

    def __post_init__(self) -> None:
        check_source_name(self.name)
        check_address(self.base_url)
        check_durations(self, TIMES)
        self._check_credentials()
        self._check_times()
        self._check_events()
        if not 1 <= self.requests_per_minute <= 10_000 or not 1 <= self.details_per_minute <= 10_000:
            raise ValueError("requests_per_minute and details_per_minute are between 1 and 10000")
        if not 10 <= self.top <= 100:
            raise ValueError("top is between 10 and 100")
        if not self.clock_speed > 0:
            raise ValueError("clock_speed is more than 0")

    def _check_credentials(self) -> None:
        for name in ("password", "token"):
            if getattr(self, f"{name}_env") and getattr(self, f"{name}_file"):
                raise ValueError(f"give {name}_env or {name}_file, not both")
        user = bool(self.username), bool(self.password_env or self.password_file)
        token = bool(self.token_env or self.token_file)
        if token == any(user) or any(user) != all(user):
            raise ValueError(
                "a source needs either a user: username, and password_env or password_file; or token_env or token_file"
            )
        if self.login == "oauth" and not self.client_id:
            raise ValueError("the login form oauth needs client_id, which PortSIP's documentation prints")

    def _check_times(self) -> None:
        times = {name: duration(getattr(self, name)) for name in TIMES}
        if times["overlap"] < duration("3s"):
            raise ValueError("overlap is at least 3s, since windows are in whole seconds")
        if times["span"] <= 2 * times["overlap"]:
            raise ValueError("span must be more than twice the overlap")
        if times["history"] > duration("1825d"):
            raise ValueError("history is at most 1825d: a PBX lets nobody look back further than 5 years")
        for name in ("poll", "busy_poll", "reread", "lease", "longest_call"):
            if not times[name]:
                raise ValueError(f"{name} is longer than nothing")

    def _check_events(self) -> None:
        if self.wsi and not self.username:
            raise ValueError("wsi needs username and password: the WebSocket of a PBX takes no token")
        if self.wsi_url:
            if not self.wsi_url.startswith(("ws://", "wss://")):
                raise ValueError(f"{self.wsi_url} is no address such as wss://pbx.example.com:8887/wsi")
            check_address(f"http{self.wsi_url.removeprefix('ws')}")


TIMES = (
    *("span", "overlap", "longest_call", "latest_row", "poll", "busy_poll", "reread"),
    *("audit_every", "audit_reach", "history", "detail_after", "lease"),
)
"""The settings of a source that are lengths of time."""
