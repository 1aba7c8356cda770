"""The commands, as a person types them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import pty
import re
import resource
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from factories import NOON, ORG, OTHER_ORG, wire_record
from processes import RINGBACK, ask, command, current_records, environment, make_token, ringback
from ringback.cli import app
from ringback.commands.common import utc_now
from ringback.records.fields import FIELDS
from ringback.records.values import to_wire_time
from ringback.server.tokens import Tokens
from ringback.store import Store

DATA = Path(__file__).resolve().parents[1] / "data"
COMMANDS = [
    "serve",
    "import",
    "export",
    "simulate",
    "status",
    "quarantine",
    "people import",
    "token create",
    "token list",
    "token revoke",
]
DAY = ("--from", "2026-03-02", "--days", "1", "--calls-per-day", "150")
ONCE = ("--redelivered", "0", "--revised", "0")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a simulated day in which nothing comes twice."""
    path = tmp_path_factory.mktemp("simulated") / "day.ndjson"
    ringback("simulate", "--seed", "7", *DAY, *ONCE, "--out", path).ok()
    return path


@pytest.fixture(scope="module")
def store(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a store with that day. Tests only read it."""
    data = tmp_path_factory.mktemp("imported") / "data"
    ringback("import", simulated, "--data", data).ok()
    return data


@pytest.fixture
def new_store(tmp_path: Path) -> Path:
    """The directory of a store that is not there yet."""
    return tmp_path / "new"


def lines_of(path: Path) -> list[bytes]:
    """The lines of a file, sorted."""
    return sorted(path.read_bytes().splitlines())


# Help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(name: str) -> None:
    """The help of every command has an example that begins with that command."""
    result = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert f"Example: ringback {name} " in result.output + " "


def test_every_command_is_listed() -> None:
    """`ringback` alone, which is no error for a person who looks around, names every command."""
    result = CliRunner().invoke(app, [], env={"COLUMNS": "200"})
    assert {name.split()[0] for name in COMMANDS} <= set(result.output.split())


# Import


def test_import_goes_on_after_a_file_that_is_missing(simulated: Path, new_store: Path, tmp_path: Path) -> None:
    """Of several files, one of which is missing, the others are imported; a message names it; exit code 1."""
    other = tmp_path / "other.ndjson"
    other.write_bytes(wire_record("of the last file"))
    done = ringback("import", simulated, "missing.json", other, "--data", new_store)
    assert "missing.json: there is no such file" in done.failed()
    assert done.text.splitlines()[-2:] == [
        f"{other}: 1 new, 0 revised, 0 duplicate, 0 quarantined",
        f"all files: {len(lines_of(simulated)) + 1:,} new, 0 revised, 0 duplicate, 0 quarantined",
    ]
    assert "of the last file" in current_records(new_store)


def test_import_from_standard_input(new_store: Path) -> None:
    """A page that another program pipes in is imported, compressed or not, and the second time it is a duplicate."""
    page = b'{"items":[' + wire_record("r1") + b"," + wire_record("r2") + b"]}"
    assert ringback("import", "-", "--data", new_store, stdin=page).ok().text.startswith("-: 2 new, ")
    done = ringback("import", "-", "--data", new_store, stdin=gzip.compress(page)).ok()
    assert done.text == "-: 0 new, 0 revised, 2 duplicate, 0 quarantined\n"


def test_many_orgs_in_one_file(new_store: Path, tmp_path: Path) -> None:
    """A file may have records of many organizations; those that name none get the one of --org."""
    file = tmp_path / "mixed.ndjson"
    nameless = wire_record("nameless", without=["Org UUID"])
    file.write_bytes(b"\n".join([wire_record("a", org=ORG), nameless, wire_record("b", org=OTHER_ORG)]))
    done = ringback("import", file, "--data", new_store).ok()
    assert "2 new, 0 revised, 0 duplicate, 1 quarantined" in done.text
    assert "mixed.ndjson, line 2: no Org UUID" in done.errors
    assert "--org" in done.errors
    again = ringback("import", file, "--org", str(OTHER_ORG), "--data", new_store).ok()
    assert "1 new, 0 revised, 2 duplicate, 0 quarantined" in again.text
    for org, expected in ((ORG, ["a"]), (OTHER_ORG, ["b", "nameless"])):
        exported = ringback("export", "--org", str(org), "--data", new_store).ok().raw.splitlines()
        assert sorted(json.loads(line)["Report ID"] for line in exported) == expected


def test_what_cannot_be_a_record_can_be_seen(new_store: Path) -> None:
    """Odd values are counted by field; what is quarantined is listed with reason, place and id, and comes back byte for
    byte by that id."""
    file = DATA / "odd-records.ndjson"
    done = ringback("import", file, "--org", str(ORG), "--data", new_store).ok()
    assert "odd value: report_time is unset in 3 records (each record is kept as it came)" in done.errors
    assert "odd value: site_timezone is unset in 1 record (" in done.errors
    assert "'ringback quarantine'" in done.errors
    listed = ringback("quarantine", "--data", new_store).ok().text
    entries = dict(re.findall(r"^([0-9a-f]{12})  .*line (\d.*)$", listed, re.MULTILINE))
    assert "no Report ID, so it cannot be told from other records" in listed
    lines = file.read_bytes().splitlines()
    assert f" {len(entries)} quarantined" in done.text
    assert "cut in the mid" in lines[16].decode()
    (cut,) = (entry for entry, line in entries.items() if line == "17")
    assert ringback("quarantine", "--show", cut, "--data", new_store).ok().raw == lines[16]
    assert "begins with 'nothing'" in ringback("quarantine", "--show", "nothing", "--data", new_store).failed()


def test_quarantine_of_a_store_that_has_none(store: Path) -> None:
    """An empty quarantine is said to be empty."""
    assert ringback("quarantine", "--data", store).ok().text == "The quarantine is empty.\n"


# Export


def test_export_is_byte_for_byte(simulated: Path, store: Path) -> None:
    """What was imported comes out again as the same lines, in order of Report time."""
    lines = ringback("export", "--data", store).ok().raw.splitlines()
    assert sorted(lines) == lines_of(simulated)
    times = [json.loads(line)["Report time"] for line in lines]
    assert times == sorted(times)


def test_export_and_import_give_the_same_store(store: Path, new_store: Path, tmp_path: Path) -> None:
    """An export that is imported into a new store, and exported there, is the same file; compressed or not."""
    first, second = tmp_path / "first.ndjson.gz", tmp_path / "second.ndjson"
    assert " records in " in ringback("export", "--out", first, "--data", store).ok().errors
    ringback("import", first, "--data", new_store).ok()
    ringback("export", "--out", second, "--data", new_store).ok()
    assert gzip.decompress(first.read_bytes()) == second.read_bytes()
    assert current_records(new_store) == current_records(store)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.ndjson.gz", "new", "second.ndjson"]


def test_export_as_csv(simulated: Path, store: Path) -> None:
    """The CSV has the columns of Control Hub's report and a row for each record; to import it changes nothing."""
    done = ringback("export", "--format", "csv", "--data", store).ok()
    rows = list(csv.DictReader(io.StringIO(done.text, newline="")))
    assert len(rows) == len(lines_of(simulated))
    assert list(rows[0]) == [field.csv for field in FIELDS if field.csv is not None]
    assert len(rows[0]) == 83
    again = ringback("import", "-", "--data", store, stdin=done.raw).ok()
    assert again.text == f"-: 0 new, 0 revised, {len(rows):,} duplicate, 0 quarantined\n"


def test_export_of_a_part(simulated: Path, store: Path) -> None:
    """--from is inclusive, --to exclusive, --location can be given several times, and times without a zone are UTC."""
    records = [json.loads(line) for line in lines_of(simulated)]
    times = sorted(record["Report time"] for record in records)
    begin, end = times[len(times) // 4], times[len(times) // 2]
    places = sorted({record["Location"] for record in records})[:2]
    expected = [r["Report ID"] for r in records if begin <= r["Report time"] < end and r["Location"] in places]
    options = ["--from", begin, "--to", end.removesuffix("Z"), "--location", places[0], "--location", places[1]]
    lines = ringback("export", *options, "--data", store).ok().raw.splitlines()
    assert 10 < len(expected) < len(records)
    assert sorted(json.loads(line)["Report ID"] for line in lines) == sorted(expected)


def test_export_asks_which_org(new_store: Path) -> None:
    """With several organizations in the store, export lists them, and tells how to choose."""
    page = wire_record("a", org=ORG) + b"\n" + wire_record("b", org=OTHER_ORG)
    ringback("import", "-", "--data", new_store, stdin=page).ok()
    message = ringback("export", "--data", new_store).failed()
    assert "--org" in message
    assert str(ORG) in message
    assert str(OTHER_ORG) in message


def test_export_that_fails_leaves_what_was_there(store: Path, tmp_path: Path) -> None:
    """When an export cannot be finished, the file of the last time stays as it is, and no half file is left."""
    out = tmp_path / "all.ndjson"
    out.write_text("last time")

    def no_space() -> None:  # for more than a few records
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        command("export", "--out", out, "--data", store),
        preexec_fn=no_space,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert f"Cannot write {out}" in done.stderr
    assert "Traceback" not in done.stderr
    assert out.read_text() == "last time"
    assert [path.name for path in tmp_path.iterdir()] == ["all.ndjson"]


def test_export_to_a_reader_that_has_enough(store: Path) -> None:
    """A reader that closes the pipe early, such as `head`, gets no complaint to see."""
    process = subprocess.Popen(
        command("export", "--data", store), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["Report ID"]
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(30)


# Simulate


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    """The same seed gives the same records and the same truth, byte for byte; another seed gives others."""
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder, seed in zip(folders, ("7", "7", "8"), strict=True):
        folder.mkdir()
        ringback("simulate", "--seed", seed, *DAY, "--out", folder / "day.ndjson.gz").ok()
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert contents[0].keys() == {"day.ndjson.gz", "day.ndjson.gz.truth.ndjson"}
    assert contents[0] == contents[1]
    assert all(contents[0][name] != contents[2][name] for name in contents[0])


def test_simulate_into_the_store_or_a_file(new_store: Path, tmp_path: Path) -> None:
    """Simulating into a store gives what simulating into a file and importing that gives: records, revisions, truth."""
    file, other = tmp_path / "day.ndjson", tmp_path / "other"
    many = ("--seed", "7", *DAY, "--revised", "0.2", "--redelivered", "0.2")
    direct = ringback("simulate", *many, "--data", new_store).ok()
    ringback("simulate", *many, "--out", file).ok()
    imported = ringback("import", file, "--data", other).ok()
    assert current_records(new_store) == current_records(other)
    assert re.findall(r"\d+", direct.errors)[:3] == re.findall(r" (\d+) ", imported.text)[:3]
    truth = file.with_name("day.ndjson.truth.ndjson")
    assert (new_store / "simulated-7.truth.ndjson").read_bytes() == truth.read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "2026-03-02", "--to", "2026-03-01"), "--to must be later than --from"),
        (("--from", "soon"), "'soon' is not a time such as"),
        (("--late", "2"), "--late"),
        (("--users", "3"), "--users"),
        (("--out", "nowhere/day.ndjson"), "Cannot write nowhere/day.ndjson"),
    ],
)
def test_wrong_options_of_simulate(
    options: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong range, time, share, number or file is refused with the words that say which, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["simulate", *options], env={"COLUMNS": "200"})
    assert result.exit_code != 0
    assert words in result.output + str(result.exception)
    assert list(tmp_path.iterdir()) == []


