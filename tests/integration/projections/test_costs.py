"""Costs: each call is rated once, keeps its cost, and is rated anew when its record is revised or somebody asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from factories import NOON, ORG, OTHER_ORG, Clock, make_record
from integration.projections.office import Office
from rating import call_log, rate, tariff, webex_record
from ringback.ledger import Ledger
from ringback.projections.checkpoints import Checkpoints
from ringback.projections.costs import rerating as rerating_module
from ringback.projections.costs.outgoing import outgoing_call
from ringback.projections.costs.projection import CostsProjection
from ringback.projections.costs.report import Report
from ringback.projections.costs.rerating import Page, Rerating
from ringback.projections.costs.rows import plain
from ringback.projections.costs.tariff import Charge, Tariff, Unbilled
from ringback.projections.runner import Runner
from ringback.records.decode import Record
from ringback.store.schema import call_costs

CHEAP, DEAR = tariff(rate("49", "0.10")), tariff(rate("49", "0.30"))
HOUR = timedelta(hours=1)


class Costs:
    """Rates what is in the store of an office."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def runner(self, rates: Tariff = CHEAP, holder: str = "costs") -> Runner:
        """A runner that rates by a tariff."""
        return self.office.runner(holder, CostsProjection(rates, self.office.clock))

    def add(self, *records: Record, rates: Tariff = CHEAP) -> None:
        """Store records, and rate them."""
        self.office.ledger.append(records)
        self.catch_up(rates)

    def catch_up(self, rates: Tariff = CHEAP) -> None:
        """Rate what is not rated yet."""
        runner = self.runner(rates)
        runner.catch_up()
        runner.stop()

    def again(self, rates: Tariff) -> None:
        """Have everything read again, by a tariff."""
        with self.office.store.write() as connection:
            Checkpoints(self.office.store, CostsProjection.name).begin_again(connection, ORG)
        self.catch_up(rates)

    def rerating(self, rates: Tariff = DEAR, ledger: Ledger | None = None) -> Rerating:
        """What rates anew."""
        return Rerating(self.office.store, ledger or self.office.ledger, rates, self.office.clock)

    def rerate(
        self, rates: Tariff = DEAR, *, apply: bool = True, begin: timedelta = -HOUR, end: timedelta = HOUR
    ) -> Report:
        """Rate anew the calls that began in a time around noon."""
        anew = self.rerating(rates)
        report = Report()
        for page in anew.pages(anew.window(ORG, NOON + begin, NOON + end), anew.rated_up_to(ORG), apply=apply):
            report.add(page)
        return report

    def rows(self) -> dict[str, dict[str, Any]]:
        """The table, by record id."""
        with self.office.store.read() as connection:
            return {row.id: dict(row._mapping) for row in connection.execute(select(call_costs))}

    def amounts(self) -> dict[str, str]:
        """What each call costs, by record id."""
        return {record_id: row["amount"] for record_id, row in self.rows().items()}


@pytest.fixture
def costs(office: Office) -> Costs:
    """An empty store, and what rates calls in it."""
    return Costs(office)


def test_calls_of_both_kinds_are_rated(costs: Costs, clock: Clock) -> None:
    """Each call that goes out has a cost of its own, with currency, account and rate; no other record has."""
    costs.add(
        call_log("out", seconds=61),
        call_log("in", direction="INBOUND_CALL"),
        call_log("inside", "102", direction="EXTENSION_CALL"),
        call_log("unanswered", answered_at=None),
        call_log("emergency", "110"),
        call_log("abroad", "+12025550143"),
        call_log("own", cost=0.35, billed_account="7"),
        webex_record("webex"),
        make_record("webex inside"),
    )
    rated = {"org": ORG, "currency": "EUR", "tariff": "49", "rated_at": clock.now}
    assert costs.rows() == {
        "out": rated | {"id": "out", "amount": "0.2", "account": "101@pbx.example.com"},
        "webex": rated | {"id": "webex", "amount": "0.1", "account": "u1"},
    }


def test_a_call_keeps_its_cost(costs: Costs, clock: Clock) -> None:
    """A call that is rated stays as it was rated, whatever the settings say later, also when all is read again."""
    costs.add(call_log("one"))
    before = costs.rows()
    clock.now += 60_000
    costs.add(call_log("two"), rates=DEAR)
    costs.again(DEAR)
    assert costs.amounts() == {"one": "0.1", "two": "0.3"}
    assert costs.rows()["one"] == before["one"]


def test_reading_again_rates_what_has_no_cost(costs: Costs) -> None:
    """When all is read again, a call for which there was no rate gets its cost, and none loses one."""
    costs.add(call_log("far", "+12025550143"), call_log("near"))
    costs.again(tariff(rate("1", "0.50")))
    assert costs.amounts() == {"far": "0.5", "near": "0.1"}


