"""Listening to a PBX for calls that ended, so as to ask for their rows at once.

The WebSocket of a PBX ("Going real time with PortSIP PBX Pub/Sub") tells each event at most once, and nothing of what
happened while nobody listened. So events are hints only: rows are read from lists, and nothing depends on a hint.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import msgspec
import structlog
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from ringback.settings import PortsipSourceSettings
from ringback.sources.collecting.secrets import CredentialsError, Secret

_TOPIC = "cdr_events"
_ENDED = "call_cdr"
_SECONDS = 10.0
_LARGEST_MESSAGE = 4 * 1024 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0
_REFUSED_PAUSE = 3600.0
"""After a login that was refused: a PBX locks accounts out."""

_log = structlog.get_logger("ringback.collect")


class _Refused(Exception):
    """The PBX refused a command."""


class _Answer(msgspec.Struct):
    command: str = ""
    status: int = -1
    error: str = ""


class Events:
    """Listens in a thread of its own.

    Args:
        news: set when a call has ended, and when listening begins: what happened before was not heard.
    """

    def __init__(self, settings: PortsipSourceSettings, environment: Mapping[str, str], news: threading.Event) -> None:
        self._url = settings.wsi_url or _beside(settings.base_url)
        self._username = settings.username
        self._domain = settings.domain
        self._password = Secret("password", settings.password_env, settings.password_file, environment)
        self._news = news
        self._closed = threading.Event()
        self._connection: ClientConnection | None = None
        self._thread = threading.Thread(target=self._run, name=f"events {settings.name}", daemon=True)
        self._log = _log.bind(source=settings.name)

    def start(self) -> None:
        """Begin to listen; harmless if that was done before."""
        if not self._thread.is_alive() and not self._closed.is_set():
            self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        if connection := self._connection:
            with contextlib.suppress(OSError, WebSocketException):
                connection.close()
        if self._thread.is_alive():
            self._thread.join(_SECONDS)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closed.is_set():
            try:
                with connect(
                    self._url, open_timeout=_SECONDS, close_timeout=1, max_size=_LARGEST_MESSAGE
                ) as connection:
                    self._connection = connection
                    self._command(connection, {"command": "auth"} | self._user())
                    self._command(connection, {"command": "subscribe", "topics": [_TOPIC]})
                    self._log.info("listening to events", url=self._url)
                    pause = _FIRST_PAUSE
                    self._listen(connection)
            except _Refused as error:
                self._log.warning("the PBX gives no events", reason=str(error))
                pause = _REFUSED_PAUSE
            except (OSError, WebSocketException, CredentialsError) as error:
                if not self._closed.is_set():
                    self._log.warning("not listening to events", reason=f"{type(error).__name__}: {error}", again=pause)
            finally:
                self._connection = None
            self._closed.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _user(self) -> dict[str, str]:
        user = {"username": self._username, "password": self._password.read()}
        return user | {"domain": self._domain} if self._domain else user

    def _command(self, connection: ClientConnection, command: Mapping[str, object]) -> None:
        connection.send(msgspec.json.encode(command).decode())
        while True:
            try:
                answer = msgspec.json.decode(connection.recv(_SECONDS), type=_Answer)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise _Refused(f"the answer to the command {command['command']} cannot be read") from error
            if answer.command == command["command"]:
                break
        if answer.status != 0:
            raise _Refused(f"{answer.command}: {answer.error or 'refused'}")

    def _listen(self, connection: ClientConnection) -> None:
        self._news.set()
        for message in connection:
            # Not decoded: published samples of these messages are no proper JSON.
            text = message if isinstance(message, str) else message.decode(errors="replace")
            if _ENDED in text:
                self._news.set()


def _beside(base_url: str) -> str:
    """The WebSocket at the host and port of the REST API."""
    parts = urlsplit(base_url)
    return urlunsplit((parts.scheme.replace("http", "ws"), parts.netloc, "/wsi", "", ""))
