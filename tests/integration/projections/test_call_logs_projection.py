"""What becomes of records as call logs: one row each, one summary for each session, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from sqlalchemy import Connection, text

from factories import ORG, OTHER_ORG, Clock, make_record
from integration.ledger.statements import listening, plan
from integration.projections.pbx import Pbx, call_log, ids, moment
from ringback.projections import runner as runner_module
from ringback.projections.call_logs import projection as projection_module
from ringback.projections.call_logs import rows as rows_module
from ringback.projections.call_logs.projection import CallLogsProjection
from ringback.projections.call_logs.query import Wanted
from ringback.projections.call_logs.rows import MOST_SEARCHED
from ringback.records.decode import Record
from ringback.records.kinds import as_call_log, call_log_of, decode_any
from ringback.records.portsip.call_log import CallLog, read_call_log, write_call_log
from ringback.records.portsip.fields import CALL_LOG_FIELDS, CallLogDirection, EndReason
from ringback.records.values import from_microseconds, to_microseconds
from ringback.store.schema import call_log_users, call_logs, call_summaries, call_summary_users
from unit.records.portsip.call_logs import FULL
from unit.records.portsip.call_logs import call_logs as any_call_logs

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture
def pbx(directory: Path, clock: Clock) -> Iterator[Pbx]:
    """An empty store."""
    with Pbx(directory, clock) as pbx:
        yield pbx


def later(record: Record, **values: Any) -> Record:
    """A newer version of the record of a call log."""
    return call_log(org=record.org, **{**msgspec.json.decode(record.raw), **values})


def users(pbx: Pbx, removed: int = 0) -> set[tuple[str, str]]:
    """Whose which summary is, or was."""
    return {(row["user_id"], row["id"]) for row in pbx.rows(call_summary_users) if row["removed"] == removed}


def numbers(pbx: Pbx) -> dict[str, tuple[int, int]]:
    """Of each summary, what it was created and last changed with."""
    return {row["id"]: (row["created"], row["changed"]) for row in pbx.rows(call_summaries)}


# One record, one row


def test_a_call_log_is_shown_as_it_is(pbx: Pbx) -> None:
    """Every field of a PortSIP call log is there as the PBX gave it, to the microsecond; a list has no cost."""
    given = {**FULL, "started_at": "2026-03-02T12:00:00.000001Z"}
    pbx.add(call_log(**given))
    expected = read_call_log(msgspec.json.encode(given))
    assert pbx.call_logs.one(ORG, expected.id) == expected
    assert pbx.logs() == [msgspec.structs.replace(expected, cost=None, billed_account=None)]


def test_what_is_blank_is_null(pbx: Pbx) -> None:
    """A field that is null, empty, missing or odd is NULL in the table, and blank when it is read."""
    for id, value in (("1", None), ("2", ""), ("3", ["odd"])):
        pbx.add(call_log(id, **dict.fromkeys(list(FULL)[1:], value)))
    shown = {field.name for field in CALL_LOG_FIELDS} - {"id"}
    for row in pbx.rows(call_logs):
        assert {row[name] for name in shown} == {None}
    assert pbx.logs() == [CallLog(id="1"), CallLog(id="2"), CallLog(id="3")]


def test_a_webex_record_is_shown_as_it_maps(pbx: Pbx) -> None:
    """A CDR is the call log that its leg maps to, with the record id as its id."""
    record = make_record(
        "webex", **{"Correlation ID": "c1", "User UUID": "ANN", "Release time": "2026-03-02T12:01:00Z"}
    )
    pbx.add(record)
    (log,) = pbx.logs()
    assert log == read_call_log(as_call_log(record.raw, ORG))
    assert (log.id, log.session_id, log.ended_at) == ("webex", "c1", moment(60))
    assert [(row["user_id"], row["id"]) for row in pbx.rows(call_log_users)] == [("ann", "webex")]


@settings(max_examples=150)
@given(log=any_call_logs)
def test_any_call_log_comes_back(log: CallLog) -> None:
    """Whatever a call log says, its row says the same, and so does the summary of it alone."""
    made = rows_module.made_of(log, call_logs)
    assert set(made) == {field.name for field in CALL_LOG_FIELDS}
    read = rows_module.read_row(type("Row", (), made))
    assert read == msgspec.structs.replace(log, odd=())


def test_times_are_kept_to_the_microsecond() -> None:
    """The earliest and the latest time that can be read come back as they are, and so does one before 1970."""
    for written in ("0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"):
        log = read_call_log(msgspec.json.encode({"id": "1", "started_at": written}))
        assert log.started_at is not None
        assert from_microseconds(to_microseconds(log.started_at)) == log.started_at
        assert to_microseconds(from_microseconds(-1)) == -1


def test_odd_records_stop_nothing(pbx: Pbx) -> None:
    """Call logs with odd values, and CDRs of the strangest kind, have a row each, and so has what comes after them."""
    odd: list[object] = ["\0", "x" * 2000, "🙂", "' OR 1=1 --", 10**17, -(10**17), True, {"a": 1}, "%", "ß"]
    records = [call_log("long", session_id="x" * 30_000, call_id="y" * 30_000)]
    for number, value in enumerate(odd):
        values = dict.fromkeys(list(FULL)[1:], value)
        odd_logs = [{"id": f"{name} {number}", "session_id": "s", name: value} for name in values]
        logs = ({"id": f"all {number}", **values}, *odd_logs)
        records += [decode_any(msgspec.json.encode(log), ORG).record for log in logs]
        keys: dict[str, Any] = dict.fromkeys(("Correlation ID", "Calling number", "User UUID", "Release time"), value)
        records.append(make_record(f"cdr {number}", **keys))
    pbx.add(*records, call_log("last"))
    assert len(pbx.rows(call_logs)) == len(records) + 1
    assert pbx.checkpoint().sequence == len(records) + 1
    for record in records:
        assert pbx.call_logs.one(ORG, record.record_id) is not None


def test_organizations_know_nothing_of_each_other(pbx: Pbx) -> None:
    """The same id and session in another org is another call log, another summary, and another user's."""
    pbx.add(call_log("1", session_id="s"), call_log("1", session_id="s", caller="9", org=OTHER_ORG))
    assert [log.caller for log in (*pbx.logs(), *pbx.logs(org=OTHER_ORG))] == ["+12025550143", "9"]
    assert [len(pbx.call_logs.of_session(org, "s")) for org in (ORG, OTHER_ORG)] == [1, 1]
    assert pbx.call_logs.one(OTHER_ORG, "1") != pbx.call_logs.one(ORG, "1")


