"""What clients call this server: the address that links and the urls of sessions begin with."""

from __future__ import annotations

import re
from typing import Any

from litestar.connection import ASGIConnection

from ringback.server.errors import ApiError
from ringback.settings import Settings

_HOST = re.compile(r"([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?", re.ASCII)
_HTTP = {"ws": "http", "wss": "https"}


def base_url(connection: ASGIConnection[Any, Any, Any, Any], settings: Settings) -> str:
    """The address of this server without a slash at its end, such as `https://calls.example`.

    It is the setting `public_url`, or what the client itself has asked for; the HTTP form of it if that is a WebSocket.

    Raises:
        ApiError: 400, the header Host is more than a host. It becomes part of links, so it must be nothing else.
    """
    if settings.server.public_url:
        return settings.server.public_url.rstrip("/")
    scope = connection.scope
    host = connection.headers.get("host") or ":".join(map(str, scope["server"] or ()))  # HTTP/1.0 may send none
    if not _HOST.fullmatch(host):
        raise ApiError(400, "The header Host must be the name or address of this server, with or without a port.")
    return f"{_HTTP.get(scope['scheme'], scope['scheme'])}://{host}"
