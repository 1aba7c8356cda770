"""The user call history on the paths of the Webex service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from callhistory import ANNA, BASE, BRUNO, LONG_AGO, SESSIONS, missed, named, refused, sessions, succeeded
from factories import ORG, OTHER_ORG
from ringback.projections.outbox import EventKind, Outbox
from ringback.projections.sessions.giving import give
from ringback.projections.sessions.people import Line
from ringback.projections.sessions.people_file import Given
from ringback.projections.sessions.query import CallHistory
from ringback.server.tokens import CDR_SCOPE, HISTORY_ADMIN_SCOPE, HISTORY_SCOPE
from serving import ADDRESS, Site

SENT_BY_WEBEX = (
    *("authorization", "cisco-device-url", "cisco-no-http-redirect", "content-type", "spark-user-agent", "trackingid"),
)
"""Headers that programs with the Webex SDK for JavaScript 3.12 add to a request, of which browsers ask first."""

READ, DELETED = f"{SESSIONS}/setReadState", f"{SESSIONS}/markAsDeleted"


@pytest.fixture
def anna(site: Site) -> str:
    """The token of a user who missed five calls, one each minute; a colleague missed one, too."""
    site.append(*[missed(site, number) for number in range(1, 6)], missed(site, 9, user=BRUNO))
    site.project()
    return site.token(user=ANNA)


def test_a_user_sees_the_own_sessions_newest_first(site: Site, anna: str) -> None:
    """A user gets every session of theirs, the newest first, and none of a colleague."""
    found = sessions(site, anna)
    assert [session["endTime"] for session in found] == sorted((one["endTime"] for one in found), reverse=True)
    assert len(found) == 5
    assert {session["self"]["id"] for session in found} == {ANNA}
    assert found[0]["url"] == f"{ADDRESS}{SESSIONS}/{found[0]['sessionId']}"
    assert (found[0]["disposition"], found[0]["direction"]) == ("MISSED", "INCOMING")


def test_sessions_can_come_oldest_first(site: Site, anna: str) -> None:
    """With sort=ASC the oldest session comes first."""
    assert sessions(site, anna, sort="ASC") == sessions(site, anna)[::-1]


def test_a_limit_is_kept_to(site: Site, anna: str) -> None:
    """As many sessions come as are asked for, none with limit=0, and 50 if nothing is said."""
    assert [len(sessions(site, anna, limit=str(limit))) for limit in (0, 1, 3, 1000)] == [0, 1, 3, 5]
    site.append(*[missed(site, number) for number in range(10, 70)])
    site.project()
    assert len(sessions(site, anna)) == 50


def test_only_calls_that_ended_since_a_time_come(site: Site, anna: str) -> None:
    """`from` leaves out what ended before it; without colons encoded, as the calling SDK sends it."""
    since = (site.clock() - timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    found = succeeded(site.ask(f"{SESSIONS}?from={since}", anna))["userSessions"]
    assert len(found) == 3


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({}, "from is required"),
        ({"from": "yesterday"}, "from is 'yesterday'"),
        (LONG_AGO | {"limit": "-1"}, "limit is '-1'"),
        (LONG_AGO | {"limit": "1001"}, "from 0 to 1000"),
        (LONG_AGO | {"sort": "UP"}, "sort is 'UP'"),
        (LONG_AGO | {"includeSharedSessions": "maybe"}, "includeSharedSessions is 'maybe'"),
    ],
)
def test_a_wrong_question_is_explained(site: Site, anna: str, query: dict[str, str], says: str) -> None:
    """A parameter that is missing or wrong is a 400 that says which, and what it may be."""
    assert says in refused(site.ask(SESSIONS, anna, query), 400)


def test_a_read_session_says_so(site: Site, anna: str) -> None:
    """After setReadState the session has isRead, and the user's devices are told its id; the others are as before."""
    first, *rest = sessions(site, anna)
    assert "isRead" not in first
    body = {"endTimeSessionIds": named(first["sessionId"])}
    assert succeeded(site.ask(READ, anna, method="POST", body=body)) == {"statusCode": 200}
    assert sessions(site, anna) == [{**first, "isRead": True}, *rest]
    (event,) = [event for event in Outbox(site.store).after(ORG, 0, 100) if event.kind is EventKind.VIEWED]
    assert first["sessionId"].encode() in event.body