# Revisions


def test_the_newest_version_decides(pbx: Pbx) -> None:
    """A newer version takes the place of the older; one that is older than what is there changes nothing."""
    first = call_log("1", ended_at=66)
    assert pbx.add(first) == 1
    assert pbx.add(later(first, ended_at=90, callee="102")) == 2
    rows = pbx.all_rows()
    assert [(row["callee"], row["changed"]) for row in rows["call_logs"]] == [("102", 2)]
    assert numbers(pbx) == {"1": (1, 2)}
    pbx.add(later(first, ended_at=30, callee="103"))  # kept in the ledger as an older version
    assert pbx.all_rows() == rows


def test_a_stale_version_that_is_given_changes_nothing(pbx: Pbx) -> None:
    """A version that comes to be read after a newer one, as when a runner was held up, is passed over."""
    pbx.ledger.append([call_log("1", session_id="s")])
    (old,) = pbx.ledger.after(ORG, 0, 10)
    pbx.add(call_log("1", session_id="t", ended_at=90, callee="102"))
    rows = pbx.all_rows()
    projection = CallLogsProjection(pbx.store)
    change = projection.read(ORG, [old], 0)
    with pbx.store.write() as connection:
        projection.write(connection, ORG, change)
    assert pbx.all_rows() == rows


def test_a_users_call_that_is_anothers(pbx: Pbx) -> None:
    """When a newer version names another user, the call log and the summary are the one's no more, and the other's."""
    record = call_log("1", callee="101")
    pbx.add(record)
    pbx.add(later(record, callee="102", ended_at=67))
    assert [(row["user_id"], row["id"]) for row in pbx.rows(call_log_users)] == [("102", "1")]
    assert (users(pbx), users(pbx, removed=1)) == ({("102", "1")}, {("101", "1")})
    assert pbx.logs(Wanted(user="101")) == pbx.summaries(Wanted(user="101")) == []
    assert ids(pbx.logs(Wanted(user="102"))) == ids(pbx.summaries(Wanted(user="102"))) == ["1"]


def test_both_sides_of_an_internal_call_have_it(pbx: Pbx) -> None:
    """A call between extensions is the caller's and the callee's, by number and domain in small letters."""
    sides: dict[str, Any] = {
        "caller": "101",
        "caller_domain": "PBX.example.com",
        "callee": "Bob",
        "callee_domain": "pbx.example.com",
    }
    pbx.add(call_log("1", direction="EXTENSION_CALL", **sides))
    assert users(pbx) == {("101@pbx.example.com", "1"), ("bob@pbx.example.com", "1")}


