"""One answer, whatever it takes: retries, and a renewed token."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from ringback.clients.calllogs.errors import TooManyRequests, api_error
from ringback.clients.calllogs.options import CallLogsOptions
from ringback.clients.calllogs.steps import GetToken, Request, Send, Steps, T, TooLarge
from ringback.clients.errors import Answer, BadAnswer, CdrError, NoAnswer, UntrustedAddress
from ringback.clients.retry import retry_after
from ringback.clients.steps import Broken, Outcome, Wait

logger = logging.getLogger("ringback.calllogs")

_RETRIED = frozenset({408, 423, 500, 502, 503, 504})
_REFUSALS = (401, 403)
"""Which status says that the token is not accepted is documented nowhere: it may be either."""

_RENEWALS = 2  # a token that is refreshed if it can be, and one that is logged in for


class Exchange:
    """Makes the requests of one client."""

    def __init__(self, options: CallLogsOptions) -> None:
        self._options = options
        self._posting = False  # whether a GET was not taken for which a POST does as well

    def fetch(self, request: Request, read: Callable[[Answer], T], *, anonymous: bool = False) -> Steps[T]:
        """What an answer says.

        Args:
            read: takes an answer with a status of success apart, or raises `BadAnswer`.
            anonymous: whether to send it without a token.

        Raises:
            ApiError, NoAnswer, BadAnswer, UntrustedAddress: see `ringback.clients.calllogs.errors`.
        """
        tries, waited, renewals = 0, 0.0, 0
        while True:
            if request.or_post and self._posting:
                request = msgspec.structs.replace(request, method="POST")
            token: str | None = None if anonymous else (yield GetToken())
            outcome: Outcome = yield Send(request, token)
            told = None
            if isinstance(outcome, Broken):
                failure = _broken(request, outcome)
            elif 200 <= outcome.status < 300:
                try:
                    return read(outcome)
                except BadAnswer as error:
                    failure = error
            elif outcome.status == 405 and request.or_post and request.method == "GET":
                self._posting = True
                continue
            elif not anonymous and outcome.status in _REFUSALS and renewals < _RENEWALS:
                renewed = yield GetToken(refused=token, anew=renewals > 0)
                if renewed == token:
                    raise api_error(outcome, "The access token is not accepted, and there is no other.")
                renewals += 1
                continue
            else:
                failure = self._failure(request, outcome)
                told = self._told(outcome)
            tries += 1
            seconds = self._options.retries.wait(tries=tries, waited=waited, told=told, random=self._options.random)
            if seconds is None:
                failure.tries, failure.waited = tries, waited
                raise failure
            logger.warning("trying again in %.1f s, after try %d: %s", seconds, tries, failure)
            waited += seconds
            yield Wait(seconds)

    def _failure(self, request: Request, answer: Answer) -> CdrError:
        """The error that is worth another try; others are raised."""
        if 300 <= answer.status < 400:
            target = answer.headers.get("location", "")
            raise UntrustedAddress(
                f"the server at {request.url.host} redirects (HTTP {answer.status}) to {target[:200]!r}. "
                "Redirects are not followed, since the token would go along. Set base_url to the right address"
            )
        error = api_error(answer)
        too_many = isinstance(error, TooManyRequests) and self._options.retries.too_many
        if answer.status in _RETRIED or too_many:
            return error
        raise error

    def _told(self, answer: Answer) -> float | None:
        told = retry_after(answer.headers, self._options.now())
        return self._options.retries.when_not_told if told is None and answer.status == 429 else told


def _broken(request: Request, outcome: Broken) -> CdrError:
    cause = outcome.error
    if isinstance(cause, TooLarge):  # as large the next time, too
        raise BadAnswer(f"the answer of {request.url.host} is {cause}")
    failure = NoAnswer(f"no whole answer from {request.url.host}: {_name(cause)}")
    failure.__cause__ = cause
    return failure


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
