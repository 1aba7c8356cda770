"""The simulator: makes whole calls first, which are the truth, and then the records Webex would have written of them.

Nothing here may learn what happened from records, and nothing here may be shared with code that joins records to calls:
that code is measured against the truth made here. This room knows of `ringback.records` only the order of the keys; it
never touches a ledger, a store, a file, or, but for `cloud` and `pbx`, the network and the clock. `pbx` is a world of
its own: a PortSIP PBX with calls that it makes itself.
"""

from __future__ import annotations

from ringback.simulator.deliveries import Delivery, Rates, SimulatedCall, in_arrival_order
from ringback.simulator.parties import Outside, Person, Pstn, Service, SimulatedOrg, Site
from ringback.simulator.simulation import KINDS, Simulation
from ringback.simulator.truth import TrueCall, TrueParticipant, TrueParty, TrueRecord

__all__ = [
    "KINDS",
    "Delivery",
    "Outside",
    "Person",
    "Pstn",
    "Rates",
    "Service",
    "SimulatedCall",
    "SimulatedOrg",
    "Simulation",
    "Site",
    "TrueCall",
    "TrueParticipant",
    "TrueParty",
    "TrueRecord",
    "in_arrival_order",
]
