"""How a client of the call-log API behaves."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from ringback.clients.retry import Retries
from ringback.clients.steps import utc_now


class LoginForm(StrEnum):
    """The three ways to log in that PortSIP has had, newest first."""

    SIGN_IN = "sign_in"
    """`POST /auth/sign_in`, since version 22.2.11."""
    LOGIN = "login"
    """`POST /login`."""
    OAUTH = "oauth"
    """`POST /login/oauth/token`."""


class CallLogsOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How requests are made.

    Attributes:
        retries: when to try again.
        allow_http: whether token and password may be sent without encryption to other machines. To this machine they
            always may.
        connect_timeout: seconds to connect, and to wait for a free connection.
        read_timeout: seconds without any byte of an answer.
        answer_timeout: seconds until an answer is whole.
        largest_answer: bytes of the body of an answer; one that is larger is not read to its end.
        remember: the number of recent call logs of a list among which repeats are found.
        dollar: whether the options of lists are written `$filter`, `$top` and so on. PortSIP's documentation has both
            spellings, and takes both for the same.
        client_id: of the login form `oauth`; the one that PortSIP publishes for all programs, on its page
            "Authentication".
        now: the time; for the end of a list that has none, and for a Retry-After with a date.
        timer: seconds on a clock that is never set back; for timeouts and the age of tokens.
        random: for the part of waits that is left to chance.
    """

    retries: Retries = Retries()
    allow_http: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    answer_timeout: float = 300.0
    largest_answer: int = 64 * 1024 * 1024
    remember: int = 100_000
    dollar: bool = False
    client_id: str = "9d806019-75b2-4b3d-bb8b-f5a3a412cc0a"
    now: Callable[[], datetime] = utc_now
    timer: Callable[[], float] = time.monotonic
    random: random.Random = msgspec.field(default_factory=random.Random)
