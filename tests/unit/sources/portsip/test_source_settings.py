"""The settings of a PBX as a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factories import ORG
from ringback.settings import PortsipSourceSettings, load
from ringback.sources.collecting.intervals import MINUTE
from ringback.sources.portsip.rules import Rules
from ringback.sources.portsip.source import rules_of


def source(**values: Any) -> PortsipSourceSettings:
    """Settings of a source with a user."""
    own: dict[str, Any] = {
        "name": "s",
        "org": ORG,
        "base_url": "https://pbx.example.com:8887/api",
        "username": "u",
        "password_env": "PASSWORD",
    }
    return PortsipSourceSettings(**own | values)


def test_defaults_are_those_of_the_rules() -> None:
    """A source without further settings is read by the usual rules, and no row is asked for alone."""
    assert rules_of(source()) == Rules()
    assert rules_of(source(details=True, details_per_minute=7)).details == 7
    assert rules_of(source(latest_row="3m")).latest_row == 3 * MINUTE


def test_its_kind_is_named(tmp_path: Path) -> None:
    """In a file, the kind says that a source is a PBX."""
    file = tmp_path / "ringback.toml"
    file.write_text(
        f'[[sources]]\nkind = "portsip"\nname = "s"\norg = "{ORG}"\nusername = "u"\npassword_env = "PASSWORD"\n'
        'base_url = "https://pbx.example.com:8887/api"\n'
    )
    assert load(file, {}).sources == (source(),)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"name": "a b"}, "the name of a source has"),
        ({"base_url": "pbx.example.com"}, "is no address such as"),
        ({"base_url": "http://pbx.example.com/api"}, "plain http is for this machine only"),
        ({"username": ""}, "needs either a user"),
        ({"password_env": ""}, "needs either a user"),
        ({"token_env": "TOKEN"}, "needs either a user"),
        ({"password_file": "x"}, "give password_env or password_file, not both"),
        ({"login": "oauth"}, "needs client_id"),
        ({"wsi": True, "username": "", "password_env": "", "token_env": "TOKEN"}, "the WebSocket of a PBX takes no"),
        ({"wsi_url": "https://pbx.example.com/wsi"}, "no address such as wss://"),
        ({"wsi_url": "ws://pbx.example.com/wsi"}, "plain http is for this machine only"),
        ({"overlap": "1s"}, "overlap is at least 3s"),
        ({"span": "2m"}, "more than twice the overlap"),
        ({"history": "2000d"}, "history is at most 1825d"),
        ({"poll": "0s"}, "poll is longer than nothing"),
        ({"poll": "often"}, "poll: 'often' is no length of time"),
        ({"top": 101}, "top is between 10 and 100"),
        ({"requests_per_minute": 0}, "between 1 and 10000"),
        ({"clock_speed": 0.0}, "more than 0"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any], says: str) -> None:
    """A setting that cannot work is refused with what it may be."""
    with pytest.raises(ValueError, match=says):
        source(**values)