def test_a_deleted_session_is_gone_for_the_user_only(site: Site, anna: str) -> None:
    """After markAsDeleted the user does not see the session; an administrator still does, and so does the ledger."""
    first, *rest = sessions(site, anna)
    body = {"deleteSessionIds": named(first["sessionId"])}
    assert succeeded(site.ask(DELETED, anna, method="POST", body=body)) == {"statusCode": 200}
    assert sessions(site, anna) == rest
    admin = site.token(scopes=[HISTORY_ADMIN_SCOPE])
    seen = site.ask("/v1/history/sessions", admin, {"user": ANNA, "deleted": "true"}).json["items"]
    assert [(session["sessionId"], session["isDeleted"]) for session in seen] == [(first["sessionId"], True)]
    assert site.ledger.newest(ORG) == 6


@pytest.mark.parametrize("unknown", ["ffffffff-0000-4000-8000-000000000000", "no id at all", ""])
@pytest.mark.parametrize(("path", "key"), [(READ, "endTimeSessionIds"), (DELETED, "deleteSessionIds")])
def test_unknown_sessions_are_no_error(site: Site, anna: str, path: str, key: str, unknown: str) -> None:
    """An id that names no session of the user changes nothing, tells nobody, and does not harm its neighbours."""
    before = sessions(site, anna)
    newest = Outbox(site.store).newest()
    of_bruno = sessions(site, site.token(user=BRUNO))[0]["sessionId"]
    body = {key: [*named(unknown, of_bruno), {"sessionId": unknown, "endTime": None, "more": 1}]}
    assert succeeded(site.ask(path, anna, method="POST", body=body)) == {"statusCode": 200}
    assert sessions(site, anna) == before
    assert Outbox(site.store).newest() == newest


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "body of the request"),
        (b"[]", "Expected `object`"),
        (b'{"endTimeSessionIds":{}}', "$.endTimeSessionIds"),
        ({"endTimeSessionIds": named(*map(str, range(1001)))}, "one request may name 1000"),
    ],
)
def test_a_wrong_body_is_explained(site: Site, anna: str, body: object, says: str) -> None:
    """A body that is no list of sessions, or too long a one, is a 400 that says what is wrong."""
    assert says in refused(site.ask(READ, anna, method="POST", body=body), 400)


def test_a_huge_body_is_refused(site: Site, anna: str) -> None:
    """A body of more than 256 KiB is not read."""
    assert refused(site.ask(READ, anna, method="POST", body=b" " * 300_000), 413)


def test_only_valid_tokens_are_let_in(site: Site, anna: str) -> None:
    """Without a token it is 401; with one for other things 403; both say what is needed."""
    assert "valid access token" in refused(site.ask(SESSIONS, None, LONG_AGO), 401)
    assert HISTORY_ADMIN_SCOPE in refused(site.ask(SESSIONS, site.token(scopes=[CDR_SCOPE]), LONG_AGO), 403)
    reader = site.token(user=ANNA, scopes=[HISTORY_SCOPE])
    assert sessions(site, reader)
    assert "spark:calls_write" in refused(site.ask(READ, reader, method="POST", body={}), 403)


def test_users_see_nobody_else(site: Site, anna: str) -> None:
    """A user who asks for somebody else's history is refused, and a user of another organization sees nothing."""
    assert "its own user" in refused(site.ask(SESSIONS, anna, LONG_AGO | {"user": BRUNO}), 403)
    assert sessions(site, site.token(user=ANNA, org=OTHER_ORG)) == []


def test_administrators_see_every_user_of_their_organization(site: Site, anna: str) -> None:
    """An administrator names the user, sees what that user sees, and changes nothing."""
    admin = site.token(scopes=[HISTORY_ADMIN_SCOPE])
    assert sessions(site, admin, user=ANNA) == sessions(site, anna)
    assert "user=<uuid>" in refused(site.ask(SESSIONS, admin, LONG_AGO), 400)
    assert sessions(site, site.token(scopes=[HISTORY_ADMIN_SCOPE], org=OTHER_ORG), user=ANNA) == []
    body = {"endTimeSessionIds": named(sessions(site, anna)[0]["sessionId"])}
    assert "token of the user" in refused(site.ask(READ, admin, method="POST", body=body), 403)


