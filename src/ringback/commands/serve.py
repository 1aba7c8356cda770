"""`ringback serve`."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from ringback.commands.collecting import collector_for
from ringback.commands.common import CommandError, ConfigOption, DataOption, progress, settings_for, utc_now
from ringback.ledger import SqlLedger
from ringback.projections.call_logs.projection import CallLogsProjection
from ringback.projections.calls.projection import CallsProjection
from ringback.projections.checkpoints import Checkpoints
from ringback.projections.costs.projection import CostsProjection
from ringback.projections.costs.tariff import Tariff
from ringback.projections.numbers import Numbers
from ringback.projections.runner import Projection, Runner
from ringback.projections.sessions.projection import SessionsProjection
from ringback.server import logs
from ringback.server.demo import Demo
from ringback.server.run import allow_many_connections, bind, exit_on_signals, run
from ringback.settings import Settings, SettingsError
from ringback.sources.collecting.collector import this_process
from ringback.store import Store

EXAMPLE = "Example: **ringback serve --data /var/lib/ringback --workers 2**"


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 for a free one. Default: 8080.")] = None,
    workers: Annotated[int | None, typer.Option(help="Web processes. Default: 1.")] = None,
    demo: Annotated[
        bool, typer.Option("--demo/--no-demo", help="Fill the store with simulated traffic that keeps coming.")
    ] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the call history over HTTP, until Ctrl-C or SIGTERM."""
    settings = _with_options(settings_for(config, data), host=host, port=port, workers=workers)
    if log_level not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter(f"{log_level!r} is not debug, info, warning or error", param_hint="--log-level")
    logs.configure(log_level)
    exit_on_signals()
    allow_many_connections()
    listener = bind(settings)
    address = f"http://{_url_host(settings.server.host)}:{listener.getsockname()[1]}"
    store = Store.open(settings.directory)
    collector = collector_for(settings.sources, store) if settings.sources else None
    traffic = _fill(store) if demo else None
    projections = _projections(store, settings)
    if demo:
        projections.catch_up()  # so that what is printed works at once
    print(f"ringback serves {settings.directory.resolve()}\n")
    print(traffic.introduction(address) if traffic else _introduction(store, address))
    print("Stop with Ctrl-C.", flush=True)
    if traffic:
        traffic.start()
    if collector:
        collector.start()
    projections.start()
    try:
        run(listener, store, settings, log_level)
    finally:
        if collector:
            collector.stop()
        if traffic:
            traffic.stop()
        projections.stop()
        listener.close()
        store.close()


def _projections(store: Store, settings: Settings) -> Runner:
    ledger = SqlLedger(store, utc_now)
    calls = CallsProjection(store, ledger, Numbers(settings.server.home_country), utc_now)
    Checkpoints(store, calls.name).make_with(calls.made_with)
    projections: list[Projection] = [SessionsProjection(store, ledger, utc_now), calls]
    if settings.portsip.enabled:
        projections.append(CallLogsProjection(store))
    if settings.billing.rates:
        projections.append(CostsProjection(Tariff(settings.billing), utc_now))
    return Runner(store, ledger, projections, this_process(), utc_now)


def _with_options(settings: Settings, **options: str | int | None) -> Settings:
    given = {name: value for name, value in options.items() if value is not None}
    try:
        values = msgspec.to_builtins(settings.server) | given
        server = msgspec.convert(values, type(settings.server))
    except msgspec.ValidationError as error:
        raise SettingsError(f"{error}. See 'ringback serve --help'.") from error
    return msgspec.structs.replace(settings, server=server)


def _fill(store: Store) -> Demo:
    demo = Demo(store, utc_now)
    orgs = {summary.org for summary in SqlLedger(store, utc_now).summaries()}
    if orgs and demo.org not in orgs:
        raise CommandError(
            f"The store in {store.directory} has real records, and simulated ones would come to stand among them. "
            "Serve it with --no-demo, or name another directory with --data."
        )
    with progress("simulating traffic") as report:
        new = demo.fill(lambda share: report(share, "so far"))
    print(f"simulated {new:,} records", file=sys.stderr)
    return demo


def _introduction(store: Store, address: str) -> str:
    records = sum(summary.records for summary in SqlLedger(store, utc_now).summaries())
    return (
        f"  address    {address}\n"
        f"  records    {records:,}\n"
        "  token      make one with 'ringback token create'; documents at /schema\n"
    )


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
