"""What the simulated PBX allows, and how it behaves where PortSIP's documents contradict each other or say nothing."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any, Literal, get_args, get_type_hints

import msgspec

LoginWay = Literal["login", "oauth", "auth"]
"""The three generations of logging in: `/login`, `/login/oauth/token` and `/auth/sign_in`."""

Options = Literal["honoured", "ignored", "rejected"]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the gateway lets through, and what the audit expects of a client.

    Attributes:
        requests: in any `period`, of all clients together. PortSIP's release notes of 22.1.7 say 10,000.
        period: the length of a minute.
        largest_page: the largest `top`.
        details: requests for single call logs in any period that the audit does not complain about; None for any
            number. The PBX answers them all.
    """

    requests: int = 10_000
    period: timedelta = timedelta(minutes=1)
    largest_page: int = 100
    details: int | None = None


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Choices where documents leave one. A client should be right under all of them.

    Attributes:
        rows: `many`: each leg of a call is a row, joined by session_id; `one`: one row for each session.
        in_progress: whether calls that are not over are listed, with a blank ended_at, and completed later.
        calllogs: whether `/calllogs` exists; versions before 22.0.42 answer 404.
        calllogs_options: whether `/calllogs` heeds the query options, of which its documentation says nothing.
            `ignored`: it always gives its first rows; `rejected`: any option is an error 400.
        cdrs_options: the same of `/cdrs`.
        cdrs_verbs: the methods that `/cdrs` takes.
        dollar: which spelling of an option is known: `top`, `$top`, or both. The other one is ignored.
        filterable: fields that `filter` takes: `all`; `no_end`: all but ended_at; `no_times`: texts and numbers only;
            `nothing`.
        unfilterable: what a filter with another field of the call log gets: an error 400, or it is ignored as a whole.
        sortable: whether `orderby` is heeded.
        default_order: the order without `orderby`: `newest` or `oldest` start first, by `id`, or in order of `arrival`.
        ties: rows that are equal in all that `orderby` names come in a `stable` order, or a `changing` one.
        id_order: whether ids compare as `numeric` or as `text`.
        over_top: what a `top` above the largest gets: it is clamped, or an error 400.
        skip_from: 0: `skip=100` leaves out 100 rows; 1: it begins with row number 100.
        count: whether a list has `count`: `always`, only when `asked` by `count=true`, or it is `absent`.
        ids: `decimal` digits, or `base64` of them.
        blanks: a value that is blank is `null`, an `empty` text, or its key is `absent`.
        timestamps: with `microseconds`, or cut to `seconds`. Filters compare what is stored.
        numbers: status_code, duration and cost are a `number`, or a `text`.
        end_reasons: as `documented`, or `short` as in PortSIP's own sample (CALLER_DISCONNECT).
        cdr_detail: `/cdrs/{id}` has an `array` under `items`, or the one `object` of older versions.
        logins: the ways to log in that exist; the others are 404.
        two_factor: `/auth/sign_in` asks for a second factor in place of giving tokens.
        token_lifetime, refresh_lifetime: of the tokens of a login or a refresh.
        refresh_rotates: whether a refresh token can be used only once.
        login_refresh: whether `POST /login` gives a refresh token.
        tokens_survive: whether tokens from before a restart are still good.
        expired: the status for a token that is not good any more.
        over_rate: the status for a request above the rate.
        retry_after: the form of the header with it; `absent` leaves it out.
        errors: `documented` bodies, or `bare` statuses.
        date: whether answers have the header Date.
        wsi: whether there is the WebSocket.
        wsi_drops: share of its messages, 0 to 1, that are never sent.
        wsi_broken: share of its messages that are no JSON.
        wsi_words: of `direction` and other keys: `new` (internal, did) or `old` (ext, did_cid).
    """

    rows: Literal["many", "one"] = "many"
    in_progress: bool = False
    calllogs: bool = True
    calllogs_options: Options = "honoured"
    cdrs_options: Options = "honoured"
    cdrs_verbs: Literal["both", "get", "post"] = "both"
    dollar: Literal["both", "bare", "dollar"] = "both"
    filterable: Literal["all", "no_end", "no_times", "nothing"] = "all"
    unfilterable: Literal["rejected", "ignored"] = "rejected"
    sortable: bool = True
    default_order: Literal["newest", "oldest", "id", "arrival"] = "newest"
    ties: Literal["stable", "changing"] = "stable"
    id_order: Literal["numeric", "text"] = "numeric"
    over_top: Literal["rejected", "clamped"] = "rejected"
    skip_from: Literal[0, 1] = 0
    count: Literal["always", "asked", "absent"] = "always"
    ids: Literal["decimal", "base64"] = "decimal"
    blanks: Literal["null", "empty", "absent"] = "null"
    timestamps: Literal["microseconds", "seconds"] = "microseconds"
    numbers: Literal["number", "text"] = "number"
    end_reasons: Literal["documented", "short"] = "documented"
    cdr_detail: Literal["array", "object"] = "array"
    logins: tuple[LoginWay, ...] = ("login", "oauth", "auth")
    two_factor: bool = False
    token_lifetime: timedelta = timedelta(seconds=1800)
    refresh_lifetime: timedelta = timedelta(days=1)
    refresh_rotates: bool = True
    login_refresh: bool = True
    tokens_survive: bool = False
    expired: Literal[401, 403] = 401
    over_rate: Literal[429, 503] = 429
    retry_after: Literal["seconds", "date", "absent"] = "seconds"
    errors: Literal["documented", "bare"] = "documented"
    date: bool = True
    wsi: bool = True
    wsi_drops: float = 0.0
    wsi_broken: float = 0.0
    wsi_words: Literal["new", "old"] = "new"

    @property
    def readable(self) -> Literal["calllogs", "cdrs"]:
        """The list that a client can read as a whole: `/calllogs` where it is there and heeds options, or `/cdrs`."""
        return "calllogs" if self.calllogs and self.calllogs_options == "honoured" else "cdrs"

    @classmethod
    def random(cls, seed: int) -> Behaviour:
        """Any of the choices, but only such together that a client can still get every row.

        One of the two lists heeds its options, and rows can be found by a time, or be had newest first. Sign-in with a
        second factor is not drawn unless there is another way, and `tokens_survive` and the WebSocket are.
        """
        rng = Random(f"pbx/behaviour/{seed}")  # noqa: S311 - reproducible chance, not secrets
        hints = get_type_hints(cls)
        chosen: dict[str, Any] = {name: rng.choice(get_args(hints[name])) for name in _OPEN_CHOICES}
        chosen |= {name: rng.random() < 0.5 for name in _OPEN_SWITCHES}
        ways = list(get_args(LoginWay))
        chosen["logins"] = tuple(sorted(rng.sample(ways, rng.randint(1, 3))))
        chosen["two_factor"] = "auth" in chosen["logins"] and len(chosen["logins"]) > 1 and rng.random() < 0.3
        chosen["calllogs"] = rng.random() < 0.85
        chosen["calllogs_options"] = rng.choice(("honoured", "honoured", "honoured", "ignored", "rejected"))
        by_time = chosen["filterable"] in ("all", "no_end")
        chosen["sortable"] = rng.random() < 0.8 or not (by_time or chosen["default_order"] == "newest")
        chosen["token_lifetime"] = timedelta(seconds=rng.choice((60, 600, 1800, 3600)))
        chosen["wsi_drops"] = rng.choice((0.0, 0.1, 0.5, 1.0))
        chosen["wsi_broken"] = rng.choice((0.0, 0.0, 0.1))
        return cls(**chosen)


_OPEN_CHOICES = (
    "rows",
    "cdrs_verbs",
    "dollar",
    "filterable",
    "unfilterable",
    "default_order",
    "ties",
    "id_order",
    "over_top",
    "skip_from",
    "count",
    "ids",
    "blanks",
    "timestamps",
    "numbers",
    "end_reasons",
    "cdr_detail",
    "expired",
    "over_rate",
    "retry_after",
    "errors",
    "wsi_words",
)
_OPEN_SWITCHES = ("in_progress", "refresh_rotates", "login_refresh", "tokens_survive", "date", "wsi")
