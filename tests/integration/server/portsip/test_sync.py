"""Sync tokens: a user's program is told what has changed, once and completely."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories import ORG, OTHER_ORG
from integration.server.portsip.logs import (
    ANNA,
    BRUNO,
    SYNC,
    USER_CDRS,
    administrator,
    append,
    error,
    ids,
    log,
    user,
)
from ringback.server.cursor import SignedValues
from ringback.server.portsip import sync
from serving import Query, Site, SiteMaker

CHANGED_KEYS = [
    *("caller", "callee", "started_at", "answered_at", "ended_at"),
    *("outbound_caller_id", "did_cid", "trunk", "status_code"),
]


def new_token(site: Site, query: Query | None = None, who: str = ANNA) -> str:
    """A sync token for now."""
    reply = site.ask(SYNC, user(site, who), query, method="POST")
    assert reply.status == 201, reply.body
    assert list(reply.json) == ["token"]
    return str(reply.json["token"])


def diff(site: Site, token: str, who: str = ANNA) -> dict[str, Any]:
    """What has changed since."""
    reply = site.ask(f"{SYNC}/{token}/diff", user(site, who), method="POST")
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json
    assert list(found) == ["token", "items"]
    return found


def changes(found: dict[str, Any]) -> list[tuple[str, str]]:
    """What became of which CDR."""
    return [(item["change_type"], item["id"]) for item in found["items"]]


def test_changes_come_once(site: Site) -> None:
    """A diff tells of what is new since the token, with the call logs of each; the next token tells of it no more."""
    append(site, log("old"))
    token = new_token(site)
    assert diff(site, token)["items"] == []
    append(site, log("1"), log("2", callee="102"), log("3"))
    found = diff(site, token)
    assert changes(found) == [("CREATED", "s-1"), ("CREATED", "s-3")]
    assert list(found["items"][0]) == ["id", "change_type", "items"]
    (target,) = found["items"][0]["items"]
    assert list(target) == CHANGED_KEYS
    assert target == {**dict.fromkeys(CHANGED_KEYS), **{key: log("1").get(key) for key in CHANGED_KEYS}}
    assert diff(site, found["token"])["items"] == []
    assert changes(diff(site, token)) == changes(found), "a token can be used again"
    assert changes(diff(site, new_token(site, who=BRUNO), BRUNO)) == []


def test_a_call_that_goes_on_is_updated(site: Site) -> None:
    """A row that comes later changes the CDR of its session; who did not know it before is told that it is new."""
    before = new_token(site)
    append(site, log("1", session_id="s"))
    known = diff(site, before)["token"]
    append(site, log("2", session_id="s", started_at="2026-03-02T08:16:00Z"))
    found = diff(site, known)
    assert changes(found) == [("UPDATED", "s")]
    assert [item["started_at"] for item in found["items"][0]["items"]] == [
        "2026-03-02T08:15:02Z",
        "2026-03-02T08:16:00Z",
    ]
    assert changes(diff(site, before)) == [("CREATED", "s")]


def test_a_call_that_is_nobody_s_any_more_is_deleted(site: Site) -> None:
    """A revision that takes a call from a user deletes it there; the user who has it now is told that it is new."""
    append(site, log("1"))
    annas, brunos = new_token(site), new_token(site, who=BRUNO)
    append(site, log("1", callee="102", ended_at="2026-03-02T08:15:50Z"))
    found = diff(site, annas)
    assert changes(found) == [("DELETED", "s-1")]
    assert found["items"][0]["items"] == []
    assert changes(diff(site, brunos, BRUNO)) == [("CREATED", "s-1")]


def test_many_changes_come_in_parts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer is bounded; asking with the new token until there is nothing gives every change once."""
    monkeypatch.setattr(sync, "MAX_CHANGES", 4)
    token = new_token(site)
    for begin in (0, 10, 20):
        append(site, *(log(f"{number}") for number in range(begin, begin + 10)))
    found = []
    while items := (answer := diff(site, token))["items"]:
        assert len(items) <= 5, "as many as were asked for, and what the last record changed besides"
        found += [item["id"] for item in items]
        token = answer["token"]
    assert len(found) == 30
    assert set(found) == {f"s-{number}" for number in range(30)}


