"""What goes wrong on purpose: the faults of the simulated cloud that fit a PBX, and the rules by which they strike.

All of it can be written as JSON or TOML; a fault names its kind in the key `fault`.
"""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Literal, TypeAlias

from ringback.simulator.cloud.faults import (
    BadItem,
    Cut,
    Duplicates,
    FaultsOf,
    Garbage,
    Hang,
    Refuse,
    Reset,
    Slow,
    When,
)

Fault: TypeAlias = Refuse | Hang | Reset | Cut | Slow | Garbage | BadItem | Duplicates


class Rule(When, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a fault strikes. It looks at requests with a good token that are within the rate, and at logins.

    Of a `When`, the kind `initial` is a list from its first row on, and `page` one that leaves some out.

    Attributes:
        fault: what happens. A `Refuse` with 401 or 403 ends all access tokens of the account as well. A login or a
            refresh is done even if its answer is lost on the way.
        endpoint: `list` for all lists, `detail` for single call logs, `any` for both, or `login` for logins and
            refreshes.
        tenant: of one tenant only.
    """

    fault: Fault
    endpoint: Literal["any", "list", "detail", "login"] = "any"
    tenant: str | None = None


class Faults(FaultsOf[Rule], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A script of what goes wrong. The same script does the same to the same requests.

    Attributes:
        rules: the first one that strikes a request is the one that happens.
        outages: when nobody listens.
        restarts: when the PBX starts anew: connections are reset, and tokens are forgotten if it behaves so.
        seed: of the chance.
        in_a_row: after so many requests in a row of one account that were struck, one is let through; None for never.
    """

    @classmethod
    def random(
        cls, seed: int, *, since: datetime | None = None, until: datetime | None = None, hang: float = 1.0
    ) -> Faults:
        """A mix that a client survives which tries again: every fault ends, and not all requests are struck.

        Args:
            seed: the same gives the same mix.
            since, until: a range on the PBX's clock; with both, outages and restarts may be in it.
            hang: seconds of the machine that a `Hang` and a `Slow` last.
        """
        rng = Random(f"pbx/faults/{seed}")  # noqa: S311 - reproducible chance, not secrets
        return cls.mixed(_passing(hang), rng, seed, since, until)


def _passing(hang: float) -> list[Rule]:
    """Faults that are over when the request is made again."""
    return [
        Rule(fault=Refuse(status=401)),
        Rule(fault=Refuse(status=403), kind="page"),
        Rule(fault=Refuse(status=429, retry_after=3)),
        Rule(fault=Refuse(status=429, retry_after=2, form="date")),
        Rule(fault=Refuse(status=429)),
        Rule(fault=Refuse(status=500)),
        Rule(fault=Refuse(status=502, html=True)),
        Rule(fault=Refuse(status=503, retry_after=2)),
        Rule(fault=Refuse(status=504), above=50),
        Rule(fault=Hang(seconds=hang)),
        *(Rule(fault=Reset(when=when)) for when in ("before", "after_head", "in_body")),
        Rule(fault=Cut()),
        Rule(fault=Slow(seconds=hang)),
        *(Rule(fault=Garbage(what=what)) for what in ("not_json", "cut_json", "not_a_page", "empty", "wrong_type")),
        *(Rule(fault=BadItem(what=what)) for what in ("no_id", "number", "text", "null", "list")),
        Rule(fault=Duplicates()),
        Rule(fault=Refuse(status=500), endpoint="login"),
        Rule(fault=Refuse(status=503, html=True), endpoint="login"),
        Rule(fault=Reset(), endpoint="login"),
        Rule(fault=Cut(), endpoint="login"),
        Rule(fault=Hang(seconds=hang), endpoint="login"),
        Rule(fault=Garbage(), endpoint="login"),
    ]
