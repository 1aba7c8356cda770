"""`ringback simulate`."""

from __future__ import annotations

import gzip
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer

from ringback.commands.common import (
    CommandError,
    ConfigOption,
    DataOption,
    open_store,
    parse_time_option,
    progress,
    utc_now,
)
from ringback.ledger import Appended, SqlLedger
from ringback.records.decode import Record, decode
from ringback.simulator import Rates, SimulatedCall, Simulation, in_arrival_order
from ringback.simulator.cloud import ScenarioError, read_scenario, serve_cloud
from ringback.simulator.pbx import read_pbx_scenario, serve_pbx

EXAMPLE = "Example: **ringback simulate --seed 7 --days 1 --out calls.ndjson**"
_BATCH = 500


def simulate(
    seed: Annotated[int, typer.Option(help="The same seed, times and numbers give the same bytes.")] = 1,
    days: Annotated[float, typer.Option(min=0.001, help="Length of the simulated time, without --to.")] = 1.0,
    begin: Annotated[
        datetime | None,
        typer.Option(
            "--from", parser=parse_time_option, metavar="TIME", help="First start of a call. Default: --days ago."
        ),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", parser=parse_time_option, metavar="TIME", help="Last start of a call, exclusive."),
    ] = None,
    calls_per_day: Annotated[int, typer.Option(min=1, help="On an average working day, all organizations.")] = 5000,
    orgs: Annotated[int, typer.Option(min=1, help="Organizations.")] = 1,
    users: Annotated[int, typer.Option(min=10, help="Users of each organization.")] = 200,
    late: Annotated[float, typer.Option(min=0, max=1, help="Share of records that come late.")] = 0.02,
    redelivered: Annotated[float, typer.Option(min=0, max=1, help="Share that comes twice.")] = 0.01,
    revised: Annotated[float, typer.Option(min=0, max=1, help="Share that is revised later.")] = 0.005,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", dir_okay=False, help="NDJSON file, in place of the store; .gz compresses it."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="File for the true calls. Default: beside the records, as .truth.ndjson."),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Play the Webex cloud over HTTP with this traffic, until Ctrl-C.")
    ] = False,
    as_pbx: Annotated[
        bool, typer.Option("--serve-pbx", help="Play a PortSIP PBX over HTTP with calls of its own, until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the cloud or PBX; 0 for a free one.")] = 0,
    speed: Annotated[float, typer.Option(min=0.001, help="How fast the clock of the cloud or PBX runs.")] = 1.0,
    scenario: Annotated[
        Path | None,
        typer.Option(help="TOML file with limits and faults; see docs/simulated-cloud.md and docs/simulated-pbx.md."),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make true-to-life traffic, into the store or a file, with the true calls in a file beside it.

    With --serve, play the Webex cloud instead, with --serve-pbx a PortSIP PBX, for trying out whatever reads from it.
    """
    if serve and as_pbx:
        raise typer.BadParameter("--serve and --serve-pbx play different things; give one of them")
    rates = Rates(late=late, redelivered=redelivered, revised=revised)
    if serve or as_pbx:
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        try:
            play = _pbx(orgs, users, scenario) if as_pbx else _cloud(orgs, users, rates, scenario)
            problems = play(
                seed=seed,
                calls_per_day=calls_per_day,
                history=timedelta(days=days),
                start=begin,
                speed=speed,
                port=port,
                show=partial(print, flush=True),
                stop=stop,
            )
        except (OSError, ScenarioError) as error:
            raise CommandError(f"The {'PBX' if as_pbx else 'cloud'} cannot be played: {error}") from error
        raise typer.Exit(1 if problems else 0)
    begin, end = _range(begin, end, timedelta(days=days))
    simulation = Simulation(
        seed=seed,
        start=begin,
        end=end,
        calls_per_day=calls_per_day,
        orgs=orgs,
        users=users,
        rates=rates,
    )
    with ExitStack() as stack:
        report = stack.enter_context(progress("simulate"))
        if out is None:
            store = stack.enter_context(open_store(config, data, create=True))
            ledger = SqlLedger(store, utc_now)
            truth = truth or store.directory / f"simulated-{seed}.truth.ndjson"
        else:
            truth = truth or out.with_name(out.name + ".truth.ndjson")
        try:
            truths = stack.enter_context(_open(truth))
            deliveries = in_arrival_order(_told(simulation.calls(), truths, begin, end, report))
            raws = (delivery.record for delivery in deliveries)
            done = _store(ledger, raws) if out is None else _write(stack.enter_context(_open(out)), raws)
        except OSError as error:
            raise CommandError(f"Cannot write {error.filename or out or truth}: {error.strerror or error}.") from error
    print(f"{done}; true calls in {truth}", file=sys.stderr)


def _cloud(orgs: int, users: int, rates: Rates, scenario: Path | None) -> Callable[..., int]:
    given = read_scenario(scenario) if scenario else None
    return partial(serve_cloud, orgs=orgs, users=users, rates=rates, scenario=given)


def _pbx(orgs: int, users: int, scenario: Path | None) -> Callable[..., int]:
    given = read_pbx_scenario(scenario) if scenario else None
    return partial(serve_pbx, tenants=orgs, extensions=users, scenario=given)


def _range(begin: datetime | None, end: datetime | None, length: timedelta) -> tuple[datetime, datetime]:
    if begin is None:
        begin = (end or utc_now()) - length
    end = end or begin + length
    if end <= begin:
        raise typer.BadParameter("--to must be later than --from")
    return begin, end


def _told(
    calls: Iterable[SimulatedCall],
    truths: BinaryIO,
    begin: datetime,
    end: datetime,
    report: Callable[[float | None, str], None],
) -> Iterator[SimulatedCall]:
    """The calls, with the truth of each written down as it passes."""
    for number, call in enumerate(calls, 1):
        truths.write(call.truth.to_json() + b"\n")
        if number % 200 == 0:
            report((call.truth.start - begin) / (end - begin), f"{number:,} calls")
        yield call


def _store(ledger: SqlLedger, raws: Iterable[bytes]) -> str:
    done = Appended()
    batch: list[Record] = []
    for raw in raws:
        batch.append(decode(raw).record)
        if len(batch) == _BATCH:
            done += ledger.append(batch)
            batch = []
    done += ledger.append(batch)
    return f"{done.new:,} new, {done.revised:,} revised and {done.duplicate:,} repeated records"


def _write(file: BinaryIO, raws: Iterable[bytes]) -> str:
    number = 0
    for raw in raws:
        file.write(raw + b"\n")
        number += 1
    return f"{number:,} records"


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    with path.open("wb") as file:
        if path.suffix == ".gz":  # without name and time in it, so that the same seed gives the same bytes
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield file
