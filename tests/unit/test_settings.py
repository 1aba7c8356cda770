"""Settings: defaults, the file, the environment, and what is said when one is wrong."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from factories import ORG
from ringback.settings import (
    WORKER_VARIABLE,
    BillingSettings,
    OrgSettings,
    PortsipSettings,
    PortsipSourceSettings,
    ServerSettings,
    Settings,
    SettingsError,
    WebexSourceSettings,
    load,
)

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "": Settings,
    "In the section `[server]`": ServerSettings,
    "In the section `[portsip]`": PortsipSettings,
    "In the section `[billing]`": BillingSettings,
    'In a section `[orgs."UUID"]`': OrgSettings,
    "In a section `[[sources]]` of kind `webex`": WebexSourceSettings,
    "In a section `[[sources]]` of kind `portsip`": PortsipSourceSettings,
}
"""What stands before the table of each on the page of the settings."""

VARIABLES: dict[type[msgspec.Struct], str] = {
    Settings: "RINGBACK",
    ServerSettings: "RINGBACK_SERVER",
    PortsipSettings: "RINGBACK_PORTSIP",
}
"""How the variables begin of those that have any."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "ringback.toml") -> Path:
    """A settings file in the current directory."""
    path = Path(name).absolute()
    path.write_text(text, "utf-8")
    return path


def refused(file: Path | None = None, **environment: str) -> str:
    """What is said of settings that are wrong."""
    with pytest.raises(SettingsError) as raised:
        load(file, environment)
    return str(raised.value)


def test_defaults() -> None:
    """Without a file and variables, the server listens on this machine only, port 8080, with one web process."""
    settings = load(None, {"HOME": "x", "PATH": "y"})
    assert settings == Settings()
    assert (settings.directory, settings.orgs) == (Path("ringback-data"), {})
    assert settings.server == ServerSettings(
        host="127.0.0.1", port=8080, workers=1, public_url="", region="us", feed_time="report", shared_rate=False
    )


FILE = f"""
data = "/var/lib/ringback"

[server]
host = "0.0.0.0"
port = 9000
workers = 2
public_url = "https://cdr.example.com"
region = "eu"
feed_time = "start"
shared_rate = true
home_country = "DE"

[orgs."{ORG}"]
region = "gov"
"""
WRITTEN = Settings(
    data="/var/lib/ringback",
    server=ServerSettings(
        host="0.0.0.0",  # noqa: S104  # never listened on here
        port=9000,
        workers=2,
        public_url="https://cdr.example.com",
        region="eu",
        feed_time="start",
        shared_rate=True,
        home_country="DE",
    ),
    orgs={ORG: OrgSettings(region="gov")},
)


def test_a_file() -> None:
    """Every setting can stand in a file."""
    assert load(write(FILE, "other.toml"), {}) == WRITTEN


def test_the_usual_file_is_found() -> None:
    """`ringback.toml` in the current directory is read without being named; a file that is named is read instead."""
    write(FILE)
    assert load(None, {}) == WRITTEN
    assert load(write("", "other.toml"), {}) == Settings()


def test_the_environment() -> None:
    """Each setting but those of orgs is a variable, too."""
    environment = {
        "RINGBACK_DATA": "/var/lib/ringback",
        "RINGBACK_SERVER_HOST": "0.0.0.0",  # noqa: S104  # never listened on here
        "RINGBACK_SERVER_PORT": "9000",
        "RINGBACK_SERVER_WORKERS": "2",
        "RINGBACK_SERVER_PUBLIC_URL": "https://cdr.example.com",
        "RINGBACK_SERVER_REGION": "eu",
        "RINGBACK_SERVER_FEED_TIME": "start",
        "RINGBACK_SERVER_SHARED_RATE": "true",
        "RINGBACK_SERVER_HOME_COUNTRY": "DE",
    }
    assert {name.removeprefix("RINGBACK_SERVER_").lower() for name in environment} - {"ringback_data"} == set(
        ServerSettings.__struct_fields__
    )
    assert load(None, environment) == msgspec.structs.replace(WRITTEN, orgs={})


def test_the_environment_wins() -> None:
    """A variable wins over the file; what it does not name stays as the file says."""
    settings = load(write(FILE), {"RINGBACK_SERVER_PORT": "9001", "RINGBACK_DATA": "here"})
    assert settings == msgspec.structs.replace(
        WRITTEN, data="here", server=msgspec.structs.replace(WRITTEN.server, port=9001)
    )


def test_variables_for_other_ends() -> None:
    """The variable that names the file, and the one between our own processes, are no settings and are no error."""
    assert load(None, {"RINGBACK_CONFIG": "other.toml", WORKER_VARIABLE: "{}"}) == Settings()


