"""Which fault strikes which request, and the mixes of faults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from ringback.simulator.clock import to_ms
from ringback.simulator.cloud import Behaviour, Faults, Outage, Refuse, Reset, Rule
from ringback.simulator.cloud.script import Script

START = datetime(2026, 3, 2, tzinfo=UTC)
ORG = UUID("11111111-1111-4111-8111-111111111111")
FAILS = Refuse(status=500)


def struck(faults: Faults, times: int = 1, **request: Any) -> list[bool]:
    """Whether each of some like requests is struck."""
    script = Script(faults)
    given: dict[str, Any] = {"endpoint": "feed", "kind": "initial", "org": ORG, "account": "app", "page_size": 5000}
    given.update(now=to_ms(START))
    given.update(request)
    return [script.strike(**given) is not None for _ in range(times)]


def one(**rule: Any) -> Faults:
    """A script of one rule."""
    return Faults(rules=(Rule(fault=FAILS, **rule),))


def test_a_rule_strikes_the_requests_it_numbers() -> None:
    """Of the requests that a rule fits, the first and the third are struck if it says so."""
    assert struck(one(nth=(1, 3)), 4) == [True, False, True, False]


def test_a_rule_without_a_choice_strikes_always() -> None:
    """A rule that neither numbers requests nor has a share strikes each, up to its limit."""
    assert struck(one(), 3) == [True, True, True]
    assert struck(one(most=2), 3) == [True, True, False]


@pytest.mark.parametrize(
    ("rule", "request_", "strikes"),
    [
        ({"endpoint": "feed"}, {}, True),
        ({"endpoint": "stream"}, {}, False),
        ({"endpoint": "records"}, {"endpoint": "stream"}, True),
        ({"endpoint": "records"}, {"endpoint": "token", "kind": ""}, False),
        ({"endpoint": "token"}, {"endpoint": "token", "kind": ""}, True),
        ({"kind": "page"}, {}, False),
        ({"kind": "page"}, {"kind": "page"}, True),
        ({"org": ORG}, {}, True),
        ({"org": ORG}, {"org": None}, False),
        ({"since": START}, {}, True),
        ({"since": START + timedelta(milliseconds=1)}, {}, False),
        ({"until": START}, {}, False),
        ({"until": START + timedelta(milliseconds=1)}, {}, True),
        ({"above": 4999}, {}, True),
        ({"above": 5000}, {}, False),
    ],
)
def test_a_rule_looks_at_the_request(rule: dict[str, Any], request_: dict[str, Any], strikes: bool) -> None:
    """Endpoint, kind, org, time and page size decide whether a rule fits a request."""
    assert struck(one(**rule), **request_) == [strikes]


def test_chance_is_the_same_each_time() -> None:
    """A share strikes about so many requests: the same ones for the same seed, others for another."""
    first = struck(one(share=0.3), 1000)
    assert first == struck(one(share=0.3), 1000)
    assert 220 < sum(first) < 380
    other = Faults(rules=(Rule(fault=FAILS, share=0.3),), seed=1)
    assert first != struck(other, 1000)


def test_the_first_rule_wins_and_the_others_count_on() -> None:
    """Of several rules that strike one request the first decides; the second has counted the request all the same."""
    script = Script(Faults(rules=(Rule(fault=FAILS, nth=(1,)), Rule(fault=Reset(), nth=(1, 2)))))
    asked: dict[str, Any] = {"endpoint": "feed", "kind": "page", "org": ORG, "account": "app", "page_size": 1, "now": 0}
    assert [script.strike(**asked) for _ in range(3)] == [FAILS, Reset(), None]


def test_one_request_is_let_through_after_some_in_a_row() -> None:
    """With a limit in a row of two, every third request of an account is answered, each account for itself."""
    faults = Faults(rules=(Rule(fault=FAILS),), in_a_row=2)
    assert struck(faults, 6) == [True, True, False, True, True, False]
    script = Script(faults)
    asked: dict[str, Any] = {"endpoint": "feed", "kind": "page", "org": ORG, "page_size": 1, "now": 0}
    both = [script.strike(account=name, **asked) is not None for name in ("a", "a", "b", "a", "b", "b")]
    assert both == [True, True, True, False, True, False]


def test_an_outage_ends_where_it_says() -> None:
    """An outage begins at its start and is over at its end."""
    begin, end = to_ms(START), to_ms(START + timedelta(minutes=1))
    script = Script(Faults(outages=(Outage(since=START, until=START + timedelta(minutes=1)),)))
    assert [script.is_out(moment) for moment in (begin - 1, begin, end - 1, end)] == [False, True, True, False]


def test_a_restart_is_due_once() -> None:
    """Restarts that are past are told of once, together if the clock jumped over several."""
    script = Script(Faults(restarts=(START, START + timedelta(hours=1))))
    now = to_ms(START)
    assert [script.restarts(now - 1), script.restarts(now), script.restarts(now)] == [False, True, False]
    assert script.restarts(now + 3_600_000) is True


@pytest.mark.parametrize("seed", range(20))
def test_a_random_mix_is_reproducible_and_survivable(seed: int) -> None:
    """A mix is the same for the same seed, can be written down, ends, and leaves room for requests that succeed."""
    until = START + timedelta(hours=10)
    mix = Faults.random(seed, since=START, until=until)
    assert mix == Faults.random(seed, since=START, until=until) != Faults.random(seed + 1000, since=START, until=until)
    assert msgspec.json.decode(msgspec.json.encode(mix), type=Faults) == mix
    assert mix.in_a_row is not None
    assert all(rule.share is not None and rule.share <= 0.1 for rule in mix.rules)
    assert all(START <= outage.since < outage.until < until + timedelta(hours=1) for outage in mix.outages)
    assert all(START <= moment <= until for moment in mix.restarts)


def test_random_mixes_leave_out_what_a_client_cannot_survive() -> None:
    """Without refresh no mix has a 401, and without hostility none leads to the strange host."""
    names = {rule.fault.name for seed in range(200) for rule in Faults.random(seed, refresh=False, hostile=False).rules}
    assert len(names) > 15
    assert not names & {"refuse 401", "redirect 302", "strange_link", "wrong_region strange", "repeated_link"}
    everything = {rule.fault.name for seed in range(200) for rule in Faults.random(seed).rules}
    assert {"refuse 401", "redirect 302", "strange_link", "wrong_region strange", "repeated_link"} <= everything


def test_random_behaviour_is_reproducible_and_reaches_all_choices() -> None:
    """The choices of a seed stay the same, and over some seeds each choice occurs."""
    assert Behaviour.random(4) == Behaviour.random(4)
    drawn = [Behaviour.random(seed) for seed in range(60)]
    assert {one.bounds for one in drawn} == {"[)", "[]", "(]", "()"}
    assert {one.links for one in drawn} == {"absolute", "relative", "doubled"}
    assert {one.chunked for one in drawn} == {True, False}
    assert {one.stream_misses for one in drawn} == {0.0}
