"""The simulated cloud as a process: what `ringback simulate --serve` does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from ringback.simulator.cloud.accounts import Account
from ringback.simulator.cloud.clock import RunningClock
from ringback.simulator.cloud.cloud import REGIONS, SimulatedCloud
from ringback.simulator.cloud.faults import Faults
from ringback.simulator.cloud.options import Behaviour, Limits
from ringback.simulator.cloud.playing import decode_scenario, play, source_lines
from ringback.simulator.deliveries import Rates, in_arrival_order
from ringback.simulator.simulation import Simulation


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the cloud behaves, as a TOML file says it. Spans are written as in ISO 8601, such as `"PT90S"` or `"P14D"`.

    Attributes:
        skew: of the cloud's clock against that of the machine.
        shrink: factor by which all limits are shortened.
        limits, behaviour, faults: see there.
    """

    skew: timedelta = timedelta(0)
    shrink: float = 1.0
    limits: Limits = Limits()
    behaviour: Behaviour = Behaviour()
    faults: Faults = Faults()


def read_scenario(file: Path) -> Scenario:
    """The scenario of a file.

    Raises:
        ScenarioError: it cannot be read, or a name or value in it is not known.
    """
    return decode_scenario(file, Scenario)


def serve_cloud(
    *,
    seed: int = 1,
    orgs: int = 1,
    users: int = 200,
    calls_per_day: int = 5000,
    rates: Rates | None = None,
    history: timedelta = timedelta(days=1),
    start: datetime | None = None,
    speed: float = 1.0,
    port: int = 0,
    scenario: Scenario | None = None,
    show: Callable[[str], None] = print,
    stop: threading.Event | None = None,
) -> int:
    """Play the cloud until stopped. Traffic goes on as its clock does.

    Args:
        seed, orgs, users, calls_per_day, rates: of the simulation.
        history: how far back its calls begin.
        start: what the clock shows at first; None for the time of the machine.
        speed: of the clock.
        port: of the address; 0 for a free one.
        scenario: limits, choices and faults.
        show: gets the lines for whoever uses it. They have the credentials, which are good for this cloud only.
        stop: ends it when set; Ctrl-C does as well.

    Returns:
        how many problems the audit found.

    Raises:
        OSError: the port is taken.
        ValueError: a number is out of its range.
    """
    scenario = scenario or Scenario()
    clock = RunningClock(start, speed)
    simulation = Simulation(
        seed=seed,
        start=clock.now() + scenario.skew - history,
        calls_per_day=calls_per_day,
        orgs=orgs,
        users=users,
        rates=rates,
    )
    cloud = SimulatedCloud(
        traffic=in_arrival_order(simulation.calls()),
        orgs=[org.uuid for org in simulation.orgs],
        clock=clock,
        skew=scenario.skew,
        limits=scenario.limits.shrunk(scenario.shrink),
        behaviour=scenario.behaviour,
        faults=scenario.faults,
        port=port,
        seed=seed,
    )
    return play(cloud, lambda: _introduction(cloud, speed), "records", show, stop)


def _introduction(cloud: SimulatedCloud, speed: float) -> str:
    regions = [cloud.url_of(region) for region in REGIONS]
    lines = [
        "The simulated Webex cloud answers.",
        "",
        f"  base URL       {cloud.base_url}",
        f"  token URL      {cloud.token_url}",
        f"  other regions  {' '.join(regions[1:])}",
        f"  strange host   {cloud.strange_url} (must never get a token)",
        f"  its time       {cloud.now():%Y-%m-%d %H:%M:%S} UTC, {speed:g} times as fast as yours",
    ]
    for account in cloud.accounts:
        lines += [
            "",
            f"  org            {account.org}",
            f"  client id      {account.client_id}",
            f"  client secret  {account.client_secret}",
            f"  refresh token  {account.refresh_token}",
            f"  access token   {cloud.issue_token(account)}",
        ]
    lines += ["", "To collect from it, set these variables:", ""]
    for account in cloud.accounts:
        lines.append(f"  export {_variable(account, 'SECRET')}={account.client_secret}")
        lines.append(f"  export {_variable(account, 'REFRESH')}={account.refresh_token}")
    lines += ["", "and put this into ringback.toml:", ""]
    for account in cloud.accounts:
        settings = {
            "name": account.name,
            "org": str(account.org),
            "client_id": account.client_id,
            "client_secret_env": _variable(account, "SECRET"),
            "refresh_token_env": _variable(account, "REFRESH"),
            "base_url": cloud.base_url,
            "token_url": cloud.token_url,
            "known_hosts": regions,
            "clock_speed": speed,
        }
        lines += source_lines(settings)
    lines.append("Stop with Ctrl-C; what clients did wrong is told then.")
    return "\n".join(lines)


def _variable(account: Account, what: str) -> str:
    return f"SIMULATED_{account.name.replace('-', '_').upper()}_{what}"
