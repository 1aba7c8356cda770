"""Organizations whose calls a test knows, in the store of a started server; and a server before it, which fails."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Sequence
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from factories import NOON
from processes import Server
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.records.decode import decode
from ringback.records.values import read_time, to_wire_time
from ringback.server.tokens import Tokens
from ringback.simulator import Rates, SimulatedCall, Simulation
from ringback.store import Store

_TIME = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"')


class Service(NamedTuple):
    """A started server, and the store in its data directory."""

    server: Server
    data: Path
    store: Store


class Office:
    """An organization of ten people, what they did, told by the simulator, and its way into the store.

    It is the same day in each run, moved to yesterday: nobody is told of calls that are long over.
    """

    def __init__(self, service: Service, seed: int, kinds: Sequence[str]) -> None:
        simulation = Simulation(
            seed=seed,
            start=NOON,
            end=NOON + timedelta(minutes=30),
            calls_per_day=200,  # in each hour
            round_the_clock=1.0,
            users=10,
            rates=Rates(late=0, redelivered=0, revised=0),
            mix=dict.fromkeys(kinds, 1.0),
        )
        self.address = service.server.address
        self.calls = list(simulation.calls())
        (org,) = simulation.orgs
        self.org = org.uuid
        self._moved = timedelta(days=(utc_now() - NOON).days - 1)
        self._people = {person.uuid: person for person in org.users}
        self._ledger = SqlLedger(service.store, utc_now)
        self._tokens = Tokens(service.store, utc_now)

    def report(self, *calls: SimulatedCall) -> None:
        """Store the records of these calls."""
        records = (delivery.record for call in calls for delivery in call.deliveries)
        self._ledger.append([decode(_TIME.sub(self._move, record)).record for record in records])

    def end_of(self, call: SimulatedCall) -> datetime:
        """When a call ended, as its records are reported."""
        return call.truth.end + self._moved

    def token(self, user: str, *scopes: str) -> str:
        """A token of a user."""
        return self._tokens.create(self.org, user=user, scopes=scopes or None)[0]

    def numbers(self, user: str) -> set[str]:
        """What can be dialed to reach a user."""
        return {self._people[user].number, self.extension(user)} - {""}

    def extension(self, user: str) -> str:
        """What colleagues dial to reach a user."""
        return self._people[user].extension

    def between_users(self, kind: str) -> SimulatedCall:
        """A call of a kind from one user to another."""
        return next(call for call in self.calls if call.truth.kind == kind and all(map(self._is_user, both(call))))

    def busiest(self) -> str:
        """The user who took part in most calls."""
        return max(self._people, key=lambda user: len(self.calls_of(user)))

    def calls_of(self, user: str) -> list[SimulatedCall]:
        """The calls in which a user took part, in the order in which they ended."""
        mine = (call for call in self.calls if user in {party.user_uuid for party in call.truth.participants})
        return sorted(mine, key=lambda call: call.truth.end)

    def _is_user(self, uuid: str | None) -> bool:
        return uuid in self._people

    def _move(self, found: re.Match[bytes]) -> bytes:
        return b'"%b"' % to_wire_time(read_time(found[1].decode()) + self._moved).encode()


def both(call: SimulatedCall) -> tuple[str, str]:
    """Who called, and who was called."""
    caller, called = call.truth.participants[:2]
    assert caller.user_uuid == call.truth.first_caller.user_uuid
    return caller.user_uuid or "", called.user_uuid or ""


def owner_of_phone(call: SimulatedCall) -> str:
    """Whose phone the call of a shared line was answered at."""
    records = [json.loads(delivery.record) for delivery in call.deliveries]
    (owner,) = {record["Device owner UUID"] for record in records} - {""}
    return str(owner)


class Front:
    """An HTTP server before another: it passes everything on, or answers everything with a status that was chosen.

    The server cannot be brought to give every status that the SDK knows; here it need not.
    """

    def __init__(self, target: str) -> None:
        self.status: int | None = None
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.respond(None)

            def do_POST(self) -> None:
                self.respond(self.rfile.read(int(self.headers["content-length"])))

            def respond(self, body: bytes | None) -> None:
                status, answer = front.status, json.dumps({"statusCode": front.status}).encode()
                if status is None:
                    names = ("authorization", "content-type")
                    kept = {name: self.headers[name] for name in names if name in self.headers}
                    request = urllib.request.Request(f"{target}{self.path}", body, kept)
                    with urllib.request.urlopen(request, timeout=30) as response:
                        status, answer = response.status, response.read()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Stop; after this, nobody listens at the address."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
