"""The page about the simulated PBX tells all that there is to tell."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ringback.simulator.pbx import (
    Account,
    Asked,
    Audit,
    Behaviour,
    Fault,
    Faults,
    Limits,
    PbxScenario,
    Rule,
    SimulatedPbx,
    TrafficRates,
    TrueCallLog,
    Written,
)
from ringback.simulator.pbx.audit import Violation

PAGE = (Path(__file__).parents[4] / "docs" / "simulated-pbx.md").read_text(encoding="utf-8")
TOLD = (Account, Asked, Behaviour, Limits, Rule, TrafficRates, TrueCallLog, Written)
OPTIONS = sorted({name for options in TOLD for name in options.__struct_fields__})


def public(of: type) -> list[str]:
    """The public methods and properties of a class, but for what only the PBX itself calls."""
    return [name for name in vars(of) if not name.startswith("_") and name != "note"]


@pytest.mark.parametrize("name", [*OPTIONS, *public(SimulatedPbx), *public(Behaviour)])
def test_every_option_has_a_row(name: str) -> None:
    """Each option of limits, choices, rules and traffic, and each value of truth and audit, has a row."""
    assert re.search(rf"^\|[^|]*`{name}[`(][^|]*\|", PAGE, re.MULTILINE) or f"`Behaviour.{name}" in PAGE


@pytest.mark.parametrize("fault", get_args(Fault))
def test_every_fault_is_named(fault: type[msgspec.Struct]) -> None:
    """Each fault has its name, its arguments in their order, and its name in files."""
    arguments = ", ".join(fault.__struct_fields__)
    assert f"| `{fault.__name__}({arguments})` | `{fault.__struct_config__.tag}` |" in PAGE


@pytest.mark.parametrize("name", [*Faults.__struct_fields__, *public(Audit), "read_pbx_scenario", "serve_pbx"])
def test_scripts_and_audit_are_explained(name: str) -> None:
    """All that a script has, that the audit offers, and that starts a process, is named on the page."""
    assert re.search(rf"`[^`]*\b{name}\b[^`]*`", PAGE)


@pytest.mark.parametrize("name", [name for name in get_args(Violation) if name])
def test_violations_are_explained(name: str) -> None:
    """Each violation has a row."""
    assert re.search(rf"^\| `{name}` \|", PAGE, re.MULTILINE)


def test_the_example_program_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The first Python example does what it says, and finds no problem."""
    program = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    exec(program, {})  # noqa: S102 - our own page
    first, *rest = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"100 of \d{3} call logs", first)
    assert len(rest) > 100
    assert all(re.fullmatch(r"\d{19} [12]", line) for line in rest)


def test_the_example_scenario_is_one() -> None:
    """The example of a scenario file can be read."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    scenario = msgspec.convert(tomllib.loads(text), PbxScenario)
    assert scenario.faults.rules
    assert scenario.faults.outages
    assert scenario.behaviour != Behaviour()
