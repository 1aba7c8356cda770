"""The addresses of the API."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import httpx2

from ringback.clients.calllogs.options import CallLogsOptions
from ringback.clients.errors import UsageError
from ringback.clients.hosts import Hosts

CALL_LOGS = ("calllogs",)
CDRS = ("cdrs",)
USER_CDRS = ("user", "cdrs")


class Addresses:
    """The addresses below a base such as `https://pbx.example:8887/api`.

    Raises:
        UsageError: the base is no address, or would get the token without encryption.
    """

    def __init__(self, base_url: str, options: CallLogsOptions) -> None:
        self._hosts = Hosts((), allow_http=options.allow_http)
        if "@" in base_url:  # not shown, as the errors of the others would
            raise UsageError("base_url must have no user and password in it; give them as username and password")
        self._sign = "$" if options.dollar else ""
        base = self._hosts.base(base_url)
        self._base = str(base.copy_with(path=base.path.rstrip("/"), query=None))

    def of(self, *segments: str, query: Mapping[str, str] | None = None) -> httpx2.URL:
        """The address of a path under the base.

        Args:
            segments: of the path. They are encoded, so that an id stays one segment whatever is in it.

        Raises:
            UsageError: a segment is empty or made of dots, so it would be another path.
        """
        for segment in segments:
            if segment in ("", ".", ".."):
                raise UsageError(f"{segment!r} is no id")
        path = "".join(f"/{quote(segment, safe='')}" for segment in segments)
        return httpx2.URL(f"{self._base}{path}{'?' if query else ''}{urlencode(query or {}, quote_via=quote)}")

    def of_list(self, path: tuple[str, ...], options: Mapping[str, str]) -> httpx2.URL:
        """The address of a list with these options, named without the sign that some servers want before them."""
        return self.of(*path, query={f"{self._sign}{name}": text for name, text in options.items()})

    def follow(self, url: httpx2.URL, target: str) -> httpx2.URL:
        """Where the link of an answer leads to.

        Args:
            url: of the request that was answered.
            target: absolute or relative.

        Raises:
            UntrustedAddress: to another host, which must not get the token.
        """
        return self._hosts.follow(url, target)
