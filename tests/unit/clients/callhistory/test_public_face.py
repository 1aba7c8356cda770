"""What `ringback.history` offers, what it costs to import, and that docs/history-client.md says what there is."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ringback import history
from ringback.clients.callhistory.options import base_address, mercury_address
from unit.clients.callhistory.service import (
    SECRET,
    Peer,
    Service,
    asynchronous,
    buffer_state,
    client,
    quick,
    recent,
    session,
)
from unit.clients.callhistory.service import history as history_body

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "history-client.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PARTS = {
    name for name in history.__all__ if name.endswith(("Data", "Sessions", "Party", "Links", "Details", "Specifics"))
}
"""Names that the page leaves to docstrings: those of parts of results and events."""


def test_exported_names() -> None:
    """The public list is exactly what is there, and in order."""
    there = {name for name, value in vars(history).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert set(history.__all__) == there - {"annotations"}
    assert sorted(history.__all__) == sorted(set(history.__all__))


def test_importing_it_imports_nothing_of_the_server() -> None:
    """A program for one user does not load what only a server needs."""
    needless = ("litestar", "sqlalchemy", "uvicorn", "alembic", "typer", "structlog", "prometheus_client", "isal")
    program = f"import sys, ringback.history; print([m for m in {needless} if m in sys.modules], *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("[] ")
    rooms = {name.split(".")[1] for name in done.stdout.split() if name.startswith("ringback.")}
    assert rooms == {"history", "clients", "records"}


def test_default_address_of_the_events() -> None:
    """Unless another is given, the WebSocket is where ringback's server has it, at the host of the API."""
    options = history.HistoryOptions(allow_http=True)
    for janus, mercury in [
        ("http://host:8080/janus/api/v1", "ws://host:8080/v1/mercury"),
        ("https://history.example/janus/api/v1/", "wss://history.example/v1/mercury"),
        ("history.example", "wss://history.example/v1/mercury"),
    ]:
        base = base_address(janus, options)
        assert str(mercury_address(None, base, options)) == mercury


@pytest.mark.parametrize("name", [name for name in history.__all__ if name not in PARTS])
def test_every_public_name_is_described(name: str) -> None:
    """Every public name stands on the page, but for those of parts."""
    assert name in PAGE


def test_every_option_is_described() -> None:
    """Every option stands in a table of the page."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    names = inspect.signature(history.HistoryOptions).parameters
    assert [name for name in names if not any(f"`{name}`" in row for row in rows)] == []


@pytest.mark.parametrize("event", ["recent_sessions", "viewed_sessions", "sessions_deleted"])
def test_every_event_is_described(event: str) -> None:
    """The three events stand on the page by the names that callbacks are given for."""
    assert f"| `callHistory:user_{event}` |" in PAGE


@asynchronous
async def test_the_programs_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """The programs of the page run as they are written there, but for the address of the server."""
    missed = session("s1", other={"id": "x", "name": "Ann", "isPrivate": False, "callbackAddress": "1"})

    async def tell_and_end(peer: Peer) -> None:
        await peer.send(buffer_state(4))
        await peer.send(recent(missed, number=5))
        await peer.close(4000)

    async with Service().listening() as service:
        service.answer = lambda _: (200, history_body([missed]))
        service.greet = tell_and_end
        more = {"mercury": service.mercury, "options": quick()}
        names: dict[str, Any] = {"token": SECRET, "more": more, "kept": 3}
        quickstart, listening, blocking, failing, resuming = (ready(block, service.janus) for block in BLOCKS)
        await run(quickstart, names)
        assert capsys.readouterr().out == f"{missed['endTime']} INCOMING MISSED Ann\n"
        assert [request.line.split()[0] for request in service.requests] == ["GET", "POST"]
        with pytest.raises(history.ConnectionEnded):
            await run(listening, names)
        assert capsys.readouterr().out == "new or changed: MISSED Ann\n"
        await asyncio.to_thread(exec, blocking, names)
        assert names["answer"].message == "SUCCESS"
        async with client(service) as names["history"]:
            await run(failing, names)
            assert [one.sessionId for one in names["sessions"]] == ["s1"]
            await run(resuming, names)
            assert service.peers[-1].query["lastEventId"] == "3"


def ready(block: str, janus: str) -> str:
    """A program of the page, for this server."""
    here = re.sub(r"(?m)^JANUS = .*$", f"JANUS = {janus!r}", block)
    return here.replace("(JANUS, token)", "(JANUS, token, **more)")


async def run(program: str, names: dict[str, Any]) -> None:
    """Run a program that awaits where no function is."""
    code = compile(program, "docs/history-client.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    done = eval(code, names)  # noqa: S307  # our own page
    if done is not None:
        await done