# Tokens


def authenticate(data: Path, text: str) -> object:
    """What a store says of a token."""
    opened = Store.open(data)
    try:
        return Tokens(opened, utc_now).authenticate(text)
    finally:
        opened.close()


def test_token_can_be_put_into_a_variable(store: Path) -> None:
    """Standard output has the token and nothing else, once; what there is to know of it goes to standard error."""
    script = f"T=$('{RINGBACK}' token create --name backup --data '{store}') && printf %s \"$T\""
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=environment(), check=True)
    token = done.stdout
    assert re.fullmatch(r"rb_[0-9a-f]{12}_[\w-]{40,}", token)
    secret = token.split("_", 2)[2]
    assert authenticate(store, token)
    listed = ringback("token", "list", "--data", store).ok()
    assert re.search(rf"{token[3:15]}  +backup  +.*documented", listed.text)
    assert secret not in done.stderr + listed.text + listed.errors
    assert all(secret.encode() not in path.read_bytes() for path in store.iterdir())


def test_revoked_token_is_invalid(store: Path) -> None:
    """A token that was revoked lets nobody in any more, and the list says so; an unknown one cannot be revoked."""
    token = make_token(store, org_of(store))
    ringback("token", "revoke", token[3:15], "--data", store).ok()
    assert authenticate(store, token) is None
    assert re.search(rf"{token[3:15]} .*revoked", ringback("token", "list", "--data", store).ok().text)
    assert "'ringback token list'" in ringback("token", "revoke", "0000", "--data", store).failed()


