"""Builds the rows of one session, leg by leg."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import msgspec

from ringback.simulator import names
from ringback.simulator.pbx.rows import Row, new_id

QUEUE, QUEUE_NAME = "8001", "Support"
GROUP, GROUP_NAME = "7001", "Sales"
MENU, MENU_NAME = "5000", "Main menu"
_TRUNKS = ("Example Carrier", "Sample Voice")
_AREAS = ("202", "212", "305", "415", "617", "702")
_MEDIAN_TALK, _SPREAD_OF_TALK = 4.6, 1.1  # of the logarithm of seconds: half of all talks are below 100 seconds


class Party(msgspec.Struct, frozen=True):
    """Somebody or something that calls or is called.

    Attributes:
        number: an extension, or a number outside.
        name: shown for it.
        inside: whether it belongs to the tenant.
        phones: how many devices ring at once.
    """

    number: str
    name: str = ""
    inside: bool = True
    phones: int = 1


class Tenant:
    """The people of a tenant, the same for the same seed.

    Args:
        domain: its SIP domain.
        extensions: how many users it has, 5 at least.
        seed: of their names.
    """

    def __init__(self, domain: str, extensions: int, seed: int) -> None:
        rng = Random(f"pbx/tenant/{seed}/{domain}")  # noqa: S311 - reproducible chance, not secrets
        self.domain = domain
        self.people = [
            Party(
                number=str(101 + index),
                name=f"{rng.choice(names.GIVEN)} {rng.choice(names.FAMILY)}",
                phones=2 if rng.random() < 0.2 else 1,
            )
            for index in range(max(5, extensions))
        ]
        self.did = f"+1{rng.choice(_AREAS)}5550100"


class Session:
    """A session while it is built. Times are given in seconds after its start.

    Args:
        rng: its chance.
        tenant: whose it is.
        start: of the session, to the microsecond.
        sequence: gives the sequence numbers of ids.
        long: how many seconds a talk lasts that is to be long; None for a usual one.
    """

    def __init__(
        self, rng: Random, tenant: Tenant, start: datetime, sequence: Iterator[int], long: float | None = None
    ) -> None:
        self.rng = rng
        self.tenant = tenant
        self.rows: list[Row] = []
        self._start = start
        self._sequence = sequence
        self._long = long
        self._id = new_id(start, next(sequence))
        self._call_id = f"{rng.getrandbits(96):024x}"
        self._trunk = rng.choice(_TRUNKS)

    def people(self, number: int) -> list[Party]:
        """So many different users."""
        return self.rng.sample(self.tenant.people, number)

    def outsider(self) -> Party:
        """Somebody outside. The numbers are among those that are kept free for made-up stories."""
        number = f"+1{self.rng.choice(_AREAS)}55501{self.rng.randrange(1, 100):02d}"
        name = self.rng.choice(names.FAMILY).upper() if self.rng.random() < 0.4 else ""
        return Party(number=number, name=name, inside=False)

    def ring(self) -> float:
        """Seconds until somebody answers, or the caller gives up."""
        return self.rng.uniform(1.5, 25)

    def talk(self) -> float:
        """Seconds of talk. The first talk of a session that is to be long is."""
        if self._long is not None:
            long, self._long = self._long, None
            return long
        return min(4 * 3600.0, max(1.0, self.rng.lognormvariate(_MEDIAN_TALK, _SPREAD_OF_TALK)))

    def leg(
        self,
        caller: Party,
        callee: Party,
        *,
        at: float = 0.0,
        ring: float | None = None,
        talk: float | None = None,
        end: str = "",
        reroute: str = "",
        status: int = 0,
        service: str = "",
        data: str = "",
    ) -> float:
        """Add a row.

        Args:
            caller, callee: its two sides.
            at: when it begins.
            ring: seconds until it is answered or ends; None if nothing ever rang.
            talk: seconds of talk; None if nobody answered.
            end, reroute, status: of the row.
            service: number of the queue or group that it came through.
            data: what the program gave that made the call.

        Returns:
            when it ends.
        """
        started = self._start + timedelta(seconds=at)
        answered = started + timedelta(seconds=ring or 0)
        ended = answered + timedelta(seconds=talk or 0)
        outgoing = not callee.inside
        self.rows.append(
            Row(
                id=new_id(started, next(self._sequence)),
                session_id=self._id,
                caller=caller.number,
                caller_domain=self._domain(caller),
                caller_display_name=caller.name,
                callee=callee.number,
                callee_domain=self._domain(callee),
                callee_display_name=callee.name,
                started_at=started,
                rang_at=None if ring is None else started + timedelta(seconds=min(0.2, ring)),
                answered_at=None if talk is None else answered,
                ended_at=ended,
                call_id=self._call_id,
                direction=_direction(caller, callee),
                end_reason=end,
                reroute_reason=reroute,
                status_code=status,
                destination=f"sip:{callee.number}@{self._domain(callee)}",
                outbound_caller_id=self.tenant.did if outgoing else "",
                did_cid="" if caller.inside else self.tenant.did,
                trunk="" if caller.inside and callee.inside else self._trunk,
                duration=int(-(-(talk or 0) // 1)),  # rounded up, as in PortSIP's sample
                service_number=service,
                user_data=data,
            )
        )
        return at + (ring or 0) + (talk or 0)

    def fork(
        self, caller: Party, callees: list[Party], *, at: float, talk: float, end: str, reroute: str = "", service: str
    ) -> float:
        """Ring several at once; one of them answers, the others lose. Returns when the talk ends."""
        ring = self.ring()
        winner = self.rng.randrange(len(callees))
        ended = at
        for index, callee in enumerate(callees):
            if index == winner:
                ended = self.leg(caller, callee, at=at, ring=ring, talk=talk, end=end, reroute=reroute, service=service)
            else:
                self.leg(
                    caller, callee, at=at, ring=ring, end="CANCELLED", reroute=reroute, status=487, service=service
                )
        return ended

    def _domain(self, party: Party) -> str:
        return self.tenant.domain if party.inside else "sip.example.net"


def _direction(caller: Party, callee: Party) -> str:
    if caller.inside:
        return "EXTENSION_CALL" if callee.inside else "OUTBOUND_CALL"
    return "INBOUND_CALL" if callee.inside else "INBOUND_OUTBOUND_CALL"


def priced(row: Row) -> Row:
    """The same row with what it cost, as billing writes it later."""
    cost = Decimal("0.012") * -(-row.duration // 60)
    return msgspec.structs.replace(row, cost=cost, billed_account=row.caller_domain)
