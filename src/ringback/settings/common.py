"""What settings of several kinds share: lengths of time, and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

Region = Literal["us", "eu", "in", "au", "gov"]

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


def check_durations(settings: object, names: Iterable[str]) -> None:
    """Refuse settings that are no lengths of time.

    Raises:
        ValueError: one of these is none; the message begins with its name.
    """
    for name in names:
        try:
            duration(getattr(settings, name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error


def check_address(url: str) -> None:
    """Refuse what is no address, and one that secrets should not be sent to.

    Raises:
        ValueError: it is none, or is plain http to another machine.
    """
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


def check_source_name(name: str) -> None:
    """Refuse what is no name of a source.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
        raise ValueError("the name of a source has 1 to 63 letters, digits, dots, dashes and underscores")
