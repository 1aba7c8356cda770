"""The change feed over HTTP: somebody who keeps a copy of all calls."""

from __future__ import annotations

from typing import Any

import pytest

from factories import ORG, OTHER_ORG
from integration.server.calls.reception import BRUNO, CHANGES, LIST, Reception
from ringback.server.tokens import HISTORY_ADMIN_SCOPE


class Copy:
    """A copy of all calls, kept as the documentation says."""

    def __init__(self, here: Reception, limit: int = 50) -> None:
        self._here = here
        self._limit = limit
        self.token: str | None = None
        self.calls: dict[str, Any] = {}
        self.told: list[tuple[str, str]] = []

    def ask(self) -> bool:
        """Apply one answer; gives whether there is more."""
        since = {} if self.token is None else {"since": self.token}
        reply = self._here.ask(CHANGES, limit=self._limit, **since)
        if reply.status == 410:
            self.token = None
            self.calls.clear()
            return True
        page = reply.json
        assert list(page) == ["items", "token", "has_more"]
        for item in page["items"]:
            self.told.append((item["change"], item["id"]))
            if "call" in item:
                assert item["call"]["id"] == item["id"]
                self.calls[item["id"]] = item["call"]
            else:
                self.calls.pop(item["id"], None)
        self.token = page["token"]
        more: bool = page["has_more"]
        return more

    def follow(self) -> list[tuple[str, str]]:
        """Apply everything; gives what was told."""
        begin = len(self.told)
        while self.ask():
            pass
        return self.told[begin:]


def listed(here: Reception) -> dict[str, Any]:
    """All calls, as the list has them."""
    return {call["id"]: call for call in here.ask(LIST, limit=1000).json["items"]}


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_a_copy_is_kept(here: Reception, limit: int) -> None:
    """Everything first; then what is new, what has changed, and what is part of another call; with any limit."""
    copy = Copy(here, limit)
    assert copy.follow() == []
    here.add(here.incoming("a", 9, {"Local call ID": "1:0"}), here.incoming("b", 8, {"Local call ID": "2:0"}))
    a, b = here.of("a", "b")
    assert copy.follow() == [("created", a), ("created", b)]
    here.add(here.incoming("c", 7, {"Related call ID": "1:0", "Transfer related call ID": "2:0"}, user=BRUNO))
    here.add(here.incoming("d", 6))
    assert copy.follow() == [("updated", a), ("merged", b), ("created", *here.of("d"))]
    assert copy.calls == listed(here)
    assert copy.follow() == []


def test_what_a_merged_call_is_part_of(here: Reception) -> None:
    """A call that is merged is told with the id of the call that it is part of, and without a call."""
    copy = Copy(here)
    here.add(here.incoming("a", 9), here.incoming("b", 8))
    copy.follow()
    here.add(here.incoming("b", 8, {"Correlation ID": "call of a", "Releasing party": "Local"}))
    assert copy.token is not None
    items = here.ask(CHANGES, since=copy.token).json["items"]
    assert items[-1] == {"change": "merged", "id": here.of("b")[0], "into": here.of("a")[0]}


@pytest.mark.parametrize("token", ["", "x", "AAAA", "A" * 42, "A" * 44, "é", "4" * 43])
def test_a_made_up_token(here: Reception, token: str) -> None:
    """A token that is none is a 410 that says how to start again."""
    here.add(here.incoming("a", 1))
    reply = here.ask(CHANGES, since=token)
    assert (reply.status, "ask without a token" in reply.message) == (410, True)


def test_a_token_of_another_org(here: Reception) -> None:
    """The token of one org is none of another."""
    here.add(here.incoming("a", 1, org=ORG), here.incoming("a", 1, org=OTHER_ORG))
    copy = Copy(here)
    copy.follow()
    assert copy.token is not None
    other = here.site.token(org=OTHER_ORG, scopes=[HISTORY_ADMIN_SCOPE])
    assert here.ask(CHANGES, other, since=copy.token).status == 410
    assert [each["id"] for each in here.ask(CHANGES, other).json["items"]] == here.of("a", org=OTHER_ORG)


def test_a_limit_that_is_none(here: Reception) -> None:
    """A wrong limit is a 400."""
    assert here.ask(CHANGES, limit=0).status == 400
    assert here.ask(CHANGES, limit=1001).status == 400
