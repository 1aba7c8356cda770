"""The page about tariffs says what is done: its tariff is loaded, and its tables are worked out and compared."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from factories import ORG
from ringback.commands.tariff import app
from ringback.projections.costs.outgoing import OutgoingCall
from ringback.projections.costs.rows import plain
from ringback.projections.costs.tariff import Charge, Rate, Tariff
from ringback.settings import RateSettings, load

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "tariffs.md").read_text("utf-8")
EXAMPLE = 125
"""Seconds of the call that is worked out step by step."""


def table(*columns: str) -> list[dict[str, str]]:
    """The rows of the one table with these columns."""
    for text in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        header, _, *rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in text.splitlines()]
        if tuple(header) == columns:
            return [dict(zip(columns, row, strict=True)) for row in rows]
    raise AssertionError(f"no table with the columns {columns}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The settings of the page."""
    file = tmp_path / "settings.toml"
    file.write_text(PAGE.split("```toml\n")[1].split("```")[0], "utf-8")
    return file


@pytest.fixture
def tariff(file: Path) -> Tariff:
    """The tariff of the page."""
    return Tariff(load(file, {}).billing)


def test_the_calls_of_the_page(tariff: Tariff) -> None:
    """Each call of the table has the rate and the cost, or the reason for none, that the page says."""
    rows = table("dialled", "begins", "seconds", "rate", "cost")
    assert len(rows) > 10
    for row in rows:
        found = tariff.rate(
            OutgoingCall(
                org=ORG,
                record_id="call",
                dialled=row["dialled"],
                start=datetime.fromisoformat(row["begins"]),
                seconds=int(row["seconds"]),
                user=None,
            )
        )
        told = (found.tariff, plain(found.amount)) if isinstance(found, Charge) else ("", found.value)
        assert told == (row["rate"], row["cost"]), row


def test_the_example_of_the_page(tariff: Tariff) -> None:
    """The steps of the worked example are those of the rate, and add up to what the call costs."""
    *steps, together = table("step", "seconds", "cost")
    (rate,) = (rate for rate in tariff.rates if rate.prefix == "49")
    count = rate.next_intervals(EXAMPLE)
    rest = EXAMPLE - rate.interval - rate.free_seconds
    first, following = rate.price * rate.interval / 60, count * rate.next_price * rate.next_interval / 60
    subtotal = rate.connect_fee + first + following
    assert [(row["step"], row["seconds"], row["cost"]) for row in steps] == [
        ("connect fee", "", plain(rate.connect_fee)),
        ("first interval", str(rate.interval), plain(first)),
        ("free seconds", str(rate.free_seconds), "0"),
        (
            f"following intervals: {rest} seconds, so {count} of {rate.next_interval} seconds",
            str(count * rate.next_interval),
            plain(following),
        ),
        (f"surcharge: {plain(rate.surcharge)} of {plain(subtotal)}", "", plain(subtotal * rate.surcharge)),
    ]
    assert sum(Decimal(row["cost"]) for row in steps) == Decimal(together["cost"]) == rate.amount(EXAMPLE)


def test_the_command_of_the_page(file: Path) -> None:
    """`ringback tariff price` prints what the page shows."""
    shown = [line[4:] for line in PAGE.splitlines() if line.startswith("    ")]
    place = next(place for place, line in enumerate(shown) if line.startswith("$ ringback tariff price"))
    arguments = shown[place].removeprefix("$ ringback tariff ").split()
    result = CliRunner().invoke(app, [*arguments, "--config", str(file)])
    assert result.output.splitlines() == shown[place + 1 : place + 5]


def test_the_settings_of_the_page() -> None:
    """The table of the settings of a rate has each, with its default; one without a default has to be given."""
    told = {row["setting"].strip("`"): row["default"] for row in table("setting", "default", "meaning")}
    fields = {field.name: field for field in msgspec.structs.fields(RateSettings)}
    assert list(told) == list(fields)
    for name, default in told.items():
        if fields[name].required:
            assert default == ""
        elif fields[name].default is not None:
            assert default == f"`{msgspec.json.encode(fields[name].default).decode()}`"


def test_the_parameters_of_the_page() -> None:
    """The table of PortSIP's names has every parameter of a rate."""
    named = {name for row in table("setting", "PortSIP") for name in re.findall(r"`(\w+)`", row["setting"])}
    assert named == set(Rate.__struct_fields__) - {"name", "prefix", "since"}
