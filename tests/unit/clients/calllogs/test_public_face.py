"""What `ringback.calllogs` offers, what it costs to import, and that docs/call-logs-client.md says what there is."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factories import NOON
from ringback import calllogs
from unit.clients.calllogs.service import PASSWORD, TOKEN, Asked, Reply, Service, refusal, row

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "call-logs-client.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ROWS = [line for line in PAGE.splitlines() if line.startswith("| `")]


def methods(client: type) -> dict[str, Callable[..., Any]]:
    """The public methods of a client."""
    return {name: method for name, method in vars(client).items() if not name.startswith("_")}


def test_exported_names() -> None:
    """The public list is exactly what is there, and in order."""
    there = {name for name, value in vars(calllogs).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert set(calllogs.__all__) == there - {"annotations"}
    assert sorted(calllogs.__all__) == sorted(set(calllogs.__all__))


def test_importing_it_imports_nothing_of_the_server() -> None:
    """A program that reads call logs does not load what only a server needs."""
    needless = ("litestar", "sqlalchemy", "uvicorn", "alembic", "typer", "structlog", "prometheus_client", "lark")
    program = f"import sys, ringback.calllogs; print([m for m in {needless} if m in sys.modules], *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("[] ")
    rooms = {name.split(".")[1] for name in done.stdout.split() if name.startswith("ringback.")}
    assert rooms == {"calllogs", "clients", "records"}


def test_both_clients_have_the_same_methods() -> None:
    """What one client has, the other has, with the same arguments."""
    ours, theirs = methods(calllogs.CallLogsClient), methods(calllogs.AsyncCallLogsClient)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert inspect.signature(ours[name]).parameters == inspect.signature(theirs[name]).parameters
    assert [*inspect.signature(calllogs.CallLogsClient).parameters] == [
        *inspect.signature(calllogs.AsyncCallLogsClient).parameters
    ]


@pytest.mark.parametrize("name", [name for name in calllogs.__all__ if name != "NotARecord"])
def test_every_public_name_is_described(name: str) -> None:
    """Every public name stands on the page."""
    assert re.search(rf"\b{name}\b", PAGE)


@pytest.mark.parametrize(
    "names",
    [
        methods(calllogs.CallLogsClient),
        calllogs.Wanted.__annotations__,
        inspect.signature(calllogs.CallLogsOptions).parameters,
    ],
    ids=["methods", "keywords", "options"],
)
def test_what_can_be_said_is_described(names: dict[str, object]) -> None:
    """Every method, keyword and option stands in a table of the page."""
    assert [name for name in names if not any(re.search(rf"`{name}[`(]", line) for line in ROWS)] == []


def test_every_argument_is_described() -> None:
    """Every argument of the clients stands on the page."""
    names = inspect.signature(calllogs.CallLogsClient).parameters
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_the_programs_of_the_page(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    """The programs of the page run as they are written there, but for the address of the server."""

    def answer(asked: Asked) -> Reply:
        path = asked.path.removeprefix("/api")
        if path == "/auth/sign_in":
            return Reply(200, {"access_token": TOKEN})
        assert asked.token == TOKEN
        if path in ("/calllogs", "/user/cdrs"):
            inbound = "direction" in asked.query.get("filter", "")
            return Reply(200, {"count": 1, "items": [row(1, direction="INBOUND_CALL" if inbound else None)]})
        if path.startswith("/calllogs/"):
            return Reply(200, row(1, cost=0.5, billed_account="sales"))
        if path.endswith("sync_tokens"):
            return Reply(201, {"token": "new"})
        if path.endswith("/old/diff"):
            return refusal(403)
        return Reply(200, {"token": "newer", "items": [{"id": "7", "change_type": "CREATED", "items": [row(1)]}]})

    service.answer = answer
    names: dict[str, Any] = {"token": TOKEN, "password": PASSWORD, "trunk": "A", "kept": "old"}
    names["start"] = NOON.replace(hour=0)
    quickstart, awaiting, filtering, paging, changing = (ready(block, service.base_url) for block in BLOCKS)
    run(quickstart, names)
    assert capsys.readouterr().out == "2026-03-02 12:00:01+00:00 101 102 35\n0.5 sales\n"
    run(awaiting, names)
    assert capsys.readouterr().out == "2026-03-02 12:00:01+00:00 101 102\n1\n"
    with calllogs.CallLogsClient(service.base_url, TOKEN) as names["pbx"]:
        run(filtering, names)
        run(paging, names)
        assert capsys.readouterr().out == "102\n1 of 1\n"
        run(changing, names)
        assert (names["kept"], list(names["calls"])) == ("new", [row(1)["id"]])
        run(changing, names)
        assert capsys.readouterr().out == "CREATED 7 ['102']\n"
        assert names["kept"] == "newer"


def ready(block: str, base_url: str) -> str:
    """A program of the page, for this server."""
    return re.sub(r"(?m)^PBX = .*$", f"PBX = {base_url!r}", block)


def run(program: str, names: dict[str, Any]) -> None:
    """Run a program, which may await where no function is."""
    code = compile(program, "docs/call-logs-client.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    done = eval(code, names)  # noqa: S307  # our own page
    if done is not None:
        asyncio.run(done)
