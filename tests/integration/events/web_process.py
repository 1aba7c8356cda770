"""A web process of its own that brings events, as `ringback serve` starts them. Tests run it, and stop it.

    python web_process.py DIRECTORY

serves the store in the directory on a free port, and writes the address on a line.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import uvicorn

from integration.events.site import make_app
from ringback.projections.outbox import Outbox
from ringback.server import logs
from ringback.server.events import EventHub, Patience
from ringback.server.run import exit_on_signals, utc_now
from ringback.settings import ServerSettings
from ringback.store import Store


def main(directory: str) -> None:
    """Serve until SIGTERM."""
    exit_on_signals()
    logs.configure("warning")
    store = Store.open(Path(directory))
    app = make_app(store, EventHub(Outbox(store)), utc_now, Patience(), ServerSettings())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
