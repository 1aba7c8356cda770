"""The simulator playing the Webex cloud: feed, stream and token refresh over HTTP; strict, audited, faulty on demand.

It judges collectors and clients of call records, so it shares no code with any of them, nor with `ringback.server`: it
uses the simulator, and of `ringback.records` the reading of times. It never touches a ledger or a store.
"""

from __future__ import annotations

from ringback.simulator.cloud.accounts import Account
from ringback.simulator.cloud.archive import TrueNewest
from ringback.simulator.cloud.audit import Asked, Audit
from ringback.simulator.cloud.clock import Clock, ManualClock, RunningClock
from ringback.simulator.cloud.cloud import REGIONS, SimulatedCloud
from ringback.simulator.cloud.faults import (
    BadItem,
    Cut,
    Duplicates,
    EmptyPage,
    Fault,
    Faults,
    Garbage,
    Hang,
    Outage,
    Redirect,
    Refuse,
    RepeatedLink,
    Reset,
    Rule,
    Slow,
    StrangeLink,
    WrongRegion,
)
from ringback.simulator.cloud.filler import filler, with_odd_values
from ringback.simulator.cloud.options import Behaviour, EndpointLimits, Limits
from ringback.simulator.cloud.playing import ScenarioError
from ringback.simulator.cloud.run import Scenario, read_scenario, serve_cloud

__all__ = [
    "REGIONS",
    "Account",
    "Asked",
    "Audit",
    "BadItem",
    "Behaviour",
    "Clock",
    "Cut",
    "Duplicates",
    "EmptyPage",
    "EndpointLimits",
    "Fault",
    "Faults",
    "Garbage",
    "Hang",
    "Limits",
    "ManualClock",
    "Outage",
    "Redirect",
    "Refuse",
    "RepeatedLink",
    "Reset",
    "Rule",
    "RunningClock",
    "Scenario",
    "ScenarioError",
    "SimulatedCloud",
    "Slow",
    "StrangeLink",
    "TrueNewest",
    "WrongRegion",
    "filler",
    "read_scenario",
    "serve_cloud",
    "with_odd_values",
]
