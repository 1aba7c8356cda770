"""CSV that people open in a spreadsheet."""

from __future__ import annotations


def cell(text: str) -> str:
    """A text that a spreadsheet does not take for a formula: what callers show comes from the telephone network."""
    harmless = text[:1] == "+" and text[1:].isdigit()  # a number in E.164
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not harmless else text
