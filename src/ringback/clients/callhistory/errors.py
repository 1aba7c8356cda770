"""What can go wrong besides the failures that are results."""

from __future__ import annotations


class HistoryError(Exception):
    """Something that concerns the connection or the token. Failures of requests are results and not exceptions."""


class NoToken(HistoryError):
    """There is no access token: the function that should give one failed, or gave none. `__cause__` says why."""


class ConnectionEnded(HistoryError):
    """The connection has ended, and coming back would not help.

    Attributes:
        code: of the WebSocket: 4400 bad request, 4401 token not accepted, 4403 forbidden, 4000 replaced by another
            connection, 1003 not wanted; any code if it was tried again as often as the options allow.
        reason: what the server said, perhaps "".
    """

    def __init__(self, code: int, reason: str, why: str) -> None:
        super().__init__(f"{why} (code {code}{': ' if reason else ''}{reason})")
        self.code = code
        self.reason = reason
