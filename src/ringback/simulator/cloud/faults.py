"""What goes wrong on purpose: faults, the rules by which they strike, and outages.

All of it can be written as JSON (`msgspec.json.decode(text, type=Faults)`); a fault names its kind in the key `fault`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Generic, Literal, Self, TypeAlias, TypeVar
from uuid import UUID

import msgspec


class _Fault(msgspec.Struct, frozen=True, kw_only=True, tag_field="fault", forbid_unknown_fields=True):
    @property
    def name(self) -> str:
        """What the audit calls it: the kind and its main detail."""
        detail = next((getattr(self, field) for field in ("status", "when", "what") if hasattr(self, field)), "")
        return f"{self.__struct_config__.tag} {detail}".strip()


class Refuse(_Fault, frozen=True, kw_only=True, tag="refuse"):
    """An error status. A 401 ends all tokens of the account as well, so that it has to refresh.

    Attributes:
        status: such as 500.
        retry_after: seconds for the header Retry-After; None for no such header.
        form: how that header is written.
        html: the body is a web page, as proxies write them, and not JSON.
    """

    status: int
    retry_after: float | None = None
    form: Literal["seconds", "decimal", "date"] = "seconds"
    html: bool = False


class WrongRegion(_Fault, frozen=True, kw_only=True, tag="wrong_region"):
    """A 451 whose text names a host.

    Attributes:
        what: `home`: the right host; `strange`: one that must not get the token; `nobody`: it names none.
        wording: one of the two that are known.
    """

    what: Literal["home", "strange", "nobody"] = "home"
    wording: Literal["should_go_to", "please_use"] = "should_go_to"


class Redirect(_Fault, frozen=True, kw_only=True, tag="redirect"):
    """A redirect to the strange host, which must not get the token."""

    status: int = 307


class Hang(_Fault, frozen=True, kw_only=True, tag="hang"):
    """No answer for so many seconds of the machine; then the connection ends without one."""

    seconds: float = 30.0


class Reset(_Fault, frozen=True, kw_only=True, tag="reset"):
    """The connection is reset: before the answer, after its head, or in the middle of its body."""

    when: Literal["before", "after_head", "in_body"] = "before"


class Cut(_Fault, frozen=True, kw_only=True, tag="cut"):
    """The connection ends, without a reset, when a share of the body was sent."""

    share: float = 0.5


class Slow(_Fault, frozen=True, kw_only=True, tag="slow"):
    """The body comes in pieces over so many seconds of the machine. It comes whole."""

    seconds: float = 1.0


class Garbage(_Fault, frozen=True, kw_only=True, tag="garbage"):
    """A 200 that is no page.

    Attributes:
        what: `not_json`: a web page; `cut_json`: half of the JSON, at the right length; `not_a_page`: other JSON;
            `empty`: no body; `wrong_type`: the page under the content type of a web page.
    """

    what: Literal["not_json", "cut_json", "not_a_page", "empty", "wrong_type"] = "not_json"


class EmptyPage(_Fault, frozen=True, kw_only=True, tag="empty_page"):
    """A page without items whose link leads to the page that it should have been."""


class RepeatedLink(_Fault, frozen=True, kw_only=True, tag="repeated_link"):
    """The page is right, but its link leads to the same page once more. Who goes there finds the right link."""


class StrangeLink(_Fault, frozen=True, kw_only=True, tag="strange_link"):
    """The page is right, but its link leads to the strange host, which must not get the token."""


class BadItem(_Fault, frozen=True, kw_only=True, tag="bad_item"):
    """Something in the middle of the page that is no record; all records are there as well."""

    what: Literal["no_id", "number", "text", "null", "list"] = "no_id"


class Duplicates(_Fault, frozen=True, kw_only=True, tag="duplicates"):
    """A share of the records of the page stands in it twice."""

    share: float = 0.1


Fault: TypeAlias = (
    Refuse
    | WrongRegion
    | Redirect
    | Hang
    | Reset
    | Cut
    | Slow
    | Garbage
    | EmptyPage
    | RepeatedLink
    | StrangeLink
    | BadItem
    | Duplicates
)


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the requests that a rule is for are struck.

    Attributes:
        kind: first pages, next pages, or both.
        since, until: on the cloud's clock; the end is exclusive.
        above: only if the page size is larger, as a 504 that goes away with smaller pages.
        nth: of the requests that all of the above fits, these, counted from 1; with neither this nor a share, all.
        share: of these requests, 0 to 1, by chance.
        most: strikes at most so often.
    """

    kind: Literal["any", "initial", "page"] = "any"
    since: datetime | None = None
    until: datetime | None = None
    above: int = 0
    nth: tuple[int, ...] = ()
    share: float | None = None
    most: int | None = None


