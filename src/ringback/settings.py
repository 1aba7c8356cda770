"""Every setting: typed, documented, from one TOML file and from RINGBACK_* variables.

A setting `[server] port` of the file is the variable `RINGBACK_SERVER_PORT`; variables win over the file, options of
a command win over both. A name or a value that does not fit is refused with the place it stands in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
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


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    Attributes:
        data: directory of the store.
        server: see `ServerSettings`.
        orgs: see `OrgSettings`.
    """

    data: str = "ringback-data"
    server: ServerSettings = msgspec.field(default_factory=ServerSettings)
    orgs: dict[UUID, OrgSettings] = {}

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