def org_of(data: Path) -> str:
    """The only organization of a store."""
    record = next(iter(current_records(data).values()))
    return str(json.loads(record)["Org UUID"])


@pytest.mark.parametrize(
    ("given", "lifetime"),
    [("90d", timedelta(days=90)), ("12h", timedelta(hours=12)), ("30m", timedelta(minutes=30)), (None, timedelta(365))],
)
def test_expiry_of_tokens(store: Path, given: str | None, lifetime: timedelta) -> None:
    """A token expires after the days, hours or minutes that were said; after a year, if nothing was."""
    options = [] if given is None else ["--expires", given]
    result = CliRunner().invoke(app, ["token", "create", *options, "--data", str(store)])
    assert result.exit_code == 0, result.output
    until = datetime.strptime(result.stderr.rpartition("expires ")[2].strip(), "%Y-%m-%d %H:%M UTC.").replace(
        tzinfo=UTC
    )
    assert abs(until - utc_now() - lifetime) < timedelta(minutes=2)


def test_token_that_never_expires(store: Path) -> None:
    """With --expires never, a token has no end."""
    result = CliRunner().invoke(app, ["token", "create", "--expires", "never", "--data", str(store)])
    assert "never expires" in result.stderr


@pytest.mark.parametrize("given", ["soon", "0d", "-1d", "90", "1w", "1.5h"])
def test_expiry_that_is_none(store: Path, given: str) -> None:
    """An expiry of another form is refused, with the forms there are."""
    result = CliRunner().invoke(app, ["token", "create", f"--expires={given}", "--data", str(store)])
    assert result.exit_code == 2
    assert "90d, 12h, 30m" in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(("option", "word"), [("--limits", "documented, 2023, none"), ("--scope", "calling_cdr_read")])
