"""The simulated PBX as a process: what `ringback simulate --serve-pbx` does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

import msgspec

from ringback.simulator.cloud.clock import RunningClock
from ringback.simulator.cloud.playing import decode_scenario, play, source_lines
from ringback.simulator.pbx.faults import Faults
from ringback.simulator.pbx.options import Behaviour, Limits
from ringback.simulator.pbx.pbx import SimulatedPbx
from ringback.simulator.pbx.rows import FIRST_TENANT
from ringback.simulator.pbx.traffic import Traffic, TrafficRates


class PbxScenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the PBX behaves, as a TOML file says it. Spans are written as in ISO 8601, such as `"PT90S"` or `"P1D"`.

    Attributes:
        skew: of the PBX's clock against that of the machine.
        limits, behaviour, faults: see there.
        rates: of its traffic.
    """

    skew: timedelta = timedelta(0)
    limits: Limits = Limits()
    behaviour: Behaviour = Behaviour()
    faults: Faults = Faults()
    rates: TrafficRates = TrafficRates()


def read_pbx_scenario(file: Path) -> PbxScenario:
    """The scenario of a file.

    Raises:
        ScenarioError: it cannot be read, or a name or value in it is not known.
    """
    return decode_scenario(file, PbxScenario)


def serve_pbx(
    *,
    seed: int = 1,
    tenants: int = 1,
    extensions: int = 20,
    calls_per_day: int = 500,
    history: timedelta = timedelta(days=1),
    start: datetime | None = None,
    speed: float = 1.0,
    port: int = 0,
    scenario: PbxScenario | None = None,
    show: Callable[[str], None] = print,
    stop: threading.Event | None = None,
) -> int:
    """Play the PBX until stopped. Traffic goes on as its clock does.

    Args:
        seed: of the traffic and of the secrets.
        tenants, extensions: how many, and how many users each has.
        calls_per_day: sessions on a working day, all tenants together.
        history: how far back the calls begin.
        start: what the clock shows at first; None for the time of the machine.
        speed: of the clock.
        port: of the address; 0 for a free one.
        scenario: limits, choices, faults and rates.
        show: gets the lines for whoever uses it. They have the credentials, which are good for this PBX only.
        stop: ends it when set; Ctrl-C does as well.

    Returns:
        how many problems the audit found.

    Raises:
        OSError: the port is taken.
        ValueError: a number is out of its range.
    """
    scenario = scenario or PbxScenario()
    clock = RunningClock(start, speed)
    names = (FIRST_TENANT, *(f"tenant{number}.example" for number in range(2, tenants + 1)))
    traffic = Traffic(
        seed,
        clock.now() + scenario.skew - history,
        calls_per_day=calls_per_day / len(names),
        tenants=names,
        extensions=extensions,
        rates=scenario.rates,
    )
    pbx = SimulatedPbx(
        traffic=traffic.writes(),
        tenants=names,
        clock=clock,
        skew=scenario.skew,
        limits=scenario.limits,
        behaviour=scenario.behaviour,
        faults=scenario.faults,
        port=port,
        seed=seed,
    )
    return play(pbx, lambda: _introduction(pbx, speed), "call logs", show, stop)


def _introduction(pbx: SimulatedPbx, speed: float) -> str:
    tokens = {account.name: pbx.issue_token(account) for account in pbx.accounts}
    lines = [
        "The simulated PortSIP PBX answers.",
        "",
        f"  base URL      {pbx.base_url}",
        f"  WebSocket     {pbx.wsi_url}",
        f"  its time      {pbx.now():%Y-%m-%d %H:%M:%S} UTC, {speed:g} times as fast as yours",
    ]
    for account in pbx.accounts:
        lines += [
            "",
            f"  domain        {account.tenant}",
            f"  username      {account.username}",
            f"  password      {account.password}",
            f"  access token  {tokens[account.name]}",
        ]
    first = pbx.account()
    login = {"username": first.username, "password": first.password, "domain": first.tenant}
    body = msgspec.json.encode(login).decode()
    lines += [
        "",
        "To log in, and to list the newest call logs:",
        "",
        f"  curl -H 'Content-Type: application/json' -d '{body}' {pbx.base_url}/login",
        f"  curl -H 'Authorization: Bearer {tokens[first.name]}' '{pbx.base_url}/calllogs?top=5'",
        "",
        "To collect from it, set these variables:",
        "",
    ]
    for number, account in enumerate(pbx.accounts, 1):
        lines.append(f"  export {_variable(number)}={account.password}")
    lines += ["", "and put this into ringback.toml:", ""]
    for number, account in enumerate(pbx.accounts, 1):
        settings = {
            "kind": "portsip",
            "name": f"pbx-{number}",
            "org": str(uuid5(NAMESPACE_DNS, account.tenant)),
            "base_url": pbx.base_url,
            "username": account.username,
            "password_env": _variable(number),
            "domain": account.tenant,
            "client_id": "simulated",
            "clock_speed": speed,
        }
        lines += source_lines(settings)
    lines.append("Stop with Ctrl-C; what clients did wrong is told then.")
    return "\n".join(lines)


def _variable(number: int) -> str:
    return f"SIMULATED_PBX_{number}_PASSWORD"
