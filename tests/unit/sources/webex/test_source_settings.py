"""The settings of a source, and its secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factories import ORG
from ringback.settings import WebexSourceSettings, duration
from ringback.sources.collecting.secrets import CredentialsError, Secret
from ringback.sources.webex.credentials import credentials_of
from ringback.sources.webex.reader import host_of
from ringback.sources.webex.rules import Rules
from ringback.sources.webex.source import rules_of

APP: dict[str, Any] = {
    "client_id": "C1",
    "client_secret_env": "CLIENT_SECRET",
    "refresh_token_env": "REFRESH_TOKEN",
}


def source(**values: Any) -> WebexSourceSettings:
    """Settings of a source with a token."""
    own: dict[str, Any] = {"name": "s", "org": ORG, "token_env": "TOKEN"}
    return WebexSourceSettings(**own | values)


def test_defaults_are_the_documented_constants() -> None:
    """A source without further settings is read by the limits that the cloud documents."""
    assert rules_of(source()) == Rules()


def test_a_length_of_time() -> None:
    """Lengths of time have a unit; anything else is refused."""
    assert [duration(text).total_seconds() for text in ("250ms", "90s", "5m", "12h", "30d")] == [
        0.25,
        90,
        300,
        43_200,
        2_592_000,
    ]
    for text in ("", "5", "5 m", "-5m", "1.5h", "5min", "٣h"):
        with pytest.raises(ValueError, match="no length of time such as"):
            duration(text)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"name": ""}, "the name of a source has"),
        ({"name": "a b"}, "the name of a source has"),
        ({"token_env": ""}, "needs either token_env or token_file, or all three"),
        ({**APP}, "needs either"),
        ({"token_env": "", "client_id": "C"}, "all three"),
        ({"token_file": "x"}, "token_env or token_file, not both"),
        ({"base_url": "http://cloud.example.com"}, "plain http is for this machine only"),
        ({"token_url": "http://cloud.example.com"}, "plain http is for this machine only"),
        ({"base_url": "cloud.example.com"}, "is no address such as"),
        ({"margin": "30s"}, "margin is at least stream_newest"),
        ({"overlap": "0s"}, "overlap is at least 1ms"),
        ({"stream_span": "2m"}, "more than twice the overlap"),
        ({"feed_oldest": "1h"}, "feed_oldest is at least feed_span"),
        ({"poll": "0s"}, "poll is longer than nothing"),
        ({"poll": "often"}, "poll: 'often' is no length of time"),
        ({"max_page": 0}, "between 1 and 5000"),
        ({"initial_requests": 0}, "between 1 and 1000"),
        ({"clock_speed": 0.0}, "more than 0"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any], says: str) -> None:
    """A setting that cannot work is refused with what it may be."""
    with pytest.raises(ValueError, match=says):
        source(**values)


def test_plain_http_on_this_machine() -> None:
    """Addresses on this machine may be plain http, for tests."""
    assert host_of(source(base_url="http://127.0.0.1:8080")) == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("region", "host"),
    [("us", "analytics-calling.webexapis.com"), ("eu", "analytics-calling-eu.webexapis.com")],
)
def test_the_host_of_a_region(region: Any, host: str) -> None:
    """Each region has its documented host, and all are known."""
    assert host_of(source(region=region)) == host
    assert host in source().known_hosts


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """A secret is read where the settings say, without white space around it, and anew each time."""
    file = tmp_path / "token"
    file.write_text(" one\n")
    secret = Secret("access token", "", str(file), {})
    assert secret.read() == "one"
    assert secret.replace("two")
    assert secret.read() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert Secret("access token", "TOKEN", "", {"TOKEN": "three"}).read() == "three"


def test_a_missing_secret_is_named_by_its_place(tmp_path: Path) -> None:
    """Without a secret nothing starts, and the message says where it was looked for."""
    with pytest.raises(CredentialsError, match="The access token is not in the environment variable TOKEN"):
        credentials_of(source(), {}, print)
    with pytest.raises(CredentialsError, match=f"The access token cannot be read from the file {tmp_path / 'none'}"):
        credentials_of(source(token_env="", token_file=str(tmp_path / "none")), {}, print)


def test_sources_with_the_same_secret_share_a_pace() -> None:
    """The same credentials have the same key, others another; it does not tell the secret."""
    keys = [credentials_of(source(), {"TOKEN": token}, print).key for token in ("a-secret", "a-secret", "another")]
    assert keys[0] == keys[1] != keys[2]
    assert "secret" not in keys[0]