def test_types_of_sessions_can_be_chosen(site: Site) -> None:
    """Shared lines come only when asked for; includeNewSessionTypes=false leaves meetings alone."""
    site.append(
        missed(site, 1),
        missed(site, 2, user=BRUNO).replace(b'"Device owner UUID":""', f'"Device owner UUID":"{ANNA}"'.encode()),
        missed(site, 3).replace(b"SIP_INBOUND", b"SIP_MEETING"),
    )
    site.project()
    token = site.token(user=ANNA)

    def types(**query: str) -> list[str]:
        return [session["sessionType"] for session in sessions(site, token, **query)]

    assert types() == types(includeNewSessionTypes="true") == ["WEBEXCALLING", "SPARK"]
    assert types(includeSharedSessions="true") == ["WEBEXCALLING", "WEBEXCALLING_SHARED", "SPARK"]
    assert types(includeNewSessionTypes="false") == ["SPARK"]


def test_ucm_lines_are_those_that_were_given(site: Site, anna: str) -> None:
    """The lines of a user come by phone, as given; the session names the line; a user without lines has no phones."""
    lines = [Line("SEP001", 2, "+12025550101", "Anna", 503), Line("SEP001", 1, "1001"), Line("SEP002", 1, "1002")]
    give(site.store, ORG, [Given(ANNA, name="Anna Lind", lines=lines)])
    site.project()
    path = "/v1/uc/config/people/{}/lines"
    found = site.ask(path.format(ANNA), anna, {"orgId": str(ORG)}).json
    assert [(device["name"], len(device["lines"])) for device in found["devices"]] == [("SEP001", 2), ("SEP002", 1)]
    assert {"dnorpattern": "+12025550101", "index": 2, "label": "Anna"} in found["devices"][0]["lines"]
    assert {session["self"]["cucmDN"] for session in sessions(site, anna)} == {"+12025550101"}
    assert site.ask(path.format(BRUNO), site.token(user=BRUNO)).json == {"devices": []}
    assert site.ask(path.format(BRUNO), anna).status == 403
    assert site.ask(path.format(ANNA), anna, {"orgId": str(OTHER_ORG)}).status == 403


@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_a_user_is_the_same_in_any_case(site: Site, spelling: Callable[[str], str]) -> None:
    """Records, tokens and questions may write the UUID of a user in capitals: it is one user, with one history."""
    site.append(missed(site, 1), missed(site, 2, user=ANNA.upper()))
    site.project()
    admin = site.token(scopes=[HISTORY_ADMIN_SCOPE])
    assert len(sessions(site, admin, user=spelling(ANNA))) == 2
    assert len(sessions(site, site.token(user=ANNA), user=spelling(ANNA))) == 2


def test_our_own_failures_can_be_read_in_browsers(site: Site, anna: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of the server has the documented body, too, and a page of any origin may read it."""
    monkeypatch.setattr(CallHistory, "page", None)
    reply = site.ask(SESSIONS, anna, LONG_AGO, headers={"origin": "https://softphone.example"})
    assert "Its log has the details" in refused(reply, 500)
    assert reply.headers["access-control-allow-origin"] == "*"


def test_pages_in_browsers_may_ask(site: Site, anna: str) -> None:
    """A page of any origin may read and write with a token; it can see the tracking id and the link to a next page."""
    asked = {
        "origin": "https://softphone.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": ", ".join(SENT_BY_WEBEX),
    }
    reply = site.ask(READ, method="OPTIONS", headers=asked)
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == "*"
    allowed = reply.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in SENT_BY_WEBEX)
    reply = site.ask(SESSIONS, anna, LONG_AGO, headers={"origin": "https://softphone.example"})
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "trackingid" in reply.headers["access-control-expose-headers"].lower()
    assert reply.headers["cache-control"] == "no-store"


def test_errors_can_be_read_in_browsers(site: Site) -> None:
    """An error, too, may be read by a page of any origin: else a program there could not say what is wrong."""
    reply = site.ask(SESSIONS, None, LONG_AGO, headers={"origin": "https://softphone.example"})
    assert reply.status == 401
    assert reply.headers["access-control-allow-origin"] == "*"


def test_paths_that_are_not_there_say_so(site: Site, anna: str) -> None:
    """Below the base address, too, an unknown path is 404 and a wrong method 405, with the status in the body."""
    assert refused(site.ask(f"{BASE}/history/nothing", anna), 404)
    assert refused(site.ask(READ, anna), 405)
