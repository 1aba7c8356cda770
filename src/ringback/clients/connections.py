"""How our clients connect: certificates, timeouts, and who they say they are."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import httpx2

import ringback

Verify: TypeAlias = bool | str | ssl.SSLContext
"""As in `wxc_sdk`: False, a file or directory of certificates, or an SSL context; True for those of the system."""


class Timeouts(Protocol):
    """Seconds until a connection must be there, and between two parts of an answer."""

    @property
    def connect_timeout(self) -> float: ...

    @property
    def read_timeout(self) -> float: ...


def client_settings(timeouts: Timeouts, verify: Verify | None) -> dict[str, Any]:
    """What an `httpx2.Client` or `httpx2.AsyncClient` is made with.

    Args:
        verify: None is as True.
    """
    if verify is None or verify is True:
        verify = _default_certificates()
    elif isinstance(verify, str):
        directory = Path(verify).is_dir()
        verify = ssl.create_default_context(capath=verify) if directory else ssl.create_default_context(cafile=verify)
    connect = timeouts.connect_timeout
    return {
        "headers": {"user-agent": f"ringback/{ringback.__version__}"},
        "timeout": httpx2.Timeout(timeouts.read_timeout, connect=connect, pool=connect),
        "verify": verify,
    }


def headers_of(response: httpx2.Response) -> dict[str, str]:
    """The headers of an answer, their names in lower case."""
    return {name.lower(): value for name, value in response.headers.items()}


@cache
def _default_certificates() -> ssl.SSLContext:
    # Reading all certificates takes longer than reading a page of records; once is enough for a process.
    return httpx2.create_ssl_context()
