"""The simulator playing a PortSIP PBX: logins, call logs and events over HTTP; strict, audited, faulty on demand.

It judges collectors and clients of call logs, so it shares no code with any of them, nor with `ringback.server`. It
stands on the same ground as the simulated cloud: clock, connections, and most of the faults are those of
`ringback.simulator.cloud`. It never touches a ledger or a store.
"""

from __future__ import annotations

from ringback.simulator.cloud.clock import Clock, ManualClock, RunningClock
from ringback.simulator.cloud.faults import BadItem, Cut, Duplicates, Garbage, Hang, Outage, Refuse, Reset, Slow
from ringback.simulator.pbx.accounts import Account
from ringback.simulator.pbx.audit import Asked, Audit
from ringback.simulator.pbx.faults import Fault, Faults, Rule
from ringback.simulator.pbx.options import Behaviour, Limits
from ringback.simulator.pbx.pbx import SimulatedPbx
from ringback.simulator.pbx.rows import FIRST_TENANT, Row, Written, finished_call, made_at, new_id
from ringback.simulator.pbx.run import PbxScenario, read_pbx_scenario, serve_pbx
from ringback.simulator.pbx.table import TrueCallLog
from ringback.simulator.pbx.traffic import Traffic, TrafficRates

__all__ = [
    "FIRST_TENANT",
    "Account",
    "Asked",
    "Audit",
    "BadItem",
    "Behaviour",
    "Clock",
    "Cut",
    "Duplicates",
    "Fault",
    "Faults",
    "Garbage",
    "Hang",
    "Limits",
    "ManualClock",
    "Outage",
    "PbxScenario",
    "Refuse",
    "Reset",
    "Row",
    "Rule",
    "RunningClock",
    "SimulatedPbx",
    "Slow",
    "Traffic",
    "TrafficRates",
    "TrueCallLog",
    "Written",
    "finished_call",
    "made_at",
    "new_id",
    "read_pbx_scenario",
    "serve_pbx",
]
