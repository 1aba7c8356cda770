"""The page about the simulator tells all that there is to tell."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from ringback.simulator import KINDS, Rates, TrueCall
from ringback.simulator.truth import Outcome, Result

PAGE = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", [*KINDS, *get_args(Outcome), *get_args(Result), *Rates.__struct_fields__])
def test_every_word_of_the_truth_has_a_row(word: str) -> None:
    """Each kind, outcome, result and rate has a row in a table of its own."""
    assert re.search(rf"^\| `{word}` \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("key", TrueCall.__struct_fields__)
def test_every_key_of_the_truth_file_is_explained(key: str) -> None:
    """Each key of a line is named in the table of keys."""
    assert re.search(rf"^\|[^|]*`{key}`[^|]*\|", PAGE, re.MULTILINE)


def test_the_example_line_is_a_line_of_a_truth_file() -> None:
    """The example on the page can be read back as the truth about a call, with no key missing or unknown."""
    (line,) = re.findall(r"```json\n(.*)\n```", PAGE)
    told: dict[str, Any] = json.loads(line)
    assert told.keys() == set(TrueCall.__struct_fields__)
    assert msgspec.json.decode(line, type=TrueCall).to_json().decode() == line


def test_the_example_program_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The Python example does what it says: a line per call, and one per delivery."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(program, {})  # noqa: S102 - our own page
    printed = capsys.readouterr().out.splitlines()
    assert sum('{"Answer time"' in line for line in printed) > len(printed) / 2 > 100
