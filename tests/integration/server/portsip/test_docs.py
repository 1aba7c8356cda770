"""docs/call-logs-api.md says what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integration.server.portsip.logs import CDRS, LOGS, SYNC, USER_CDRS, administrator, append, log, page, user
from ringback.server.portsip import errors, options, sync
from ringback.settings import PortsipSettings
from serving import Site

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "call-logs-api.md").read_text("utf-8")


def table(first: str) -> list[list[str]]:
    """The rows of the table whose header begins with this, each as its cells."""
    lines = PAGE[PAGE.index(f"\n| {first}") + 1 :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@pytest.mark.parametrize("line", re.findall(r"^ {4}((?:filter|orderby)=.+)$", PAGE, re.MULTILINE))
def test_examples_of_options_are_taken(site: Site, line: str) -> None:
    """Each example of a filter or an order is one."""
    query = dict(part.split("=", 1) for part in line.split("&"))
    assert site.ask(LOGS, administrator(site), query).status == 200


def test_all_options_are_there() -> None:
    """The table of options has each of them, and the bounds of those that have some."""
    rows = {cells[0].strip("`"): " ".join(cells[1:]) for cells in table("option")}
    assert list(rows) == ["filter", "orderby", "top", "skip", "search", "count"]
    assert f"1 to {options.MAX_TOP}" in rows["top"]
    assert f"0 to {options.MAX_SKIP:,}" in rows["skip"]
    assert f"up to {options.MAX_SEARCH} characters" in rows["search"]
    assert f"about {sync.MAX_CHANGES} summaries" in PAGE
    assert f"{options.MAX_BYTES // 1024} KiB at most" in PAGE
    assert f"{PortsipSettings().access_limit:,} by default" in PAGE


def test_all_codes_are_there() -> None:
    """The table of errors has every code that the server gives."""
    documented = {cells[1].strip("`") for cells in table("status")}
    assert documented == {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, str)}


def test_the_shapes_are_those_of_the_table(site: Site) -> None:
    """Each path has as many keys as the table says, and lacks those that it names."""
    anna = user(site)
    token = site.ask(SYNC, anna, method="POST").json["token"]
    append(site, log("1"))
    (changed,) = site.ask(f"{SYNC}/{token}/diff", anna, method="POST").json["items"]
    found = {
        "`/api/calllogs`": page(site, LOGS, anna)["items"][0],
        "`/api/calllogs/ID`": site.ask(f"{LOGS}/1", anna).json,
        "`/api/cdrs`, `/api/user/cdrs`": page(site, CDRS, anna)["items"][0],
        "`/api/cdrs/ID`": site.ask(f"{CDRS}/s-1", anna).json["items"][0],
        "`/api/user/cdrs/ID`": site.ask(f"{USER_CDRS}/s-1", anna).json["items"],
        "`…/diff`": changed["items"][0],
    }
    rows = {cells[0]: cells[2] for cells in table("| items")}
    assert set(rows) == set(found)
    for path, text in rows.items():
        number, _, names = text.partition(":")
        if number.isdigit():
            assert len(found[path]) == int(number)
            assert not set(re.findall(r"`(\w+)`", names)) & set(found[path])
        elif path == "`…/diff`":
            assert list(found[path]) == re.findall(r"`(\w+)`", text)
        else:
            assert (text, len(found[path])) == ("all 26", 26)
