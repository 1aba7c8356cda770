"""Requests to a PBX with a token, made again when that helps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Protocol, TypeVar

from ringback.clients.retry import Retries, retry_after
from ringback.sources.collecting.kind import SourceAway, WindowFailed
from ringback.sources.portsip.gateway import Answer, Gateway, NoAnswer, Request

LISTS = Retries(tries=5, total=300.0, when_not_told=15.0)
"""For one page. What does not pass is tried again by the window, after a pause."""

_PASSING = frozenset({408, 423, 425, 429, 500, 502, 503, 504})
_UNAUTHORIZED = frozenset({401, 403})

T = TypeVar("T")


class BadBody(Exception):
    """The body of an answer is not what it should be."""


class Tokens(Protocol):
    """Where access tokens come from: `Login` or `GivenToken`."""

    def token(self) -> str:
        """A token for the next request."""

    def drop(self, refused: str) -> None:
        """Give another one from now on."""


class Session:
    """Makes requests until they are answered. For one thread.

    Args:
        now: the time, for a Retry-After with a date.
    """

    def __init__(self, gateway: Gateway, tokens: Tokens, now: Callable[[], datetime]) -> None:
        self._gateway = gateway
        self._tokens = tokens
        self._now = now
        self._quiet_until: datetime | None = None
        self._random = Random()  # noqa: S311  # for waits, not for secrets

    def ask(self, request: Request, read: Callable[[Answer], T], retries: Retries = LISTS) -> T:
        """Ask until there is an answer that can be read.

        Args:
            read: takes an answer that is no passing trouble; raises `BadBody` if it should be asked for again.

        Raises:
            SourceAway: there is no answer, or none for us.
            WindowFailed: there are answers, but none that can be read.
        """
        if self._quiet_until and self._now() < self._quiet_until:
            raise SourceAway(f"the PBX wants to be left alone until {self._quiet_until:%Y-%m-%d %H:%M:%S} UTC")
        tries, waited, renewed = 0, 0.0, False
        while True:
            token, told = self._tokens.token(), None
            failure: Exception
            try:
                answer = self._gateway.send(request, token)
                if answer.status in _UNAUTHORIZED:
                    self._tokens.drop(token)
                    if renewed:
                        raise SourceAway(
                            f"the PBX does not let us read {request.path} ({answer.summary()}). See whether the user "
                            "may see the call logs of the whole tenant; docs/collecting.md says how"
                        )
                    renewed = True
                    continue
                if answer.status not in _PASSING:
                    return read(answer)
                failure = SourceAway(f"{request.path}: {answer.summary()}")
                told = retry_after(answer.headers, self._now())
                if told is None and answer.status == 429:
                    told = retries.when_not_told
            except NoAnswer as error:
                failure = SourceAway(str(error))
            except BadBody as error:
                failure = WindowFailed(str(error))
            tries += 1
            seconds = retries.wait(tries=tries, waited=waited, told=told, random=self._random)
            if seconds is None:
                if told is not None:
                    self._quiet_until = self._now() + timedelta(seconds=told)
                raise failure
            waited += seconds
            self._gateway.wait(seconds)