def test_a_revised_call_is_rated_anew(costs: Costs, clock: Clock) -> None:
    """A revision is rated anew, by the tariff of then; a version that comes late and replaces nothing is not."""
    costs.add(call_log("one"), call_log("other"))
    clock.now += 60_000
    costs.add(call_log("one", seconds=61), rates=DEAR)
    assert costs.amounts() == {"one": "0.6", "other": "0.1"}
    assert (costs.rows()["one"]["rated_at"], costs.rows()["other"]["rated_at"]) == (clock.now, clock.now - 60_000)
    costs.add(call_log("one", seconds=10))
    assert costs.amounts()["one"] == "0.6"


@pytest.mark.parametrize("fields", [{"cost": 0.35}, {"direction": "EXTENSION_CALL"}, {"callee": "112"}])
def test_a_revision_may_take_the_cost_away(costs: Costs, fields: dict[str, Any]) -> None:
    """A revision that has a cost of its own, or that is not billed, leaves no cost of ours behind."""
    costs.add(call_log("one"), call_log("other"))
    costs.add(call_log("one", seconds=70, **fields))
    assert costs.amounts() == {"other": "0.1"}


def test_history_has_the_prices_of_its_time(costs: Costs) -> None:
    """Calls that were there before the tariff are rated by the rates that held when they began."""
    costs.office.ledger.append([call_log(f"{hours}", start=NOON + hours * HOUR) for hours in (-2, -1, 0, 1)])
    costs.catch_up(tariff(rate("49", "0.10", since=NOON - HOUR), rate("49", "0.20", since=NOON)))
    assert costs.amounts() == {"-1": "0.1", "0": "0.2", "1": "0.2"}


def test_writing_twice_is_harmless(costs: Costs) -> None:
    """What is written a second time is the same."""
    costs.office.ledger.append([call_log("one"), call_log("two", direction="INBOUND_CALL")])
    projection = CostsProjection(CHEAP, costs.office.clock)
    change = projection.read(ORG, costs.office.ledger.after(ORG, 0, 10), 0)
    for _ in range(2):
        with costs.office.store.write() as connection:
            projection.write(connection, ORG, change)
    assert costs.amounts() == {"one": "0.1"}


# Rating anew


def test_first_it_is_only_shown(costs: Costs) -> None:
    """Without --apply the report says what would change, and nothing does."""
    costs.add(
        call_log("one"), call_log("two", seconds=61), call_log("far", "+12025550143"), call_log("in", direction="X")
    )
    before = costs.rows()
    shown = costs.rerate(apply=False)
    assert costs.rows() == before
    assert (shown.records, shown.calls, shown.changed) == (4, 3, 2)
    assert {key: (sums.calls, plain(sums.amount)) for key, sums in shown.before.items()} == {("49", "EUR"): (2, "0.3")}
    assert {key: (sums.calls, plain(sums.amount)) for key, sums in shown.after.items()} == {("49", "EUR"): (2, "0.9")}
    assert shown.unbilled == {Unbilled.NO_RATE: 1}
    assert [(each.record_id, each.difference) for each in shown.largest] == [
        ("two", Decimal("0.4")),
        ("one", Decimal("0.2")),
    ]


def test_what_is_applied_is_what_was_shown(costs: Costs, clock: Clock) -> None:
    """Applied, the costs are those that were shown, and a second time there is nothing left to change."""
    costs.add(call_log("one"), call_log("two", seconds=61), webex_record("webex"))
    shown = costs.rerate(apply=False)
    clock.now += 60_000
    applied = costs.rerate()
    assert (applied.changed, applied.after) == (shown.changed, shown.after)
    assert costs.amounts() == {"one": "0.3", "two": "0.6", "webex": "0.3"}
    clock.now += 60_000
    again = costs.rerate()
    assert (again.calls, again.changed, again.before, again.after) == (3, 0, applied.after, applied.after)
    assert {row["rated_at"] for row in costs.rows().values()} == {clock.now - 60_000}


def test_costs_come_and_go(costs: Costs) -> None:
    """Rating anew gives a cost to calls that had none, and takes it from calls that are billed no longer."""
    costs.add(call_log("near"), call_log("far", "+12025550143"), call_log("help", "19222"))
    assert costs.amounts() == {"near": "0.1", "help": "0.1"}
    report = costs.rerate(tariff(rate("1", "0.50"), rate("4919", "0.10"), emergency=("19222",)))
    assert costs.amounts() == {"far": "0.5"}
    assert report.changed == 3
    assert report.unbilled == {Unbilled.NO_RATE: 1, Unbilled.EMERGENCY: 1}
    assert [plain(each.difference) for each in report.largest] == ["0.5", "-0.1", "-0.1"]


def test_another_currency_or_account_is_a_change(costs: Costs) -> None:
    """Also when the amount stays the same."""
    costs.add(call_log("one"))
    assert costs.rerate(tariff(rate("49", "0.10"), account="Example Ltd")).changed == 1
    report = costs.rerate(tariff(rate("49", "0.10"), account="Example Ltd", currency="CHF"))
    assert (report.changed, report.currencies) == (1, ["CHF", "EUR"])
    assert {(row["account"], row["currency"]) for row in costs.rows().values()} == {("Example Ltd", "CHF")}


