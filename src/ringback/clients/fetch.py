"""One page, whatever it takes: pace, retries, a renewed token, another region."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Generator
from typing import Any

import httpx2
import msgspec

from ringback.clients.errors import Answer, BadAnswer, CdrError, NoAnswer, UntrustedAddress, rest_error
from ringback.clients.hosts import Hosts, is_loopback, origin
from ringback.clients.links import page_size, with_page_size
from ringback.clients.pace import Pace, RequestKind
from ringback.clients.pages import Items, split_page
from ringback.clients.retry import retry_after
from ringback.clients.steps import Ask, Broken, GetToken, Options, Outcome, Step, Totals, Wait

logger = logging.getLogger("ringback.cdr")

_RETRIED = frozenset({408, 423, 500, 502, 503, 504})
_NO_CDRS = re.compile(r"\bno cdrs\b", re.IGNORECASE)
_ERROR_404 = re.compile(r'"errorCode"\s*:\s*"?404\b')
_LARGEST_PAGE = 5000
_SMALLEST_PAGE = 500
_RENEWALS = 2  # one for a token that has ended, one for a token that ended while others renewed it
_TOLD_WAIT = 5.0  # seconds; longer waits are worth a line in the log


class Fetched(msgspec.Struct, frozen=True):
    """A page as it came.

    Attributes:
        url: that answered; links are relative to it.
        answer: with status 200, or a 404 for "no CDRs".
        items: of its body.
    """

    url: httpx2.URL
    answer: Answer
    items: Items


class Fetcher:
    """Gets pages for the reading of one window.

    Args:
        totals: counts requests, retries and waits.
    """

    def __init__(self, options: Options, pace: Pace, hosts: Hosts, totals: Totals) -> None:
        self._options = options
        self._pace = pace
        self._hosts = hosts
        self._totals = totals
        self._page_size: int | None = None

    def fetch(self, url: httpx2.URL, kind: RequestKind) -> Generator[Step, Any, Fetched]:
        """Get one page.

        Raises:
            RestError, NoAnswer, BadAnswer, UntrustedAddress: see `ringback.clients.errors`.
        """
        tries, waited, renewals = 0, 0.0, 0
        asked = {origin(url)}
        given = url
        url = self._lowered(url)
        while True:
            token, outcome = yield from self._ask(url, kind)
            told = None
            if isinstance(outcome, Broken):
                failure: CdrError = NoAnswer(f"no whole answer from {url.host}: {_name(outcome.error)}")
                failure.__cause__ = outcome.error
            elif outcome.status == 200:
                try:
                    return Fetched(url, outcome, split_page(outcome))
                except BadAnswer as error:
                    failure = error
            elif outcome.status == 401 and renewals < _RENEWALS:
                renewals += 1
                renewed = yield GetToken(refused=token)
                if renewed == token:
                    raise rest_error(outcome, "The access token is not accepted, and there is no other.")
                continue
            elif outcome.status == 451 and (moved := self._hosts.move(url, outcome.text, asked)):
                logger.info("the data is kept in another region: going on at %s", moved.host)
                given = given.copy_with(scheme=moved.scheme, host=moved.host, port=moved.port)
                url = moved
                continue
            elif _is_empty(outcome):
                return Fetched(url, outcome, Items([], sound=True))
            elif outcome.status == 400 and url != given:
                # A server that signs its links does not take one with another page size.
                url, self._page_size = given, None
                continue
            else:
                failure = self._failure(url, outcome)
                if outcome.status == 504:
                    self._lower(url)
                    url = self._lowered(given)
                told = self._told(outcome)
            tries += 1
            seconds = self._options.retries.wait(tries=tries, waited=waited, told=told, random=self._options.random)
            if seconds is None:
                failure.tries, failure.waited = tries, waited
                raise failure
            logger.warning("trying again in %.1f s, after try %d: %s", seconds, tries, failure)
            self._totals.retries += 1
            waited += seconds
            yield from self._wait(seconds)

    def _ask(self, url: httpx2.URL, kind: RequestKind) -> Generator[Step, Any, tuple[str, Outcome]]:
        slot = self._pace.book(kind)
        try:
            while (seconds := slot.wait(self._options.timer())) > 0:
                if seconds > _TOLD_WAIT:
                    logger.info("waiting %.0f s to keep to the rate of %s requests", seconds, kind.value)
                yield from self._wait(seconds)
            token: str = yield GetToken()
            headers = {
                "authorization": f"Bearer {token}",
                "accept": "application/json",
                "trackingid": f"RINGBACK_{uuid.uuid4()}",
            }
            if is_loopback(url.host):
                headers["accept-encoding"] = "identity"  # no network in between that compressing could save
            outcome: Outcome = yield Ask(str(url), headers)
        finally:  # also if whoever carries out the steps stops in the middle
            slot.settle(self._options.timer())
        self._totals.requests += 1
        return token, outcome

    def _wait(self, seconds: float) -> Generator[Step, Any, None]:
        self._totals.waits += 1
        self._totals.waited += seconds
        yield Wait(seconds)

    def _failure(self, url: httpx2.URL, answer: Answer) -> CdrError:
        """The error that is worth another try; others are raised."""
        if 300 <= answer.status < 400:
            target = answer.headers.get("location", "")
            raise UntrustedAddress(
                f"the server at {url.host} redirects (HTTP {answer.status}) to {target[:200]!r}. "
                "Redirects are not followed, since the token would go along. Set the host to the right one"
            )
        error = rest_error(answer)
        if answer.status in _RETRIED or (answer.status == 429 and self._options.retries.too_many):
            return error
        raise error

    def _told(self, answer: Answer) -> float | None:
        told = retry_after(answer.headers, self._options.now())
        return self._options.retries.when_not_told if told is None and answer.status == 429 else told

    def _lower(self, url: httpx2.URL) -> None:
        # The documented advice for 504, "Gateway timeout": ask for less.
        size = min(page_size(url) or _LARGEST_PAGE, _LARGEST_PAGE)
        if size > _SMALLEST_PAGE:
            self._page_size = max(size // 2, _SMALLEST_PAGE)
            logger.info("asking for pages of %d records from now on", self._page_size)

    def _lowered(self, url: httpx2.URL) -> httpx2.URL:
        if self._page_size is None or self._page_size >= (page_size(url) or _LARGEST_PAGE):
            return url
        return with_page_size(url, self._page_size)


def _is_empty(answer: Answer) -> bool:
    # Nobody documents it, but the tests of `wxc_sdk` know this answer to a window without records.
    text = answer.text
    return (
        answer.status >= 400 and bool(_NO_CDRS.search(text)) and (answer.status == 404 or bool(_ERROR_404.search(text)))
    )


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