def test_a_user_stays_while_one_row_is_theirs(pbx: Pbx) -> None:
    """A summary is a user's as long as any row of the session is; only the last one takes it away."""
    one, two = (call_log(id, session_id="s", callee="101", started_at=int(id)) for id in "12")
    pbx.add(one, two)
    pbx.add(later(one, callee="102", ended_at=67))
    assert users(pbx) == {("101", "s"), ("102", "s")}
    pbx.add(later(two, callee="102", ended_at=67))
    assert (users(pbx), users(pbx, removed=1)) == ({("102", "s")}, {("101", "s")})


def test_a_call_log_that_changes_its_session(pbx: Pbx) -> None:
    """The session that it leaves is made anew without it, or is gone with its users; the other one has it."""
    one, two = call_log("1", session_id="a", callee="101"), call_log("2", session_id="a", callee="102", started_at=9)
    pbx.add(one, two)
    pbx.add(later(one, session_id="b", ended_at=67))
    assert {summary.id: summary.callee for summary in pbx.summaries()} == {"a": "102", "b": "101"}
    assert users(pbx) == {("102", "a"), ("101", "b")}
    pbx.add(later(two, session_id=None, ended_at=67))
    assert set(ids(pbx.summaries())) == {"b", "2"}
    assert users(pbx) == {("101", "b"), ("102", "2")}
    assert users(pbx, removed=1) == {("101", "a"), ("102", "a")}
    assert not pbx.call_logs.of_session(ORG, "a")


def test_a_row_under_the_id_of_a_session(pbx: Pbx) -> None:
    """A call log without a session whose id is the session id of others is one session with them."""
    pbx.add(call_log("7", started_at=0), call_log("8", session_id="7", started_at=9, ended_at=90))
    (summary,) = pbx.summaries()
    assert (summary.id, summary.started_at, summary.ended_at) == ("7", moment(0), moment(90))
    assert ids(pbx.call_logs.of_session(ORG, "7")) == ["7", "8"]
    pbx.add(call_log("8", session_id="9", started_at=9, ended_at=91))
    assert {each.id: each.ended_at for each in pbx.summaries()} == {"7": moment(66), "9": moment(91)}


# Numbers


def test_what_changes_has_the_number_of_the_record(pbx: Pbx) -> None:
    """Created is the sequence of a session's first record, changed that of the last one that it had or lost."""
    pbx.add(call_log("1", session_id="a"), call_log("2", session_id="b"), call_log("3", session_id="a"))
    assert numbers(pbx) == {"a": (1, 3), "b": (2, 2)}
    pbx.add(call_log("3", session_id="b", ended_at=67))
    assert numbers(pbx) == {"a": (1, 4), "b": (2, 4)}
    assert {row["id"]: row["changed"] for row in pbx.rows(call_logs)} == {"1": 1, "2": 2, "3": 4}


def some_history() -> list[list[Record]]:
    """Batches with sessions that grow, shrink, move and change hands."""
    return [
        [call_log(str(number), session_id=f"s{number % 7}", callee=str(101 + number % 5)) for number in range(30)],
        [call_log(str(number), session_id=f"s{number % 6}", callee="105", ended_at=70) for number in range(0, 30, 3)],
        [make_record(f"w{number}", **{"Correlation ID": f"s{number}", "User UUID": "ann"}) for number in range(6)],
        [call_log(str(number), session_id=None, callee="106", ended_at=80) for number in range(0, 30, 5)],
    ]