class Rule(When, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a fault strikes. It looks at requests with a good token that are within the rate, and at token requests.

    Attributes:
        fault: what happens.
        endpoint: `records` for feed and stream, or one of them, or `token`.
        org: of one org only.
    """

    fault: Fault
    endpoint: Literal["records", "feed", "stream", "token"] = "records"
    org: UUID | None = None


class Outage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Connections are refused and open ones reset, from `since` on, until `until`, on the cloud's clock."""

    since: datetime
    until: datetime


AnyRule = TypeVar("AnyRule", bound=When)


class FaultsOf(msgspec.Struct, Generic[AnyRule], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A script of what goes wrong, with rules of some kind; see `Faults`."""

    rules: tuple[AnyRule, ...] = ()
    outages: tuple[Outage, ...] = ()
    restarts: tuple[datetime, ...] = ()
    seed: int = 0
    in_a_row: int | None = None

    @classmethod
    def mixed(
        cls, rules: Sequence[AnyRule], rng: Random, seed: int, since: datetime | None, until: datetime | None
    ) -> Self:
        """Some of these rules, each for a share of the requests; see `Faults.random`."""
        chosen = rng.sample(rules, rng.randint(5, 14))
        outages: tuple[Outage, ...] = ()
        restarts: tuple[datetime, ...] = ()
        if since is not None and until is not None:
            span = until - since
            begins = [since + span * rng.random() for _ in range(rng.randint(0, 3))]
            outages = tuple(Outage(since=begin, until=begin + span * rng.uniform(0.001, 0.08)) for begin in begins)
            restarts = tuple(since + span * rng.random() for _ in range(rng.randint(0, 2)))
        return cls(
            rules=tuple(msgspec.structs.replace(rule, share=rng.uniform(0.01, 0.1)) for rule in chosen),
            outages=outages,
            restarts=restarts,
            seed=seed,
            in_a_row=3,
        )


class Faults(FaultsOf[Rule], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A script of what goes wrong. The same script does the same to the same requests.

    Attributes:
        rules: the first one that strikes a request is the one that happens.
        outages: when nobody listens.
        restarts: when the cloud starts anew: connections are reset, and links are forgotten if it behaves so.
        seed: of the chance.
        in_a_row: after so many requests in a row of one account that were struck, one is let through; None for never.
    """

    @classmethod
    def random(
        cls,
        seed: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        hang: float = 1.0,
        refresh: bool = True,
        hostile: bool = True,
    ) -> Faults:
        """A mix that a client survives which tries again: every fault ends, and not all requests are struck.

        Args:
            seed: the same gives the same mix.
            since, until: a range on the cloud's clock; with both, outages and restarts may be in it.
            hang: seconds of the machine that a `Hang` and a `Slow` last.
            refresh: the client can refresh its token, so that a 401 and faults of the token endpoint are in the mix.
            hostile: with faults that end the reading of a window, so that it must be asked for anew: a 451 that leads
                nowhere, redirects and links to the strange host, links that go round in a circle, 403, 404.
        """
        rng = Random(f"faults/{seed}")  # noqa: S311 - reproducible chance, not secrets
        rules = [*_passing(hang), *(_HOSTILE if hostile else ()), *(_of_tokens(hang) if refresh else ())]
        return cls.mixed(rules, rng, seed, since, until)


def _passing(hang: float) -> list[Rule]:
    """Faults that are over when the request is made again."""
    return [
        Rule(fault=Refuse(status=423, retry_after=2)),
        Rule(fault=Refuse(status=429, retry_after=3)),
        Rule(fault=Refuse(status=429, retry_after=1.25, form="decimal")),
        Rule(fault=Refuse(status=429, retry_after=2, form="date")),
        Rule(fault=Refuse(status=429)),
        Rule(fault=Refuse(status=500)),
        Rule(fault=Refuse(status=502, html=True)),
        Rule(fault=Refuse(status=503, retry_after=2)),
        Rule(fault=Refuse(status=504), above=1000),
        Rule(fault=Hang(seconds=hang)),
        *(Rule(fault=Reset(when=when)) for when in ("before", "after_head", "in_body")),
        Rule(fault=Cut()),
        Rule(fault=Slow(seconds=hang)),
        *(Rule(fault=Garbage(what=what)) for what in ("not_json", "cut_json", "not_a_page", "empty", "wrong_type")),
        *(Rule(fault=BadItem(what=what)) for what in ("no_id", "number", "text", "null", "list")),
        Rule(fault=Duplicates()),
        Rule(fault=EmptyPage()),
    ]


_HOSTILE = (
    Rule(fault=WrongRegion(what="home")),
    Rule(fault=WrongRegion(what="strange")),
    Rule(fault=WrongRegion(what="strange", wording="please_use")),
    Rule(fault=WrongRegion(what="nobody")),
    Rule(fault=Redirect(status=302)),
    Rule(fault=Redirect(status=307)),
    Rule(fault=RepeatedLink()),
    Rule(fault=StrangeLink()),
    Rule(fault=Refuse(status=403)),
    Rule(fault=Refuse(status=404)),
)


def _of_tokens(hang: float) -> list[Rule]:
    """Tokens that end, and refreshes that fail and then do not."""
    return [
        Rule(fault=Refuse(status=401)),
        Rule(fault=Refuse(status=401), kind="page"),
        Rule(fault=Refuse(status=500), endpoint="token"),
        Rule(fault=Refuse(status=429, retry_after=1), endpoint="token"),
        Rule(fault=Reset(), endpoint="token"),
        Rule(fault=Hang(seconds=hang), endpoint="token"),
        Rule(fault=Garbage(), endpoint="token"),
        Rule(fault=Redirect(status=302), endpoint="token"),
    ]
