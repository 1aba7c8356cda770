"""What the simulated PBX answers. It knows nothing of connections: a request comes in, a reply goes out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from urllib.parse import unquote

from ringback.simulator.cloud import answers
from ringback.simulator.cloud.clock import NANOSECONDS, Clock
from ringback.simulator.cloud.faults import BadItem, Duplicates, Refuse, Slow
from ringback.simulator.cloud.http import Reply, Request
from ringback.simulator.cloud.rates import SlidingRate
from ringback.simulator.cloud.script import Strikes
from ringback.simulator.pbx.accounts import Account, Accounts, Token
from ringback.simulator.pbx.audit import Asked, Audit, Endpoint
from ringback.simulator.pbx.faults import Fault, Faults, Rule
from ringback.simulator.pbx.filters import BadQuery
from ringback.simulator.pbx.login import ROUTES, BadBody, Logins, Route
from ringback.simulator.pbx.options import Behaviour, Limits
from ringback.simulator.pbx.query import NotFilterable, Query, find, read_query
from ringback.simulator.pbx.rows import Row, Written
from ringback.simulator.pbx.table import Entry, Event, Kind, Table
from ringback.simulator.pbx.wire import Wire, bad_item, page

BASE = "/api"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Service:
    """The state of the PBX, and its answers. Safe for threads by its `lock`.

    Attributes:
        events: what subscribers have not been told yet, in order.
    """

    def __init__(
        self,
        *,
        tenants: Iterable[str],
        clock: Clock,
        skew: timedelta,
        limits: Limits,
        behaviour: Behaviour,
        faults: Faults,
        seed: int,
    ) -> None:
        self.lock = threading.RLock()
        self.limits = limits
        self.behaviour = behaviour
        self.wire = Wire(behaviour)
        self.strikes: Strikes[Rule] = Strikes(faults)
        self.accounts = Accounts(seed)
        self.tables: dict[str, Table] = {}
        for tenant in tenants:
            self.tables[tenant] = Table(behaviour)
            self.accounts.add(tenant, "admin", "Admin", "")
        self.events: list[Event] = []
        period = limits.period // _MICROSECOND * 1000
        self.audit = Audit(period, limits.requests, limits.details)
        self._rate = SlidingRate(period)
        self._logins = Logins(self.accounts, behaviour, self.wire, period)
        self._clock = clock
        self._skew = skew // _MICROSECOND * 1000
        self._seed = seed
        self._traffic: Iterator[Written] = iter(())
        self._due: list[tuple[datetime, int, Written]] = []
        self._number = 0

    # Rows.

    def follow(self, traffic: Iterable[Written]) -> None:
        """Write these rows, which are in order of time, each when its time has come."""
        self._traffic = iter(traffic)
        self._schedule(next(self._traffic, None))

    def add(self, writes: Iterable[Written]) -> None:
        """The same with rows in any order. Raises LookupError if a tenant is not known."""
        for written in writes:
            if written.tenant not in self.tables:
                raise LookupError(f"the simulated PBX has no tenant {written.tenant}")
            self._number += 1
            heappush(self._due, (written.at, self._number, written))

    def _schedule(self, written: Written | None) -> None:
        if written is not None:
            # Numbered below all that was added: whoever draws this one draws the next.
            heappush(self._due, (written.at, 0, written))

    def catch_up(self) -> None:
        """Write what is due by now."""
        now = self.moment()
        while self._due and self._due[0][0] <= now:
            _, number, written = heappop(self._due)
            event = self.tables[written.tenant].write(written)
            if event is not None:
                self.events.append(event)
            if number == 0:
                self._schedule(next(self._traffic, None))

    # Time.

    def nanoseconds(self) -> int:
        """The PBX's own time, in nanoseconds since 1970."""
        return self._clock.nanoseconds() + self._skew

    def moment(self) -> datetime:
        """The same as a datetime, to the microsecond."""
        return _EPOCH + _MICROSECOND * (self.nanoseconds() // 1000)

    def now(self) -> int:
        """The same in whole milliseconds since 1970."""
        return self.nanoseconds() // 1_000_000

    def is_out(self) -> bool:
        """Whether there is an outage."""
        return self.strikes.is_out(self.now())

    def restart(self) -> None:
        """Forget what a process would forget."""
        with self.lock:
            if not self.behaviour.tokens_survive:
                self.accounts.revoke(refresh=True)

    # Answers.

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        with self.lock:
            nanoseconds = self.nanoseconds()
            asked = self.audit.note(nanoseconds, request.method, request.target)
            asked.target = self._censored(request.target)
            leaked = asked.target != request.target
            try:
                reply = self._gate(asked) or self._route(request, asked)
            except (BadQuery, BadBody) as error:
                asked.violation = "query"
                reply = self.wire.error(400, "VALIDATE_FAILED", str(error))
            except NotFilterable as error:
                reply = self.wire.error(400, "VALIDATE_FAILED", str(error))
            if leaked:
                asked.violation = "secret"
            if self.behaviour.date:
                reply.headers["date"] = answers.http_date(nanoseconds // 1_000_000)
            asked.status = reply.status if reply.mishap is None or reply.mishap.head else 0
            return reply

    def admit(self, request: Request) -> tuple[Asked, Reply | None]:
        """Note a request for the WebSocket, and say how it is refused; None if it is not."""
        with self.lock:
            asked = self.audit.note(self.nanoseconds(), request.method, request.target)
            asked.target = self._censored(request.target)
            asked.endpoint = "wsi"
            reply = self._gate(asked)
            if reply is None and (request.path != "/wsi" or not self.behaviour.wsi):
                asked.violation = "" if request.path == "/wsi" else "path"
                reply = self.wire.error(404, "UNKNOWN", "There is nothing at this path")
            if asked.target != request.target:
                asked.violation = "secret"
            asked.status = reply.status if reply else 101
            return asked, reply

    def _censored(self, target: str) -> str:
        """A target, unless there are secrets in it."""
        text = unquote(target)
        return "(with a secret)" if any(secret in text for secret in self.accounts.secrets()) else target

    def _gate(self, asked: Asked) -> Reply | None:
        """Count a request against the rate of the gateway, or refuse it."""
        wait = self._rate.wait("", self.limits.requests, asked.nanoseconds)
        if not wait:
            self._rate.count("", asked.nanoseconds)
            return None
        asked.violation = "rate"
        reply = self.wire.error(self.behaviour.over_rate, "UNKNOWN", "Too many requests")
        if self.behaviour.retry_after != "absent":
            now = asked.nanoseconds // 1_000_000
            reply.headers["retry-after"] = answers.retry_after(self.behaviour.retry_after, wait / NANOSECONDS, now)
        return reply

    def _route(self, request: Request, asked: Asked) -> Reply:
        path = request.path.removeprefix(BASE) if request.path.startswith(f"{BASE}/") else ""
        if path in ROUTES:
            return self._login(ROUTES[path], request, asked)
        for prefix, listed, single, kind in _LISTS:
            if path == prefix:
                return self._records(request, asked, listed, kind, None)
            if path.startswith(f"{prefix}/") and "/" not in path[len(prefix) + 1 :]:
                return self._records(request, asked, single, kind, unquote(path[len(prefix) + 1 :]))
        asked.violation = "path"
        return self.wire.error(404, "UNKNOWN", "There is nothing at this path")

    def _login(self, routes: tuple[Route, ...], request: Request, asked: Asked) -> Reply:
        asked.endpoint = routes[0].endpoint
        if routes[0].way not in self.behaviour.logins:
            return self.wire.error(404, "UNKNOWN", "There is nothing at this path")
        route = next((route for route in routes if route.method == request.method), None)
        if route is None:
            return self._wrong_method(asked)
        asked.endpoint = route.endpoint
        if route.endpoint in ("user", "logout"):
            token = self._authenticate(request, asked)
            if isinstance(token, Reply):
                return token
            return route.answer(self._logins, request, asked, token, asked.nanoseconds)
        fault = self._strike(asked, "login", "login", 1)
        if isinstance(fault, Refuse):
            return self.wire.refusal(fault, asked.nanoseconds // 1_000_000)
        reply = route.answer(self._logins, request, asked, None, asked.nanoseconds)
        if fault is not None:
            answers.spoil(reply, fault)
        if reply.status == 200 and (fault is None or isinstance(fault, Slow)):
            self._logins.received(asked, asked.nanoseconds)
        return reply

    def _wrong_method(self, asked: Asked) -> Reply:
        asked.violation = "path"
        return self.wire.error(405, "UNKNOWN", "This path does not take this method")

    def _authenticate(self, request: Request, asked: Asked) -> Token | Reply:
        """The good token of a request, or the refusal of a bad one."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        token = self.accounts.find(secret) if scheme.lower() == "bearer" else None
        if token is None:
            asked.violation = "token"
            return self.wire.error(401, "UNAUTHORIZED", "The request needs an access token")
        asked.token = token.name
        token.used = True
        if not token.good(asked.nanoseconds):
            if token.refused:
                asked.violation = "expired"
            token.refused = True
            return self.wire.error(self.behaviour.expired, "UNAUTHORIZED", "The access token is not valid any more")
        asked.account, asked.tenant = token.account.name, token.account.tenant
        return token

    def _strike(self, asked: Asked, endpoint: str, who: str, top: int) -> Fault | None:
        """The fault that strikes, if one does; requests in a row are counted by `who`."""

        def concerns(rule: Rule) -> bool:
            ours = rule.endpoint == endpoint or (rule.endpoint == "any" and endpoint != "login")
            return ours and rule.tenant in (None, asked.tenant)

        now = asked.nanoseconds // 1_000_000
        rule = self.strikes.choose(concerns, who=who, kind=asked.kind, page_size=top, now=now)
        if rule is None:
            return None
        asked.fault = rule.fault.name
        return rule.fault

    def _records(self, request: Request, asked: Asked, endpoint: Endpoint, kind: Kind, one: str | None) -> Reply:
        asked.endpoint = endpoint
        if kind == "calllogs" and not self.behaviour.calllogs:
            return self.wire.error(404, "UNKNOWN", "There is nothing at this path")
        if request.method not in self._verbs(endpoint):
            reply = self._wrong_method(asked)
            if endpoint in ("cdrs", "cdr") and request.method in ("GET", "POST"):
                asked.violation = ""  # the documents have both
            return reply
        token = self._authenticate(request, asked)
        if isinstance(token, Reply):
            return token
        account = token.account
        mine = endpoint in ("user_cdrs", "user_cdr")
        if account.role == "User" and not mine:
            return self.wire.error(403, "FORBIDDEN", "This is for administrators and queue managers")
        self.catch_up()
        if one is None:
            return self._list(request, asked, account, kind, mine=mine)
        return self._single(asked, account, kind, one, mine=mine)

    def _verbs(self, endpoint: Endpoint) -> tuple[str, ...]:
        if endpoint in ("cdrs", "cdr"):
            return {"both": ("GET", "POST"), "get": ("GET",), "post": ("POST",)}[self.behaviour.cdrs_verbs]
        return ("GET",)

    def _list(self, request: Request, asked: Asked, account: Account, kind: Kind, *, mine: bool) -> Reply:
        query = self._query(request, asked, kind)
        heeds = self.behaviour.calllogs_options if kind == "calllogs" else self.behaviour.cdrs_options
        asked.kind = "page" if query.skip else "initial"
        largest = self.limits.largest_page
        wrong_top = query.top is not None and not 1 <= query.top <= largest
        if wrong_top:
            asked.violation = "top"
        fault = self._strike(asked, "list", account.name, query.top or largest)
        if isinstance(fault, Refuse):
            return self._refuse(fault, account, asked)
        if query.given and heeds == "rejected":
            return self.wire.error(400, "VALIDATE_FAILED", "This list takes no options")
        if heeds == "ignored":
            query = Query()
        elif wrong_top and (not query.top or self.behaviour.over_top == "rejected"):
            return self.wire.error(400, "VALIDATE_FAILED", f"top is from 1 to {largest}")
        entries = self.tables[account.tenant].entries(kind)
        if mine:
            entries = [entry for entry in entries if _concerns(entry.row, account)]
        rng = Random(f"pbx/ties/{self._seed}/{asked.number}")  # noqa: S311 - reproducible chance, not secrets
        found = find(entries, query, self.behaviour, rng)
        begin = max(0, (query.skip or 0) - self.behaviour.skip_from)
        return self._page(found, found[begin : begin + min(query.top or largest, largest)], query, fault, asked)

    def _query(self, request: Request, asked: Asked, kind: Kind) -> Query:
        try:
            pairs = request.query
        except ValueError as error:
            raise BadQuery("the query is not UTF-8") from error
        return read_query(pairs, kind, self.behaviour, self.wire)

    def _page(self, found: list[Entry], shown: list[Entry], query: Query, fault: Fault | None, asked: Asked) -> Reply:
        items = [entry.listed for entry in shown]
        if isinstance(fault, Duplicates):
            items = items + items[: round(len(items) * fault.share)]
        asked.records = len(items)
        if isinstance(fault, BadItem):
            asked.bad = 1
            items = [*items[: len(items) // 2], bad_item(fault), *items[len(items) // 2 :]]
        counted = self.behaviour.count == "always" or (self.behaviour.count == "asked" and query.count)
        reply = page(items, len(found) if counted else None)
        if fault is not None:
            answers.spoil(reply, fault)
        return reply

    def _single(self, asked: Asked, account: Account, kind: Kind, text: str, *, mine: bool) -> Reply:
        fault = self._strike(asked, "detail", account.name, 1)
        if isinstance(fault, Refuse):
            return self._refuse(fault, account, asked)
        table = self.tables[account.tenant]
        number = self.wire.read_id(text)
        row = None if number is None else table.one(kind, number)
        if row is None or (mine and not _concerns(row, account)):
            asked.violation = "id"
            return self.wire.error(404, "UNKNOWN", "There is no call log with this id")
        asked.records = 1
        if mine:
            body = b'{"items":' + self.wire.listed(row, ("id", "duration", "session_id")) + b"}"
        else:
            body = table.detail(kind, row)
        reply = Reply(headers={"content-type": answers.JSON}, body=body)
        if fault is not None:
            answers.spoil(reply, fault)
        return reply

    def _refuse(self, fault: Refuse, account: Account, asked: Asked) -> Reply:
        if fault.status in (401, 403):
            self.accounts.revoke(account, told=True)
        return self.wire.refusal(fault, asked.nanoseconds // 1_000_000)


def _concerns(row: Row, account: Account) -> bool:
    return bool(account.extension) and account.extension in (row.caller, row.callee)


_LISTS: tuple[tuple[str, Endpoint, Endpoint, Kind], ...] = (
    ("/calllogs", "calllogs", "calllog", "calllogs"),
    ("/user/cdrs", "user_cdrs", "user_cdr", "cdrs"),
    ("/cdrs", "cdrs", "cdr", "cdrs"),
)
