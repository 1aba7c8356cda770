"""Every setting: typed, documented, from one TOML file and from RINGBACK_* variables.

A setting `[server] port` of the file is the variable `RINGBACK_SERVER_PORT`; variables win over the file, options of
a command win over both. A name or a value that does not fit is refused with the place it stands in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from ringback.settings.billing import BillingSettings, RateSettings
from ringback.settings.common import Region, duration
from ringback.settings.portsip_source import PortsipSourceSettings
from ringback.settings.server import OrgSettings, PortsipSettings, ServerSettings
from ringback.settings.webex_source import WebexSourceSettings

__all__ = [
    "WORKER_VARIABLE",
    "BillingSettings",
    "OrgSettings",
    "PortsipSettings",
    "PortsipSourceSettings",
    "RateSettings",
    "Region",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "SourceSettings",
    "WebexSourceSettings",
    "duration",
    "load",
]

DEFAULT_FILE = Path("ringback.toml")
SourceSettings = WebexSourceSettings | PortsipSourceSettings
"""`[[sources]]`: a place that records are collected from. Its `kind` says which; without one it is `webex`."""


class SettingsError(Exception):
    """A setting is wrong; the message says which, and what it may be."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    Attributes:
        data: directory of the store.
        server: see `ServerSettings`.
        portsip: see `PortsipSettings`.
        billing: see `BillingSettings`.
        orgs: see `OrgSettings`.
        sources: see `SourceSettings`.
    """

    data: str = "ringback-data"
    server: ServerSettings = msgspec.field(default_factory=ServerSettings)
    portsip: PortsipSettings = msgspec.field(default_factory=PortsipSettings)
    billing: BillingSettings = msgspec.field(default_factory=BillingSettings)
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
    _name_kinds(values)
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
        if section in _SECTIONS and key in _SECTIONS[section].__struct_fields__:
            if isinstance(values.setdefault(section, {}), dict):  # if not, the conversion refuses it
                values[section][key] = text
        elif section == "data" and not key:
            values["data"] = text
        else:
            raise SettingsError(
                f"The environment variable {name} names no setting. "
                f"Known: RINGBACK_DATA, RINGBACK_CONFIG, {', '.join(_variables())}."
            )


def _name_kinds(values: Mapping[str, Any]) -> None:
    """Name the kind of each source that does not: there was one kind once, and nobody's settings shall break."""
    sources = values.get("sources")
    for source in sources if isinstance(sources, list) else ():
        if isinstance(source, dict):
            source.setdefault("kind", "webex")


_SECTIONS: Mapping[str, type[msgspec.Struct]] = {"server": ServerSettings, "portsip": PortsipSettings}


def _variables() -> list[str]:
    return [
        f"RINGBACK_{section.upper()}_{field.upper()}"
        for section, struct in _SECTIONS.items()
        for field in struct.__struct_fields__
    ]


WORKER_VARIABLE = "RINGBACK_WORKER"
"""Hands the settings of `ringback serve` to its web processes; not for users."""