def test_only_the_range_is_rated_anew(costs: Costs) -> None:
    """The first start counts, the last does not, and calls of other organizations never do."""
    costs.add(*(call_log(f"{minutes}", start=NOON + timedelta(minutes=minutes)) for minutes in (-1, 0, 59, 60)))
    costs.add(webex_record("other", org=OTHER_ORG))
    costs.rerate(begin=timedelta(0))
    assert costs.amounts() == {"-1": "0.1", "0": "0.3", "59": "0.3", "60": "0.1", "other": "0.1"}


def test_it_goes_on_where_it_was_cut_off(costs: Costs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is a commit of its own; after the first, doing it again changes the rest, and no call twice."""
    monkeypatch.setattr(rerating_module, "_PAGE", 3)
    costs.add(*(call_log(f"{number}") for number in range(8)))
    anew = costs.rerating()
    pages = anew.pages(anew.window(ORG, NOON - HOUR, NOON + HOUR), anew.rated_up_to(ORG), apply=True)
    assert len(next(pages).calls) == 3
    del pages
    assert sorted(costs.amounts().values()) == ["0.1"] * 5 + ["0.3"] * 3
    report = costs.rerate()
    assert (report.records, report.changed) == (8, 5)
    assert set(costs.amounts().values()) == {"0.3"}


def test_what_is_not_rated_yet_is_left_to_the_server(costs: Costs) -> None:
    """New calls, and revisions, that the server has not rated yet are left alone, and are rated by it."""
    costs.add(call_log("one"), call_log("two"))
    costs.office.ledger.append([call_log("two", seconds=61), call_log("three")])
    report = costs.rerate()
    assert (report.calls, report.changed) == (1, 1)
    assert costs.amounts() == {"one": "0.3", "two": "0.1"}
    costs.catch_up(DEAR)
    assert costs.amounts() == {"one": "0.3", "two": "0.6", "three": "0.3"}


def test_without_any_rated_call_there_is_nothing_to_do(costs: Costs) -> None:
    """Before the server has rated anything, nothing is rated anew."""
    costs.office.ledger.append([call_log("one")])
    assert (costs.rerate().records, costs.amounts()) == (0, {})


@pytest.mark.parametrize("rated_first", [True, False])
def test_a_revision_that_comes_meanwhile_wins(costs: Costs, rated_first: bool) -> None:
    """A revision arrives after its call was read to be rated anew: the cost is that of the revision, whether the
    server has rated it already or does after."""

    class Revised:
        """The ledger, in which a revision arrives right after each page is read."""

        def __getattr__(self, name: str) -> Any:
            return getattr(costs.office.ledger, name)

        def page(self, *arguments: Any, **named: Any) -> Any:
            page = costs.office.ledger.page(*arguments, **named)
            costs.office.ledger.append([call_log("one", seconds=61)])
            if rated_first:
                costs.catch_up(DEAR)
            return page

    costs.add(call_log("one"), call_log("two"))
    ledger: Any = Revised()
    anew = costs.rerating(ledger=ledger)
    window, snapshot = anew.window(ORG, NOON - HOUR, NOON + HOUR), anew.rated_up_to(ORG)
    (page,) = anew.pages(window, snapshot, apply=True)
    assert [each.record_id for each in page.calls] == ["two"]
    costs.catch_up(DEAR)
    assert costs.amounts() == {"one": "0.6", "two": "0.3"}


def test_beside_a_running_server(costs: Costs, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a server with the new tariff rates calls and revisions that keep coming, calls are rated anew again and
    again: in the end, each costs what its current version costs by that tariff."""
    monkeypatch.setattr(rerating_module, "_PAGE", 7)
    costs.add(*(call_log(f"{number}") for number in range(40)))
    runner = costs.runner(DEAR, "server")
    done = threading.Event()
    failed: list[BaseException] = []

    def anew() -> Iterator[Page]:
        rating = costs.rerating()
        return rating.pages(rating.window(ORG, NOON - HOUR, NOON + HOUR), rating.rated_up_to(ORG), apply=True)

    def rate_anew() -> None:
        try:
            while not done.is_set():
                for _ in anew():
                    pass
        except BaseException as error:
            failed.append(error)
            raise

    thread = threading.Thread(target=rate_anew)
    thread.start()
    runner.start()
    try:
        for turn in range(1, 25):
            costs.office.ledger.append(
                [call_log(f"{number}", seconds=60 * turn + 1) for number in range(turn % 5, 40, 5)]
                + [call_log(f"new {turn}")]
            )
    finally:
        done.set()
        thread.join()
        runner.stop()
    costs.catch_up(DEAR)
    assert failed == []
    current = {each.record.record_id: each.record for each in costs.office.ledger.after(ORG, 0, 1000)}
    assert len(current) == 64
    assert costs.amounts() == {record_id: _amount(record) for record_id, record in current.items()}


def _amount(record: Record) -> str:
    call = outgoing_call(record)
    assert call is not None
    charge = DEAR.rate(call)
    assert isinstance(charge, Charge)
    return plain(charge.amount)