def test_limits_and_scopes_that_are_none(store: Path, option: str, word: str) -> None:
    """Unknown limits or scopes are refused, with those there are."""
    assert word in ringback("token", "create", option, "all", "--data", store).failed()


# Status


def test_status_tells_what_is_there(new_store: Path, tmp_path: Path) -> None:
    """Records, older versions, organizations, quarantine and times are those of what was imported."""
    file = tmp_path / "some.ndjson"
    noon, later = NOON, NOON + timedelta(hours=1)
    records = [wire_record(f"r{n}", report_time=noon + timedelta(seconds=n)) for n in range(5)]
    records += [wire_record("r0", report_time=later), wire_record("other", org=OTHER_ORG), b'"no record"']
    file.write_bytes(b"\n".join(records))
    ringback("import", file, "--data", new_store).ok()
    text = ringback("status", "--data", new_store).ok().text
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    assert str(new_store) in text
    assert "orgs        2" in text
    assert "records     6 (1 older versions kept beside them)" in text
    assert "quarantine  1 (see 'ringback quarantine')" in text
    assert rows[str(ORG)][1:4] == ["5", "1", "0"]
    assert rows[str(ORG)][6:8] == ["2026-03-02", "13:00:00Z"]
    assert rows[str(OTHER_ORG)][1:8] == ["1", "0", "0", "2026-03-02", "12:00:00Z", "2026-03-02", "12:00:00Z"]
    assert rows["(none)"][1:4] == ["0", "0", "1"]


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["export"], ["quarantine"], ["token", "list"], ["token", "create"], ["token", "revoke", "x"]],
)
def test_without_a_store(arguments: list[str], tmp_path: Path) -> None:
    """Commands that need a store say that there is none, where, and what makes one; and make none themselves."""
    result = CliRunner().invoke(app, [*arguments, "--data", str(tmp_path / "none")])
    message = str(result.exception)
    assert f"no store in {tmp_path / 'none'}" in message
    assert "--data" in message
    assert "'ringback import'" in message
    assert list(tmp_path.iterdir()) == []


