"""The commands about what calls cost."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from factories import NOON
from processes import ringback
from rating import call_log
from ringback.cli import app
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.projections.costs.projection import CostsProjection
from ringback.projections.costs.tariff import Tariff
from ringback.projections.runner import Runner
from ringback.settings import load
from ringback.store import Store

SETTINGS = """
[billing]
currency = "EUR"
country = "DE"
emergency = ["0112"]

[[billing.rates]]
name = "Germany"
prefix = "+49"
connect_fee = "0.05"
price = "0.10"
grace_seconds = 3
since = 2026-01-01T00:00:00Z

[[billing.rates]]
name = "Germany"
prefix = "49"
price = "0.20"
since = 2100-01-01T00:00:00Z
"""
DAY = ("--from", "2026-03-02", "--to", "2026-03-03")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file of settings with a tariff."""
    file = tmp_path / "settings.toml"
    file.write_text(SETTINGS, "utf-8")
    return file


@pytest.fixture
def store(tmp_path: Path, config: Path) -> Path:
    """The directory of a store in which calls were rated by that tariff, and one has come since."""
    directory = tmp_path / "data"
    opened = Store.open(directory)
    ledger = SqlLedger(opened, utc_now)
    ledger.append(
        [
            *(call_log(f"call {number}", seconds=60 * number) for number in range(1, 14)),
            call_log("emergency", "112"),
            call_log("next day", start=NOON + timedelta(days=1)),
        ]
    )
    runner = Runner(opened, ledger, [CostsProjection(Tariff(load(config, {}).billing), utc_now)], "test", utc_now)
    runner.catch_up()
    runner.stop()
    ledger.append([call_log("new")])
    opened.close()
    return directory


def words(line: str) -> str:
    """A row of a table with one space between its words."""
    return " ".join(line.split())


def cells(text: str, first: str) -> list[str]:
    """The cells of the row of a table that begins with this one."""
    (row,) = [line.split() for line in text.splitlines() if line.split()[:1] == [first]]
    return row


@pytest.mark.parametrize("name", ["check", "price", "rerate"])
def test_help_has_an_example(name: str) -> None:
    """The help of every command about tariffs has an example that begins with that command."""
    result = CliRunner().invoke(app, ["tariff", name, "--help"], env={"COLUMNS": "200"})
    assert f"Example: ringback tariff {name} " in result.output


def test_the_tariff_is_shown(config: Path) -> None:
    """`tariff check` shows each rate, which hold now, and what calls of one and of five minutes cost."""
    text = ringback("tariff", "check", "--config", config).ok().text
    now, later = (words(line) for line in text.splitlines() if line.startswith("+49"))
    assert now == "+49 Germany 2026-01-01T00:00:00+00:00 yes 0.05 60 s at 0.1 60 s at 0.1 0 s 3 s 0 0.15 0.55"
    assert later == "+49 Germany 2100-01-01T00:00:00+00:00 0 60 s at 0.2 60 s at 0.2 0 s 0 s 0 0.2 1"
    assert "emergency  numbers of DE, 0112" in text
    assert "Calls to other numbers are not rated" in text


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("030123456", "61"), ["billed  60 s at 0.1 a minute, then 1 x 60 s at 0.1 a minute", "cost    0.25 EUR"]),
        (("+4930123456", "60"), ["rate    Germany (+49, since 2026-01-01T00:00:00+00:00)", "cost    0.15 EUR"]),
        (("030123456", "2"), ["number  +4930123456", "billed  nothing: shorter than 3 s", "cost    0 EUR"]),
        (("030123456", "60", "--at", "2100-01-01"), ["cost    0.2 EUR"]),
        (("030123456", "60", "--at", "2025-12-31"), ["cost    none: no rate for the number at that time"]),
        (("0112", "60"), ["cost    none: emergency calls"]),
        (("ann", "60"), ["cost    none: what was dialled is no telephone number"]),
    ],
)
def test_the_price_of_a_call(config: Path, arguments: tuple[str, ...], lines: list[str]) -> None:
    """`tariff price` shows by which rate a call is billed, what of it, and what it costs; or why it costs nothing."""
    assert set(lines) <= set(ringback("tariff", "price", *arguments, "--config", config).ok().text.splitlines())


def test_a_price_is_corrected(store: Path, config: Path) -> None:
    """`tariff rerate` shows what a new price changes and writes nothing; with --apply it writes just that, once."""
    config.write_text(SETTINGS.replace('"0.10"', '"0.11"'), "utf-8")
    command = ("tariff", "rerate", *DAY, "--data", store, "--config", config)
    shown = ringback(*command).ok()
    assert cells(shown.text, "Germany") == ["Germany", "EUR", "13", "9.75", "13", "10.66", "+0.91"]
    assert cells(shown.text, "all")[1:] == cells(shown.text, "Germany")[1:]
    assert "not rated: 1 (emergency calls)" in shown.text
    largest = [line for line in shown.text.split("largest differences:")[1].splitlines() if line.startswith("call ")][
        1:
    ]
    assert len(largest) == 10
    assert words(largest[0]) == (
        "call 13 2026-03-02 12:00:00Z +4930123456 780 1.35 EUR (Germany, 101@pbx.example.com) "
        "1.48 EUR (Germany, 101@pbx.example.com) +0.13"
    )
    assert "would change the cost of 13 of 14 calls. Nothing is written without --apply." in shown.errors
    assert "1 newer records are left out" in shown.errors
    assert ringback(*command).ok().text == shown.text
    applied = ringback(*command, "--apply").ok()
    assert applied.text == shown.text
    assert "Changed the cost of 13 of 14 calls." in applied.errors
    again = ringback(*command, "--apply").ok()
    assert "Changed the cost of 0 of 14 calls." in again.errors
    assert cells(again.text, "Germany") == ["Germany", "EUR", "13", "10.66", "13", "10.66", "0"]
    assert "largest" not in again.text


def test_each_change_as_json(store: Path, config: Path) -> None:
    """With --json there is a line for each call that changes, before and now, and no table."""
    config.write_text(SETTINGS.replace('["0112"]', '["030123456"]'), "utf-8")
    done = ringback("tariff", "rerate", *DAY, "--json", "--data", store, "--config", config).ok()
    lines = [json.loads(line) for line in done.text.splitlines()]
    assert len(lines) == 13
    assert lines[0] == {
        "id": "call 1",
        "started_at": "2026-03-02T12:00:00Z",
        "number": "+4930123456",
        "seconds": 60,
        "before": {"amount": "0.15", "currency": "EUR", "account": "101@pbx.example.com", "tariff": "Germany"},
        "now": None,
    }


def test_what_is_wrong_is_said(store: Path, config: Path, tmp_path: Path) -> None:
    """Without a tariff, with a wrong one, or with a range that is none, the message says what to do."""
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    assert "There is no tariff" in ringback("tariff", "check", "--config", empty).failed()
    empty.write_text(SETTINGS.replace('"0.10"', "0.10"), "utf-8")
    assert 'in quotes, such as "0.1"' in ringback("tariff", "price", "110", "1", "--config", empty).failed()
    backwards = ("--from", "2026-03-03", "--to", "2026-03-02")
    assert "--to is later" in ringback("tariff", "rerate", *backwards, "--data", store, "--config", config).failed()


def test_a_call_without_end_has_no_price(config: Path) -> None:
    """Seconds that no call has are refused with a message, not with a failure of the arithmetic."""
    refused = ringback("tariff", "price", "030123456", "9" * 120, "--config", config)
    assert refused.code == 2
    assert "1000000000" in refused.errors
    assert "Traceback" not in refused.errors
