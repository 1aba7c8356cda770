"""Which fault strikes which request."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Generic
from uuid import UUID

from ringback.simulator.clock import to_ms
from ringback.simulator.cloud.audit import Endpoint, Kind
from ringback.simulator.cloud.faults import AnyRule, Fault, Faults, FaultsOf, Rule


class Strikes(Generic[AnyRule]):
    """Carries out a script. Times are milliseconds since 1970 on the clock of the service."""

    def __init__(self, faults: FaultsOf[AnyRule]) -> None:
        self._most_in_a_row = faults.in_a_row
        self._rules = [_RuleState(rule, f"{faults.seed}/{number}") for number, rule in enumerate(faults.rules)]
        self._outages = [(to_ms(outage.since), to_ms(outage.until)) for outage in faults.outages]
        self._restarts = sorted(map(to_ms, faults.restarts))
        self._in_a_row: dict[str, int] = {}

    def choose(
        self, concerns: Callable[[AnyRule], bool], *, who: str, kind: str, page_size: int, now: int
    ) -> AnyRule | None:
        """The rule that strikes a request, if one does. Each request is asked for once.

        Args:
            concerns: whether a rule is for requests like this one.
            who: whose requests are counted for `in_a_row`.
            kind: `initial`, `page`, or something else.
            page_size: how many records are asked for.
            now: the time.
        """
        # Every rule looks at every request, so that one rule does not change what the others count and draw.
        struck = [state for state in self._rules if concerns(state.rule) and state.strikes(kind, page_size, now)]
        row = self._in_a_row.get(who, 0)
        if not struck or row == self._most_in_a_row:
            self._in_a_row[who] = 0
            return None
        self._in_a_row[who] = row + 1
        struck[0].struck += 1
        return struck[0].rule

    def is_out(self, now: int) -> bool:
        """Whether there is an outage."""
        return any(since <= now < until for since, until in self._outages)

    def restarts(self, now: int) -> bool:
        """Whether a restart was due since this was asked last."""
        due = False
        while self._restarts and self._restarts[0] <= now:
            due = True
            del self._restarts[0]
        return due


class Script(Strikes[Rule]):
    """Carries out `Faults` of the cloud."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(faults)

    def strike(
        self, *, endpoint: Endpoint, kind: Kind, org: UUID | None, account: str, page_size: int, now: int
    ) -> Fault | None:
        """The fault that strikes a request, if one does. Each request is asked for once."""

        def concerns(rule: Rule) -> bool:
            of_records = rule.endpoint == "records" and endpoint in ("feed", "stream")
            return (rule.endpoint == endpoint or of_records) and rule.org in (None, org)

        who = f"{account}/{'token' if endpoint == 'token' else 'records'}"
        rule = self.choose(concerns, who=who, kind=kind, page_size=page_size, now=now)
        return rule.fault if rule else None


class _RuleState(Generic[AnyRule]):
    def __init__(self, rule: AnyRule, seed: str) -> None:
        self.rule = rule
        self.struck = 0
        self._seen = 0
        self._random = Random(seed)  # noqa: S311 - reproducible chance, not secrets
        self._since = None if rule.since is None else to_ms(rule.since)
        self._until = None if rule.until is None else to_ms(rule.until)

    def strikes(self, kind: str, page_size: int, now: int) -> bool:
        rule = self.rule
        fits = (
            rule.kind in ("any", kind)
            and (self._since is None or self._since <= now)
            and (self._until is None or now < self._until)
            and page_size > rule.above
        )
        if not fits:
            return False
        self._seen += 1
        chosen = self._seen in rule.nth or not (rule.nth or rule.share is not None)
        if rule.share is not None and self._random.random() < rule.share:
            chosen = True
        return chosen and (rule.most is None or self.struck < rule.most)
