"""The page about the simulated cloud tells all that there is to tell."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ringback.simulator import cloud
from ringback.simulator.cloud import Asked, Behaviour, Faults, Limits, Rule, Scenario, TrueNewest
from ringback.simulator.cloud.faults import Fault

PAGE = (Path(__file__).parents[3] / "docs" / "simulated-cloud.md").read_text(encoding="utf-8")
OPTIONS = [name for options in (Limits, Behaviour, Rule, Asked, TrueNewest) for name in options.__struct_fields__]


def public(of: type) -> list[str]:
    """The public methods and properties of a class, but for what only the cloud itself calls."""
    return [name for name in vars(of) if not name.startswith("_") and name != "note"]


@pytest.mark.parametrize("name", [*OPTIONS, *public(cloud.SimulatedCloud)])
def test_every_option_has_a_row(name: str) -> None:
    """Each option of limits, choices and rules, each value of truth and audit, and what a cloud offers, has a row."""
    assert re.search(rf"^\|[^|]*`{name}[`(][^|]*\|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("fault", get_args(Fault))
def test_every_fault_is_explained(fault: type[msgspec.Struct]) -> None:
    """Each fault has a row with its name, its arguments in their order, and its name in files."""
    arguments = ", ".join(fault.__struct_fields__)
    assert f"| `{fault.__name__}({arguments})` | `{fault.__struct_config__.tag}` |" in PAGE


@pytest.mark.parametrize("name", [*Faults.__struct_fields__, *public(cloud.Audit), "read_scenario", "serve_cloud"])
def test_scripts_and_audit_are_explained(name: str) -> None:
    """All that a script has, that the audit offers, and that starts a process, is named on the page."""
    assert re.search(rf"`[^`]*\b{name}\b[^`]*`", PAGE)


def test_the_example_program_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The first Python example does what it says, and finds no problem."""
    program = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    exec(program, {})  # noqa: S102 - our own page
    first, *rest = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d{2,} records", first)
    assert len(rest) > 100
    assert all(re.fullmatch(r"[0-9a-f-]{36} [0-9a-f]{64} [12]", line) for line in rest)


def test_the_example_scenario_is_one() -> None:
    """The example of a scenario file can be read."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    scenario = msgspec.convert(tomllib.loads(text), Scenario)
    assert scenario.faults.rules
    assert scenario.faults.outages
    assert not scenario.limits.shared
