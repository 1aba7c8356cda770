"""Logging in to a PBX over HTTP: all three forms, tokens that end, and logins that are refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from collecting import ClockTime
from collecting_pbx import BEGIN, settings_for
from ringback.clients.pace import Pace
from ringback.records.values import from_milliseconds
from ringback.simulator.cloud import ManualClock
from ringback.simulator.pbx import Behaviour, SimulatedPbx
from ringback.sources.collecting.clock import SourceClock
from ringback.sources.collecting.kind import SourceAway
from ringback.sources.collecting.secrets import CredentialsError
from ringback.sources.portsip.gateway import Gateway, Request
from ringback.sources.portsip.login import GivenToken, Login
from ringback.sources.portsip.session import Session

LIFETIME = timedelta(minutes=30)
LIST = Request(path="/calllogs")
FORMS = {"login": "login", "oauth": "oauth", "sign_in": "auth"}
"""Our names of the forms, and those of the simulated PBX."""


class Visitor:
    """Somebody who logs in to a PBX and asks for a list."""

    def __init__(self, pbx: SimulatedPbx, clock: ManualClock, password: str = "", **values: Any) -> None:
        time = ClockTime(clock)
        source = SourceClock(time)
        self.clock = clock
        self.environment = {"PASSWORD": password or pbx.account().password, "TOKEN": "none"}
        settings = settings_for(pbx, **values)
        self.gateway = Gateway(settings.base_url, Pace.unlimited(), time, source)
        self.login = (
            Login(settings, self.environment, self.gateway, clock.timer)
            if settings.username
            else GivenToken(settings, self.environment, clock.timer)
        )
        self.session = Session(self.gateway, self.login, lambda: from_milliseconds(source.now()))

    def ask(self) -> int:
        """Ask for a list; the status of the answer."""
        return self.session.ask(LIST, lambda answer: answer.status)

    def close(self) -> None:
        """Give back the connections."""
        self.gateway.close()

    def refused(self) -> str:
        """What is said when there is no token."""
        with pytest.raises(SourceAway) as raised:
            self.ask()
        return str(raised.value)


@contextmanager
def visiting(behaviour: Behaviour | None = None, **values: Any) -> Iterator[tuple[SimulatedPbx, Visitor]]:
    """A PBX, and somebody who visits it."""
    clock = ManualClock(BEGIN)
    with SimulatedPbx(clock=clock, behaviour=behaviour or Behaviour()) as pbx:
        with closing(Visitor(pbx, clock, **values)) as visitor:
            yield pbx, visitor


def asked(pbx: SimulatedPbx) -> list[str]:
    """What was asked for, in order."""
    return [f"{each.endpoint} {each.status}" for each in pbx.audit]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("automatic", [True, False])
def test_each_form(form: Any, automatic: bool) -> None:
    """Each form of logging in works on a PBX that has only this one, chosen by name or found by itself."""
    behaviour = Behaviour(logins=(FORMS[form],))  # type: ignore[arg-type]  # the names are right
    with visiting(behaviour, login="auto" if automatic else form) as (pbx, visitor):
        assert visitor.ask() == 200
        assert visitor.ask() == 200
        assert asked(pbx)[-3:] == ["login 200", "calllogs 200", "calllogs 200"]
        assert pbx.audit.problems() == []


@pytest.mark.parametrize(("form", "renewal"), [("login", "login"), ("oauth", "refresh"), ("sign_in", "refresh")])
def test_a_token_is_renewed_before_it_ends(form: Any, renewal: str) -> None:
    """A token is renewed a minute before it ends, where there is a way with its refresh token, else by a login; none is
    ever shown after its end."""
    with visiting(Behaviour(token_lifetime=LIFETIME), login=form) as (pbx, visitor):
        for _ in range(3):
            assert visitor.ask() == 200
            visitor.clock.advance(LIFETIME - timedelta(seconds=30))
        assert asked(pbx) == ["login 200", *(["calllogs 200", f"{renewal} 200"] * 3)[:-1]]
        assert pbx.audit.problems() == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_was_ended_is_replaced_once(status: Any) -> None:
    """A token that the PBX does not accept any more is replaced at once, by a login if its refresh token has ended."""
    with visiting(Behaviour(expired=status), login="oauth") as (pbx, visitor):
        visitor.ask()
        pbx.revoke_tokens()
        assert visitor.ask() == 200
        assert asked(pbx)[2:] == [f"calllogs {status}", "refresh 200", "calllogs 200"]
        pbx.restart()
        assert visitor.ask() == 200
        assert asked(pbx)[5:] == [f"calllogs {status}", "refresh 400", "login 200", "calllogs 200"]


def test_a_user_who_may_not_see_the_calls() -> None:
    """A user without the role is told of by what is to be done; no token is tried twice."""
    with visiting() as (pbx, visitor):
        user = pbx.add_account("one.example", "somebody", "User")
        with closing(Visitor(pbx, visitor.clock, password=user.password, username="somebody")) as somebody:
            assert "may see the call logs of the whole tenant" in somebody.refused()
            assert "may see the call logs of the whole tenant" in somebody.refused()
        assert pbx.audit.problems() == []


def test_a_login_that_is_refused_is_tried_again_slowly() -> None:
    """A wrong password is told, and shown again after five minutes, fifteen, and then once an hour, in one form only:
    the account must not be locked."""
    with visiting(password="wrong") as (pbx, visitor):
        assert "refuses the user admin or the password (HTTP 400 UNAUTHORIZED" in visitor.refused()
        for _ in range(24 * 60):
            assert "refuses the user admin" in visitor.refused()
            visitor.clock.advance(60)
        tries = [each.at for each in pbx.audit if each.endpoint == "login"]
        assert len(tries) == 26
        assert tries[1] - tries[0] >= timedelta(minutes=5)
        assert tries[2] - tries[1] >= timedelta(minutes=15)
        assert tries[3] - tries[2] >= timedelta(minutes=60)


def test_a_new_password_is_tried_at_once() -> None:
    """A password that is put in the place of a wrong one is found without waiting."""
    with visiting(password="wrong") as (pbx, visitor):
        visitor.refused()
        visitor.environment["PASSWORD"] = pbx.account().password
        assert visitor.ask() == 200


def test_a_second_factor() -> None:
    """Where the newest form asks for a second factor, the older ones are taken; alone, it is told and left alone."""
    with visiting(Behaviour(two_factor=True)) as (pbx, visitor):
        assert visitor.ask() == 200
        assert asked(pbx) == ["login 200", "login 200", "calllogs 200"]
    with visiting(Behaviour(two_factor=True, logins=("auth",))) as (pbx, visitor):
        assert "has a second factor" in visitor.refused()
        assert "tried again in 5 minutes" in visitor.refused()
        assert len([each for each in pbx.audit if each.status == 200]) == 1


def test_no_form_at_all() -> None:
    """An address at which there is no login is told."""
    with visiting(Behaviour(logins=())) as (_, visitor):
        assert "the PBX has none of the login forms sign_in, login, oauth" in visitor.refused()


def test_a_token_that_somebody_else_renews(tmp_path: Path) -> None:
    """A given token is used as it is; one that is refused is left alone for a while, and another one in its place is
    used at once."""
    file = tmp_path / "token"
    with visiting() as (pbx, visitor):
        file.write_text(f"{pbx.issue_token()}\n")
        with closing(Visitor(pbx, visitor.clock, token_file=str(file), token_env="")) as other:
            assert other.ask() == 200
            pbx.revoke_tokens()
            for _ in range(4):
                assert "does not accept the access token" in other.refused()
            file.write_text(f"{pbx.issue_token()}\n")
            assert other.ask() == 200
        assert asked(pbx) == ["calllogs 200", "calllogs 401", "calllogs 200"]


def test_a_secret_that_is_not_there() -> None:
    """Without its password or token nobody begins, and the message says where it was looked for."""
    with visiting() as (pbx, visitor):
        with pytest.raises(CredentialsError, match="The password is not in the environment variable NOWHERE"):
            Visitor(pbx, visitor.clock, password_env="NOWHERE")
        with pytest.raises(CredentialsError, match="The access token is not in the environment variable NOWHERE"):
            Visitor(pbx, visitor.clock, token_env="NOWHERE")


def test_secrets_are_not_led_elsewhere() -> None:
    """A redirect is not followed, since the password would go along; it is told."""
    got: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.path)
            self.send_response_only(307)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with visiting(base_url=f"http://127.0.0.1:{server.server_port}/api") as (_, visitor):
            assert "That is not followed, since secrets would go along" in visitor.refused()
        assert got == ["/api/auth/sign_in"]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
