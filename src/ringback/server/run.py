"""Running the server: the listening socket, the web processes, and the work beside them."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import threading
from contextlib import ExitStack
from datetime import UTC, datetime

import msgspec
import uvicorn
from litestar.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from ringback.server import logs, memory
from ringback.server.app import create_app
from ringback.server.metrics import MULTIPROCESS_VARIABLE
from ringback.settings import WORKER_VARIABLE, Settings
from ringback.store import Store

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75
_SHUTDOWN_SECONDS = 10
_UNREAD_MILLISECONDS = 60_000
"""After which a client that does not take what it was sent is cut off, so that it holds nothing for ever."""

_LARGEST_MESSAGE = 64 * 1024
"""Bytes of a message over a WebSocket that are taken in at all; the dialects allow less."""


class ServeError(Exception):
    """The server cannot start; the message says what to do."""


class WorkerSettings(msgspec.Struct, frozen=True):
    """What `ringback serve` hands to its web processes."""

    settings: Settings
    log_level: str


def utc_now() -> datetime:
    """The clock of real processes."""
    return datetime.now(UTC)


def exit_on_signals() -> None:
    """Make SIGINT and SIGTERM end this process in order, with exit code 0, from now on.

    While requests are served, uvicorn takes the signals. When it is done it puts these handlers back and raises the
    signal again, which then ends the process.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)


def _exit(*_: object) -> None:
    raise SystemExit(0)


def allow_many_connections() -> None:
    """Raise the limit of open files as far as it goes: each listener has one, and a usual limit is 1024."""
    try:
        import resource
    except ModuleNotFoundError:
        return  # Windows has no such limit
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def bind(settings: Settings) -> socket.socket:
    """A listening socket, so that a taken port is known before any work is done; early clients wait in its queue.

    Raises:
        ServeError: the address is taken or is none of this machine.
    """
    host, port = settings.server.host, settings.server.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MILLISECONDS)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise ServeError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}. "
            "If another program has the port, stop that one or choose another with --port."
        ) from error
    return listener


def run(listener: socket.socket, store: Store, settings: Settings, log_level: str) -> None:
    """Serve until SIGINT or SIGTERM; then finish the requests under way, for up to 10 seconds, and return.

    Args:
        listener: from `bind`.
        store: open; used by this process if there is one web process, else each opens the store itself.
    """
    if settings.server.workers == 1:
        app = create_app(store, settings, utc_now)
        memory.keep()
        uvicorn.Server(_config(app)).run(sockets=[listener])
        return
    with ExitStack() as stack:
        shared = tempfile.mkdtemp(prefix="ringback-metrics-")
        stack.callback(shutil.rmtree, shared, ignore_errors=True)
        os.environ[MULTIPROCESS_VARIABLE] = shared
        os.environ[WORKER_VARIABLE] = msgspec.json.encode(WorkerSettings(settings, log_level)).decode()
        config = _config("ringback.server.run:worker_app", factory=True, workers=settings.server.workers)
        Multiprocess(config, sockets=[listener]).run()


def worker_app() -> ASGIApp:
    """The app of one of several web processes, with the settings that the first process left in the environment."""
    worker = msgspec.json.decode(os.environ[WORKER_VARIABLE], type=WorkerSettings)
    logs.configure(worker.log_level)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    app = create_app(Store.open(worker.settings.directory, create=False), worker.settings, utc_now)
    memory.keep()
    return app


def _end_with_parent() -> None:
    """End this web process when the first one is gone, even if it was killed: nothing else would ever stop it."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _config(app: ASGIApp | str, *, factory: bool = False, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=factory,
        workers=workers,
        log_config=None,
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        ws_max_size=_LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # its buffers take more memory than a listener does without
    )
