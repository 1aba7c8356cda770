"""`ringback tariff`: what calls cost, and rating them anew."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
import typer

from ringback.commands.common import (
    CommandError,
    ConfigOption,
    DataOption,
    open_store,
    parse_org_option,
    parse_time_option,
    print_table,
    progress,
    settings_for,
    the_org,
    utc_now,
)
from ringback.ledger import SqlLedger
from ringback.projections.costs.report import Report, Sums
from ringback.projections.costs.rerating import Rerated, Rerating
from ringback.projections.costs.rows import plain
from ringback.projections.costs.tariff import Charge, Rate, Tariff, Unbilled
from ringback.settings.billing import BillingSettings

app = typer.Typer(help="What calls cost: show the tariff, try it, and rate calls anew.", no_args_is_help=True)

_EXAMPLES = (60, 300)
_LONGEST = 10**9
"""Seconds of a call: more than any has, and few enough for the arithmetic of costs to be exact."""


@app.command("check", epilog="Example: **ringback tariff check --config ringback.toml**")
def check(config: ConfigOption = None) -> None:
    """Show the tariff of the settings, and what calls of one and of five minutes cost by it."""
    billing = _billing(config)
    tariff = Tariff(billing)
    now = utc_now()
    print(f"currency   {billing.currency}")
    print(f"country    {billing.country}")
    print(f"billed to  {'the user who called' if billing.account == 'user' else billing.account}")
    print(f"emergency  numbers of {billing.country}{''.join(f', {number}' for number in billing.emergency)}")
    print()
    rates = sorted(tariff.rates, key=lambda rate: (rate.prefix, rate.since is not None, rate.since))
    examples = [f"{seconds} s" for seconds in _EXAMPLES]
    header = ("prefix", "rate", "since", "now", "connect", "first", "next", "free", "grace", "surcharge", *examples)
    print_table(header, [_row(rate, tariff.holds(rate, now)) for rate in rates])
    if not any(rate.prefix == "" for rate in rates):
        print('\nCalls to other numbers are not rated. A rate with prefix = "" would be for them.')


@app.command("price", epilog="Example: **ringback tariff price +493012345678 90**")
def price(
    number: Annotated[str, typer.Argument(help="As dialled, or in international form.")],
    seconds: Annotated[int, typer.Argument(min=0, max=_LONGEST, help="Seconds of talk.")],
    at: Annotated[
        datetime | None,
        typer.Option(parser=parse_time_option, metavar="TIME", help="When the call begins; UTC. Default: now."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Show what a call costs by the tariff of the settings."""
    billing = _billing(config)
    tariff = Tariff(billing)
    rate = tariff.look_up(number, at or utc_now())
    if (international := tariff.international(number)) is not None:
        print(f"number  +{international}")
    if isinstance(rate, Unbilled):
        print(f"cost    none: {rate.value}")
        return
    print(f"rate    {rate.name} ({_prefix(rate)}{_since(rate, ', since ')})")
    print(f"billed  {_billed(rate, seconds)}")
    print(f"cost    {plain(rate.amount(seconds))} {billing.currency}")