def test_messages_show_names_as_they_are(tmp_path: Path) -> None:
    """A name with brackets, which some programs take for markup, is in the message as it was given."""
    assert "no store in nowhere[/red][1]." in ringback("status", "--data", "nowhere[/red][1]", cwd=tmp_path).failed()


# Progress


def test_plain_lines_where_there_is_no_terminal(new_store: Path) -> None:
    """Where standard error is no terminal, long work shows a plain line every few seconds."""
    process = subprocess.Popen(
        command("import", "-", "--data", new_store),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdin is not None
    pieces = [b"".join(wire_record(f"{piece}-{n}") + b"\n" for n in range(500)) for piece in range(14)]
    try:
        for piece in pieces:
            process.stdin.write(piece)
            process.stdin.flush()
            time.sleep(0.5)
    finally:
        output, errors = process.communicate(timeout=60)
    assert output == b"-: 7,000 new, 0 revised, 0 duplicate, 0 quarantined\n"
    assert re.fullmatch(rb"(-: [\d,]+ records\n)+", errors), errors


@pytest.mark.parametrize("make", [lambda file, data: command("import", file, "--data", data)])
def test_bar_on_a_terminal(simulated: Path, new_store: Path, make: Callable[[Path, Path], list[str]]) -> None:
    """On a terminal, long work shows a bar, and takes it away when it is done."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        make(simulated, new_store),
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env=environment(TERM="xterm-256color", COLUMNS="120"),
    )
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:  # how Linux says that the other side has closed
        pass
    os.close(master)
    assert process.wait(30) == 0
    assert simulated.name in shown.decode()
    assert "━" in shown.decode()
    assert shown.endswith(b"\x1b[2K"), "the line of the bar is erased at the end"


def test_simulate_plays_the_webex_cloud(tmp_path: Path) -> None:
    """`simulate --serve` answers with the token that it prints, and at the end tells what its clients did wrong."""
    output = tmp_path / "cloud.out"
    with output.open("wb") as file:
        process = subprocess.Popen(command("simulate", "--serve", "--days", "0.05"), stdout=file)
    try:
        while "Stop with" not in output.read_text():
            assert process.poll() is None
            time.sleep(0.05)
        told = dict(re.findall(r"^  (base URL|access token) +(\S+)$", output.read_text(), re.MULTILINE))
        now = datetime.now(UTC)
        window = {
            "startTime": to_wire_time(now - timedelta(minutes=30)),
            "endTime": to_wire_time(now - timedelta(minutes=5)),
        }
        assert ask(f"{told['base URL']}/v1/cdr_stream", told["access token"], **window).status == 200
        process.terminate()
        assert process.wait(30) == 0
        assert "1 request" in output.read_text()
    finally:
        process.kill()
        process.wait()
