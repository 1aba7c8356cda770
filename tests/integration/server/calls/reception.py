"""A site at which calls come in, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from call_ids import first_call
from factories import ORG, wire_record
from ringback.projections.calls.projection import CallsProjection
from ringback.projections.numbers import Numbers
from ringback.projections.runner import Runner
from ringback.records.values import to_wire_time
from ringback.server.tokens import HISTORY_ADMIN_SCOPE
from serving import Reply, Site

ANNA = "aaaaaaaa-0000-4000-8000-000000000001"
BRUNO = "bbbbbbbb-0000-4000-8000-000000000002"
CALLER = "+12025550199"
NAMES = {ANNA: "Anna Lind", BRUNO: "Bruno Ek"}
LIST = "/v1/calls"
CHANGES = "/v1/changes"


class Reception:
    """A site, what joins its records to calls, and the token of an administrator."""

    def __init__(self, site: Site) -> None:
        self.site = site
        projection = CallsProjection(site.store, site.ledger, Numbers(""), site.clock)
        self._runner = Runner(site.store, site.ledger, [projection], "test", site.clock)
        self.admin = site.token(scopes=[HISTORY_ADMIN_SCOPE])

    def add(self, *records: bytes) -> None:
        """Store records, and join them to calls."""
        self.site.append(*records)
        self._runner.catch_up()

    def incoming(
        self, name: str, minutes: int, values: Mapping[str, str] | None = None, *, user: str = ANNA, org: UUID = ORG
    ) -> bytes:
        """The record of a call from outside to a user, so many minutes ago, who talked for half a minute.

        Args:
            name: of the record.
            values: other values.
        """
        start = self.site.clock() - timedelta(minutes=minutes)
        ended = start + timedelta(seconds=40)
        given = {
            "Correlation ID": f"call of {name}",
            "User": NAMES[user],
            "User UUID": user,
            "User number": "+12025550101",
            "Called number": "+12025550101",
            "Calling number": CALLER,
            "Call type": "SIP_INBOUND",
            "Answer time": to_wire_time(start + timedelta(seconds=10)),
            "Release time": to_wire_time(ended),
            "Duration": "30",
        }
        return wire_record(name, org=org, report_time=ended, start_time=start, **given | dict(values or {}))

    def missed(self, name: str, minutes: int, *, user: str = ANNA) -> bytes:
        """The record of a call from outside that a user missed."""
        unanswered = {"Answered": "false", "Answer indicator": "No", "Answer time": "", "Duration": "0"}
        return self.incoming(name, minutes, unanswered, user=user)

    def ask(self, target: str, token: str | None = None, **query: str | int) -> Reply:
        """One request, by default of the administrator."""
        return self.site.ask(target, token or self.admin, query or None)

    def ids(self, target: str = LIST, token: str | None = None, **query: str | int) -> list[str]:
        """The ids of the calls of all pages."""
        return [call["id"] for reply in self.pages(target, token, **query) for call in reply.json["items"]]

    def of(self, *names: str, org: UUID = ORG) -> list[str]:
        """The ids of the calls that begin with these records."""
        return [str(first_call(self.site.ledger, name, org)) for name in names]

    def pages(self, target: str = LIST, token: str | None = None, **query: str | int) -> list[Reply]:
        """The page that is asked for, and all that follow it."""
        replies = self.site.pages(target, token or self.admin, query)
        assert [reply.json["has_more"] for reply in replies] == [True] * (len(replies) - 1) + [False]
        assert all(reply.json["has_more"] is (reply.json["next"] is not None) for reply in replies)
        return replies


def one(reply: Reply) -> Any:
    """The only call of a page."""
    (call,) = reply.json["items"]
    return call
