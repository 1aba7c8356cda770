"""What the simulated cloud answers. It knows nothing of connections: a request comes in, a reply goes out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

import msgspec

from ringback.simulator.clock import to_datetime, to_ms
from ringback.simulator.cloud import answers, faults
from ringback.simulator.cloud.accounts import SCOPE, Account, Accounts
from ringback.simulator.cloud.archive import Archive
from ringback.simulator.cloud.audit import Asked, Audit
from ringback.simulator.cloud.clock import NANOSECONDS, Clock, RunningClock
from ringback.simulator.cloud.http import Reply, Request
from ringback.simulator.cloud.options import Behaviour, Limits, Region
from ringback.simulator.cloud.pages import Page, link_target, make_page
from ringback.simulator.cloud.query import NotAllowed, Query, RecordsEndpoint, check_window, read_query
from ringback.simulator.cloud.rates import SlidingRate
from ringback.simulator.cloud.script import Script
from ringback.simulator.deliveries import Delivery

STRANGE = "strange"
_PATHS: dict[str, RecordsEndpoint] = {"/v1/cdr_feed": "feed", "/v1/cdr_stream": "stream"}
_TOKEN_PATH = "/v1/access_token"  # noqa: S105 - a path
_NOT_IN_LINKS = frozenset({"max", "mark"})  # a client may lower `max`, as the documented advice for 504 is

Link = tuple[str, UUID, frozenset[tuple[str, str]]]


class Service:
    """The state of the cloud, and its answers. Safe for threads by its `lock`.

    Attributes:
        urls: the base URL of each region, and of the strange host; filled in by who listens.
    """

    def __init__(
        self, *, clock: Clock, skew: timedelta, limits: Limits, behaviour: Behaviour, script: Script, seed: int
    ) -> None:
        self.lock = threading.RLock()
        self.urls: dict[Region, str] = {}
        self.limits = limits
        self.behaviour = behaviour
        self.script = script
        self.accounts = Accounts(seed)
        self.archives: dict[UUID, Archive] = {}
        self.homes: dict[UUID, Region] = {}
        self._clock = clock
        self._skew = skew // timedelta(microseconds=1) * 1000
        period = limits.period // timedelta(microseconds=1) * 1000
        self._rate = SlidingRate(period)
        self.audit = Audit(period, (limits.initial, limits.following), limits.shared)
        self._links: set[Link] = set()
        self._lost_links: set[Link] = set()
        self._traffic: Iterator[Delivery] = iter(())
        self._due: Delivery | None = None

    # The orgs and their records.

    def org(self, org: UUID, region: Region) -> None:
        """Make an org known, with one account, if it is not yet."""
        if org not in self.archives:
            self.archives[org] = Archive(self.behaviour.stream_misses)
            self.homes[org] = region
            self.accounts.add(org)

    def follow(self, traffic: Iterable[Delivery]) -> None:
        """Insert these deliveries, which are in order of arrival, each when its time has come."""
        self._traffic = iter(traffic)
        self._due = next(self._traffic, None)

    def catch_up(self, until: int) -> None:
        """Insert what is due by a time in milliseconds."""
        batches: dict[UUID, list[Delivery]] = {}
        while self._due is not None and to_ms(self._due.at) <= until:
            batches.setdefault(self._due.org, []).append(self._due)
            self._due = next(self._traffic, None)
        for org, batch in batches.items():
            self.archives[org].add(batch)

    # Time.

    def nanoseconds(self) -> int:
        """The cloud's own time, in nanoseconds since 1970."""
        return self._clock.nanoseconds() + self._skew

    def now(self) -> int:
        """The same in whole milliseconds."""
        return self.nanoseconds() // 1_000_000

    def is_out(self) -> bool:
        """Whether there is an outage."""
        return self.script.is_out(self.now())

    def restart(self) -> None:
        """Forget what a process would forget."""
        with self.lock:
            if not self.behaviour.links_survive:
                self._lost_links |= self._links
                self._links.clear()

    # Answers.

    def answer(self, listener: Region, address: str, request: Request) -> Reply:
        """The reply to a request at the address of a region, or of the strange host."""
        with self.lock:
            nanoseconds = self.nanoseconds()
            now = nanoseconds // 1_000_000
            asked = self.audit.note(nanoseconds, listener, address, request.target)
            tracking_id = f"SIMULATED_{asked.number}"
            try:
                reply = self._route(listener, request, asked, now, tracking_id)
            except NotAllowed as refused:
                asked.violation = refused.violation
                reply = answers.error(400, str(refused), tracking_id)
            reply.headers["trackingid"] = tracking_id
            if self.behaviour.date:
                reply.headers["date"] = answers.http_date(now)
            asked.status = reply.status if reply.mishap is None or reply.mishap.head else 0
            return reply

    def _route(self, listener: Region, request: Request, asked: Asked, now: int, tracking_id: str) -> Reply:
        if listener == STRANGE:
            asked.secrets = tuple(self.accounts.secrets_in(request.head + request.body))
            # As inviting as can be: who believes it has lost a window.
            return Reply(headers={"content-type": answers.JSON}, body=answers.page_body([]))
        path = request.path
        if path == _TOKEN_PATH:
            asked.endpoint = "token"
            asked.target = path
            return self._token(request, asked, now, tracking_id)
        if path not in _PATHS:
            return answers.error(404, "There is nothing at this path", tracking_id)
        if request.method != "GET":
            return answers.error(405, "This path takes GET only", tracking_id)
        asked.endpoint = _PATHS[path]
        return self._records(_PATHS[path], listener, request, asked, now, tracking_id)

    def _token(self, request: Request, asked: Asked, now: int, tracking_id: str) -> Reply:
        if request.method != "POST":
            return answers.error(405, "This path takes POST only", tracking_id)
        form = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
        account = self.accounts.by_refresh(
            form.get("client_id", ""), form.get("client_secret", ""), form.get("refresh_token", "")
        )
        asked.account = account.name if account else ""
        asked.org = account.org if account else None
        fault = self.script.strike(
            endpoint="token", kind="", org=asked.org, account=asked.account, page_size=1, now=now
        )
        asked.fault = fault.name if fault else ""
        if isinstance(fault, faults.Refuse):
            return answers.refusal(fault, tracking_id, now)
        if isinstance(fault, faults.Redirect):
            return self._redirect(fault, request)
        if account is None or form.get("grant_type") != "refresh_token":
            asked.violation = "token"
            return answers.error(400, "The grant type, the client or the refresh token is not valid", tracking_id)
        if self.behaviour.refresh_revokes:
            self.accounts.revoke_all(account)
        lifetime = self.behaviour.token_lifetime
        body = {
            "access_token": self.issue(account, lifetime),
            "expires_in": int(lifetime.total_seconds()),
            "refresh_token": account.refresh_token,
            "refresh_token_expires_in": 90 * 24 * 3600,
            "token_type": "Bearer",
            "scope": SCOPE,
        }
        reply = Reply(headers={"content-type": answers.JSON}, body=msgspec.json.encode(body))
        if fault is not None:
            answers.spoil(reply, fault)
        return reply

    def issue(self, account: Account, lifetime: timedelta) -> str:
        """A new access token of an account."""
        return self.accounts.issue(account, self.nanoseconds() + lifetime // timedelta(microseconds=1) * 1000)

    def _records(
        self, endpoint: RecordsEndpoint, listener: Region, request: Request, asked: Asked, now: int, tracking_id: str
    ) -> Reply:
        account = self._authenticate(request, asked)
        if account is None:
            reply = answers.error(401, "The request needs a good access token", tracking_id)
            reply.headers["www-authenticate"] = "Bearer"
            return reply
        try:
            pairs = request.query
        except ValueError as error:
            raise NotAllowed("query", "the query is not UTF-8") from error
        asked.kind = "page" if any(name == "startTimeForNextFetch" for name, _ in pairs) else "initial"
        if (too_many := self._count(asked, now, tracking_id)) is not None:
            return too_many
        fault = self._strike(pairs, asked, account, now)
        if (failure := self._failure(fault, request, account, now, tracking_id)) is not None:
            return failure
        home = self.homes[account.org]
        if home != listener:
            return answers.elsewhere(self.behaviour.wording, self.urls[home], tracking_id)
        query = self._query(endpoint, pairs, asked, account, now)
        self.catch_up(now)
        ready = (self.limits.feed if endpoint == "feed" else self.limits.stream).ready
        page = make_page(self.archives[account.org], query, self.behaviour, now - ready // timedelta(milliseconds=1))
        return self._page(page, query, fault, request, asked, account, tracking_id)

    def _authenticate(self, request: Request, asked: Asked) -> Account | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        issued = self.accounts.find(token) if scheme.lower() == "bearer" else None
        if issued is None:
            asked.violation = "token"
            return None
        asked.token = issued.name
        if not issued.good(self.nanoseconds()):
            return None
        asked.account = issued.account.name
        asked.org = issued.account.org
        return issued.account

    def _rate_key(self, asked: Asked) -> tuple[str, str, str]:
        return asked.account, asked.kind, "" if self.limits.shared else asked.endpoint

    def _count(self, asked: Asked, now: int, tracking_id: str) -> Reply | None:
        """Count a request against the rate, or refuse it."""
        key = self._rate_key(asked)
        allowed = self.limits.initial if asked.kind == "initial" else self.limits.following
        wait = self._rate.wait(key, allowed, asked.nanoseconds)
        if not wait or self.limits.counts == "all":
            self._rate.count(key, asked.nanoseconds)
        if not wait:
            return None
        if self.limits.counts == "all":
            wait = self._rate.wait(key, allowed, asked.nanoseconds)
        asked.violation = "rate"
        reply = answers.error(429, "The rate of requests exceeds the limit", tracking_id)
        seconds = wait / NANOSECONDS
        if self.behaviour.wait_in == "machine" and isinstance(self._clock, RunningClock):
            seconds /= self._clock.speed
        if self.behaviour.retry_after != "absent":
            reply.headers["retry-after"] = answers.retry_after(self.behaviour.retry_after, seconds, now)
        return reply

    def _strike(self, pairs: list[tuple[str, str]], asked: Asked, account: Account, now: int) -> faults.Fault | None:
        """The fault that strikes, if one does."""
        size = next((int(value) for name, value in pairs if name == "max" and value.isdecimal()), None)
        fault = self.script.strike(
            endpoint=asked.endpoint,
            kind=asked.kind,
            org=account.org,
            account=account.name,
            page_size=self.limits.largest_page if size is None else min(size, self.limits.largest_page),
            now=now,
        )
        if fault is not None:
            asked.fault = fault.name
            if self.limits.counts == "served":
                self._rate.forget(self._rate_key(asked))
        return fault

    def _failure(
        self, fault: faults.Fault | None, request: Request, account: Account, now: int, tracking_id: str
    ) -> Reply | None:
        """The answer of a fault that comes in place of a page."""
        if isinstance(fault, faults.Refuse):
            if fault.status == 401:
                self.accounts.revoke_all(account)
            return answers.refusal(fault, tracking_id, now)
        if isinstance(fault, faults.WrongRegion):
            if fault.what == "nobody":
                return answers.error(451, "The data of this organization is elsewhere", tracking_id)
            named = self.homes[account.org] if fault.what == "home" else STRANGE
            return answers.elsewhere(fault.wording, self.urls[named], tracking_id)
        if isinstance(fault, faults.Redirect):
            return self._redirect(fault, request)
        return None

    def _redirect(self, fault: faults.Redirect, request: Request) -> Reply:
        return Reply(status=fault.status, headers={"location": self.urls[STRANGE] + request.target})

    def _query(
        self, endpoint: RecordsEndpoint, pairs: list[tuple[str, str]], asked: Asked, account: Account, now: int
    ) -> Query:
        if asked.kind == "page":
            link = _link(endpoint, account.org, pairs)
            if link not in self._links:
                if link in self._lost_links:
                    raise NotAllowed("", "this link is from before a restart, and does not work any more")
                raise NotAllowed("link", "no link of ours led to this page")
        query = read_query(endpoint, pairs, self.limits)
        asked.start, asked.end = to_datetime(query.start), to_datetime(query.end)
        if asked.kind == "initial":
            check_window(query, self.limits.feed if endpoint == "feed" else self.limits.stream, now)
        return query

    def _page(
        self,
        page: Page,
        query: Query,
        fault: faults.Fault | None,
        request: Request,
        asked: Asked,
        account: Account,
        tracking_id: str,
    ) -> Reply:
        items = page.records
        place = page.next
        mark = None
        base = self.urls[self.homes[account.org]]
        if isinstance(fault, faults.EmptyPage):
            items, place, mark = [], page.here, asked.number
        elif isinstance(fault, faults.RepeatedLink | faults.StrangeLink):
            place = page.here
        if isinstance(fault, faults.StrangeLink):
            base = self.urls[STRANGE]
        elif isinstance(fault, faults.Duplicates):
            items = items + items[: round(len(items) * fault.share)]
        asked.records = len(items)
        if isinstance(fault, faults.BadItem):
            asked.bad = 1
            items = [*items[: len(items) // 2], answers.bad_item(fault), *items[len(items) // 2 :]]
        if not items and place is None and self.behaviour.empty_window == "404":
            return answers.no_cdrs(tracking_id)
        reply = Reply(
            headers={"content-type": answers.JSON}, body=answers.page_body(items), chunked=self.behaviour.chunked
        )
        if place is not None:
            target = link_target(request.path, query, page, place, account.org, self.behaviour, mark=mark)
            self._links.add(_link(query.endpoint, account.org, parse_qsl(urlsplit(target).query)))
            reply.headers["link"] = _written(target, base, self.behaviour, fault)
        if fault is not None:
            answers.spoil(reply, fault)
        return reply


def _link(endpoint: RecordsEndpoint, org: UUID, pairs: Iterable[tuple[str, str]]) -> Link:
    """What a link is known by, however a client writes its parameters."""
    return endpoint, org, frozenset(pair for pair in pairs if pair[0] not in _NOT_IN_LINKS)


def _written(target: str, base: str, behaviour: Behaviour, fault: faults.Fault | None) -> str:
    if behaviour.links == "relative" and not isinstance(fault, faults.StrangeLink):
        return f'<{target}>;rel="next"'
    doubled = behaviour.links == "doubled"
    return f'{"<<" if doubled else "<"}{base}{target}{">>" if doubled else ">"};rel="next"'