@app.command("rerate", epilog="Example: **ringback tariff rerate --from 2026-11-01 --to 2026-12-01**")
def rerate(
    begin: Annotated[
        datetime,
        typer.Option("--from", parser=parse_time_option, metavar="TIME", help="First start of a call; UTC."),
    ],
    end: Annotated[
        datetime,
        typer.Option("--to", parser=parse_time_option, metavar="TIME", help="Last start of a call, exclusive; UTC."),
    ],
    org: Annotated[
        UUID | None,
        typer.Option(parser=parse_org_option, metavar="UUID", help="Organization. Default: the only one in the store."),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write it. Without this, it is only shown.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for each call that changes, and no table.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Rate the calls of a range of time by the tariff of the settings: show what changes, and with --apply write it."""
    if end <= begin:
        raise CommandError("--to is later than --from.")
    tariff = Tariff(_billing(config))
    report = Report()
    with open_store(config, data, create=False) as store, progress("rating") as tell:
        ledger = SqlLedger(store, utc_now)
        rerating = Rerating(store, ledger, tariff, utc_now)
        window = rerating.window(the_org(ledger, org), begin, end)
        snapshot = rerating.rated_up_to(window.org)
        unread = ledger.newest(window.org) - snapshot
        total = ledger.count(window, snapshot=snapshot)
        for page in rerating.pages(window, snapshot, apply=apply):
            report.add(page)
            tell(report.records / max(1, total), f"{report.records:,} records")
            if as_json:
                for each in page.calls:
                    if each.changed:
                        print(_json_line(each))
    if not as_json:
        _show(report)
    done = f"{report.changed:,} of {report.calls:,} calls"
    if apply:
        print(f"Changed the cost of {done}.", file=sys.stderr)
    else:
        print(f"This would change the cost of {done}. Nothing is written without --apply.", file=sys.stderr)
    if unread > 0:
        print(
            f"{unread:,} newer records are left out: 'ringback serve' has not rated them yet, and will.",
            file=sys.stderr,
        )


def _billing(config: Path | None) -> BillingSettings:
    billing = settings_for(config, None).billing
    if not billing.rates:
        raise CommandError("There is no tariff. Put [[billing.rates]] into the settings; docs/tariffs.md says how.")
    return billing


def _row(rate: Rate, now: bool) -> tuple[str, ...]:
    return (
        _prefix(rate),
        rate.name,
        _since(rate),
        "yes" if now else "",
        plain(rate.connect_fee),
        f"{rate.interval} s at {plain(rate.price)}",
        f"{rate.next_interval} s at {plain(rate.next_price)}",
        f"{rate.free_seconds} s",
        f"{rate.grace_seconds} s",
        plain(rate.surcharge),
        *(plain(rate.amount(seconds)) for seconds in _EXAMPLES),
    )


def _prefix(rate: Rate) -> str:
    return f"+{rate.prefix}" if rate.prefix else "all others"


def _since(rate: Rate, before: str = "") -> str:
    return "" if rate.since is None else f"{before}{rate.since.isoformat()}"


def _billed(rate: Rate, seconds: int) -> str:
    if rate.is_free(seconds):
        return f"nothing: shorter than {rate.grace_seconds} s"
    first = f"{rate.interval} s at {plain(rate.price)} a minute"
    if not (following := rate.next_intervals(seconds)):
        return first
    return f"{first}, then {following} x {rate.next_interval} s at {plain(rate.next_price)} a minute"


def _show(report: Report) -> None:
    header = ("rate", "currency", "calls before", "sum before", "calls now", "sum now", "difference")
    rows = [
        (
            name,
            currency,
            *_sums(report.before.get((name, currency), Sums()), report.after.get((name, currency), Sums())),
        )
        for name, currency in report.rates
    ]
    rows += [
        ("all", currency, *_sums(_total(report.before, currency), _total(report.after, currency)))
        for currency in report.currencies
    ]
    print_table(header, rows)
    for reason, calls in report.unbilled.most_common():
        print(f"not rated: {calls:,} ({reason.value})")
    if report.largest:
        print("\nThe largest differences:")
        print_table(
            ("call log", "start", "number", "seconds", "before", "now", "difference"),
            [_difference(each) for each in report.largest],
        )


def _sums(before: Sums, after: Sums) -> tuple[str, ...]:
    difference = after.amount - before.amount
    return f"{before.calls:,}", plain(before.amount), f"{after.calls:,}", plain(after.amount), _signed(difference)


def _total(sums: Mapping[tuple[str, str], Sums], currency: str) -> Sums:
    these = [each for (_, its), each in sums.items() if its == currency]
    return Sums(sum(each.calls for each in these), sum((each.amount for each in these), Decimal(0)))


def _difference(each: Rerated) -> tuple[str, ...]:
    call = each.call
    return (
        each.record_id,
        f"{call.start:%Y-%m-%d %H:%M:%SZ}" if call else "",
        (call.dialled or "") if call else "",
        str(call.seconds) if call else "",
        _charge(each.before),
        _charge(each.charge),
        _signed(each.difference) if _comparable(each) else "",
    )


def _comparable(each: Rerated) -> bool:
    return each.before is None or each.charge is None or each.before.currency == each.charge.currency


def _charge(charge: Charge | None) -> str:
    return "none" if charge is None else f"{plain(charge.amount)} {charge.currency} ({charge.tariff}, {charge.account})"


def _signed(amount: Decimal) -> str:
    return f"+{plain(amount)}" if amount > 0 else plain(amount)


def _json_line(each: Rerated) -> str:
    return msgspec.json.encode(
        {
            "id": each.record_id,
            "started_at": each.call and each.call.start,
            "number": each.call and each.call.dialled,
            "seconds": each.call and each.call.seconds,
            "before": _plain_charge(each.before),
            "now": _plain_charge(each.charge),
        }
    ).decode()


def _plain_charge(charge: Charge | None) -> dict[str, str] | None:
    return None if charge is None else {**msgspec.structs.asdict(charge), "amount": plain(charge.amount)}
