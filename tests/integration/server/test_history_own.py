"""The user call history on our own paths: pages, filters, counts, restoring, export."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import msgspec
import pytest

from callhistory import ANNA, BRUNO, SESSIONS, answered_at, incoming, missed, named, sessions
from factories import ORG
from ringback.server.tokens import HISTORY_ADMIN_SCOPE
from serving import DAY, MINUTE, Site

LIST = "/v1/history/sessions"


@pytest.fixture
def anna(site: Site) -> str:
    """The token of a user who missed seven calls and answered one, and of whom a colleague knows nothing."""
    answered = answered_at(site.clock() - timedelta(minutes=20, seconds=10))
    site.append(
        *[missed(site, number, caller=f"+1202555{number:04}") for number in range(1, 8)],
        incoming(site, 20, {**answered, "Calling line ID": "Éva 100%_Kovács"}),
        missed(site, 9, user=BRUNO),
    )
    site.project()
    return site.token(user=ANNA)


def ids_of(site: Site, token: str, **query: str) -> list[str]:
    """The ids of all pages."""
    replies = site.pages(LIST, token, query)
    assert [reply.json["hasMore"] for reply in replies] == [True] * (len(replies) - 1) + [False]
    return [session["sessionId"] for reply in replies for session in reply.json["items"]]


@pytest.mark.parametrize("sort", ["DESC", "ASC"])
def test_pages_have_every_session_once(site: Site, anna: str, sort: str) -> None:
    """Following the links gives each session once, in order, also if calls come in and are deleted meanwhile."""
    everything = [session["sessionId"] for session in sessions(site, anna, sort=sort)]
    assert ids_of(site, anna, limit="3", sort=sort) == everything
    first = site.ask(LIST, anna, {"limit": "3", "sort": sort})
    found = [session["sessionId"] for session in first.json["items"]]
    site.append(missed(site, 0), missed(site, 60))
    site.project()
    site.ask(f"{SESSIONS}/markAsDeleted", anna, method="POST", body={"deleteSessionIds": named(found[0])})
    following = first.next
    while following is not None:
        reply = site.ask(following, anna)
        found += [session["sessionId"] for session in reply.json["items"]]
        following = reply.next
    assert [session for session in found if session in everything] == everything
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"disposition": "MISSED"}, 7),
        ({"disposition": "missed"}, 7),
        ({"disposition": "ANSWERED"}, 1),
        ({"direction": "OUTGOING"}, 0),
        ({"number": "(202) 555-0003"}, 1),
        ({"number": "0003"}, 1),
        ({"text": "éva"}, 1),
        ({"text": "100%_"}, 1),
        ({"text": "100__"}, 0),
        ({"text": "+12025550005"}, 1),
        ({"unread": "true"}, 7),
        ({"deleted": "true"}, 0),
        ({"disposition": "MISSED", "number": "0004", "unread": "true"}, 1),
    ],
)
def test_filters_leave_what_fits(site: Site, anna: str, query: dict[str, str], count: int) -> None:
    """Direction, disposition, any part of the number in any spelling, and any text of the other party, all together."""
    assert len(ids_of(site, anna, **query)) == count


def test_times_bound_what_comes(site: Site, anna: str) -> None:
    """`from` is inclusive and `to` exclusive, by the end of the call."""
    all_of_them = sessions(site, anna)
    newest, oldest = all_of_them[0]["endTime"], all_of_them[-1]["endTime"]
    assert len(ids_of(site, anna, **{"from": oldest})) == 8
    assert len(ids_of(site, anna, to=newest)) == 7
    assert ids_of(site, anna, **{"from": newest}) == [all_of_them[0]["sessionId"]]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"limit": "0"}, "1 session at least"),
        ({"direction": "UP"}, "INCOMING, OUTGOING"),
        ({"disposition": "LOST"}, "MISSED, REJECTED"),
        ({"number": "Anna"}, "use text"),
        ({"text": "x" * 101}, "100 characters"),
        ({"cursor": "nonsense"}, "Link header"),
        ({"cursor": "AAAA"}, "Link header"),
    ],
)
def test_a_wrong_question_is_explained(site: Site, anna: str, query: dict[str, str], says: str) -> None:
    """A parameter that is wrong is a 400 that says what it may be."""
    reply = site.ask(LIST, anna, query)
    assert (reply.status, says in reply.message) == (400, True), reply.message


def test_one_session_can_be_asked_for(site: Site, anna: str) -> None:
    """The url of a session's id gives that session to its user, and 404 to everybody else."""
    session = sessions(site, anna)[0]
    path = f"{LIST}/{session['sessionId']}"
    assert site.ask(path, anna).json == session
    assert site.ask(path, site.token(scopes=[HISTORY_ADMIN_SCOPE])).json == session
    assert site.ask(path, site.token(user=BRUNO)).status == 404
    assert site.ask(f"{LIST}/none", anna).status == 404


