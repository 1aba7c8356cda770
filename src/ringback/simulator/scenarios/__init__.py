"""How calls go: one small function per kind of call, told in the words of `CallBuilder`.

A scenario decides what happens and says so in the truth; it never looks at records.
"""

from __future__ import annotations

from ringback.simulator.scenarios import basic, features, forwards, groups, lines, refused, services, transfers
from ringback.simulator.scenarios.kind import Kind

ALL: tuple[Kind, ...] = (
    *basic.KINDS,
    *refused.KINDS,
    *groups.KINDS,
    *services.KINDS,
    *transfers.KINDS,
    *forwards.KINDS,
    *features.KINDS,
    *lines.KINDS,
)
"""Every kind of call."""

__all__ = ["ALL", "Kind"]
