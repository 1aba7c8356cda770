"""The paths `/api/user/cdrs/sync_tokens`: what has changed among a user's CDRs since a token was made.

Source: PortSIP's public REST documentation, its page "Resource Synchronization" too. A token says where its user has
got to, and is kept nowhere: it stays valid until the store has no longer what it speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from ringback.projections.call_logs.query import CallLogs
from ringback.records.portsip.call_log import write_call_log
from ringback.records.portsip.fields import CALL_LOG_FIELDS
from ringback.records.values import OddValue, read_time, to_microseconds
from ringback.server.cursor import SignedValues
from ringback.server.exchange import Answer, Call, answer, parse_query
from ringback.server.portsip.errors import PortsipError
from ringback.server.portsip.options import wrong
from ringback.server.portsip.viewer import portsip_viewer
from ringback.server.tokens import Tokens

MAX_CHANGES = 500
"""CDRs in one answer."""

_NAMES = (
    *("caller", "callee", "started_at", "answered_at", "ended_at"),
    *("outbound_caller_id", "did_cid", "trunk", "status_code"),
)
CHANGED_FIELDS = tuple(next(field for field in CALL_LOG_FIELDS if field.name == name) for name in _NAMES)
"""What is told of each call log of a CDR that has changed, in the order of the documentation."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class SyncToken(msgspec.Struct, frozen=True):
    """How far a user has got.

    Attributes:
        position: in the ledger; changes after it are still to be told.
        date_from: only of calls that started then or later; microseconds since 1970, None for all.
    """

    position: int
    date_from: int | None


class SyncDialect:
    """Answers the two paths. Blocking; to be called in a worker thread."""

    def __init__(self, tokens: Tokens, call_logs: CallLogs, sync_tokens: SignedValues[SyncToken]) -> None:
        self._tokens = tokens
        self._call_logs = call_logs
        self._sync_tokens = sync_tokens

    def create(self, call: Call) -> Answer:
        """Answer `POST /api/user/cdrs/sync_tokens`.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer = portsip_viewer(self._tokens, call.authorization)
        user = viewer.must_be_user()
        token = SyncToken(self._call_logs.position(viewer.org), _date_from(parse_query(call.query)))
        return answer(msgspec.json.encode({"token": self._sync_tokens.sign(token, viewer.org, user)}), call)

    def diff(self, call: Call, token: str) -> Answer:
        """Answer `POST /api/user/cdrs/sync_tokens/{token}/diff`.

        Raises:
            ApiError: 401; 403, also for a token that is unknown, of somebody else, or of records that are gone.
        """
        viewer = portsip_viewer(self._tokens, call.authorization)
        user = viewer.must_be_user()
        since = self._sync_tokens.check(token, viewer.org, user)
        # Beyond the end: the store is an older copy of what it was. What came since is not what the user has seen.
        if since is None or since.position > self._call_logs.position(viewer.org):
            raise PortsipError(
                403, "This sync token is not known. Make a new one, then read /api/user/cdrs from the beginning."
            )
        found = self._call_logs.changes(viewer.org, user, since.position, since.date_from, MAX_CHANGES)
        following = SyncToken(found.position, since.date_from)
        body = {
            "token": self._sync_tokens.sign(following, viewer.org, user),
            "items": [
                {
                    "id": changed.id,
                    "change_type": changed.change_type,
                    "items": [msgspec.Raw(write_call_log(log, CHANGED_FIELDS)) for log in changed.logs],
                }
                for changed in found.items
            ],
        }
        return answer(msgspec.json.encode(body), call)


def _date_from(query: Mapping[str, str]) -> int | None:
    text = query.get("date_from", "").strip()
    if not text:
        return None
    try:
        return to_microseconds(read_time(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text))
    except OddValue as error:
        raise wrong(
            "date_from", f"date_from is {text[:40]!r}, but must be a date, or a time such as 2026-01-01T10:45:21Z."
        ) from error
