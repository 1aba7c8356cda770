"""The paths `/api/cdrs` and `/api/user/cdrs`: calls as one row each, and what belongs to a call.

Source: PortSIP's public REST documentation. The shapes differ by path: the items of a single CDR are a list at
`/cdrs/{id}`, one object at `/user/cdrs/{id}`, and have no id in either.
"""

from __future__ import annotations

from ringback.projections.call_logs.expressions import Compare, fields_of
from ringback.projections.call_logs.query import Kind, Wanted
from ringback.records.portsip.call_log import write_call_log
from ringback.records.portsip.fields import CALL_LOG_FIELDS
from ringback.server.exchange import Answer, Call, answer
from ringback.server.portsip.call_logs import ListDialect, not_found
from ringback.store import schema

CDR_FIELDS = fields_of(schema.call_summaries)
"""What a list of CDRs has of each: what call logs have, but for the session_id, which is the id here."""

TARGET_FIELDS = tuple(field for field in CALL_LOG_FIELDS if field.name not in ("id", "session_id"))
"""What each item of a single CDR has."""

USER_CDR_FIELDS = tuple(field for field in TARGET_FIELDS if field.name != "duration")
"""What the items of a user's single CDR have."""


class CdrsDialect(ListDialect):
    """The CDRs."""

    def cdrs(self, call: Call) -> Answer:
        """Answer `GET /api/cdrs`.

        Raises:
            ApiError: 400, 401, 403.
        """
        return self._list(call, Kind.SUMMARIES, self._viewer(call), CDR_FIELDS)

    def cdr(self, call: Call, id: str) -> Answer:
        """Answer `GET /api/cdrs/{id}`: the call logs of a session.

        Raises:
            ApiError: 401, 403, 404.
        """
        viewer = self._viewer(call)
        logs = self._call_logs.of_session(viewer.org, id, viewer.user)
        if not logs:
            raise not_found("CDR")
        items = b",".join([write_call_log(log, TARGET_FIELDS) for log in logs])
        return answer(b'{"items":[%b]}' % items, call)

    def user_cdrs(self, call: Call) -> Answer:
        """Answer `GET /api/user/cdrs`.

        Raises:
            ApiError: 400, 401, 403.
        """
        viewer = self._viewer(call)
        viewer.must_be_user()
        return self._list(call, Kind.SUMMARIES, viewer, CDR_FIELDS)

    def user_cdr(self, call: Call, id: str) -> Answer:
        """Answer `GET /api/user/cdrs/{id}`.

        Raises:
            ApiError: 401, 403, 404.
        """
        viewer = self._viewer(call)
        wanted = Wanted(filter=Compare("id", "eq", id), user=viewer.must_be_user())
        found = self._call_logs.page(viewer.org, Kind.SUMMARIES, wanted, 1).logs if id else ()
        if not found:
            raise not_found("CDR")
        return answer(b'{"items":%b}' % write_call_log(found[0], USER_CDR_FIELDS), call)