def test_reading_again_changes_nothing(pbx: Pbx) -> None:
    """When everything is read again, every row is as it was, numbers included, and nothing is even written."""
    for batch in some_history():
        pbx.add(*batch)
    rows = pbx.all_rows()
    pbx.read_again()
    with listening(pbx.store) as heard:
        assert pbx.catch_up() == 36
    assert pbx.all_rows() == rows
    written = [each.sql for each in heard if each.sql.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert not [sql for sql in written if re.search(r"\bcall_(log|summar)", sql)]


def test_dropped_tables_are_made_again(pbx: Pbx) -> None:
    """What was dropped is there again after reading again: the same rows, numbered by the records that there are."""
    for batch in some_history():
        pbx.add(*batch)
    lists = pbx.logs(), pbx.summaries()
    with pbx.store.write() as connection:
        for table in pbx.all_rows():
            connection.execute(text(f"DELETE FROM {table}"))
    pbx.read_again()
    pbx.catch_up()
    assert (pbx.logs(), pbx.summaries()) == lists
    assert all(created <= changed <= pbx.checkpoint().sequence for created, changed in numbers(pbx).values())


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 500])
def test_batches_do_not_matter(pbx: Pbx, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """However many records are read at a time, the tables are the same in the end."""
    for records in some_history():
        pbx.ledger.append(records)
    monkeypatch.setattr(runner_module, "_BATCH", batch)
    pbx.catch_up()
    found = (pbx.logs(), pbx.summaries(), users(pbx), numbers(pbx))
    projection = CallLogsProjection(pbx.store)
    with pbx.store.write() as connection:
        for table in pbx.all_rows():
            connection.execute(text(f"DELETE FROM {table}"))
    change = projection.read(ORG, pbx.ledger.after(ORG, 0, 1000), 0)
    with pbx.store.write() as connection:
        projection.write(connection, ORG, change)
    assert (pbx.logs(), pbx.summaries(), users(pbx), numbers(pbx)) == found


def test_a_rule_that_has_changed_changes_no_number(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading again with other rules changes what rows say and whose they are, and nobody is told of it."""
    pbx.add(call_log("1", session_id="s", callee="101"), call_log("2", session_id="s", callee="102"))
    before = numbers(pbx)
    known = call_log_of

    def otherwise(record: Record) -> Any:
        log, legs = known(record)
        return msgspec.structs.replace(log, trunk="T"), [msgspec.structs.replace(legs[0], user_id="103")]

    monkeypatch.setattr(projection_module, "call_log_of", otherwise)
    pbx.read_again()
    pbx.catch_up()
    assert [log.trunk for log in (*pbx.logs(), *pbx.summaries())] == ["T", "T", "T"]
    assert (users(pbx), numbers(pbx)) == ({("103", "s")}, before)
    assert pbx.call_logs.changes(ORG, "101", 2, None, 10).items == []
    assert pbx.call_logs.changes(ORG, "103", 2, None, 10).items == []


def test_what_comes_while_all_is_read_again_is_news(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that is stored during a rebuild, and read early in it, has its own number, once however often read."""
    pbx.add(call_log("1", session_id="s"), call_log("2", session_id="t"))
    pbx.read_again()
    taken = pbx.ledger.newest_of_all()
    pbx.ledger.append([call_log("1", session_id="t", ended_at=67), call_log("3", session_id="s")])
    monkeypatch.setattr(pbx.ledger, "newest_of_all", lambda: taken)
    while pbx.step():
        pass  # only what is read again: for the runner nothing is new yet
    assert numbers(pbx) == {"s": (1, 4), "t": (2, 3)}
    assert pbx.call_logs.position(ORG) == 2
    assert pbx.call_logs.changes(ORG, "101", 2, None, 10).items == []
    monkeypatch.undo()
    rows = pbx.all_rows()
    assert pbx.catch_up() == 2
    assert pbx.all_rows() == rows
    found = pbx.call_logs.changes(ORG, "101", 2, None, 10)
    assert [(each.id, each.change_type) for each in found.items] == [("t", "UPDATED"), ("s", "UPDATED")]


# Commits


def test_a_batch_is_one_commit(pbx: Pbx) -> None:
    """When writing fails at the end, nothing of the batch is there, and another runner does it again."""

    class Failing(CallLogsProjection):
        def write(self, connection: Connection, org: UUID, change: Any) -> None:
            super().write(connection, org, change)
            raise RuntimeError("the machine is on fire")

    pbx.ledger.append(some_history()[0])
    assert pbx.runner(Failing(pbx.store)).step() == 0
    assert not any(pbx.all_rows().values())
    assert pbx.checkpoint().sequence == 0
    pbx.restart(killed=True)
    assert pbx.catch_up() == 30
    assert len(pbx.summaries()) == 7


def test_a_record_that_cannot_be_read_holds_up_nobody(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """One record that makes the rules fail is left out after some attempts; those around it have their rows."""
    known = call_log_of

    def failing(record: Record) -> Any:
        if record.record_id == "13":
            raise ZeroDivisionError
        return known(record)

    monkeypatch.setattr(projection_module, "call_log_of", failing)
    pbx.ledger.append(some_history()[0])
    for _ in range(10):
        pbx.catch_up()
        pbx.clock.now += 6000
    assert set(ids(pbx.logs())) == {str(number) for number in range(30)} - {"13"}


# Free text


def test_free_text_is_kept_in_one_case(pbx: Pbx) -> None:
    """Numbers, names, domains and ids of a row can be searched for; of a summary, those of all its rows."""
    rows = [
        call_log("id-1", session_id="Session", callee_display_name="Ann Straße", call_id="Call-1", did_cid="+1555"),
        call_log("id-2", session_id="Session", callee="102", caller_domain="PBX.example.com", trunk="East"),
    ]
    pbx.add(*rows)
    texts = {row["id"]: set(row["search"].split("\n")) for row in (*pbx.rows(call_logs), *pbx.rows(call_summaries))}
    assert texts["id-1"] == {"+12025550143", "101", "ann strasse", "+1555", "id-1", "session", "call-1"}
    assert texts["id-2"] == {"+12025550143", "102", "pbx.example.com", "east", "id-2", "session"}
    assert texts["Session"] == texts["id-1"] | texts["id-2"]


def test_free_text_has_an_end(pbx: Pbx) -> None:
    """A row with endless texts does not make the table endless."""
    pbx.add(*(call_log(str(number), session_id="s", user_data=f"{number} {'x' * 500}") for number in range(100)))
    (row,) = pbx.rows(call_summaries)
    assert len(row["search"]) == MOST_SEARCHED


# Large sessions, and cost


def test_a_very_large_session(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a session with more rows than are looked at, the summary is that of the smallest ids, and users stay."""
    monkeypatch.setattr(projection_module, "MOST_OF_SESSION", 10)
    monkeypatch.setattr(rows_module, "_MAX_ROWS", 20)
    monkeypatch.setattr(runner_module, "_BATCH", 7)
    rows = [call_log(f"{number:02}", session_id="s", callee=f"{100 + number}", ended_at=number) for number in range(40)]
    pbx.add(*reversed(rows), call_log("x", session_id="t"))
    found = {summary.id: summary for summary in pbx.summaries()}
    assert (found["s"].callee, found["s"].ended_at) == ("100", moment(9))
    assert numbers(pbx)["s"] == (1, 40)
    assert {user for user, session in users(pbx) if session == "s"} == {f"{100 + number}" for number in range(40)}
    pbx.add(later(rows[39], callee="200", ended_at=100))
    assert {("139", "s"), ("200", "s")} <= users(pbx)
    assert len(pbx.call_logs.of_session(ORG, "s")) == 40


def test_a_batch_reads_its_own_sessions_only(pbx: Pbx) -> None:
    """What a batch reads and writes is found by key: no statement reads through a table, or sorts one."""
    for batch in some_history():
        pbx.add(*batch)
    newest = pbx.ledger.newest(ORG)
    pbx.ledger.append([call_log(str(number), session_id=f"s{number % 9}", ended_at=99) for number in range(40)])
    with listening(pbx.store) as heard:
        stored = pbx.ledger.after(ORG, newest, 500)
        projection = CallLogsProjection(pbx.store)
        change = projection.read(ORG, stored, newest)
        with pbx.store.write() as connection:
            projection.write(connection, ORG, change)
    assert {each.sql.split()[0] for each in heard} >= {"SELECT", "INSERT", "DELETE"}
    lines = {line for each in heard if not each.sql.startswith("BEGIN") for line in plan(pbx.store, each)}
    assert {line for line in lines if "call_" in line} == {
        "SEARCH call_logs USING INDEX sqlite_autoindex_call_logs_1 (org=? AND id=?)",
        "SEARCH call_logs USING INDEX call_logs_by_session (org=? AND session_id=?)",
        "SEARCH call_log_users USING COVERING INDEX call_log_users_by_id (org=? AND id=?)",
        "SEARCH call_log_users USING PRIMARY KEY (org=? AND user_id=? AND id=?)",
        "SEARCH call_summaries USING INDEX sqlite_autoindex_call_summaries_1 (org=? AND id=?)",
        "SEARCH call_summary_users USING INDEX call_summary_users_by_id (org=? AND id=?)",
    }
    assert not [line for line in lines if line.startswith("SCAN") or "TEMP B-TREE" in line]


def test_a_saved_page_is_shown(pbx: Pbx) -> None:
    """A page that a PBX gave, with ids as numbers and all kinds of blanks, is shown with texts, times and null."""
    items = msgspec.json.decode((DATA / "call-log-page.json").read_bytes())["items"]
    pbx.add(*(decode_any(msgspec.json.encode(item), ORG).record for item in items))
    shown = {log.id: log for log in pbx.logs()}
    assert set(shown) == {str(item["id"]) for item in items}
    assert shown["994512345678901248"].started_at == from_microseconds(1_748_938_502_104_233)
    assert shown["1180012345678901248"].direction is CallLogDirection.outbound
    assert shown["1180012345678901248"].end_reason is EndReason.caller_disconnected
    odd = shown["1180012345678901249"]
    assert (odd.session_id, odd.caller, odd.callee, odd.status_code) == ("1180012345678901250", "101", None, None)
    assert b'"session_id":"1180012345678901250"' in write_call_log(odd)