def test_all_missed_calls_can_be_marked_as_read(site: Site, anna: str) -> None:
    """The unread count is that of the missed calls; readAll sets it to 0, or reads only what ended before a time."""
    assert site.ask("/v1/history/unread", anna).json == {"unread": 7}
    until = sessions(site, anna)[4]["endTime"]
    assert site.ask("/v1/history/readAll", anna, {"until": until}, method="POST").json == {"changed": 2}
    assert site.ask("/v1/history/unread", anna).json == {"unread": 5}
    assert site.ask("/v1/history/readAll", anna, method="POST").json == {"changed": 5}
    assert site.ask("/v1/history/unread", anna).json == {"unread": 0}
    assert site.ask("/v1/history/unread", site.token(user=BRUNO)).json == {"unread": 1}


def test_what_was_deleted_can_be_had_back_for_30_days(site: Site, anna: str) -> None:
    """A deleted session can be listed and restored until 30 days after; then it stays deleted for the user."""
    first, second = (session["sessionId"] for session in sessions(site, anna)[:2])
    body = {"deleteSessionIds": named(first, second)}
    site.ask(f"{SESSIONS}/markAsDeleted", anna, method="POST", body=body)
    assert ids_of(site, anna, deleted="true") == [first, second]
    site.clock.now += 30 * DAY - MINUTE
    restored = site.ask("/v1/history/restore", anna, method="POST", body={"sessionIds": [first, "unknown"]})
    assert restored.json == {"changed": 1}
    assert ids_of(site, anna)[0] == first
    site.clock.now += 2 * MINUTE
    assert site.ask("/v1/history/restore", anna, method="POST", body={"sessionIds": [second]}).json == {"changed": 0}
    assert second not in ids_of(site, anna)


def test_a_user_can_take_everything_along(site: Site, anna: str) -> None:
    """The export has every session, as one JSON object per line, or as CSV for who asks for that; filters hold."""
    lines = site.ask("/v1/history/export", anna).body.splitlines()
    assert [msgspec.json.decode(line) for line in lines] == sessions(site, anna)
    reply = site.ask("/v1/history/export", anna, headers={"accept": "text/csv"})
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert [row["sessionId"] for row in rows] == [session["sessionId"] for session in sessions(site, anna)]
    assert len(site.ask("/v1/history/export", anna, {"disposition": "ANSWERED"}).body.splitlines()) == 1


def test_names_are_no_formulas_in_the_export(site: Site) -> None:
    """A caller whose name begins like a formula is a text for a spreadsheet that opens the CSV export."""
    site.append(incoming(site, 1, {"Calling line ID": "=HYPERLINK(1)"}))
    site.project()
    reply = site.ask("/v1/history/export", site.token(user=ANNA), headers={"accept": "text/csv"})
    (row,) = csv.DictReader(io.StringIO(reply.body.decode()))
    assert row["name"] == "'=HYPERLINK(1)"


def test_only_the_user_changes_anything(site: Site, anna: str) -> None:
    """An administrator's token may not mark or restore; the ledger's org is not even asked."""
    admin = site.token(scopes=[HISTORY_ADMIN_SCOPE])
    assert site.ask("/v1/history/readAll", admin, method="POST").status == 403
    assert site.ask("/v1/history/restore", admin, method="POST", body={"sessionIds": []}).status == 403
    assert site.ask("/v1/history/unread", admin, {"user": ANNA}).json == {"unread": 7}
    assert site.ledger.newest(ORG) == 9
