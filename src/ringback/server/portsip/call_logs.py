"""The paths `/api/calllogs` and `/api/calllogs/{id}`, and how lists are answered.

Source: PortSIP's public REST documentation of these paths, there since version 22.0 of January 2025, and its page
"Query Options Overview". `docs/call-logs-api.md` says what is done where they are silent or disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from ringback.projections.call_logs.expressions import Compare, fields_of, total
from ringback.projections.call_logs.query import CallLogs, Kind, Page, Place, Wanted
from ringback.projections.call_logs.rows import made_of
from ringback.records.portsip.call_log import write_call_log
from ringback.records.portsip.fields import CallLogField
from ringback.server.cursor import SignedValues
from ringback.server.exchange import Answer, Call, answer
from ringback.server.portsip.errors import PortsipError
from ringback.server.portsip.options import read_options, wrong
from ringback.server.portsip.viewer import PortsipViewer, portsip_viewer
from ringback.server.tokens import Tokens
from ringback.store import TookTooLong, schema

LOG_FIELDS = fields_of(schema.call_logs)
"""What a list of call logs has of each: 24 of the 26 fields."""

_TABLES = {Kind.LOGS: schema.call_logs, Kind.SUMMARIES: schema.call_summaries}
_LONGEST_PLACE = 5000
"""Bytes of a place in a link. Twice as many, as base64, still fit into a query."""


class ListCursor(msgspec.Struct, frozen=True):
    """Where a page of a list begins.

    Attributes:
        after: the place of the last row before it, or the id of that row if its place is too long for a link.
        count: rows in all, as they were counted for the first page; None if they were not.
    """

    after: Place | str
    count: int | None


class ListDialect:
    """Answers lists. Blocking; to be called in a worker thread."""

    def __init__(self, tokens: Tokens, call_logs: CallLogs, cursors: SignedValues[ListCursor]) -> None:
        self._tokens = tokens
        self._call_logs = call_logs
        self._cursors = cursors

    def _viewer(self, call: Call) -> PortsipViewer:
        return portsip_viewer(self._tokens, call.authorization)

    def _list(self, call: Call, kind: Kind, viewer: PortsipViewer, fields: Sequence[CallLogField]) -> Answer:
        table = _TABLES[kind]
        options = read_options(call.query, fields_of(table))
        wanted = Wanted(filter=options.filter, search=options.search, orders=options.orders, user=viewer.user)
        about = (viewer.org, viewer.user, kind.name, options.chosen)
        cursor = self._cursor(options.cursor, *about)
        try:
            begin = None if cursor is None else self._place(cursor.after, viewer, kind, wanted)
            page = self._call_logs.page(viewer.org, kind, wanted, options.top, skip=options.skip, begin=begin)
            count = None
            if options.count is not False:
                count = _count_in_sight(page, options.skip) if cursor is None else cursor.count
                if count is None and (cursor is None or options.count):
                    count = self._count(viewer.org, kind, wanted, must=options.count is True)
        except TookTooLong as error:
            raise PortsipError(
                400,
                "This takes too long to find. Narrow it with started_at in the filter, "
                "or do without the number of all rows: without count=true.",
            ) from error
        headers = {}
        if page.next is not None:
            following = self._cursors.sign(ListCursor(_after(page, page.next), count), *about)
            query = f"{options.link}&cursor={following}" if options.link else f"cursor={following}"
            headers["link"] = f'<{call.base_url}{call.path}?{query}>;rel="next"'
        items = b",".join([write_call_log(log, fields) for log in page.logs])
        head = b"" if count is None else b'"count":%d,' % count
        return answer(b'{%b"items":[%b]}' % (head, items), call, headers)

    def _count(self, org: UUID, kind: Kind, wanted: Wanted, *, must: bool) -> int | None:
        """How many rows there are in all; None if it takes too long to count them and nobody has asked for it."""
        try:
            return self._call_logs.count(org, kind, wanted)
        except TookTooLong:
            if must:
                raise
            return None

    def _cursor(self, text: str, *about: object) -> ListCursor | None:
        cursor = self._cursors.check(text, *about) if text else None
        if text and cursor is None:
            raise wrong(
                "cursor",
                "This is no cursor for just this filter, orderby and search. Follow the Link header as it was given.",
            )
        return cursor

    def _place(self, after: Place | str, viewer: PortsipViewer, kind: Kind, wanted: Wanted) -> Place:
        if isinstance(after, Place):
            return after
        only = Wanted(filter=Compare("id", "eq", after), user=viewer.user)
        found = self._call_logs.page(viewer.org, kind, only, 1).logs
        if not found:
            raise wrong("cursor", "The row that this page begins behind is gone. Begin again from the first page.")
        values = made_of(found[0], _TABLES[kind])
        return Place(tuple(values[order.field] for order in total(wanted.orders)))


class CallLogsDialect(ListDialect):
    """The call logs."""

    def call_logs(self, call: Call) -> Answer:
        """Answer `GET /api/calllogs`.

        Raises:
            ApiError: 400, 401, 403.
        """
        return self._list(call, Kind.LOGS, self._viewer(call), LOG_FIELDS)

    def call_log(self, call: Call, id: str) -> Answer:
        """Answer `GET /api/calllogs/{id}`: all 26 fields.

        Raises:
            ApiError: 401, 403, 404.
        """
        viewer = self._viewer(call)
        log = self._call_logs.one(viewer.org, id, viewer.user)
        if log is None:
            raise not_found("call log")
        return answer(write_call_log(log), call)


def not_found(what: str) -> PortsipError:
    """The error for an id that names nothing which the token may see: whether it exists is nobody else's business."""
    return PortsipError(404, f"There is no such {what} among those that this token may see.")


def _count_in_sight(page: Page, skip: int) -> int | None:
    """How many rows there are in all, if the first page ends where they do."""
    return skip + len(page.logs) if page.next is None and (page.logs or not skip) else None


def _after(page: Page, place: Place) -> Place | str:
    return page.logs[-1].id if len(msgspec.json.encode(place)) > _LONGEST_PLACE else place
