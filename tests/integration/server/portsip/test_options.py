"""The query options: what they find, how they may be written, and what is said if they are wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from integration.server.portsip.logs import (
    CDRS,
    LOGS,
    USER_CDRS,
    administrator,
    append,
    error,
    ids,
    log,
    next_of,
    page,
    user,
)
from ringback.projections.call_logs.query import CallLogs
from ringback.store import Store, TookTooLong
from serving import Site


@pytest.fixture
def token(site: Site) -> str:
    """The token of an administrator of an org with five call logs, from 8:00 on, a minute apart."""
    append(
        site,
        log("a", caller="101", caller_display_name="Ann O'Neil", **_at(0)),
        log("b", caller="102", callee="+493012345", duration=5, direction="OUTBOUND_CALL", **_at(1)),
        log("c", caller="103", callee_display_name="100%_Äpfel", duration=70, **_at(2)),
        log("d", caller="", answered_at=None, duration=0, status_code=486, **_at(3)),
        log("e", caller="101", session_id="s-a", **_at(4)),
    )
    return administrator(site)


def _at(minute: int) -> dict[str, str]:
    return {"started_at": f"2026-03-02T08:0{minute}:00Z", "ended_at": f"2026-03-02T08:0{minute}:30.5Z"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "abcde"),
        ({"filter": "caller eq '101'"}, "ae"),
        ({"filter": "caller eq '101' and started_at gt '2026-03-02T08:00:00Z'"}, "e"),
        ({"filter": "started_at ge '2026-03-02T09:03:00+01:00'"}, "de"),
        ({"filter": "ended_at le 2026-03-02T08:01:30.5Z"}, "ab"),
        ({"filter": "startswith(callee,'+4930')"}, "b"),
        ({"filter": "endswith(caller,'3') or contains(caller_display_name,'''Nei')"}, "ac"),
        ({"filter": "duration ge '34' and (duration lt 70 or caller eq '103')"}, "ace"),
        ({"filter": "caller eq null"}, "d"),
        ({"filter": "caller ne '101'"}, "bcd"),
        ({"filter": "answered_at eq ''"}, "d"),
        ({"filter": "session_id eq 's-a'"}, "ae"),
        ({"filter": "id eq 'nothing'"}, ""),
        ({"orderby": "caller desc, started_at desc"}, "cbead"),
        ({"orderby": "duration"}, "dbaec"),
        ({"orderby": "started_at desc", "top": 2}, "ed"),
        ({"top": 2, "skip": 1}, "bc"),
        ({"skip": 4}, "e"),
        ({"skip": 5}, ""),
        ({"skip": 100_000}, ""),
        ({"search": "o'neil"}, "a"),
        ({"search": "100%_äP"}, "c"),
        ({"search": "4930"}, "b"),
        ({"search": "101", "filter": "caller ne '101'"}, "cd"),
        ({"filter": "", "orderby": "", "top": "", "skip": "", "search": "", "count": "", "$filter": ""}, "abcde"),
        ({"$top": "", "top": "1"}, "a"),
        ({"_": "1772438400000", "filters": "caller eq 'x'"}, "abcde"),
    ],
)
def test_what_is_found(site: Site, token: str, query: dict[str, str], found: str) -> None:
    """Each option does what is documented, alone and together, with `$` before its name or without."""
    assert "".join(ids(site, token, **query)) == found
    assert "".join(ids(site, token, **{f"${name}": value for name, value in query.items() if name in _NAMES})) == found


_NAMES = ("filter", "orderby", "top", "skip", "search", "count")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 5),
        ({"top": 1}, 5),
        ({"top": 1, "skip": 4}, 5),
        ({"skip": 9}, 5),
        ({"filter": "caller eq '101'", "top": 1}, 2),
        ({"filter": "caller eq '101'", "search": "o'neil"}, 1),
        ({"filter": "id eq 'nothing'"}, 0),
        ({"count": "true"}, 5),
        ({"count": "TRUE"}, 5),
        ({"count": "false"}, None),
        ({"$count": "false"}, None),
    ],
)
def test_the_count_is_that_of_all_rows(site: Site, token: str, query: dict[str, str], count: int | None) -> None:
    """`count` is the number of rows that fit, on whatever page; with count=false there is no such key."""
    found = page(site, LOGS, token, query)
    assert found.get("count") == count
    assert list(found) == (["items"] if count is None else ["count", "items"])


@pytest.mark.parametrize("target", [LOGS, CDRS, USER_CDRS])
@pytest.mark.parametrize(
    ("query", "option", "position", "says"),
    [
        ({"filter": "colour eq 'red'"}, "filter", 0, "caller"),
        ({"filter": "caller eq '1' and colour eq 'red'"}, "filter", 18, "colour"),
        ({"$filter": "caller like '1'"}, "filter", 7, "eq, ne"),
        ({"filter": "caller eq '1"}, "filter", 10, "no end"),
        ({"filter": "caller eq"}, "filter", 9, "value"),
        ({"filter": "started_at gt 'soon'"}, "filter", 14, "2026-01-31T08:30:00Z"),
        ({"filter": "duration gt 'long'"}, "filter", 12, "whole number"),
        ({"filter": "cost gt '1'"}, "filter", 0, "cost"),
        ({"filter": "x" * 5000}, "filter", 4096, "4096"),
        ({"orderby": "colour"}, "orderby", 0, "caller"),
        ({"orderby": "caller sideways"}, "orderby", 7, "asc"),
        ({"orderby": "caller, caller"}, "orderby", 8, "twice"),
        ({"top": "0"}, "top", None, "1 to 100"),
        ({"top": "101"}, "top", None, "Link header"),
        ({"top": "-1"}, "top", None, "1 to 100"),
        ({"top": "ten"}, "top", None, "1 to 100"),
        ({"top": "1.5"}, "top", None, "1 to 100"),
        ({"top": "٣"}, "top", None, "1 to 100"),
        ({"$skip": "-1"}, "skip", None, "0 to 100000"),
        ({"skip": "100001"}, "skip", None, "follow the Link header"),
        ({"skip": "9" * 500}, "skip", None, "follow the Link header"),
        ({"count": "yes"}, "count", None, "true or false"),
        ({"search": "x" * 101}, "search", None, "100"),
        ({"search": "a\0b"}, "search", None, "NUL"),
        ({"top": "1", "$top": "1"}, "top", None, "same option"),
        ({"$expand": "calls"}, "$expand", None, "$filter, $orderby"),
        ({"$cursor": "x"}, "$cursor", None, "$filter, $orderby"),
        ({"$": "x"}, "$", None, "$filter, $orderby"),
        ({"cursor": "x"}, "cursor", None, "Link header"),
        ({"cursor": "x", "skip": "1"}, "skip", None, "cursor"),
    ],
)
def test_a_wrong_option_is_explained(
    site: Site, token: str, target: str, query: dict[str, str], option: str, position: int | None, says: str
) -> None:
    """A wrong option is a 400 that names it, says what it may be, and in a filter or an order where it goes wrong."""
    asking = user(site) if target == USER_CDRS else token
    found = error(site.ask(target, asking, query), 400, "VALIDATE_FAILED")
    expected: dict[str, Any] = {"option": option}
    if position is not None:
        expected["position"] = position
    assert found["detail"] == expected, found
    assert says in found["message"], found


@pytest.mark.parametrize(
    "query", ["filter=%ff", "filter=%", "top=1&top=2", "é", "&".join(f"p{n}=1" for n in range(99))]
)
def test_a_query_that_is_none(site: Site, token: str, query: str) -> None:
    """A query that is not UTF-8, names an option twice, or has too many parameters is a 400 of the same form."""
    reply = site.ask(f"{LOGS}?{quote(query, safe='%=&')}", token)
    if query in ("filter=%", "é"):  # the one is a filter, if an odd one; the other a parameter that nobody knows
        assert reply.status == (400 if query == "filter=%" else 200)
    else:
        error(reply, 400, "VALIDATE_FAILED")


def test_options_are_bounded_together(site: Site, token: str) -> None:
    """More than 8 KiB of options are refused, so that there is room for a cursor in the links."""
    long = "é" * 1000
    most = LOGS + "?filter=" + quote(f"caller eq '{long}'")
    assert site.ask(most, token).status == 200
    too_long = f"{most}&orderby={'%20' * 800}caller"
    assert "8192" in error(site.ask(too_long, token), 400, "VALIDATE_FAILED")["message"]


def test_session_id_is_no_field_of_a_cdr(site: Site, token: str) -> None:
    """CDRs have no session_id, so they can be neither filtered nor ordered by it; but by everything else."""
    assert (
        error(site.ask(CDRS, token, {"filter": "session_id eq '1'"}), 400, "VALIDATE_FAILED")["detail"]["position"] == 0
    )
    assert ids(site, token, CDRS, filter="id eq 's-a'") == ["s-a"]
    assert ids(site, token, CDRS, orderby="started_at desc", top=2) == ["s-d", "s-c"]


@pytest.mark.parametrize("slow", ["page", "count"])
def test_what_takes_too_long_is_a_400(site: Site, token: str, slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that the store needs too long for is answered with what to ask instead, and not with "try again"."""

    def too_long(*_: object, **__: object) -> None:
        raise TookTooLong(10)

    monkeypatch.setattr(CallLogs, slow, too_long)
    message = error(site.ask(LOGS, token, {"top": 1, "count": "true"}), 400, "VALIDATE_FAILED")["message"]
    assert "started_at" in message
    assert "count=true" in message
    assert (site.ask(LOGS, token, {"top": 1, "count": "false"}).status == 200) == (slow == "count")


def test_a_count_that_nobody_asked_for_holds_nothing_up(
    site: Site, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where counting takes too long, the page comes without a count, unless it was asked for; so do the next pages."""

    def too_long(*_: object, **__: object) -> None:
        raise TookTooLong(10)

    monkeypatch.setattr(CallLogs, "count", too_long)
    reply = site.ask(LOGS, token, {"top": 1})
    assert (reply.status, list(reply.json)) == (200, ["items"])
    following = site.ask(next_of(reply) or "", token)
    assert (following.status, list(following.json)) == (200, ["items"])


def test_nothing_is_read_row_by_row(site: Site, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page takes the same few reads of the store, however many rows it has."""
    reads: list[int] = []
    read = Store.read

    def counted(*args: Any, **kwargs: Any) -> Any:
        reads.append(1)
        return read(*args, **kwargs)

    monkeypatch.setattr(Store, "read", counted)
    taken = []
    for target in (LOGS, CDRS):
        for top in (1, 2, 3):
            reads.clear()
            site.ask(target, token, {"top": top})
            taken.append(len(reads))
    assert len(set(taken)) == 1
    assert taken[0] <= 3
