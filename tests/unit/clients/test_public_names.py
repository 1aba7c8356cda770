"""What `ringback.cdr` offers, and what it costs to import."""

from __future__ import annotations

import inspect
import subprocess
import sys
import warnings

import pytest
from wxc_sdk import cdr as theirs

from ringback import cdr
from ringback.records import enums

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the package's own, of how it inherits from aiohttp's session
    from wxc_sdk.as_api import AsDetailedCDRApi

SERVER_ONLY = ("litestar", "sqlalchemy", "uvicorn", "alembic", "typer", "structlog", "prometheus_client", "isal")


def test_exported_names() -> None:
    """The public list is exactly what is there, and in order."""
    assert set(cdr.__all__) == {name for name, value in vars(cdr).items() if is_ours(name, value)}
    assert sorted(cdr.__all__) == sorted(set(cdr.__all__))


def is_ours(name: str, value: object) -> bool:
    """Whether a name of a module is meant to be used."""
    return not name.startswith("_") and not inspect.ismodule(value) and name != "annotations"


def test_names_of_wxc_sdk() -> None:
    """Every name of `wxc_sdk.cdr` is there."""
    assert set(theirs.__all__) <= set(cdr.__all__)


@pytest.mark.parametrize("name", [name for name in theirs.__all__ if name not in ("CDR", "DetailedCDRApi")])
def test_enums_are_those_of_records(name: str) -> None:
    """The enums are the ones that records have, which are compared with those of `wxc_sdk` where they are tested."""
    assert getattr(cdr, name) is getattr(enums, name)


@pytest.mark.parametrize(
    ("ours", "other"),
    [
        (cdr.DetailedCDRApi.get_cdr_history, theirs.DetailedCDRApi.get_cdr_history),
        (cdr.AsDetailedCDRApi.get_cdr_history, AsDetailedCDRApi.get_cdr_history),
        (cdr.AsDetailedCDRApi.get_cdr_history_gen, AsDetailedCDRApi.get_cdr_history_gen),
    ],
    ids=["sync", "async", "async generator"],
)
def test_arguments_of_wxc_sdk(ours: object, other: object) -> None:
    """The methods take the arguments of theirs, in the same order and with the same defaults."""

    def arguments(method: object) -> list[tuple[str, object]]:
        parameters = inspect.signature(method).parameters.values()  # type: ignore[arg-type]  # a method it is
        return [(one.name, one.default) for one in parameters if one.kind is not inspect.Parameter.KEYWORD_ONLY]

    assert arguments(ours) == arguments(other)


def test_importing_it_imports_nothing_of_the_server() -> None:
    """A program that reads records does not load what only a server needs."""
    program = f"import sys, ringback.cdr; print([m for m in {SERVER_ONLY} if m in sys.modules], *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("[] ")
    rooms = {name.split(".")[1] for name in done.stdout.split() if name.startswith("ringback.")}
    assert rooms == {"cdr", "clients", "records"}