@pytest.mark.parametrize(("text", "shared"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_yes_and_no(text: str, shared: bool) -> None:
    """A variable for a yes-or-no setting is true, false, 1 or 0."""
    assert load(None, {"RINGBACK_SERVER_SHARED_RATE": text}).server.shared_rate is shared


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("port = 80", "unknown field `port`"),
        ("[server]\nprot = 80", "unknown field `prot` - at `$.server`"),
        ('[server]\nport = "http"', "at `$.server.port`"),
        ("[server]\nport = 65536", "a port is between 0 and 65535"),
        ("[server]\nport = -1", "a port is between 0 and 65535"),
        ("[server]\nport = 80.5", "at `$.server.port`"),
        ("[server]\nworkers = 0", "there can be 1 to 64 workers"),
        ("[server]\nworkers = 65", "there can be 1 to 64 workers"),
        ('[server]\npublic_url = "cdr.example.com"', "public_url begins with http:// or https://"),
        ('[server]\nregion = "mars"', "at `$.server.region`"),
        ('[server]\nfeed_time = "end"', "at `$.server.feed_time`"),
        ('[server]\nshared_rate = "perhaps"', "at `$.server.shared_rate`"),
        ('server = "here"', "at `$.server`"),
        ("data = 5", "at `$.data`"),
        ('[orgs.us]\nregion = "eu"', "UUID"),
        (f'[orgs."{ORG}"]\nregion = "mars"', "at `$.orgs[...].region`"),
        (f'[orgs."{ORG}"]\nname = "us"', "unknown field `name`"),
    ],
)
def test_wrong_settings_in_a_file(toml: str, says: str) -> None:
    """A setting that is unknown or does not fit is refused, with its place and where to read what it may be."""
    message = refused(write(toml))
    assert says in message
    assert "docs/settings.md" in message
    assert "\n" not in message


def test_a_section_that_is_none_is_refused_with_variables_too() -> None:
    """A variable cannot be set beside a section that is none: the file is what is refused."""
    assert "at `$.server`" in refused(write("server = 5"), RINGBACK_SERVER_PORT="80")


@pytest.mark.parametrize("name", ["RINGBACK_PORT", "RINGBACK_SERVER", "RINGBACK_SERVER_PROT", "RINGBACK_DATA_DIR"])
def test_unknown_variables(name: str) -> None:
    """A variable that begins with RINGBACK_ and names no setting is refused, and the message names those there are."""
    message = refused(None, **{name: "80"})
    assert message.startswith(
        f"The environment variable {name} names no setting. Known: RINGBACK_DATA, RINGBACK_CONFIG,"
    )
    assert all(f"RINGBACK_SERVER_{field.upper()}" in message for field in ServerSettings.__struct_fields__)


@pytest.mark.parametrize(
    ("variable", "text"), [("PORT", "http"), ("PORT", ""), ("WORKERS", "two"), ("SHARED_RATE", "yes"), ("REGION", "US")]
)
def test_wrong_variables(variable: str, text: str) -> None:
    """A variable whose text does not fit is refused with the place of its setting."""
    assert f"`$.server.{variable.lower()}`" in refused(None, **{f"RINGBACK_SERVER_{variable}": text})


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is missing, is none, is no text or no TOML is refused by its name."""
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    for file in (tmp_path / "missing.toml", tmp_path, binary):
        assert refused(file).startswith(f"The settings file {file} cannot be read: ")
    file = write("[server\n")
    message = refused(file)
    assert message.startswith(f"The settings file {file} is not valid TOML: ")
    assert "line 1" in message


def tables() -> dict[str, dict[str, str]]:
    """The tables of the page: their rows by setting, by what stands before the table."""
    found: dict[str, dict[str, str]] = {}
    before = ""
    for line in DOCS.read_text("utf-8").split("## All settings")[1].split("## When a setting is wrong")[0].splitlines():
        before = next((section for section in SECTIONS if section and line.startswith(section)), before)
        if match := re.match(r"\| `(\w+)` \|", line):
            assert match[1] not in found.setdefault(before, {}), f"{match[1]} stands there twice"
            found[before][match[1]] = line
    return found


def test_every_setting_is_documented() -> None:
    """The page of the settings has each setting in the table of its section, with its default and its variable, and
    nothing else."""
    on_the_page = tables()
    assert set(on_the_page) == set(SECTIONS)
    for section, struct in SECTIONS.items():
        rows = on_the_page[section]
        fields = {field.name: field for field in msgspec.structs.fields(struct)}
        own = set(fields) - {"server", "portsip", "billing", "orgs", "sources"} if struct is Settings else set(fields)
        assert set(rows) == own
        for name in own:
            default = msgspec.json.encode(fields[name].default).decode() if not fields[name].required else '""'
            if struct in VARIABLES:
                assert f"`{VARIABLES[struct]}_{name.upper()}`" in rows[name]
                assert f"| `{default}` |" in rows[name]
            elif default not in ('""', "null", "[]"):
                assert f"| `{default}` |" in rows[name] or (struct, name) in IN_WORDS, name


IN_WORDS = {(WebexSourceSettings, "known_hosts")}
"""Defaults that the page tells in words."""


def test_the_examples_of_the_page_are_valid() -> None:
    """Each TOML example of the page can be loaded as it stands, and the complete one has every setting."""
    examples = [part.split("```")[0] for part in DOCS.read_text("utf-8").split("```toml\n")[1:]]
    assert examples
    for example in examples:
        load(write(example), {})
    settings = load(write(examples[0]), {})
    complete = tomllib.loads(examples[0])
    assert set(complete) == set(Settings.__struct_fields__)
    assert set(complete["server"]) == set(ServerSettings.__struct_fields__)
    assert set(complete["portsip"]) == set(PortsipSettings.__struct_fields__)
    assert set(complete["billing"]) == set(BillingSettings.__struct_fields__)
    assert settings.sources
    assert all(isinstance(org, UUID) for org in settings.orgs)
