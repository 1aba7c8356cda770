"""What call logs and CDRs look like: their keys, their types, and every value that PortSIP documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from factories import ORG, wire_record
from integration.server.portsip.logs import (
    ANNA,
    CDRS,
    LOGS,
    USER_CDRS,
    administrator,
    append,
    ids,
    log,
    page,
    user,
)
from ringback.records.enums import OpenEnum
from ringback.records.portsip.call_log import read_call_log
from ringback.records.portsip.fields import CALL_LOG_FIELDS, CallLogDirection, EndReason, RerouteReason
from serving import Site

DATA = Path(__file__).resolve().parents[3] / "data"
FULL: dict[str, Any] = msgspec.json.decode((DATA / "call-log-detail.json").read_bytes())
KEYS = [field.name for field in CALL_LOG_FIELDS]
LIST_KEYS = [name for name in KEYS if name not in ("cost", "billed_account")]


def without(keys: list[str], *names: str) -> list[str]:
    """The keys but for some."""
    return [key for key in keys if key not in names]


def test_a_list_has_24_fields_and_a_single_one_26(site: Site) -> None:
    """A call log with all fields is served as it came: 24 keys in the list, with the two of billing on its own."""
    append(site, FULL)
    token = administrator(site)
    assert page(site, LOGS, token) == {"count": 1, "items": [{key: FULL[key] for key in LIST_KEYS}]}
    assert list(page(site, LOGS, token)["items"][0]) == LIST_KEYS
    single = site.ask(f"{LOGS}/{FULL['id']}", token)
    assert (single.status, single.json) == (200, FULL)
    assert list(single.json) == KEYS
    assert (len(LIST_KEYS), len(KEYS)) == (24, 26)


@pytest.mark.parametrize("enum", [CallLogDirection, EndReason, RerouteReason])
def test_every_documented_word_is_served(site: Site, enum: type[OpenEnum]) -> None:
    """Every value of an enum that PortSIP documents comes out as it went in, and so does one that it does not."""
    name = {CallLogDirection: "direction", EndReason: "end_reason", RerouteReason: "reroute_reason"}[enum]
    words = [*(str(word) for word in enum), "SOMETHING_NEW"]
    append(site, *(log(f"id-{number:02}", **{name: word}) for number, word in enumerate(words)))
    token = administrator(site)
    assert [item[name] for item in page(site, LOGS, token)["items"]] == words
    for number, word in enumerate(words):
        assert site.ask(f"{LOGS}/id-{number:02}", token).json[name] == word
        assert ids(site, token, filter=f"{name} eq '{word}'") == [f"id-{number:02}"]


def test_what_is_blank_is_null(site: Site) -> None:
    """A call log of which hardly anything is known has all keys, and null for what is blank, "" or missing."""
    append(site, {"id": "1", "session_id": "", "caller": None, "started_at": "2026-03-02T08:15:02Z"})
    token = administrator(site)
    nulls = dict.fromkeys(KEYS) | {"id": "1", "started_at": "2026-03-02T08:15:02Z"}
    assert page(site, LOGS, token)["items"] == [{key: nulls[key] for key in LIST_KEYS}]
    assert site.ask(f"{LOGS}/1", token).json == nulls


@pytest.mark.parametrize("amount", ["0.1", "0", "12345678901234.123456789", "-1.50", "0.30000000000000004"])
def test_money_keeps_its_digits(site: Site, amount: str) -> None:
    """`cost` is a JSON number with the digits of the amount, and not those of a binary fraction next to it."""
    append(site, log("1", cost=amount))
    assert b'"cost":%b,' % amount.encode() in site.ask(f"{LOGS}/1", administrator(site)).body


def test_times_have_the_digits_that_are_known(site: Site) -> None:
    """Times are UTC with a Z; a fraction is there with up to six digits, and only if there is one."""
    append(site, log("1", started_at="2026-03-02T09:15:02.1+01:00", ended_at="2026-03-02T08:15:43.000000Z"))
    (item,) = page(site, LOGS, administrator(site))["items"]
    assert item["started_at"] == "2026-03-02T08:15:02.100000Z"
    assert item["ended_at"] == "2026-03-02T08:15:43Z"


def test_a_webex_record_is_a_call_log(site: Site) -> None:
    """A Webex record is served under its Report ID, with its Correlation ID as the session."""
    site.append(wire_record("webex-1", **{"Correlation ID": "c-1", "Direction": "TERMINATING"}))
    site.project()
    token = administrator(site)
    (item,) = page(site, LOGS, token)["items"]
    assert (item["id"], item["session_id"], item["caller"]) == ("webex-1", "c-1", "+12025550102")
    assert list(site.ask(f"{LOGS}/webex-1", token).json) == KEYS
    assert ids(site, token, CDRS) == ["c-1"]


@pytest.mark.parametrize(
    "id",
    [
        *("NzAwNTUxOTA5NzczMTQ4MTYw", "MTAwMDU1MTkwOTc3MzE0ODE2MA==", "7", "a b", "é+%"),
        *("a/b", "a//b", "/a", "a/", "//a/api/cdrs/b"),
    ],
)
def test_ids_are_texts(site: Site, id: str) -> None:
    """An id of any form is found, percent-encoded in the path; `=` and what else a path may have also as it is."""
    append(site, log(id, session_id=id))
    token = administrator(site)
    encoded = "".join(f"%{byte:02X}" for byte in id.encode())
    assert site.ask(f"{LOGS}/{encoded}", token).json["id"] == id
    assert len(site.ask(f"{CDRS}/{encoded}", token).json["items"]) == 1
    assert site.ask(f"{USER_CDRS}/{encoded}", user(site)).status == 200
    if id.isascii() and " " not in id and "%" not in id:
        assert site.ask(f"{LOGS}/{id}", token).json["id"] == id


def test_slashes_tell_ids_apart(site: Site) -> None:
    """An id with a slash more or less is another id: its call log is not given for this one."""
    append(site, log("a/b"))
    for other in ("a//b", "/a/b", "a/b/"):
        assert site.ask(f"{LOGS}/{other.replace('/', '%2F')}", administrator(site)).status == 404


def test_long_ids_stay_whole(site: Site) -> None:
    """An id that came as a number of 19 digits is the text of it, to the last digit."""
    append(site, {**log("x"), "id": 1000551909773148161, "session_id": 1000551909773148163})
    body = site.ask(LOGS, administrator(site)).body
    assert b'{"id":"1000551909773148161","session_id":"1000551909773148163",' in body


# CDRs


@pytest.fixture
def queue(site: Site) -> Site:
    """A call that a queue tried at Bruno first, then at Anna, who answered it; and one without a session."""
    append(
        site,
        log("1", session_id="s", callee="102", started_at="2026-03-02T08:00:00Z", answered_at=None, status_code=487),
        log("2", session_id="s", started_at="2026-03-02T08:00:20Z", cost="0.5"),
        log("3", session_id="", callee="102", started_at="2026-03-02T09:00:00Z"),
    )
    return site


def test_a_session_is_one_cdr(queue: Site) -> None:
    """The list of CDRs has a row for each session, under its id, without session_id; else the keys of a call log."""
    found = page(queue, CDRS, administrator(queue))
    assert found["count"] == 2
    assert [item["id"] for item in found["items"]] == ["s", "3"]
    assert all(list(item) == without(LIST_KEYS, "session_id") for item in found["items"])


def test_a_single_cdr_has_the_call_logs_of_its_session(queue: Site) -> None:
    """A single CDR is a list of its call logs by their start, all fields but the ids; any user sees the own ones."""
    reply = queue.ask(f"{CDRS}/s", administrator(queue))
    assert list(reply.json) == ["items"]
    first, second = reply.json["items"]
    assert list(first) == list(second) == without(KEYS, "id", "session_id")
    assert (first["callee"], first["status_code"], second["callee"], second["cost"]) == ("102", 487, "101", 0.5)
    assert [item["callee"] for item in queue.ask(f"{CDRS}/3", administrator(queue)).json["items"]] == ["102"]


def test_the_cdrs_of_a_user(queue: Site) -> None:
    """A user's list has the user's CDRs; a single one is an object under `items`, without id and duration."""
    anna = user(queue)
    assert [item["id"] for item in page(queue, USER_CDRS, anna)["items"]] == ["s"]
    reply = queue.ask(f"{USER_CDRS}/s", anna)
    assert list(reply.json) == ["items"]
    assert list(reply.json["items"]) == without(KEYS, "id", "session_id", "duration")
    assert ids(queue, user(queue, "102@PBX.example"), USER_CDRS) == ["s", "3"]


def test_a_guide_asks_for_cdrs_with_post(queue: Site) -> None:
    """`POST /api/cdrs` is answered like `GET`, whatever body comes along."""
    token = administrator(queue)
    wanted = page(queue, CDRS, token, {"filter": "id eq 's'"})
    assert page(queue, CDRS, token, {"filter": "id eq 's'"}, method="POST") == wanted
    assert queue.ask(CDRS, token, method="POST", body=b"{not json").status == 200


def test_what_is_served_can_be_read(queue: Site) -> None:
    """Every item is a call log to the reader of call logs, with nothing odd in it, and a record like the one before."""
    items = page(queue, LOGS, administrator(queue))["items"]
    read = [read_call_log(msgspec.json.encode(item)) for item in items]
    assert all(each.odd == () for each in read)
    assert [each.id for each in read] == ["1", "2", "3"]
    assert ORG
    assert ANNA