@pytest.mark.parametrize(
    ("date_from", "told"),
    [
        (None, ["s-1", "s-2", "s-3"]),
        ("", ["s-1", "s-2", "s-3"]),
        ("2026-03-01", ["s-2", "s-3"]),
        ("2026-03-01T12:00:00Z", ["s-2", "s-3"]),
        ("2026-03-01T12:00:00.000001Z", ["s-3"]),
        ("2026-03-01T14:00:00+02:00", ["s-2", "s-3"]),
        ("2099-01-01", []),
    ],
)
def test_old_calls_can_be_left_out(site: Site, date_from: str | None, told: list[str]) -> None:
    """With date_from, a date or a time, only calls that began then or later are told of."""
    token = new_token(site, None if date_from is None else {"date_from": date_from})
    append(
        site,
        *(log(f"{day}", started_at=f"2026-0{2 + (day > 1)}-0{max(1, day - 1)}T12:00:00Z") for day in (1, 2, 3)),
    )
    assert [id for _, id in changes(diff(site, token))] == told


@pytest.mark.parametrize("date_from", ["soon", "2026-13-01", "2026-1-1", "1772438400", "2026-01-01T25:00:00Z"])
def test_a_date_that_is_none(site: Site, date_from: str) -> None:
    """A date_from that is neither a date nor a time is a 400 that says so."""
    reply = site.ask(SYNC, user(site), {"date_from": date_from}, method="POST")
    assert error(reply, 400, "VALIDATE_FAILED")["detail"] == {"option": "date_from"}


def test_a_token_belongs_to_its_user(site: Site, make_site: SiteMaker) -> None:
    """Another user, another organization and an administrator get 403; another login of the user, and another server
    process, take it."""
    token = new_token(site)
    path = f"{SYNC}/{token}/diff"
    for stranger in (user(site, BRUNO), user(site, org=OTHER_ORG), administrator(site)):
        error(site.ask(path, stranger, method="POST"), 403, "FORBIDDEN")
    assert site.ask(path, user(site), method="POST").status == 200
    assert make_site().ask(path, user(site), method="POST").status == 200


# One site for all texts: none of them changes anything.
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made_up=st.text(st.characters(exclude_characters="/"), min_size=1, max_size=60), cut=st.integers(0, 300))
def test_a_token_that_was_made_up_is_refused(fuzzed: tuple[Site, str, str], made_up: str, cut: int) -> None:
    """No text but one of ours is a token: 403, or 404 if there is nothing of it in a path, and never a failure."""
    site, asking, real = fuzzed
    for token in (made_up, real[: cut % len(real)], real + made_up, made_up + real):
        encoded = "".join(f"%{byte:02X}" for byte in token.encode("utf-8", "replace"))
        reply = site.ask(f"{SYNC}/{encoded}/diff", asking, method="POST")
        assert reply.status in (403, 404, 405), (token, reply.body)


@pytest.fixture
def fuzzed(site: Site) -> tuple[Site, str, str]:
    """A site, a user's token, and a sync token of that user."""
    return site, user(site), new_token(site)


def test_a_store_that_was_put_back_knows_the_token_no_more(site: Site) -> None:
    """A token from a time that the store has no longer got to is refused, so that nothing of what comes is missed."""
    append(site, log("1"), log("2"))
    ahead = SignedValues(site.store, "sync-token", sync.SyncToken).sign(sync.SyncToken(10, None), ORG, ANNA)
    reply = site.ask(f"{SYNC}/{ahead}/diff", user(site), method="POST")
    assert "beginning" in error(reply, 403, "FORBIDDEN")["message"]


def test_a_guide_leaves_diff_out(site: Site) -> None:
    """`POST …/sync_tokens/TOKEN` is the same as with `/diff` at its end."""
    token = new_token(site)
    append(site, log("1"))
    reply = site.ask(f"{SYNC}/{token}", user(site), method="POST")
    assert reply.json == diff(site, token)
    assert ids(site, user(site), USER_CDRS) == ["s-1"]
