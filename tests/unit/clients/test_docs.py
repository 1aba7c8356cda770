"""docs/sdk.md says what there is."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from ringback import cdr

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "sdk.md").read_text("utf-8")


@pytest.mark.parametrize("name", [name for name in cdr.__all__ if not name.startswith("CDR")])
def test_every_public_name_is_described(name: str) -> None:
    """Every public name stands on the page of the SDK; the enums are on that of the record."""
    assert name in PAGE or name in ("ErrorDetail", "AsDetailedCDRApi", "NotARecord")


@pytest.mark.parametrize("options", [cdr.Options, cdr.Retries])
def test_every_option_is_described(options: type) -> None:
    """Every option stands in a table of the page."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert [name for name in inspect.signature(options).parameters if not any(f"`{name}`" in row for row in rows)] == []
