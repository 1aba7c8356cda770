"""Reads the tables of `docs/mapping.md`."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "mapping.md").read_text("utf-8")

Row = dict[str, str]

_TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)


def table(*columns: str) -> list[Row]:
    """The rows of the one table whose first columns are these, with each cell freed of its backticks."""
    found = []
    for text in _TABLE.findall(PAGE):
        header, _, *rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in text.splitlines()]
        if tuple(cell.strip("`") for cell in header[: len(columns)]) == columns:
            names = [cell.strip("`") for cell in header]
            found.append([dict(zip(names, (cell.strip("`") for cell in row), strict=True)) for row in rows])
    (rows_of_it,) = found
    return rows_of_it


def listed(text: str) -> list[str]:
    """The words that stand in backticks."""
    return re.findall(r"`([^`]+)`", text)


def paragraph(start: str) -> str:
    """The paragraph of the page that begins with these words."""
    (found,) = [text for text in PAGE.split("\n\n") if text.startswith(start)]
    return found
