"""Measured numbers as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles


class Wrong(Exception):
    """What was measured is not what it must be; the message says what."""


class Table:
    """Rows under a header, with a title."""

    def __init__(self, title: str, *header: str) -> None:
        self._title = title
        self._rows: list[Sequence[str]] = [header, ["---"] * len(header)]

    def add(self, *cells: str) -> None:
        """Add a row, and show it at once: some take minutes."""
        self._rows.append(cells)
        print("measured: " + ", ".join(cells), flush=True)

    def markdown(self) -> str:
        """The table in Markdown."""
        lines = ["| " + " | ".join(row) + " |" for row in self._rows]
        return f"\n### {self._title}\n\n" + "\n".join(lines) + "\n"


def percentiles(seconds: Sequence[float]) -> str:
    """The 50th, 95th and 99th percentile, in milliseconds."""
    cuts = quantiles(seconds, n=100)
    return " / ".join(f"{cuts[at - 1] * 1000:.2f}" for at in (50, 95, 99))
